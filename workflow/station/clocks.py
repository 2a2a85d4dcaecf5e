"""Clocks that stand for the station's limits, and the verbs that move them (rulebook §4.4, §4.5, §4.7).

A clock belongs to something with a text key ('case:12'). Its deadline is never changed by hand: every act
writes a line into the ledger, and ``deadline_at`` is reckoned anew from all of it. Nothing here commits.
Whoever moves a clock of a running diagram calls ``engine.rearm`` afterwards. Moments are aware.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, bindparam, or_, select
from sqlalchemy.orm import Session, selectinload

from workflow.errors import AlreadyDone, Refused
from workflow.station import calendar as calendars
from workflow.station import rungs
from workflow.station.calendar import Calendar
from workflow.station.clock_ledger import (
    ALWAYS,
    FINISHED,
    LATE,
    REASONS_BY_KIND,
    RUNNING,
    STOPPED,
    Clock,
    ClockEvent,
)  # fmt: skip
from workflow.station.clock_reckoning import (
    foreseen,
    held_back,
    reckon,
)  # fmt: skip
from workflow.station.deadlines import Deadline, Limit
from workflow.texts import T

_latest = (
    select(Clock)
    .where(Clock.owner == bindparam("whose"), Clock.kind == bindparam("which"))
    .order_by(Clock.id.desc())
    .limit(1)
)


def of(session: Session, owner: str, kind: str) -> Clock | None:
    """The latest clock of this kind: the one that runs, else the last one that ended."""
    return session.scalar(_latest, {"whose": owner, "which": kind})


def live_of(session: Session, owners: Sequence[str], kind: str) -> dict[str, Clock]:
    """The running or stopped clocks of many owners with their ledgers: two statements for all."""
    found = (
        select(Clock)
        .where(Clock.owner.in_(owners), Clock.kind == kind, Clock.state != FINISHED)
        .options(selectinload(Clock.events))
    )
    return {clock.owner: clock for clock in session.scalars(found)}


def start(
    session: Session,
    *,
    owner: str,
    kind: str,
    started_at: datetime,
    limit: Limit,
    actor: str,
    on_behalf_of: str | None = None,
) -> Clock:
    """Start a clock. Flushes. AlreadyDone when one of this kind runs for the owner."""
    known = of(session, owner, kind)
    if known is not None and known.state != FINISHED:
        raise AlreadyDone(T("该事项已在计时。"), state=known.state)
    calendar = calendars.load(session)
    clock = Clock(
        owner=owner,
        kind=kind,
        started_at=started_at,
        limit_value=limit.value,
        limit_unit=limit.unit,
        state=RUNNING,
    )
    _settle(clock, reckon(clock, calendar), calendar)
    session.add(clock)
    _write(session, clock, "start", started_at, actor=actor, on_behalf_of=on_behalf_of)
    return clock


def stop(
    session: Session,
    clock: Clock,
    moment: datetime,
    *,
    reason: str,
    actor: str,
    on_behalf_of: str | None = None,
    document_id: int | None = None,
) -> None:
    """Let the clock stand still from now on. Refused: other reasons, and from the deadline on. Flushes."""
    _hold(session, clock, moment, actor=actor, on_behalf_of=on_behalf_of)
    if reason not in REASONS_BY_KIND.get(clock.kind, ALWAYS):
        raise Refused(T("这个理由不能暂停计时。"), field="reason")
    if clock.state != RUNNING:
        raise AlreadyDone(T("计时已经暂停或结束。"), state=clock.state)
    if moment >= clock.deadline_at or rungs.is_reached(session, clock, LATE):
        raise Refused(T("期限届满后不能暂停计时。"))
    clock.state = STOPPED
    _write(
        session,
        clock,
        "stop",
        moment,
        actor=actor,
        on_behalf_of=on_behalf_of,
        reason=reason,
        document_id=document_id,
    )


def resume(
    session: Session,
    clock: Clock,
    moment: datetime,
    *,
    actor: str,
    on_behalf_of: str | None = None,
    document_id: int | None = None,
) -> None:
    """Let a stopped clock run again: the deadline moves by what was stopped (§4.4). Flushes. AlreadyDone."""
    _hold(session, clock, moment, actor=actor, on_behalf_of=on_behalf_of)
    if clock.state != STOPPED:
        raise AlreadyDone(T("计时没有暂停。"), state=clock.state)
    clock.state = RUNNING
    _recount(
        session, clock, "resume", moment, actor=actor, on_behalf_of=on_behalf_of, document_id=document_id
    )


def extend(
    session: Session,
    clock: Clock,
    days: int,
    moment: datetime,
    *,
    reason: str,
    actor: str,
    on_behalf_of: str | None = None,
    document_id: int | None = None,
) -> None:
    """Add working days (calendar days to a limit in days) to the deadline (§4.5). Flushes.

    Refused after the deadline: no extension exists there. While the clock is stopped, what counts is where
    the deadline would be if it ran again now.
    """
    _hold(session, clock, moment, actor=actor, on_behalf_of=on_behalf_of)
    if days < 1:
        raise Refused(T("延期天数须为正整数，不能是“%(days)s”。", days=days), field="days")
    may_extend(session, clock, moment)
    _recount(
        session,
        clock,
        "extend",
        moment,
        actor=actor,
        on_behalf_of=on_behalf_of,
        reason=reason,
        days=days,
        document_id=document_id,
    )


def recompute(
    session: Session, clock: Clock, moment: datetime, *, actor: str, on_behalf_of: str | None = None
) -> bool:
    """Reckon anew after the calendar changed; True if the deadline moved. Flushes.

    A date once told is not moved later (§4.7), unless it became a day off: then to the next working day. In
    working days the ledger keeps how far it is held back. Clocks that ended or are late stay as they are.
    """
    session.flush()
    session.refresh(clock, with_for_update=True)
    session.expire(clock, ["events"])
    calendar = calendars.load(session)
    late = clock.state == RUNNING and moment > clock.deadline_at
    if clock.state == FINISHED or late or clock.calendar_version == calendar.version:
        return False
    before, was_held = clock.deadline_at, held_back(clock)
    found, held = foreseen(clock, calendar)
    _settle(clock, found, calendar)
    if clock.deadline_at == before and held == was_held:
        session.flush()
        return False
    line = {"days": held or None, "calendar_version": calendar.version}
    _write(session, clock, "recompute", moment, actor=actor, on_behalf_of=on_behalf_of, **line)
    return clock.deadline_at != before


def outdated(session: Session, moment: datetime) -> Select[Clock]:
    """The live clocks that an older calendar reckoned; a late one keeps its date, whatever changes."""
    return select(Clock).where(
        Clock.state != FINISHED,
        Clock.calendar_version != calendars.load(session).version,
        or_(Clock.state == STOPPED, Clock.deadline_at >= moment),
    )


def finish(
    session: Session, clock: Clock, moment: datetime, *, actor: str, on_behalf_of: str | None = None
) -> None:
    """What the clock stood for is done. Flushes. AlreadyDone."""
    session.flush()
    session.refresh(clock, with_for_update=True)
    if clock.state == FINISHED:
        raise AlreadyDone(T("计时已经暂停或结束。"), state=clock.state)
    clock.state, clock.finished_at = FINISHED, moment
    _write(session, clock, "finish", moment, actor=actor, on_behalf_of=on_behalf_of)


def restart(
    session: Session, clock: Clock, at: datetime, moment: datetime, *, actor: str, on_behalf_of: str | None
) -> Clock:
    """End a clock and begin the next of its kind, with the same limit, as of ``at``. Flushes. AlreadyDone."""
    finish(session, clock, moment, actor=actor, on_behalf_of=on_behalf_of)
    return start(
        session,
        owner=clock.owner,
        kind=clock.kind,
        started_at=at,
        limit=clock.limit,
        actor=actor,
        on_behalf_of=on_behalf_of,
    )


# --- questions -------------------------------------------------------------------------------------------


def is_over(session: Session, clock: Clock, moment: datetime) -> bool:
    """Has the deadline passed? Also when that was recorded by a step that began later and ended earlier.

    While the clock is stopped, what counts is where the deadline would be if it ran again now.
    """
    if rungs.is_reached(session, clock, LATE) or (clock.state == RUNNING and moment > clock.deadline_at):
        return True
    return moment > reckon(clock, calendars.load(session), until=moment).at


def may_extend(session: Session, clock: Clock, moment: datetime) -> None:
    """AlreadyDone when it has ended. Refused after the deadline: no extension exists there (§4.5)."""
    if clock.state == FINISHED:
        raise AlreadyDone(T("计时已经暂停或结束。"), state=clock.state)
    if is_over(session, clock, moment):
        raise Refused(T("期限已过，不能再延期。"))


# --- the ledger ------------------------------------------------------------------------------------------


def _hold(session: Session, clock: Clock, moment: datetime, *, actor: str, on_behalf_of: str | None) -> None:
    """Lock the clock and bring it to today's calendar; a ledger is written forward only."""
    recompute(session, clock, moment, actor=actor, on_behalf_of=on_behalf_of)
    if clock.events and moment < clock.events[-1].at:
        raise Refused(T("时间早于该计时的上一条记录。"))


def _recount(session: Session, clock: Clock, kind: str, moment: datetime, **line: Any) -> None:
    calendar = calendars.load(session)  # before the line is added: a query would flush it half-written
    clock.events.append(ClockEvent(kind=kind, at=moment, deadline_at=clock.deadline_at, **line))
    _settle(clock, reckon(clock, calendar), calendar)
    clock.events[-1].deadline_at = clock.deadline_at
    session.flush()


def _write(session: Session, clock: Clock, kind: str, moment: datetime, **line: Any) -> None:
    clock.events.append(ClockEvent(kind=kind, at=moment, deadline_at=clock.deadline_at, **line))
    session.flush()


def _settle(clock: Clock, found: Deadline, calendar: Calendar) -> None:
    clock.deadline_at = found.at
    clock.provisional = found.provisional
    clock.calendar_version = calendar.version
