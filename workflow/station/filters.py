"""Saved filters: what somebody asks the inbox for again and again, under a name, own or shared."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.schema import Base
from workflow.station import positions
from workflow.station.permissions import LEAD, visible
from workflow.station.positions import Position
from workflow.station.staff import Staff
from workflow.station.wanted import Wanted, read
from workflow.station.written import refuse_invisible
from workflow.texts import T, Text

LONGEST_NAME = 30
MOST = 50  # of one person


class SavedFilter(Base):
    """A filter. ``wanted`` holds the words of its address; ``shared_with`` a position's or duty's code.

    ``is_default``: its owner's inbox opens with it.
    """

    __tablename__ = "saved_filter"
    __table_args__ = (
        Index("uq_saved_filter_name", "owner_id", "name", unique=True),
        Index("uq_saved_filter_default", "owner_id", unique=True, postgresql_where=text("is_default")),
        Index("ix_saved_filter_shared", "shared_with", postgresql_where=text("shared_with IS NOT NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    name: Mapped[str]
    wanted: Mapped[dict[str, Any]]
    shared_with: Mapped[str | None]
    is_default: Mapped[bool] = mapped_column(server_default="false")
    created_at: Mapped[datetime]

    owner: Mapped[Staff] = relationship(lazy="joined", innerjoin=True)

    def asks(self, actor: Actor) -> Wanted:
        """What it asks for when ``actor`` uses it."""
        return read(self.wanted, actor)


def seen_by(session: Session, actor: Actor) -> list[SavedFilter]:
    """One's own, then those shared with what one holds now; by name."""
    found = session.scalars(
        select(SavedFilter).where(visible(actor, SavedFilter)).order_by(SavedFilter.name, SavedFilter.id)
    )
    return sorted(found, key=lambda one: one.owner.key != actor.key)


def save(
    session: Session,
    owner: Staff,
    actor: Actor,
    *,
    name: str,
    wanted: Wanted,
    shared_with: str | None,
    is_default: bool,
    moment: datetime,
) -> SavedFilter:
    """Keep a filter; one's own of the same name is replaced. Flushes. Refused: name, sharing, too many."""
    name = _named(name)
    _refuse_foreign(session, actor, shared_with)
    mine = {one.name: one for one in _own(session, owner)}
    if name not in mine and len(mine) >= MOST:
        raise Refused(T("最多保存 %(count)s 个筛选，请先删除不用的。", count=MOST), field="name")
    kept = mine.get(name) or SavedFilter(owner_id=owner.id, owner=owner, name=name, created_at=moment)
    kept.wanted, kept.shared_with = dict(wanted.changed), shared_with
    session.add(kept)
    session.flush()
    if is_default != bool(kept.is_default):
        make_default(session, kept, on=is_default)
    return kept


def rename(session: Session, actor: Actor, filter_id: int, name: str) -> SavedFilter:
    """Only the owner. Flushes. NotFound, NotAllowed, Refused."""
    kept = _owned(session, actor, filter_id)
    name = _named(name)
    twin = select(SavedFilter.id).where(
        SavedFilter.owner_id == kept.owner_id, SavedFilter.name == name, SavedFilter.id != kept.id
    )
    if session.scalar(twin) is not None:
        raise Refused(T("您已有名为“%(name)s”的筛选。", name=name), field="name")
    kept.name = name
    session.flush()
    return kept


def delete(session: Session, actor: Actor, filter_id: int) -> SavedFilter:
    """Only the owner; whoever it was shared with no longer sees it. NotFound, NotAllowed."""
    kept = _owned(session, actor, filter_id)
    session.delete(kept)
    session.flush()
    return kept


def choose_default(session: Session, actor: Actor, filter_id: int, *, on: bool) -> SavedFilter:
    """Let one's inbox open with it, or no longer. NotFound, NotAllowed."""
    kept = _owned(session, actor, filter_id)
    make_default(session, kept, on=on)
    return kept


def make_default(session: Session, kept: SavedFilter, *, on: bool) -> None:
    session.execute(update(SavedFilter).where(SavedFilter.owner_id == kept.owner_id).values(is_default=False))
    session.execute(update(SavedFilter).where(SavedFilter.id == kept.id).values(is_default=on))
    session.refresh(kept)


def find(session: Session, actor: Actor, filter_id: int) -> SavedFilter:
    """One that this person sees. NotFound."""
    kept = session.scalar(select(SavedFilter).where(SavedFilter.id == filter_id, visible(actor, SavedFilter)))
    if kept is None:
        raise NotFound
    return kept


def to_share_with(session: Session, actor: Actor) -> list[tuple[str, str | Text]]:
    """Codes and names of the positions and duties that one may share with: those held, all for a leader."""
    posts = session.execute(
        select(Position.code, Position.name).where(Position.active).order_by(Position.id)
    ).all()
    known: list[tuple[str, str | Text]] = [*((code, name) for code, name in posts), *positions.DUTIES.items()]
    return [(code, name) for code, name in known if LEAD in actor.may or code in actor.offers]


def _own(session: Session, owner: Staff) -> list[SavedFilter]:
    return list(session.scalars(select(SavedFilter).where(SavedFilter.owner_id == owner.id)))


def _owned(session: Session, actor: Actor, filter_id: int) -> SavedFilter:
    kept = find(session, actor, filter_id)
    if kept.owner.key != actor.key:
        raise NotAllowed(T("只有保存这个筛选的人可以修改它。"))
    return kept


def _named(name: str) -> str:
    name = " ".join(name.split())[:LONGEST_NAME]
    if not name:
        raise Refused(T("请给筛选起个名字。"), field="name")
    refuse_invisible(name, field="name")
    return name


def _refuse_foreign(session: Session, actor: Actor, code: str | None) -> None:
    if code is not None and code not in dict(to_share_with(session, actor)):
        raise Refused(T("只能共享给您所在的岗位。"), field="shared_with")
