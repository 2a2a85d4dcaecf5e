"""What the ledger of a clock says: its deadline and why, what is used, what was told (§4.4, §4.5, §4.7).

Nothing is written here. Moments are aware.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from workflow.station import calendar as calendars
from workflow.station import calendar_days
from workflow.station.calendar import ZONE, Calendar
from workflow.station.clock_ledger import FINISHED, KINDS, REASONS, STOPPED, Clock, ClockEvent
from workflow.station.deadline_words import Remaining, joined, moment_text
from workflow.station.deadline_words import remaining as remaining_in_words
from workflow.station.deadlines import Deadline, Stop, counted_stops, deadline
from workflow.texts import T, Text

MOST_HELD_BACK = 60  # working days a change of the calendar may be held back for a promised date


def reckon(
    clock: Clock, calendar: Calendar, *, until: datetime | None = None, held: int | None = None
) -> Deadline:
    """The deadline by the whole ledger; an open stop ends at ``until``; ``held`` instead of what is held."""
    extended = [line.days for line in clock.events if line.kind == "extend" and line.days]
    happened, act = KINDS[clock.kind]
    return deadline(
        clock.started_at,
        clock.limit,
        calendar,
        stops_of(clock, until=until),
        [*extended, held_back(clock) if held is None else held],
        event=happened,
        act=act,
    )


def extended(session: Session, clock: Clock, days: int, moment: datetime) -> datetime:
    """Where an extension by so many days would move the deadline (UTC); a stop that lasts ends now."""
    return reckon(clock, calendars.load(session), until=moment, held=held_back(clock) + days).at


def if_resumed(session: Session, clock: Clock, moment: datetime) -> datetime:
    """The deadline (UTC); of a stopped clock the one it would have if it ran again now."""
    return reckon(clock, calendars.load(session), until=moment).at


def why(session: Session, clock: Clock) -> Text:
    """The whole reckoning of the deadline as a sentence, and the reasons for which the clock stood."""
    reckoned = reckon(clock, calendar_days.as_of(session, clock.calendar_version)).why
    reasons = [
        T(
            "%(when)s起暂停：%(reason)s",
            when=moment_text(line.at, year=clock.started_at.astimezone(ZONE).year),
            reason=REASONS[line.reason or ""],
        )
        for line in clock.events
        if line.kind == "stop"
    ]
    return joined([reckoned, *reasons])


def foreseen(clock: Clock, calendar: Calendar) -> tuple[Deadline, int]:
    """What ``recompute`` would find under this calendar, and how far it would be held back (0 or negative).

    Nothing is written, nothing locked: a change of the calendar is looked at before it is made.
    """
    last = told(clock).astimezone(ZONE)
    if clock.limit_unit in ("working-day", "day") and not calendar.is_work(last.date()):
        last = calendar.closes(calendar.next_work(last.date()))
    held, found = 0, reckon(clock, calendar, held=0)
    while (
        clock.limit_unit == "working-day"
        and found.at.astimezone(ZONE).date() > last.date()
        and held > -MOST_HELD_BACK
    ):
        held -= 1
        found = reckon(clock, calendar, held=held)
    return found, held


def told(clock: Clock, *, before: ClockEvent | None = None) -> datetime:
    """The date the client was told last: at the start, a resumption, an extension, or off a new day off.

    An earlier date that a change of the calendar brought is only the station's own target (§4.7).
    """
    last = clock.events[0].deadline_at
    for line in clock.events:
        if line is before:
            break
        if line.kind in ("resume", "extend"):
            last = line.deadline_at
        elif line.kind == "recompute":
            last = max(last, line.deadline_at)
    return last


def used(session: Session, clock: Clock, moment: datetime) -> float:
    """The share of the limit's working time that is used, 0..1; stops are not used time."""
    return share_used(clock, moment, calendars.load(session))


def share_used(clock: Clock, moment: datetime, calendar: Calendar) -> float:
    """``used`` by a calendar that is loaded: for whoever asks about many clocks."""
    end = min(moment, clock.finished_at or moment)
    stops = counted_stops(stops_of(clock, until=end), clock.limit, clock.started_at)
    # A clock that stands has its deadline where it would be if it ran again now.
    due = reckon(clock, calendar, until=end).at if clock.state == STOPPED else clock.deadline_at
    total = _worked(clock.started_at, due, stops, calendar)
    if total <= timedelta():
        return min(1.0, max(0.0, (end - clock.started_at) / (due - clock.started_at)))
    return min(1.0, _worked(clock.started_at, end, stops, calendar) / total)


def remaining(session: Session, clock: Clock, moment: datetime) -> Remaining:
    """What is left, in words: of a finished clock only whether it was in time."""
    if clock.state == FINISHED:
        late = clock.finished_at is not None and clock.finished_at > clock.deadline_at
        return Remaining(T("已超期办结"), "late") if late else Remaining(T("已按期办结"), "ok")
    if clock.state == STOPPED:
        return Remaining(T("暂停计时"), "ok")
    return remaining_in_words(moment, clock.deadline_at, calendars.load(session))


def stops_of(clock: Clock, *, until: datetime | None = None) -> Iterator[Stop]:
    """The stops of a clock, in order; the last one may still last, or ends at ``until``."""
    begun: datetime | None = None
    for line in clock.events:
        if line.kind == "stop":
            begun = line.at
        elif line.kind == "resume" and begun is not None:
            yield Stop(begun, line.at)
            begun = None
    if begun is not None:
        yield Stop(begun, max(begun, until) if until else None)


def held_back(clock: Clock) -> int:
    """Days (0 or negative) that the deadline is held back for the date told, as last recomputed."""
    found = [line.days or 0 for line in clock.events if line.kind == "recompute"]
    return found[-1] if found else 0


def _worked(start: datetime, end: datetime, stops: Sequence[Stop], calendar: Calendar) -> timedelta:
    total = calendar.working_time(start, end)
    for line in stops:
        if line.end is not None:
            total -= calendar.working_time(line.start, min(line.end, end))
    return max(total, timedelta())
