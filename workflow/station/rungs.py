"""The rungs of the ladder that hang on a clock: when each is due, and that it was reached (T-std)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from workflow.schema import Json
from workflow.station import calendar as calendars
from workflow.station.clock_ledger import RUNNING, Clock, Escalation
from workflow.station.clock_reckoning import stops_of
from workflow.station.deadlines import Limit, counted_stops, deadline, late_moment, share_moment


def due(
    session: Session,
    clock: Clock,
    rung: str,
    table_decide: Callable[[Mapping[str, Json]], Mapping[str, Json]],
    *,
    acted: Callable[[], bool] = lambda: False,
) -> datetime | None:
    """When a rung of the ladder is due (UTC); None: not for this limit, reached before, or the clock stands.

    ``table_decide`` answers rung, limit_days (a working hour is an eighth of a day) and limit_unit with a
    ``share`` of the limit, ``plus_days`` after it (decisions 3), or ``idle``: how long after the start
    nobody may have ``acted``, such as '0.5 working-day' (R2.4.2b). Ask again when the clock has moved.
    """
    if clock.state != RUNNING or is_reached(session, clock, rung):
        return None
    facts: dict[str, Json] = {
        "rung": rung,
        "limit_days": float(clock.limit.days),
        "limit_unit": clock.limit_unit,
    }
    answer = table_decide(facts)
    share, plus_days = answer.get("share"), answer.get("plus_days")
    calendar = calendars.load(session)
    if isinstance(share, int | float):
        stops = counted_stops(stops_of(clock), clock.limit, clock.started_at)
        return share_moment(clock.started_at, clock.deadline_at, share, calendar, stops)
    if isinstance(plus_days, int | float):
        return late_moment(clock.deadline_at, int(plus_days), calendar)
    if isinstance(idle := answer.get("idle"), str) and not acted():
        value, _, unit = idle.partition(" ")
        return deadline(clock.started_at, Limit(value, unit), calendar, stops_of(clock)).at
    return None


def is_reached(session: Session, clock: Clock, rung: str) -> bool:
    reached = select(Escalation.id).where(Escalation.clock_id == clock.id, Escalation.rung == rung)
    return session.scalar(reached) is not None


def record(session: Session, clock: Clock, rung: str, *, told: Sequence[str], moment: datetime) -> bool:
    """Write down that a rung was reached; False if it was before, then nothing more must happen."""
    line = insert(Escalation).values(clock_id=clock.id, rung=rung, fired_at=moment, told=list(told))
    first = session.scalar(line.on_conflict_do_nothing().returning(Escalation.id)) is not None
    session.expire(clock, ["escalations"])
    return first
