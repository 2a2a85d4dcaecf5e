"""What a change of the calendar does to running clocks (rulebook §4.7).

The change commits first; then every owner of an outdated clock is brought to the new calendar in a
transaction of its own: its dates, timers, rungs and due dates move together or not at all. It may be repeated
at any time: whatever is up to date is left alone. Owners are cases today ('case:12'); others are moved the
same way, only no client is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload, selectinload

from workflow.database import business_now
from workflow.engine import instances
from workflow.engine.actors import SYSTEM, Actor
from workflow.engine.engine import Engine
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station import (
    calendar,
    clock_ledger,
    clock_reckoning,
    clocks,
    notices,
    outbox,
    positions,
    staff,
)
from workflow.station.calendar import LOCAL, ZONE, Calendar, Day
from workflow.station.calendar_days import CalendarChange, change_of
from workflow.station.cases import Case
from workflow.station.clock_ledger import Clock, ClockEvent
from workflow.station.contacts import PROGRESS_CLOCK
from workflow.station.items import ItemVersion
from workflow.station.permissions import visible
from workflow.texts import T, Text


@dataclass(frozen=True)
class Move:
    """A date told to a client that a change of the calendar moved, or that is held back for it.

    ``case_id`` and ``no`` are those of its case, if it has one; ``held``: working days held back.
    """

    owner: str
    kind: str
    case_id: int | None
    no: str | None
    title: str
    before: datetime
    after: datetime
    told: datetime
    held: int
    why: Text

    @property
    def moved(self) -> bool:
        return self.before != self.after

    @property
    def later(self) -> bool:
        return _day(self.after) > _day(self.told)


@dataclass(frozen=True)
class Rehearsal:
    """What a change would do: each changed day before and after, and the dates that would move."""

    version: str
    days: Sequence[tuple[Day, Day]]
    moves: Sequence[Move]


# --- moving ----------------------------------------------------------------------------------------------


def waiting(session: Session) -> list[str]:
    """The owners whose clocks an older calendar reckoned, those that began first first."""
    found = clocks.outdated(session, business_now(session)).with_only_columns(Clock.owner)
    return list(session.scalars(found.group_by(Clock.owner).order_by(func.min(Clock.id))))


def recompute(engine: Engine, owner: str) -> list[Clock]:
    """Bring one owner's clocks to the calendar in force, with all that hangs on them; those that moved.

    Flushes. The owner's instances are locked first, oldest first, as every verb does it.
    """
    session = engine.session
    locked = instances.lock_case(session.connection(), owner)
    moment, moved = business_now(session), []
    live = clocks.outdated(session, moment).where(Clock.owner == owner).order_by(Clock.id)
    for clock in session.scalars(live).all():
        before, told = clock.deadline_at, clock_reckoning.told(clock)
        if clocks.recompute(session, clock, moment, actor=SYSTEM.key):
            moved.append(clock)
            _tell(session, clock, before, told, locked, moment)
        engine.clock_moved(owner, clock.kind)  # the rungs lie elsewhere even where the deadline stands
    if not owner.startswith("case:"):
        engine.clock_moved(owner, PROGRESS_CLOCK)  # a complaint's news hang on its deadline, by no clock
    return moved


def _tell(
    session: Session,
    clock: Clock,
    before: datetime,
    told: datetime,
    locked: Sequence[int],
    moment: datetime,
) -> None:
    """The client, if the printed date became a day off (§4.7); those at work on it, in their digest."""
    case = session.scalars(select(Case).where(Case.key == clock.owner)).first()
    if case is None:
        return
    days = {"no": case.no or "", "before": _text(before), "after": _text(clock.deadline_at)}
    sentence = T("%(no)s 的期限因工作日历调整，由 %(before)s 改为 %(after)s。", **days)
    for person in _at_work(session, locked, moment):
        notices.tell_in_digest(session, person, sentence, f"/cases/{case.id}", moment=moment)
    if clock.kind == "item" and case.receipt_due_at and _day(clock.deadline_at) > _day(told):
        outbox.queue_message(
            session,
            case.applicant,
            T(
                "您的事项 %(no)s 原定 %(before)s 前办结，因当天%(why)s，顺延至 %(after)s 前办结。",
                no=case.no,
                before=_text(told),
                why=_off(calendar.load(session).day(_day(told))),
                after=_text(clock.deadline_at),
            ),
            moment=moment,
            case_id=case.id,
        )


def _at_work(session: Session, locked: Sequence[int], moment: datetime) -> list[staff.Staff]:
    """Whoever has the owner's open tasks; of those nobody has claimed, whoever they are offered to."""
    open_tasks = select(TaskRow.assignee, TaskRow.candidate).where(
        TaskRow.instance_id.in_(locked), TaskRow.status == OPEN
    )
    found: dict[int, staff.Staff] = {}
    for assignee, candidate in session.execute(open_tasks):
        claimed = staff.by_key(session, assignee)
        holders = [person for person, _ in positions.holders_of(session, candidate, moment)]
        found.update({person.id: person for person in ([claimed] if claimed else holders)})
    return list(found.values())


