"""The head's board: supervises the progress of everything (R1.2.1a), sees quantity and quality (R1.2.1d)."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from tests.processes.conftest import at
from workflow.engine import history
from workflow.engine.history import HistoryRow
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.station import board, calendar, clocks, targets
from workflow.station.lights import GREEN, PAUSED, RED, UNTIMED, YELLOW

INSTRUCTION = {"reason": "承检机构排期已满。", "measures": "今天改送另一家机构。", "new_date": "2026-03-16"}


def accepted(person, item="JL01"):
    case = person.registers()
    person.classifies(case, item)
    person.accepts(case)
    return case


def lights(station, head):
    return {m.case_id: m.light for m in board.overview(station.session, head.actor, station.clock.now())}


def seen(station, head, case):
    marks = board.overview(station.session, head.actor, station.clock.now())
    return board.lines(station.session, [m for m in marks if m.case_id == case.id], station.clock.now())[0]


@pytest.fixture
def three(liting, station):
    """JL01 from 2 March (ten working days) with the technician, ZL01 (twenty), and one not yet classified."""
    first = accepted(liting)
    liting.answers(first, "2026-03-13")
    second = accepted(liting, "ZL01")
    return first, second, liting.registers()


def test_r1_2_1a_a_case_at_85_percent_is_yellow_and_supervision_reaches_its_owner(
    station, three, zhangwei, head
):
    first, second, third = three
    station.clock.move_to("2026-03-13 12:00")
    assert 0.85 <= seen(station, head, first).share < 0.9
    assert lights(station, head) == {first.id: YELLOW, second.id: GREEN, third.id: UNTIMED}

    task = board.supervise(station.engine, first.id, by=head.actor)
    station.session.commit()
    row = station.session.get_one(TaskRow, task)
    assert (row.name, row.assignee) == ("提出督办意见", head.actor.key)
    head.does(first, "supervise", INSTRUCTION)
    assert any("改送另一家机构" in text for text in zhangwei.told())
    logged = station.session.execute(
        select(HistoryRow.kind, HistoryRow.actor)
        .join(InstanceRow, InstanceRow.id == HistoryRow.instance_id)
        .where(InstanceRow.business_key == first.key, InstanceRow.id == row.instance_id)
        .order_by(HistoryRow.seq)
    ).all()
    assert [(kind, actor) for kind, actor in logged] == [
        ("start", head.actor.key),
        ("claim", head.actor.key),
        ("complete", head.actor.key),
    ]
    assert history.verify(station.session) == []


@pytest.mark.parametrize("login", ["liting", "zhangwei"])
def test_r1_2_1a_who_does_not_lead_starts_no_supervision(station, three, login):
    with pytest.raises(NotAllowed):
        board.supervise(station.engine, three[0].id, by=station.person(login).actor)
    assert supervisions(station) == 0


def test_r1_2_1a_who_does_not_lead_is_not_led_to_a_supervision_that_is_open(station, three, head, liting):
    board.supervise(station.engine, three[0].id, by=head.actor)
    station.session.commit()
    with pytest.raises(NotAllowed):
        board.supervise(station.engine, three[0].id, by=liting.actor)


def test_r1_2_1a_for_who_sees_no_case_there_is_none_to_supervise(station, three):
    with pytest.raises(NotFound):
        board.supervise(station.engine, three[0].id, by=station.person("admin").actor)
    assert board.overview(station.session, station.person("admin").actor, station.clock.now()) == []


def test_r1_2_1a_a_second_click_goes_to_the_same_supervision(station, three, head, superior):
    first = board.supervise(station.engine, three[0].id, by=head.actor)
    assert board.supervise(station.engine, three[0].id, by=head.actor) == first
    assert board.supervise(station.engine, three[0].id, by=superior.actor) == first
    assert supervisions(station) == 1
    assert station.session.get_one(TaskRow, first).assignee == head.actor.key


def test_r1_2_1a_a_closed_case_is_not_supervised(station, three, zhangwei, liting, head):
    zhangwei.handles(three[0])
    liting.closes(three[0])
    with pytest.raises(Refused, match="已经办结"):
        board.supervise(station.engine, three[0].id, by=head.actor)
    assert three[0].id not in lights(station, head)


def test_r1_2_1a_the_light_turns_where_the_table_says(station, three, head):
    """Yellow from the moment of the rung ``warn`` on, red from the end of the limit on; nothing was fired."""
    turns = select(TimerRow.due_at).where(
        TimerRow.instance_id == three[0].instance_id, TimerRow.rung == "warn"
    )
    warn = station.session.scalars(turns).one()

    def light(moment):
        marks = board.overview(station.session, head.actor, moment)
        return next(mark.light for mark in marks if mark.case_id == three[0].id)

    before = warn.replace(microsecond=0) - (at("2026-03-02 09:01") - at("2026-03-02 09:00"))
    assert light(before) == GREEN
    assert light(warn) == YELLOW
    assert light(at("2026-03-16 17:30")) == YELLOW
    assert light(at("2026-03-16 17:31")) == RED


def test_r1_2_1a_a_warned_case_stays_yellow_once_the_worker_has_told(station, three, head):
    station.clock.move_to("2026-03-13 09:00")
    assert "warn_due" in station.fire_due()
    assert lights(station, head)[three[0].id] == YELLOW


def test_r1_2_1a_a_stopped_clock_is_a_state_of_its_own(station, three, head):
    station.clock.move_to("2026-03-13 12:00")
    clock = clocks.of(station.session, three[0].key, "item")
    clocks.stop(station.session, clock, station.clock.now(), reason="inspection", actor="system")
    station.clock.move_to("2026-03-16 09:00")
    share = seen(station, head, three[0]).share
    station.clock.move_to("2026-04-20 09:00")
    line = seen(station, head, three[0])
    assert (line.mark.light, str(line.left.text)) == (PAUSED, "暂停计时")
    assert line.share == share < 0.95, "what stands still is not used up"


def test_r1_2_1a_the_owner_is_who_claimed_else_who_is_asked_and_for_whom(
    station, three, zhangwei, chenzhiqiang, head
):
    station.clock.move_to("2026-03-10 09:00")  # 张伟 is away, 陈志强 acts for him
    (owner,) = seen(station, head, three[0]).mark.owners
    assert (owner.name, owner.acting_for, owner.claimed) == ("陈志强", "张伟", False)
    station.clock.move_to("2026-03-12 09:00")
    station.engine.claim(zhangwei.task(three[0], "handle").id, by=zhangwei.actor)
    (owner,) = seen(station, head, three[0]).mark.owners
    assert (owner.name, owner.acting_for, owner.claimed) == ("张伟", None, True)


def supervisions(station):
    return station.session.scalar(
        select(func.count(TaskRow.id)).where(TaskRow.element == "supervise", TaskRow.status == "open")
    )


def test_r1_2_1d_a_target_of_40_shows_what_is_done_and_how_well(station, liting, head):
    station.clock.move_to("2026-03-02 09:00")
    days = calendar.load(station.session)
    targets.set_target(
        station.session,
        period="month",
        day=at("2026-03-02 09:00").date(),
        quantity=40,
        quality=90,
        by=head.actor,
        moment=station.clock.now(),
    )
    for _ in range(30):
        case = accepted(liting, "BZ01")
        station.person("liuyang").handles(case)
        liting.closes(case)
    (progress,) = targets.running(station.session, head.actor, station.clock.now(), days)
    assert (progress.done, progress.target.quantity) == (30, 40)
    assert (progress.share, progress.quality, progress.reached) == (75, 100, False)


def test_r1_2_1d_a_target_is_set_by_the_head_only_with_numbers_that_can_be_met(station, liting, head):
    given = {"period": "month", "day": at("2026-03-02 09:00").date(), "moment": station.clock.now()}
    for quantity in (0, -1):
        with pytest.raises(Refused, match="正整数"):
            targets.set_target(station.session, quantity=quantity, quality=None, by=head.actor, **given)
    with pytest.raises(NotAllowed):
        targets.set_target(station.session, quantity=40, quality=None, by=liting.actor, **given)
    targets.set_target(station.session, quantity=40, quality=None, by=head.actor, **given)
    with pytest.raises(Refused, match="已有目标"):
        targets.set_target(
            station.session, quantity=9, quality=None, by=head.actor, **given | {"period": "year"}
        )
