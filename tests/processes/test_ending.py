"""Ending a case before it is completed: withdrawn by the client, or registered by mistake (R3.6)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select

from tests.processes.conftest import Person, Station
from tests.processes.test_extension import asks
from tests.processes.test_suspension import stops
from workflow.engine import history
from workflow.engine.history import HistoryRow
from workflow.engine.instances import RUNNING, InstanceRow
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.station import board, calendar, cases, clocks, ending, extensions, outbox, targets
from workflow.station.cases import Case
from workflow.station.outbox import Outbox


@pytest.fixture
def handled(liting: Person) -> Case:
    """JL01, accepted and promised, waiting for the technician."""
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    return case


def withdraws(who: Person, case: Case, **changed: Any) -> None:
    form = {"reason": "器具已在别处送检。", "confirmed": "phone", **changed}
    station = who.station
    ending.withdraw(station.engine, case, **form, by=who.actor, moment=station.clock.now())
    station.session.commit()
    station.session.expire_all()


def voids(who: Person, case: Case, reason: str = "重复登记。") -> None:
    station = who.station
    ending.void(station.engine, case, reason=reason, by=who.actor, moment=station.clock.now())
    station.session.commit()
    station.session.expire_all()


def still_open(station: Station, case: Case) -> list[str]:
    """Running instances, open tasks and armed timers of a case."""
    mine = select(InstanceRow.id).where(InstanceRow.business_key == case.key)
    running = select(InstanceRow.status).where(InstanceRow.id.in_(mine), InstanceRow.status == RUNNING)
    open_tasks = select(TaskRow.element).where(TaskRow.instance_id.in_(mine), TaskRow.status == OPEN)
    armed = select(TimerRow.element).where(TimerRow.instance_id.in_(mine))
    return [one for asked in (running, open_tasks, armed) for one in station.session.scalars(asked)]


def test_r3_6_what_the_client_withdraws_ends_with_its_number_and_all_that_ran_for_it(
    station, liting, zhangwei, handled
):
    number = handled.no
    withdraws(liting, handled)
    assert (handled.state, handled.no, handled.end_confirmed) == (cases.WITHDRAWN, number, "phone")
    assert handled.end_reason == "器具已在别处送检。" and handled.result is None
    assert still_open(station, handled) == []
    assert clocks.of(station.session, handled.key, "item").state == "finished"
    assert zhangwei.inbox() == []
    assert history.verify(station.session) == []
    waiting = select(Outbox.text).where(Outbox.case_id == handled.id, Outbox.state == outbox.CALL_LIST)
    (told,) = station.session.scalars(waiting)
    assert told.startswith("已按您的要求撤回事项") and number in told


def test_r3_6_a_mistake_is_voided_and_its_number_is_never_given_again(station, liting, head):
    wrong = liting.registers()
    liting.classifies(wrong, "JL01")
    voids(liting, wrong)
    assert (wrong.state, wrong.no, wrong.end_reason) == (cases.VOIDED, "SL2026-00001", "重复登记。")
    right = liting.registers()
    liting.classifies(right, "JL01")
    assert right.no == "SL2026-00002"
    assert still_open(station, wrong) == []


def test_r3_6_what_stands_still_waits_for_an_answer_or_is_asked_for_ends_too(
    station, liting, zhangwei, handled
):
    stops(zhangwei, handled)
    withdraws(liting, handled)
    assert still_open(station, handled) == []
    assert clocks.of(station.session, handled.key, "item").state == "finished"


def test_r3_6_a_request_for_more_time_lapses_with_the_case(station, liting, zhangwei, head, handled):
    asks(zhangwei, handled)
    withdraws(liting, handled)
    assert extensions.of(station.session, handled)[-1].state == extensions.MOOT
    assert head.inbox() == []


def test_r3_6_it_counts_neither_as_open_nor_as_completed(station, liting, head, handled):
    withdraws(liting, handled)
    now = station.clock.now()
    assert board.overview(station.session, head.actor, now) == []
    targets.set_target(
        station.session,
        period="month",
        day=date(2026, 3, 15),
        quantity=1,
        quality=90,
        by=head.actor,
        moment=now,
    )
    (progress,) = targets.running(station.session, head.actor, now, calendar.load(station.session))
    assert progress.done == 0
    assert station.fire_due() == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"reason": " "}, "reason"),
        ({"reason": "撤\u202e件"}, "reason"),
        ({"reason": "长" * 401}, "reason"),
        ({"confirmed": "hearsay"}, "confirmed"),
    ],
)
def test_r3_6_a_withdrawal_says_why_and_how_the_client_confirmed_it(station, liting, handled, changed, field):
    with pytest.raises(Refused) as refused:
        withdraws(liting, handled, **changed)
    assert refused.value.field == field
    station.session.rollback()
    assert handled.state == cases.HANDLING


def test_r3_6_a_voided_case_says_why(liting):
    case = liting.registers()
    with pytest.raises(Refused):
        voids(liting, case, reason="")


def test_r3_6_strangers_to_a_case_withdraw_nothing(station, liting, zhangwei, handled):
    with pytest.raises(NotAllowed):
        withdraws(station.person("liuyang"), handled)
    station.session.rollback()
    withdraws(zhangwei, handled)
    assert handled.state == cases.WITHDRAWN


def test_r3_6_after_the_receipt_only_a_leader_voids(station, liting, wangfang, head, handled):
    for barred in (liting, wangfang):
        with pytest.raises(NotAllowed, match="受理后由站长作废"):
            voids(barred, handled)
        station.session.rollback()
    voids(head, handled)
    assert handled.state == cases.VOIDED


def test_r3_6_what_has_ended_is_not_ended_again(station, liting, zhangwei, head, handled):
    zhangwei.handles(handled)
    liting.closes(handled)
    for act in (withdraws, voids):
        with pytest.raises(AlreadyDone, match="已办结"):
            act(head, handled)
        station.session.rollback()
    assert handled.state == cases.CLOSED


def test_r3_6_work_that_was_open_in_a_page_finds_nothing_any_more(station, liting, zhangwei, handled):
    task = zhangwei.task(handled, "handle")
    withdraws(liting, handled)
    with pytest.raises((AlreadyDone, NotFound)):
        station.engine.complete(
            task.id, by=zhangwei.actor, data={"progress": "样品已送检。", "needs_more": False}
        )


def test_r1_3c_who_withdraws_for_a_colleague_says_for_whom(station, zhangwei, chenzhiqiang, handled):
    station.clock.move_to("2026-03-10 09:00")  # 张伟 is away, 陈志强 acts
    withdraws(chenzhiqiang, handled)
    line = station.session.scalars(select(HistoryRow).where(HistoryRow.kind == "cancel")).one()
    assert (line.actor, line.on_behalf_of) == (chenzhiqiang.row.key, zhangwei.row.key)
