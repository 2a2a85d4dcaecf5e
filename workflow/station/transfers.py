"""Formal transfers (转办, P05, R2.2.4b): a matter outside the station's duties goes to the body that has it.

With a numbered slip, the client's consent and the body's receipt; the answer is tracked until it is there and
told. One row for each slip; a slip that came back is followed by another. Words of the diagram are in
``transfer_steps``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, NotAllowed
from workflow.schema import Base
from workflow.station import cases, documents, owners
from workflow.station.cases import Case
from workflow.station.handovers import responsible
from workflow.station.permissions import visible
from workflow.texts import T

PROCESS = "transfer"
PREPARED, SENT, RECEIVED, RETURNED, ANSWERED = "prepared", "sent", "received", "returned", "answered"
STATES = {
    PREPARED: T("待送出"),
    SENT: T("待对方确认"),
    RECEIVED: T("对方已接收，跟踪中"),
    RETURNED: T("对方已退回"),
    ANSWERED: T("对方已答复"),
}
CHANNELS = {
    "person": T("专人送达"),
    "mail": T("邮寄"),
    "network": T("政务网络"),
    "fax": T("传真"),
}


class Transfer(Base):
    """One slip to one body, with name and phone as they stood on it. ``received_by``: a desk, no person."""

    __tablename__ = "transfer"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), index=True)
    body_id: Mapped[int] = mapped_column(ForeignKey("outside_body.id"))
    body_name: Mapped[str]
    body_phone: Mapped[str]
    document_id: Mapped[int] = mapped_column(ForeignKey("document.id"))
    no: Mapped[str] = mapped_column(unique=True)
    consent: Mapped[str]  # how the client agreed: a key of cases.CONFIRMATIONS
    reply_by: Mapped[date]
    made_at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    channel: Mapped[str | None]
    sent_at: Mapped[datetime | None]
    received_at: Mapped[datetime | None]
    received_by: Mapped[str | None]
    returned_at: Mapped[datetime | None]
    return_reason: Mapped[str | None]
    answered_at: Mapped[datetime | None]
    answer: Mapped[str | None]

    case: Mapped[Case] = relationship()

    @property
    def state(self) -> str:
        moments = {
            ANSWERED: self.answered_at,
            RETURNED: self.returned_at,
            RECEIVED: self.received_at,
            SENT: self.sent_at,
        }
        return next((state for state, at in moments.items() if at is not None), PREPARED)

    @property
    def open(self) -> bool:
        return self.state not in (RETURNED, ANSWERED)


@documents.paper(
    "transfer_slip",
    prefix="ZB",
    name=T("转办单"),
    mandatory=(
        *("applicant", "contact", "case_no", "body", "body_phone", "matter", "why", "materials", "reply_by"),
        *("consent", "handler"),
    ),
    personal=("applicant", "contact"),
)
def _slip_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = ("applicant", "contact", "enterprise", "case_no", "item", "body", "body_phone", "body_address")
    words = ("matter", "why", "materials", "consent", "handler")
    return {name: str(facts.get(name) or "") for name in (*names, *words)} | {
        "reply_words": documents.day_words(date.fromisoformat(facts["reply_by"])),
    }


def may_transfer(session: Session, actor: Actor, case: Case) -> None:
    """NotAllowed: no work on the case and not its first contact; an accepted one without leading.

    AlreadyDone: the case has ended, or a slip is under way.
    """
    if case.ended:
        raise AlreadyDone(
            T("这件办件已经结束：%(state)s。", state=cases.STATES[case.state]), state=case.state
        )
    if responsible(session, case) not in actor.selves and owners.post_of(session, actor, case) is None:
        raise NotAllowed(T("只有首问人、办理人员或站长可以转办。"))
    if case.accepted_at is not None and "lead" not in actor.may:
        raise NotAllowed(T("已受理的办件须由站长决定转办。"))
    if any(one.open for one in of(session, case)):
        raise AlreadyDone(T("这件办件正在转办。"), state=SENT)


def of(session: Session, case: Case) -> list[Transfer]:
    """All slips of a case, the newest first."""
    found = select(Transfer).where(Transfer.case_id == case.id).order_by(Transfer.id.desc())
    return list(session.scalars(found))


def of_instance(session: Session, instance_id: int) -> Transfer | None:
    """The last slip of a run of the diagram."""
    found = select(Transfer).where(Transfer.instance_id == instance_id).order_by(Transfer.id.desc())
    return session.scalars(found.limit(1)).first()


def register(session: Session, actor: Actor, q: str = "", *, limit: int = 200) -> list[Transfer]:
    """转办台账: all slips, the newest first; found by number, body, case or matter."""
    found = select(Transfer).join(Case, Case.id == Transfer.case_id)
    found = found.where(visible(actor, Transfer)).order_by(Transfer.id.desc()).limit(limit)
    if q:
        columns = (Transfer.no, Transfer.body_name, Case.no, Case.matter)
        found = found.where(or_(*(column.icontains(q, autoescape=True) for column in columns)))
    return list(session.scalars(found))
