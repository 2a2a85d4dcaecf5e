"""The log of contacts (R1.2.2b, R2.1d): who told or heard what, with whom, over which channel, when.

Whoever reaches the client also begins the interval to the next notice of progress anew, and withdraws what
was to be told by hand: ``record`` and ``log_call`` do both, so that no caller can forget it.

A contact with an expert, an institution or another unit is kept in the same log; it tells the client nothing.

Lines are only added. ``at`` is when it happened, ``entered_at`` when it was written down. What reached
nobody is kept too, but does not count as contact. Message text and names of third people stay out.
"""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import SYSTEM, Actor
from workflow.engine.engine import Engine
from workflow.errors import Refused
from workflow.schema import Base
from workflow.station import clock_ledger, clocks, outbox
from workflow.station.cases import Case
from workflow.station.outbox import SENT, Outbox
from workflow.station.written import refuse_invisible
from workflow.texts import T

PROGRESS_CLOCK = "progress"
TOLD = "client_told"  # the message to the diagrams of a case; about one thing: 'client_told_late'

CHANNELS = {
    "phone": T("电话"),
    "sms": T("短信"),
    "wechat": T("微信"),
    "email": T("邮件"),
    "visit": T("当面"),
    "letter": T("信函"),
}
REACHED = "reached"
OUTCOMES = {
    REACHED: T("已告知"),
    "no_answer": T("未接通"),
    "refused": T("拒接"),
    "wrong_number": T("空号"),
}
CLIENT = "client"
PARTIES = {
    CLIENT: T("服务对象"),
    "expert": T("专家"),
    "institution": T("机构"),
    "unit": T("其他单位"),
}
LONGEST_UNIT = 80


class Contact(Base):
    """One contact about a case. ``subject``: why, e.g. 'progress', 'extension', 'late'; '' for others.

    ``unit``: the outside body of ``party``; empty for the client.
    """

    __tablename__ = "contact"
    __table_args__ = (
        CheckConstraint("at <= entered_at", name="order"),
        Index(None, "case_id", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    subject: Mapped[str] = mapped_column(default="")
    channel: Mapped[str]
    party: Mapped[str] = mapped_column(default=CLIENT, server_default=CLIENT)
    unit: Mapped[str] = mapped_column(default="", server_default="")
    outcome: Mapped[str]
    content: Mapped[str]
    at: Mapped[datetime]
    entered_at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]


def record(
    session: Session,
    case: Case,
    *,
    engine: Engine,
    channel: str,
    outcome: str,
    content: str,
    at: datetime,
    moment: datetime,
    actor: str,
    on_behalf_of: str | None = None,
    subject: str = "",
    party: str = CLIENT,
    unit: str = "",
) -> Contact:
    """Write a contact down; one that reached the client lets what waits for it go on. Flushes.

    Refused: unknown party, channel or outcome; no name of the outside body; no words; not yet happened.
    """
    if party not in PARTIES:
        raise Refused(T("请选择联系对象。"), field="party")
    unit = " ".join(unit.split()) if party != CLIENT else ""
    if party != CLIENT and not 1 < len(unit) <= LONGEST_UNIT:
        raise Refused(T("请写明对方单位，2 至 %(count)s 个字。", count=LONGEST_UNIT), field="unit")
    refuse_invisible(unit, field="unit")
    refuse_unfit(CHANNELS, channel, outcome, content, at, moment)
    contact = Contact(
        case_id=case.id,
        subject=subject,
        channel=channel,
        party=party,
        unit=unit,
        outcome=outcome,
        content=content.strip(),
        at=at,
        entered_at=moment,
        actor=actor,
        on_behalf_of=on_behalf_of,
    )
    session.add(contact)
    session.flush()
    if outcome == REACHED and party == CLIENT:
        _told(engine, case, at, moment, actor=actor, on_behalf_of=on_behalf_of, subject=subject)
    return contact


def refuse_unfit(
    channels: Container[str], channel: str, outcome: str, content: str, at: datetime, moment: datetime
) -> None:
    """What no contact may be. Refused: unknown channel or outcome, no words, not yet happened."""
    if channel not in channels:
        raise Refused(T("请选择联系方式。"), field="channel")
    if outcome not in OUTCOMES:
        raise Refused(T("请选择联系结果。"), field="outcome")
    if not content.strip():
        raise Refused(T("请写明联系内容。"), field="content")
    if at > moment:
        raise Refused(T("联系时间不能晚于现在。"), field="at")


def log_call(
    session: Session,
    actor: Actor,
    row: Outbox,
    *,
    engine: Engine,
    outcome: str,
    words: str = "",
    moment: datetime,
    on_behalf_of: str | None = None,
) -> None:
    """Note a call from the call list, in the log of its case too. Flushes.

    ``words`` may add to the outcome; without them what was to be said stands in the log.
    Refused: unknown outcome. AlreadyDone.
    """
    if outcome not in OUTCOMES:
        raise Refused(T("请选择联系结果。"), field="outcome")
    words = " ".join(words.split())
    reached = outcome == REACHED
    said = words or OUTCOMES[outcome].say()
    outbox.log_call(
        session, actor, row, reached=reached, outcome=said, moment=moment, on_behalf_of=on_behalf_of
    )
    if row.case_id is not None:
        record(
            session,
            session.get_one(Case, row.case_id),
            engine=engine,
            channel="phone",
            outcome=outcome,
            content=words or row.text,
            at=moment,
            moment=moment,
            actor=actor.key,
            on_behalf_of=on_behalf_of,
            subject=row.subject,
        )


def _told(
    engine: Engine,
    case: Case,
    at: datetime,
    moment: datetime,
    *,
    actor: str,
    on_behalf_of: str | None,
    subject: str,
) -> None:
    """The client knows more: somebody has acted, the interval begins anew, tasks to tell are withdrawn."""
    session = engine.session
    if case.acted_at is None and case.accepted_at is not None:
        case.acted_at = at
        session.flush()
        engine.clock_moved(case.key, "item")
    clock = clocks.of(session, case.key, PROGRESS_CLOCK)
    if clock is not None and clock.state != clock_ledger.FINISHED and at >= clock.started_at:
        clocks.restart(session, clock, at, moment, actor=actor, on_behalf_of=on_behalf_of)
        engine.clock_moved(case.key, PROGRESS_CLOCK)
    engine.announce(case.key, TOLD, by=SYSTEM)
    if subject:
        engine.announce(case.key, f"{TOLD}_{subject}", by=SYSTEM)


def of(session: Session, case: Case) -> list[Contact]:
    """All contacts of a case, newest first."""
    return list(
        session.scalars(
            select(Contact).where(Contact.case_id == case.id).order_by(Contact.at.desc(), Contact.id.desc())
        )
    )


def last_contact(session: Session, case: Case, *, subject: str | None = None) -> datetime | None:
    """When the client was last reached: by a person, or by a message that was sent (decision 33).

    ``subject`` asks only for contacts about one thing.
    """
    spoken = select(func.max(Contact.at)).where(
        Contact.case_id == case.id, Contact.outcome == REACHED, Contact.party == CLIENT
    )
    written = select(func.max(Outbox.closed_at)).where(Outbox.case_id == case.id, Outbox.state == SENT)
    if subject is not None:
        spoken = spoken.where(Contact.subject == subject)
        written = written.where(Outbox.subject == subject)
    moments = [found for found in (session.scalar(spoken), session.scalar(written)) if found is not None]
    return max(moments, default=None)
