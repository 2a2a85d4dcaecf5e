"""Complaints (投诉, R4): what was complained of, by whom, and how it was answered.

A complaint is no case: it has its own number (TS), its own page and its own secrecy. Whoever it is about
finds it nowhere (``permissions``); who complains is sealed in the row, and stands in no list of clients.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Computed,
    Date,
    ForeignKey,
    Index,
    UniqueConstraint,
    select,
)
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import NotFound, Refused
from workflow.schema import Base
from workflow.station import access_log, keys, matters
from workflow.station.cases import Case
from workflow.station.matters import Matter
from workflow.station.permissions import LEAD, not_about, visible
from workflow.station.staff import Staff
from workflow.texts import T, Text

PROCESS = "complaint"
COMPLAINANT = "complaint.complainant"  # what the seal is for

REGISTERED, ACCEPTED, HANDLING, ANSWERED = "registered", "accepted", "handling", "answered"
CLOSED, REFERRED, SETTLED = "closed", "referred", "settled"
STATES = {
    REGISTERED: T("待评审"),
    ACCEPTED: T("待指派"),
    HANDLING: T("调查处理中"),
    ANSWERED: T("已反馈"),
    CLOSED: T("已办结"),
    REFERRED: T("已移送"),
    SETTLED: T("已当场解决"),
}
ENDED = (CLOSED, REFERRED, SETTLED)
CHANNELS = {
    "visit": T("来访"),
    "phone": T("来电"),
    "web": T("网上"),
    "letter": T("信函"),
    "box": T("意见箱"),
    "hotline": T("12345 转来"),
}
REPORT, DISPUTE = "report", "dispute"
KINDS = {
    "service": T("服务投诉"),
    "quality": T("产品质量"),
    REPORT: T("举报"),
    DISPUTE: T("纠纷"),
}
ABOUT = {"product": T("产品"), "service": T("服务"), "process": T("流程")}
REMEDIES = {
    "redo": T("重新办理"),
    "correct": T("纠正"),
    "explain": T("解释说明"),
    "apologise": T("致歉"),
    "refund": T("退费"),
    "improve": T("改进"),
    "none": T("不予支持"),
}
CAUSES = {
    "attitude": T("服务态度"),
    "delay": T("办理拖延"),
    "error": T("业务差错"),
    "telling": T("告知不清"),
    "rule": T("制度流程"),
    "other": T("其他"),
    "unfounded": T("不属实"),
}
NOBODY = "nobody"
NOBODY_WORDS = T("无责任人／制度原因")
COMPLAINANT_SIDE, OTHER_SIDE = "complainant", "other"


class Complaint(Base):
    """One complaint. ``key`` ('complaint:3') ties it to instances, clock and papers.

    ``round``: 1, and one more for each internal review; ``responsible``: a person's key, or NOBODY.
    """

    __tablename__ = "complaint"
    __table_args__ = (
        CheckConstraint("NOT anonymous OR complainant_enc IS NULL", name="anonymous"),
        Index(None, "state", "received_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Computed("'complaint:' || id", persisted=True), unique=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), unique=True)
    no: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default=REGISTERED)
    kind: Mapped[str]
    channel: Mapped[str]
    anonymous: Mapped[bool]
    complainant_enc: Mapped[bytes | None]  # name and phone, sealed with the installation's key (R2.2.5)
    code: Mapped[str]  # with the number it opens the complaint to whoever made it
    matter: Mapped[str]
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    asked_interval: Mapped[int | None]  # working days between notices of progress, as the complainant wishes
    interval_days: Mapped[int | None]  # and as the table has it
    safety: Mapped[bool]
    registered_by_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    received_at: Mapped[datetime]
    severity: Mapped[str | None]
    complexity: Mapped[str | None]
    accepted_at: Mapped[datetime | None]
    handler_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    round: Mapped[int] = mapped_column(default=1)
    facts: Mapped[str | None]
    evidence: Mapped[str | None]
    finding: Mapped[str | None]
    responsible: Mapped[str | None]
    cause: Mapped[str | None]
    improvement: Mapped[str | None]
    improver_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    improved: Mapped[str | None]
    effective: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    decided_for: Mapped[str | None]
    told_at: Mapped[datetime | None]
    satisfied: Mapped[str | None]
    review_reason: Mapped[str | None]
    agreement: Mapped[str | None]
    fulfil_on: Mapped[date | None] = mapped_column(Date)
    fulfilled: Mapped[str | None]
    referred_to: Mapped[str | None]
    words: Mapped[str | None]  # how it was settled or referred, which other remedies were told
    late_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]

    case: Mapped[Case | None] = relationship()
    handler: Mapped[Staff | None] = relationship(foreign_keys=[handler_id])
    registered_by: Mapped[Staff] = relationship(foreign_keys=[registered_by_id])
    demands: Mapped[list[Demand]] = relationship(
        order_by="Demand.seq", primaryjoin="Complaint.key == foreign(Demand.owner)"
    )
    statements: Mapped[list[Statement]] = relationship(
        order_by="Statement.id", primaryjoin="Complaint.key == foreign(Statement.owner)"
    )

    @property
    def ended(self) -> bool:
        return self.state in ENDED


class Demand(Base):
    """One thing the complainant wants, and its answer: each gets its own (R4.4c2)."""

    __tablename__ = "complaint_demand"
    __table_args__ = (UniqueConstraint("owner", "seq"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str]
    seq: Mapped[int]
    demand: Mapped[str]
    about: Mapped[str]
    answer: Mapped[str | None]
    remedy: Mapped[str | None]


class Statement(Base):
    """What one side said, in which round; only added (R4.2: both sides are heard)."""

    __tablename__ = "complaint_statement"

    id: Mapped[int] = mapped_column(primary_key=True)
    owner: Mapped[str] = mapped_column(index=True)
    round: Mapped[int]
    side: Mapped[str]
    staff_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    how: Mapped[str]
    words: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]


@dataclass(frozen=True)
class Complainant:
    """Who complains, opened for somebody who may see it; both empty for an anonymous complaint."""

    name: str
    phone: str


# --- asking ----------------------------------------------------------------------------------------------


def by_key(session: Session, key: str | None) -> Complaint:
    """'complaint:3' -> the complaint. NotFound."""
    found = session.scalars(select(Complaint).where(Complaint.key == (key or ""))).first()
    if found is None:
        raise NotFound
    return found


def find(session: Session, actor: Actor, complaint_id: int) -> Complaint:
    """One that this person may see. NotFound."""
    seen = select(Complaint).where(Complaint.id == complaint_id, visible(actor, Complaint))
    found = session.scalars(seen).first()
    if found is None:
        raise NotFound
    return found


def browse(
    session: Session, actor: Actor, *, q: str = "", ended: bool = False, limit: int = 200
) -> Sequence[Complaint]:
    """Open ones, with ``ended`` the others too, the newest first; by number or words of the matter."""
    found = select(Complaint).where(visible(actor, Complaint)).order_by(Complaint.id.desc()).limit(limit)
    if q:
        found = found.where(
            Complaint.no.icontains(q, autoescape=True) | Complaint.matter.icontains(q, autoescape=True)
        )
    elif not ended:
        found = found.where(Complaint.state.not_in(ENDED))
    return session.scalars(found).all()


def track(session: Session, no: str, code: str) -> Complaint:
    """What whoever made it sees by number and code (R4.3b). NotFound, the same for either being wrong."""
    found = session.scalars(select(Complaint).where(Complaint.no == no, Complaint.code == code)).first()
    if found is None:
        raise NotFound
    return found


# --- who complains ---------------------------------------------------------------------------------------


def seal(name: str, phone: str) -> bytes:
    return keys.seal(json.dumps({"name": name, "phone": phone}, ensure_ascii=False), COMPLAINANT)


def complainant(complaint: Complaint) -> Complainant:
    if complaint.complainant_enc is None:
        return Complainant("", "")
    opened = json.loads(keys.unseal(complaint.complainant_enc, COMPLAINANT))
    return Complainant(opened["name"], opened["phone"])


def shown_complainant(complaint: Complaint, actor: Actor) -> str | Text:
    """'王小明 *******5678'; of a report only to its handler and to who decides."""
    if complaint.anonymous:
        return T("匿名")
    if not knows(complaint, actor):
        return T("已保密")
    who = complainant(complaint)
    return f"{who.name} *******{who.phone[-4:]}"


def reveal(session: Session, actor: Actor, complaint: Complaint, *, purpose: str, moment: datetime) -> str:
    """The phone in the clear, for one look that is logged first. Flushes; commit before showing it.

    NotFound: not for this person. Refused: no purpose, or anonymous.
    """
    if not knows(complaint, actor):
        raise NotFound
    if complaint.anonymous:
        raise Refused(T("没有留下联系电话。"))
    access_log.record(session, actor, object=complaint.key, field="phone", purpose=purpose, moment=moment)
    return complainant(complaint).phone


def knows(complaint: Complaint, actor: Actor) -> bool:
    """May this person know who complains? Of a report only its handler and who decides."""
    return (
        complaint.kind != REPORT
        or LEAD in actor.may
        or (complaint.handler_id is not None and f"staff:{complaint.handler_id}" in actor.selves)
    )


# --- in lists --------------------------------------------------------------------------------------------


@matters.kind(Complaint, Complaint.no, shown=lambda actor: not_about(actor, Complaint))
def _matter(complaint: Complaint) -> Matter:
    facts: list[tuple[Text, Any]] = [
        (T("类别"), KINDS[complaint.kind]),
        (T("渠道"), CHANNELS[complaint.channel]),
        (T("投诉事项"), complaint.matter),
        (T("状态"), STATES[complaint.state]),
    ]
    return Matter(
        key=complaint.key,
        no=complaint.no,
        title=T("投诉：%(kind)s", kind=KINDS[complaint.kind]),
        client=T("匿名") if complaint.anonymous else "",
        href=f"/complaints/{complaint.id}",
        page=T("投诉详情"),
        kind=T("投诉"),
        facts=facts,
    )
