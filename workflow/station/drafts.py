"""Drafts: what somebody has filled into a form so far and has not sent. Never read as submitted.

A draft may hold a client's name and phone, so all of it is sealed with the installation's key, for its
person and place alone. It goes with the task: on completion at once, else by the hourly tidying.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, and_, delete, exists, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.engine.tasks import OPEN, TaskRow
from workflow.errors import AlreadyDone, NotFound, Refused
from workflow.schema import Base
from workflow.station import keys
from workflow.station.permissions import visible
from workflow.station.staff import Staff
from workflow.texts import T

LARGEST = 64 * 1024  # bytes of JSON
KEPT = timedelta(days=30)  # of a registration that was never sent


class Draft(Base):
    """One person's unsent form at one place: a task, or a start ('intake') where no task exists yet."""

    __tablename__ = "draft"
    __table_args__ = (UniqueConstraint("staff_id", "place"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    place: Mapped[str]  # 'task:7', 'start:intake'
    task_id: Mapped[int | None] = mapped_column(ForeignKey("task.id"), index=True)
    data_enc: Mapped[bytes]
    saved_at: Mapped[datetime]


@dataclass(frozen=True)
class Opened:
    """A draft in the clear, for its own person."""

    data: dict[str, Any]
    saved_at: datetime


def keep(
    session: Session,
    actor: Actor,
    staff: Staff,
    data: Mapping[str, Any],
    *,
    moment: datetime,
    task_id: int | None = None,
    start: str | None = None,
) -> None:
    """Keep what is filled in so far, in place of what was kept before. Flushes.

    NotFound: a task this person may not see. AlreadyDone: it is no longer open, or a colleague's now;
    whoever completes it at this moment is waited for. Refused: too large.
    """
    written = json.dumps(data, ensure_ascii=False)
    if len(written.encode()) > LARGEST:
        raise Refused(T("填写的内容太多，草稿没有保存。"))
    if task_id is not None:
        _hold_open(session, actor, task_id)
    place = _place(task_id, start)
    sealed = keys.seal(written, _field(staff, place))
    line = insert(Draft).values(
        staff_id=staff.id, place=place, task_id=task_id, data_enc=sealed, saved_at=moment
    )
    session.execute(
        line.on_conflict_do_update(
            index_elements=[Draft.staff_id, Draft.place],
            set_={"data_enc": line.excluded.data_enc, "saved_at": line.excluded.saved_at},
        )
    )


def find(
    session: Session, staff: Staff, *, task_id: int | None = None, start: str | None = None
) -> Opened | None:
    """One's own draft; None when there is none, or it was sealed with another installation's key."""
    place = _place(task_id, start)
    row = session.execute(
        select(Draft.data_enc, Draft.saved_at).where(Draft.staff_id == staff.id, Draft.place == place)
    ).first()
    if row is None:
        return None
    try:
        return Opened(json.loads(keys.unseal(row.data_enc, _field(staff, place))), row.saved_at)
    except keys.WrongKey:
        return None


def discard(session: Session, staff: Staff, *, task_id: int | None = None, start: str | None = None) -> None:
    """Throw one's own away; what is not there is gone already."""
    session.execute(delete(Draft).where(Draft.staff_id == staff.id, Draft.place == _place(task_id, start)))


def done(session: Session, task_id: int) -> None:
    """The task was completed: everybody's drafts of it go, in that transaction."""
    session.execute(delete(Draft).where(Draft.task_id == task_id))


def tidy(session: Session, moment: datetime) -> int:
    """Remove drafts of tasks that ended by another way, and starts nobody sent; how many."""
    ended = exists().where(TaskRow.id == Draft.task_id, TaskRow.status != OPEN)
    old = and_(Draft.task_id.is_(None), Draft.saved_at < moment - KEPT)
    return len(session.execute(delete(Draft).where(or_(ended, old)).returning(Draft.id)).all())


def _hold_open(session: Session, actor: Actor, task_id: int) -> None:
    """Whoever completes waits until the draft is written, and removes it; a later draft is refused."""
    row = session.execute(
        select(TaskRow.status, TaskRow.assignee)
        .where(TaskRow.id == task_id, visible(actor, TaskRow))
        .with_for_update(read=True, of=TaskRow)
    ).first()
    if row is None:
        raise NotFound
    if row.status != OPEN:
        raise AlreadyDone(T("这个任务已经完成。"), state=row.status)
    if row.assignee not in (None, *actor.selves) and "lead" not in actor.may:
        raise AlreadyDone(T("这个任务已由同事签收。"), state="claimed")


def _place(task_id: int | None, start: str | None) -> str:
    return f"task:{task_id}" if task_id is not None else f"start:{start}"


def _field(staff: Staff, place: str) -> str:
    return f"draft/{staff.id}/{place}"
