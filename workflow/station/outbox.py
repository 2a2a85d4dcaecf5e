"""Messages to clients on their way out; without a channel, a call that somebody makes (decision 33)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import ForeignKey, Index, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, NotFound, Refused
from workflow.schema import Base
from workflow.station import permissions
from workflow.station.persons import Person
from workflow.texts import T, Text

PHONE, SMS, EMAIL = "phone", "sms", "email"
WAITING, CALL_LIST, SENT, FAILED, DROPPED = "waiting", "call_list", "sent", "failed", "dropped"
STATES = {
    WAITING: T("待发送"),
    CALL_LIST: T("待电话告知"),
    SENT: T("已告知"),
    FAILED: T("未送达"),
    DROPPED: T("不再告知"),
}


class Outbox(Base):
    """One message to one client, in the words that are or were sent. ``case_id`` ties it to its case."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index(
            "ix_outbox_open",
            "state",
            "created_at",
            postgresql_where=text("state IN ('waiting', 'call_list')"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    case_id: Mapped[int | None] = mapped_column(index=True)
    subject: Mapped[str] = mapped_column(
        default="", server_default=""
    )  # as of a contact: 'late', 'extension'
    text: Mapped[str]
    state: Mapped[str]
    created_at: Mapped[datetime]
    actor: Mapped[str | None]  # who made the call
    on_behalf_of: Mapped[str | None]
    tried_at: Mapped[datetime | None]  # the last call that reached nobody
    closed_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(default="")


def queue_message(
    session: Session,
    person: Person,
    sentence: Text,
    *,
    moment: datetime,
    case_id: int | None = None,
    subject: str = "",
    channels: Collection[str] = (),
) -> Outbox | None:
    """Queue a message over the first channel the installation has, else put it on the call list. Flushes.

    None when the client left no phone: he or she is told at the window or by letter.
    """
    if person.phone_enc is None:
        return None
    channel = SMS if SMS in channels else PHONE
    row = Outbox(
        channel=channel,
        person_id=person.id,
        case_id=case_id,
        subject=subject,
        text=sentence.say(),
        state=CALL_LIST if channel == PHONE else WAITING,
        created_at=moment,
    )
    session.add(row)
    session.flush()
    return row


def call_list(session: Session, actor: Actor, *, limit: int = 100) -> list[Outbox]:
    """The calls still to be made, oldest first; those tried before come after those never tried."""
    return list(
        session.scalars(
            select(Outbox)
            .where(permissions.visible(actor, Outbox), Outbox.state == CALL_LIST)
            .order_by(Outbox.tried_at.asc().nulls_first(), Outbox.created_at, Outbox.id)
            .limit(limit)
        )
    )


def count_calls(session: Session, actor: Actor) -> int:
    """How many calls wait."""
    waiting = select(func.count(Outbox.id)).where(
        permissions.visible(actor, Outbox), Outbox.state == CALL_LIST
    )
    return session.scalar(waiting) or 0


def find(session: Session, actor: Actor, row_id: int) -> Outbox:
    """A message this person may see, held until the transaction ends. NotFound."""
    wanted = select(Outbox).where(Outbox.id == row_id, permissions.visible(actor, Outbox))
    row = session.scalars(wanted.with_for_update().execution_options(populate_existing=True)).first()
    if row is None:
        raise NotFound
    return row


def log_call(
    session: Session,
    actor: Actor,
    row: Outbox,
    *,
    reached: bool,
    outcome: str,
    moment: datetime,
    on_behalf_of: str | None = None,
) -> None:
    """Note a call: one that reached nobody stays on the list. Flushes. Refused: no outcome. AlreadyDone.

    Pages call ``contacts.log_call``, which also lets what waits for a contact go on.
    """
    if row.state != CALL_LIST:
        raise AlreadyDone(T("这条告知已经处理。"), state=row.state)
    if not outcome.strip():
        raise Refused(T("请填写通话结果。"), field="outcome")
    row.actor, row.on_behalf_of, row.outcome = actor.key, on_behalf_of, outcome.strip()
    if reached:
        row.state, row.closed_at = SENT, moment
    else:
        row.tried_at = moment
    session.flush()


def settle(session: Session, case_id: int, subject: str, *, by: Actor, moment: datetime) -> None:
    """What waits on the call list about this was said by somebody: it need not be said again. Flushes."""
    session.execute(
        update(Outbox)
        .where(Outbox.case_id == case_id, Outbox.subject == subject, Outbox.state == CALL_LIST)
        .values(state=SENT, actor=by.key, closed_at=moment)
    )


def drop(session: Session, case_id: int, *, by: Actor, moment: datetime) -> None:
    """What waits to be told about a case that ended early need not be told any more. Flushes."""
    session.execute(
        update(Outbox)
        .where(Outbox.case_id == case_id, Outbox.state.in_((WAITING, CALL_LIST)))
        .values(state=DROPPED, actor=by.key, closed_at=moment)
    )
