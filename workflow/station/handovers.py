"""Handing a client over from the first contact to a handler (首问转交, R2.2.1, R2.2.4a): words of the diagram
``first_contact_handover``.

The first contact stays responsible until somebody has accepted. What is not accepted in time stays with the
receiver's B; whoever oversees the case is alerted, the first contact hears it (decision 35).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.engine.submissions import latest
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.schema import Base, Json
from workflow.station import cases, notices, owners, positions, staff
from workflow.station.cases import Case
from workflow.station.escalation import alert_overseer
from workflow.station.permissions import can
from workflow.station.positions import HEAD, Position
from workflow.station.staff import Staff
from workflow.texts import T, Text

PROCESS = "first_contact_handover"
BEGIN, ACCEPT, NAME = f"{PROCESS}/hand_over", f"{PROCESS}/accept", f"{PROCESS}/name_handler"
WAITING, PASSED, DECLINED, ACCEPTED = "waiting", "passed", "declined", "accepted"
STATES = {
    WAITING: T("待接收"),
    PASSED: T("未按时接收，由B角接收"),
    DECLINED: T("对方未接收，待站长指定"),
    ACCEPTED: T("已接收"),
}


class Handover(Base):
    """One hand-over. ``receiver``: a position's code or a person's key, whoever is asked now."""

    __tablename__ = "first_contact_handover"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    from_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    receiver: Mapped[str]
    state: Mapped[str] = mapped_column(default=WAITING)
    begun_at: Mapped[datetime]
    passed_at: Mapped[datetime | None]  # it was not accepted in time
    accepted_at: Mapped[datetime | None]
    accepted_by: Mapped[str | None]
    accepted_for: Mapped[str | None]


# --- questions -------------------------------------------------------------------------------------------


def of(session: Session, case_ids: Sequence[int]) -> list[Handover]:
    """All hand-overs of these cases, oldest first."""
    found = select(Handover).where(Handover.case_id.in_(case_ids))
    return list(session.scalars(found.order_by(Handover.id)))


def responsible(session: Session, case: Case) -> str:
    """The key of whoever answers to the client: who accepted the last hand-over, else the first contact."""
    accepted = [one.accepted_by for one in of(session, [case.id]) if one.accepted_by]
    return accepted[-1] if accepted else f"staff:{case.first_contact_id}"


def may_hand_over(session: Session, actor: Actor, case: Case) -> None:
    """NotAllowed: who neither received the client nor works on the case. AlreadyDone: ended, one waits."""
    mine = {responsible(session, case), f"staff:{case.first_contact_id}", f"staff:{case.registered_by_id}"}
    if not mine & set(actor.selves) and owners.post_of(session, actor, case) is None:
        raise NotAllowed(T("只有首问人、办理人员或站长可以转交。"))
    if case.ended:
        raise AlreadyDone(
            T("这件办件已经结束：%(state)s。", state=cases.STATES[case.state]), state=case.state
        )
    if any(one.state != ACCEPTED for one in of(session, [case.id])):
        raise AlreadyDone(T("已有一次转交正等对方接收。"), state=WAITING)


def begin(engine: Engine, case: Case, *, to: str, by: Actor) -> None:
    """Registered on behalf of somebody who is away (代为登记, R2.2.4a): hand it over at once."""
    engine.start(PROCESS, by=by, data={"to": to}, business_key=case.key)


def called(session: Session, receivers: Sequence[str]) -> dict[str, str]:
    """Positions' codes, duties and people's keys -> their names."""
    found = select(Position.code, Position.name).where(Position.code.in_(receivers))
    duties = {code: words.say() for code, words in positions.DUTIES.items() if code in receivers}
    return duties | dict(session.execute(found).all()) | staff.names(session, receivers)


# --- forms -----------------------------------------------------------------------------------------------


@options("handover_receivers")
def receiver_choices(context: FormContext) -> list[Choice]:
    """Positions with who is there now, then people."""
    session = context.session
    held = positions.holders(session, context.moment)
    rows = session.execute(
        select(Position.code, Position.name)
        .where(Position.active, Position.duties != [positions.ADMIN])
        .order_by(Position.id)
    )
    found: list[Choice] = [
        {
            "value": code,
            "label": T(
                "%(position)s（现在：%(who)s）",
                position=Text(name),
                who="、".join(person.name for person, _ in held.get(code, ())) or "—",
            ),
        }
        for code, name in rows
    ]
    people = session.scalars(select(Staff).where(Staff.active).order_by(Staff.name_pinyin))
    return found + [{"value": one.key, "label": staff.called(one)} for one in people]


@prefill(BEGIN)
def begin_first(context: FormContext) -> Mapping[str, Any]:
    """NotAllowed, AlreadyDone: there is nothing to hand over."""
    case = cases.by_key(context.session, context.business_key)
    may_hand_over(context.session, context.actor, case)
    return {"case_no": case.no, "title": case.title}


@prefill(ACCEPT)
@prefill(NAME)
def accept_first(context: FormContext) -> Mapping[str, Any]:
    """What the client wants, who received him or her, and what the first contact adds."""
    session, instance = context.session, context.instance_id or 0
    case = cases.by_key(session, context.business_key)
    return {
        "case_no": case.no,
        "title": case.title,
        "client": f"{case.applicant.shown_name} {case.applicant.shown_phone}".strip(),
        "matter": case.matter,
        "first_contact": case.first_contact.name,
        "note": (latest(session, instance, BEGIN) or {}).get("note"),
        "declined": (latest(session, instance, ACCEPT) or {}).get("why"),
    }


# --- actions, in the order of the diagram ----------------------------------------------------------------


@action("begin_handover", outputs={"case_id": "number", "handover_id": "number", "receiver": "string"})
def begin_handover(context: ActionContext) -> Mapping[str, Json]:
    """As ``may_hand_over``. Refused: to oneself, or to somebody who does not work with cases."""
    session = context.session
    case = cases.by_key(session, context.business_key)
    may_hand_over(session, context.actor, case)
    receiver = _receiver(context, context.submission["to"])
    row = Handover(
        case_id=case.id,
        instance_id=context.instance_id,
        from_id=case.first_contact_id,
        receiver=receiver,
        begun_at=context.moment,
    )
    session.add(row)
    session.flush()
    _ask(context, case, receiver)
    return {"case_id": case.id, "handover_id": row.id, "receiver": receiver}


@action("pass_to_deputy", inputs={"handover_id": "number"}, outputs={"receiver": "string"})
def pass_to_deputy(context: ActionContext, handover_id: int) -> Mapping[str, Json]:
    """Not accepted in time: it stays with the receiver's B, without one with the head (decision 35)."""
    session = context.session
    row = session.get_one(Handover, handover_id)
    case = session.get_one(Case, row.case_id)
    words: dict[str, object] = {
        "title": case.title,
        "who": called(session, [row.receiver])[row.receiver],
    }
    row.receiver = _deputy(session, row, context.moment)
    row.state, row.passed_at = PASSED, context.moment
    session.flush()
    words["next"] = called(session, [row.receiver])[row.receiver]
    sentence = T("%(who)s 未按时接收“%(title)s”的首问转交，已转由 %(next)s 接收。", **words)
    alert_overseer(context, case, sentence)
    _tell(context, case, case.first_contact, sentence, later=True)
    _ask(context, case, row.receiver, later=True)
    context.note(receiver=row.receiver)
    return {"receiver": row.receiver}


