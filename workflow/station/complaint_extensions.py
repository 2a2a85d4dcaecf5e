"""More time for a complaint (P07: once, by the table's days): asked before the deadline, decided by somebody
else, told before the old deadline. Words of the diagram ``complaint_extension``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.engine.actors import Actor
from workflow.engine.submissions import latest
from workflow.errors import NotAllowed, Refused
from workflow.schema import Json
from workflow.station import (
    clocks,
    complaint_alerts,
    complaint_papers,
    complaint_progress,
    complaints,
    conflicts,
    staff,
)
from workflow.station.clock_ledger import ITEM_CLOCK, Clock
from workflow.station.complaints import Complaint
from workflow.station.deadline_words import stamp
from workflow.texts import T

PROCESS = "complaint_extension"
REASON = "complaint"  # in the clock's ledger


def may_ask(session: Session, by: Actor, complaint: Complaint, moment: Any) -> Clock:
    """The clock that could be extended. NotAllowed: not its handler. Refused, AlreadyDone: no more time."""
    if complaint.handler is None or complaint.handler.key not in by.selves:
        raise NotAllowed(T("只有这件投诉的处理人可以申请延期。"))
    clock = clocks.of(session, complaint.key, ITEM_CLOCK)
    assert clock is not None, "it was accepted before it was assigned"
    clocks.may_extend(session, clock, moment)
    return clock


@prefill("complaint_extension/request")
def request_first(context: FormContext) -> Mapping[str, Any]:
    complaint = complaints.by_key(context.session, context.business_key)
    clock = may_ask(context.session, context.actor, complaint, context.moment)
    return {"no": complaint.no, "deadline": stamp(clock.deadline_at)}


@prefill("complaint_extension/approve")
def approve_first(context: FormContext) -> Mapping[str, Any]:
    complaint = complaints.by_key(context.session, context.business_key)
    clock = clocks.of(context.session, complaint.key, ITEM_CLOCK)
    asked = latest(context.session, context.instance_id or 0, "complaint_extension/request") or {}
    requester = str(context.data.get("requester") or "")
    return {
        "no": complaint.no,
        "deadline": stamp(clock.deadline_at) if clock else "",
        "requested_by": staff.names(context.session, [requester]).get(requester),
        "days": str(asked.get("days") or ""),
        "reason": asked.get("reason"),
    }


@action(
    "ask_complaint_extension",
    inputs={"days": "number"},
    outputs={
        "complaint_id": "number",
        "extended": "number",
        "requester": "string",
        "handler": "string",
        "conflicted": "string",
        "approver": "string",
        "approver_barred": "string",
    },
)
def ask_complaint_extension(context: ActionContext, days: float) -> Mapping[str, Json]:
    """As ``may_ask``; who decides is never who asks, nor the handler he or she acts for."""
    session, moment = context.session, context.moment
    complaint = complaints.by_key(session, context.business_key)
    clock = may_ask(session, context.actor, complaint, moment)
    assert complaint.handler is not None
    above = conflicts.overseer(
        session, complaint.key, moment, besides={complaint.handler.key, context.actor.key}
    )
    return {
        "complaint_id": complaint.id,
        "extended": sum(line.kind == "extend" for line in clock.events),
        "requester": context.actor.key,
        "handler": complaint.handler.key,
        "conflicted": ",".join(sorted(conflicts.concerned(session, complaint.key))),
        "approver": above.candidate,
        "approver_barred": above.excluded,
    }


@action("check_complaint_extension", inputs={"days": "number", "most_days": "number"})
def check_complaint_extension(context: ActionContext, days: float, most_days: float) -> None:
    """Refused: the table gives none or fewer days."""
    if most_days < 1:
        raise Refused(T("这件投诉已经延过期，不能再延。"), field="days")
    if days > most_days:
        raise Refused(T("最多可延 %(most)s 个工作日。", most=int(most_days)), field="days")


@action("grant_complaint_extension", inputs={"complaint_id": "number", "days": "number"})
def grant_complaint_extension(context: ActionContext, complaint_id: int, days: float) -> None:
    """The deadline moves with all that hangs on it, and the notice is issued (R2.4.3c). Refused: too late."""
    session, moment = context.session, context.moment
    complaint = session.get_one(Complaint, complaint_id)
    clock = clocks.of(session, complaint.key, ITEM_CLOCK)
    assert clock is not None and complaint.handler is not None
    asked = latest(session, context.instance_id, "complaint_extension/request") or {}
    old = clock.deadline_at
    clocks.extend(
        session,
        clock,
        int(days),
        moment,
        reason=REASON,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )
    context.clock_moved(ITEM_CLOCK)
    complaint_progress.moved(context.engine, complaint.key)
    paper = complaint_papers.issue(
        session,
        "complaint_extension",
        complaint,
        context,
        {
            "handler": complaint.handler.name,
            "old_due_at": old.isoformat(),
            "new_due_at": clock.deadline_at.isoformat(),
            "days": str(int(days)),
            "reason": asked.get("reason"),
            "approver": staff.names(session, [context.actor.key])[context.actor.key],
        },
    )
    context.note(document=paper.no, deadline=clock.deadline_at.isoformat())


@action("refuse_complaint_extension", inputs={"complaint_id": "number"})
def refuse_complaint_extension(context: ActionContext, complaint_id: int) -> None:
    complaint = context.session.get_one(Complaint, complaint_id)
    why = context.submission.get("opinion") or ""
    complaint_alerts.tell_handler(
        context, complaint, T("投诉 %(no)s 的延期未获同意：%(why)s", no=complaint.no, why=why)
    )


@action("lapse_complaint_extension", inputs={"complaint_id": "number"})
def lapse_complaint_extension(context: ActionContext, complaint_id: int) -> None:
    """Not decided in time is not granted (decision 36)."""
    complaint = context.session.get_one(Complaint, complaint_id)
    sentence = T("投诉 %(no)s 的延期到期未审批，视为不同意。", no=complaint.no)
    complaint_alerts.tell_handler(context, complaint, sentence)
    complaint_alerts.alert(context, complaint, sentence)
