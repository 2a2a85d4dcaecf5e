"""The check of a client's materials (审核材料): when it must be done, what was found, how long it took.

At the counter it is done on the spot (R2.3.2a); what is taken back needs a reason and a time by which the
client is answered (R2.3.2a2). Where an item says so, silence accepts (decision 5). Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.engine.actors import Actor
from workflow.engine.submissions import SubmissionRow
from workflow.engine.tasks import TaskRow
from workflow.errors import Refused
from workflow.schema import Json
from workflow.station import calendar, cases, clocks, escalation, notices, outbox, owners, staff
from workflow.station.cases import FORMS_OF_MATERIAL, Case, CaseMaterial
from workflow.station.clock_ledger import FINISHED
from workflow.station.deadline_words import stamp
from workflow.station.deadlines import Limit, deadline
from workflow.station.positions import Position
from workflow.texts import T

STEP, FORM = "check_materials", "intake/check_materials"
DEFICIENCY_CLOCK, NOTICE_CLOCK = "deficiency", "notice"
NOT_NEEDED = "none"  # a material asked for only under a condition that is not met
WRONG = ("missing", "unfit")
# the head's answers that send a check back, each with the value that refuses
ANSWERS = {"intake/confirm_decline": "declined", "notice_of_deficiencies/approve_more": "approved"}


# --- the form ----------------------------------------------------------------------------------------------


@prefill(FORM)
def check_first(context: FormContext) -> Mapping[str, Any]:
    """The frozen list, with what was found the last time, and what the head said since then."""
    if context.instance_id is None:
        return {}
    session = context.session
    case = cases.of_instance(session, context.instance_id)
    forms = {form: key for key, form in FORMS_OF_MATERIAL.items()}
    rows = []
    for material in case.materials:
        row: dict[str, Any] = {
            "name": material.name,
            "copies": material.copies or material.asked_copies,
            "original": forms.get(material.original or material.asked_original, "original"),
        }
        kept = {"state": material.state, "pages": material.pages, "reason": material.reason}
        row.update({key: value for key, value in kept.items() if value not in (None, "")})
        rows.append(row)
    handler = select(Position.name).where(Position.code == case.handler_position)
    return {
        "materials": rows,
        "handler": session.scalar(handler),
        "head_words": head_words(session, context.instance_id),
    }


def head_words(session: Session, instance_id: int) -> str | None:
    """Why the head sent the check back; nothing once it has been done again."""
    last = session.scalars(
        select(SubmissionRow)
        .where(SubmissionRow.instance_id == instance_id, SubmissionRow.form.in_((FORM, *ANSWERS)))
        .order_by(SubmissionRow.id.desc())
        .limit(1)
    ).first()
    answer = ANSWERS.get(last.form) if last is not None else None
    if last is None or answer is None or last.data.get(answer) != "no":
        return None
    return str(last.data.get("opinion") or "")


def opened(session: Session, task_id: int, *, by: Actor, moment: datetime) -> bool:
    """Somebody who is asked for a check has opened its form: with the first time it begins (R2.3.2a).

    True if that was now. Flushes.
    """
    task = session.get(TaskRow, task_id)
    if task is None or task.element != STEP:
        return False
    if task.candidate not in by.asked and task.assignee not in by.selves:
        return False
    begun = (
        update(Case)
        .where(Case.instance_id == task.instance_id, Case.check_started_at.is_(None))
        .values(check_started_at=moment)
        .returning(Case.id)
    )
    return session.scalar(begun) is not None


# --- actions -----------------------------------------------------------------------------------------------


@action(
    "set_check_terms",
    inputs={
        "case_id": "number",
        "counter_minutes": "number",
        "check_limit": "string",
        "remind_limit": "string",
        "report_limit": "string",
        "tell_days": "number",
        "answer_by": "string",
    },
    outputs={"check_by": "string", "remind_by": "string", "report_by": "string"},
)
def set_check_terms(
    context: ActionContext,
    case_id: int,
    counter_minutes: float | None,
    check_limit: str,
    remind_limit: str,
    report_limit: str,
    tell_days: float,
    answer_by: str | None,
) -> Mapping[str, Json]:
    """By when the materials are to be checked, and when silence is reminded of and reported (decision 5).

    What was taken back: at the time the client was promised. Where silence accepts, its clock starts here,
    as of the day of receipt.
    """
    session, moment = context.session, context.moment
    case = session.get_one(Case, case_id)
    assert case.item is not None
    if case.item.deemed_acceptance and clocks.of(session, case.key, NOTICE_CLOCK) is None:
        clocks.start(
            session,
            owner=case.key,
            kind=NOTICE_CLOCK,
            started_at=case.received_at,
            limit=Limit(tell_days),
            actor=context.actor.key,
            on_behalf_of=context.on_behalf_of,
        )
    if answer_by:
        return dict.fromkeys(("check_by", "remind_by", "report_by"), answer_by)

    def after(limit: str) -> datetime:
        value, _, unit = limit.partition(" ")
        return deadline(moment, Limit(value, unit), calendar.load(session)).at

    at_once = moment + timedelta(minutes=counter_minutes) if counter_minutes else after(check_limit)
    return {
        "check_by": at_once.isoformat(),
        "remind_by": after(remind_limit).isoformat(),
        "report_by": after(report_limit).isoformat(),
    }


@action(
    "record_check",
    inputs={"case_id": "number", "decision": "string", "tell_days": "number"},
    outputs={"checker": "string", "answer_by": "string", "approver": "string", "concerned": "string"},
)
def record_check(
    context: ActionContext, case_id: int, decision: str, tell_days: float | None = None
) -> Mapping[str, Json]:
    """Keep what was found and how long it took (R2.3.2a), and who is to check what is brought later.

    Refused: accepted although a required material is not in order; a notice without a defect; taken back
    where nobody waits, or until a time that cannot be promised.
    """
    session = context.session
    case = session.get_one(Case, case_id)
    checker = context.on_behalf_of or context.actor.key
    answer: dict[str, Json] = {"checker": checker, "answer_by": None, "approver": "head", "concerned": ""}
    if decision == "take_back":
        return answer | {"answer_by": _take_back(context, case, tell_days)}
    _conclude(context, case)
    if decision == "decline":
        above = owners.overseer(session, case, context.moment, besides=[context.actor.key, checker])
        return answer | {"approver": above.candidate, "concerned": above.excluded}
    _keep(context, case)
    lacking = [material.name for material in case.materials if material.required and material.state != "ok"]
    if decision == "accept" and lacking:
        raise Refused(
            T("还有材料不齐全或不合格，不能受理：%(names)s。", names="、".join(lacking)), field="decision"
        )
    if decision == "wait" and not defects(case):
        raise Refused(T("没有缺少或不合格的材料，不能要求补正。"), field="decision")
    case.state = cases.CHECKING if decision == "accept" else cases.WAITING
    session.flush()
    return answer


@action("deem_accepted", inputs={"case_id": "number"}, outputs={"decision": "string"})
def deem_accepted(context: ActionContext, case_id: int) -> Mapping[str, Json]:
    """Neither accepted nor told in time: it is accepted from the day it was received (decision 5)."""
    session = context.session
    case = session.get_one(Case, case_id)
    case.deemed = True
    session.flush()
    sentence = T(
        "%(no)s %(title)s 逾期既未受理也未一次性告知，视为自收到之日起受理。", no=case.no, title=case.title
    )
    escalation.alert_overseer(context, case, sentence)
    for person in owners.owners(session, case, context.moment):
        notices.tell(session, person, sentence, f"/cases/{case.id}", moment=context.moment)
    return {"decision": "accept"}


# --- questions and what others use -------------------------------------------------------------------------


def defects(case: Case) -> list[CaseMaterial]:
    """What the client is to mend: missing or unfit, and what is required and was not looked at."""
    return [one for one in case.materials if one.state in WRONG or (one.required and one.state is None)]


def end_clocks(context: ActionContext, case: Case) -> None:
    """Accepted, or told what is lacking: the duties that ran until then are done."""
    for kind in (DEFICIENCY_CLOCK, NOTICE_CLOCK):
        clock = clocks.of(context.session, case.key, kind)
        if clock is not None and clock.state != FINISHED:
            clocks.finish(
                context.session,
                clock,
                context.moment,
                actor=context.actor.key,
                on_behalf_of=context.on_behalf_of,
            )


def _keep(context: ActionContext, case: Case) -> None:
    found = {row["name"]: row for row in context.submission["materials"]}
    for material in case.materials:
        row = found.get(material.name, {})
        if row.get("state") == NOT_NEEDED and material.required:
            raise Refused(T("“%(name)s”是必需材料，不能选“不适用”。", name=material.name), field="materials")
        material.state = row.get("state")
        material.pages = row.get("pages")
        material.copies = row.get("copies")
        material.original = FORMS_OF_MATERIAL.get(row.get("original") or "")
        material.reason = row.get("reason")
        material.checked_at = context.moment
        material.checked_by = context.actor.key
        if material.state not in WRONG:
            material.noticed_at = None  # mended: found lacking again it would be a new defect


def _conclude(context: ActionContext, case: Case) -> None:
    """The check is finished; it began when its form was first opened or its task claimed."""
    claimed = context.session.scalar(
        select(TaskRow.claimed_at)
        .where(TaskRow.instance_id == context.instance_id, TaskRow.element == STEP)
        .order_by(TaskRow.id.desc())
        .limit(1)
    )
    began = min((at for at in (case.check_started_at, claimed) if at is not None), default=None)
    case.check_started_at, case.checked_at = began, context.moment
    if began is not None:
        case.check_minutes = -((began - context.moment) // timedelta(minutes=1))
        context.note(check_minutes=case.check_minutes)


def _take_back(context: ActionContext, case: Case, tell_days: float | None) -> str:
    """带回审核: why, and by when; the client is told. Refused."""
    session, form, moment = context.session, context.submission, context.moment
    if case.channel != "visit":
        raise Refused(T("只有来访当场提交的材料才能带回审核。"), field="decision")
    answer_by = datetime.fromisoformat(form["answer_at"]).replace(tzinfo=calendar.ZONE)
    if answer_by <= moment:
        raise Refused(T("答复时间应晚于现在。"), field="answer_at")
    days = calendar.load(session)
    if not days.is_work(answer_by.date()):
        raise Refused(
            T("%(date)s 不是工作日，请选择工作日。", date=f"{answer_by:%Y-%m-%d}"), field="answer_at"
        )
    last = deadline(case.received_at, Limit(tell_days or 1), days).at
    if answer_by > last:
        raise Refused(
            T("答复时间不能晚于 %(last)s：收件后应在规定期限内受理或一次性告知。", last=stamp(last)),
            field="answer_at",
        )
    case.taken_back, case.answer_by = form["take_back_reason"], answer_by
    session.flush()
    outbox.queue_message(
        session,
        case.applicant,
        T(
            "您的事项 %(no)s 的材料需带回审核（%(why)s），将在 %(at)s 前答复您。",
            no=case.no,
            why=case.taken_back,
            at=stamp(answer_by),
        ),
        moment=moment,
        case_id=case.id,
    )
    context.note(answer_by=answer_by.isoformat())
    return answer_by.isoformat()


def handler_of(session: Session, checker: str) -> str:
    """The name of whoever checked, for papers."""
    return staff.names(session, [checker]).get(checker, "")
