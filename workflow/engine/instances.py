"""Running instances. Their rows are the lock of a case: whoever changes anything of it holds them first.

One case, one lock: instances that share a business key (an intake, its supervision, a request for more
time) are held together, oldest first, so that a verb on one may move the others and nobody waits in a ring.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    ForeignKey,
    Index,
    Select,
    bindparam,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, mapped_column

from workflow.engine.definitions import DefinitionRow
from workflow.engine.tasks import TaskRow
from workflow.errors import NotFound
from workflow.schema import Base, Found, table_of

RUNNING, ENDED, CANCELLED = "running", "ended", "cancelled"


class InstanceRow(Base):
    """A case at rest: ``state`` is what execution.save() gave, ``seq``/``head`` the end of its history."""

    __tablename__ = "instance"
    __table_args__ = (Index(None, "business_key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    definition_id: Mapped[int] = mapped_column(ForeignKey("definition.id"))
    business_key: Mapped[str | None]
    status: Mapped[str] = mapped_column(default=RUNNING)
    version: Mapped[int] = mapped_column(default=1)
    state: Mapped[bytes]
    seq: Mapped[int] = mapped_column(default=0)
    head: Mapped[bytes] = mapped_column(default=b"")
    started_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


_instance = table_of(InstanceRow)
_definition = table_of(DefinitionRow)
_columns = (
    _instance.c.id,
    _instance.c.definition_id,
    _definition.c.hash,
    _instance.c.business_key,
    _instance.c.status,
    _instance.c.version,
    _instance.c.state,
    _instance.c.seq,
    _instance.c.head,
    func.yz_now().label("moment"),
)
_joined = select(*_columns).join_from(_instance, _definition, _definition.c.id == _instance.c.definition_id)


def _case_of(wanted: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """The wanted instance and all running ones of its case, in the order in which they are locked."""
    one = _instance.alias()
    key = select(one.c.business_key).where(one.c.id == wanted).scalar_subquery()
    sibling = (_instance.c.business_key == key) & (_instance.c.status == RUNNING)
    return (
        _joined.add_columns((_instance.c.id == wanted).label("wanted"))
        .where((_instance.c.id == wanted) | sibling)
        .order_by(_instance.c.id)
    )


_task = table_of(TaskRow)
_lock = _case_of(bindparam("instance", type_=BigInteger)).with_for_update(of=_instance)
_lock_nowait = _case_of(bindparam("instance", type_=BigInteger)).with_for_update(of=_instance, nowait=True)
_lock_by_task = _case_of(
    select(_task.c.instance_id).where(_task.c.id == bindparam("task")).scalar_subquery()
).with_for_update(of=_instance)
_running = (
    select(_instance.c.id)
    .where(_instance.c.business_key == bindparam("key"), _instance.c.status == RUNNING)
    .order_by(_instance.c.id)
)
_read = _joined.where(_instance.c.id == bindparam("instance"))
_add = insert(_instance).returning(_instance.c.id)
_write = (
    update(_instance)
    .where(_instance.c.id == bindparam("instance"), _instance.c.version == bindparam("was"))
    .values(
        version=bindparam("version"),
        state=bindparam("state"),
        status=bindparam("status"),
        seq=bindparam("seq"),
        head=bindparam("head"),
        business_key=bindparam("business_key"),
        ended_at=bindparam("ended_at"),
    )
)


class StaleInstance(Exception):
    """The row was changed without its lock: a defect; the step is lost, nothing is overwritten."""


def add(connection: Connection, *, definition_id: int, business_key: str | None, started_at: datetime) -> int:
    """A new instance that has not come to rest yet; its id."""
    values = {
        "definition_id": definition_id,
        "business_key": business_key,
        "state": b"",
        "status": RUNNING,
        "version": 1,
        "seq": 0,
        "head": b"",
        "started_at": started_at,
    }
    return int(connection.execute(_add, values).scalar_one())


def read(connection: Connection, instance_id: int) -> Found:
    """An instance as it rests now, without its lock: to show, not to change. NotFound."""
    row = connection.execute(_read, {"instance": instance_id}).first()
    if row is None:
        raise NotFound
    return row


def lock(connection: Connection, instance_id: int, *, wait: bool = True) -> Found:
    """Hold an instance's case until the transaction ends. NotFound; OperationalError: taken, not ``wait``."""
    return _wanted(connection.execute(_lock if wait else _lock_nowait, {"instance": instance_id}))


def lock_by_task(connection: Connection, task_id: int) -> Found:
    """Hold the case of the instance that a task belongs to (that never changes). NotFound."""
    return _wanted(connection.execute(_lock_by_task, {"task": task_id}))


def lock_case(connection: Connection, business_key: str) -> list[int]:
    """Hold all running instances of a case; their ids, oldest first; none: nobody holds anything."""
    first = connection.execute(_running, {"key": business_key}).scalars().first()
    if first is None:
        return []
    lock(connection, first)
    return list(connection.execute(_running, {"key": business_key}).scalars())


def _wanted(rows: Iterable[Found]) -> Found:
    for row in rows:
        if row.wanted:
            return row
    raise NotFound


def write(connection: Connection, **values: object) -> None:
    """Store the next rest as version ``was`` + 1. StaleInstance when somebody wrote without the lock."""
    if connection.execute(_write, values).rowcount != 1:
        raise StaleInstance(values["instance"])
