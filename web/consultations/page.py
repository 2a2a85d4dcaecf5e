"""Everything the page of an enquiry shows, and a line of the list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from web.cases.events import Event, events, of_key
from web.cases.ledger import Contact
from web.cases.page import Paper, papers_of
from web.deadlines import NONE, OK, Deadline, tell
from web.inbox.pane import Fact
from web.inbox.worklist import Line, shown
from web.language import day, hour, say
from web.request import actor, db, moment
from workflow.station import calendar, consultations, contacts, inbox, staff
from workflow.station.consultations import Consultation
from workflow.texts import Text


@dataclass(frozen=True)
class Page:
    one: Consultation
    state: Text
    deadline: Deadline
    tasks: list[Line]
    events: list[Event]
    facts: list[Fact]
    contacts: list[Contact]
    documents: list[Paper]
    answered: str


@dataclass(frozen=True)
class Row:
    """``client`` is masked: a list is read over a shoulder."""

    id: int
    no: str
    topic: str
    client: str
    state: Text
    deadline: Deadline
    received_at: datetime


def page(consultation_id: int) -> Page:
    """NotFound."""
    one = consultations.find(db(), actor(), consultation_id)
    return Page(
        one=one,
        state=consultations.STATES[one.state],
        deadline=deadline_of(one),
        tasks=shown(inbox.of_matter(db(), actor(), moment(), one.key)),
        events=events(db(), of_key(one.key)),
        facts=_facts(one),
        contacts=_contacts(one),
        documents=papers_of(one.key),
        answered=_answered(one),
    )


def rows(q: str, *, ended: bool) -> list[Row]:
    return [
        Row(
            id=one.id,
            no=one.no,
            topic=one.topic,
            client=say(consultations.listed(one).client) or say(one.client),
            state=consultations.STATES[one.state],
            deadline=deadline_of(one),
            received_at=one.received_at,
        )
        for one in consultations.search(db(), actor(), q, ended=ended)
    ]


def deadline_of(one: Consultation) -> Deadline:
    """What is left; of one that has ended whether it was in time."""
    if not one.ended:
        return tell(one.due_at, moment(), calendar.load(db()))
    if one.state == consultations.BECAME_CASE:
        return Deadline(NONE, _("不再计时"), None)
    return Deadline(NONE, _("超期答复"), None) if one.late_at else Deadline(OK, _("按时答复"), None)


def _facts(one: Consultation) -> list[Fact]:
    facts = [
        Fact(_("咨询人"), say(one.client)),
        Fact(_("联系电话"), say(one.person.shown_phone) if one.person else "—"),
        Fact(_("来问渠道"), say(consultations.CHANNELS[one.channel])),
        Fact(_("首问人"), one.first_contact.name),
        Fact(_("咨询时间"), f"{day(one.received_at)} {hour(one.received_at)}"),
    ]
    if one.due_at:
        facts.append(Fact(_("答复期限"), f"{day(one.due_at)} {hour(one.due_at)}"))
    return facts


def _contacts(one: Consultation) -> list[Contact]:
    people = staff.names(
        db(), {key for note in one.contacts for key in (note.actor, note.on_behalf_of) if key}
    )
    return [
        Contact(
            at=note.at,
            channel=say(contacts.CHANNELS[note.channel]),
            party="",
            outcome=say(contacts.OUTCOMES[note.outcome]),
            reached=note.outcome == contacts.REACHED,
            content=_("书面答复 %(no)s", no=note.paper_no) if note.paper_no else note.content,
            who=people.get(note.actor, ""),
            acting_for=people.get(note.on_behalf_of or "", ""),
        )
        for note in one.contacts
    ]


def _answered(one: Consultation) -> str:
    """'李婷 书面答复 2026-03-02 周一 09:10'."""
    if one.answered_at is None:
        return ""
    names = staff.names(db(), {key for key in (one.answered_by, one.on_behalf_of) if key})
    who = names.get(one.answered_by or "", "")
    how = _("口头答复") if one.oral else _("书面答复")
    return f"{who} · {how} · {day(one.answered_at)} {hour(one.answered_at)}"
