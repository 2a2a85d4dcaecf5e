"""Consultations (咨询, P02): what somebody asked, what was answered on which basis, and how it was told.

The client may stay nameless. Whoever was asked first answers (R2.2.0). What was said to the client is kept in
rows of its own: contacts and outbox belong to cases.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Computed, ForeignKey, Index, Select, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import NotFound
from workflow.schema import Base
from workflow.station import cases, matters
from workflow.station.cases import Case
from workflow.station.items import ServiceItem
from workflow.station.permissions import visible
from workflow.station.persons import Person, mask_name
from workflow.station.staff import Staff
from workflow.texts import T, Text

PHONE, VISIT = "phone", "visit"
CHANNELS = {code: cases.CHANNELS[code] for code in (VISIT, PHONE, "web", "letter")}
OPEN, ADVICE, ANSWERED, BECAME_CASE = "open", "advice", "answered", "became_case"
STATES = {
    OPEN: T("待答复"),
    ADVICE: T("代为咨询中"),
    ANSWERED: T("已答复"),
    BECAME_CASE: T("已转办件"),
}
ENDED = (ANSWERED, BECAME_CASE)


class Consultation(Base):
    """One enquiry. ``key`` ('consultation:3') ties it to its instance and papers. No ``person``: nameless.

    ``oral``: answered by word of mouth, which only a phone call may be (R2.3.3).
    """

    __tablename__ = "consultation"
    __table_args__ = (
        CheckConstraint("NOT oral OR channel = 'phone'", name="oral"),
        CheckConstraint("answered_at IS NULL OR (answer <> '' AND basis <> '')", name="answered"),
        Index(None, "state", "received_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Computed("'consultation:' || id", persisted=True), unique=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), unique=True)
    no: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default=OPEN)
    channel: Mapped[str]
    topic: Mapped[str]
    question: Mapped[str]
    item_id: Mapped[int | None] = mapped_column(ForeignKey("service_item.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    first_contact_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    received_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    warned_at: Mapped[datetime | None]
    late_at: Mapped[datetime | None]
    answer: Mapped[str | None]
    basis: Mapped[str | None]
    library_answer_id: Mapped[int | None] = mapped_column(ForeignKey("library_answer.id"))
    oral: Mapped[bool] = mapped_column(default=False)
    answered_at: Mapped[datetime | None]
    answered_by: Mapped[str | None]
    on_behalf_of: Mapped[str | None]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)

    item: Mapped[ServiceItem | None] = relationship()
    person: Mapped[Person | None] = relationship()
    first_contact: Mapped[Staff] = relationship()
    case: Mapped[Case | None] = relationship()
    contacts: Mapped[list[ConsultationContact]] = relationship(order_by="ConsultationContact.id.desc()")

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def client(self) -> str | Text:
        """Whom it concerns, as pages show it."""
        return self.person.shown_name if self.person else T("匿名")


class ConsultationContact(Base):
    """One time that somebody told the client, or tried to; only added. A call note (来电记录) is one too.

    ``paper_no``: of the paper that said it.
    """

    __tablename__ = "consultation_contact"

    id: Mapped[int] = mapped_column(primary_key=True)
    consultation_id: Mapped[int] = mapped_column(ForeignKey("consultation.id"), index=True)
    channel: Mapped[str]
    outcome: Mapped[str]
    content: Mapped[str]
    paper_no: Mapped[str | None]
    at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]


@matters.kind(Consultation, Consultation.no, Consultation.topic, Consultation.question)
def listed(one: Consultation) -> matters.Matter:
    return matters.Matter(
        key=one.key,
        no=one.no,
        title=one.topic,
        client=mask_name(one.person.name) if one.person else "",
        href=f"/consultations/{one.id}",
        page=T("查看详情"),
        kind=T("咨询"),
        facts=((T("诉求"), one.question),),
    )


def find(session: Session, actor: Actor, consultation_id: int) -> Consultation:
    """One that this person may see. NotFound."""
    return _one(session, _seen(actor).where(Consultation.id == consultation_id))


def by_key(session: Session, key: str | None) -> Consultation:
    """'consultation:3' -> the row. NotFound."""
    return _one(session, select(Consultation).where(Consultation.key == (key or "")))


def of_case(session: Session, actor: Actor, case: Case) -> Consultation | None:
    """The enquiry that a case grew out of."""
    return session.scalars(_seen(actor).where(Consultation.case_id == case.id)).first()


def search(
    session: Session, actor: Actor, q: str = "", *, ended: bool = False, limit: int = 200
) -> list[Consultation]:
    """The newest first: open or ended ones; with words, all that have them in number, topic or text, or whose
    client is called exactly so."""
    found = _seen(actor).outerjoin(Person, Person.id == Consultation.person_id)
    if q:
        columns = (Consultation.no, Consultation.topic, Consultation.question, Consultation.answer)
        held = [column.icontains(q, autoescape=True) for column in columns]
        found = found.where(or_(*held, (Person.name == q) & ~Person.restricted))
    else:
        over = Consultation.state.in_(ENDED)
        found = found.where(over if ended else ~over)
    return list(session.scalars(found.order_by(Consultation.id.desc()).limit(limit)))


def _seen(actor: Actor) -> Select[Consultation]:
    return select(Consultation).where(visible(actor, Consultation))


def _one(session: Session, found: Select[Consultation]) -> Consultation:
    one = session.scalars(found).first()
    if one is None:
        raise NotFound
    return one
