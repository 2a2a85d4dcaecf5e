"""Clocks that stand for the station's limits, and the ledger that moves them (rulebook §4.4, §4.5, §4.7).

A clock belongs to something with a text key ('case:12'). Its deadline is never changed by hand: every act
writes a line into the ledger, and ``deadline_at`` is reckoned anew from all of it. Nothing here commits.
Whoever moves a clock of a running diagram calls ``engine.rearm`` afterwards. Moments are aware.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    Identity,
    Index,
    Numeric,
    Select,
    UniqueConstraint,
    bindparam,
    event,
    or_,
    select,
)
from sqlalchemy import text as sql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from workflow.errors import AlreadyDone, Refused
from workflow.schema import Base, Json
from workflow.station import calendar as calendars
from workflow.station import calendar_days
from workflow.station.calendar import ZONE, Calendar
from workflow.station.deadline_words import Remaining, joined, moment_text
from workflow.station.deadline_words import remaining as remaining_in_words
from workflow.station.deadlines import (
    Deadline,
    Limit,
    Stop,
    counted_stops,
    deadline,
    late_moment,
    share_moment,
)
from workflow.texts import T, Text

ITEM_CLOCK = "item"  # the kind of the clock that a case is promised by
RUNNING, STOPPED, FINISHED = "running", "stopped", "finished"

LATE = "late"  # the rung at which a case is late for good: from then on nothing stops or extends its clock

# What a clock of this kind counts from, and what is to be done by its end.
KINDS = {
    "item": (T("受理"), T("办结")),
    "deficiency": (T("送达补正告知"), T("补正")),
    "notice": (T("收到材料"), T("一次性告知")),
    "progress": (T("告知进展"), T("再次告知进展")),
}
PROMISED = ("item", "deficiency")  # whose date a client was told
# The only reasons for which a clock may stand still; nobody's absence is one.
REASONS = {
    "correction": T("等待补正材料"),
    "expert": T("专家评审或鉴定"),
    "inspection": T("检验、检测或听证"),
    "force_majeure": T("不可抗力"),
}
# Before acceptance nothing but force majeure stops the duties that run then.
REASONS_BY_KIND = {"item": frozenset(REASONS)}
ALWAYS = frozenset({"force_majeure"})
MOST_HELD_BACK = 60  # working days a change of the calendar may be held back for a promised date


class Clock(Base):
    """One limit, from ``started_at``; ``deadline_at`` is reckoned from it and the ledger, never set."""

    __tablename__ = "clock"
    __table_args__ = (
        CheckConstraint("kind IN ('item', 'deficiency', 'notice', 'progress')", name="kind"),
        CheckConstraint("state IN ('running', 'stopped', 'finished')", name="state"),
        Index("uq_clock_live", "owner", "kind", unique=True, postgresql_where=sql("state <> 'finished'")),
        Index("ix_clock_deadline", "deadline_at", postgresql_where=sql("state <> 'finished'")),
        Index("ix_clock_owner", "owner", "kind"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    owner: Mapped[str]
    kind: Mapped[str]
    started_at: Mapped[datetime]
    limit_value: Mapped[Decimal] = mapped_column(Numeric(8, 1))
    limit_unit: Mapped[str]
    deadline_at: Mapped[datetime]
    provisional: Mapped[bool]
    state: Mapped[str] = mapped_column(default=RUNNING)
    calendar_version: Mapped[str]
    finished_at: Mapped[datetime | None]

    events: Mapped[list[ClockEvent]] = relationship(order_by="ClockEvent.id", back_populates="clock")
    escalations: Mapped[list[Escalation]] = relationship(order_by="Escalation.id", viewonly=True)

    @property
    def limit(self) -> Limit:
        return Limit(self.limit_value, self.limit_unit)

    @property
    def rungs_fired(self) -> list[str]:
        return [line.rung for line in self.escalations]


class ClockEvent(Base):
    """A line of the ledger; only added. ``days``: an extension's; a recompute's, if held back, negative.

    ``calendar_version`` stands on a recompute's line: the change of the calendar that moved the date.
    """

    __tablename__ = "clock_event"
    __table_args__ = (
        CheckConstraint("kind IN ('start', 'stop', 'resume', 'extend', 'recompute', 'finish')", name="kind"),
        Index("ix_clock_event_clock_id", "clock_id"),
        Index(
            "ix_clock_event_calendar_version",
            "calendar_version",
            postgresql_where=sql("calendar_version IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("clock.id"))
    kind: Mapped[str]
    at: Mapped[datetime]
    reason: Mapped[str | None]
    days: Mapped[int | None]
    document_id: Mapped[int | None]
    deadline_at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    calendar_version: Mapped[str | None]

    clock: Mapped[Clock] = relationship(back_populates="events")


class Escalation(Base):
    """A rung of the ladder was reached; each rung of a clock once. ``told``: the keys of those told."""

    __tablename__ = "escalation"
    __table_args__ = (UniqueConstraint("clock_id", "rung"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("clock.id"))
    rung: Mapped[str]
    fired_at: Mapped[datetime]
    told: Mapped[list[str]]


@event.listens_for(ClockEvent, "before_update")
@event.listens_for(ClockEvent, "before_delete")
def _only_grows(_mapper: object, _connection: object, line: ClockEvent) -> None:
    raise AssertionError(f"the ledger of a clock only grows: {line.kind} {line.id}")


# --- verbs -----------------------------------------------------------------------------------------------

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
    _settle(clock, _reckon(clock, calendar), calendar)
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
    if moment >= clock.deadline_at or _marked_late(session, clock):
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
    before, was_held = clock.deadline_at, _held(clock)
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
    if _marked_late(session, clock) or (clock.state == RUNNING and moment > clock.deadline_at):
        return True
    return moment > _reckon(clock, calendars.load(session), until=moment).at


def may_extend(session: Session, clock: Clock, moment: datetime) -> None:
    """AlreadyDone when it has ended. Refused after the deadline: no extension exists there (§4.5)."""
    if clock.state == FINISHED:
        raise AlreadyDone(T("计时已经暂停或结束。"), state=clock.state)
    if is_over(session, clock, moment):
        raise Refused(T("期限已过，不能再延期。"))


def extended(session: Session, clock: Clock, days: int, moment: datetime) -> datetime:
    """Where an extension by so many days would move the deadline (UTC); a stop that lasts ends now."""
    return _reckon(clock, calendars.load(session), until=moment, held=_held(clock) + days).at


def stops_of(clock: Clock, *, until: datetime | None = None) -> list[Stop]:
    """The stops of a clock, in order; the last one may still last."""
    return list(_stops(clock, until=until))


def if_resumed(session: Session, clock: Clock, moment: datetime) -> datetime:
    """The deadline (UTC); of a stopped clock the one it would have if it ran again now."""
    return _reckon(clock, calendars.load(session), until=moment).at


def why(session: Session, clock: Clock) -> Text:
    """The whole reckoning of the deadline as a sentence, and the reasons for which the clock stood."""
    reckoned = _reckon(clock, calendar_days.as_of(session, clock.calendar_version)).why
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
    held, found = 0, _reckon(clock, calendar, held=0)
    while (
        clock.limit_unit == "working-day"
        and found.at.astimezone(ZONE).date() > last.date()
        and held > -MOST_HELD_BACK
    ):
        held -= 1
        found = _reckon(clock, calendar, held=held)
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
    stops = counted_stops(_stops(clock, until=end), clock.limit, clock.started_at)
    # A clock that stands has its deadline where it would be if it ran again now.
    due = _reckon(clock, calendar, until=end).at if clock.state == STOPPED else clock.deadline_at
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


def rung_due(
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
    if clock.state != RUNNING or session.scalar(
        select(Escalation.id).where(Escalation.clock_id == clock.id, Escalation.rung == rung)
    ):
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
        stops = counted_stops(_stops(clock), clock.limit, clock.started_at)
        return share_moment(clock.started_at, clock.deadline_at, share, calendar, stops)
    if isinstance(plus_days, int | float):
        return late_moment(clock.deadline_at, int(plus_days), calendar)
    if isinstance(idle := answer.get("idle"), str) and not acted():
        value, _, unit = idle.partition(" ")
        return deadline(clock.started_at, Limit(value, unit), calendar, _stops(clock)).at
    return None


def record_escalation(
    session: Session, clock: Clock, rung: str, *, told: Sequence[str], moment: datetime
) -> bool:
    """Write down that a rung was reached; False if it was before, then nothing more must happen."""
    line = insert(Escalation).values(clock_id=clock.id, rung=rung, fired_at=moment, told=list(told))
    first = session.scalar(line.on_conflict_do_nothing().returning(Escalation.id)) is not None
    session.expire(clock, ["escalations"])
    return first


# --- the ledger ------------------------------------------------------------------------------------------


def _hold(session: Session, clock: Clock, moment: datetime, *, actor: str, on_behalf_of: str | None) -> None:
    """Lock the clock and bring it to today's calendar; a ledger is written forward only."""
    recompute(session, clock, moment, actor=actor, on_behalf_of=on_behalf_of)
    if clock.events and moment < clock.events[-1].at:
        raise Refused(T("时间早于该计时的上一条记录。"))


