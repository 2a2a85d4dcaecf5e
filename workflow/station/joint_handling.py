"""Several bodies on one case (多部门协办, R2.3.4b): a part for each, one who leads, no end while one is open.

Each part is an instance of the diagram ``joint_handling`` beside the case. It ends answered, or taken back
with a reason by whoever leads, or with a case that ended early; never silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Date, ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.schema import Base, Json
from workflow.station import cases, coordination, escalation, notices, owners, staff
from workflow.station.cases import Case
from workflow.station.permissions import can
from workflow.station.persons import Person
from workflow.station.staff import Staff
from workflow.texts import T, Text, listed

PROCESS = "joint_handling"
ASK = "joint_handling/ask"
WITHDRAWN_MESSAGE = "joint_withdrawn"
LONGEST = 400

OPEN, ANSWERED, WITHDRAWN, ENDED = "open", "answered", "withdrawn", "ended"
STATES = {
    OPEN: T("协办中"),
    ANSWERED: T("已办复"),
    WITHDRAWN: T("已撤回"),
    ENDED: T("随办件结束"),
}


class JointPart(Base):
    """What one department is asked for. ``words``: its answer, or why it was taken back."""

    __tablename__ = "joint_part"
    __table_args__ = (Index(None, "case_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), unique=True)
    unit: Mapped[str]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    asked: Mapped[str]
    due_on: Mapped[date] = mapped_column(Date)
    looks_after_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    asked_at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    state: Mapped[str] = mapped_column(default=OPEN)
    words: Mapped[str | None]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[str | None]
    ended_for: Mapped[str | None]

    person: Mapped[Person | None] = relationship()
    looks_after: Mapped[Staff] = relationship()

    @property
    def contact(self) -> str:
        """'韩敏 *******5678'; empty where nobody was named."""
        if self.person is None:
            return ""
        phone = str(self.person.shown_phone) if self.person.phone_tail4 else ""
        return f"{self.person.shown_name} {phone}".strip()


def leads(by: Actor, case: Case) -> bool:
    """牵头人, whoever acts for him or her, and who leads the station."""
    return can(by, "lead_joint_handling", case)


def may_ask(session: Session, by: Actor, case: Case) -> None:
    """Who works on the case, its first contact and who leads. NotAllowed. Refused: it has ended."""
    session.refresh(case, ["state", "lead_id"])  # what was read before its lock was held may be old
    if case.ended:
        raise Refused(T("办件已经结束：%(state)s，不能再请部门协办。", state=cases.STATES[case.state]))
    first = f"staff:{case.first_contact_id}" in by.selves
    if not first and not leads(by, case) and owners.post_of(session, by, case) is None:
        raise NotAllowed(T("只有这件办件的办理人员、首问人、牵头人或站长可以请部门协办。"))


def of_case(session: Session, case: Case) -> list[JointPart]:
    """All parts of a case, in the order in which they were asked for."""
    found = select(JointPart).where(JointPart.case_id == case.id).order_by(JointPart.id)
    return list(session.scalars(found.execution_options(populate_existing=True)))


def open_units(session: Session, case: Case) -> list[str]:
    """The departments that have not answered yet."""
    found = select(JointPart.unit).where(JointPart.case_id == case.id, JointPart.state == OPEN)
    return list(session.scalars(found.order_by(JointPart.id)))


def refuse_while_open(session: Session, case: Case) -> None:
    """Refused: a department has not answered yet. Called with the case's lock held."""
    if units := open_units(session, case):
        raise Refused(
            T(
                "还有部门没有办复：%(units)s。请先跟进办复；确实不需要的，由牵头人写明原因撤回，再办结。",
                units=listed(units),
            )
        )


def withdraw(engine: Engine, part_id: int, case: Case, *, reason: str, by: Actor) -> None:
    """撤回: it is not needed any more; why is kept. Flushes.

    NotFound; NotAllowed: neither leads the case nor the station; Refused: no reason; AlreadyDone.
    """
    session = engine.session
    part = session.get(JointPart, part_id)
    if part is None or part.case_id != case.id:
        raise NotFound
    if not leads(by, case):
        raise NotAllowed(T("只有牵头人或站长可以撤回协办。"))
    reason = " ".join(reason.split())
    if not 2 <= len(reason) <= LONGEST:
        raise Refused(T("请写明撤回的原因，最多 %(count)s 个字。", count=LONGEST), field="reason")
    lead = f"staff:{case.lead_id}"
    engine.receive(
        part.instance_id,
        WITHDRAWN_MESSAGE,
        by=by,
        data={"why": reason},
        on_behalf_of=lead if lead in by.selves and lead != by.key else None,
    )


# forms


@prefill(ASK)
def ask_first(context: FormContext) -> Mapping[str, Any]:
    """As ``may_ask``. Who leads the case already, else whoever asks."""
    session, me = context.session, context.actor.key
    case = cases.by_key(session, context.business_key)
    may_ask(session, context.actor, case)
    lead = case.lead.key if case.lead else me
    return {"case_no": case.no, "title": case.title, "lead": lead, "looks_after": me}


@prefill("joint_handling/answer")
def answer_first(context: FormContext) -> Mapping[str, Any]:
    case = cases.by_key(context.session, context.business_key)
    part = context.session.get_one(JointPart, int(str(context.data["part_id"])))
    return {
        "case_no": case.no,
        "title": case.title,
        "unit": part.unit,
        "contact": part.contact,
        "due_on": part.due_on.isoformat(),
        "asked": part.asked,
    }


