"""A complaint comes in (R4.1, R4.3a, R2.2.5): registered with a receipt at once, assessed, accepted with a
notice, or passed on, or settled on the spot. Words of the first half of the diagram ``complaint``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.errors import NotAllowed, Refused
from workflow.schema import Json
from workflow.station import (
    cases,
    clocks,
    complaint_alerts,
    complaint_papers,
    complaint_progress,
    complaints,
    conflicts,
    numbering,
    persons,
)
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.complaints import Complaint, Demand
from workflow.station.deadlines import Limit
from workflow.station.permissions import can, visible
from workflow.station.staff import Staff, by_key, called
from workflow.station.written import refuse_invisible
from workflow.texts import T

URGENT = "serious"


@options("complaint_targets")
def target_choices(context: FormContext) -> list[Choice]:
    """Everybody who works here, also whoever fills in the form: anybody can be complained of."""
    people = select(Staff).where(Staff.active, visible(context.actor, Staff)).order_by(Staff.name_pinyin)
    return [{"value": str(one.id), "label": called(one)} for one in context.session.scalars(people)]


def heading(complaint: Complaint, context: FormContext) -> dict[str, Any]:
    """What every form about a complaint opens with."""
    names = [person.name for person in conflicts.about(context.session, complaint.key)]
    return {
        "no": complaint.no,
        "kind_words": complaints.KINDS[complaint.kind],
        "about": "、".join(names) or T("未指明"),
        "matter": complaint.matter,
        "demands_words": "\n".join(f"{one.seq}. {one.demand}" for one in complaint.demands),
    }


@prefill("complaint/assess")
def assess_first(context: FormContext) -> Mapping[str, Any]:
    return heading(complaints.by_key(context.session, context.business_key), context)


@action(
    "register_complaint",
    outputs={
        "complaint_id": "number",
        "kind": "string",
        "assessor": "string",
        "kept_out": "string",
        "conflicted": "string",
        "overseer": "string",
        "barred": "string",
    },
)
def register_complaint(context: ActionContext) -> Mapping[str, Json]:
    """Number it, note whom it concerns, hand out the receipt: one transaction (R4.3a2).

    NotAllowed: who only administers the system. Refused: no name or phone though not anonymous, an unknown
    case number, no demand.
    """
    form, session, moment = context.submission, context.session, context.moment
    clerk = by_key(session, context.actor.key)
    if clerk is None or not can(context.actor, "register"):
        raise NotAllowed
    anonymous = bool(form.get("anonymous"))
    case = _case(context, form.get("case_no"))
    demands = [row for row in form.get("demands") or [] if (row.get("demand") or "").strip()]
    if not demands:
        raise Refused(T("请至少写明一项诉求。"), field="demands")
    complaint = Complaint(
        instance_id=context.instance_id,
        no=numbering.take(session, "TS", moment.astimezone(ZONE).date()),
        kind=form["kind"],
        channel=form["channel"],
        anonymous=anonymous,
        complainant_enc=None if anonymous else _sealed(form),
        code=cases.pickup_code(),
        matter=form["matter"].strip(),
        case_id=case.id if case else None,
        asked_interval=form.get("interval"),
        safety=bool(form.get("safety")),
        registered_by_id=clerk.id,
        received_at=moment,
    )
    session.add(complaint)
    session.flush()
    session.refresh(complaint, ["key"])
    context.business_key = complaint.key
    session.add_all(
        Demand(owner=complaint.key, seq=seq, demand=row["demand"].strip(), about=row["about"])
        for seq, row in enumerate(demands, 1)
    )
    conflicts.note(session, complaint.key, map(int, form.get("targets") or []), case, moment)
    session.flush()
    session.expire(complaint, ["demands"])
    receipt = complaint_papers.issue(
        session,
        "complaint_receipt",
        complaint,
        context,
        {
            "received_at": moment.isoformat(),
            "channel": complaints.CHANNELS[complaint.channel].say(),
            "code": complaint.code,
            "demands": [one.demand for one in complaint.demands],
        },
    )
    context.note(document=receipt.no)
    if complaint.safety:
        complaint_alerts.alert(
            context, complaint, T("投诉 %(no)s 涉及安全或紧急情况，请立即处理。", no=complaint.no)
        )
    above = conflicts.overseer(session, complaint.key, moment)
    conflicted = ",".join(sorted(conflicts.concerned(session, complaint.key)))
    assessor = conflicts.assessor(session, complaint.key, moment) or above.candidate
    return {
        "complaint_id": complaint.id,
        "kind": complaint.kind,
        "assessor": assessor,
        "kept_out": above.excluded if assessor == above.candidate else conflicted,
        "conflicted": conflicted,
        "overseer": above.candidate,
        "barred": above.excluded,
    }


@action("record_assessment", inputs={"complaint_id": "number"})
def record_assessment(context: ActionContext, complaint_id: int) -> None:
    """Keep what was found at first sight; a serious one is told to who decides at once (ISO 10002, 7.5)."""
    complaint, form = context.session.get_one(Complaint, complaint_id), context.submission
    complaint.severity, complaint.complexity = form.get("severity"), form.get("complexity")
    complaint.words = form.get("words")
    complaint.referred_to = " ".join(filter(None, (form.get("refer_to"), form.get("refer_phone")))) or None
    context.session.flush()
    if complaint.severity == URGENT:
        complaint_alerts.alert(context, complaint, T("投诉 %(no)s 评审为严重，请关注。", no=complaint.no))


@action(
    "accept_complaint",
    inputs={
        "complaint_id": "number",
        "limit_days": "number",
        "interval_days": "number",
        "assessor": "string",
        "kept_out": "string",
    },
    outputs={"overseer": "string", "barred": "string"},
)
def accept_complaint(
    context: ActionContext,
    complaint_id: int,
    limit_days: float,
    interval_days: float,
    assessor: str,
    kept_out: str,
) -> Mapping[str, Json]:
    """Its clock starts, the acceptance notice is issued, news are owed from now on (R4.3a2)."""
    session, moment = context.session, context.moment
    complaint = session.get_one(Complaint, complaint_id)
    complaint.accepted_at, complaint.state = moment, complaints.ACCEPTED
    complaint.interval_days = int(interval_days)
    clock = clocks.start(
        session,
        owner=complaint.key,
        kind=ITEM_CLOCK,
        started_at=moment,
        limit=Limit(limit_days, "working-day"),
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )
    session.flush()
    every = complaint.asked_interval or complaint.interval_days
    notice = complaint_papers.issue(
        session,
        "complaint_acceptance",
        complaint,
        context,
        {
            "accepted_at": moment.isoformat(),
            "due_at": clock.deadline_at.isoformat(),
            "interval": T("每 %(days)s 个工作日，期限前最后一个工作日必告知", days=every).say(),
            "code": complaint.code,
        },
    )
    context.note(document=notice.no, deadline=clock.deadline_at.isoformat())
    complaint_progress.begin(context.engine, complaint, assessor, kept_out, by=context.actor)
    above = conflicts.overseer(session, complaint.key, moment)
    return {"overseer": above.candidate, "barred": above.excluded}


@action("refer_complaint", inputs={"complaint_id": "number"})
def refer_complaint(context: ActionContext, complaint_id: int) -> None:
    """It belongs to another body: named with its phone, so that nobody is sent away with nothing."""
    _end(context, complaint_id, complaints.REFERRED)


@action("settle_complaint", inputs={"complaint_id": "number"})
def settle_complaint(context: ActionContext, complaint_id: int) -> None:
    """Solved on the spot, with the record of how."""
    _end(context, complaint_id, complaints.SETTLED)


def _end(context: ActionContext, complaint_id: int, state: str) -> None:
    complaint = context.session.get_one(Complaint, complaint_id)
    complaint.state, complaint.closed_at = state, context.moment
    context.session.flush()


def _case(context: ActionContext, no: str | None) -> Case | None:
    if not (no or "").strip():
        return None
    found = select(Case).where(Case.no == (no or "").strip().upper(), visible(context.actor, Case))
    case = context.session.scalars(found).first()
    if case is None:
        raise Refused(T("没有编号为 %(no)s 的办件，请核对；不清楚时留空。", no=no), field="case_no")
    return case


def _sealed(form: Mapping[str, Any]) -> bytes:
    name, phone = (form.get("name") or "").strip(), (form.get("phone") or "").strip()
    if not name:
        raise Refused(T("请填写姓名，或勾选“匿名投诉”。"), field="name")
    refuse_invisible(name, field="name")
    if not phone:
        raise Refused(T("请填写联系电话，或勾选“匿名投诉”。"), field="phone")
    return complaints.seal(name, persons.tidy_phone(phone))
