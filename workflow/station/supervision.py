"""The ladder of reminders (T-std) and supervision (督办): nothing is completed by itself (decisions 3)."""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.engine.tasks import OPEN, TaskRow
from workflow.errors import Refused
from workflow.station import cases, clocks, notices, outbox, positions
from workflow.station.cases import Case
from workflow.station.intake import ITEM_CLOCK
from workflow.station.staff import Staff, by_key
from workflow.texts import T, Text

ZONE = ZoneInfo("Asia/Shanghai")


@action("remind_owner", inputs={"case_id": "number"})
def remind_owner(context: ActionContext, case_id: int) -> None:
    """Half of the limit is used: remind whoever has the work."""
    case = context.session.get_one(Case, case_id)
    _reach(
        context,
        case,
        "remind",
        _owners(context, case),
        T("%(no)s %(title)s 的办理时限已过半，%(deadline)s 到期。", **_facts(context, case)),
    )


@action("warn_owner_and_deputy", inputs={"case_id": "number"})
def warn_owner_and_deputy(context: ActionContext, case_id: int) -> None:
    """Four fifths are used: warn the owner and whoever would act for him or her (R1.2.3a)."""
    case = context.session.get_one(Case, case_id)
    owners = _owners(context, case)
    deputies = [d for o in owners for d in positions.deputies(context.session, o, context.moment)]
    heads = [p for p, _ in positions.holders_of(context.session, positions.HEAD, context.moment)]
    _reach(
        context,
        case,
        "warn",
        [*owners, *deputies, *heads],
        T("预警：%(no)s %(title)s 将于 %(deadline)s 到期，请抓紧办理。", **_facts(context, case)),
    )


@action("mark_late", inputs={"case_id": "number"})
def mark_late(context: ActionContext, case_id: int) -> None:
    """The limit has passed: the case is late, and the head is given a supervision of its own (R2.4.3a)."""
    case = context.session.get_one(Case, case_id)
    if case.late_at is None:
        case.late_at = context.moment
        context.session.flush()
    _reach(
        context,
        case,
        "late",
        _owners(context, case),
        T("%(no)s %(title)s 已超过办理时限（%(deadline)s），站长将督办。", **_facts(context, case)),
    )
    context.engine.start(
        "supervision", by=context.actor, data={"case_id": case.id, "rung": "late"}, business_key=case.key
    )


@action("tell_superior", inputs={"case_id": "number"})
def tell_superior(context: ActionContext, case_id: int) -> None:
    """One working day later: the superior reads it in the next morning's digest."""
    case = context.session.get_one(Case, case_id)
    sentence = T("%(no)s %(title)s 超期一个工作日仍未办结（期限 %(deadline)s）。", **_facts(context, case))
    told = [p for p, _ in positions.holders_of(context.session, positions.SUPERIOR, context.moment)]
    if _first_time(context, case, "superior", told):
        for person in told:
            notices.tell_in_digest(
                context.session, person, sentence, f"/cases/{case.id}", moment=context.moment
            )


@prefill("supervision/supervise")
def supervise_first(context: FormContext) -> dict[str, Any]:
    case = cases.by_key(context.session, context.business_key)
    return {"case_no": case.no, "title": case.title}


@action("record_supervision", inputs={"case_id": "number"})
def record_supervision(context: ActionContext, case_id: int) -> None:
    """Give the head's instruction to whoever has the work, tell the client why (R1.2.1a, R2.4.3d)."""
    case = context.session.get_one(Case, case_id)
    form = context.submission
    new_date = date.fromisoformat(form["new_date"])
    if new_date < context.moment.astimezone(ZONE).date():
        raise Refused(T("新的承诺日期不能早于今天。"), field="new_date")
    case.planned_on = new_date
    context.session.flush()
    for person in _owners(context, case):
        notices.tell(
            context.session,
            person,
            T(
                "督办 %(no)s：%(measures)s 请于 %(date)s 前办结。",
                no=case.no,
                measures=form["measures"],
                date=form["new_date"],
            ),
            f"/cases/{case.id}",
            moment=context.moment,
            kind="supervision",
        )
    outbox.queue_message(
        context.session,
        case.applicant,
        T(
            "很抱歉，您的事项 %(no)s 未能按期办结。原因：%(reason)s 新的办结日期：%(date)s。",
            no=case.no,
            reason=form["reason"],
            date=form["new_date"],
        ),
        moment=context.moment,
        case_id=case.id,
    )
    context.note(new_date=form["new_date"])


def _owners(context: ActionContext, case: Case) -> list[Staff]:
    """Whoever has claimed the case's open tasks; where nobody has, whoever holds the position now."""
    session: Session = context.session
    found: dict[int, Staff] = {}
    rows = session.scalars(
        select(TaskRow).where(TaskRow.instance_id == case.instance_id, TaskRow.status == OPEN)
    )
    for task in rows:
        claimed = by_key(session, task.assignee)
        people = (
            [claimed]
            if claimed
            else [person for person, _ in positions.holders_of(session, task.candidate, context.moment)]
        )
        found.update({person.id: person for person in people})
    return list(found.values())


def _reach(context: ActionContext, case: Case, rung: str, people: list[Staff], sentence: Text) -> None:
    people = list({person.id: person for person in people}.values())
    if not _first_time(context, case, rung, people):
        return
    for person in people:
        notices.tell(context.session, person, sentence, f"/cases/{case.id}", moment=context.moment, kind=rung)


def _first_time(context: ActionContext, case: Case, rung: str, people: list[Staff]) -> bool:
    """Write the rung down; False when it was reached before (after a clock moved back): each rung once."""
    clock = clocks.of(context.session, case.key, ITEM_CLOCK)
    assert clock is not None
    told = [person.key for person in people]
    context.note(rung=rung, told=list(told))
    return clocks.record_escalation(context.session, clock, rung, told=told, moment=context.moment)


def _facts(context: ActionContext, case: Case) -> dict[str, object]:
    clock = clocks.of(context.session, case.key, ITEM_CLOCK)
    assert clock is not None
    return {
        "no": case.no or "",
        "title": case.title,
        "deadline": f"{clock.deadline_at.astimezone(ZONE):%Y-%m-%d %H:%M}",
    }
