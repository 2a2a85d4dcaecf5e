"""Published diagrams with 已阅 (R2.2.6b): a new version is read by everybody; the head sees who has not.

A version counts as news for a person when it was published after the installation's first diagrams and not
before the person's first day in a post. What stood there from the beginning, or before somebody came, is
there to be looked up: twenty requests on the first morning would only teach to click them away.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ForeignKey, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, aliased, defer, mapped_column

from workflow.engine.actors import Actor
from workflow.engine.definitions import DefinitionRow
from workflow.errors import NotFound, Refused
from workflow.schema import Base
from workflow.station import notices, staff
from workflow.station.calendar import ZONE
from workflow.station.permissions import visible
from workflow.station.positions import PositionPost
from workflow.station.staff import Staff
from workflow.texts import T, Text


class DiagramReading(Base):
    """Somebody has read a version; lines are only added."""

    __tablename__ = "diagram_reading"
    __table_args__ = (UniqueConstraint("definition_id", "staff_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    definition_id: Mapped[int] = mapped_column(ForeignKey("definition.id"))
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    read_at: Mapped[datetime]


ANY = aliased(DefinitionRow)
NEWEST = (
    DefinitionRow.version
    == select(func.max(ANY.version))
    .where(ANY.key == DefinitionRow.key)
    .correlate(DefinitionRow)
    .scalar_subquery()
)


@dataclass(frozen=True)
class Published:
    """The newest version of a diagram, as one person sees it. ``unread`` holds who was asked and has not read
    it: all for the list of a leader, else at most oneself."""

    row: DefinitionRow
    news: bool
    read_at: datetime | None
    asked: bool
    unread: Sequence[Staff]


def published(session: Session, by: Actor) -> list[Published]:
    """The newest version of every diagram, those that this person is asked to read first."""
    rows = _newest(session, by)
    begun = _begun(session)
    people = list(session.scalars(select(Staff).where(Staff.active).order_by(Staff.name_pinyin)))
    days = _first_days(session)
    readings = session.execute(
        select(DiagramReading.definition_id, DiagramReading.staff_id, DiagramReading.read_at).where(
            DiagramReading.definition_id.in_([row.id for row in rows])
        )
    )
    read = {(definition, person): at for definition, person, at in readings}
    found = []
    for row in rows:
        asked = [one for one in people if _counts(row, begun, days.get(one.id))]
        unread = [one for one in asked if (row.id, one.id) not in read]
        mine = next((one for one in people if one.key == by.key), None)
        found.append(
            Published(
                row=row,
                news=_since(row, begun),
                read_at=read.get((row.id, mine.id)) if mine else None,
                asked=mine in unread,
                unread=unread if "lead" in by.may else [one for one in unread if one is mine],
            )
        )
    return sorted(found, key=lambda one: (not one.asked, one.row.id))


def waiting(session: Session, by: Actor) -> int:
    """How many this person is asked to read: one statement, it stands in the bar of every page."""
    person = staff.by_key(session, by.key)
    if person is None:
        return 0
    day = func.date(func.timezone(str(ZONE), DefinitionRow.deployed_at))
    joined = select(func.min(PositionPost.valid_from)).where(PositionPost.staff_id == person.id)
    read = select(DiagramReading.definition_id).where(DiagramReading.staff_id == person.id)
    begun = select(func.min(ANY.deployed_at)).scalar_subquery()
    found = select(func.count(DefinitionRow.id)).where(
        visible(by, DefinitionRow),
        NEWEST,
        DefinitionRow.deployed_at > begun,
        day >= joined.scalar_subquery(),
        DefinitionRow.id.not_in(read),
    )
    return session.scalar(found) or 0


def find(session: Session, by: Actor, definition_id: int) -> DefinitionRow:
    """A version, also one that is not the newest any more: cases may still run on it. NotFound."""
    found = select(DefinitionRow).where(DefinitionRow.id == definition_id, visible(by, DefinitionRow))
    row = session.scalar(found)
    if row is None:
        raise NotFound
    return row


def confirm(session: Session, by: Actor, definition_id: int, moment: datetime) -> None:
    """已阅; twice is no error. Flushes. NotFound; Refused: a newer version has come meanwhile."""
    row = find(session, by, definition_id)
    if row.id not in {one.id for one in _newest(session, by)}:
        raise Refused(T("这个版本已被新版本取代，请阅读新版本。"))
    person = staff.by_key(session, by.key)
    assert person is not None, "only staff have pages"
    known = select(DiagramReading.id).where(
        DiagramReading.definition_id == row.id, DiagramReading.staff_id == person.id
    )
    if session.scalar(known) is None:
        session.add(DiagramReading(definition_id=row.id, staff_id=person.id, read_at=moment))
        session.flush()


def ask_everybody(session: Session, row: DefinitionRow, moment: datetime) -> None:
    """A version has become effective: whoever is to read it is told, in working hours. Flushes."""
    begun, days = _begun(session), _first_days(session)
    sentence = T(
        "新版流程图《%(name)s》（第 %(version)s 版）已生效，请阅读。",
        name=Text(row.name),
        version=row.version,
    )
    for person in session.scalars(select(Staff).where(Staff.active).order_by(Staff.id)):
        if _counts(row, begun, days.get(person.id)):
            link = f"/diagrams/{row.id}"
            notices.tell(
                session, person, sentence, link, moment=moment, kind="diagram", in_working_hours=True
            )


def _newest(session: Session, by: Actor) -> list[DefinitionRow]:
    """Without the text of their files."""
    found = select(DefinitionRow).where(NEWEST, visible(by, DefinitionRow)).order_by(DefinitionRow.id)
    return list(session.scalars(found.options(defer(DefinitionRow.files))))


def _begun(session: Session) -> datetime | None:
    """When the installation's first diagrams were published."""
    return session.scalar(select(func.min(DefinitionRow.deployed_at)))


def _first_days(session: Session) -> dict[int, date]:
    """Staff id -> the first local day in any post."""
    found = select(PositionPost.staff_id, func.min(PositionPost.valid_from)).group_by(PositionPost.staff_id)
    return dict(session.execute(found).all())


def _since(row: DefinitionRow, begun: datetime | None) -> bool:
    return begun is not None and row.deployed_at > begun


def _counts(row: DefinitionRow, begun: datetime | None, joined: date | None) -> bool:
    day = row.deployed_at.astimezone(ZONE).date()
    return _since(row, begun) and joined is not None and joined <= day