@action("record_acceptance", inputs={"handover_id": "number"})
def record_acceptance(context: ActionContext, handover_id: int) -> None:
    """From here on the receiver answers to the client; the first contact hears it."""
    row = context.session.get_one(Handover, handover_id)
    case = context.session.get_one(Case, row.case_id)
    row.state, row.accepted_at = ACCEPTED, context.moment
    row.accepted_by, row.accepted_for = context.actor.key, context.on_behalf_of
    context.session.flush()
    sentence = T("%(who)s 已接收“%(title)s”的首问转交。", who=context.actor.name, title=case.title)
    _tell(context, case, case.first_contact, sentence)


@action(
    "record_decline",
    inputs={"handover_id": "number"},
    outputs={"namer": "string", "concerned": "string"},
)
def record_decline(context: ActionContext, handover_id: int) -> Mapping[str, Json]:
    """Not one's own matter: the head names the handler; the first contact is responsible meanwhile."""
    session = context.session
    row = session.get_one(Handover, handover_id)
    case = session.get_one(Case, row.case_id)
    row.state = DECLINED
    session.flush()
    above = owners.overseer(session, case, context.moment, besides=[context.actor.key])
    words = {"who": context.actor.name, "title": case.title, "why": context.submission["why"]}
    sentence = T("%(who)s 没有接收“%(title)s”的首问转交：%(why)s", **words)
    for person in {case.first_contact, *above.people}:
        _tell(context, case, person, sentence)
    return {"namer": above.candidate, "concerned": above.excluded}


@action("name_receiver", inputs={"handover_id": "number"}, outputs={"receiver": "string"})
def name_receiver(context: ActionContext, handover_id: int) -> Mapping[str, Json]:
    """The head has named somebody. Refused as in ``begin_handover``."""
    row = context.session.get_one(Handover, handover_id)
    case = context.session.get_one(Case, row.case_id)
    row.receiver, row.state = _receiver(context, context.submission["to"]), WAITING
    context.session.flush()
    _ask(context, case, row.receiver)
    return {"receiver": row.receiver}


def _receiver(context: ActionContext, code: str) -> str:
    """Somebody else who works with cases. Refused."""
    session, moment = context.session, context.moment
    asked = [person for person, _ in positions.holders_of(session, code, moment)]
    if not any(can(staff.actor(session, person, moment), "see_cases") for person in asked):
        raise Refused(T("请选择能办理办件的岗位或同事。"), field="to")
    if all(person.key == context.actor.key for person in asked):
        raise Refused(T("这项工作现在就由您承担，不必转交；请选择别的岗位或同事。"), field="to")
    return code


def _deputy(session: Session, row: Handover, moment: datetime) -> str:
    """The first B of whoever was asked, who neither was asked nor hands it over; else the head's duty."""
    asked = positions.holders_of(session, row.receiver, moment)
    known = {person.id for person, _ in asked} | {row.from_id}
    for holder, absent in asked:
        for person in positions.deputies(session, absent or holder, moment):
            if person.id not in known:
                return person.key
    return HEAD


def _ask(context: ActionContext, case: Case, receiver: str, *, later: bool = False) -> None:
    sentence = T("%(who)s 把“%(title)s”转交给您，请接收。", who=case.first_contact.name, title=case.title)
    for person, _ in positions.holders_of(context.session, receiver, context.moment):
        _tell(context, case, person, sentence, later=later)


def _tell(context: ActionContext, case: Case, person: Staff, sentence: Text, *, later: bool = False) -> None:
    """``later``: what a timer says waits for working hours."""
    notices.tell(
        context.session,
        person,
        sentence,
        f"/cases/{case.id}",
        moment=context.moment,
        kind="handover",
        in_working_hours=later,
    )
