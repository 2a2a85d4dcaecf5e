"""The answer library (答复库): approved answers by item or topic, each version with its basis.

Offered, never forced (decision 33). A version never changes: a better one replaces it, and one that holds no
more is withdrawn. Nothing here commits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Select, exists, or_, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.schema import Base
from workflow.station.items import ServiceItem
from workflow.station.permissions import can, visible
from workflow.texts import T


class Answer(Base):
    """One version of an approved answer. ``replaces_id``: the version before it; without an item, for all."""

    __tablename__ = "library_answer"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[int]
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("library_answer.id"), unique=True)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("service_item.id"), index=True)
    topic: Mapped[str]
    words: Mapped[str]
    basis: Mapped[str]
    approved_by: Mapped[str]
    approved_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]

    item: Mapped[ServiceItem | None] = relationship(lazy="joined")


def current(session: Session, actor: Actor, q: str = "") -> list[Answer]:
    """The versions in force that hold all words of ``q``, those about one item together."""
    found = _in_force().where(visible(actor, Answer))
    for word in q.split():
        columns = (Answer.topic, Answer.words, Answer.basis, ServiceItem.code, ServiceItem.name)
        found = found.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return list(session.scalars(found.order_by(ServiceItem.code.nulls_last(), Answer.topic, Answer.id)))


def find(session: Session, actor: Actor, answer_id: int) -> Answer:
    """A version in force. NotFound."""
    found = session.scalar(_in_force().where(Answer.id == answer_id, visible(actor, Answer)))
    if found is None:
        raise NotFound(T("这条答复已经更新或停用。"))
    return found


def versions(session: Session, answer: Answer) -> list[Answer]:
    """This version and all before it, the newest first."""
    found = [answer]
    while found[-1].replaces_id is not None:
        found.append(session.get_one(Answer, found[-1].replaces_id))
    return found


def approve(
    session: Session,
    *,
    by: Actor,
    moment: datetime,
    topic: str,
    words: str,
    basis: str,
    item: ServiceItem | None = None,
    replaces: Answer | None = None,
) -> Answer:
    """A new answer, or the next version of one. Flushes. NotAllowed; Refused: something is not said;
    AlreadyDone: that version was replaced or withdrawn meanwhile."""
    _may_edit(by)
    said = {"topic": topic.strip(), "words": words.strip(), "basis": basis.strip()}
    missing = {
        "topic": T("请填写主题。"),
        "words": T("请填写答复内容。"),
        "basis": T("请填写答复依据。"),
    }
    for field, text in said.items():
        if not text:
            raise Refused(missing[field], field=field)
    if replaces is not None:
        _hold(session, replaces)
    answer = Answer(
        version=replaces.version + 1 if replaces else 1,
        replaces_id=replaces.id if replaces else None,
        item=item,
        approved_by=by.key,
        approved_at=moment,
        **said,
    )
    session.add(answer)
    session.flush()
    return answer


def withdraw(session: Session, answer: Answer, *, by: Actor, moment: datetime) -> None:
    """It holds no more and is offered no more. Flushes. NotAllowed, AlreadyDone."""
    _may_edit(by)
    _hold(session, answer)
    answer.withdrawn_by, answer.withdrawn_at = by.key, moment
    session.flush()


def _may_edit(by: Actor) -> None:
    if not can(by, "edit_answers"):
        raise NotAllowed(T("答复库由站长维护。"))


def _hold(session: Session, answer: Answer) -> None:
    """Keep others from changing it at the same time. AlreadyDone: somebody was faster."""
    session.refresh(answer, with_for_update={"of": Answer})
    if session.scalar(_in_force().with_only_columns(Answer.id).where(Answer.id == answer.id)) is None:
        raise AlreadyDone(T("这条答复已经更新或停用。"), state="replaced")


def _in_force() -> Select[Answer]:
    newer = aliased(Answer)
    return (
        select(Answer)
        .outerjoin(ServiceItem, ServiceItem.id == Answer.item_id)
        .where(Answer.withdrawn_at.is_(None), ~exists().where(newer.replaces_id == Answer.id))
    )
