"""Timers: the moments at which a case goes on by itself. One row each; a due row is fired by any worker."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import (
    ForeignKey,
    Index,
    Text,
    UniqueConstraint,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.schema import Base, Found, Json, table_of

Decide = Callable[[Mapping[str, Json]], Mapping[str, Json]]


class Busy(Exception):
    """The timer or its instance is held by somebody else at this moment; try again a little later."""


class ClockSource(Protocol):
    """What the engine asks of whoever keeps calendars and clocks; it knows neither itself (decisions 8)."""

    def after(self, session: Session, moment: datetime, value: float, unit: str) -> datetime:
        """``value`` units (working-day, day, working-hour, hour) after ``moment``."""

    def deadline(self, session: Session, business_key: str | None, clock: str) -> datetime | None:
        """Where a clock of the case stands; None when there is none."""

    def rung(
        self, session: Session, business_key: str | None, clock: str, rung: str, decide: Decide
    ) -> datetime | None:
        """When a rung of a clock is reached, its share found by ``decide``; None = it does not apply."""


class TimerRow(Base):
    """``due_at`` is business time; ``next_try`` the machine's: a lease, or the wait after a failure."""

    __tablename__ = "timer"
    __table_args__ = (
        UniqueConstraint("instance_id", "token"),
        Index("ix_timer_due", "due_at", postgresql_where=text("not parked")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    token: Mapped[str]
    element: Mapped[str]
    clock: Mapped[str | None]
    rung: Mapped[str | None]
    due_at: Mapped[datetime]
    next_try: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(server_default="0")
    parked: Mapped[bool] = mapped_column(server_default="false")
    last_error: Mapped[str | None]


table = table_of(TimerRow)

WAKE = "yizhan_wake"
SOON = timedelta(minutes=1)

_wake = text(f"select pg_notify('{WAKE}', '')")
_add = insert(table)
_drop = delete(table).where(
    table.c.instance_id == bindparam("instance"),
    table.c.token == any_(bindparam("tokens", type_=ARRAY(Text))),
)
_move = (
    update(table)
    .where(table.c.instance_id == bindparam("instance"), table.c.token == bindparam("timer_token"))
    .values(due_at=bindparam("to"), next_try=func.now(), attempts=0)
)
_take = select(table).where(table.c.id == bindparam("timer")).with_for_update(skip_locked=True)
_still_there = select(table.c.id).where(table.c.id == bindparam("timer"))
_due = (
    select(table.c.id)
    .where(~table.c.parked, table.c.due_at <= func.yz_now(), table.c.next_try <= func.clock_timestamp())
    .order_by(table.c.due_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)
_claim = (
    update(table)
    .where(table.c.id == _due.scalar_subquery())
    .values(attempts=table.c.attempts + 1, next_try=func.clock_timestamp() + bindparam("lease"))
    .returning(table.c.id, table.c.attempts, table.c.instance_id)
)
_postpone = (
    update(table)
    .where(table.c.id == bindparam("timer"))
    .values(
        next_try=func.clock_timestamp() + bindparam("wait"),
        attempts=table.c.attempts + bindparam("counted"),
        last_error=bindparam("error"),
        parked=bindparam("park"),
    )
)
_soonest = (
    select(table.c.due_at, table.c.next_try)
    .where(~table.c.parked)
    .order_by(table.c.due_at)
    .limit(100)
    .subquery()
)
_next = select(
    func.extract(
        "epoch",
        func.min(
            func.greatest(
                _soonest.c.due_at - func.yz_now(), _soonest.c.next_try - func.clock_timestamp(), timedelta(0)
            )
        ),
    )
)


def add(connection: Connection, rows: Sequence[Mapping[str, Any]], moment: datetime) -> None:
    """Set timers; one that is due soon wakes the workers when the transaction commits."""
    connection.execute(_add, rows)
    if min(row["due_at"] for row in rows) <= moment + SOON:
        connection.execute(_wake)


def drop(connection: Connection, instance_id: int, tokens: Iterable[str]) -> None:
    connection.execute(_drop, {"instance": instance_id, "tokens": list(tokens)})


def move(connection: Connection, instance_id: int, token: str, due_at: datetime, moment: datetime) -> None:
    """Set a timer to another time; its attempts start anew."""
    connection.execute(_move, {"instance": instance_id, "timer_token": token, "to": due_at})
    if due_at <= moment + SOON:
        connection.execute(_wake)


def take(connection: Connection, timer_id: int) -> Found | None:
    """Hold a timer's row; None when it was fired or dropped. Busy when somebody else holds it."""
    row = connection.execute(_take, {"timer": timer_id}).first()
    if row is None and connection.execute(_still_there, {"timer": timer_id}).first() is not None:
        raise Busy
    return row


def claim(connection: Connection, lease: timedelta) -> Found | None:
    """Count an attempt on the most overdue timer and keep others off it for ``lease``; the caller commits."""
    return connection.execute(_claim, {"lease": lease}).first()


def postpone(
    connection: Connection,
    timer_id: int,
    wait: timedelta,
    *,
    error: str | None = None,
    park: bool = False,
    counted: bool = True,
) -> None:
    """Try again after ``wait``, or never by itself when parked; ``counted=False`` gives the attempt back."""
    connection.execute(
        _postpone,
        {"timer": timer_id, "wait": wait, "error": error, "park": park, "counted": 0 if counted else -1},
    )


def seconds_to_next(connection: Connection) -> float | None:
    """How long a worker may sleep; None when no timer waits."""
    seconds = connection.execute(_next).scalar()
    return None if seconds is None else float(seconds)
