"""The discussion of a case (讨论): comments of the staff, only added to, and who is named in them (@李婷)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import NotFound, Refused
from workflow.schema import Base
from workflow.station import notices, staff
from workflow.station.cases import Case
from workflow.station.permissions import visible
from workflow.station.staff import Staff
from workflow.texts import T

LONGEST = 2000
INVISIBLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f​-‏‪-‮⁦-⁩﻿]")


class Comment(Base):
    """One comment; never changed or removed: a mistake is put right by another that names it."""

    __tablename__ = "comment"
    __table_args__ = (Index(None, "case_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    author_id: Mapped[int] = mapped_column(ForeignKey("staff.id"))
    at: Mapped[datetime]
    text: Mapped[str]
    corrects_id: Mapped[int | None] = mapped_column(ForeignKey("comment.id"))
    mentioned: Mapped[list[str]]  # keys of the staff who were told

    author: Mapped[Staff] = relationship(lazy="joined", innerjoin=True)


def of(session: Session, actor: Actor, case: Case, *, limit: int = 200) -> list[Comment]:
    """The newest comments of a case, oldest of them first."""
    found = session.scalars(
        select(Comment)
        .where(Comment.case_id == case.id, visible(actor, Comment))
        .order_by(Comment.id.desc())
        .limit(limit)
    )
    return list(found)[::-1]


def latest(session: Session, actor: Actor, case: Case) -> Comment | None:
    return next(iter(of(session, actor, case, limit=1)), None)


def add(
    session: Session,
    author: Staff,
    actor: Actor,
    case: Case,
    text: str,
    *,
    moment: datetime,
    corrects_id: int | None = None,
) -> Comment:
    """Say something about a case; whoever is named by @ is told, with a link. Flushes.

    Refused: nothing said, too much, signs nobody sees, or somebody named who may not see the case.
    NotFound: the comment to be corrected is no own one of this case.
    """
    text = text.replace("\r\n", "\n").strip()
    if not text:
        raise Refused(T("请填写内容。"), field="text")
    if len(text) > LONGEST:
        raise Refused(T("最多 %(count)s 个字。", count=LONGEST), field="text")
    if INVISIBLE.search(text):
        raise Refused(T("内容里有看不见的控制字符，请删去后重试。"), field="text")
    if corrects_id is not None:
        _refuse_foreign(session, author, case, corrects_id)
    named = [person for person in mentioned(text, people(session)) if person.id != author.id]
    for person in named:
        if not _sees(session, person, case, moment):
            raise Refused(T("%(name)s 无权查看这件办件，不能提到。", name=person.name), field="text")
    comment = Comment(
        case_id=case.id,
        author_id=author.id,
        author=author,
        at=moment,
        text=text,
        corrects_id=corrects_id,
        mentioned=[person.key for person in named],
    )
    session.add(comment)
    session.flush()
    sentence = T(
        "%(who)s 在 %(case)s 的讨论中提到您", who=author.name, case=f"{case.no or ''} {case.title}".strip()
    )
    for person in named:
        link = f"/cases/{case.id}#comment-{comment.id}"
        notices.tell(session, person, sentence, link, moment=moment, kind="mention")
    return comment


def people(session: Session) -> list[Staff]:
    """Everybody at work, in the order of their names' sound."""
    return list(session.scalars(select(Staff).where(Staff.active).order_by(Staff.name_pinyin, Staff.id)))


def mentioned(text: str, known: Iterable[Staff]) -> list[Staff]:
    """Who is named by ``@name``, each once; of names that begin alike the longest counts."""
    named = [person for _, person in split(text, known) if person is not None]
    return list({person.id: person for person in named}.values())


def split(text: str, known: Iterable[Staff]) -> list[tuple[str, Staff | None]]:
    """The text in pieces: plain ones with None, '@李婷' with the person."""
    by_name = {f"@{person.name}": person for person in known}
    if not by_name:
        return [(text, None)]
    longest_first: Sequence[str] = sorted(by_name, key=len, reverse=True)
    pieces = re.split(f"({'|'.join(map(re.escape, longest_first))})", text)
    return [(piece, by_name.get(piece)) for piece in pieces if piece]


def _sees(session: Session, person: Staff, case: Case, moment: datetime) -> bool:
    other = staff.actor(session, person, moment)
    return session.scalar(select(Case.id).where(Case.id == case.id, visible(other, Case))) is not None


def _refuse_foreign(session: Session, author: Staff, case: Case, comment_id: int) -> None:
    found = session.get(Comment, comment_id)
    if found is None or found.case_id != case.id or found.author_id != author.id:
        raise NotFound
