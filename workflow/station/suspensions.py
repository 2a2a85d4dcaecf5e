"""Suspension (停表, §4.4): words of the diagram ``suspension``, which stops a clock and starts it again.

Only for the reasons of ``clock_ledger.REASONS``; somebody's absence is none (R1.3d). The client is told in
writing how long it is expected to last. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.engine.actors import Actor
from workflow.engine.definitions import DefinitionRow
from workflow.engine.instances import RUNNING, InstanceRow
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.schema import Json
from workflow.station import (
    calendar,
    cases,
    clock_ledger,
    clock_reckoning,
    clocks,
    documents,
    notices,
    outbox,
    owners,
    positions,
)
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.clock_ledger import ITEM_CLOCK, Clock
from workflow.station.deadline_words import stamp
from workflow.station.rendering import letterhead
from workflow.texts import T

PROCESS = "suspension"
BY_LEADER = frozenset({"correction"})  # once a case is accepted, waiting for materials is the head's decision


@documents.paper(
    "suspension_notice",
    prefix="ZT",
    name=T("暂停计时告知书"),
    mandatory=(
        "applicant",
        "item",
        "case_no",
        "reason",
        "explanation",
        "since",
        "expected_until",
        "due_at",
        "handler",
    ),
    personal=("applicant",),
)
def _notice_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = ("applicant", "enterprise", "item", "case_no", "reason", "explanation", "handler")
    return {name: str(facts.get(name) or "") for name in names} | {
        "since_words": documents.moment_words(facts["since"]),
        "until_words": documents.day_words(date.fromisoformat(facts["expected_until"])),
        "due_words": documents.moment_words(facts["due_at"]),
    }


# --- questions -------------------------------------------------------------------------------------------


def may_stop(session: Session, actor: Actor, case: Case, moment: datetime) -> Clock:
    """The clock that could be stopped. NotAllowed: no work on the case. Refused, AlreadyDone."""
    if owners.post_of(session, actor, case) is None:
        raise NotAllowed(T("只有这件办件的办理人员或站长可以暂停计时。"))
    clock = clocks.of(session, case.key, ITEM_CLOCK)
    if clock is None:
        raise Refused(T("办件受理后才开始计时，现在不能暂停。"))
    if clock.state != clock_ledger.RUNNING:
        raise AlreadyDone(T("计时已经暂停或结束。"), state=clock.state)
    if moment == clock.deadline_at or clocks.is_over(session, clock, moment):
        raise Refused(T("期限届满后不能暂停计时。"))
    return clock


def running(session: Session, case: Case) -> int | None:
    """The instance that will start the stopped clock again; None when the clock was not stopped by one."""
    return session.scalar(
        select(InstanceRow.id)
        .join(DefinitionRow, DefinitionRow.id == InstanceRow.definition_id)
        .where(
            InstanceRow.business_key == case.key,
            InstanceRow.status == RUNNING,
            DefinitionRow.key == PROCESS,
        )
    )


# --- forms -----------------------------------------------------------------------------------------------


@options("stop_reasons")
def reason_choices(context: FormContext) -> list[Choice]:
    """All reasons; those that only a leader may take say so."""
    return [
        {"value": code, "label": T("%(reason)s（须站长办理）", reason=label) if code in BY_LEADER else label}
        for code, label in clock_ledger.REASONS.items()
    ]


@prefill("suspension/stop")
def stop_first(context: FormContext) -> Mapping[str, Any]:
    """NotAllowed, Refused: the clock cannot be stopped."""
    case = cases.by_key(context.session, context.business_key)
    clock = may_stop(context.session, context.actor, case, context.moment)
    return {"case": f"{case.no} {case.title}", "deadline": stamp(clock.deadline_at)}


@prefill("suspension/resume")
def resume_first(context: FormContext) -> Mapping[str, Any]:
    case = cases.by_key(context.session, context.business_key)
    clock = _clock(context.session, case)
    stopped = [line for line in clock.events if line.kind == "stop"][-1]
    return {
        "reason": clock_ledger.REASONS[stopped.reason or ""].say(),
        "since": stamp(stopped.at),
        "new_deadline": stamp(clock_reckoning.if_resumed(context.session, clock, context.moment)),
    }


# --- actions, in the order of the diagram ----------------------------------------------------------------


@action(
    "stop_clock",
    outputs={"case_id": "number", "post": "string", "expected_end": "string"},
)
def stop_clock(context: ActionContext) -> Mapping[str, Json]:
    """Stop, let all that hangs on the clock rest, tell the client in writing: one transaction (§4.4).

    NotAllowed: not one's case, or a reason only a leader may take. Refused: after the deadline, an end that
    is past. AlreadyDone.
    """
    session, moment, form = context.session, context.moment, context.submission
    case = cases.by_key(session, context.business_key)
    clock = may_stop(session, context.actor, case, moment)
    reason, words, until = (
        form["reason"],
        form["explanation"].strip(),
        date.fromisoformat(form["expected_until"]),
    )
    if reason in BY_LEADER and "lead" not in context.actor.may:
        raise NotAllowed(T("受理后因补正暂停计时，须由站长办理。"))
    if until < moment.astimezone(ZONE).date():
        raise Refused(T("预计恢复日期不能早于今天。"), field="expected_until")
    post = owners.post_of(session, context.actor, case)
    assert post is not None, "may_stop has asked"
    notice = documents.issue_for_case(
        session,
        "suspension_notice",
        case,
        context,
        {
            "reason": clock_ledger.REASONS[reason].say(),
            "explanation": words,
            "since": moment.isoformat(),
            "expected_until": until.isoformat(),
            "due_at": clock.deadline_at.isoformat(),
            "handler": documents.signature(session, context.actor.key, post.on_behalf_of),
        },
    )
    clocks.stop(
        session,
        clock,
        moment,
        reason=reason,
        actor=context.actor.key,
        on_behalf_of=post.on_behalf_of,
        document_id=notice.id,
    )
    context.clock_moved(ITEM_CLOCK)
    outbox.queue_message(
        session,
        case.applicant,
        T(
            "您的事项 %(no)s 暂停计时（%(reason)s），预计 %(until)s 恢复；恢复后办理期限按暂停的工作日顺延。"
            "监督电话 %(phone)s。",
            no=case.no,
            reason=clock_ledger.REASONS[reason],
            until=until.isoformat(),
            phone=letterhead()["supervision_phone"],
        ),
        moment=moment,
        case_id=case.id,
    )
    days = calendar.load(session)
    end = days.closes(days.on_or_after(until))
    context.note(document=notice.no, stopped=reason)
    owner = owners.candidate(session, case)
    return {"case_id": case.id, "post": owner, "expected_end": end.isoformat()}


@action("remind_resume", inputs={"case_id": "number", "post": "string"})
def remind_resume(context: ActionContext, case_id: int, post: str) -> None:
    """The expected end has passed and the clock still stands: remind whoever has the work."""
    case = context.session.get_one(Case, case_id)
    for person, _ in positions.holders_of(context.session, post, context.moment):
        notices.tell(
            context.session,
            person,
            T("%(no)s %(title)s 暂停计时已到预计恢复日期，请核实并恢复计时。", no=case.no, title=case.title),
            f"/cases/{case.id}",
            moment=context.moment,
            kind="suspension",
            in_working_hours=True,
        )


@action("resume_clock", inputs={"case_id": "number"})
def resume_clock(context: ActionContext, case_id: int) -> None:
    """Let the clock run again: the deadline moves, and the client hears the new one. AlreadyDone."""
    case = context.session.get_one(Case, case_id)
    clock = _run_again(context, case)
    outbox.queue_message(
        context.session,
        case.applicant,
        T("您的事项 %(no)s 已恢复计时，新的办理期限为 %(due)s。", no=case.no, due=stamp(clock.deadline_at)),
        moment=context.moment,
        case_id=case.id,
    )
    context.note(deadline=clock.deadline_at.isoformat())


@action("resume_at_close", inputs={"case_id": "number"})
def resume_at_close(context: ActionContext, case_id: int) -> None:
    """The case is completed while its clock stands: the stop ends with it, it was in time."""
    _run_again(context, context.session.get_one(Case, case_id))


def _run_again(context: ActionContext, case: Case) -> Clock:
    clock = _clock(context.session, case)
    clocks.resume(
        context.session, clock, context.moment, actor=context.actor.key, on_behalf_of=context.on_behalf_of
    )
    context.clock_moved(ITEM_CLOCK)
    return clock


def _clock(session: Session, case: Case) -> Clock:
    clock = clocks.of(session, case.key, ITEM_CLOCK)
    assert clock is not None, "a case with a stop has a clock"
    return clock
