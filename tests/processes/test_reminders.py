"""T-std from the diagram: reminder, warning, late, superior; each rung once, nothing completed by itself."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.processes.conftest import at
from workflow.engine import history
from workflow.engine.timers import TimerRow
from workflow.station import cases, clocks
from workflow.station.clock_ledger import Escalation
from workflow.station.outbox import Outbox

RUNGS = ("remind_due", "warn_due", "late_due", "superior_due")


@pytest.fixture
def promised(liting):
    """JL01, accepted Monday 2026-03-02 09:00, ten working days, waiting for the technician."""
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    return case


def due(station):
    return {timer.rung: timer.due_at for timer in station.session.scalars(select(TimerRow)) if timer.rung}


def test_the_rungs_are_set_when_the_case_is_accepted(station, promised):
    times = due(station)
    assert set(times) == {"remind", "warn", "late", "superior"}
    assert times["late"] == at("2026-03-16 17:30")
    assert times["superior"] == at("2026-03-17 17:30")
    assert at("2026-03-06 17:00") < times["remind"] < times["warn"] < at("2026-03-13 17:30")


def test_half_way_the_owner_is_reminded(station, zhangwei, promised):
    station.clock.move_to("2026-03-09 18:00")
    assert "remind_due" in station.fire_due()
    # a reminder is for working hours
    assert station.person("chenzhiqiang").told() == []
    station.clock.move_to("2026-03-10 08:30")
    # 张伟 is away from the 9th to the 11th: 陈志强 acts for him
    assert any("过半" in text for text in station.person("chenzhiqiang").told())


def of_five_days(station, liting):
    """BZ02, five working days from Monday 2026-03-02 09:00; 刘洋 handles it, 赵敏 is the B."""
    case = liting.registers()
    liting.classifies(case, "BZ02")
    liting.accepts(case)
    liting.answers(case, "2026-03-06")
    return case


def test_r1_2_3a_at_four_fifths_of_five_working_days_the_owner_and_the_acting_b_are_warned(station, liting):
    case = of_five_days(station, liting)
    owner, b = station.person("liuyang"), station.person("zhaomin")
    assert clocks.of(station.session, case.key, "item").deadline_at == at("2026-03-09 17:30")
    turn = due(station)["warn"]
    assert at("2026-03-06 08:30") < turn < at("2026-03-09 08:30")
    station.clock.shift(seconds=(turn - station.clock.now()).total_seconds() - 60)
    assert "warn_due" not in station.fire_due()
    station.clock.move_to("2026-03-09 08:30")
    assert "warn_due" in station.fire_due()
    for person in (owner, b):
        assert any("预警" in text and case.no in text for text in person.told())
    assert case.state == cases.HANDLING, "nothing is completed by itself"


def test_r1_2_3a_what_is_solved_before_warns_nobody(station, liting):
    case = of_five_days(station, liting)
    owner = station.person("liuyang")
    owner.handles(case)
    liting.closes(case)
    station.clock.move_to("2026-03-09 08:30")
    assert "warn_due" not in station.fire_due()
    assert not any("预警" in text for text in owner.told())


def test_at_four_fifths_owner_deputy_and_head_are_warned(station, zhangwei, chenzhiqiang, head, promised):
    station.clock.move_to("2026-03-13 09:00")
    assert [one for one in station.fire_due() if one != "interval_over"] == ["remind_due", "warn_due"]
    for person in (zhangwei, chenzhiqiang, head):
        assert any("预警" in text for text in person.told()), person.row.name


def test_a_late_case_gives_the_head_a_supervision_and_stays_open(station, head, zhangwei, promised):
    station.clock.move_to("2026-03-16 17:31")
    assert station.fire_due()[-1] == "late_due"
    station.session.expire_all()
    assert promised.late_at is not None and promised.state == cases.HANDLING
    assert [line.task_name for line in head.inbox() if line.case_id == promised.id] == ["提出督办意见"]
    head.does(
        promised,
        "supervise",
        {"reason": "检定机构排期已满。", "measures": "改送另一家机构。", "new_date": "2026-03-18"},
    )
    assert any("改送另一家机构" in text for text in zhangwei.told())
    told = station.session.scalars(select(Outbox.text).order_by(Outbox.id.desc())).first()
    assert told.startswith("很抱歉") and "检定机构排期已满" in told and "2026-03-18" in told
    assert promised.late_at is not None


def test_a_working_day_later_the_superior_reads_it_in_the_mornings_digest(station, superior, promised):
    station.clock.move_to("2026-03-17 17:31")
    assert station.fire_due()[-1] == "superior_due"
    assert superior.told() == []
    station.clock.move_to("2026-03-18 08:31")
    assert any("超期一个工作日" in text for text in superior.told())


def test_each_rung_is_reached_once_also_after_the_clock_was_moved_back(station, promised):
    station.clock.move_to("2026-03-18 09:00")
    assert [one for one in station.fire_due() if one in RUNGS] == list(RUNGS)
    station.clock.move_to("2026-03-03 09:00")
    assert station.fire_due() == []
    station.clock.move_to("2026-03-18 09:00")
    assert station.fire_due() == []
    rungs = station.session.scalars(select(Escalation.rung).order_by(Escalation.id)).all()
    assert rungs == ["remind", "warn", "late", "superior"]
    assert history.verify(station.session) == []


def test_a_case_closed_in_time_reminds_nobody(station, liting, zhangwei, promised):
    zhangwei.handles(promised)
    liting.closes(promised)
    station.clock.move_to("2026-03-20 09:00")
    assert station.fire_due() == []
    assert clocks.of(station.session, promised.key, "item").state == "finished"


def test_a_short_limit_has_no_reminder_half_way(station, liting):
    case = liting.registers()
    liting.classifies(case, "RZ02")
    liting.accepts(case)
    assert set(due(station)) == {"idle", "warn", "late", "superior"}


def test_a_limit_of_one_day_has_only_the_warning_and_the_end(station, liting):
    case = liting.registers()
    liting.classifies(case, "BZ01")
    liting.accepts(case)
    assert set(due(station)) == {"idle", "warn", "late"}


def test_a_late_case_can_still_be_finished_and_stays_late(station, liting, zhangwei, promised):
    station.clock.move_to("2026-03-16 17:31")
    station.fire_due()
    zhangwei.handles(promised)
    liting.closes(promised)
    assert promised.state == cases.CLOSED and promised.late_at is not None
