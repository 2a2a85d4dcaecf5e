"""The deadline arithmetic of the station, pure (rulebook §4). No database, no clock.

Moments come in aware, in any zone, and go out in UTC; days are days of Asia/Shanghai. The day of the event
is not counted. Where §4 leaves a question open, the answer that is earlier (better for the client) is taken,
unless a case would then be late the moment its clock runs again:

- A half-closed day counts as a whole working day and closes with its open half; a half day is never given to
  a closed half (§4.3).
- A stop begun on the deadline day (for calendar days also on the days off to which the deadline was moved)
  makes it due at closing time of the day of resumption; if that is no working day, or the resumption came
  after closing, of the next working day. Stopped and resumed on one day gains nothing, there too (§4.4).
- Extensions are added before the stops are looked at, so their order does not matter. Those of calendar-day
  limits lengthen the count, and only the end is moved off a holiday (§4.2, §4.5). Those of working hours are
  of the 7.5 working hours of a day; those of hours keep the time of day.
- For hours and working hours stops count to the second, not by days; at the deadline itself nothing is left
  that a stop could save.
- A stop that began after the deadline counts nothing; it stands in ``ignored``.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from workflow.errors import Refused
from workflow.station.calendar import CLOSES, NOON, OPENS, WORKING_DAY, ZONE, Calendar, at, built
from workflow.station.deadline_words import (
    Remaining,
    beginning,
    calendar_words,
    extension_words,
    joined,
    moment_text,
    remaining,
    stop_words,
)
from workflow.station.limits import LONGEST, Limit, Stop
from workflow.texts import T, Text

__all__ = [
    "Deadline",
    "Limit",
    "Remaining",
    "Stop",
    "counted_stops",
    "deadline",
    "explain_due",
    "late_moment",
    "progress_due",
    "remaining",
    "share_moment",
]

YEARS = range(2004, 2101)
ONE_DAY = timedelta(days=1)
ACCEPTED, COMPLETED = T("受理"), T("办结")


@dataclass(frozen=True)
class Deadline:
    """``at`` in UTC; ``stopped``: an open stop, ``at`` will move when it ends; ``why``: the reckoning."""

    at: datetime
    provisional: bool
    why: Text
    stopped: bool = False
    ignored: tuple[Stop, ...] = ()


def deadline(
    start: datetime,
    limit: Limit,
    calendar: Calendar,
    stops: Iterable[Stop] = (),
    extensions: Iterable[int] = (),
    *,
    event: Text = ACCEPTED,
    act: Text = COMPLETED,
    after_hours_is_next_day: bool = False,
) -> Deadline:
    """When a limit that began at ``start`` ends; ``event`` and ``act`` are the words of its sentence.

    ``extensions`` are working days (calendar days for limits in days). ``after_hours_is_next_day``: what
    comes after hours or on a day off counts as received on the next working day (§4.1, an option).
    """
    begun = start.astimezone(ZONE)
    if after_hours_is_next_day:
        begun = _received(begun, calendar)
    extended = tuple(extensions)
    closed, still_open = _merged(stops, begun)
    reckon = {"working-day": _working_days, "day": _days, "working-hour": _working_hours, "hour": _hours}
    due, ignored = reckon[limit.unit](begun, limit, calendar, sum(extended), closed)
    counted = [stop for stop in closed if stop not in ignored]
    provisional = _provisional(begun, due, limit, calendar, extended)
    why = joined(
        [
            *beginning(begun, limit, calendar, event),
            *calendar_words(begun, due, limit, calendar, counted),
            *(stop_words(stop, limit, calendar, begun.year) for stop in counted),
            *([T("现正暂停计时，恢复后顺延")] if still_open else []),
            *(extension_words(days, limit) for days in extended if days),
            *([T("放假安排尚未公布的日期按暂估计算")] if provisional else []),
            T("应于 %(when)s 前%(act)s", when=moment_text(due, year=begun.year), act=act),
        ]
    )
    return Deadline(due.astimezone(UTC), provisional, why, still_open, tuple(ignored))


# --- the four ways of counting: each returns the local deadline and the stops that came too late ----------


def _working_days(
    begun: datetime, limit: Limit, calendar: Calendar, extension: int, stops: Sequence[Stop]
) -> tuple[datetime, list[Stop]]:
    day, noon = _limit_day(begun, limit.value, calendar)
    day = calendar.shift(day, extension)
    ignored = []
    for stop in stops:
        end = stop.ended
        if stop.start > _close(day, calendar, noon=noon):
            ignored.append(stop)
        elif stop.start.date() == end.date():
            continue
        elif stop.start.date() == day:
            day, noon = _resumed(end, calendar), False
        else:
            day = calendar.shift(day, calendar.count(stop.start.date(), end.date()))
    return _close(day, calendar, noon=noon), ignored


def _limit_day(begun: datetime, value: Decimal, calendar: Calendar) -> tuple[date, bool]:
    """The last day of the limit, and whether it ends at noon (§4.1, §4.3)."""
    today, whole = begun.date(), int(value)
    if value == whole:
        return calendar.shift(today, whole), False
    if whole:
        return calendar.shift(today, whole + 1), True
    if begun.time() < NOON and calendar.day(today).pm:
        return today, False
    return calendar.next_work(today), True


def _close(day: date, calendar: Calendar, *, noon: bool) -> datetime:
    return calendar.half(day) if noon else calendar.closes(day)


def _resumed(end: datetime, calendar: Calendar) -> date:
    """The day on which a case stopped on its last day is due."""
    day = end.date()
    return day if calendar.is_work(day) and end <= calendar.closes(day) else calendar.next_work(day)


def _days(
    begun: datetime, limit: Limit, calendar: Calendar, extension: int, stops: Sequence[Stop]
) -> tuple[datetime, list[Stop]]:
    day = begun.date() + timedelta(days=int(limit.value) + extension)
    ignored = []
    for stop in stops:
        end = stop.ended
        if stop.start > calendar.closes(calendar.on_or_after(day)):
            ignored.append(stop)
        elif stop.start.date() == end.date():
            continue
        elif stop.start.date() < day:
            day += end.date() - stop.start.date()
        else:
            in_time = not calendar.is_work(end.date()) or end <= calendar.closes(end.date())
            day = end.date() if in_time else end.date() + ONE_DAY
    return calendar.closes(calendar.on_or_after(day)), ignored


def _working_hours(
    begun: datetime, limit: Limit, calendar: Calendar, extension: int, stops: Sequence[Stop]
) -> tuple[datetime, list[Stop]]:
    due = calendar.add_working_time(begun, timedelta(hours=int(limit.value)) + extension * WORKING_DAY)
    ignored = []
    for stop in stops:
        if stop.start >= due:
            ignored.append(stop)
        else:
            due = calendar.add_working_time(due, calendar.working_time(stop.start, stop.ended))
    return due, ignored


def _hours(
    begun: datetime, limit: Limit, calendar: Calendar, extension: int, stops: Sequence[Stop]
) -> tuple[datetime, list[Stop]]:
    due = begun + timedelta(hours=int(limit.value))
    due = datetime.combine(calendar.shift(due.date(), extension), due.timetz())
    ignored = []
    for stop in stops:
        if stop.start >= due:
            ignored.append(stop)
        else:
            due += stop.ended - stop.start
    return due, ignored


def _received(begun: datetime, calendar: Calendar) -> datetime:
    today = begun.date()
    if calendar.is_work(today) and begun <= calendar.closes(today):
        return begun
    return at(calendar.next_work(today), OPENS)


def _merged(stops: Iterable[Stop], begun: datetime) -> tuple[list[Stop], bool]:
    """Overlapping stops as one, none before the beginning; and whether the clock still stands."""
    merged: list[Stop] = []
    for stop in sorted(stops, key=lambda stop: stop.start):
        start = max(stop.start.astimezone(ZONE), begun)
        end = None if stop.end is None else stop.end.astimezone(ZONE)
        if end is not None and end < start:
            continue
        last = merged[-1] if merged else None
        if last is not None and (last.end is None or start <= last.end):
            longer = None if last.end is None or end is None else max(last.end, end)
            merged[-1] = Stop(last.start, longer)
        else:
            merged.append(Stop(start, end))
    return [stop for stop in merged if stop.end is not None], any(stop.end is None for stop in merged)


def _provisional(
    begun: datetime, due: datetime, limit: Limit, calendar: Calendar, extended: Sequence[int]
) -> bool:
    """Only days that were looked at can make a deadline provisional."""
    if limit.unit == "hour" and not any(extended):
        return False
    if limit.unit == "day":
        return calendar.is_provisional(calendar.shift(due.date(), -1), due.date())
    return calendar.is_provisional(begun.date(), due.date())


# --- moments on the way ----------------------------------------------------------------------------------


def counted_stops(stops: Iterable[Stop], limit: Limit, begun: datetime) -> list[Stop]:
    """The stops as the limit counts them: merged; for limits in days from closing time to closing time."""
    closed, _ = _merged(stops, begun.astimezone(ZONE))
    if limit.unit in ("hour", "working-hour"):
        return closed
    return [Stop.of_days(stop.start.date(), stop.ended.date()) for stop in closed]


def share_moment(
    start: datetime,
    deadline: datetime,
    share: Decimal | float | str,
    calendar: Calendar,
    stops: Iterable[Stop] = (),
) -> datetime:
    """The moment (UTC) at which ``share`` (0..1) of the working minutes up to the deadline have passed.

    Rounded up to a whole minute, never after the deadline; the whole share is the deadline itself. ``stops``
    as ``counted_stops`` gives them are not counted. Without any working minute (hours at night) plain
    minutes are shared.
    """
    part = Fraction(str(share))
    if part >= 1:
        return deadline.astimezone(UTC)
    closed, _ = _merged(stops, start.astimezone(ZONE))
    total = calendar.working_time(start, deadline)
    total -= sum((calendar.working_time(s.start, min(s.ended, deadline)) for s in closed), timedelta())
    if total <= timedelta():
        return min(start + _minutes(deadline - start, part), deadline).astimezone(UTC)
    moment = calendar.add_working_time(start, _minutes(total, part))
    for stop in closed:
        if moment <= stop.start:
            break
        moment = calendar.add_working_time(moment, calendar.working_time(stop.start, stop.ended))
    return min(moment, deadline).astimezone(UTC)


def _minutes(total: timedelta, part: Fraction) -> timedelta:
    return timedelta(minutes=math.ceil(Fraction(total // timedelta(seconds=1), 60) * part))


def late_moment(deadline: datetime, days: int, calendar: Calendar) -> datetime:
    """Closing time (UTC) of the ``days``-th working day after the deadline."""
    return calendar.closes(calendar.shift(deadline.astimezone(ZONE).date(), days)).astimezone(UTC)


def progress_due(last: datetime, deadline: datetime, every: int, calendar: Calendar) -> datetime:
    """When the next notice of progress is due (§4.6), in UTC.

    ``every`` working days after the last notice, at the latest on the last working day before the deadline
    (that one always); from then on it is the result, at the deadline.
    """
    told, due = last.astimezone(ZONE).date(), deadline.astimezone(ZONE).date()
    eve = calendar.shift(due, -1)
    if told >= eve:
        return deadline.astimezone(UTC)
    return calendar.closes(min(calendar.shift(told, every), eve)).astimezone(UTC)


# --- yizhan due ------------------------------------------------------------------------------------------


def explain_due(
    from_text: str,
    limit: str | int | float,
    unit: str = "working-day",
    stops: Sequence[str] = (),
    extend: Sequence[int | str] = (),
    *,
    calendar: Calendar | None = None,
    language: str = "zh",
) -> dict[str, str | bool]:
    """``deadline`` (ISO, +08:00), ``provisional`` and ``why`` for what was typed; Refused names the field.

    ``from_text`` is 2026-03-02 (opening time) or 2026-03-02T15:00; a stop is 2026-03-03..2026-03-06, or
    with times of day; times without a zone are Asia/Shanghai.
    """
    known = calendar or built()
    begun = _typed(from_text, field="from")
    start = begun if isinstance(begun, datetime) else at(begun, OPENS)
    found = deadline(
        start,
        Limit(limit, unit),
        known,
        [_typed_stop(text) for text in stops],
        [_typed_days(days) for days in extend],
    )
    if found.ignored:
        raise Refused(T("期限届满后不能暂停计时。"), field="stops")
    return {
        "deadline": found.at.astimezone(ZONE).isoformat(),
        "provisional": found.provisional,
        "why": found.why.say(language),
    }


def _typed(text: str, *, field: str) -> date | datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        message = T("“%(text)s”不是日期，请写成 2026-03-02 或 2026-03-02T15:00。", text=text)
        raise Refused(message, field=field) from None
    if moment.year not in YEARS:
        message = T("只能计算 %(first)s 年至 %(last)s 年的日期。", first=YEARS.start, last=YEARS.stop - 1)
        raise Refused(message, field=field)
    if len(text) == 10:
        return moment.date()
    return moment.astimezone(ZONE) if moment.tzinfo else moment.replace(tzinfo=ZONE)


def _typed_stop(text: str) -> Stop:
    first_text, dots, last_text = text.partition("..")
    if not dots:
        message = T("“%(text)s”不是停表区间，请写成 2026-03-03..2026-03-06。", text=text)
        raise Refused(message, field="stops")
    first, last = _typed(first_text, field="stops"), _typed(last_text, field="stops")
    start, end = (moment if isinstance(moment, datetime) else at(moment, CLOSES) for moment in (first, last))
    return Stop(start, end)


def _typed_days(days: int | str) -> int:
    text = str(days)
    if not text.isdecimal() or not 0 < int(text) <= LONGEST["working-day"]:
        raise Refused(T("延期天数须为正整数，不能是“%(days)s”。", days=text), field="extend")
    return int(text)
