"""Who stands in which position: how it is now and from later days on (R1.3a)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from workflow.station.positions import DUTIES, Position, PositionPost
from workflow.station.staff import Staff
from workflow.texts import Text

A = 0  # the rank; 1 and up are B in order


@dataclass(frozen=True)
class People:
    """A and the B in order, from a local day on."""

    since: date
    a: Staff | None
    b: list[Staff]


@dataclass(frozen=True)
class Arrangement:
    """A position with who stands in it on a day, and what is arranged from a later day on."""

    position: Position
    now: People | None
    later: list[People] = field(default_factory=list)

    @property
    def duties(self) -> list[Text]:
        return [DUTIES[duty] for duty in self.position.duties]


def of(session: Session, day: date, *, inactive: bool = False) -> list[Arrangement]:
    """Every active position on a local day, in the order in which they were made; two statements."""
    wanted = select(Position).order_by(Position.id)
    found = session.scalars(wanted if inactive else wanted.where(Position.active)).all()
    return _arranged(session, found, day)


def of_position(session: Session, position: Position, day: date) -> Arrangement:
    return _arranged(session, [position], day)[0]


def _arranged(session: Session, found: Iterable[Position], day: date) -> list[Arrangement]:
    wanted = list(found)
    rows = session.execute(
        select(PositionPost, Staff)
        .join(Staff, Staff.id == PositionPost.staff_id)
        .where(
            PositionPost.position_id.in_([one.id for one in wanted]),
            or_(PositionPost.valid_to.is_(None), PositionPost.valid_to > day),
            or_(PositionPost.valid_to.is_(None), PositionPost.valid_to > PositionPost.valid_from),
        )
        .order_by(PositionPost.valid_from, PositionPost.rank)
    ).all()
    standing: dict[int, dict[date, People]] = {one.id: {} for one in wanted}
    for post, person in rows:
        since = standing[post.position_id].setdefault(post.valid_from, People(post.valid_from, None, []))
        if post.rank == A:
            standing[post.position_id][post.valid_from] = People(since.since, person, since.b)
        else:
            since.b.append(person)
    return [
        Arrangement(
            one,
            next((people for first, people in standing[one.id].items() if first <= day), None),
            [people for first, people in standing[one.id].items() if first > day],
        )
        for one in wanted
    ]
