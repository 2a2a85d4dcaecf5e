"""Cases (办件): a client's matter from the first word to its end.

A case has three dates (decisions 2): ``receipt_due_at`` is printed on the receipt and never moves by itself;
``deadline_at`` lives on the case's clock ``item`` and moves with it; ``planned_on`` is the clerk's promise.
"""

from __future__ import annotations

import secrets
from datetime import date, datetime

from sqlalchemy import Computed, Date, ForeignKey, Index, UniqueConstraint, false, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import NotFound
from workflow.schema import Base
from workflow.station.enterprises import Enterprise
from workflow.station.items import ItemVersion
from workflow.station.permissions import visible
from workflow.station.persons import Person
from workflow.station.staff import Staff
from workflow.texts import T

REGISTERED, CHECKING, WAITING, HANDLING, CLOSED = "registered", "checking", "waiting", "handling", "closed"
WITHDRAWN, VOIDED, MERGED = "withdrawn", "voided", "merged"  # ended without being completed (R3.6)
DECLINED, TERMINATED = "declined", "terminated"  # so too: not taken on (R2.2.2a); never mended (R2.3.2c)
TRANSFERRED = "transferred"  # another body has it (R2.2.4b)
STATES = {
    REGISTERED: T("待判类"),
    CHECKING: T("审核材料"),
    WAITING: T("等待补齐材料"),
    HANDLING: T("办理中"),
    CLOSED: T("已办结"),
    WITHDRAWN: T("已撤件"),
    VOIDED: T("已作废"),
    MERGED: T("已并入"),
    DECLINED: T("不予受理"),
    TERMINATED: T("已终止办理"),
    TRANSFERRED: T("已转办"),
}
ENDED = (CLOSED, WITHDRAWN, VOIDED, MERGED, DECLINED, TERMINATED, TRANSFERRED)
CLOSED_MESSAGE = "case_closed"  # diagrams of what runs beside a case may wait for it
CHANNELS = {
    "visit": T("来访"),
    "phone": T("来电"),
    "web": T("网上"),
    "letter": T("信函"),
    "transfer": T("其他单位转来"),
}
RESULTS = {"completed": T("已办成"), "answered": T("已解答"), "unresolved": T("未能解决")}
PICKUPS = {
    "none": T("无需取件"),
    "window": T("窗口自取"),
    "mail": T("邮寄"),
    "electronic": T("电子送达"),
}
FORMS_OF_MATERIAL = {"original": "原件", "copy": "复印件", "electronic": "电子"}
AT_WINDOW = "window"
AWAITING, COLLECTED = "awaiting", "collected"
COLLECTIONS = {AWAITING: T("待取件"), COLLECTED: T("已取件")}


CONFIRMATIONS = {
    "in_person": T("本人到场"),
    "phone": T("电话确认"),
    "written": T("书面申请"),
}


