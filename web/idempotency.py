"""One act, one effect: the same Idempotency-Key from the same person gets the same answer again."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.errors import Refused
from workflow.schema import Base
from workflow.texts import T

LONGEST = 200


class Idempotency(Base):
    """An act that was carried out, and what was answered; written in the act's own transaction."""

    __tablename__ = "idempotency"

    actor: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request: Mapped[str]  # SHA-256 of path and body
    answer: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


def new_key() -> str:
    """For a form of a page: sent twice, it acts once."""
    return secrets.token_hex(16)


def begin(session: Session, actor: str, key: str | None, request: bytes) -> dict[str, Any] | None:
    """Take the key for this transaction; the earlier answer if the act was already carried out.

    A second caller waits here until the first has committed or rolled back. Refused: the key belonged to
    another request. Without a key nothing is kept.
    """
    if not key:
        return None
    digest = hashlib.sha256(request).hexdigest()
    taken = session.execute(
        insert(Idempotency)
        .values(actor=actor, key=key[:LONGEST], request=digest)
        .on_conflict_do_nothing()
        .returning(Idempotency.key)
    ).first()
    if taken is not None:
        return None
    stored = session.execute(
        select(Idempotency.request, Idempotency.answer).where(
            Idempotency.actor == actor, Idempotency.key == key[:LONGEST]
        )
    ).one()
    if stored.request != digest:
        raise Refused(T("这个操作编号已用于另一项操作，请刷新页面后再试。"))
    return stored.answer or {}


def keep(session: Session, actor: str, key: str | None, answer: dict[str, Any]) -> None:
    """What was answered, for whoever asks again with the key. The caller commits."""
    if key:
        session.execute(
            update(Idempotency)
            .where(Idempotency.actor == actor, Idempotency.key == key[:LONGEST])
            .values(answer=answer)
        )
