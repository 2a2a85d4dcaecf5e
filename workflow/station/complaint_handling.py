"""A complaint is looked into (R4.2, R4.4): assigned to nobody it concerns, both sides heard, every demand
answered, decided by somebody else. Words of the middle of the diagram ``complaint``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from workflow.engine.actions import ActionContext, action
from workflow.errors import Refused
from workflow.schema import Json
from workflow.station import (
    calendar,
    clock_ledger,
    clocks,
    complaint_forms,
    complaint_papers,
    complaint_progress,
    complaints,
    conflicts,
    documents,
)
from workflow.station.calendar import ZONE
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.complaints import Complaint, Statement
from workflow.station.staff import by_key
from workflow.texts import T

# --- actions, in the order of the diagram ----------------------------------------------------------------


@action(
    "assign_complaint",
    inputs={"complaint_id": "number", "handler": "string"},
    outputs={"handler": "string", "conflicted": "string"},
)
def assign_complaint(context: ActionContext, complaint_id: int, handler: str) -> Mapping[str, Json]:
    """Give it to somebody whom it does not concern (R4.2). Refused: anybody else.

    Posts may have changed since it came in: whom it concerns is asked again.
    """
    session, moment = context.session, context.moment
    complaint = session.get_one(Complaint, complaint_id)
    named = [person.id for person in conflicts.about(session, complaint.key)]
    conflicts.note(session, complaint.key, named, complaint.case, moment)
    person = by_key(session, handler)
    keys = conflicts.concerned(session, complaint.key)
    if person is None or person.key in keys:
        raise Refused(T("这位同事与投诉有利害关系，须回避，请另选处理人。"), field="handler")
    if complaint.round > 1 and complaint.handler_id == person.id:
        raise Refused(T("复核须由原处理人以外的人办理。"), field="handler")
    complaint.handler_id, complaint.state = person.id, complaints.HANDLING
    session.flush()
    session.expire(complaint, ["handler"])
    clock = clocks.of(session, complaint.key, ITEM_CLOCK)
    assert clock is not None, "accepting has started it"
    if clock.state == clock_ledger.FINISHED:  # an internal review: the same limit once more
        clocks.start(
            session,
            owner=complaint.key,
            kind=ITEM_CLOCK,
            started_at=moment,
            limit=clock.limit,
            actor=context.actor.key,
            on_behalf_of=context.on_behalf_of,
        )
        context.clock_moved(ITEM_CLOCK)
    context.note(handler=person.key)
    return {"handler": person.key, "conflicted": ",".join(sorted(keys))}


@action("record_investigation", inputs={"complaint_id": "number"})
def record_investigation(context: ActionContext, complaint_id: int) -> None:
    """Keep what both sides said, evidence and facts. Refused: a side was not heard (R4.2, R4.4b)."""
    session, form = context.session, context.submission
    complaint = session.get_one(Complaint, complaint_id)
    sides = complaint_forms.other_side(context, complaint)
    rows = form.get("statements") or []
    if len(rows) != len(sides) or not all((row.get("words") or "").strip() for row in rows):
        raise Refused(T("被投诉的每一方都要听取陈述。"), field="statements")
    heard: list[tuple[str, int | None, str, str]] = [
        (complaints.COMPLAINANT_SIDE, None, "talk", form["complainant_statement"])
    ]
    heard += [
        (complaints.OTHER_SIDE, number, row["how"], row["words"])
        for (_, number), row in zip(sides, rows, strict=True)
    ]
    session.add_all(
        Statement(
            owner=complaint.key,
            round=complaint.round,
            side=side,
            staff_id=number,
            how=how,
            words=words.strip(),
            at=context.moment,
            actor=context.actor.key,
        )
        for side, number, how, words in heard
    )
    complaint.evidence, complaint.facts = form["evidence"], form["facts"]
    session.flush()
    session.expire(complaint, ["statements"])


@action(
    "record_mediation",
    inputs={"complaint_id": "number"},
    outputs={"agreed": "boolean", "content": "boolean", "wants_review": "boolean"},
)
def record_mediation(context: ActionContext, complaint_id: int) -> Mapping[str, Json]:
    """Both sides agree: the agreement is filed and its day kept; else other remedies are told (R4.1b).

    Refused: a day that has passed.
    """
    session, form, moment = context.session, context.submission, context.moment
    complaint = session.get_one(Complaint, complaint_id)
    if form["outcome"] != "agreed":
        complaint.words = form["remedies"]
        session.flush()
        return {"agreed": False, "content": False, "wants_review": False}
    day = date.fromisoformat(form["fulfil_on"])
    if day < moment.astimezone(ZONE).date():
        raise Refused(T("履行日期不能早于今天。"), field="fulfil_on")
    complaint.agreement, complaint.fulfil_on = form["agreement"], day
    complaint.state, complaint.satisfied, complaint.told_at = complaints.ANSWERED, "yes", moment
    session.flush()
    paper = complaint_papers.issue(
        session,
        "mediation_agreement",
        complaint,
        context,
        {"agreement": complaint.agreement, "fulfil_on": day.isoformat()},
    )
    context.note(document=paper.no)
    finish_clock(context, complaint)
    return {"agreed": True, "content": True, "wants_review": False}


@action(
    "record_proposal",
    inputs={"complaint_id": "number"},
    outputs={"approver": "string", "approver_barred": "string"},
)
def record_proposal(context: ActionContext, complaint_id: int) -> Mapping[str, Json]:
    """Keep the proposal, and find who decides: never its handler, nor whoever it concerns (R4.2b).

    Refused: a demand without an answer (R4.4c2); nobody named as responsible (R4.4b); somebody who has not
    been heard.
    """
    session, form = context.session, context.submission
    complaint = session.get_one(Complaint, complaint_id)
    rows = form.get("answers") or []
    if len(rows) != len(complaint.demands) or not all((row.get("answer") or "").strip() for row in rows):
        raise Refused(T("每一项诉求都要逐条答复。"), field="answers")
    heard = {one.staff_id for one in complaint.statements if one.round == complaint.round}
    person = by_key(session, form["responsible"])
    if form["responsible"] != complaints.NOBODY and (person is None or person.id not in heard):
        raise Refused(T("责任人须先听取其陈述；查无个人责任的选“无责任人／制度原因”。"), field="responsible")
    for demand, row in zip(complaint.demands, rows, strict=True):
        demand.answer, demand.remedy = row["answer"].strip(), row["remedy"]
    complaint.finding, complaint.responsible = form["finding"], form["responsible"]
    complaint.cause = form["cause"]
    improver = by_key(session, form.get("improver")) if form.get("needs_improvement") else None
    complaint.improvement = form.get("improvement") if improver else None
    complaint.improver_id = improver.id if improver else None
    session.flush()
    handler = [complaint.handler.key] if complaint.handler else []
    above = conflicts.overseer(session, complaint.key, context.moment, besides=[*handler, context.actor.key])
    return {"approver": above.candidate, "approver_barred": above.excluded}


@action("record_decision", inputs={"complaint_id": "number", "approval": "string"})
def record_decision(context: ActionContext, complaint_id: int, approval: str) -> None:
    """Who decided and when; sent back, the words go with it."""
    complaint = context.session.get_one(Complaint, complaint_id)
    context.note(approval=approval)
    if approval != "yes":
        return
    complaint.decided_at = context.moment
    complaint.decided_by, complaint.decided_for = context.actor.key, context.on_behalf_of
    context.session.flush()


@action("issue_complaint_result", inputs={"complaint_id": "number"})
def issue_complaint_result(context: ActionContext, complaint_id: int) -> None:
    """The paper that answers every demand (R4.4c2), in the transaction of the decision."""
    session = context.session
    complaint = session.get_one(Complaint, complaint_id)
    assert complaint.decided_by is not None and complaint.handler is not None
    paper = complaint_papers.issue(
        session,
        "complaint_result",
        complaint,
        context,
        {
            "handler": complaint.handler.name,
            "finding": complaint.finding,
            "approver": documents.signature(session, complaint.decided_by, complaint.decided_for),
            "round": str(complaint.round),
            "answers": [
                {
                    "demand": one.demand,
                    "answer": one.answer or "",
                    "remedy": complaints.REMEDIES[one.remedy or "none"].say(),
                }
                for one in complaint.demands
            ],
        },
    )
    context.note(document=paper.no)


# --- shared ----------------------------------------------------------------------------------------------


def finish_clock(context: ActionContext, complaint: Complaint) -> None:
    """It is answered: its clock ends, and no more news are owed."""
    clock = clocks.of(context.session, complaint.key, ITEM_CLOCK)
    assert clock is not None, "accepting has started it"
    if clock.state != clock_ledger.FINISHED:
        clocks.finish(
            context.session,
            clock,
            context.moment,
            actor=context.actor.key,
            on_behalf_of=context.on_behalf_of,
        )
    complaint_progress.moved(context.engine, complaint.key)


def fulfil_moment(context: ActionContext, day: date) -> str:
    """Closing time of the day, or of the next working one."""
    days = calendar.load(context.session)
    return days.closes(days.on_or_after(day)).isoformat()
