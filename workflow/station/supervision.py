"""Supervision (督办): why, what is to be done, by when; whoever has the work reports it done (R1.2.1a).

Begun by a limit that has passed (rung 'late') or by a leader (rung 'manual'). A late case also owes a reason
(R2.4.3a) and its client an apology with reason and new date (R2.4.3d).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.engine.submissions import latest
from workflow.errors import NotAllowed, Refused
from workflow.schema import Json
from workflow.station import calendar, cases, contacts, notices, outbox, owners, telling
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.clock_ledger import LATE
from workflow.station.escalation import alert_overseer
from workflow.station.permissions import can
from workflow.texts import T

LATE_REASONS = {
    "workload": T("办件集中、人手不足"),
    "institution": T("承办机构延误"),
    "client": T("等待服务对象配合"),
    "absence": T("人员变动、交接不畅"),
    "equipment": T("设备或系统故障"),
    "difficulty": T("情况复杂、估计不足"),
    "oversight": T("工作疏忽"),
    "other": T("其他"),
}


def late_reasons(session: Session, since: datetime, until: datetime) -> dict[str | None, int]:
    """How many cases went late in [since, until), by reason; None: not explained yet."""
    rows = session.execute(
        select(Case.late_code, func.count())
        .where(Case.late_at >= since, Case.late_at < until)
        .group_by(Case.late_code)
    )
    return dict(iter(rows))


# forms


@options("late_reasons")
def late_reason_choices(context: FormContext) -> list[Choice]:
    return [{"value": code, "label": words} for code, words in LATE_REASONS.items()]


@prefill("supervision/supervise")
def supervise_first(context: FormContext) -> dict[str, Any]:
    case = cases.by_key(context.session, context.business_key)
    return {**_named(case), "late_reason": _reason(case)}


@prefill("supervision/explain")
def explain_first(context: FormContext) -> dict[str, Any]:
    return _named(cases.by_key(context.session, context.business_key))


@prefill("supervision/follow")
def follow_first(context: FormContext) -> dict[str, Any]:
    case = cases.by_key(context.session, context.business_key)
    asked = latest(context.session, context.instance_id or 0, "supervision/supervise") or {}
    return {**_named(case), "measures": asked.get("measures")}


# actions, in the order of the diagram


@action(
    "assign_supervision",
    inputs={"case_id": "number", "rung": "string"},
    outputs={"supervisor": "string", "concerned": "string", "owner": "string", "explain_due": "string"},
)
def assign_supervision(context: ActionContext, case_id: int, rung: str) -> Mapping[str, Json]:
    """Who supervises, who must not, who has the work; a reason is owed by the end of the working day.

    Refused: the case is closed. NotAllowed: somebody who leads nothing begins it by hand.
    """
    session, moment = context.session, context.moment
    case = session.get_one(Case, case_id)
    if rung != LATE and not can(context.actor, "supervise"):
        raise NotAllowed
    if case.closed_at is not None:
        raise Refused(T("%(no)s 已办结，不能再督办。", no=case.no or case.key))
    above = owners.overseer(session, case, moment)
    known = calendar.load(session)
    context.note(rung=rung)
    return {
        "supervisor": above.candidate,
        "concerned": above.excluded,
        "owner": owners.candidate(session, case),
        "explain_due": known.closes(known.working(moment).date()).isoformat(),
    }


@action(
    "record_supervision",
    inputs={"case_id": "number", "rung": "string"},
    outputs={"owner": "string", "follow_due": "string", "must_call": "boolean"},
)
def record_supervision(context: ActionContext, case_id: int, rung: str) -> Mapping[str, Json]:
    """Give the instruction to whoever has the work now; tell the client of a late case why (R2.4.3d)."""
    session, moment, form = context.session, context.moment, context.submission
    case = session.get_one(Case, case_id)
    new_date = date.fromisoformat(form["new_date"])
    if new_date < moment.astimezone(ZONE).date():
        raise Refused(T("新的承诺日期不能早于今天。"), field="new_date")
    for person in owners.owners(session, case, moment):
        notices.tell(
            session,
            person,
            T(
                "督办 %(no)s：%(measures)s 请于 %(date)s 前落实。",
                no=case.no or case.title,
                measures=form["measures"],
                date=form["new_date"],
            ),
            f"/cases/{case.id}",
            moment=moment,
            kind="supervision",
        )
    context.note(new_date=form["new_date"])
    return {
        "owner": owners.candidate(session, case),
        "follow_due": calendar.load(session).closes(new_date).isoformat(),
        "must_call": rung == LATE and _apologise(context, case, form["reason"], new_date),
    }


@action("report_supervision", inputs={"case_id": "number"})
def report_supervision(context: ActionContext, case_id: int) -> None:
    """The owner has done what was asked: whoever supervises hears it."""
    case = context.session.get_one(Case, case_id)
    sentence = T("督办已落实：%(no)s %(done)s", no=case.no or case.title, done=context.submission["done"])
    alert_overseer(context, case, sentence)


@action("record_late_contact", inputs={"case_id": "number"}, outputs={"reached": "boolean"})
def record_late_contact(context: ActionContext, case_id: int) -> Mapping[str, Json]:
    """The owner has called: an apology that reached somebody settles the message that waited."""
    case = context.session.get_one(Case, case_id)
    return {"reached": telling.keep(context, case, subject=LATE)}


@action("record_late_reason", inputs={"case_id": "number"})
def record_late_reason(context: ActionContext, case_id: int) -> None:
    """The reason is shown on the case and counted (R2.4.3a)."""
    case = context.session.get_one(Case, case_id)
    case.late_code, case.late_words = context.submission["late_code"], context.submission["words"]
    context.session.flush()
    context.note(late=case.late_code)


@action("alert_unexplained", inputs={"case_id": "number"})
def alert_unexplained(context: ActionContext, case_id: int) -> None:
    """The day ended without a reason: whoever oversees the case hears it (decision 31)."""
    case = context.session.get_one(Case, case_id)
    alert_overseer(context, case, T("%(no)s %(title)s 已超期，经办人未按时说明原因。", **_words(case)))


@action("alert_untold", inputs={"case_id": "number", "rung": "string"})
def alert_untold(context: ActionContext, case_id: int, rung: str) -> None:
    """Half a working day after the deadline: has the client heard apology, reason and new date (R2.4.3d)?"""
    case = context.session.get_one(Case, case_id)
    if rung != LATE:
        return
    assert case.late_at is not None, "the rung has marked it"
    told = contacts.last_contact(context.session, case, subject=LATE)
    if told is None or told < case.late_at:
        alert_overseer(
            context, case, T("%(no)s %(title)s 已超期半日，尚未向服务对象致歉说明。", **_words(case))
        )


def _apologise(context: ActionContext, case: Case, reason: str, new_date: date) -> bool:
    """Promise the new date and tell it; must somebody call, because nothing carries the message?"""
    case.planned_on = new_date
    context.session.flush()
    row = outbox.queue_message(
        context.session,
        case.applicant,
        T(
            "很抱歉，您的事项 %(no)s 未能按期办结。原因：%(reason)s 新的办结日期：%(date)s。",
            no=case.no,
            reason=reason,
            date=new_date.isoformat(),
        ),
        moment=context.moment,
        case_id=case.id,
        subject=LATE,
    )
    return row is None or row.state == outbox.CALL_LIST


def _named(case: Case) -> dict[str, Any]:
    return {"case_no": case.no, "title": case.title}


def _words(case: Case) -> dict[str, object]:
    return {"no": case.no or "", "title": case.title}


def _reason(case: Case) -> str | None:
    if case.late_code is None:
        return None
    return f"{LATE_REASONS[case.late_code]}：{case.late_words}"
