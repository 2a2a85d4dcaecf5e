"""Bytes of documents and files, in the database, so that any process can serve them (decisions 17)."""

from __future__ import annotations

import hashlib

from sqlalchemy import CheckConstraint
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.errors import NotFound, Refused
from workflow.schema import Base
from workflow.texts import T

LARGEST = 10 * 1024 * 1024  # bytes


class Damaged(Exception):
    """What is stored no longer has its own SHA-256 (R3.5c)."""


class Blob(Base):
    """Bytes under their own SHA-256 (lower-case hex): the same bytes lie here once."""

    __tablename__ = "blob"
    __table_args__ = (CheckConstraint(f"octet_length(bytes) = size AND size <= {LARGEST}", name="size"),)

    sha256: Mapped[str] = mapped_column(primary_key=True)
    bytes: Mapped[bytes]
    mime: Mapped[str]
    size: Mapped[int]


def put(session: Session, content: bytes, *, mime: str) -> str:
    """Store and return the SHA-256. Refused: larger than 10 MB."""
    if len(content) > LARGEST:
        raise Refused(T("文件大小不能超过 %(limit)s MB。", limit=LARGEST // 1024 // 1024))
    sha256 = hashlib.sha256(content).hexdigest()
    row = insert(Blob).values(sha256=sha256, bytes=content, mime=mime, size=len(content))
    session.execute(row.on_conflict_do_nothing(index_elements=[Blob.sha256]))
    return sha256


def get(session: Session, sha256: str) -> Blob:
    """The bytes and their type; the caller asks whether the reader may have them. NotFound, Damaged."""
    blob = session.get(Blob, sha256)
    if blob is None:
        raise NotFound()
    if hashlib.sha256(blob.bytes).hexdigest() != sha256:
        raise Damaged(sha256)
    return blob