# actions, in the order of the diagram


@action(
    "ask_unit",
    outputs={"part_id": "number", "looks_after": "string", "due_at": "string", "remind_at": "string"},
)
def ask_unit(context: ActionContext) -> Mapping[str, Json]:
    """Keep what is asked, of whom, by when; the case has one who leads. As ``may_ask``.

    Refused: a colleague who sees no cases, a day that is past or too far, a lead that is not one's to change.
    """
    session, form, moment = context.session, context.submission, context.moment
    case = cases.by_key(session, context.business_key)
    may_ask(session, context.actor, case)
    _name_lead(context, case, _colleague(context, form["lead"], "lead"))
    looks_after = _colleague(context, form["looks_after"], "looks_after")
    due_on = coordination.day_of(form["due"], moment)
    assert due_on is not None, "the form requires it"
    person = coordination.person_of(session, form, moment)
    part = JointPart(
        case_id=case.id,
        instance_id=context.instance_id,
        unit=coordination.checked_unit(form["unit"]),
        person_id=person.id if person else None,
        asked=form["asked"].strip(),
        due_on=due_on,
        looks_after_id=looks_after.id,
        asked_at=moment,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )
    session.add(part)
    session.flush()
    context.note(unit=part.unit)
    remind_at, due_at = coordination.on_the_day(session, due_on, moment)
    return {
        "part_id": part.id,
        "looks_after": looks_after.key,
        "due_at": due_at.isoformat(),
        "remind_at": remind_at.isoformat(),
    }


@action("remind_joint", inputs={"part_id": "number"})
def remind_joint(context: ActionContext, part_id: int) -> None:
    """The day has come: tell whoever looks after it."""
    part = context.session.get_one(JointPart, part_id)
    sentence = T("%(no)s “%(unit)s”的协办今天到期，请跟进。", **_facts(context, part))
    _tell(context, part.looks_after, part, sentence)


@action("report_joint", inputs={"part_id": "number"})
def report_joint(context: ActionContext, part_id: int) -> None:
    """The day is over without an answer: the head hears of it, and who leads the case."""
    part = context.session.get_one(JointPart, part_id)
    case = context.session.get_one(Case, part.case_id)
    sentence = T("%(no)s “%(unit)s”的协办到期未办复，请督促。", **_facts(context, part))
    escalation.alert_overseer(context, case, sentence)
    if case.lead is not None:
        _tell(context, case.lead, part, sentence)


@action("keep_answer", inputs={"part_id": "number"})
def keep_answer(context: ActionContext, part_id: int) -> None:
    """The department has answered: whoever leads the case hears it."""
    part = context.session.get_one(JointPart, part_id)
    _end(context, part, ANSWERED, context.submission["answer"].strip())
    case = context.session.get_one(Case, part.case_id)
    if case.lead is not None and case.lead.key != context.actor.key:
        _tell(context, case.lead, part, T("%(no)s “%(unit)s”已办复。", **_facts(context, part)))


@action("withdraw_joint", inputs={"part_id": "number", "why": "string"})
def withdraw_joint(context: ActionContext, part_id: int, why: str) -> None:
    """Taken back: whoever looked after it hears why."""
    part = context.session.get_one(JointPart, part_id)
    _end(context, part, WITHDRAWN, why)
    if part.looks_after.key != context.actor.key:
        sentence = T("%(no)s “%(unit)s”的协办已撤回：%(why)s", **_facts(context, part), why=why)
        _tell(context, part.looks_after, part, sentence)


@action("end_joint", inputs={"part_id": "number"})
def end_joint(context: ActionContext, part_id: int) -> None:
    """The case was withdrawn or voided: nothing is asked any more."""
    _end(context, context.session.get_one(JointPart, part_id), ENDED, None)


def _end(context: ActionContext, part: JointPart, state: str, words: str | None) -> None:
    part.state, part.words, part.ended_at = state, words, context.moment
    part.ended_by, part.ended_for = context.actor.key, context.on_behalf_of
    context.session.flush()
    context.note(unit=part.unit)


def _name_lead(context: ActionContext, case: Case, lead: Staff) -> None:
    """The first who asks names who leads; then only the lead or the head passes it on."""
    if case.lead_id == lead.id:
        return
    if case.lead is not None and not leads(context.actor, case):
        raise Refused(T("牵头人是%(name)s；由牵头人本人或站长改派。", name=case.lead.name), field="lead")
    case.lead_id = lead.id
    context.session.flush()
    context.session.refresh(case, ["lead"])
    context.note(lead=lead.key)
    if lead.key != context.actor.key:
        sentence = T("您是 %(no)s 的牵头人，请随时掌握各协办部门的进展。", no=case.no or case.title)
        notices.tell(context.session, lead, sentence, f"/cases/{case.id}#joint", moment=context.moment)


def _colleague(context: ActionContext, key: str, field: str) -> Staff:
    person = staff.by_key(context.session, key)
    if person is None or not can(staff.actor(context.session, person, context.moment), "see_cases"):
        raise Refused(T("请选择能查看办件的同事。"), field=field)
    return person


def _facts(context: ActionContext, part: JointPart) -> dict[str, object]:
    case = context.session.get_one(Case, part.case_id)
    return {"no": case.no or case.title, "unit": part.unit}


def _tell(context: ActionContext, person: Staff, part: JointPart, sentence: Text) -> None:
    notices.tell(
        context.session,
        person,
        sentence,
        f"/cases/{part.case_id}#joint",
        moment=context.moment,
        in_working_hours=True,
    )