class Case(Base):
    """One case. ``key`` ('case:7') ties it to instances, clocks and documents; ``no`` comes with the item."""

    __tablename__ = "case"
    __table_args__ = (Index(None, "enterprise_id"), Index(None, "state", "received_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Computed("'case:' || id", persisted=True), unique=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), unique=True)
    no: Mapped[str | None] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default=REGISTERED)
    channel: Mapped[str]
    matter: Mapped[str]
    applicant_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"))
    first_contact_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    lead_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))  # 牵头人 of several bodies (R2.3.4b)
    registered_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    item_version_id: Mapped[int | None] = mapped_column(ForeignKey("item_version.id"))
    handler_position: Mapped[str | None]
    received_at: Mapped[datetime]
    classified_at: Mapped[datetime | None]
    check_started_at: Mapped[datetime | None]  # the latest check of the materials (R2.3.2a): form opened
    checked_at: Mapped[datetime | None]  # and concluded
    check_minutes: Mapped[int | None]  # what it took, begun minutes count
    taken_back: Mapped[str | None]  # why it was not concluded on the spot (R2.3.2a2)
    answer_by: Mapped[datetime | None]  # and when the client was promised an answer
    declined_on: Mapped[str | None]  # the listed ground on which it was not accepted (R2.4.1b)
    more_time_at: Mapped[datetime | None]  # when the client was granted more time to mend, once (R2.3.2c)
    deemed: Mapped[bool] = mapped_column(default=False, server_default=false())  # silence accepted it
    accepted_at: Mapped[datetime | None]
    accepted_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    receipt_due_at: Mapped[datetime | None]
    planned_on: Mapped[date | None] = mapped_column(Date)
    solution: Mapped[str | None]
    acted_at: Mapped[datetime | None]  # the first act of handling after the receipt (R2.4.2b)
    late_at: Mapped[datetime | None]
    late_code: Mapped[str | None]  # why it is late, from the owner (R2.4.3a); the list: supervision.py
    late_words: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    result: Mapped[str | None]
    summary: Mapped[str | None]
    pickup: Mapped[str | None]
    pickup_code: Mapped[str]
    end_reason: Mapped[str | None]  # why it ended without being completed, in words
    end_confirmed: Mapped[str | None]  # how the client confirmed the withdrawal: a key of CONFIRMATIONS
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)  # R1.2.2a2
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"), unique=True)  # it began as (R1.1b)
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # 受托人: who came for the client
    agent_relation: Mapped[str | None]
    agent_authorised: Mapped[bool | None]  # was the paper of authorisation shown?
    collection: Mapped[str | None]  # of a result to be collected at the window: a key of COLLECTIONS
    collected_at: Mapped[datetime | None]
    collector_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))  # 代领; empty: the client
    collection_check: Mapped[str | None]  # a key of collection.CHECKS

    applicant: Mapped[Person] = relationship(foreign_keys=[applicant_id])
    agent: Mapped[Person | None] = relationship(foreign_keys=[agent_id])
    collector: Mapped[Person | None] = relationship(foreign_keys=[collector_id])
    enterprise: Mapped[Enterprise | None] = relationship()
    item: Mapped[ItemVersion | None] = relationship()
    first_contact: Mapped[Staff] = relationship(foreign_keys=[first_contact_id])
    lead: Mapped[Staff | None] = relationship(foreign_keys=[lead_id])
    materials: Mapped[list[CaseMaterial]] = relationship(order_by="CaseMaterial.seq")

    @property
    def ended(self) -> bool:
        return self.state in ENDED

    @property
    def title(self) -> str:
        """What people call it: the item's name, before that the beginning of the matter."""
        return self.item.item.name if self.item else self.matter[:24]


class CaseMaterial(Base):
    """A material of this case: the item's list is frozen into it when the case is numbered (R2.1b)."""

    __tablename__ = "case_material"
    __table_args__ = (UniqueConstraint("case_id", "seq"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    seq: Mapped[int]
    name: Mapped[str]
    required: Mapped[bool]
    asked_copies: Mapped[int]
    asked_original: Mapped[str]
    state: Mapped[str | None]
    pages: Mapped[int | None]
    copies: Mapped[int | None]
    original: Mapped[str | None]
    reason: Mapped[str | None]
    checked_at: Mapped[datetime | None]
    checked_by: Mapped[str | None]
    basis: Mapped[str | None]  # of a material outside the item's list, approved for this case (R2.4.3a2)
    asked_at: Mapped[datetime | None]  # and when
    noticed_at: Mapped[datetime | None]  # when a notice named it as a defect that is not mended yet (R2.3.2c)

    @property
    def unlisted(self) -> bool:
        return self.basis is not None


def pickup_code() -> str:
    """Eight random signs without look-alikes: with the number it opens the case to its client."""
    return "".join(secrets.choice("23456789ABCDEFGHJKMNPQRSTUVWXYZ") for _ in range(8))


def of_instance(session: Session, instance_id: int) -> Case:
    """The case an intake instance runs for, also from a side instance by its business key. NotFound."""
    case = session.scalars(select(Case).where(Case.instance_id == instance_id)).first()
    if case is None:
        raise NotFound
    return case


def by_key(session: Session, key: str | None) -> Case:
    """'case:7' -> the case. NotFound."""
    case = session.scalars(select(Case).where(Case.key == (key or ""))).first()
    if case is None:
        raise NotFound
    return case


def find(session: Session, actor: Actor, case_id: int) -> Case:
    """A case this person may see. NotFound."""
    case = session.scalars(select(Case).where(Case.id == case_id, visible(actor, Case))).first()
    if case is None:
        raise NotFound
    return case
