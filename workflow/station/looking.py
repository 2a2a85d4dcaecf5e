"""Who is looking at a case right now, so that two do not work on it unknowingly. Machine clock."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.schema import Base
from workflow.station.cases import Case
from workflow.station.permissions import visible
from workflow.station.staff import Staff

EXPIRES = timedelta(seconds=45)  # pages say every 20 seconds that they are open


class Looking(Base):
    """A page of a case is open somewhere. Unlogged: after a crash of the database nobody was looking."""

    __tablename__ = "looking"
    __table_args__ = {"prefixes": ["UNLOGGED"]}  # noqa: RUF012

    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), primary_key=True)
    at: Mapped[datetime]


def look(session: Session, staff: Staff, case: Case) -> None:
    """This person has the case open now. Whoever calls has checked that he or she may see it. Flushes."""
    session.execute(
        delete(Looking).where(
            Looking.staff_id == staff.id,
            Looking.case_id != case.id,
            Looking.at < func.clock_timestamp() - EXPIRES,
        )
    )
    line = insert(Looking).values(case_id=case.id, staff_id=staff.id, at=func.clock_timestamp())
    session.execute(
        line.on_conflict_do_update(
            index_elements=[Looking.case_id, Looking.staff_id], set_={"at": func.clock_timestamp()}
        )
    )


def others(session: Session, actor: Actor, staff: Staff, case: Case) -> list[str]:
    """The names of everybody else who has the case open, for whoever may see it."""
    found = session.scalars(
        select(Staff.name)
        .join(Looking, Looking.staff_id == Staff.id)
        .where(
            Looking.case_id == case.id,
            Looking.staff_id != staff.id,
            Looking.at > func.clock_timestamp() - EXPIRES,
            visible(actor, Looking),
        )
        .order_by(Staff.name_pinyin)
    )
    return list(found)
