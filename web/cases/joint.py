"""Several bodies on one case: what each is asked for and how that stands (R2.3.4b)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from web.deadlines import LATE, NONE, OK, SIGNS, SOON
from web.language import ZONE, say
from web.request import actor, db, moment
from workflow.engine.actors import Actor
from workflow.errors import YizhanError
from workflow.station import joint_handling
from workflow.station.cases import Case
from workflow.station.joint_handling import ANSWERED, OPEN, JointPart


@dataclass(frozen=True)
class Part:
    """One department. ``words``: its answer, or why the part was taken back."""

    id: int
    unit: str
    contact: str
    asked: str
    due_on: str
    looks_after: str
    state: str
    tone: str
    sign: str
    open: bool
    words: str
    ended_at: datetime | None


@dataclass(frozen=True)
class Joint:
    """``can_ask``, ``can_withdraw``: this person may."""

    lead: str
    parts: list[Part]
    open: int
    can_ask: bool
    can_withdraw: bool


def joint_of(case: Case) -> Joint:
    found = joint_handling.of_case(db(), case)
    return Joint(
        lead=case.lead.name if case.lead else "",
        parts=[_part(one) for one in found],
        open=sum(one.state == OPEN for one in found),
        can_ask=_may_ask(db(), actor(), case),
        can_withdraw=joint_handling.leads(actor(), case),
    )


def _part(part: JointPart) -> Part:
    tone = OK if part.state == ANSWERED else NONE
    if part.state == OPEN:
        tone = LATE if part.due_on < moment().astimezone(ZONE).date() else SOON
    return Part(
        id=part.id,
        unit=part.unit,
        contact=part.contact,
        asked=part.asked,
        due_on=part.due_on.isoformat(),
        looks_after=part.looks_after.name,
        state=say(joint_handling.STATES[part.state]),
        tone=tone,
        sign=SIGNS[tone],
        open=part.state == OPEN,
        words=part.words or "",
        ended_at=part.ended_at,
    )


def _may_ask(session: Session, by: Actor, case: Case) -> bool:
    try:
        joint_handling.may_ask(session, by, case)
    except YizhanError:
        return False
    return True