def _off(day: Day) -> Text:
    if day.source == LOCAL:
        return T("闭站（%(name)s）", name=day.name)
    return T("放假（%(name)s）", name=Text(day.name)) if day.name else T("休息")


# --- looking ---------------------------------------------------------------------------------------------


def rehearse(session: Session, actor: Actor, change: Callable[[Session], Calendar]) -> Rehearsal:
    """What ``change`` would do, as far as this person may see it; afterwards nothing is changed.

    Refused and the like, as the change itself. ``version`` is the calendar's as it stands now.
    """
    version = calendar.load(session).version
    attempt = session.begin_nested()
    try:
        after = change(session)
        made = change_of(session, after.version) if after.version != version else None
        days = made.pairs if made is not None else []
        moves = [
            move
            for clock, case in _pairs(session, actor, _live(session))
            if (move := _foreseen(clock, case, after)) is not None
        ]
    finally:
        attempt.rollback()
    return Rehearsal(version, days, moves)


def moves(session: Session, actor: Actor, change: CalendarChange) -> list[Move]:
    """The clocks that a change moved or that are held back since, as far as this person may see them."""
    lines = select(ClockEvent.clock_id).where(
        ClockEvent.calendar_version == change.version, visible(actor, ClockEvent)
    )
    touched = select(Clock).where(Clock.id.in_(lines)).options(selectinload(Clock.events))
    found = []
    for clock, case in _pairs(session, actor, session.scalars(touched.order_by(Clock.id)).all()):
        for previous, line in zip(clock.events, clock.events[1:], strict=False):
            if line.calendar_version == change.version:
                told = clock_reckoning.told(clock, before=line)
                why = clock_reckoning.why(session, clock)
                found.append(
                    _move(clock, case, previous.deadline_at, line.deadline_at, told, line.days or 0, why)
                )
    return found


def _live(session: Session) -> Sequence[Clock]:
    outdated = clocks.outdated(session, business_now(session)).order_by(Clock.deadline_at, Clock.id)
    return session.scalars(outdated.options(selectinload(Clock.events))).all()


def _foreseen(clock: Clock, case: Case | None, after: Calendar) -> Move | None:
    found, held = clock_reckoning.foreseen(clock, after)
    move = _move(clock, case, clock.deadline_at, found.at, clock_reckoning.told(clock), held, found.why)
    return move if move.moved or held else None


def _move(
    clock: Clock,
    case: Case | None,
    before: datetime,
    after: datetime,
    told: datetime,
    held: int,
    why: Text,
) -> Move:
    return Move(
        owner=clock.owner,
        kind=clock.kind,
        case_id=case.id if case else None,
        no=case.no if case else None,
        title=case.title if case else clock.owner,
        before=before,
        after=after,
        told=told,
        held=-held,
        why=why,
    )


def _pairs(session: Session, actor: Actor, found: Sequence[Clock]) -> Iterator[tuple[Clock, Case | None]]:
    """Each clock with a date that a client knows and this person may see, with its case if it has one."""
    ids = [clock.id for clock in found if clock.kind in clock_ledger.PROMISED]
    seen = set(session.scalars(select(Clock.id).where(Clock.id.in_(ids), visible(actor, Clock))))
    owners = {clock.owner for clock in found}
    rows = (
        select(Case)
        .where(Case.key.in_(owners), visible(actor, Case))
        .options(joinedload(Case.item).joinedload(ItemVersion.item))
    )
    cases = {case.key: case for case in session.scalars(rows)}
    return ((clock, cases.get(clock.owner)) for clock in found if clock.id in seen)


def _day(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()


def _text(moment: datetime) -> str:
    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M}"
