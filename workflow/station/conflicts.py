"""Conflict of interest (回避, R4.2, decision 39): whom a complaint concerns, who handles, who decides it.

Concerned are those it is about, whoever shares a position with one of them as A or B, and who handled or
decided the case complained of. A handler is none of these. It is decided by the head, or by the superior
where the head is concerned; handler and decider are never the same person, also while acting.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import DONE, TaskRow
from workflow.schema import Base
from workflow.station import owners, positions
from workflow.station.cases import Case
from workflow.station.owners import LEADING, Overseer
from workflow.station.permissions import ABOUT, COMPLAINTS, can
from workflow.station.positions import HEAD, SUPERIOR
from workflow.station.staff import Staff, actor, by_key

TARGET, OF_CASE, TWIN = "target", "case", "twin"


class Party(Base):
    """Somebody a complaint concerns, and why: kept, also when posts change later."""

    __tablename__ = "complaint_party"
    __table_args__ = (UniqueConstraint("owner", "staff_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]  # the complaint's key
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    role: Mapped[str]


def note(session: Session, owner: str, targets: Iterable[int], case: Case | None, moment: datetime) -> None:
    """Write down whom it concerns, as posts stand now; those of before stay. Flushes."""
    about = dict.fromkeys(targets, TARGET)
    for number in _of_case(session, case, moment) if case else ():
        about.setdefault(number, OF_CASE)
    named = [number for number, role in about.items() if role == TARGET] or list(about)
    people = session.scalars(select(Staff).where(Staff.id.in_(named))).all()
    found = dict(about)
    for twin in (twin for person in people for twin in positions.twins(session, person, moment)):
        found.setdefault(twin.id, TWIN)
    known = of(session, owner)
    session.add_all(
        Party(owner=owner, staff_id=number, role=role)
        for number, role in found.items()
        if number not in known
    )
    session.flush()


def of(session: Session, owner: str) -> Mapping[int, str]:
    """Staff id -> role."""
    rows = session.execute(select(Party.staff_id, Party.role).where(Party.owner == owner).order_by(Party.id))
    return dict(iter(rows))


def about(session: Session, owner: str) -> list[Staff]:
    """Those complained of by name, in the order they were named."""
    rows = select(Staff).join(Party, Party.staff_id == Staff.id)
    return list(session.scalars(rows.where(Party.owner == owner, Party.role == TARGET).order_by(Party.id)))


def barred(session: Session, owner: str) -> set[str]:
    """Keys of those who must neither see nor decide it: those it is about."""
    return {f"staff:{number}" for number, role in of(session, owner).items() if role in ABOUT}


def concerned(session: Session, owner: str) -> set[str]:
    """Keys of everybody who must not handle it."""
    return {f"staff:{number}" for number in of(session, owner)}


def overseer(session: Session, owner: str, moment: datetime, *, besides: Collection[str] = ()) -> Overseer:
    """Who assigns, decides and is alerted: the head; the superior where the head is concerned or excluded.

    ``besides``: keys of who must not, such as the handler. If both are concerned, somebody who is not.
    """
    keys = barred(session, owner) | set(besides)
    for duty in LEADING:
        people = [person for person, _ in positions.holders_of(session, duty, moment)]
        stands = {*positions.first_of(session, duty, moment), *(person.key for person in people)}
        free = [person for person in people if person.key not in keys]
        if free and not (duty == HEAD and stands & keys):
            return Overseer(duty, free, _listed(keys))
    free = [person for person in _working(session, moment) if person.key not in keys]
    first = free[:1]
    return Overseer(first[0].key if first else SUPERIOR, first, _listed(keys))


def assessor(session: Session, owner: str, moment: datetime) -> str | None:
    """The candidate who looks at it first: who deals with complaints and is not concerned; None: nobody."""
    keys = concerned(session, owner)
    if any(person.key not in keys for person, _ in positions.holders_of(session, COMPLAINTS, moment)):
        return COMPLAINTS
    pool = handlers(session, owner, moment)
    standing = set(positions.people_of(session, COMPLAINTS, moment))
    mine = [person for person in pool if person.id in standing]
    return mine[0].key if mine else None


def handlers(session: Session, owner: str, moment: datetime, *, besides: Collection[str] = ()) -> list[Staff]:
    """Everybody at work who may handle it; those whose duty complaints are come first."""
    keys = concerned(session, owner) | set(besides)
    duty = positions.people_of(session, COMPLAINTS, moment)
    free = [person for person in _working(session, moment) if person.key not in keys]
    return sorted(
        free, key=lambda one: (duty.index(one.id) if one.id in duty else len(duty), one.name_pinyin)
    )


def _working(session: Session, moment: datetime) -> list[Staff]:
    """Active people at work now who see cases; leaders last, they decide."""
    away = positions.away(session, moment)
    people = session.scalars(select(Staff).where(Staff.active).order_by(Staff.name_pinyin)).all()
    working = [
        (person, who)
        for person in people
        if person.id not in away and can(who := actor(session, person, moment), "see_cases")
    ]
    return [person for person, who in sorted(working, key=lambda pair: "lead" in pair[1].may)]


def _of_case(session: Session, case: Case, moment: datetime) -> list[int]:
    """Who has a case's work, or did, approved or decided anything of it, own or for somebody else."""
    rows = session.execute(
        select(TaskRow.actor, TaskRow.on_behalf_of)
        .join(InstanceRow, InstanceRow.id == TaskRow.instance_id)
        .where(InstanceRow.business_key == case.key, TaskRow.status == DONE)
        .order_by(TaskRow.id)
    )
    people = [by_key(session, key) for row in rows for key in row]
    known = [person for person in people if person is not None]
    return list(dict.fromkeys(one.id for one in [*known, *owners.owners(session, case, moment)]))


def _listed(keys: Iterable[str]) -> str:
    return ",".join(sorted(keys))
