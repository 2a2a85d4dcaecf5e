"""Who is away, who acts, and where nobody is: today and on the next working days (R1.3c, R1.3d)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.station import positions
from workflow.station.absences import Absence
from workflow.station.calendar import ZONE, Calendar, at
from workflow.station.positions import Position, PositionPost
from workflow.station.staff import Staff

MIDNIGHT = datetime.min.time()

Held = dict[str, list[tuple[Staff, Staff | None]]]


@dataclass(frozen=True)
class Turn:
    """Who holds a position for a while, for whom; ``outside``: neither its A nor one of its B, but a leader
    or a named substitute. ``person`` None: nobody is there. ``since``: the first asked moment of it."""

    person: Staff | None
    acting_for: Staff | None
    outside: bool
    since: datetime = field(compare=False)


@dataclass(frozen=True)
class Seat:
    """A position with its turns on each asked day; one turn where the day does not change hands."""

    code: str
    name: str
    days: list[list[Turn]]

    @property
    def empty(self) -> bool:
        return any(turn.person is None for turns in self.days for turn in turns)


@dataclass(frozen=True)
class Away:
    """Somebody is away in the asked days; ``substitute`` as named in the absence."""

    person: Staff
    cause: str
    cause_text: str
    from_at: datetime
    to_at: datetime
    substitute: Staff | None


def now(session: Session, moment: datetime) -> list[Seat]:
    """Each active position and who holds it at this moment. Four statements."""
    names = _names(session)
    return _seats(session, names, [[moment]])


def ahead(session: Session, days: Sequence[date], absent: Sequence[Away], calendar: Calendar) -> list[Seat]:
    """Each active position over the days: asked at the opening of each half day, and whenever somebody
    goes or comes back. Days on which nobody is away are asked once."""
    return _seats(session, _names(session), [list(_moments(day, absent, calendar)) for day in days])


def away(session: Session, first: date, last: date) -> list[Away]:
    """Absences that touch these local days, in the order in which they begin. Two statements."""
    begin, end = at(first, MIDNIGHT), at(last + timedelta(days=1), MIDNIGHT)
    rows = session.scalars(
        select(Absence)
        .where(Absence.from_at < end, Absence.to_at > begin, Absence.withdrawn_at.is_(None))
        .order_by(Absence.from_at, Absence.id)
    ).all()
    numbers = {number for row in rows for number in (row.staff_id, row.substitute_id) if number}
    people = {one.id: one for one in session.scalars(select(Staff).where(Staff.id.in_(numbers)))}
    return [
        Away(
            people[row.staff_id],
            row.cause,
            row.cause_text,
            row.from_at,
            row.to_at,
            people.get(row.substitute_id or 0),
        )
        for row in rows
    ]


def _moments(day: date, absent: Iterable[Away], calendar: Calendar) -> Iterator[datetime]:
    spans = calendar.spans(day) or [(at(day, MIDNIGHT), at(day, MIDNIGHT))]
    touching = [one for one in absent if one.from_at < spans[-1][1] and one.to_at > spans[0][0]]
    if not touching:
        yield spans[0][0]
        return
    changes = {moment for one in touching for moment in (one.from_at, one.to_at)}
    inside = {m for m in changes if any(opens <= m < closes for opens, closes in spans)}
    yield from sorted({*(opens for opens, _ in spans), *inside})


def _names(session: Session) -> list[tuple[int, str, str]]:
    found = session.execute(
        select(Position.id, Position.code, Position.name).where(Position.active).order_by(Position.id)
    )
    return [(number, code, name) for number, code, name in found]


def _seats(
    session: Session, names: Sequence[tuple[int, str, str]], days: Sequence[Sequence[datetime]]
) -> list[Seat]:
    posts: dict[int, list[tuple[int, date, date | None]]] = {}
    for number, person, first, end in session.execute(
        select(
            PositionPost.position_id, PositionPost.staff_id, PositionPost.valid_from, PositionPost.valid_to
        )
    ):
        posts.setdefault(number, []).append((person, first, end))
    asked = [[(moment, positions.holders(session, moment)) for moment in moments] for moments in days]
    return [
        Seat(code, name, [_turns(day, code, posts.get(number, [])) for day in asked])
        for number, code, name in names
    ]


def _turns(
    day: Sequence[tuple[datetime, Held]], code: str, posts: Sequence[tuple[int, date, date | None]]
) -> list[Turn]:
    """The holders of a position over a day, each run of the same one once."""
    turns: list[Turn] = []
    for moment, held in day:
        pairs = held.get(code) or []
        person, acting_for = pairs[0] if pairs else (None, None)
        today = moment.astimezone(ZONE).date()
        own = {number for number, first, end in posts if first <= today and (end is None or today < end)}
        turn = Turn(person, acting_for, person is not None and person.id not in own, moment)
        if not turns or turns[-1] != turn:
            turns.append(turn)
    return turns
