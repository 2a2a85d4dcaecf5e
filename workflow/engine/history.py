"""History: what happened to an instance, line after line, each sealed with the one before.

Nothing ever changes a line. The chain is per instance, so that two cases never wait for each other; every
hour the ends of all chains that grew are signed (an anchor), so that nobody can rewrite a chain as a whole.
Lines hold names of elements, numbers and hashes of forms, never personal text (decisions 18).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import ForeignKey, PrimaryKeyConstraint, func, insert, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.schema import Base, Json, table_of


class HistoryRow(Base):
    """One line: who did what (``kind``) where. ``at`` is business time, ``recorded_at`` the machine's."""

    __tablename__ = "history"
    __table_args__ = (PrimaryKeyConstraint("instance_id", "seq"),)

    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    seq: Mapped[int]
    at: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    kind: Mapped[str]
    element: Mapped[str | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSONB)
    hash: Mapped[bytes]


class AnchorRow(Base):
    """A signed seal over the chain ends that moved since the anchor before it."""

    __tablename__ = "anchor"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    digest: Mapped[bytes]
    signature: Mapped[bytes]
    public_key: Mapped[bytes]


class AnchorHeadRow(Base):
    """One chain end under an anchor."""

    __tablename__ = "anchor_head"
    __table_args__ = (PrimaryKeyConstraint("instance_id", "seq"),)

    anchor_id: Mapped[int] = mapped_column(ForeignKey("anchor.id"), index=True)
    instance_id: Mapped[int]
    seq: Mapped[int]
    head: Mapped[bytes]


table = table_of(HistoryRow)
_add = insert(table)


def seal(previous: bytes, line: Mapping[str, Any]) -> bytes:
    """SHA-256 over the previous seal and the line's canonical JSON (sorted keys, UTC, no spaces)."""
    values = dict(line)
    values["at"] = values["at"].astimezone(UTC).isoformat(timespec="microseconds")
    canonical = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(previous + canonical.encode()).digest()


def line(
    previous: bytes,
    *,
    instance_id: int,
    seq: int,
    at: datetime,
    actor: str,
    on_behalf_of: str | None,
    kind: str,
    element: str | None,
    detail: Mapping[str, Json],
) -> dict[str, Any]:
    """A new line with its seal, ready for ``add``."""
    values: dict[str, Any] = {
        "instance_id": instance_id,
        "seq": seq,
        "at": at,
        "actor": actor,
        "on_behalf_of": on_behalf_of,
        "kind": kind,
        "element": element,
        "detail": dict(detail),
    }
    return {**values, "hash": seal(previous, values)}


def add(connection: Connection, lines: list[dict[str, Any]]) -> None:
    connection.execute(_add, lines)


def of(session: Session, instance_id: int) -> list[HistoryRow]:
    """All lines of an instance, oldest first."""
    return list(
        session.scalars(
            select(HistoryRow).where(HistoryRow.instance_id == instance_id).order_by(HistoryRow.seq)
        )
    )


@dataclass(frozen=True)
class Fault:
    """The first place where a chain or an anchor does not hold."""

    instance_id: int | None
    seq: int | None
    what: str


def anchor(session: Session, key: Ed25519PrivateKey) -> AnchorRow | None:
    """Sign the ends of all chains that grew since the last anchor; None when none did. Flushes."""
    from workflow.engine.instances import InstanceRow

    sealed = (
        select(AnchorHeadRow.instance_id, func.max(AnchorHeadRow.seq).label("seq"))
        .group_by(AnchorHeadRow.instance_id)
        .subquery()
    )
    grown = session.execute(
        select(InstanceRow.id, InstanceRow.seq, InstanceRow.head)
        .outerjoin(sealed, sealed.c.instance_id == InstanceRow.id)
        .where(InstanceRow.seq > func.coalesce(sealed.c.seq, 0))
        .order_by(InstanceRow.id)
    ).all()
    if not grown:
        return None
    before = session.scalars(select(AnchorRow).order_by(AnchorRow.id.desc()).limit(1)).first()
    digest = _digest(before.digest if before else b"", [(i, s, h) for i, s, h in grown])
    row = AnchorRow(digest=digest, signature=key.sign(digest), public_key=key.public_key().public_bytes_raw())
    session.add(row)
    session.flush()
    session.execute(
        insert(AnchorHeadRow),
        [{"anchor_id": row.id, "instance_id": i, "seq": s, "head": h} for i, s, h in grown],
    )
    return row


def verify(session: Session, public_key: bytes | None = None) -> list[Fault]:
    """Check every chain and every anchor; an empty list means all is as it was written.

    ``public_key`` is the station's published key; without it an anchor is checked against the key it names.
    """
    return [*_broken_chains(session), *_broken_anchors(session, public_key)]


def _broken_chains(session: Session) -> list[Fault]:
    from workflow.engine.instances import InstanceRow

    faults: list[Fault] = []
    ends = {
        i: (s, h) for i, s, h in session.execute(select(InstanceRow.id, InstanceRow.seq, InstanceRow.head))
    }
    rows = session.execute(
        select(table).order_by(table.c.instance_id, table.c.seq).execution_options(yield_per=1000)
    ).mappings()
    current, seq, head, broken = 0, 0, b"", False

    def finish() -> None:
        if current and not broken and ends.pop(current, None) != (seq, head):
            faults.append(Fault(current, seq, "the chain does not end where the instance says"))
        ends.pop(current, None)

    for row in rows:
        if row["instance_id"] != current:
            finish()
            current, seq, head, broken = row["instance_id"], 0, b"", False
        if broken:
            continue
        values = {
            k: row[k]
            for k in ("instance_id", "seq", "at", "actor", "on_behalf_of", "kind", "element", "detail")
        }
        if row["seq"] != seq + 1:
            faults.append(Fault(current, seq + 1, "a line is missing"))
            broken = True
        elif seal(head, values) != row["hash"]:
            faults.append(Fault(current, row["seq"], "a line was changed"))
            broken = True
        seq, head = row["seq"], row["hash"]
    finish()
    faults += [Fault(i, 1, "all lines are missing") for i, (s, _) in ends.items() if s]
    return faults


def _broken_anchors(session: Session, public_key: bytes | None) -> list[Fault]:
    faults: list[Fault] = []
    digest = b""
    for row in session.scalars(select(AnchorRow).order_by(AnchorRow.id)):
        heads = session.execute(
            select(AnchorHeadRow.instance_id, AnchorHeadRow.seq, AnchorHeadRow.head, table.c.hash)
            .outerjoin(
                table,
                (table.c.instance_id == AnchorHeadRow.instance_id) & (table.c.seq == AnchorHeadRow.seq),
            )
            .where(AnchorHeadRow.anchor_id == row.id)
            .order_by(AnchorHeadRow.instance_id)
        ).all()
        faults += [Fault(i, s, "a line differs from its anchor") for i, s, h, now in heads if h != now]
        digest = _digest(digest, [(i, s, h) for i, s, h, _ in heads])
        try:
            if digest != row.digest or (public_key is not None and public_key != row.public_key):
                raise InvalidSignature
            Ed25519PublicKey.from_public_bytes(row.public_key).verify(row.signature, row.digest)
        except InvalidSignature:
            faults.append(Fault(None, row.id, "an anchor is not the one that was signed"))
            digest = row.digest
    return faults


def _digest(before: bytes, heads: list[tuple[int, int, bytes]]) -> bytes:
    lines = "".join(f"{instance}:{seq}:{head.hex()}\n" for instance, seq, head in heads)
    return hashlib.sha256(before + lines.encode()).digest()
