"""What must not wait: the ladder of an item's limit (T-std), and tasks that lie too long before it.

States and tasks change at once; whoever is only reminded finds it when the station next works. Nothing is
completed by itself, and each rung of a clock is reached once (decisions 3).
"""

from __future__ import annotations

from collections.abc import Iterable

from workflow.engine.actions import ActionContext, action
from workflow.station import clocks, notices, owners, positions, rungs
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.positions import SUPERIOR
from workflow.station.staff import Staff
from workflow.texts import T, Text

# the ladder of the item's clock


@action("warn_idle", inputs={"case_id": "number"})
def warn_idle(context: ActionContext, case_id: int) -> None:
    """Half a working day after the receipt nobody has begun: warn owner and head (R2.4.2b)."""
    case = context.session.get_one(Case, case_id)
    if owners.acted(context.session, case.key):
        return
    _reach(
        context,
        case,
        "idle",
        [*_owners(context, case), *_overseers(context, case)],
        T("%(no)s %(title)s 已出具回执，至今没有办理动作，请当即办理。", **facts(context, case)),
    )


@action("remind_owner", inputs={"case_id": "number"})
def remind_owner(context: ActionContext, case_id: int) -> None:
    """Half of the limit is used: remind whoever has the work."""
    case = context.session.get_one(Case, case_id)
    _reach(
        context,
        case,
        "remind",
        _owners(context, case),
        T("%(no)s %(title)s 的办理时限已过半，%(deadline)s 到期。", **facts(context, case)),
    )


@action("warn_owner_and_deputy", inputs={"case_id": "number"})
def warn_owner_and_deputy(context: ActionContext, case_id: int) -> None:
    """Four fifths are used: warn the owner and whoever would act for him or her (R1.2.3a)."""
    case = context.session.get_one(Case, case_id)
    people = _owners(context, case)
    deputies = [d for o in people for d in positions.deputies(context.session, o, context.moment)]
    _reach(
        context,
        case,
        "warn",
        [*people, *deputies, *_overseers(context, case)],
        T("预警：%(no)s %(title)s 将于 %(deadline)s 到期，请抓紧办理。", **facts(context, case)),
    )


@action("mark_late", inputs={"case_id": "number"})
def mark_late(context: ActionContext, case_id: int) -> None:
    """The limit has passed: the case is late, and a supervision of its own begins (R2.4.3a)."""
    case = context.session.get_one(Case, case_id)
    if case.late_at is None:
        case.late_at = context.moment
        context.session.flush()
    above = owners.overseer(context.session, case, context.moment)
    at_once = above.people if above.candidate == SUPERIOR else []  # what concerns the head
    _reach(
        context,
        case,
        "late",
        [*_owners(context, case), *at_once],
        T("%(no)s %(title)s 已超过办理时限（%(deadline)s），已列入督办。", **facts(context, case)),
    )
    context.engine.start(
        "supervision", by=context.actor, data={"case_id": case.id, "rung": "late"}, business_key=case.key
    )


@action("tell_superior", inputs={"case_id": "number"})
def tell_superior(context: ActionContext, case_id: int) -> None:
    """One working day later: the superior reads it in the next digest; what concerns the head, at once."""
    session, moment = context.session, context.moment
    case = session.get_one(Case, case_id)
    sentence = T("%(no)s %(title)s 超期一个工作日仍未办结（期限 %(deadline)s）。", **facts(context, case))
    above = owners.overseer(session, case, moment)
    if above.candidate == SUPERIOR:
        _reach(context, case, "superior", above.people, sentence)
        return
    told = [person for person, _ in positions.holders_of(session, SUPERIOR, moment)]
    if _first_time(context, case, "superior", told):
        for person in told:
            notices.tell_in_digest(session, person, sentence, f"/cases/{case.id}", moment=moment)


# tasks that lie too long (R1.2.2a)


@action("remind_task", inputs={"case_id": "number"})
def remind_task(context: ActionContext, case_id: int) -> None:
    """A task of the case lies over its limit: remind whoever it is offered to, or who has claimed it."""
    case = context.session.get_one(Case, case_id)
    sentence = T("“%(title)s”的“%(step)s”已到规定时间，请尽快处理。", **_waiting(context, case))
    _tell(context, case, "task", _owners(context, case), sentence)


@action("report_task", inputs={"case_id": "number"})
def report_task(context: ActionContext, case_id: int) -> None:
    """It still lies: whoever oversees the case hears of it."""
    case = context.session.get_one(Case, case_id)
    sentence = T("“%(title)s”的“%(step)s”提醒后仍未处理，请督促。", **_waiting(context, case))
    _tell(context, case, "task", _overseers(context, case), sentence)


# telling


def alert_overseer(context: ActionContext, case: Case, sentence: Text) -> None:
    """Tell the head, or the superior where the head is concerned, from the next working moment on."""
    _tell(context, case, "alert", _overseers(context, case), sentence)


def facts(context: ActionContext, case: Case) -> dict[str, object]:
    """Number, title and deadline, for sentences."""
    clock = clocks.of(context.session, case.key, ITEM_CLOCK)
    return {
        "no": case.no or "",
        "title": case.title,
        "deadline": f"{clock.deadline_at.astimezone(ZONE):%Y-%m-%d %H:%M}" if clock else "",
    }


def _waiting(context: ActionContext, case: Case) -> dict[str, object]:
    steps = [Text(task.name) for task in owners.open_tasks(context.session, case)]
    return {"title": case.title, "step": steps[0] if steps else ""}


def _owners(context: ActionContext, case: Case) -> list[Staff]:
    return owners.owners(context.session, case, context.moment)


def _overseers(context: ActionContext, case: Case) -> list[Staff]:
    return owners.overseer(context.session, case, context.moment).people


def _reach(context: ActionContext, case: Case, rung: str, people: list[Staff], sentence: Text) -> None:
    people = _once(people)
    if _first_time(context, case, rung, people):
        _tell(context, case, rung, people, sentence)


def _tell(context: ActionContext, case: Case, kind: str, people: Iterable[Staff], sentence: Text) -> None:
    told = _once(people)
    context.note(rung=kind, told=[person.key for person in told])
    for person in told:
        notices.tell(
            context.session,
            person,
            sentence,
            f"/cases/{case.id}",
            moment=context.moment,
            kind=kind,
            in_working_hours=True,
        )


def _first_time(context: ActionContext, case: Case, rung: str, people: list[Staff]) -> bool:
    """Write the rung down; False when it was reached before (after a clock moved back): each rung once."""
    clock = clocks.of(context.session, case.key, ITEM_CLOCK)
    assert clock is not None
    told = [person.key for person in people]
    context.note(rung=rung, told=list(told))
    return rungs.record(context.session, clock, rung, told=told, moment=context.moment)


def _once(people: Iterable[Staff]) -> list[Staff]:
    return list({person.id: person for person in people}.values())
