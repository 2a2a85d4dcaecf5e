"""The deadlines again, counted naively: day after day and minute after minute, the way a person would.

Nothing here is shared with the arithmetic under test but the words Limit, Stop and Day that it is called
with. The counter has its own table of days: straight from chinese_calendar with random closures, or invented
altogether. It never shifts a deadline; it walks on and asks of every day or minute whether it counts.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import chinese_calendar
import pytest

from workflow.station.calendar import Calendar, Day
from workflow.station.deadlines import Limit, Stop, deadline

HISTORIES = 5000
SEED = 20260302
SHANGHAI = ZoneInfo("Asia/Shanghai")
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)

Halves = tuple[bool, bool]


@dataclass(frozen=True)
class History:
    """Naive local times; ``stops`` as (from, to); ``days`` says for each date which halves are worked."""

    start: datetime
    value: float
    unit: str
    extension: int
    stops: tuple[tuple[datetime, datetime], ...]
    days: Mapping[date, Halves]


# --- the naive counter -----------------------------------------------------------------------------------


def count(history: History) -> datetime:
    if history.unit == "working-day":
        return count_working_days(history)
    if history.unit == "day":
        return count_days(history)
    return count_minutes(history)


def works(history: History, day: date) -> bool:
    return any(history.days[day])


def closing(history: History, day: date) -> datetime:
    morning_only = history.days[day] == (True, False)
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=12 if morning_only else 17.5)


def first_half(history: History, day: date) -> datetime:
    afternoon_only = history.days[day] == (False, True)
    return datetime.combine(day, datetime.min.time()) + timedelta(hours=17.5 if afternoon_only else 12)


def stopped_day(history: History, day: date) -> bool:
    """Is the day inside a stop? The day of stopping is not, the day of resuming is."""
    return any(
        max(first, history.start).date() < day <= last.date()
        for first, last in history.stops
        if last >= history.start
    )


def resumption(history: History, first: date, until: datetime, since: datetime) -> datetime | None:
    """The end of a stop that began from ``first`` on, not before ``since`` nor after ``until``.

    Stops that overlap are one; one within a single day is none.
    """
    for start, end in sorted(history.stops):
        start = max(start, history.start)
        if start.date() < first or start < since or start > until or end < start:
            continue
        for other, other_end in sorted(history.stops):
            if other <= end:
                end = max(end, other_end)
        if end.date() > start.date():
            return end
    return None


def count_working_days(history: History) -> datetime:
    today = history.start.date()
    whole, half = divmod(history.value, 1)
    noon = half > 0
    needed = int(whole) + (1 if noon else 0) + history.extension
    if noon and whole == 0 and history.start.hour < 12 and history.days[today][1]:
        needed, noon = history.extension, False
    day, since = today, history.start
    while True:
        if needed == 0:
            due = first_half(history, day) if noon else closing(history, day)
            end = resumption(history, day, due, since)
            if end is None:
                return due
            day, since, noon = end.date(), end, False
            if works(history, day) and end <= closing(history, day):
                continue
            needed = 1
        day += DAY
        if works(history, day) and not stopped_day(history, day):
            needed -= 1


def count_days(history: History) -> datetime:
    needed = int(history.value) + history.extension
    day, since = history.start.date(), history.start
    while needed:
        day += DAY
        if not stopped_day(history, day):
            needed -= 1
    while True:
        last = day
        while not works(history, last):
            last += DAY
        end = resumption(history, day, closing(history, last), since)
        if end is None:
            return closing(history, last)
        day, since = end.date(), end
        if works(history, day) and end > closing(history, day):
            day += DAY


def count_minutes(history: History) -> datetime:
    needed, only_work = int(history.value) * 60, history.unit == "working-hour"
    if only_work:
        needed += history.extension * (210 + 240)
    else:
        day = plain = (history.start + timedelta(hours=history.value)).date()
        for _ in range(history.extension):
            day += DAY
            while not works(history, day):
                day += DAY
        needed += (day - plain).days * 24 * 60
    minute = history.start
    while needed:
        if (not only_work or worked_minute(history, minute)) and not stopped_minute(history, minute):
            needed -= 1
        minute += MINUTE
    return minute


def stopped_minute(history: History, minute: datetime) -> bool:
    return any(first <= minute < last for first, last in history.stops)


def worked_minute(history: History, minute: datetime) -> bool:
    clock = minute.hour * 60 + minute.minute
    morning, afternoon = history.days[minute.date()]
    return (morning and 510 <= clock < 720) or (afternoon and 810 <= clock < 1050)


# --- random histories ------------------------------------------------------------------------------------


def official_days() -> dict[date, Halves]:
    days, day = {}, date(2004, 1, 1)
    while day.year <= 2026:
        days[day] = (bool(chinese_calendar.is_workday(day)),) * 2
        day += DAY
    return days  # type: ignore[return-value]


def invented_days(dice: random.Random) -> dict[date, Halves]:
    """Years no notice knows, with weekends, long holidays, worked weekends and half days at random."""
    days: dict[date, Halves] = {}
    day, off = date(2039, 6, 1), 0
    while day.year <= 2042:
        off = off - 1 if off else (dice.randint(1, 9) if dice.random() < 0.02 else 0)
        whole = dice.random() < (0.92 if day.weekday() < 5 else 0.08) and not off
        half = dice.choice([(True, False), (False, True)])
        days[day] = half if whole and dice.random() < 0.06 else (whole, whole)
        day += DAY
    return days


def closed_at_random(dice: random.Random, days: Mapping[date, Halves], near: date) -> dict[date, Halves]:
    days = dict(days)
    for _ in range(dice.randint(1, 6)):
        day = near + dice.randint(0, 25) * DAY
        morning, afternoon = dice.choice([(False, False), (True, False), (False, True)])
        days[day] = (days[day][0] and morning, days[day][1] and afternoon)
    return days


def random_start(dice: random.Random, first: int, last: int) -> datetime:
    day = date(dice.randint(first, last), 1, 1) + dice.randint(0, 300) * DAY
    if dice.random() < 0.25:
        day = date(dice.randint(first, last - 1), 12, dice.randint(10, 31))
    clock = dice.choice([dice.randrange(1440), dice.randrange(480, 1100), 510, 719, 720, 1050])
    return datetime.combine(day, datetime.min.time()) + clock * MINUTE


def random_stops(dice: random.Random, history: History) -> Iterator[tuple[datetime, datetime]]:
    """Anywhere, overlapping, within a day, and often begun on the very day the case would be due."""
    plain = count(history)
    window = max(int((plain - history.start) / MINUTE), 60)
    for _ in range(dice.choice([0, 1, 1, 2, 3, 4])):
        begun = history.start + dice.randint(-1440, int(window * 1.3)) * MINUTE
        if dice.random() < 0.3:
            midnight = datetime.combine(plain.date(), datetime.min.time())
            begun = midnight + dice.choice([0, 540, 719, 720, 721, 1049, 1050, 1051, 1300]) * MINUTE
        length = dice.choice([dice.randint(0, 300), dice.randint(300, 4000), dice.randint(1000, 14_000)])
        yield begun, begun + length * MINUTE


def histories(amount: int, seed: int) -> Iterator[History]:
    dice = random.Random(seed)
    official, invented = official_days(), invented_days(dice)
    for _ in range(amount):
        real = dice.random() < 0.6
        start = random_start(dice, 2005, 2025) if real else random_start(dice, 2040, 2041)
        days: Mapping[date, Halves] = official if real else invented
        if dice.random() < 0.4:
            days = closed_at_random(dice, days, start.date())
        unit, value = dice.choice(
            [
                ("working-day", dice.randint(1, 30)),
                ("working-day", dice.randint(0, 12) + 0.5),
                ("day", dice.randint(1, 60)),
                ("working-hour", dice.randint(1, 20)),
                ("hour", dice.randint(1, 40)),
            ]
        )
        extension = dice.choice([0, 0, 0, dice.randint(1, 5)])
        plain = History(start, value, unit, extension, (), days)
        yield History(start, value, unit, extension, tuple(random_stops(dice, plain)), days)


# --- the comparison --------------------------------------------------------------------------------------


def reckoned(history: History) -> datetime:
    near = (history.start.date() + number * DAY for number in range(-3, 200))
    table = {day: Day(day, *history.days[day], source="local") for day in near if day in history.days}
    found = deadline(
        history.start.replace(tzinfo=SHANGHAI),
        Limit(history.value, history.unit),
        Calendar("counted", table),
        [
            Stop(first.replace(tzinfo=SHANGHAI), last.replace(tzinfo=SHANGHAI))
            for first, last in history.stops
        ],
        [history.extension] if history.extension else [],
    )
    return found.at.astimezone(SHANGHAI).replace(tzinfo=None)


def test_five_thousand_histories_end_as_counted_day_by_day() -> None:
    for number, history in enumerate(histories(HISTORIES, SEED)):
        assert reckoned(history) == count(history), (number, {**vars(history), "days": "…"})


def test_the_histories_reach_the_hard_cases() -> None:
    seen: Counter[str] = Counter()
    for history in histories(1000, SEED + 1):
        plain = count(
            History(history.start, history.value, history.unit, history.extension, (), history.days)
        )
        due = count(history)
        seen[history.unit] += 1
        seen["half day"] += history.value % 1 > 0
        seen["moved by a stop"] += due > plain
        seen["stopped on the deadline day"] += any(
            first.date() == plain.date() and first <= plain < last for first, last in history.stops
        )
        seen["overlapping stops"] += any(
            one != two and one[0] <= two[0] < one[1] for one in history.stops for two in history.stops
        )
        seen["extension"] += history.extension > 0
        seen["year crossing"] += due.year > history.start.year
    assert len(seen) == 10 and min(seen.values()) >= 50, seen


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (5, "working-day", "2025-04-09 17:30"),
        (15, "day", "2025-04-16 17:30"),
        (8, "working-hour", "2025-04-02 10:30"),
        (8, "hour", "2025-04-01 18:00"),
        (0.5, "working-day", "2025-04-01 17:30"),
    ],
)
def test_the_counter_itself_counts_as_a_person_does(value: float, unit: str, expected: str) -> None:
    begun = datetime.fromisoformat("2025-04-01 10:00")
    assert f"{count(History(begun, value, unit, 0, (), official_days())):%Y-%m-%d %H:%M}" == expected
