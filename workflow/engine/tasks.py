"""Tasks: the lines of the inbox, one for each place where a case waits for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    Text,
    all_,
    any_,
    bindparam,
    insert,
    literal,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, mapped_column

from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, NotFound
from workflow.schema import Base, Found, table_of
from workflow.texts import T

OPEN, DONE, CANCELLED = "open", "done", "cancelled"


class TaskRow(Base):
    """A task. ``candidate`` is the position, duty or person it is offered to, ``assignee`` who claimed it.

    ``excluded``: the keys of people who neither see nor may do it, whatever else they are.
    ``due_at`` is shown and sorted by; when ``clock`` is set it follows that clock of the case.
    ``handed_by`` is who gave it to the assignee (转交): that person still sees where it is, and no more.
    """

    __tablename__ = "task"
    __table_args__ = (
        Index("ix_task_offered", "candidate", "due_at", postgresql_where=text("status = 'open'")),
        Index("ix_task_claimed", "assignee", "due_at", postgresql_where=text("status = 'open'")),
        Index("ix_task_due", "due_at", "id", postgresql_where=text("status = 'open'")),
        Index("ix_task_handed", "handed_by", postgresql_where=text("status = 'open'")),
        Index(None, "instance_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    token: Mapped[str]
    element: Mapped[str]
    name: Mapped[str]
    form: Mapped[str | None]
    candidate: Mapped[str]
    excluded: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    assignee: Mapped[str | None]
    handed_by: Mapped[str | None]
    status: Mapped[str] = mapped_column(default=OPEN)
    clock: Mapped[str | None]
    due_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    claimed_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    actor: Mapped[str | None]
    on_behalf_of: Mapped[str | None]


table = table_of(TaskRow)


def visible_to(actor: Actor) -> ColumnElement[bool]:
    """Which tasks a person may see: one's own, those offered now or handed over, all for a leader
    (R1.2.1a, R1.3c); never those that the person is excluded from.
    """
    free = table.c.excluded.is_(None) | (literal(actor.key) != all_(table.c.excluded))
    if "lead" in actor.may:
        return free
    return free & or_(
        table.c.assignee == any_(literal(actor.selves)),
        table.c.handed_by == actor.key,
        table.c.candidate == any_(literal(actor.asked)),
    )


_seen = select(table).where(
    table.c.id == bindparam("task"),
    table.c.excluded.is_(None) | (bindparam("me", type_=Text) != all_(table.c.excluded)),
    or_(
        bindparam("lead", type_=Boolean),
        table.c.assignee == any_(bindparam("selves", type_=ARRAY(Text))),
        table.c.candidate == any_(bindparam("asked", type_=ARRAY(Text))),
    ),
)
_close = (
    update(table)
    .where(table.c.id == bindparam("task"))
    .values(
        status=DONE,
        assignee=bindparam("actor"),
        actor=bindparam("actor"),
        on_behalf_of=bindparam("on_behalf_of"),
        closed_at=bindparam("closed_at"),
    )
)
_drop = (
    update(table)
    .where(
        table.c.instance_id == bindparam("instance"),
        table.c.status == OPEN,
        table.c.token == any_(bindparam("tokens", type_=ARRAY(Text))),
    )
    .values(status=CANCELLED, closed_at=bindparam("closed_at"))
)
_assign = (
    update(table)
    .where(table.c.id == bindparam("task"))
    .values(
        assignee=bindparam("to"),
        handed_by=bindparam("handed_by"),
        claimed_at=bindparam("claimed_at"),
        candidate=bindparam("candidate"),
    )
)
_move = (
    update(table)
    .where(
        table.c.instance_id == bindparam("instance"),
        table.c.status == OPEN,
        table.c.clock == bindparam("moved"),
    )
    .values(due_at=bindparam("to"))
)
_add = insert(table)


def find(connection: Connection, task_id: int, by: Actor) -> Found:
    """A task that ``by`` may see, read under its instance's lock. NotFound."""
    who = {"me": by.key, "lead": "lead" in by.may, "selves": by.selves, "asked": by.asked}
    row = connection.execute(_seen, {"task": task_id, **who}).first()
    if row is None:
        raise NotFound
    return row


def must_be_open(task: Found) -> None:
    """AlreadyDone, saying how it ended."""
    if task.status == DONE:
        raise AlreadyDone(T("这个任务已经完成。"), state=DONE)
    if task.status != OPEN:
        raise AlreadyDone(T("这个任务已经取消。"), state=task.status)


def must_be_free_for(task: Found, by: Actor) -> None:
    """AlreadyDone when somebody else has claimed it; a leader may step in."""
    must_be_open(task)
    if task.assignee not in (None, *by.selves) and "lead" not in by.may:
        raise AlreadyDone(T("这个任务已由同事签收。"), state="claimed")


def close(
    connection: Connection, task_id: int, by: Actor, on_behalf_of: str | None, moment: datetime
) -> None:
    connection.execute(
        _close, {"task": task_id, "actor": by.key, "on_behalf_of": on_behalf_of, "closed_at": moment}
    )


def assign(
    connection: Connection,
    task: Found,
    to: str | None,
    moment: datetime,
    candidate: str | None = None,
    handed_by: str | None = None,
) -> None:
    connection.execute(
        _assign,
        {
            "task": task.id,
            "to": to,
            "handed_by": handed_by,
            "claimed_at": moment if to else None,
            "candidate": candidate or task.candidate,
        },
    )


def drop(connection: Connection, instance_id: int, tokens: Iterable[str], moment: datetime) -> None:
    """Close tasks whose place in the diagram was left by another way."""
    connection.execute(_drop, {"instance": instance_id, "tokens": list(tokens), "closed_at": moment})


def add(connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(_add, rows)


def move_due(connection: Connection, instance_id: int, clock: str, due_at: datetime | None) -> None:
    """Let the shown due date follow its clock."""
    connection.execute(_move, {"instance": instance_id, "moved": clock, "to": due_at})
