"""The ledger of a clock as intervals (decisions, "clock ledger"): what was counted, what was not, and why.

Pure: from the lines of ``clocks`` and a calendar. Working time is the time on the clock within opening hours,
whatever the limit's unit; how a limit in days counts its days is told by ``clocks.why``. Moments are aware.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from workflow.station.calendar import WORKING_DAY, Calendar
from workflow.texts import T, Text

COUNTED, STOPPED, EXTENDED, RECOMPUTED = "counted", "stopped", "extended", "recomputed"
KINDS = {COUNTED: T("计时"), STOPPED: T("暂停"), EXTENDED: T("延期"), RECOMPUTED: T("重算")}
MOVES = {"extend": EXTENDED, "recompute": RECOMPUTED}
NOTHING = timedelta()


class Line(Protocol):
    """What is read of a line of the ledger."""

    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def days(self) -> int | None: ...
    @property
    def document_id(self) -> int | None: ...
    @property
    def deadline_at(self) -> datetime: ...
    @property
    def actor(self) -> str: ...
    @property
    def on_behalf_of(self) -> str | None: ...


@dataclass(frozen=True)
class Interval:
    """One interval, or one move of the deadline; ``line`` is what began it.

    ``end`` None: it lasts. ``working`` is its working time so far; of a move, what it added (negative: took).
    ``before`` and ``after``: the deadline at its two ends.
    """

    kind: str
    start: datetime
    end: datetime | None
    working: timedelta
    before: datetime
    after: datetime
    line: Line


@dataclass(frozen=True)
class Totals:
    """Working time: used, suspended, remaining until the deadline; ``over`` it, once it has passed."""

    used: timedelta
    suspended: timedelta
    remaining: timedelta
    over: timedelta


def intervals(lines: Sequence[Line], moment: datetime, calendar: Calendar) -> list[Interval]:
    """All of a clock's ledger until ``moment``, in order; counted and stopped ones leave no gap."""
    return list(_intervals(lines, moment, calendar))


def totals(
    found: Iterable[Interval], deadline: datetime, moment: datetime, calendar: Calendar, *, ended: bool
) -> Totals:
    """The sums. ``deadline`` is the one that holds; of a stopped clock, the one if it ran again now."""
    spans = list(found)
    used = sum((one.working for one in spans if one.kind == COUNTED), NOTHING)
    suspended = sum((one.working for one in spans if one.kind == STOPPED), NOTHING)
    ends = [one.end for one in spans if one.kind in (COUNTED, STOPPED)]
    now = ends[-1] if ended and ends and ends[-1] is not None else moment
    late = now > deadline
    return Totals(
        used=used,
        suspended=suspended,
        remaining=NOTHING if late or ended else calendar.working_time(now, deadline),
        over=calendar.working_time(deadline, now) if late else NOTHING,
    )


def words(time: timedelta) -> Text:
    """'3 个工作日 2 小时 30 分'; a working day is 7.5 hours. Nothing is '0 分'."""
    minutes = round(time / timedelta(minutes=1))
    days, rest = divmod(minutes, WORKING_DAY // timedelta(minutes=1))
    hours, left = divmod(rest, 60)
    if days:
        return T("%(days)s 个工作日 %(rest)s", days=days, rest=_short(hours, left)) if rest else _days(days)
    return _short(hours, left)


def _days(days: int) -> Text:
    return T("%(count)s 个工作日", count=days)


def _short(hours: int, minutes: int) -> Text:
    if hours and minutes:
        return T("%(hours)s 小时 %(minutes)s 分", hours=hours, minutes=minutes)
    return T("%(count)s 小时", count=hours) if hours else T("%(count)s 分", count=minutes)


def _intervals(lines: Sequence[Line], moment: datetime, calendar: Calendar) -> Iterator[Interval]:
    opened: Line | None = None
    before = lines[0].deadline_at if lines else moment
    moves: list[Interval] = []
    for line in lines:
        if line.kind in MOVES:
            moves.append(_move(MOVES[line.kind], before, line, calendar))
        elif opened is None:
            opened = line
        else:
            yield _span(opened, line.at, line.deadline_at, calendar)
            yield from moves
            moves, opened = [], None if line.kind == "finish" else line
        before = line.deadline_at
    if opened is not None:
        yield _span(opened, None, before, calendar, until=max(moment, opened.at))
    yield from moves


def _span(
    opened: Line, end: datetime | None, after: datetime, calendar: Calendar, *, until: datetime | None = None
) -> Interval:
    kind = STOPPED if opened.kind == "stop" else COUNTED
    working = calendar.working_time(opened.at, end or until or opened.at)
    return Interval(kind, opened.at, end, working, opened.deadline_at, after, opened)


def _move(kind: str, before: datetime, line: Line, calendar: Calendar) -> Interval:
    later = line.deadline_at >= before
    moved = calendar.working_time(min(before, line.deadline_at), max(before, line.deadline_at))
    return Interval(kind, line.at, line.at, moved if later else -moved, before, line.deadline_at, line)
