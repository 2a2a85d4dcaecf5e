# mypy: allow-subclassing-any
"""Timers by the business clock: ISO 8601 literals, FEEL that gives one, and the station's own words.

A timer only knows when it is due; nothing but ``Execution.wake`` lets it fire. In the token it is kept as
whole microseconds since 1970 (UTC), so that a stored case says the same as a live one.
"""

from __future__ import annotations

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from SpiffWorkflow.bpmn.specs.event_definitions import timer as library

from workflow.errors import YizhanError
from workflow.texts import T

LOCAL = ZoneInfo("Asia/Shanghai")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = ("working-day", "day", "working-hour", "hour")
LIMIT = re.compile(r"[0-9]{1,4}(\.5)?")  # no promise reaches past the calendar
DURATION = re.compile(
    r"P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)


class BadTimer(YizhanError):
    """The text of a timer is no time: neither ISO 8601 nor known words, or beyond the calendar."""

    def __init__(self, text: object) -> None:
        super().__init__(T("定时器的时间“%(text)s”无法识别。", text=text))


@dataclass(frozen=True)
class TimerWords:
    """A timer whose time the station knows: a limit from now on, or a rung of a clock's table."""

    element: str
    limit_value: float | None = None
    limit_unit: str | None = None
    clock: str | None = None
    rung: str | None = None
    table: str | None = None


def limit(text: str) -> tuple[float, str]:
    """``"2 working-hour"`` -> (2, "working-hour"); half a working day is "0.5 working-day". BadTimer."""
    parts = text.split()
    if len(parts) != 2 or not LIMIT.fullmatch(parts[0]) or parts[1] not in UNITS:
        raise BadTimer(text)
    if "." in parts[0] and parts[1] != "working-day":
        raise BadTimer(text)
    return float(parts[0]), parts[1]


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment_of(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


def after(start: datetime, duration: str) -> datetime:
    """``start`` plus an ISO duration; months and years by the calendar of Shanghai. BadTimer."""
    match = DURATION.fullmatch(duration)
    parts = {name: float(text) for name, text in match.groupdict().items() if text} if match else {}
    if not parts:
        raise BadTimer(duration)
    months = int(parts.pop("years", 0)) * 12 + int(parts.pop("months", 0))
    try:
        local = start.astimezone(LOCAL)
        year, month = divmod(local.year * 12 + local.month - 1 + months, 12)
        day = min(local.day, monthrange(year, month + 1)[1])
        moved = local.replace(year=year, month=month + 1, day=day) + timedelta(**parts)
    except (OverflowError, ValueError) as error:
        raise BadTimer(duration) from error
    return moved.astimezone(UTC)


def date(text: str) -> datetime:
    """An ISO date or moment; without an offset it is Shanghai's. BadTimer."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadTimer(text) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=LOCAL)).astimezone(UTC)


def cycle(text: str, moment: datetime) -> tuple[datetime, str, int]:
    """``R3/PT1H`` or ``R/2026-03-02T09:00/P1D`` -> first time, interval, rounds (-1 endless). BadTimer."""
    match = re.fullmatch(r"R(\d*)/(?:([^/P]+)/)?(P[^/]+)", text)
    if match is None:
        raise BadTimer(text)
    rounds, start, interval = match.groups()
    if after(moment, interval) < moment + timedelta(minutes=1):
        raise BadTimer(text)
    first = date(start) if start else after(moment, interval)
    return first, interval, int(rounds) if rounds else -1


class Timer:
    """What our timers share: the due time is worked out when the token arrives and kept in the token."""

    name: str
    expression: str
    words: TimerWords | None = None

    def due(self, token: Any) -> Any:
        """What the token keeps: the due time in microseconds, or a list that begins with it."""
        return self.at(self.text(token), token.workflow.script_engine.moment)

    def arm(self, token: Any, kept: dict[str, Any], key: str = "due") -> None:
        """Work out the time, once: ``kept[key]`` stays until ``rearm`` drops it."""
        if key not in kept:
            kept[key] = self.due(token)

    def has_fired(self, token: Any) -> bool:
        self.arm(token, token.internal_data)
        return bool(token.internal_data.get("fired"))

    @property
    def literal(self) -> str | None:
        """The ISO text that stands in the diagram, None for FEEL."""
        return None if self.expression.startswith("=") else self.expression.strip('"')

    def check(self) -> None:
        """BadTimer if a literal is no time of this kind."""
        if self.literal is not None:
            self.at(self.literal, EPOCH)

    def at(self, text: str, moment: datetime) -> Any:
        raise NotImplementedError

    def text(self, token: Any) -> str:
        """The ISO text: a literal as it stands, or what the FEEL expression gives."""
        if self.literal is not None:
            return self.literal
        value = token.workflow.script_engine.evaluate(token, self.expression)
        if not isinstance(value, str):
            raise BadTimer(value)
        return value


class DateTimer(Timer, library.TimeDateEventDefinition):
    def at(self, text: str, moment: datetime) -> int:
        return micros(date(text))


class DurationTimer(Timer, library.DurationTimerEventDefinition):
    def at(self, text: str, moment: datetime) -> int:
        return micros(after(moment, text))


class WordsTimer(Timer, library.TimerEventDefinition):
    """``yz:limit`` or ``yz:clock``: the host says when; None = does not apply now, never fires."""

    def due(self, token: Any) -> int | None:
        moment = token.workflow.script_engine.host.due(self.words, token.data)
        return None if moment is None else micros(moment)


class CycleTimer(Timer, library.CycleTimerEventDefinition):
    """Rounds: ``[next, interval, rounds left]``; at an interrupting event only the first counts."""

    def at(self, text: str, moment: datetime) -> list[Any]:
        first, interval, rounds = cycle(text, moment)
        return [micros(first), interval, rounds]

    def following(self, token: Any) -> list[Any] | None:
        """What the next round keeps: the first time after now (missed rounds are one), or None."""
        due, interval, rounds = token.internal_data["due"]
        now = micros(token.workflow.script_engine.moment)
        while due <= now:
            rounds -= 1 if rounds > 0 else 0
            if rounds == 0:
                return None
            due = micros(after(moment_of(due), interval))
        return [due, interval, rounds]


def due_of(value: Any) -> int | None:
    """The next due time in what a timer keeps, of whatever kind it is."""
    due: int | None = value[0] if isinstance(value, list) else value
    return due
