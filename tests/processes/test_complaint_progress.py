"""News of a complaint (R4.3c, §4.6): at the wished interval, and on the last working day before the end."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta

import chinese_calendar
import pytest
from sqlalchemy import select

from tests.conftest import SHANGHAI
from tests.processes.conftest import Person, Station, at
from tests.processes.test_complaint import (
    accepted,
    assesses,
    assigns,
    does,
    feeds_back,
    investigates,
    proposes,
    registers,
    steps,
    tells,
)
from workflow.engine.instances import InstanceRow
from workflow.engine.timers import TimerRow
from workflow.errors import InvalidForm, NotAllowed, Refused
from workflow.station import clocks, complaint_extensions, documents
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.complaints import Complaint


def waits_until(station: Station, complaint: Complaint) -> datetime | None:
    """When the diagram will ask for the next notice."""
    found = (
        select(TimerRow.due_at)
        .join(InstanceRow, InstanceRow.id == TimerRow.instance_id)
        .where(InstanceRow.business_key == complaint.key, TimerRow.element == "progress_due")
    )
    return station.session.scalar(found)


def asks(who: Person, complaint: Complaint, *, days: int = 5) -> None:
    station = who.station
    station.engine.start(
        complaint_extensions.PROCESS,
        by=who.actor,
        data={"days": days, "reason": "等待检测机构复检。"},
        business_key=complaint.key,
    )
    station.session.commit()
    station.session.expire_all()


@pytest.fixture
def sunlihua(station: Station) -> Person:
    return station.person("sunlihua")


@pytest.fixture
def assigned(station: Station, wangfang: Person, liting: Person, sunlihua: Person, head: Person) -> Complaint:
    complaint = registers(wangfang, about=[liting])
    accepted(station, complaint)
    assigns(head, complaint, sunlihua)
    return complaint


def test_r4_3c_vector_11_notices_come_at_the_interval_then_on_the_eve_then_the_result(
    station, wangfang, liting, sunlihua
):
    station.clock.move_to("2026-04-27 09:00")
    complaint = registers(wangfang, about=[liting], interval=5)
    assesses(sunlihua, complaint, complexity="complex")
    tells(sunlihua, complaint)
    clock = clocks.of(station.session, complaint.key, ITEM_CLOCK)
    assert clock is not None and clock.deadline_at == at("2026-05-13 17:30")
    for due in ("2026-05-07", "2026-05-12", "2026-05-13"):
        assert waits_until(station, complaint) == at(f"{due} 17:30")
        station.clock.move_to(f"{due} 17:30")
        assert "progress_due" in station.fire_due()
        tells(sunlihua, complaint, "tell")


def test_r4_3c_an_unsuccessful_call_does_not_begin_the_interval_anew(station, sunlihua, assigned):
    assert waits_until(station, assigned) == at("2026-03-05 17:30")
    station.clock.move_to("2026-03-05 17:30")
    station.fire_due()
    tells(sunlihua, assigned, "tell", outcome="no_answer")
    assert "tell" in steps(sunlihua, assigned) and waits_until(station, assigned) is None
    tells(sunlihua, assigned, "tell")
    assert waits_until(station, assigned) == at("2026-03-06 17:30"), "the eve of 03-09"


def test_r4_3c_without_a_wish_it_is_the_tables_interval(station, assigned):
    assert assigned.asked_interval is None and assigned.interval_days == 3
    assert waits_until(station, assigned) == at("2026-03-05 17:30")


@pytest.mark.parametrize("wrong", [{"content": " "}, {"at": "2026-03-02T10:00"}, {"channel": "code"}])
def test_r4_3c_a_notice_needs_words_a_time_that_was_and_a_way_that_reaches(
    station, wangfang, liting, sunlihua, wrong
):
    complaint = registers(wangfang, about=[liting])
    assesses(sunlihua, complaint)
    with pytest.raises((Refused, InvalidForm)):
        tells(sunlihua, complaint, **wrong)


def test_r4_3c_the_notices_end_with_the_answer(station, sunlihua, head, assigned):
    investigates(sunlihua, assigned)
    proposes(sunlihua, assigned)
    does(head, assigned, "decide", approval="yes")
    feeds_back(sunlihua, assigned)
    assert waits_until(station, assigned) is None


# --- more time -------------------------------------------------------------------------------------------


def test_p07_more_time_is_asked_before_the_deadline_and_moves_everything(station, sunlihua, head, assigned):
    asks(sunlihua, assigned)
    does(head, assigned, "approve", approval="yes")
    clock = clocks.of(station.session, assigned.key, ITEM_CLOCK)
    assert clock is not None and clock.deadline_at == at("2026-03-16 17:30")
    assert "complaint_extension" in [one.kind for one in documents.of(station.session, assigned.key)]
    tells(sunlihua, assigned, "tell")
    assert waits_until(station, assigned) == at("2026-03-05 17:30")
    station.clock.move_to("2026-03-09 17:31")
    assert "late_due" not in station.fire_due()


def test_p07_more_time_is_given_once_and_no_more_than_the_table_has(station, sunlihua, head, assigned):
    with pytest.raises(Refused) as refused:
        asks(sunlihua, assigned, days=11)
    assert refused.value.field == "days"
    station.session.rollback()
    asks(sunlihua, assigned, days=10)
    does(head, assigned, "approve", approval="yes")
    with pytest.raises(Refused):
        asks(sunlihua, assigned, days=1)


def test_p07_nobody_but_the_handler_asks_and_nobody_asks_too_late(station, sunlihua, wangfang, assigned):
    with pytest.raises(NotAllowed):
        asks(wangfang, assigned)
    station.session.rollback()
    station.clock.move_to("2026-03-09 17:31")
    with pytest.raises(Refused):
        asks(sunlihua, assigned)


def test_p07_what_is_refused_or_not_decided_in_time_moves_nothing(station, sunlihua, head, assigned):
    asks(sunlihua, assigned)
    does(head, assigned, "approve", approval="no", opinion="请按期答复。")
    assert any("未获同意" in text for text in sunlihua.told())
    asks(sunlihua, assigned)
    station.clock.move_to("2026-03-09 17:30")
    station.fire_due()
    assert "approve" not in steps(head, assigned)
    clock = clocks.of(station.session, assigned.key, ITEM_CLOCK)
    assert clock is not None and clock.deadline_at == at("2026-03-09 17:30")
    station.clock.move_to("2026-03-10 08:30")
    assert any("视为不同意" in text for text in sunlihua.told())


# --- against an independent count ------------------------------------------------------------------------


def counted(last: datetime, deadline: datetime, every: int) -> datetime:
    """The rule once more, day by day, with the published calendar alone."""
    day, end = last.astimezone(SHANGHAI).date(), deadline.astimezone(SHANGHAI).date()
    eve = end - timedelta(days=1)
    while not chinese_calendar.is_workday(eve):
        eve -= timedelta(days=1)
    if day >= eve:
        return deadline
    left = every
    while left:
        day += timedelta(days=1)
        left -= chinese_calendar.is_workday(day)
    return datetime.combine(min(day, eve), time(17, 30), SHANGHAI).astimezone(UTC)


def after(day: date, count: int) -> date:
    while count:
        day += timedelta(days=1)
        count -= chinese_calendar.is_workday(day)
    return day


@pytest.mark.parametrize("seed", range(6))
def test_r4_3c_random_histories_agree_with_a_count_by_days(station, wangfang, liting, sunlihua, head, seed):
    chance = random.Random(seed)
    start = date(2026, 3, 3) + timedelta(days=chance.randrange(200))
    while not chinese_calendar.is_workday(start):
        start += timedelta(days=1)
    station.clock.move_to(f"{start} 09:00")
    every, complexity = chance.randint(1, 8), chance.choice(["simple", "complex"])
    complaint = registers(wangfang, about=[liting], interval=every)
    assesses(sunlihua, complaint, complexity=complexity)
    tells(sunlihua, complaint)
    assigns(head, complaint, sunlihua)
    end = after(start, 5 if complexity == "simple" else 10)
    deadline = datetime.combine(end, time(17, 30), SHANGHAI).astimezone(UTC)
    last, extended, notices = station.clock.now(), False, 0
    while True:
        due = waits_until(station, complaint)
        assert due == counted(last, deadline, every), (seed, start, every, complexity)
        if not extended and chance.random() < 0.4:
            days = chance.randint(1, 10)
            asks(sunlihua, complaint, days=days)
            does(head, complaint, "approve", approval="yes")
            tells(sunlihua, complaint, "tell")
            deadline = datetime.combine(after(end, days), time(17, 30), SHANGHAI).astimezone(UTC)
            last, extended = station.clock.now(), True
            continue
        station.clock.move_to(due.astimezone(SHANGHAI).strftime("%Y-%m-%d %H:%M"))
        assert "progress_due" in station.fire_due()
        if due == deadline:
            break
        if chance.random() < 0.3:
            tells(sunlihua, complaint, "tell", outcome="no_answer")
        tells(sunlihua, complaint, "tell")
        last, notices = station.clock.now(), notices + 1
    assert notices >= 1