def _marked_late(session: Session, clock: Clock) -> bool:
    reached = select(Escalation.id).where(Escalation.clock_id == clock.id, Escalation.rung == LATE)
    return session.scalar(reached) is not None


def _recount(session: Session, clock: Clock, kind: str, moment: datetime, **line: Any) -> None:
    calendar = calendars.load(session)  # before the line is added: a query would flush it half-written
    clock.events.append(ClockEvent(kind=kind, at=moment, deadline_at=clock.deadline_at, **line))
    _settle(clock, _reckon(clock, calendar), calendar)
    clock.events[-1].deadline_at = clock.deadline_at
    session.flush()


def _write(session: Session, clock: Clock, kind: str, moment: datetime, **line: Any) -> None:
    clock.events.append(ClockEvent(kind=kind, at=moment, deadline_at=clock.deadline_at, **line))
    session.flush()


def _settle(clock: Clock, found: Deadline, calendar: Calendar) -> None:
    clock.deadline_at = found.at
    clock.provisional = found.provisional
    clock.calendar_version = calendar.version


def _reckon(
    clock: Clock, calendar: Calendar, *, until: datetime | None = None, held: int | None = None
) -> Deadline:
    """The deadline by the whole ledger; an open stop ends at ``until``; ``held`` instead of what is held."""
    extended = [line.days for line in clock.events if line.kind == "extend" and line.days]
    happened, act = KINDS[clock.kind]
    return deadline(
        clock.started_at,
        clock.limit,
        calendar,
        _stops(clock, until=until),
        [*extended, _held(clock) if held is None else held],
        event=happened,
        act=act,
    )


def _held(clock: Clock) -> int:
    """How far the deadline is held back for the date told: what the last recomputation found."""
    found = [line.days or 0 for line in clock.events if line.kind == "recompute"]
    return found[-1] if found else 0


def _stops(clock: Clock, *, until: datetime | None = None) -> Iterator[Stop]:
    begun: datetime | None = None
    for line in clock.events:
        if line.kind == "stop":
            begun = line.at
        elif line.kind == "resume" and begun is not None:
            yield Stop(begun, line.at)
            begun = None
    if begun is not None:
        yield Stop(begun, max(begun, until) if until else None)


def _worked(start: datetime, end: datetime, stops: Sequence[Stop], calendar: Calendar) -> timedelta:
    total = calendar.working_time(start, end)
    for line in stops:
        if line.end is not None:
            total -= calendar.working_time(line.start, min(line.end, end))
    return max(total, timedelta())
