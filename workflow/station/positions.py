"""Positions, who holds them, and who acts for whom at a moment (R1.3, decisions 20, 30).

A position has one A and one or more B in order. Nothing is copied into tasks: whose turn it is, is found
out when it is asked. A present holds the position; else the substitute named in A's absence; else the
first B present; else whoever leads the station now; else the superior.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy import CheckConstraint, ColumnElement, Date, ForeignKey, Index, and_, or_, select, text
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from workflow.engine.actors import Actor
from workflow.errors import Refused
from workflow.schema import Base
from workflow.station.absences import Absence, covers
from workflow.station.calendar import ZONE
from workflow.station.staff import Staff, by_key
from workflow.texts import T

HEAD, SUPERIOR, ADMIN = "head", "superior", "admin"
DUTIES = {
    "intake": T("接待受理"),
    "technician": T("技术办理"),
    HEAD: T("站长"),
    SUPERIOR: T("分管领导"),
    "complaints": T("投诉处理"),
    "archive": T("档案管理"),
    "equipment": T("设备管理"),
    ADMIN: T("系统管理"),
}
STANDING = text("valid_to IS NULL")


class Position(Base):
    """A post of the station ('接待受理一') and the duties that come with it ('intake')."""

    __tablename__ = "position"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    duties: Mapped[list[str]]
    active: Mapped[bool] = mapped_column(default=False)


class PositionPost(Base):
    """One person's place in a position for a time: rank 0 is A, 1 and up are B in order. Kept for ever."""

    __tablename__ = "position_post"
    __table_args__ = (
        CheckConstraint("rank >= 0", name="rank"),
        CheckConstraint("valid_to >= valid_from", name="valid"),
        Index("uq_position_post_rank", "position_id", "rank", unique=True, postgresql_where=STANDING),
        Index("uq_position_post_staff", "position_id", "staff_id", unique=True, postgresql_where=STANDING),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    position_id: Mapped[int] = mapped_column(ForeignKey("position.id"), index=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    rank: Mapped[int]
    valid_from: Mapped[date] = mapped_column(Date)  # local days
    valid_to: Mapped[date | None] = mapped_column(Date)  # the first day it is no longer so


class Holding(NamedTuple):
    """A person who holds a position now, and the one acted for (staff ids)."""

    staff_id: int
    acting_for: int | None


@dataclass
class Post:
    """A position as it stands at a moment, before anybody is chosen."""

    code: str
    duties: Sequence[str]
    people: list[int] = field(default_factory=list)  # A first, then B in order
    substitute: int | None = None  # named in A's absence

    led: bool = False  # A stands in it and is active: else the first B is asked as if A

    @property
    def ranked(self) -> list[int]:
        """Who is asked when A is away, in order; A first."""
        a, *b = self.people
        return [a, *([self.substitute] if self.substitute else []), *b]

    @property
    def codes(self) -> tuple[str, ...]:
        return (self.code, *self.duties)


# --- arranging ---------------------------------------------------------------------------------------------


def create(session: Session, *, code: str, name: str, duties: Sequence[str]) -> Position:
    """A new position, not yet active. Flushes. Refused: an unknown duty, a code that is taken."""
    _refuse_unknown(duties)
    if session.scalar(select(Position.id).where(Position.code == code)) is not None:
        raise Refused(T("岗位代码 %(code)s 已被使用。", code=code), field="code")
    position = Position(code=code, name=name, duties=list(duties))
    session.add(position)
    session.flush()
    return position


def describe(session: Session, position: Position, *, name: str, duties: Sequence[str]) -> None:
    """Another name, other duties. Flushes. Refused: an unknown duty."""
    _refuse_unknown(duties)
    position.name, position.duties = name, list(duties)
    session.flush()


def _refuse_unknown(duties: Sequence[str]) -> None:
    for duty in duties:
        if duty not in DUTIES:
            raise Refused(T("没有“%(duty)s”这项职责。", duty=duty), field="duties")


def appoint(session: Session, position: Position, *, a: Staff, b: Sequence[Staff], on: date) -> None:
    """From this local day A and the B stand so; earlier posts end that day. Flushes.

    Refused: B is A or stands twice; an active position would be left without B (R1.3a).
    """
    people = [a, *b]
    if len({person.id for person in people}) < len(people):
        raise Refused(T("岗位“%(name)s”的A角和B角不能是同一人。", name=position.name), field="b")
    if position.active and not b:
        raise Refused(T("岗位“%(name)s”未设置B角。", name=position.name), field="b")
    standing = session.scalars(
        select(PositionPost).where(PositionPost.position_id == position.id, PositionPost.valid_to.is_(None))
    ).all()
    for post in standing:
        if post.valid_from > on:
            raise Refused(T("岗位“%(name)s”已有更晚生效的安排。", name=position.name), field="on")
        post.valid_to = on
    session.flush()
    session.add_all(
        PositionPost(position_id=position.id, staff_id=person.id, rank=rank, valid_from=on)
        for rank, person in enumerate(people)
    )
    session.flush()


def activate(session: Session, position: Position, *, on: date) -> None:
    """Let tasks reach this position. Flushes. Refused: no A, or no B (R1.3a)."""
    ranks = set(
        session.scalars(
            select(PositionPost.rank)
            .join(Staff, Staff.id == PositionPost.staff_id)
            .where(PositionPost.position_id == position.id, Staff.active, _valid(on))
        )
    )
    if 0 not in ranks:
        raise Refused(T("岗位“%(name)s”未设置A角。", name=position.name), field="a")
    if ranks == {0}:
        raise Refused(T("岗位“%(name)s”未设置B角。", name=position.name), field="b")
    position.active = True
    session.flush()


# --- asking ------------------------------------------------------------------------------------------------


def holders(session: Session, moment: datetime) -> dict[str, list[tuple[Staff, Staff | None]]]:
    """Each active position's code -> who holds it now and for whom; empty if nobody at all is there."""
    _, held, _ = _standing(session, moment)
    people = _people(
        session, (number for holding in held.values() if holding for number in holding if number)
    )
    return {
        code: [(people[holding.staff_id], people.get(holding.acting_for or 0))] if holding else []
        for code, holding in held.items()
    }


def holders_of(session: Session, candidate: str, moment: datetime) -> list[tuple[Staff, Staff | None]]:
    """Who is asked for a candidate code, a position's, a duty's or a person's ('staff:7').

    Each person once, own right first. A person who is away is asked through whoever acts for him or her.
    """
    posts, held, away = _standing(session, moment)
    if (person := by_key(session, candidate)) is not None:
        acting = _stand_ins(person.id, held, away)
        people = _people(session, acting)
        return [(people[number], person) for number in acting] or [(person, None)]
    chosen: dict[int, int | None] = {}
    for post in posts:
        holding = held[post.code]
        if holding is None or candidate not in post.codes:
            continue
        if holding.staff_id not in chosen or holding.acting_for is None:
            chosen[holding.staff_id] = holding.acting_for
    people = _people(session, (number for pair in chosen.items() for number in pair if number))
    return [(people[number], people.get(acting_for or 0)) for number, acting_for in chosen.items()]


def asked(session: Session, moment: datetime) -> dict[str, list[tuple[Staff, Staff | None]]]:
    """``holders_of`` for every candidate code at once, positions and duties: two statements for all."""
    posts, away = _posts(session, moment)
    held = _held(posts, away)
    chosen: dict[str, dict[int, int | None]] = {}
    for post in posts:
        holding = held[post.code]
        for code in post.codes:
            people = chosen.setdefault(code, {})
            if holding and (holding.staff_id not in people or holding.acting_for is None):
                people[holding.staff_id] = holding.acting_for
    wanted = (number for pairs in chosen.values() for pair in pairs.items() for number in pair if number)
    known = _people(session, wanted)
    return {
        code: [(known[number], known.get(acting_for or 0)) for number, acting_for in pairs.items()]
        for code, pairs in chosen.items()
    }


def offers(session: Session, staff: Staff, moment: datetime) -> dict[str, str | None]:
    """Candidate code -> key of the one acted for, None where it is the person's own right. One statement."""
    return _offers(staff.id, *_standing(session, moment))


def actor(session: Session, staff: Staff, moment: datetime) -> Actor:
    """One statement. ``may``: 'lead' for head and superior (also acting), 'admin', 'cases' for everybody
    but those who only administer the system."""
    if not staff.active:
        return Actor(key=staff.key, name=staff.name, offers={})
    posts, held, away = _standing(session, moment)
    offered = _offers(staff.id, posts, held, away)
    may = {right for code, right in ((HEAD, "lead"), (SUPERIOR, "lead"), (ADMIN, "admin")) if code in offered}
    mine = [post for post in posts if staff.id in post.people]
    if not mine or any(post.duties != [ADMIN] for post in mine):
        may.add("cases")
    return Actor(key=staff.key, name=staff.name, offers=offered, may=frozenset(may))


def deputies(session: Session, staff: Staff, moment: datetime) -> list[Staff]:
    """The acting B (T-std): of each position this person is A of, the first other one present; each once."""
    posts, away = _posts(session, moment)
    chosen: dict[int, None] = {}
    for post in posts:
        if post.people and post.people[0] == staff.id:
            waiting = [number for number in (post.substitute, *post.people[1:]) if number]
            chosen.update(dict.fromkeys([n for n in waiting if n not in away and n != staff.id][:1]))
    people = _people(session, chosen)
    return [people[number] for number in chosen]


def seconds(session: Session, staff: Staff, moment: datetime) -> list[Staff]:
    """The B of the positions this person is A of, in order, each once, away or not."""
    posts, _ = _posts(session, moment)
    found = dict.fromkeys(n for post in posts if post.led and post.people[0] == staff.id for n in post.people)
    people = _people(session, found)
    return [people[number] for number in found if number != staff.id]


def codes_of(session: Session, staff: Staff, moment: datetime) -> list[str]:
    """The positions this person is A of, and the duties that nobody else holds as A."""
    posts, _ = _posts(session, moment)
    mine = [post for post in posts if post.led and post.people[0] == staff.id]
    others = {duty for post in posts if post not in mine for duty in post.duties}
    return [code for post in mine for code in post.codes if code not in others]


def duties_of(session: Session, staff: Staff, moment: datetime) -> list[Sequence[str]]:
    """The duties of each position this person is A of."""
    posts, _ = _posts(session, moment)
    return [post.duties for post in posts if post.led and post.people[0] == staff.id]


def first_of(session: Session, duty: str, moment: datetime) -> list[str]:
    """Keys of the A of each position with this duty, away or not; by the position's code."""
    posts, _ = _posts(session, moment)
    return [f"staff:{post.people[0]}" for post in posts if duty in post.codes and post.led]


def people_of(session: Session, duty: str, moment: datetime) -> list[int]:
    """Ids of everybody who stands in a position with this duty, away or not: each A before the B."""
    posts, _ = _posts(session, moment)
    return list(dict.fromkeys(number for post in posts if duty in post.codes for number in post.people))


def names_of(session: Session, staff: Staff, moment: datetime) -> list[str]:
    """The names of the positions this person is A of, else of those where he or she is B; by code."""
    posts, _ = _posts(session, moment)
    first = [post.code for post in posts if post.led and post.people[0] == staff.id]
    codes = first or [post.code for post in posts if staff.id in post.people]
    return list(
        session.scalars(select(Position.name).where(Position.code.in_(codes)).order_by(Position.code))
    )


def stand_ins(session: Session, staff: Staff, moment: datetime) -> list[Staff]:
    """Who acts for this person at a moment; empty while he or she is present, or if nobody at all is."""
    _, held, away = _standing(session, moment)
    acting = _stand_ins(staff.id, held, away)
    people = _people(session, acting)
    return [people[number] for number in acting]


def twins(session: Session, staff: Staff, moment: datetime) -> list[Staff]:
    """Everybody who is B where this person is A, or A where this person is B: none of them decides what
    the person asks for, away or not (R1.3; decision 39). By id."""
    posts, _ = _posts(session, moment)
    found: set[int] = set()
    for post in posts:
        first, *others = post.people
        if staff.id == first and post.led:
            found.update(others)
        elif staff.id in others and post.led:
            found.add(first)
    people = _people(session, found)
    return [people[number] for number in sorted(found)]


@dataclass(frozen=True)
class Uncovered:
    """An active position that neither A nor the substitute nor any B is there for (decision 30).

    ``acting``: the head or superior whom its tasks reach meanwhile; None if nobody at all is there.
    """

    code: str
    name: str
    away: Staff
    acting: Staff | None


def uncovered(session: Session, moment: datetime) -> list[Uncovered]:
    """What stands red on the board, by code."""
    posts, held, away = _standing(session, moment)
    open_ = [post for post in posts if not any(number not in away for number in post.ranked)]
    found = {post.code: held[post.code] for post in open_}
    people = _people(
        session,
        {number for post in open_ for number in post.people[:1]}
        | {holding.staff_id for holding in found.values() if holding},
    )
    names = dict(session.execute(select(Position.code, Position.name).where(Position.code.in_(found))).all())
    return [
        Uncovered(
            post.code,
            names[post.code],
            people[post.people[0]],
            people[holding.staff_id] if (holding := found[post.code]) else None,
        )
        for post in open_
    ]


def away(session: Session, moment: datetime) -> frozenset[int]:
    """The ids of everybody who is away now."""
    return frozenset(session.scalars(select(Absence.staff_id).where(covers(Absence, moment))))


def is_away(session: Session, staff: Staff, moment: datetime) -> bool:
    return staff.id in away(session, moment)


# --- the one statement, and what it means ------------------------------------------------------------------


def _valid(day: date) -> ColumnElement[bool]:
    return and_(
        PositionPost.valid_from <= day, or_(PositionPost.valid_to.is_(None), PositionPost.valid_to > day)
    )


def _standing(
    session: Session, moment: datetime
) -> tuple[list[Post], dict[str, Holding | None], Mapping[int, int | None]]:
    posts, away = _posts(session, moment)
    return posts, _held(posts, away), away


def _posts(session: Session, moment: datetime) -> tuple[list[Post], Mapping[int, int | None]]:
    """All active positions with the active people standing in them, and who is away with the substitute
    that was named, people without a position too: one statement."""
    away = aliased(Absence)
    standing = and_(
        PositionPost.staff_id == Staff.id,
        _valid(moment.astimezone(ZONE).date()),
        PositionPost.position_id.in_(select(Position.id).where(Position.active)),
    )
    rows = session.execute(
        select(Position.code, Position.duties, PositionPost.rank, Staff.id, away.id, away.substitute_id)
        .select_from(Staff)
        .outerjoin(PositionPost, standing)
        .outerjoin(Position, Position.id == PositionPost.position_id)
        .outerjoin(away, and_(away.staff_id == Staff.id, covers(away, moment)))
        .where(Staff.active, or_(Position.id.is_not(None), away.id.is_not(None)))
        .order_by(Position.code, PositionPost.rank, away.id)
    ).all()
    posts: dict[str, Post] = {}
    absent: dict[int, int | None] = {}
    for code, duties, rank, number, absence, substitute in rows:
        if absence is not None:
            absent.setdefault(number, substitute)
        if code is None:
            continue
        post = posts.setdefault(code, Post(code, duties))
        if number not in post.people:
            post.people.append(number)
        if rank == 0:
            post.led = True
            if absence is not None and post.substitute is None:
                post.substitute = substitute
    return list(posts.values()), absent


def _held(posts: Sequence[Post], away: Collection[int]) -> dict[str, Holding | None]:
    """Whose turn it is in every position. Leading positions first: they stand in for the others."""
    held: dict[str, Holding | None] = {}
    leaders: list[Holding] = []
    for leading in (SUPERIOR, HEAD, None):
        for post in posts:
            if post.code in held or (leading is not None and leading not in post.codes):
                continue
            held[post.code] = holding = _hold(post, away, leaders)
            if leading is not None and holding is not None:
                leaders.insert(0, holding)  # the head is asked before the superior
    return held


def _hold(post: Post, away: Collection[int], leaders: Iterable[Holding]) -> Holding | None:
    first = post.people[0]
    if first not in away:
        return Holding(first, None)
    for number in [*post.ranked, *(leader.staff_id for leader in leaders)]:
        if number not in away:
            return Holding(number, first)
    return None


def _stand_ins(number: int, held: Mapping[str, Holding | None], away: Mapping[int, int | None]) -> list[int]:
    """Who acts for a person: in the positions held as A; without one, the substitute that was named."""
    if number not in away:
        return []
    acting = dict.fromkeys(h.staff_id for h in held.values() if h and h.acting_for == number)
    substitute = away[number]
    if not acting and substitute is not None and substitute not in away:
        acting[substitute] = None
    return list(acting)


def _offers(
    number: int,
    posts: Sequence[Post],
    held: Mapping[str, Holding | None],
    away: Mapping[int, int | None],
) -> dict[str, str | None]:
    offered: dict[str, str | None] = {}
    for post in posts:
        holding = held[post.code]
        if holding is None or holding.staff_id != number:
            continue
        for code in post.codes:
            if holding.acting_for is None:
                offered[code] = None
            else:
                offered.setdefault(code, f"staff:{holding.acting_for}")
    acting_for = [person for person in away if number in _stand_ins(person, held, away)]
    for key in (f"staff:{person}" for person in acting_for):
        if key not in offered.values():
            offered[key] = key  # acted for without a position: only what is offered to the person
    return offered


def _people(session: Session, wanted: Iterable[int]) -> dict[int, Staff]:
    numbers = set(wanted)
    if not numbers:
        return {}
    return {person.id: person for person in session.scalars(select(Staff).where(Staff.id.in_(numbers)))}
