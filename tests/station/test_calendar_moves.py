"""Running clocks under a calendar that keeps changing, against the day-by-day count.

The counter of test_deadlines_against_days has its own table of days, kept here by hand. What it counts is the
deadline, except where the date told would move later: then it is the latest count that does not.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta

from sqlalchemy.orm import Session

from tests.station.test_deadlines_against_days import SHANGHAI, Halves, History, count, official_days, works
from workflow.database import set_business_clock
from workflow.station import calendar_days, calendar_moves, clocks
from workflow.station.clock_ledger import Clock
from workflow.station.deadlines import Limit
from workflow.station.running import engine_for

HISTORIES = 45
SEED = 20261115
A_DAY = timedelta(days=1)
ACTS = ("close", "close", "close", "reopen", "notice", "stop", "resume", "extend")


class Walk:
    """One clock, what the station does to it and to its calendar, and the same kept apart by hand."""

    def __init__(self, session: Session, dice: random.Random, seen: Counter[str]) -> None:
        self.session, self.dice, self.seen = session, dice, seen
        self.national = official_days() | dict(estimated())
        self.closed: dict[date, Halves] = {}
        begun = date(2026, dice.choice([1, 4, 9, 11, 12]), dice.randint(1, 28))
        self.now = datetime.combine(begun, time(dice.randint(8, 18), dice.choice([0, 30])))
        unit = dice.choice(["working-day", "working-day", "working-day", "day"])
        value = dice.randint(2, 15) + (0.5 if unit == "working-day" and dice.random() < 0.3 else 0)
        self.history = History(self.now, value, unit, 0, (), self.days)
        self.stopped: datetime | None = None
        self.clock: Clock = clocks.start(
            session,
            owner="case:1",
            kind="item",
            started_at=self.aware,
            limit=Limit(value, unit),
            actor="staff:1",
        )
        self.told = self.due

    @property
    def aware(self) -> datetime:
        return self.now.replace(tzinfo=SHANGHAI)

    @property
    def due(self) -> datetime:
        return self.clock.deadline_at.astimezone(SHANGHAI).replace(tzinfo=None)

    @property
    def days(self) -> dict[date, Halves]:
        shut = self.closed.items()
        return self.national | {
            day: half if any(self.national[day]) else (False, False) for day, half in shut
        }

    def act(self) -> None:
        what = self.dice.choice(ACTS)
        getattr(self, what)()
        self.history = replace(self.history, days=self.days)
        if what in ("close", "reopen", "notice"):
            self.recompute(what)

    def near(self) -> date:
        return self.now.date() + self.dice.randint(-2, 18) * A_DAY

    def close(self) -> None:
        day = self.dice.choice([self.near(), self.due.date(), self.told.date()])
        half = self.dice.choice([(False, False), (False, False), (True, False), (False, True)])
        if any(self.national[day]):
            calendar_days.close(self.session, day, "停电", am=half[0], pm=half[1])
            self.closed[day] = half

    def reopen(self) -> None:
        if self.closed:
            day = self.dice.choice(sorted(self.closed))
            calendar_days.reopen(self.session, day)
            del self.closed[day]

    def notice(self) -> None:
        first = date(2027, 1, 1)
        off = {first + self.dice.randint(0, 20) * A_DAY: "元旦" for _ in range(4)} | {first: "元旦"}
        off |= (
            {date(2026, 12, 28) + self.dice.randint(0, 3) * A_DAY: "元旦"} if self.dice.random() < 0.5 else {}
        )
        worked = (
            {date(2027, 1, 9): "元旦"} if self.dice.random() < 0.5 and date(2027, 1, 9) not in off else {}
        )
        calendar_days.import_notice(self.session, 2027, off, worked)
        day = first
        while day.year == 2027:
            self.national[day] = (day in worked or (day.weekday() < 5 and day not in off),) * 2
            day += A_DAY
        self.national |= dict.fromkeys(off, (False, False))

    def stop(self) -> None:
        if self.stopped is None and self.aware < self.clock.deadline_at:
            clocks.stop(self.session, self.clock, self.aware, reason="expert", actor="staff:1")
            self.stopped = self.now

    def resume(self) -> None:
        if self.stopped is not None:
            clocks.resume(self.session, self.clock, self.aware, actor="staff:1")
            self.history = replace(self.history, stops=(*self.history.stops, (self.stopped, self.now)))
            self.stopped, self.told = None, self.due
            self.check("resume")

    def extend(self) -> None:
        if self.stopped is None and self.aware < self.clock.deadline_at:
            days = self.dice.randint(1, 4)
            clocks.extend(self.session, self.clock, days, self.aware, reason="x", actor="staff:1")
            self.history = replace(self.history, extension=self.history.extension + days)
            self.told = self.due
            self.check("extend")

    def recompute(self, what: str) -> None:
        set_business_clock(self.session, self.aware)
        before, late = self.due, self.stopped is None and self.now > self.due
        calendar_moves.recompute(engine_for(self.session), "case:1")
        if late:
            assert self.due == before
            return
        last = self.told.date()
        while not works(self.history, last):
            last += A_DAY
        self.held = 0
        while self.history.unit == "working-day" and self.counted(self.held).date() > last:
            self.held -= 1
        self.check(what)
        self.seen["held back"] += self.held < 0
        self.seen["moved earlier"] += self.due < before
        self.seen["moved later"] += self.due > before
        self.seen["told later"] += self.due.date() > self.told.date()
        self.told = max(self.told, self.due)

    held = 0

    def counted(self, held: int) -> datetime:
        return count(replace(self.history, extension=self.history.extension + held))

    def check(self, what: str) -> None:
        self.seen[what] += 1
        expected = self.counted(self.held)
        assert self.due == expected, (what, {**vars(self.history), "days": "…"}, self.held, self.closed)


def estimated() -> Iterator[tuple[date, Halves]]:
    day = date(2027, 1, 1)
    while day.year == 2027:
        fixed = (day.month, day.day) in {(1, 1), (4, 5), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)}
        yield day, (day.weekday() < 5 and not fixed,) * 2
        day += A_DAY


def test_after_every_change_the_deadline_is_the_day_by_day_count_or_held_at_the_date_told(
    session: Session,
) -> None:
    dice, seen = random.Random(SEED), Counter[str]()
    for _ in range(HISTORIES):
        attempt = session.begin_nested()
        walk = Walk(session, dice, seen)
        for _ in range(7):
            walk.now += dice.randint(0, 3) * A_DAY + timedelta(minutes=dice.randint(1, 300))
            walk.act()
        attempt.rollback()
        session.expunge_all()
    wanted = {
        "held back",
        "moved earlier",
        "moved later",
        "told later",
        "resume",
        "extend",
        "notice",
        "reopen",
    }
    assert {name for name in wanted if seen[name] < 4} == set(), seen
