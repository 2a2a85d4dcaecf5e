"""Everything the page of a complaint shows; whom it is about, nobody of those sees."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _
from sqlalchemy import select

from web.cases.events import Event, events, of_key
from web.cases.page import Paper
from web.deadlines import NONE, Deadline
from web.inbox.pane import Fact
from web.inbox.worklist import Line as Task
from web.inbox.worklist import shown
from web.language import day, hour, say
from web.request import actor, db, moment
from workflow.engine.tasks import OPEN, TaskRow
from workflow.errors import YizhanError
from workflow.station import (
    clock_ledger,
    clock_reckoning,
    clocks,
    complaint_extensions,
    complaint_outcome,
    complaint_progress,
    complaints,
    conflicts,
    contacts,
    documents,
    inbox,
    staff,
)
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.complaints import Complaint
from workflow.texts import Text


@dataclass(frozen=True)
class Line:
    id: int
    no: str
    kind: Text
    about: str
    state: Text
    deadline: Deadline
    received_at: datetime


@dataclass(frozen=True)
class Contact:
    at: datetime
    channel: Text
    outcome: Text
    reached: bool
    content: str
    who: str
    acting_for: str


@dataclass(frozen=True)
class Page:
    """``next_due``: when the next notice of progress is owed."""

    line: Line
    facts: list[Fact]
    demands: list[tuple[str, Text, str, Text | str]]
    statements: list[tuple[str, str, datetime]]
    contacts: list[Contact]
    tasks: list[Task]
    now: list[str]
    documents: list[Paper]
    events: list[Event]
    deadline_at: datetime | None
    next_due: datetime | None
    last_told: datetime | None
    may_extend: bool
    may_appeal: bool
    may_reveal: bool


def lines(q: str, *, ended: bool) -> list[Line]:
    return [_line(one) for one in complaints.browse(db(), actor(), q=q, ended=ended)]


def page(complaint_id: int) -> Page:
    """NotFound."""
    by, now = actor(), moment()
    complaint = complaints.find(db(), by, complaint_id)
    instances = of_key(complaint.key)
    clock = clocks.of(db(), complaint.key, ITEM_CLOCK)
    steps = select(TaskRow.name).where(TaskRow.instance_id.in_(instances), TaskRow.status == OPEN)
    told = complaint_progress.of(db(), complaint)
    people = staff.names(db(), {key for one in told for key in (one.actor, one.on_behalf_of) if key})
    return Page(
        line=_line(complaint),
        facts=_facts(complaint),
        demands=[
            (one.demand, complaints.ABOUT[one.about], one.answer or "", _remedy(one.remedy))
            for one in complaint.demands
        ],
        statements=[(_side(one.side, one.staff_id), one.words, one.at) for one in complaint.statements],
        contacts=[
            Contact(
                at=one.at,
                channel=complaint_progress.CHANNELS[one.channel],
                outcome=contacts.OUTCOMES[one.outcome],
                reached=one.outcome == contacts.REACHED,
                content=one.content,
                who=people.get(one.actor, ""),
                acting_for=people.get(one.on_behalf_of or "", ""),
            )
            for one in told
        ],
        tasks=shown(inbox.of_matter(db(), by, now, complaint.key)),
        now=list(db().scalars(steps.order_by(TaskRow.id))),
        documents=[
            Paper(one.id, one.name, one.no, one.issued_at, one.is_void)
            for one in documents.of(db(), complaint.key)
        ],
        events=events(db(), instances),
        deadline_at=clock.deadline_at if clock else None,
        next_due=complaint_progress.next_due(db(), complaint.key),
        last_told=complaint_progress.last_told(db(), complaint.key),
        may_extend=_may_extend(complaint),
        may_appeal=complaint_outcome.may_appeal(db(), by, complaint),
        may_reveal=not complaint.anonymous and complaints.knows(complaint, by),
    )


def _line(complaint: Complaint) -> Line:
    names = [person.name for person in conflicts.about(db(), complaint.key)]
    return Line(
        id=complaint.id,
        no=complaint.no,
        kind=complaints.KINDS[complaint.kind],
        about=_("、").join(names) or _("未指明"),
        state=complaints.STATES[complaint.state],
        deadline=_left(complaint),
        received_at=complaint.received_at,
    )


def _left(complaint: Complaint) -> Deadline:
    clock = clocks.of(db(), complaint.key, ITEM_CLOCK)
    if clock is None:
        return Deadline(NONE, _("未开始计时"), None)
    left = clock_reckoning.remaining(db(), clock, moment())
    tone = NONE if clock.state == clock_ledger.FINISHED and left.level != "late" else left.level
    return Deadline(tone, say(left.text), clock.deadline_at)


def _facts(complaint: Complaint) -> list[Fact]:
    by = actor()
    found: list[tuple[str, Text | str | None]] = [
        (_("投诉人"), complaints.shown_complainant(complaint, by)),
        (_("被投诉人"), _line(complaint).about),
        (_("类别"), complaints.KINDS[complaint.kind]),
        (_("渠道"), complaints.CHANNELS[complaint.channel]),
        (_("登记时间"), f"{day(complaint.received_at)} {hour(complaint.received_at)}"),
        (_("登记人"), complaint.registered_by.name),
        (_("查询码"), complaint.code),
        (_("涉及的办件"), complaint.case.no if complaint.case else None),
        (_("投诉事项"), complaint.matter),
        (_("处理人"), complaint.handler.name if complaint.handler else None),
        (_("查明的事实"), complaint.facts),
        (_("证据"), complaint.evidence),
        (_("结论"), complaint.finding),
        (_("责任人"), _responsible(complaint)),
        (_("原因"), complaints.CAUSES[complaint.cause] if complaint.cause else None),
        (_("审定人"), staff.names(db(), [complaint.decided_by or ""]).get(complaint.decided_by or "")),
        (_("改进措施"), complaint.improvement),
        (_("落实情况"), complaint.improved),
        (_("调解协议"), complaint.agreement),
        (_("移送单位"), complaint.referred_to),
        (_("处理情况"), complaint.words),
        (_("复核理由"), complaint.review_reason),
    ]
    return [Fact(label, say(value)) for label, value in found if value]


def _responsible(complaint: Complaint) -> Text | str | None:
    if complaint.responsible == complaints.NOBODY:
        return complaints.NOBODY_WORDS
    person = staff.by_key(db(), complaint.responsible)
    return person.name if person else None


def _remedy(code: str | None) -> Text | str:
    return complaints.REMEDIES[code] if code else ""


def _side(side: str, number: int | None) -> str:
    if side == complaints.COMPLAINANT_SIDE:
        return str(_("投诉人"))
    return staff.names(db(), [f"staff:{number}"]).get(f"staff:{number}", "") if number else str(_("有关岗位"))


def _may_extend(complaint: Complaint) -> bool:
    try:
        complaint_extensions.may_ask(db(), actor(), complaint, moment())
    except YizhanError:
        return False
    return True
