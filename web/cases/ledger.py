"""The clock ledger and the contacts of a case, as its page shows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from flask_babel import gettext as _

from web.language import say
from web.request import actor, db, moment
from workflow.engine.tasks import TaskRow
from workflow.errors import YizhanError
from workflow.station import (
    calendar,
    clock_ledger,
    clock_reckoning,
    contacts,
    ending,
    extensions,
    follow_up_reminders,
    ledger,
    one_time_notices,
    owners,
    staff,
    suspensions,
    unlisted,
)
from workflow.station.cases import Case
from workflow.station.clock_ledger import Clock
from workflow.station.deadline_words import stamp
from workflow.station.extensions import REASONS
from workflow.station.ledger import COUNTED, EXTENDED, RECOMPUTED, STOPPED, Interval

TONES = {COUNTED: "ok", STOPPED: "pause", EXTENDED: "soon", RECOMPUTED: "none"}
SIGNS = {COUNTED: "clock", STOPPED: "pause", EXTENDED: "plus", RECOMPUTED: "dash"}


@dataclass(frozen=True)
class Row:
    """``lasting``: it is the interval that runs now; ``moved`` the deadline before and after, if it moved."""

    kind: str
    tone: str
    sign: str
    start: datetime
    end: datetime | None
    lasting: bool
    working: str
    moved: tuple[str, str] | None
    reason: str
    document_id: int | None
    who: str
    acting_for: str


@dataclass(frozen=True)
class Ledger:
    rows: list[Row]
    totals: list[tuple[str, str, str]]  # label, words, tone


@dataclass(frozen=True)
class Contact:
    at: datetime
    channel: str
    party: str
    outcome: str
    reached: bool
    content: str
    who: str
    acting_for: str


@dataclass(frozen=True)
class ContactForm:
    """``now`` as a date-and-time field takes it."""

    parties: list[tuple[str, str]]
    channels: list[tuple[str, str]]
    outcomes: list[tuple[str, str]]
    now: str


@dataclass(frozen=True)
class Doors:
    """What this person can do beside the case now: a button only where the verb would succeed."""

    extend: bool
    stop: bool
    ask_more: bool
    remind: bool
    notice: bool
    withdraw: bool
    void: bool
    contact: ContactForm | None


def ledger_of(clock: Clock) -> Ledger:
    """Every interval of a clock with its sums."""
    days, now = calendar.load(db()), moment()
    found = ledger.intervals(clock.events, now, days)
    people = staff.names(
        db(), {key for line in clock.events for key in (line.actor, line.on_behalf_of) if key}
    )
    ended = clock.state == clock_ledger.FINISHED
    holds = clock.deadline_at if ended else clock_reckoning.if_resumed(db(), clock, now)
    sums = ledger.totals(found, holds, now, days, ended=ended)
    told = [(_("已用"), sums.used, ""), (_("暂停"), sums.suspended, "pause" if sums.suspended else "")]
    told.append((_("超期"), sums.over, "late") if sums.over else (_("剩余"), sums.remaining, ""))
    return Ledger(
        rows=[_row(one, people) for one in found],
        totals=[(label, say(ledger.words(time)), tone) for label, time, tone in told],
    )


def doors(case: Case) -> Doors:
    return Doors(
        extend=extensions.can_ask(db(), actor(), case, moment()),
        stop=_would(lambda: suspensions.may_stop(db(), actor(), case, moment())),
        ask_more=_would(lambda: unlisted.may_ask(db(), actor(), case)),
        remind=follow_up_reminders.may_set(actor()),
        notice=one_time_notices.may_give(db(), actor(), case),
        withdraw=ending.withdraws_as(db(), actor(), case) is not None,
        void=ending.may_void(actor(), case),
        contact=_contact_form(case),
    )


def can_extend(task: TaskRow, case: Case) -> bool:
    """Shall a task's page offer it: the case's own tasks, where the request would be taken?"""
    return task.instance_id == case.instance_id and extensions.can_ask(db(), actor(), case, moment())


def contacts_of(case: Case) -> list[Contact]:
    """Newest first."""
    found = contacts.of(db(), case)
    people = staff.names(db(), {key for one in found for key in (one.actor, one.on_behalf_of) if key})
    return [
        Contact(
            at=one.at,
            channel=say(contacts.CHANNELS[one.channel]),
            party=f"{say(contacts.PARTIES[one.party])} {one.unit}" if one.party != contacts.CLIENT else "",
            outcome=_outcome(one),
            reached=one.outcome == contacts.REACHED,
            content=one.content,
            who=people.get(one.actor, ""),
            acting_for=people.get(one.on_behalf_of or "", ""),
        )
        for one in found
    ]


def _outcome(contact: contacts.Contact) -> str:
    """A client is told, others are spoken to."""
    spoken = contact.party != contacts.CLIENT and contact.outcome == contacts.REACHED
    return _("已联系上") if spoken else say(contacts.OUTCOMES[contact.outcome])


def _row(one: Interval, people: dict[str, str]) -> Row:
    line, sign = one.line, "−" if one.working < timedelta() else "+"
    move = one.kind in (EXTENDED, RECOMPUTED)
    working = say(ledger.words(abs(one.working)))
    moved = one.before != one.after and (move or one.kind == STOPPED)
    return Row(
        kind=say(ledger.KINDS[one.kind]),
        tone=TONES[one.kind],
        sign=SIGNS[one.kind],
        start=one.start,
        end=None if move else one.end,
        lasting=one.end is None,
        working=f"{sign}{working}" if move else working,
        moved=(stamp(one.before), stamp(one.after)) if moved else None,
        reason=_reason(one),
        document_id=line.document_id if one.kind != COUNTED else None,
        who=say(people.get(line.actor, "")),
        acting_for=people.get(line.on_behalf_of or "", ""),
    )


def _reason(one: Interval) -> str:
    code = one.line.reason or ""
    if one.kind == STOPPED:
        return say(clock_ledger.REASONS[code])
    if one.kind == EXTENDED:
        return say(REASONS.get(code, code))
    return _("工作日历调整") if one.kind == RECOMPUTED else ""


def _would(verb: Callable[[], object]) -> bool:
    try:
        verb()
    except YizhanError:
        return False
    return True


def _contact_form(case: Case) -> ContactForm | None:
    """For whoever works on the case, or leads."""
    if owners.post_of(db(), actor(), case) is None:
        return None
    return ContactForm(
        parties=[(code, say(text)) for code, text in contacts.PARTIES.items()],
        channels=[(code, say(text)) for code, text in contacts.CHANNELS.items()],
        outcomes=[(code, say(text)) for code, text in contacts.OUTCOMES.items()],
        now=stamp(moment()).replace(" ", "T"),
    )
