"""首问登记簿 (R2.2.1): who came, for what, who received them, to whom it was handed over, accepted when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from workflow.engine.actors import Actor
from workflow.station import handovers, staff
from workflow.station.cases import Case
from workflow.station.enterprises import Enterprise
from workflow.station.guidance import Guidance
from workflow.station.handovers import Handover
from workflow.station.outside_bodies import OutsideBody
from workflow.station.permissions import visible
from workflow.station.persons import Person
from workflow.station.staff import Staff
from workflow.station.transfers import Transfer

LONGEST = 300


@dataclass(frozen=True)
class Handed:
    """One hand-over: to whom (a position or person), how it stands, who has accepted it."""

    to: str
    state: str
    accepted_by: str
    accepted_at: datetime | None


@dataclass(frozen=True)
class Line:
    """Somebody who came, called or wrote. ``case``: None for one who was only guided. Phones are not here."""

    at: datetime
    case: Case | None
    matter: str
    first_contact: str
    handed: Sequence[Handed]
    guided: Sequence[str]
    transferred: Sequence[Transfer]


def lines(
    session: Session, actor: Actor, since: datetime | None, until: datetime | None, q: str = ""
) -> list[Line]:
    """Newest first, received in [since, until); by number, matter, client, enterprise or first contact."""
    found = _cases(session, actor, since, until, q)
    numbers = [case.id for case in found]
    guided = _guidance(session, actor, numbers, since, until, q)
    given = handovers.of(session, numbers)
    sent = session.scalars(select(Transfer).where(Transfer.case_id.in_(numbers)).order_by(Transfer.id)).all()
    called = handovers.called(session, [one.receiver for one in given])
    people = staff.names(
        session, {key for one in given if (key := one.accepted_by)} | {one.actor for one in guided}
    )
    rows = [
        Line(
            at=case.received_at,
            case=case,
            matter=case.matter,
            first_contact=case.first_contact.name,
            handed=[_handed(one, called, people) for one in given if one.case_id == case.id],
            guided=[one.body.name for one in guided if one.case_id == case.id],
            transferred=[one for one in sent if one.case_id == case.id],
        )
        for case in found
    ]
    rows += [
        Line(one.at, None, one.matter, people.get(one.actor, ""), (), (one.body.name,), ())
        for one in guided
        if one.case_id is None
    ]
    return sorted(rows, key=lambda row: row.at, reverse=True)[:LONGEST]


def _cases(
    session: Session, actor: Actor, since: datetime | None, until: datetime | None, q: str
) -> Sequence[Case]:
    found = (
        select(Case)
        .join(Person, Person.id == Case.applicant_id)
        .join(Staff, Staff.id == Case.first_contact_id)
        .outerjoin(Enterprise, Enterprise.id == Case.enterprise_id)
        .where(visible(actor, Case), *_within(Case.received_at, since, until))
        .order_by(Case.received_at.desc())
        .limit(LONGEST)
    )
    if q:
        columns = (Case.no, Case.matter, Enterprise.name)
        said = [column.icontains(q, autoescape=True) for column in columns]
        found = found.where(or_(*said, Person.name == q, Staff.name == q))
    return session.scalars(found).all()


def _guidance(
    session: Session,
    actor: Actor,
    numbers: Sequence[int],
    since: datetime | None,
    until: datetime | None,
    q: str,
) -> Sequence[Guidance]:
    """Of these cases, and of people without one."""
    alone: ColumnElement[bool] = Guidance.case_id.is_(None)
    for condition in _within(Guidance.at, since, until):
        alone = alone & condition
    if q:
        named = select(OutsideBody.id).where(OutsideBody.name.icontains(q, autoescape=True))
        alone = alone & (Guidance.matter.icontains(q, autoescape=True) | Guidance.body_id.in_(named))
    found = select(Guidance).where(visible(actor, Guidance), or_(Guidance.case_id.in_(numbers), alone))
    return session.scalars(found.order_by(Guidance.id.desc()).limit(LONGEST)).all()


def _within(
    column: InstrumentedAttribute[datetime], since: datetime | None, until: datetime | None
) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if since is not None:
        found.append(column >= since)
    if until is not None:
        found.append(column < until)
    return found


def _handed(one: Handover, called: dict[str, str], people: dict[str, str]) -> Handed:
    return Handed(
        to=called.get(one.receiver, ""),
        state=one.state,
        accepted_by=people.get(one.accepted_by or "", ""),
        accepted_at=one.accepted_at,
    )
