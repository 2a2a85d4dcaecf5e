"""Visits (来访登记, R1.1b): who came by and what about, in one line; a case may come of it later.

A row has a number without gaps of its own; one written by mistake is voided and keeps it. Nothing commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.schema import Base
from workflow.station import keys, numbering, persons
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.enterprises import Enterprise
from workflow.station.permissions import can, visible
from workflow.station.persons import DIGITS, PHONE, Person
from workflow.station.written import refuse_invisible
from workflow.texts import T

PREFIX = "LF"
LONGEST, LONGEST_NAME = 400, 80
PURPOSE = T("来访转办理登记")


class Visit(Base):
    """One visit. ``enterprise`` is a name as it was said; the file begins with a case."""

    __tablename__ = "visit"

    id: Mapped[int] = mapped_column(primary_key=True)
    no: Mapped[str] = mapped_column(unique=True)
    about: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    enterprise: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    void_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]
    void_actor: Mapped[str | None]

    person: Mapped[Person | None] = relationship()
    case: Mapped[Case | None] = relationship(viewonly=True, uselist=False)

    @property
    def is_void(self) -> bool:
        return self.void_at is not None


def write(
    session: Session,
    *,
    about: str,
    name: str = "",
    phone: str = "",
    enterprise: str = "",
    by: Actor,
    moment: datetime,
) -> Visit:
    """Write a visit down; only ``about`` must be filled in. Flushes.

    NotAllowed. Refused: nothing about, too long, a phone without a name, no phone number.
    """
    if not can(by, "register"):
        raise NotAllowed
    about, name, enterprise = (" ".join(text.split()) for text in (about, name, enterprise))
    if not 2 <= len(about) <= LONGEST:
        raise Refused(T("请写明来访事由，2 至 %(count)s 个字。", count=LONGEST), field="about")
    refuse_invisible(about, field="about")
    if max(len(name), len(enterprise)) > LONGEST_NAME:
        field = "name" if len(name) > LONGEST_NAME else "enterprise"
        raise Refused(T("最多 %(count)s 个字。", count=LONGEST_NAME), field=field)
    refuse_invisible(enterprise, field="enterprise")
    if phone.strip() and not name:
        raise Refused(T("留了电话，请同时填写称呼。"), field="name")
    person = None
    if name:
        person = persons.remember(session, name=name, phone=phone, moment=moment, phone_needed=False)
    visit = Visit(
        no=numbering.take(session, PREFIX, moment.astimezone(ZONE).date()),
        about=about,
        person_id=person.id if person else None,
        enterprise=enterprise,
        at=moment,
        actor=by.key,
    )
    session.add(visit)
    session.flush()
    return visit


def find(session: Session, actor: Actor, visit_id: int, *, held: bool = False) -> Visit:
    """A visit this person may see; ``held`` until the transaction ends. NotFound."""
    wanted = select(Visit).where(Visit.id == visit_id, visible(actor, Visit))
    if held:
        wanted = wanted.with_for_update(of=Visit).execution_options(populate_existing=True)
    visit = session.scalars(wanted).first()
    if visit is None:
        raise NotFound
    return visit


def found(session: Session, actor: Actor, q: str = "", *, limit: int = 200) -> list[Visit]:
    """The newest first. ``q``: words of the matter or the enterprise, a number, a whole name or phone."""
    wanted = select(Visit).outerjoin(Person, Person.id == Visit.person_id).where(visible(actor, Visit))
    if q:
        asked = [column.icontains(q, autoescape=True) for column in (Visit.about, Visit.no, Visit.enterprise)]
        asked += [Person.name == q, Person.initials == q.lower()]
        digits = "".join(sign for sign in q if sign not in " -")
        if DIGITS.fullmatch(digits) and digits.isascii():
            asked.append(Person.phone_index == keys.blind(persons.tidy_phone(digits), PHONE))
        wanted = wanted.where(or_(*asked))
    return list(session.scalars(wanted.order_by(Visit.at.desc(), Visit.id.desc()).limit(limit)))


def void(session: Session, visit: Visit, *, reason: str, by: Actor, moment: datetime) -> None:
    """作废: it was a mistake; its number is kept and never given again. Flushes.

    NotAllowed; AlreadyDone; Refused: no reason, or a case came of it.
    """
    if not can(by, "void_visit", visit):
        raise NotAllowed(T("来访记录由登记人或站长作废。"))
    _must_stand(session, visit)
    reason = " ".join(reason.split())
    if not 2 <= len(reason) <= LONGEST:
        raise Refused(T("请写明作废原因。"), field="reason")
    refuse_invisible(reason, field="reason")
    visit.void_at, visit.void_reason, visit.void_actor = moment, reason, by.key
    session.flush()


def first_values(session: Session, visit: Visit, *, by: Actor, moment: datetime) -> Mapping[str, Any]:
    """What the registration form opens with; the phone is looked at, which is on record. Flushes.

    AlreadyDone: voided, or a case came of it.
    """
    _must_stand(session, visit)
    values: dict[str, Any] = {"channel": "visit", "matter": visit.about}
    if visit.person is not None:
        values["name"] = visit.person.name
        if visit.person.phone_enc is not None:
            values["phone"] = persons.reveal(session, by, visit.person, purpose=PURPOSE.say(), moment=moment)
    if visit.enterprise:
        known = select(Enterprise.id).where(Enterprise.name == visit.enterprise, visible(by, Enterprise))
        file = session.scalar(known)
        values.update({"enterprise": str(file)} if file else {"new_enterprise": visit.enterprise})
    return values


def becomes(session: Session, visit: Visit, case: Case) -> None:
    """The case came of this visit (R1.1b). Flushes. AlreadyDone."""
    _must_stand(session, visit)
    case.visit_id = visit.id
    session.flush()


def _must_stand(session: Session, visit: Visit) -> None:
    if visit.is_void:
        raise AlreadyDone(T("%(no)s 已经作废。", no=visit.no), state="void")
    if session.scalar(select(Case.id).where(Case.visit_id == visit.id)) is not None:
        raise AlreadyDone(T("%(no)s 已经办理登记。", no=visit.no), state="case")
