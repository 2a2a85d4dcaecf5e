"""News of a complaint (R4.3, §4.6): every contact with whoever complained, and when the next one is owed.

The next notice is due so many working days after the last contact that reached somebody, at the latest on the
last working day before the deadline; from then on the result is owed, at the deadline. Lines are only added.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.engine.actors import SYSTEM, Actor
from workflow.engine.engine import Engine
from workflow.errors import Refused
from workflow.schema import Base, Json
from workflow.station import calendar, clock_ledger, clocks, complaints, conflicts, contacts
from workflow.station.calendar import ZONE
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.complaints import Complaint
from workflow.station.contacts import PROGRESS_CLOCK, REACHED
from workflow.station.deadlines import progress_due
from workflow.station.telling import local_moment
from workflow.texts import T, Text

PROCESS = "complaint_progress"
TOLD, CLOSED = "complainant_told", "complaint_closed"  # messages
BY_CODE = "code"
CHANNELS: dict[str, Text] = {**contacts.CHANNELS, BY_CODE: T("凭查询码公布")}


class ComplaintContact(Base):
    """One contact about a complaint: what was said, over which channel, with which outcome."""

    __tablename__ = "complaint_contact"
    __table_args__ = (CheckConstraint("at <= entered_at", name="order"), Index(None, "owner", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(ForeignKey("complaint.key"))
    channel: Mapped[str]
    outcome: Mapped[str]
    content: Mapped[str]
    at: Mapped[datetime]
    entered_at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]


def of(session: Session, complaint: Complaint) -> list[ComplaintContact]:
    """All contacts, newest first."""
    found = select(ComplaintContact).where(ComplaintContact.owner == complaint.key)
    return list(session.scalars(found.order_by(ComplaintContact.at.desc(), ComplaintContact.id.desc())))


def last_told(session: Session, key: str) -> datetime | None:
    """When the complainant was last reached."""
    return session.scalar(
        select(func.max(ComplaintContact.at)).where(
            ComplaintContact.owner == key, ComplaintContact.outcome == REACHED
        )
    )


def next_due(session: Session, key: str) -> datetime | None:
    """When the next notice is due, in UTC; None before acceptance and once it is answered."""
    complaint = complaints.by_key(session, key)
    clock = clocks.of(session, key, ITEM_CLOCK)
    if complaint.accepted_at is None or clock is None or clock.state == clock_ledger.FINISHED:
        return None
    every = complaint.asked_interval or complaint.interval_days
    assert every is not None, "accepting has asked the table"
    told = last_told(session, key)
    last = max(told, complaint.accepted_at) if told else complaint.accepted_at
    return progress_due(last, clock.deadline_at, every, calendar.load(session))


def record(context: ActionContext, complaint: Complaint, form: Mapping[str, Any]) -> bool:
    """Keep the contact of a form; was the complainant reached? Then the interval begins anew. Flushes.

    Refused: unknown channel or outcome, no words, not yet happened; by code for somebody with a phone.
    """
    session, moment = context.session, context.moment
    channel, outcome, words = form["channel"], form["outcome"], (form.get("content") or "").strip()
    at = local_moment(form["at"])
    contacts.refuse_unfit(CHANNELS, channel, outcome, words, at, moment)
    if channel == BY_CODE and not complaint.anonymous:
        raise Refused(T("投诉人留了电话，请直接告知本人。"), field="channel")
    session.add(
        ComplaintContact(
            owner=complaint.key,
            channel=channel,
            outcome=outcome,
            content=words,
            at=at,
            entered_at=moment,
            actor=context.actor.key,
            on_behalf_of=context.on_behalf_of,
        )
    )
    session.flush()
    context.note(contact=channel, outcome=outcome)
    if outcome != REACHED:
        return False
    moved(context.engine, complaint.key)
    context.engine.announce(complaint.key, TOLD, by=SYSTEM)
    return True


def moved(engine: Engine, key: str) -> None:
    """What the next notice hangs on has changed: its timer moves."""
    engine.clock_moved(key, PROGRESS_CLOCK, by=SYSTEM)


def begin(engine: Engine, complaint: Complaint, teller: str, kept_out: str, *, by: Actor) -> None:
    """Watch over an accepted complaint; ``teller``: the candidate who tells that it was accepted."""
    data = {"complaint_id": complaint.id, "teller": teller, "kept_out": kept_out}
    engine.start(PROCESS, by=by, data=data, business_key=complaint.key)


# --- words of the diagram --------------------------------------------------------------------------------


@prefill("complaint/tell")
def tell_first(context: FormContext) -> Mapping[str, Any]:
    complaint = complaints.by_key(context.session, context.business_key)
    return {**addressed(context, complaint), "what": _what(context, complaint).say()}


def addressed(context: FormContext, complaint: Complaint) -> dict[str, Any]:
    """Number, whom to reach, and now: what every form about telling opens with."""
    return {
        "no": complaint.no,
        "client": complaints.shown_complainant(complaint, context.actor),
        "channel": BY_CODE if complaint.anonymous else "phone",
        "at": f"{context.moment.astimezone(ZONE):%Y-%m-%dT%H:%M}",
    }


def _what(context: FormContext, complaint: Complaint) -> Text:
    clock = clocks.of(context.session, complaint.key, ITEM_CLOCK)
    due = f"{clock.deadline_at.astimezone(ZONE):%Y-%m-%d}" if clock else ""
    if complaint.late_at is not None:
        return T("未能在 %(due)s 前答复，请致歉并说明原因和新的答复时间。", due=due)
    if last_told(context.session, complaint.key) is None:
        return T("投诉 %(no)s 已受理，最迟 %(due)s 前答复处理结果。", no=complaint.no, due=due)
    return T("投诉 %(no)s 的最新进展；最迟 %(due)s 前答复处理结果。", no=complaint.no, due=due)


@action("record_complaint_contact", inputs={"complaint_id": "number"}, outputs={"reached": "boolean"})
def record_complaint_contact(context: ActionContext, complaint_id: int) -> Mapping[str, Json]:
    """Keep the contact; whoever was not reached is to be told again."""
    complaint = context.session.get_one(Complaint, complaint_id)
    return {"reached": record(context, complaint, context.submission)}


@action(
    "find_complaint_handler",
    inputs={"complaint_id": "number"},
    outputs={"teller": "string", "kept_out": "string"},
)
def find_complaint_handler(context: ActionContext, complaint_id: int) -> Mapping[str, Json]:
    """Who has the complaint at this moment; before somebody is assigned, whoever told the acceptance."""
    complaint = context.session.get_one(Complaint, complaint_id)
    if complaint.handler is None:
        return {}
    keys = conflicts.concerned(context.session, complaint.key)
    return {"teller": complaint.handler.key, "kept_out": ",".join(sorted(keys))}
