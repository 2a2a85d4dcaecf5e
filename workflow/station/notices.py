"""Messages inside the house: from the station to its staff. Telling clients is ``outbox``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ForeignKey, Index, Select, func, select, text, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.schema import Base
from workflow.station import calendar, permissions, positions
from workflow.station.staff import Staff
from workflow.texts import T, Text

DIGEST = "digest"
DIGEST_AT = time(8, 30)


class Notice(Base):
    """One message to one person, shown from ``visible_from`` on (business time).

    ``lines`` holds what is told: one line, or those gathered into a digest, each {msgid, values, link}.
    """

    __tablename__ = "notice"
    __table_args__ = (
        Index("ix_notice_unread", "recipient_id", "visible_from", postgresql_where=text("read_at IS NULL")),
        Index(
            "uq_notice_digest",
            "recipient_id",
            "visible_from",
            unique=True,
            postgresql_where=text("kind = 'digest'"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    recipient_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str]
    lines: Mapped[list[Any]]
    created_at: Mapped[datetime]
    visible_from: Mapped[datetime]
    read_at: Mapped[datetime | None]

    @property
    def text(self) -> Text:
        """The sentence; of a digest, how many there are."""
        if self.kind == DIGEST:
            return T("今日提醒汇总：%(count)s 件", count=len(self.lines))
        return self.entries[0][0]

    @property
    def link(self) -> str:
        return "" if self.kind == DIGEST else self.entries[0][1]

    @property
    def entries(self) -> list[tuple[Text, str]]:
        """Every sentence with its link."""
        return [(_unpack(line), line["link"]) for line in self.lines]


def tell(
    session: Session,
    staff: Staff,
    sentence: Text,
    link: str = "",
    *,
    moment: datetime,
    kind: str = "info",
    visible_from: datetime | None = None,
    in_working_hours: bool = False,
) -> Notice:
    """Tell one person, at once or from ``visible_from`` on. ``link`` is a path of the site. Flushes.

    ``in_working_hours``: a reminder, which nobody is to find before the station works again.
    """
    if in_working_hours:
        visible_from = calendar.load(session).working(visible_from or moment)
    notice = Notice(
        recipient_id=staff.id,
        kind=kind,
        lines=[_pack(sentence, link)],
        created_at=moment,
        visible_from=visible_from or moment,
    )
    session.add(notice)
    session.flush()
    return notice


def tell_position(
    session: Session, candidate: str, sentence: Text, link: str = "", *, moment: datetime, kind: str = "info"
) -> list[Staff]:
    """Tell whoever holds a position or duty now, acting or not; returns who was told. Flushes."""
    told = [staff for staff, _ in positions.holders_of(session, candidate, moment)]
    for staff in told:
        tell(session, staff, sentence, link, moment=moment, kind=kind)
    return told


def tell_in_digest(
    session: Session, staff: Staff, sentence: Text, link: str = "", *, moment: datetime
) -> datetime:
    """Add a line to the person's one digest of the next working morning; returns when (decision 3)."""
    at = next_digest(session, moment)
    added = insert(Notice).values(
        recipient_id=staff.id,
        kind=DIGEST,
        lines=[_pack(sentence, link)],
        created_at=moment,
        visible_from=at,
    )
    session.execute(
        added.on_conflict_do_update(
            index_elements=["recipient_id", "visible_from"],
            index_where=text("kind = 'digest'"),
            set_={"lines": Notice.lines.op("||", return_type=JSONB)(added.excluded.lines), "read_at": None},
        )
    )
    return at


def next_digest(session: Session, moment: datetime) -> datetime:
    """The next 08:30 of a working day after this moment."""
    local = moment.astimezone(calendar.ZONE)
    first = local.date() if local.time() < DIGEST_AT else local.date() + timedelta(days=1)
    return datetime.combine(calendar.load(session).on_or_after(first), DIGEST_AT, calendar.ZONE)


def unread(session: Session, actor: Actor, moment: datetime, *, limit: int = 50) -> list[Notice]:
    """What this person has not read yet, newest first."""
    return list(
        session.scalars(
            _unread(select(Notice), actor, moment)
            .order_by(Notice.visible_from.desc(), Notice.id.desc())
            .limit(limit)
        )
    )


def count_unread(session: Session, actor: Actor, moment: datetime) -> int:
    return session.scalar(_unread(select(func.count(Notice.id)), actor, moment)) or 0


def mark_read(session: Session, actor: Actor, moment: datetime, ids: Iterable[int] | None = None) -> None:
    """Mark one's own visible notices read, all of them without ``ids``. Flushes."""
    read = update(Notice).where(
        permissions.visible(actor, Notice), Notice.read_at.is_(None), Notice.visible_from <= moment
    )
    if ids is not None:
        read = read.where(Notice.id.in_(list(ids)))
    session.execute(read.values(read_at=moment))


def _unread(found: Select[Any], actor: Actor, moment: datetime) -> Select[Any]:
    return found.where(
        permissions.visible(actor, Notice), Notice.read_at.is_(None), Notice.visible_from <= moment
    )


def _pack(sentence: Text, link: str) -> dict[str, Any]:
    return {"msgid": sentence.msgid, "values": _values(sentence.values), "link": link}


def _values(values: Mapping[str, object]) -> dict[str, Any]:
    """Values as JSON; a text inside a text stays a text, so that it is said in the reader's language."""
    packed: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Text):
            packed[name] = {"msgid": value.msgid, "values": _values(value.values)}
        elif isinstance(value, Decimal) or not isinstance(value, str | int | float):
            packed[name] = str(value)
        else:
            packed[name] = value
    return packed


def _unpack(line: Mapping[str, Any]) -> Text:
    return Text(
        line["msgid"],
        {
            name: _unpack(value) if isinstance(value, dict) else value
            for name, value in line["values"].items()
        },
    )
