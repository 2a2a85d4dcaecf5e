"""The calendar: days, names, working time, what is only estimated, and the table."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, timedelta

import chinese_calendar
import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.conftest import Database
from workflow.errors import AlreadyDone, Refused
from workflow.station import calendar as calendars
from workflow.station import calendar_days
from workflow.station.calendar import ZONE, Calendar, CalendarDay, CalendarEnds, Day, built, closure, dates

SATURDAY = date(2026, 3, 7)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def closed(day: date, *, am: bool = False, pm: bool = False, calendar: Calendar | None = None) -> Calendar:
    known = calendar or built()
    return known.with_days([closure(known.day(day), "停电检修", am=am, pm=pm)], version="closed")


def test_the_library_covers_what_its_data_covers() -> None:
    assert calendars.last_published_year() == max(chinese_calendar.holidays).year
    assert built().day(date(calendars.last_published_year(), 6, 1)).source == "library"
    assert built().day(date(calendars.last_published_year() + 1, 6, 1)).source == "estimate"


def test_every_covered_day_agrees_with_the_library() -> None:
    differing = [
        day
        for day in dates(date(2004, 1, 1), date(2026, 12, 31))
        if built().is_work(day) != chinese_calendar.is_workday(day)
    ]
    assert differing == []


def test_2026_has_248_working_days() -> None:
    assert built().count(date(2025, 12, 31), date(2026, 12, 31)) == 248


def test_holidays_have_a_chinese_name_and_worked_weekends_are_known() -> None:
    assert str(built().day(date(2026, 4, 5)).label) == "清明节"
    assert built().day(date(2026, 2, 14)).is_worked_weekend
    assert not built().day(SATURDAY).is_worked_weekend
    assert built().day(SATURDAY).label is None


def test_one_working_day_after_a_saturday_is_monday() -> None:
    assert built().shift(SATURDAY, 1) == date(2026, 3, 9)
    assert chinese_calendar.find_workday(1, SATURDAY) == date(2026, 3, 10)  # why we have a loop of our own


def test_days_are_counted_after_the_first_and_up_to_the_last() -> None:
    assert built().count(date(2026, 3, 2), date(2026, 3, 9)) == 5
    assert built().count(date(2026, 3, 9), date(2026, 3, 2)) == 0
    assert built().shift(date(2026, 3, 9), -5) == date(2026, 3, 2)
    assert built().shift(SATURDAY, 0) == SATURDAY


def test_working_minutes_leave_out_noon_night_and_weekend() -> None:
    assert built().working_minutes(at("2026-03-02 08:00"), at("2026-03-02 20:00")) == 450
    assert built().working_minutes(at("2026-03-02 11:30"), at("2026-03-02 14:00")) == 60
    assert built().working_minutes(at("2026-03-06 17:00"), at("2026-03-09 09:00")) == 60
    assert built().working_minutes(at("2026-03-09 09:00"), at("2026-03-06 17:00")) == 0


def test_added_working_minutes_end_at_closing_time_not_at_the_next_opening() -> None:
    assert built().add_working_minutes(at("2026-03-02 08:30"), 450) == at("2026-03-02 17:30")
    assert built().add_working_minutes(at("2026-03-02 08:30"), 210) == at("2026-03-02 12:00")
    assert built().add_working_minutes(at("2026-03-06 17:00"), 31) == at("2026-03-09 08:31")
    assert built().add_working_minutes(at("2026-03-07 10:00"), 0) == at("2026-03-07 10:00")


def test_moments_of_other_zones_count_by_shanghai() -> None:
    utc = datetime.fromisoformat("2026-03-02T00:30:00+00:00")
    assert built().add_working_minutes(utc, 60) == at("2026-03-02 09:30")


def test_a_closed_day_is_no_working_day_and_a_half_closed_one_is() -> None:
    monday = date(2026, 3, 9)
    assert closed(monday).shift(SATURDAY, 1) == date(2026, 3, 10)
    morning_only, afternoon_only = closed(monday, am=True), closed(monday, pm=True)
    assert morning_only.shift(SATURDAY, 1) == afternoon_only.shift(SATURDAY, 1) == monday
    assert morning_only.closes(monday) == at("2026-03-09 12:00")
    assert afternoon_only.half(monday) == at("2026-03-09 17:30")
    assert morning_only.working_minutes(at("2026-03-09 00:00"), at("2026-03-10 00:00")) == 210


def test_a_closure_never_opens_a_day_off() -> None:
    assert not closed(SATURDAY, am=True, pm=True).is_work(SATURDAY)


def test_the_last_week_of_the_last_covered_year_is_provisional() -> None:
    assert built().is_provisional(date(2026, 12, 24), date(2026, 12, 25))
    assert not built().is_provisional(date(2026, 1, 1), date(2026, 12, 24))
    assert not built().is_provisional(date(2025, 12, 25), date(2025, 12, 31))


def test_an_unpublished_year_is_estimated_with_the_holidays_of_fixed_date() -> None:
    off = [
        day
        for day in dates(date(2028, 1, 1), date(2028, 12, 31))
        if day.weekday() < 5 and not built().is_work(day)
    ]
    assert off == [date(2028, 4, 4), date(2028, 5, 1), date(2028, 5, 2), date(2028, 10, 2), date(2028, 10, 3)]
    assert built().is_provisional(date(2028, 7, 3), date(2028, 7, 3))


def test_a_calendar_without_working_days_is_an_error_not_an_endless_loop() -> None:
    first = date(2026, 3, 2)
    never = built().with_days(
        [Day(first + timedelta(days=n), am=False, pm=False) for n in range(500)], version="never"
    )
    with pytest.raises(CalendarEnds):
        never.next_work(first)


# --- the table -------------------------------------------------------------------------------------------


def test_without_rows_the_library_is_in_force(session: Session) -> None:
    assert calendars.load(session) is built()


def test_the_import_writes_every_covered_day_once(session: Session) -> None:
    calendar_days.import_library(session)
    calendar_days.import_library(session)
    rows = {row.date: row for row in session.scalars(select(CalendarDay))}
    assert len(rows) == (date(2026, 12, 31) - date(2004, 1, 1)).days + 1
    assert (rows[date(2026, 4, 6)].name, rows[date(2026, 4, 6)].is_work) == ("清明节", False)
    assert rows[date(2026, 12, 31)].provisional


def test_the_loaded_calendar_is_kept_until_a_day_changes(session: Session) -> None:
    first = calendar_days.close(session, date(2026, 3, 10), "停电检修")
    assert calendars.load(session) is first
    second = calendar_days.close(session, date(2026, 3, 11), "停电检修", am=True)
    assert second is not first and second.version > first.version
    assert (first.day(date(2026, 3, 11)).pm, second.day(date(2026, 3, 11)).pm) == (True, False)


def test_a_closure_survives_an_import_and_can_be_taken_back(session: Session) -> None:
    day = date(2026, 3, 10)
    calendar_days.close(session, day, "停电检修")
    assert not calendar_days.import_library(session).is_work(day)
    assert calendar_days.reopen(session, day).is_work(day)


def test_a_holiday_is_not_closed_once_more(session: Session) -> None:
    with pytest.raises(Refused) as refused:
        calendar_days.close(session, date(2026, 5, 1), "停电检修")
    assert refused.value.field == "day"


def test_a_reopened_worked_weekend_has_its_name_again(session: Session) -> None:
    day = date(2026, 2, 14)
    calendar_days.close(session, day, "停电检修", am=True)
    known = calendar_days.reopen(session, day).day(day)
    assert (known.am, known.pm, known.name, known.source) == (True, True, "春节", "library")


def test_a_half_closed_day_that_becomes_a_holiday_is_off(session: Session) -> None:
    """And it is a half closed working day again when the notice is corrected."""
    day = date(2027, 2, 8)
    calendar_days.close(session, day, "停电检修", am=True)
    assert not calendar_days.import_notice(session, 2027, {day: "春节"}, {}).is_work(day)
    again = calendar_days.import_notice(session, 2027, {date(2027, 1, 1): "元旦"}, {}).day(day)
    assert (again.am, again.pm, again.provisional) == (True, False, False)


def test_a_closure_of_several_days_leaves_the_weekend_as_it_is(session: Session) -> None:
    known = calendar_days.close(session, date(2026, 3, 13), "搬迁", until=date(2026, 3, 16))
    sources = [known.day(date(2026, 3, day)).source for day in (13, 14, 15, 16)]
    assert sources == ["local", "library", "library", "local"]


@pytest.mark.parametrize(
    ("name", "until"),
    [
        ("", None),
        ("=1+1", None),
        ("＠风险", None),
        ("长" * 41, None),
        ("停电", "2026-03-09"),
        ("停电", "2027-03-10"),
    ],
)
def test_a_closure_needs_a_name_and_a_sensible_end(session: Session, name: str, until: str | None) -> None:
    last = date.fromisoformat(until) if until else None
    with pytest.raises(Refused):
        calendar_days.close(session, date(2026, 3, 10), name, until=last)


def test_a_day_without_a_closure_cannot_be_reopened(session: Session) -> None:
    with pytest.raises(Refused):
        calendar_days.reopen(session, date(2026, 3, 10))


def test_every_change_says_who_made_it_and_what_it_changed(session: Session) -> None:
    author = calendar_days.Author("staff:7", "staff:1")
    version = calendar_days.close(session, date(2026, 3, 10), "停电检修", am=True, author=author).version
    change = calendar_days.change_of(session, version)
    assert change is not None
    assert (change.kind, change.actor, change.on_behalf_of, change.reason) == (
        "close", "staff:7", "staff:1", "停电检修",
    )  # fmt: skip
    assert [(b.date, b.am, b.pm, a.am, a.pm) for b, a in change.pairs] == [
        (date(2026, 3, 10), True, True, True, False)
    ]


def test_the_calendar_of_an_earlier_version_can_be_had_again(session: Session) -> None:
    day = date(2026, 3, 10)
    first = calendar_days.import_library(session).version
    second = calendar_days.close(session, day, "停电检修").version
    third = calendar_days.close(session, day, "停电检修", am=True).version
    calendar_days.reopen(session, day)
    worked = [calendar_days.as_of(session, version).is_work(day) for version in (first, second, third)]
    assert worked == [True, False, True]
    assert calendar_days.as_of(session, built().version).is_work(day)


def test_what_changes_nothing_makes_no_new_version(session: Session) -> None:
    first = calendar_days.close(session, date(2026, 3, 10), "停电检修")
    assert calendar_days.close(session, date(2026, 3, 10), "停电检修") is first


def test_two_changes_at_once_follow_one_another(database: Database) -> None:
    """Else the later version might be loaded without the days of the one that commits after it."""
    with database.sessions() as one, database.sessions() as two:
        calendar_days.close(one, date(2026, 3, 10), "停电检修")
        with ThreadPoolExecutor(1) as other:
            waiting = other.submit(calendar_days.close, two, date(2026, 3, 11), "停电检修")
            with pytest.raises(TimeoutError):
                waiting.result(0.3)
            one.commit()
            known = waiting.result(10)
        two.commit()
    assert not known.is_work(date(2026, 3, 10)) and not known.is_work(date(2026, 3, 11))


def test_who_previewed_an_older_calendar_is_told_so(session: Session) -> None:
    version = calendars.load(session).version
    calendar_days.must_be_at(session, version)
    calendar_days.close(session, date(2026, 3, 10), "停电检修")
    with pytest.raises(AlreadyDone):
        calendar_days.must_be_at(session, version)


def test_the_notice_of_a_new_year_makes_it_and_the_december_before_certain(session: Session) -> None:
    calendar_days.import_library(session)
    off = {date(2027, 1, 1): "元旦", date(2026, 12, 31): "元旦"}
    calendar = calendar_days.import_notice(session, 2027, off, {date(2027, 1, 9): "元旦"})
    assert not calendar.is_provisional(date(2026, 12, 25), date(2027, 12, 24))
    assert calendar.is_provisional(date(2027, 12, 25), date(2027, 12, 25))
    assert calendar.day(date(2027, 1, 9)).is_worked_weekend
    assert not calendar.is_work(date(2026, 12, 31))


def test_a_notice_that_says_nothing_of_december_leaves_it_as_it_was(session: Session) -> None:
    calendar_days.import_library(session)
    first, second = {date(2026, 12, 31): "元旦"}, {date(2027, 1, 1): "元旦"}
    calendar_days.import_notice(session, 2027, first | second, {})
    assert not calendar_days.import_notice(session, 2027, second, {}).is_work(date(2026, 12, 31))


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        ("2026-03-02 09:10", "2026-03-02 09:10"),
        ("2026-03-02 07:00", "2026-03-02 08:30"),
        ("2026-03-02 12:30", "2026-03-02 13:30"),
        ("2026-03-02 17:30", "2026-03-03 08:30"),
        ("2026-03-06 20:00", "2026-03-09 08:30"),
    ],
)
def test_outside_working_hours_the_next_working_moment_is_meant(moment: str, expected: str) -> None:
    found = built().working(at(moment))
    assert f"{found:%Y-%m-%d %H:%M}" == expected


def test_a_half_that_stays_open_twice_is_no_closing(session: Session) -> None:
    with pytest.raises(Refused) as refused:
        calendar_days.close(session, date(2026, 3, 12), "停电检修", am=True, pm=True)
    assert refused.value.field == "half"
