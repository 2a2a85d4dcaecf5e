"""What was filled in, kept whole in rows of its own: erasable, while history keeps only their hash."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.schema import Base, table_of


class SubmissionRow(Base):
    """A submitted form without its personal fields (those go where the action that needs them puts them)."""

    __tablename__ = "submission"
    __table_args__ = (Index(None, "instance_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    task_id: Mapped[int | None]
    element: Mapped[str]
    form: Mapped[str]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    actor: Mapped[str]
    at: Mapped[datetime]


_add = insert(table_of(SubmissionRow))


def add(
    connection: Connection,
    *,
    instance_id: int,
    task_id: int | None,
    element: str,
    form: str,
    data: Mapping[str, Any],
    actor: str,
    at: datetime,
) -> str:
    """Store a form; the hex SHA-256 of its canonical JSON, for the history."""
    connection.execute(
        _add,
        {
            "instance_id": instance_id,
            "task_id": task_id,
            "element": element,
            "form": form,
            "data": dict(data),
            "actor": actor,
            "at": at,
        },
    )
    canonical = json.dumps(data, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()


def latest(session: Session, instance_id: int, form: str) -> dict[str, Any] | None:
    """What was last filled into a form of this instance; None when it never was."""
    return session.scalars(
        select(SubmissionRow.data)
        .where(SubmissionRow.instance_id == instance_id, SubmissionRow.form == form)
        .order_by(SubmissionRow.id.desc())
        .limit(1)
    ).first()
