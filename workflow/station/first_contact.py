"""First contact (首问负责, R2.2.0–R2.2.1): who received a client stays responsible until somebody takes over.

Chosen at registration; afterwards only who leads names another, with a reason that is kept. Nothing here
commits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine import instances
from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.schema import Base
from workflow.station import cases, notices, staff
from workflow.station.cases import Case
from workflow.station.permissions import can
from workflow.station.positions import HEAD, SUPERIOR
from workflow.station.staff import Staff
from workflow.station.written import refuse_invisible
from workflow.texts import T

LONGEST = 400


class FirstContactChange(Base):
    """One change of a case's first contact; lines are only added."""

    __tablename__ = "first_contact_change"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    from_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    to_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    reason: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]


def may_change(by: Actor, case: Case) -> bool:
    return not case.ended and can(by, "change_first_contact", case)


def change(
    session: Session, case: Case, *, to: Staff | None, reason: str, by: Actor, moment: datetime
) -> FirstContactChange:
    """Name another first contact; the old and the new one are told (decision 28). Flushes.

    NotAllowed; AlreadyDone: the case has ended, or this person is it already. Refused: nobody who works with
    cases, no reason.
    """
    instances.lock_case(session.connection(), case.key)
    session.refresh(case)
    if not can(by, "change_first_contact", case):
        raise NotAllowed(T("登记后只有站长可以更换首问人。"))
    if case.ended:
        raise AlreadyDone(
            T("这件办件已经结束：%(state)s。", state=cases.STATES[case.state]), state=case.state
        )
    if to is None or not can(staff.actor(session, to, moment), "see_cases"):
        raise Refused(T("请选择新的首问人。"), field="to")
    old = session.get_one(Staff, case.first_contact_id)
    if to == old:
        raise AlreadyDone(T("%(name)s 已经是这件办件的首问人。", name=to.name), state=case.state)
    reason = " ".join(reason.split())
    if not 2 <= len(reason) <= LONGEST:
        raise Refused(T("请写明原因，最多 %(count)s 个字。", count=LONGEST), field="reason")
    refuse_invisible(reason, field="reason")
    line = FirstContactChange(
        case_id=case.id,
        from_id=old.id,
        to_id=to.id,
        reason=reason,
        at=moment,
        actor=by.key,
        on_behalf_of=by.offers.get(HEAD) or by.offers.get(SUPERIOR),
    )
    session.add(line)
    case.first_contact_id = to.id
    session.flush()
    session.refresh(case)
    words = {"no": case.no or "", "title": case.title, "who": by.name, "reason": reason}
    told = (
        (old, T("%(no)s %(title)s 的首问人由 %(who)s 改为 %(new)s：%(reason)s", new=to.name, **words)),
        (to, T("%(who)s 指定您为 %(no)s %(title)s 的首问人：%(reason)s", **words)),
    )
    for person, sentence in told:
        notices.tell(session, person, sentence, f"/cases/{case.id}", moment=moment)
    return line


def changes(session: Session, case: Case) -> list[FirstContactChange]:
    """All changes of a case, the newest first."""
    found = select(FirstContactChange).where(FirstContactChange.case_id == case.id)
    return list(session.scalars(found.order_by(FirstContactChange.id.desc())))
