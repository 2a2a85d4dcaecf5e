"""Suspensions, extensions and changes of the calendar on running cases, against a count day by day.

Random histories are played on real cases: the clock is stopped, resumed and extended, days are closed and
opened again, time passes and timers fire. After every act the deadline, the rungs that still wait and the due
dates that people see must be what a naive counter finds, which shares nothing with the code under test.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.processes.conftest import Station
from tests.station.test_deadlines_against_days import (
    DAY,
    MINUTE,
    SHANGHAI,
    History,
    count,
    official_days,
    worked_minute,
)
from workflow.engine import history
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import Refused
from workflow.station import calendar_days, calendar_moves, clocks
from workflow.station.cases import Case
from workflow.station.clock_ledger import FINISHED, RUNNING, STOPPED, Clock, Escalation

HISTORIES = 24
SEED = 20260302
ITEMS = {"JL01": 10, "BZ02": 5, "JC01": 15, "ZS02": 5, "ZC01": 7, "RZ02": 3, "ZL01": 20}
SHARES = {"remind": 0.5, "warn": 0.8, "late": 1}


@dataclass
class Counted:
    """What the naive counter knows of a case; all times naive and local.

    ``told`` is the date the client knows; ``held`` working days the deadline is held back for it (<= 0).
    """

    history: History
    told: datetime = field(init=False)
    held: int = 0
    stopped_at: datetime | None = None

    def __post_init__(self) -> None:
        self.told = self.due

    @property
    def due(self) -> datetime:
        return count(replace(self.history, extension=self.history.extension + self.held))

    def late(self, now: datetime) -> bool:
        return self.stopped_at is None and now > self.due

    def changed(self, **facts: object) -> None:
        """A stop that ended, or more days: the client is told the new date."""
        self.history = replace(self.history, **facts)
        self.told = self.due

    def after_calendar(self, days: dict[date, tuple[bool, bool]]) -> None:
        """A told date never gets later by itself, but for the day that was itself taken away (§4.7)."""
        self.history, self.held = replace(self.history, days=days), 0
        last = self.told.date()
        while not any(days[last]):
            last += DAY
        day = self.due.date()
        while day > last:
            self.held -= any(days[day])
            day -= DAY
        self.told = max(self.told, self.due)

    def share(self, part: float) -> datetime:
        """The minute at which so much of the worked, not stopped minutes up to the deadline has passed."""
        if part == 1:
            return self.due
        minutes, minute, due = [], self.history.start, self.due
        while minute < due:
            if worked_minute(self.history, minute) and not self._stopped(minute):
                minutes.append(minute)
            minute += MINUTE
        return minutes[math.ceil(len(minutes) * part) - 1] + MINUTE

    def _stopped(self, minute: datetime) -> bool:
        """For limits in days a stop is counted from closing time to closing time (§4.4)."""
        closes = timedelta(hours=17.5)
        return any(
            datetime.combine(first.date(), datetime.min.time()) + closes
            <= minute
            < datetime.combine(last.date(), datetime.min.time()) + closes
            for first, last in self.history.stops
        )


def local(moment: datetime) -> datetime:
    return moment.astimezone(SHANGHAI).replace(tzinfo=None)


class Played:
    """One case and its counter, with what may happen to them."""

    def __init__(self, station: Station, dice: random.Random) -> None:
        self.station, self.dice = station, dice
        self.days = official_days()
        self.seen: Counter[str] = Counter()
        first = datetime.fromisoformat("2026-03-02 09:00")
        self.now = first + dice.randint(0, 60) * DAY + dice.randint(0, 500) * MINUTE
        self.move(self.now)
        clerk = station.person("liting")
        self.item = dice.choice(sorted(ITEMS))
        self.case: Case = clerk.registers()
        clerk.classifies(self.case, self.item)
        clerk.accepts(self.case)
        self.counted = Counted(History(self.now, ITEMS[self.item], "working-day", 0, (), self.days))

    @property
    def session(self) -> Session:
        return self.station.session

    @property
    def clock(self) -> Clock:
        self.session.expire_all()
        found = clocks.of(self.session, self.case.key, "item")
        assert found is not None
        return found

    def move(self, moment: datetime) -> None:
        self.now = moment
        self.station.clock.move_to(f"{moment:%Y-%m-%d %H:%M}")

    def passes(self, until: datetime) -> None:
        """Time goes on; what falls due on the way fires, each at its own time."""
        while True:
            due = self.session.scalars(
                select(TimerRow.due_at)
                .where(TimerRow.due_at <= until.replace(tzinfo=SHANGHAI))
                .order_by(TimerRow.due_at)
            ).first()
            if due is None:
                break
            self.move(max(self.now, local(due)) + MINUTE)
            self.station.fire_due()
        self.move(max(self.now, until))

    def act(self) -> None:
        act = self.dice.choice([self.stop, self.stop, self.resume, self.resume, self.extend, self.calendar])
        before = self.picture()
        try:
            done = act()
        except Refused:
            self.session.rollback()
            self.session.expire_all()
            assert self.picture() == before, "a refused act leaves everything as it was"
            assert self.counted.late(self.now) or act != self.calendar
            self.seen["refused"] += 1
            return
        self.session.commit()
        self.seen[act.__name__] += done

    def stop(self) -> bool:
        if self.clock.state != RUNNING:
            return False
        clocks.stop(
            self.session, self.clock, self.now.replace(tzinfo=SHANGHAI), reason="inspection", actor="staff:1"
        )
        self.counted.stopped_at = self.now
        self.moved()
        return True

    def resume(self) -> bool:
        if self.clock.state != STOPPED or self.counted.stopped_at is None:
            return False
        clocks.resume(self.session, self.clock, self.now.replace(tzinfo=SHANGHAI), actor="staff:1")
        self.counted.changed(stops=(*self.counted.history.stops, (self.counted.stopped_at, self.now)))
        self.counted.stopped_at = None
        self.moved()
        return True

    def extend(self) -> bool:
        days = self.dice.randint(1, 6)
        clocks.extend(
            self.session, self.clock, days, self.now.replace(tzinfo=SHANGHAI), reason="专家", actor="staff:5"
        )
        self.counted.changed(extension=self.counted.history.extension + days)
        self.moved()
        return True

    def calendar(self) -> bool:
        """Close a day to come, or open one again; half days are §4.3's and are counted elsewhere."""
        day = self.now.date() + self.dice.randint(1, 25) * DAY
        official = official_days()[day]
        if self.days[day] == official and not any(official):
            return False
        if self.days[day] == official:
            calendar_days.close(self.session, day, "停电检修")
            self.days = {**self.days, day: (False, False)}
        else:
            calendar_days.reopen(self.session, day)
            self.days = {**self.days, day: official}
        self.session.commit()
        late = self.counted.late(self.now)
        calendar_moves.recompute(self.station.engine, self.case.key)
        self.session.commit()
        if not late:
            self.counted.after_calendar(self.days)
        return True

    def moved(self) -> None:
        self.station.engine.clock_moved(self.case.key, "item")

    def picture(self) -> object:
        """All that a clock moves, as it stands in the database."""
        self.session.expire_all()
        clock = self.clock
        timers = select(TimerRow.element, TimerRow.due_at).where(
            TimerRow.instance_id == self.case.instance_id
        )
        tasks = select(TaskRow.element, TaskRow.due_at).where(
            TaskRow.instance_id == self.case.instance_id, TaskRow.clock == "item", TaskRow.status == OPEN
        )
        return (
            clock.state,
            clock.deadline_at,
            sorted(map(tuple, self.session.execute(timers))),
            sorted(map(tuple, self.session.execute(tasks)), key=str),
        )

    def agrees(self) -> None:
        clock = self.clock
        assert local(clock.deadline_at) == self.counted.due
        assert (clock.state == STOPPED) == (self.counted.stopped_at is not None)
        due = None if clock.state == STOPPED else clock.deadline_at
        shown = self.session.scalars(
            select(TaskRow.due_at).where(
                TaskRow.instance_id == self.case.instance_id, TaskRow.clock == "item", TaskRow.status == OPEN
            )
        ).all()
        assert set(shown) <= {due}, "people see another date than the clock's"
        waiting = {
            timer.rung: local(timer.due_at)
            for timer in self.session.scalars(
                select(TimerRow).where(
                    TimerRow.instance_id == self.case.instance_id, TimerRow.rung.is_not(None)
                )
            )
        }
        fired = set(self.session.scalars(select(Escalation.rung).where(Escalation.clock_id == clock.id)))
        assert not fired & set(waiting)
        if clock.state != RUNNING:
            assert waiting == {}
            return
        for rung, share in SHARES.items():
            if rung == "remind" and ITEMS[self.item] <= 3:
                assert rung not in waiting
            elif rung not in fired:
                assert waiting[rung] == self.counted.share(share), rung
            self.seen[f"{rung} {'fired' if rung in fired else 'waits'}"] += 1


def play(station: Station, seed: int) -> Counter[str]:
    dice = random.Random(seed)
    played = Played(station, dice)
    played.agrees()
    if dice.random() < 0.7:
        station.person("liting").answers(played.case, f"{played.counted.due:%Y-%m-%d}")
    for _ in range(dice.randint(4, 10)):
        played.passes(played.now + dice.randint(30, 6000) * MINUTE)
        played.agrees()
        played.act()
        played.agrees()
    assert played.clock.state != FINISHED
    assert history.verify(station.session) == []
    return played.seen


@pytest.mark.parametrize("number", range(HISTORIES))
def test_a_running_case_agrees_with_the_count_after_every_act(station: Station, number: int) -> None:
    play(station, SEED + number)
