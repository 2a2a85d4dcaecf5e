"""Deadlines as the rulebook's fourth chapter gives them: its vectors, then what each sentence means."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import pytest

from workflow.errors import Refused
from workflow.station.calendar import ZONE, Calendar, Day, built, closure
from workflow.station.deadlines import (
    Limit,
    Stop,
    counted_stops,
    deadline,
    explain_due,
    late_moment,
    progress_due,
    remaining,
    share_moment,
)

CALENDAR = built()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def said(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M}"


def due(
    start: str,
    value: int | float | str,
    unit: str = "working-day",
    *,
    stops: list[Stop] | None = None,
    extensions: tuple[int, ...] = (),
    calendar: Calendar = CALENDAR,
) -> str:
    return said(deadline(at(start), Limit(value, unit), calendar, stops or [], extensions).at)


def stop(first: str, last: str) -> Stop:
    return Stop(at(first), at(last))


def closed(*days: tuple[str, bool, bool]) -> Calendar:
    """(day, is the morning open, is the afternoon open)"""
    shut = [closure(CALENDAR.day(date.fromisoformat(day)), "停电检修", am=am, pm=pm) for day, am, pm in days]
    return CALENDAR.with_days(shut, version="closed")


# --- the vectors of §4 -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "value", "unit", "expected"),
    [
        pytest.param("2025-04-01 10:00", 5, "working-day", "2025-04-09 17:30", id="V1 plain and Qingming"),
        pytest.param("2025-04-25 10:00", 5, "working-day", "2025-05-06 17:30", id="V2 worked Sunday"),
        pytest.param("2025-09-26 10:00", 6, "working-day", "2025-10-11 17:30", id="V3 worked Saturday"),
        pytest.param("2026-03-07 10:00", 1, "working-day", "2026-03-09 17:30", id="V5 begins on a Saturday"),
        pytest.param("2025-09-19 10:00", 15, "day", "2025-10-09 17:30", id="V6 days into a holiday"),
        pytest.param("2026-02-13 15:00", 0.5, "working-day", "2026-02-14 12:00", id="V10 half a day"),
        pytest.param("2026-09-18 16:00", 1.5, "working-day", "2026-09-21 12:00", id="V10 a day and a half"),
        pytest.param("2026-09-17 10:00", 5, "working-day", "2026-09-23 17:30", id="V13 notice"),
        pytest.param("2026-09-17 10:00", 20, "working-day", "2026-10-21 17:30", id="V13 deemed accepted"),
    ],
)
def test_a_vector_of_the_rulebook(start: str, value: float, unit: str, expected: str) -> None:
    assert due(start, value, unit) == expected


def test_vector_3_warns_on_the_days_given() -> None:
    start, end = at("2025-09-26 10:00"), at("2025-10-11 17:30")
    assert said(share_moment(start, end, 0.5, CALENDAR)).startswith("2025-09-30")
    assert said(share_moment(start, end, 0.8, CALENDAR)).startswith("2025-10-10")


def test_vector_5_with_what_comes_after_hours_counted_as_the_next_day() -> None:
    def received(start: str) -> str:
        found = deadline(at(start), Limit(1), CALENDAR, after_hours_is_next_day=True)
        return said(found.at)

    assert received("2026-03-07 10:00") == "2026-03-10 17:30"
    assert received("2026-03-06 20:00") == "2026-03-10 17:30"
    assert received("2026-03-06 17:30") == "2026-03-09 17:30"


def test_vector_11_progress_of_a_complaint_accepted_on_27_april() -> None:
    result = at("2026-05-13 17:30")
    assert due("2026-04-27 10:00", 10) == "2026-05-13 17:30"
    told = [at("2026-04-27 10:00")]
    for _ in range(3):
        told.append(progress_due(told[-1], result, 5, CALENDAR))
    assert [said(moment)[:10] for moment in told[1:]] == ["2026-05-07", "2026-05-12", "2026-05-13"]


# --- days, hours, half days ------------------------------------------------------------------------------


def test_the_day_of_the_event_is_not_counted_whatever_its_hour() -> None:
    assert due("2026-03-02 00:01", 1) == due("2026-03-02 23:59", 1) == "2026-03-03 17:30"


def test_calendar_days_end_on_a_worked_saturday_without_moving() -> None:
    assert due("2026-02-04 10:00", 10, "day") == "2026-02-14 17:30"
    assert due("2026-03-02 10:00", 5, "day") == "2026-03-09 17:30"


def test_hours_run_through_the_night_and_working_hours_do_not() -> None:
    assert due("2026-03-06 16:00", 24, "hour") == "2026-03-07 16:00"
    assert due("2026-03-06 16:00", 2, "working-hour") == "2026-03-09 09:00"
    assert due("2026-03-06 11:30", 1, "working-hour") == "2026-03-06 14:00"
    assert due("2026-03-07 11:30", 1, "working-hour") == "2026-03-09 09:30"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        ("2026-03-02 07:00", "2026-03-02 17:30"),
        ("2026-03-02 11:59", "2026-03-02 17:30"),
        ("2026-03-02 12:00", "2026-03-03 12:00"),
        ("2026-03-06 18:00", "2026-03-09 12:00"),
        ("2026-03-07 09:00", "2026-03-09 12:00"),
    ],
)
def test_half_a_day_is_this_afternoon_or_the_next_morning(start: str, expected: str) -> None:
    assert due(start, "0.5") == expected


def test_the_half_of_a_longer_limit_is_the_morning_after() -> None:
    assert due("2026-03-02 10:00", "2.5") == "2026-03-05 12:00"


def test_a_longer_limit_or_a_later_start_never_ends_earlier() -> None:
    moments = [at("2026-02-10 00:30") + timedelta(hours=5 * n) for n in range(120)]
    for calendar in (CALENDAR, closed(("2026-02-12", False, False), ("2026-02-13", True, False))):
        for unit, step in (("working-day", "0.5"), ("day", "1"), ("working-hour", "1"), ("hour", "1")):
            limits = [Limit(float(step) * n, unit) for n in range(1, 14)]
            table = [[deadline(start, limit, calendar).at for limit in limits] for start in moments]
            assert all(row == sorted(row) for row in table)
            assert all(list(column) == sorted(column) for column in zip(*table, strict=True))


def test_half_steps_end_strictly_later_on_full_days() -> None:
    ends = [due("2026-03-02 10:00", value) for value in (0.5, 1, 1.5, 2)]
    assert ends == ["2026-03-02 17:30", "2026-03-03 17:30", "2026-03-04 12:00", "2026-03-04 17:30"]


# --- closures --------------------------------------------------------------------------------------------


def test_a_closed_day_is_skipped() -> None:
    assert due("2026-03-02 10:00", 2, calendar=closed(("2026-03-03", False, False))) == "2026-03-05 17:30"


def test_a_half_closed_day_counts_and_closes_with_its_open_half() -> None:
    calendar = closed(("2026-03-03", True, False))
    assert due("2026-03-02 10:00", 1, calendar=calendar) == "2026-03-03 12:00"
    assert due("2026-03-02 10:00", 2, calendar=calendar) == "2026-03-04 17:30"


def test_half_a_day_skips_a_closed_half() -> None:
    assert due("2026-03-02 10:00", 0.5, calendar=closed(("2026-03-02", True, False))) == "2026-03-03 12:00"
    assert due("2026-03-02 15:00", 0.5, calendar=closed(("2026-03-03", False, True))) == "2026-03-03 17:30"


# --- stops -----------------------------------------------------------------------------------------------


def test_the_day_of_stopping_is_used_and_the_day_of_resuming_is_not_day_one() -> None:
    stopped = [stop("2026-03-04 10:00", "2026-03-09 15:00")]
    assert due("2026-03-02 10:00", 10, stops=stopped) == "2026-03-19 17:30"


def test_stopping_and_resuming_on_one_day_gains_nothing() -> None:
    assert due("2026-03-02 10:00", 1, stops=[stop("2026-03-02 10:30", "2026-03-02 16:00")]) == (
        "2026-03-03 17:30"
    )
    assert due("2026-03-02 10:00", 1, stops=[stop("2026-03-03 09:00", "2026-03-03 17:00")]) == (
        "2026-03-03 17:30"
    )


def test_overlapping_stops_are_merged() -> None:
    apart = [stop("2026-03-03 10:00", "2026-03-06 10:00"), stop("2026-03-05 10:00", "2026-03-10 10:00")]
    assert due("2026-03-02 10:00", 5, stops=apart) == due(
        "2026-03-02 10:00", 5, stops=[stop("2026-03-03 10:00", "2026-03-10 10:00")]
    )


@pytest.mark.parametrize(
    ("resumed", "expected"),
    [
        ("2026-03-11 09:00", "2026-03-11 17:30"),
        ("2026-03-11 18:00", "2026-03-12 17:30"),
        ("2026-03-14 09:00", "2026-03-16 17:30"),
    ],
)
def test_a_stop_begun_on_the_deadline_day_leaves_the_day_of_resumption(resumed: str, expected: str) -> None:
    assert due("2026-03-02 10:00", 5, stops=[stop("2026-03-09 10:00", resumed)]) == expected


def test_a_stop_after_the_deadline_counts_nothing_and_is_named() -> None:
    late = stop("2026-03-09 17:31", "2026-03-11 09:00")
    found = deadline(at("2026-03-02 10:00"), Limit(5), CALENDAR, [late])
    assert (said(found.at), found.ignored) == ("2026-03-09 17:30", (late,))


def test_calendar_days_are_moved_by_calendar_days_then_off_the_weekend() -> None:
    stopped = [stop("2026-03-03 10:00", "2026-03-06 10:00")]
    assert due("2026-03-02 10:00", 10, "day", stops=stopped) == "2026-03-16 17:30"


def test_a_stop_on_the_days_off_before_a_moved_deadline_is_a_stop_on_the_deadline_day() -> None:
    stopped = [stop("2026-03-08 10:00", "2026-03-12 10:00")]
    assert due("2026-03-02 10:00", 5, "day", stops=stopped) == "2026-03-12 17:30"


def test_hours_are_stopped_to_the_minute() -> None:
    stopped = [stop("2026-03-02 11:00", "2026-03-02 14:00")]
    assert due("2026-03-02 10:00", 2, "working-hour", stops=stopped) == "2026-03-02 15:00"
    assert due("2026-03-02 10:00", 2, "hour", stops=stopped) == "2026-03-02 15:00"


def test_an_open_stop_is_said_and_moves_nothing_yet() -> None:
    found = deadline(at("2026-03-02 10:00"), Limit(5), CALENDAR, [Stop(at("2026-03-04 10:00"))])
    assert (said(found.at), found.stopped) == ("2026-03-09 17:30", True)
    assert "现正暂停计时" in str(found.why)


# --- extensions, provisional days ------------------------------------------------------------------------


def test_an_extension_counts_from_the_old_deadline_in_any_order_with_stops() -> None:
    stopped = [stop("2026-03-04 10:00", "2026-03-09 15:00")]
    assert due("2026-03-02 10:00", 10, extensions=(2, 3)) == "2026-03-23 17:30"
    assert due("2026-03-02 10:00", 10, stops=stopped, extensions=(5,)) == due(
        "2026-03-02 10:00", 15, stops=stopped
    )


def test_extensions_of_other_units() -> None:
    assert due("2026-03-02 10:00", 3, "day", extensions=(3,)) == "2026-03-09 17:30"
    assert due("2026-03-06 15:00", 1, "working-hour", extensions=(1,)) == "2026-03-09 16:00"
    assert due("2026-03-06 15:00", 5, "hour", extensions=(1,)) == "2026-03-09 20:00"


@pytest.mark.parametrize(
    ("start", "value", "unit", "provisional"),
    [
        ("2026-12-10 10:00", 5, "working-day", False),
        ("2026-12-22 10:00", 3, "working-day", True),
        ("2026-12-30 10:00", 10, "working-day", True),
        ("2026-12-30 10:00", 24, "hour", False),
        ("2026-12-10 10:00", 30, "day", True),
        ("2027-03-01 10:00", 2, "working-hour", True),
    ],
)
def test_a_deadline_is_provisional_when_it_rests_on_estimated_days(
    start: str, value: int, unit: str, provisional: bool
) -> None:
    assert deadline(at(start), Limit(value, unit), CALENDAR).provisional is provisional


# --- moments on the way ----------------------------------------------------------------------------------


def test_a_share_is_of_the_working_minutes_rounded_up() -> None:
    start, end = at("2026-03-02 16:30"), at("2026-03-03 17:30")  # 510 working minutes
    assert said(share_moment(start, end, 0.5, CALENDAR)) == "2026-03-03 11:45"
    assert said(share_moment(start, end, 0.333, CALENDAR)) == "2026-03-03 10:20"
    assert share_moment(start, end, 1, CALENDAR) == end


def test_a_share_of_hours_at_night_is_of_plain_minutes() -> None:
    start, end = at("2026-03-07 10:00"), at("2026-03-07 20:00")
    assert said(share_moment(start, end, 0.8, CALENDAR)) == "2026-03-07 18:00"


def test_a_share_moves_with_the_stops() -> None:
    start, limit = at("2026-03-02 10:00"), Limit(10)
    stops = [stop("2026-03-04 10:00", "2026-03-11 15:00")]
    end = deadline(start, limit, CALENDAR, stops).at
    plain = share_moment(start, deadline(start, limit, CALENDAR).at, 0.5, CALENDAR)
    moved = share_moment(start, end, 0.5, CALENDAR, counted_stops(stops, limit, start))
    assert said(moved)[11:] == said(plain)[11:]
    assert CALENDAR.count(plain.date(), moved.date()) == 5


def test_shares_never_come_after_the_deadline_and_grow_with_it() -> None:
    dice = random.Random(7)
    for _ in range(300):
        start = at("2026-01-01 00:00") + timedelta(minutes=dice.randrange(400_000))
        unit = dice.choice(["working-day", "day", "working-hour", "hour"])
        end = deadline(start, Limit(dice.randint(1, 20), unit), CALENDAR).at
        shares = [share_moment(start, end, n / 10, CALENDAR) for n in range(1, 11)]
        assert shares == sorted(shares) and start <= shares[0] and shares[-1] == end


def test_one_working_day_later_is_its_closing_time() -> None:
    assert said(late_moment(at("2026-03-06 12:00"), 1, CALENDAR)) == "2026-03-09 17:30"


def test_the_notice_on_the_last_working_day_before_the_deadline_is_never_left_out() -> None:
    assert said(progress_due(at("2026-03-09 10:00"), at("2026-03-13 17:30"), 30, CALENDAR)) == (
        "2026-03-12 17:30"
    )


@pytest.mark.parametrize(
    ("moment", "words", "level"),
    [
        ("2026-03-10 09:00", "剩 4 个工作日", "ok"),
        ("2026-03-13 09:00", "剩 1 个工作日", "soon"),
        ("2026-03-14 09:00", "剩 1 个工作日", "soon"),
        ("2026-03-16 09:00", "今天 17:30 到期", "soon"),
        ("2026-03-16 17:30", "今天 17:30 到期", "soon"),
        ("2026-03-16 18:00", "已超期", "late"),
        ("2026-03-17 08:30", "超期 1 个工作日", "late"),
    ],
)
def test_what_is_left_in_words(moment: str, words: str, level: str) -> None:
    left = remaining(at(moment), at("2026-03-16 17:30"), CALENDAR)
    assert (str(left.text), left.level) == (words, level)


def test_hours_ending_on_a_weekend_are_told_with_their_moment() -> None:
    left = remaining(at("2026-03-06 20:00"), at("2026-03-07 16:00"), CALENDAR)
    assert (str(left.text), left.level) == ("3月7日 16:00 到期", "soon")


# --- yizhan due ------------------------------------------------------------------------------------------


def test_due_tells_the_whole_reckoning() -> None:
    assert explain_due("2026-03-02", 10) == {
        "deadline": "2026-03-16T17:30:00+08:00",
        "provisional": False,
        "why": "2026-03-02 受理，当天不计；自 3月3日起算 10 个工作日；应于 3月16日 17:30 前办结",
    }


def test_due_names_holidays_worked_weekends_stops_and_extensions() -> None:
    found = explain_due("2026-04-28", "6", stops=["2026-04-29..2026-05-06"], extend=[2])
    assert found["why"] == (
        "2026-04-28 受理，当天不计；自 4月29日起算 6 个工作日；5月9日（周六）调休上班，计入；"
        "4月29日至5月6日暂停计时，2 个工作日不计；延期 2 个工作日；应于 5月14日 17:30 前办结"
    )
    assert "5月1日至5月5日劳动节放假不计" in str(explain_due("2026-04-28", 6)["why"])


def test_due_names_closures() -> None:
    calendar = closed(("2026-03-03", False, False), ("2026-03-04", True, False))
    why = str(explain_due("2026-03-02", 3, calendar=calendar)["why"])
    assert "3月3日因“停电检修”闭站不计" in why
    assert "3月4日下午因“停电检修”闭站" in why


def test_due_understands_times_of_day() -> None:
    assert explain_due("2026-03-02T15:00", "0.5")["deadline"] == "2026-03-03T12:00:00+08:00"
    stopped = explain_due("2026-03-02T09:00", 2, "working-hour", ["2026-03-02T10:00..2026-03-02T14:30"], [])
    assert stopped["deadline"] == "2026-03-02T15:30:00+08:00"


@pytest.mark.parametrize(
    ("from_text", "limit", "unit", "stops", "extend", "field"),
    [
        ("2026-02-30", 5, "working-day", [], [], "from"),
        ("gestern", 5, "working-day", [], [], "from"),
        ("9999-12-30", 5, "working-day", [], [], "from"),
        ("2026-03-02", 0, "working-day", [], [], "limit"),
        ("2026-03-02", "-1", "working-day", [], [], "limit"),
        ("2026-03-02", "nan", "working-day", [], [], "limit"),
        ("2026-03-02", "ten", "working-day", [], [], "limit"),
        ("2026-03-02", 0.3, "working-day", [], [], "limit"),
        ("2026-03-02", 1.5, "day", [], [], "limit"),
        ("2026-03-02", 10**9, "day", [], [], "limit"),
        ("2026-03-02", 5, "week", [], [], "unit"),
        ("2026-03-02", 5, "working-day", ["2026-03-03"], [], "stops"),
        ("2026-03-02", 5, "working-day", ["2026-03-05..2026-03-03"], [], "stops"),
        ("2026-03-02", 5, "working-day", ["2026-03-10..2026-03-12"], [], "stops"),
        ("2026-03-02", 5, "working-day", [], ["0"], "extend"),
        ("2026-03-02", 5, "working-day", [], ["1.5"], "extend"),
    ],
)
def test_due_refuses_nonsense_and_names_the_field(
    from_text: str, limit: float, unit: str, stops: list[str], extend: list[str], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        explain_due(from_text, limit, unit, stops, extend)
    assert refused.value.field == field


def test_a_stop_is_written_as_first_and_last() -> None:
    with pytest.raises(Refused, match="不是停表区间") as refused:
        explain_due("2026-03-02", "10", stops=["2026-03-03"])
    assert refused.value.field == "stops"


def test_a_day_of_another_year_is_told_with_its_year() -> None:
    assert "应于 2026年1月7日 17:30 前办结" in str(explain_due("2025-12-30", 5)["why"])


def test_a_limit_in_hours_tells_from_when_and_of_no_day_that_is_not_counted() -> None:
    assert explain_due("2026-04-30", 48, "hour")["why"] == (
        "2026-04-30 08:30 受理，自当时起算 48 小时；应于 5月2日 08:30 前办结"
    )
    assert "2026-03-06 08:30 受理，自当时起算 2 个工作小时；只计工作时间" in str(
        explain_due("2026-03-06", 2, "working-hour")["why"]
    )


def test_half_a_day_counts_the_day_itself() -> None:
    why = str(explain_due("2026-03-02T15:00", "0.5")["why"])
    assert why.startswith("2026-03-02 15:00 受理，期限 0.5 个工作日") and "当天不计" not in why


def test_calendar_days_are_provisional_only_by_the_days_that_push_the_end_on() -> None:
    middle = Day(date(2026, 3, 4), True, True, "", "estimate", True)
    calendar = CALENDAR.with_days([middle], version="guessed")
    assert not explain_due("2026-03-02", 7, "day", calendar=calendar)["provisional"]
    assert explain_due("2026-03-02", 5, calendar=calendar)["provisional"]
    assert explain_due("2026-03-02", 2, "day", calendar=calendar)["provisional"]


def test_a_stop_of_a_limit_in_hours_is_counted_by_the_minute_and_of_one_in_days_by_the_day() -> None:
    begun = at("2026-03-02 09:00")
    short = stop("2026-03-02 10:00", "2026-03-02 14:30")
    assert counted_stops([short], Limit(8, "working-hour"), begun) == [short]
    assert counted_stops([short], Limit(5), begun) == [stop("2026-03-02 17:30", "2026-03-02 17:30")]


def test_what_is_added_to_a_limit_in_days_is_told_in_calendar_days() -> None:
    assert "延期 2 个日历日" in str(explain_due("2026-03-02", 15, "day", extend=[2])["why"])
