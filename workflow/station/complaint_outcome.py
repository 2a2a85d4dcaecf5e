"""A complaint is answered (R4.4c): told, reviewed by somebody else if the complainant wishes, closed; then
agreements and improvements are followed. Words of the last part of the diagram ``complaint``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.engine.submissions import latest
from workflow.errors import AlreadyDone, Refused
from workflow.schema import Json
from workflow.station import (
    complaint_alerts,
    complaint_forms,
    complaint_handling,
    complaint_progress,
    complaints,
    conflicts,
)
from workflow.station.complaint_reception import heading
from workflow.station.complaints import Complaint
from workflow.station.staff import by_key
from workflow.texts import T

APPEALED = "complaint_appealed"


# --- forms -----------------------------------------------------------------------------------------------


@prefill("complaint/feed_back")
def feed_back_first(context: FormContext) -> Mapping[str, Any]:
    complaint = _of(context)
    return {
        **complaint_progress.addressed(context, complaint),
        "answers_words": complaint_forms.answers_words(complaint),
    }


@prefill("complaint/check_fulfilled")
def check_fulfilled_first(context: FormContext) -> Mapping[str, Any]:
    complaint = _of(context)
    return {**heading(complaint, context), "agreement": complaint.agreement}


@prefill("complaint/improve")
def improve_first(context: FormContext) -> Mapping[str, Any]:
    """What is to be done, and nothing else of the complaint."""
    complaint = _of(context)
    return {"no": complaint.no, "improvement": complaint.improvement}


@prefill("complaint/check_effect")
def check_effect_first(context: FormContext) -> Mapping[str, Any]:
    complaint = _of(context)
    done = latest(context.session, context.instance_id or 0, "complaint/improve") or {}
    return {"no": complaint.no, "improvement": complaint.improvement, "done": done.get("done")}


# --- actions, in the order of the diagram ----------------------------------------------------------------


@action(
    "record_feedback",
    inputs={"complaint_id": "number"},
    outputs={"reached": "boolean", "content": "boolean", "wants_review": "boolean"},
)
def record_feedback(context: ActionContext, complaint_id: int) -> Mapping[str, Json]:
    """The complainant has heard the result and what can be done against it; the clock ends then (R4.4c)."""
    complaint, form = context.session.get_one(Complaint, complaint_id), context.submission
    reached = complaint_progress.record(context, complaint, form)
    if not reached:
        return {"reached": False, "content": False, "wants_review": False}
    complaint.told_at, complaint.state = context.moment, complaints.ANSWERED
    complaint.satisfied = form["satisfied"]
    wants = bool(form.get("wants_review")) and form["satisfied"] == "no"
    if wants:
        complaint.review_reason = form["review_reason"]
    context.session.flush()
    complaint_handling.finish_clock(context, complaint)
    return {"reached": True, "content": form["satisfied"] == "yes", "wants_review": wants}


@action(
    "open_review",
    inputs={"complaint_id": "number"},
    outputs={"overseer": "string", "barred": "string"},
)
def open_review(context: ActionContext, complaint_id: int) -> Mapping[str, Json]:
    """内部复核: a new round, to be handled by somebody else; who decides is asked anew (R4.4a)."""
    complaint = context.session.get_one(Complaint, complaint_id)
    complaint.round += 1
    complaint.state = complaints.ACCEPTED
    context.session.flush()
    context.note(round=complaint.round)
    sentence = T("投诉人对 %(no)s 申请复核，请另行指派处理人。", no=complaint.no)
    complaint_alerts.alert(context, complaint, sentence)
    above = conflicts.overseer(context.session, complaint.key, context.moment)
    return {"overseer": above.candidate, "barred": above.excluded}


@action(
    "close_complaint",
    inputs={"complaint_id": "number"},
    outputs={"follows": "string", "fulfil_at": "string", "improver": "string", "overseer": "string"},
)
def close_complaint(context: ActionContext, complaint_id: int) -> Mapping[str, Json]:
    """办结; what remains is an agreement to be fulfilled, an improvement to be made, or nothing."""
    session = context.session
    complaint = session.get_one(Complaint, complaint_id)
    complaint.state, complaint.closed_at = complaints.CLOSED, context.moment
    session.flush()
    context.announce(complaint_progress.CLOSED)
    above = conflicts.overseer(session, complaint.key, context.moment)
    found: dict[str, Json] = {"follows": "", "fulfil_at": "", "improver": "", "overseer": above.candidate}
    if complaint.fulfil_on is not None:
        at = complaint_handling.fulfil_moment(context, complaint.fulfil_on)
        found |= {"follows": "fulfil", "fulfil_at": at}
    elif complaint.improvement is not None and complaint.improver_id is not None:
        found |= {"follows": "improve", "improver": f"staff:{complaint.improver_id}"}
    return found


@action("record_fulfilment", inputs={"complaint_id": "number"})
def record_fulfilment(context: ActionContext, complaint_id: int) -> None:
    complaint, form = context.session.get_one(Complaint, complaint_id), context.submission
    complaint.fulfilled, complaint.words = form["fulfilled"], form["words"]
    context.session.flush()
    if complaint.fulfilled != "yes":
        complaint_alerts.alert(context, complaint, T("投诉 %(no)s 的调解协议未履行。", no=complaint.no))


@action("record_effect", inputs={"complaint_id": "number"})
def record_effect(context: ActionContext, complaint_id: int) -> None:
    """What was improved, and whether it works (ISO 10002, 8.7)."""
    complaint, form = context.session.get_one(Complaint, complaint_id), context.submission
    done = latest(context.session, context.instance_id, "complaint/improve") or {}
    complaint.improved, complaint.effective = done.get("done"), form["effective"]
    context.session.flush()


# --- the complainant comes again -------------------------------------------------------------------------


def may_appeal(session: Session, by: Actor, complaint: Complaint) -> bool:
    """Is it answered, not yet closed, and is this person one who receives complaints?"""
    return complaint.state == complaints.ANSWERED and by_key(session, by.key) is not None


def appeal(engine: Engine, complaint: Complaint, *, reason: str, by: Actor, moment: datetime) -> None:
    """申请复核 within the days the diagram gives (R4.4a). Flushes.

    Refused: no reason. AlreadyDone: not answered yet, or the days are over.
    """
    session = engine.session
    if not may_appeal(session, by, complaint):
        raise AlreadyDone(T("只有已反馈、尚未办结的投诉可以申请复核。"), state=complaint.state)
    reason = " ".join(reason.split())
    if len(reason) < 2:
        raise Refused(T("请写明申请复核的理由。"), field="reason")
    complaint.review_reason = reason
    session.flush()
    if not engine.announce(complaint.key, APPEALED, by=by):
        raise AlreadyDone(T("只有已反馈、尚未办结的投诉可以申请复核。"), state=complaint.state)


def _of(context: FormContext) -> Complaint:
    return complaints.by_key(context.session, context.business_key)
