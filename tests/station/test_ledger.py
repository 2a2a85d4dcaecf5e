"""The ledger in intervals: against a count of every minute, over random histories of real clocks."""

from __future__ import annotations

import itertools
import random
from datetime import datetime, timedelta

import chinese_calendar
import pytest
from sqlalchemy.orm import Session

from tests.station.moments import SHANGHAI, local
from workflow.errors import YizhanError
from workflow.station import calendar, clock_ledger, clock_reckoning, clocks, ledger
from workflow.station.clock_ledger import Clock
from workflow.station.ledger import COUNTED, EXTENDED, STOPPED, Interval, Totals, words
from workflow.station.limits import Limit

MINUTE = timedelta(minutes=1)
HISTORIES, SEED = 16, 20260311


def started(
    session: Session, on: str = "2026-03-02 09:00", limit: Limit | None = None, key: int = 1
) -> Clock:
    return clocks.start(
        session,
        owner=f"case:{key}",
        kind="item",
        started_at=local(on),
        limit=limit or Limit(10),
        actor="staff:7",
    )


def read(session: Session, clock: Clock, moment: datetime) -> tuple[list[Interval], Totals]:
    days = calendar.load(session)
    found = ledger.intervals(clock.events, moment, days)
    holds = clock_reckoning.if_resumed(session, clock, moment)
    ended = clock.state == clock_ledger.FINISHED
    return found, ledger.totals(found, holds, moment, days, ended=ended)


def shown(found: list[Interval]) -> list[tuple[str, str, str, str]]:
    def when(moment: datetime | None) -> str:
        return f"{moment.astimezone(SHANGHAI):%m-%d %H:%M}" if moment else "…"

    return [(one.kind, when(one.start), when(one.end), str(words(abs(one.working)))) for one in found]


def test_a_stop_and_an_extension_stand_between_what_is_counted(session: Session) -> None:
    clock = started(session)
    clocks.stop(
        session, clock, local("2026-03-03 10:00"), reason="inspection", actor="staff:7", document_id=4
    )
    clocks.resume(session, clock, local("2026-03-05 14:00"), actor="staff:7")
    clocks.extend(session, clock, 2, local("2026-03-06 09:00"), reason="outside", actor="staff:9")
    found, sums = read(session, clock, local("2026-03-06 10:00"))
    assert shown(found) == [
        ("counted", "03-02 09:00", "03-03 10:00", "1 个工作日 1 小时"),
        ("stopped", "03-03 10:00", "03-05 14:00", "2 个工作日 2 小时 30 分"),
        ("counted", "03-05 14:00", "…", "5 小时"),
        ("extended", "03-06 09:00", "03-06 09:00", "2 个工作日"),
    ]
    assert (found[1].line.reason, found[1].line.document_id, found[3].line.actor) == (
        "inspection",
        4,
        "staff:9",
    )
    assert [f"{one.after.astimezone(SHANGHAI):%m-%d}" for one in found] == [
        "03-16",
        "03-18",
        "03-20",
        "03-20",
    ]
    assert (str(words(sums.used)), str(words(sums.suspended))) == (
        "1 个工作日 6 小时",
        "2 个工作日 2 小时 30 分",
    )
    assert str(words(sums.remaining)) == "10 个工作日 6 小时" and not sums.over


def test_what_is_over_the_deadline_is_neither_left_nor_hidden(session: Session) -> None:
    clock = started(session, limit=Limit(1))
    _, sums = read(session, clock, local("2026-03-04 09:30"))
    assert (str(words(sums.over)), str(words(sums.remaining))) == ("1 小时", "0 分")


def test_a_finished_clock_ends_its_last_interval(session: Session) -> None:
    clock = started(session)
    clocks.finish(session, clock, local("2026-03-02 10:00"), actor="staff:7")
    found, sums = read(session, clock, local("2026-04-02 10:00"))
    assert shown(found) == [("counted", "03-02 09:00", "03-02 10:00", "1 小时")]
    assert (sums.used, sums.remaining) == (timedelta(hours=1), timedelta())


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (0, "0 分"),
        (30, "30 分"),
        (120, "2 小时"),
        (150, "2 小时 30 分"),
        (450, "1 个工作日"),
        (455, "1 个工作日 5 分"),
    ],
)
def test_working_time_is_said_in_days_of_seven_and_a_half_hours(minutes: int, said: str) -> None:
    assert str(words(timedelta(minutes=minutes))) == said


def open_at(moment: datetime) -> bool:
    """By the hours on the door, counted apart from the calendar under test."""
    clock = moment.hour * 60 + moment.minute
    return chinese_calendar.is_workday(moment.date()) and (510 <= clock < 720 or 810 <= clock < 1050)


def minutes(begin: datetime, end: datetime) -> int:
    moment, total = begin.astimezone(SHANGHAI), 0
    while moment < end:
        total += open_at(moment)
        moment += MINUTE
    return total


def acted(
    session: Session, clock: Clock, dice: random.Random
) -> tuple[list[tuple[datetime, datetime]], datetime]:
    """Stop, resume and extend at random; the stops as they were made, and the moment at which it is asked."""
    moment, stops, begun = clock.started_at, [], None
    for _ in range(dice.randint(0, 7)):
        moment += timedelta(minutes=dice.randint(1, 4000))
        act = dice.choice(["stop", "resume", "extend"])
        try:
            if act == "stop":
                clocks.stop(session, clock, moment, reason="expert", actor="staff:7")
                begun = moment
            elif act == "resume":
                clocks.resume(session, clock, moment, actor="staff:7")
                assert begun is not None
                stops.append((begun, moment))
                begun = None
            else:
                clocks.extend(session, clock, dice.randint(1, 4), moment, reason="x", actor="staff:7")
        except YizhanError:
            continue  # not possible in this state: the ledger has no line of it
    moment += timedelta(minutes=dice.randint(0, 3000))
    if begun is not None:
        stops.append((begun, moment))
    return stops, moment


def test_the_sums_equal_a_count_of_every_minute(session: Session) -> None:
    dice = random.Random(SEED)
    kinds = set()
    for number in range(HISTORIES):
        day = 1 + dice.randint(0, 20)
        clock = started(
            session,
            f"2026-03-{day:02} {dice.randint(0, 23):02}:{dice.randint(0, 59):02}",
            Limit(dice.randint(1, 12), dice.choice(["working-day", "working-hour", "day"])),
            key=number,
        )
        stops, moment = acted(session, clock, dice)
        found, sums = read(session, clock, moment)
        suspended = sum(minutes(*stop) for stop in stops)
        passed = minutes(clock.started_at, moment)
        due = clock_reckoning.if_resumed(session, clock, moment)
        where = f"history {number}, seed {SEED}"
        assert sums.suspended == suspended * MINUTE, where
        assert sums.used == (passed - suspended) * MINUTE, where
        assert sums.remaining == minutes(moment, due) * MINUTE, where
        assert sums.over == minutes(due, moment) * MINUTE, where
        whole = minutes(clock.started_at, max(due, moment)) * MINUTE
        assert sums.used + sums.suspended + sums.remaining == whole, where
        spans = [one for one in found if one.kind in (COUNTED, STOPPED)]
        assert spans[0].start == clock.started_at and spans[-1].end is None, where
        assert all(one.end == after.start for one, after in itertools.pairwise(spans)), where
        assert all(one.kind != after.kind for one, after in itertools.pairwise(spans)), where
        kinds |= {one.kind for one in found}
    assert kinds == {COUNTED, STOPPED, EXTENDED}, "the dice have shown every kind"
