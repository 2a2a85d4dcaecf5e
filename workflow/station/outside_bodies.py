"""Other bodies (承办部门): who does what this station does not, for guidance and transfers (R2.2.4b)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actions import Choice, FormContext, options
from workflow.engine.actors import Actor
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.schema import Base
from workflow.station import pinyin
from workflow.station.permissions import can, visible
from workflow.station.persons import tidy_phone
from workflow.station.staff import NUMBER
from workflow.station.written import refuse_invisible
from workflow.texts import T

LONGEST = {"name": 60, "scope": 400, "address": 120, "keywords": 200}
WORDS = {"name": T("名称"), "scope": T("职责范围"), "address": T("地址"), "keywords": T("关键词")}


class OutsideBody(Base):
    """One body with its public phone and address. Never deleted: ``active`` says whether it is offered."""

    __tablename__ = "outside_body"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    initials: Mapped[str]
    scope: Mapped[str]
    phone: Mapped[str]
    address: Mapped[str]
    keywords: Mapped[str]
    active: Mapped[bool] = mapped_column(default=True)
    changed_at: Mapped[datetime]
    changed_by: Mapped[str]


def save(
    session: Session,
    body: OutsideBody | None,
    *,
    name: str,
    scope: str,
    phone: str,
    address: str,
    keywords: str,
    active: bool = True,
    by: Actor,
    moment: datetime,
) -> OutsideBody:
    """A new body, or other words for a known one. Flushes.

    NotAllowed: who does not lead. Refused: no name, a name that is taken, no scope, no phone number.
    """
    if not can(by, "edit_outside_bodies"):
        raise NotAllowed(T("承办部门目录由站长维护。"))
    given = {"name": name, "scope": scope, "address": address, "keywords": keywords}
    tidy = {field: " ".join(words.split()) for field, words in given.items()}
    for field, words in tidy.items():
        if len(words) > LONGEST[field] or (field in ("name", "scope") and len(words) < 2):
            sentence = T("请填写%(what)s，最多 %(count)s 个字。", what=WORDS[field], count=LONGEST[field])
            raise Refused(sentence, field=field)
        refuse_invisible(words, field=field)
    tidy_phone(phone)
    same = session.scalar(select(OutsideBody).where(OutsideBody.name == tidy["name"]))
    if same is not None and same is not body:
        raise Refused(T("目录中已有“%(name)s”。", name=tidy["name"]), field="name")
    row = body or OutsideBody()
    for field, words in tidy.items():
        setattr(row, field, words)
    row.initials, row.phone, row.active = pinyin.initials(tidy["name"]), phone.strip(), active
    row.changed_at, row.changed_by = moment, by.key
    session.add(row)
    session.flush()
    return row


def find(session: Session, actor: Actor, body_id: int) -> OutsideBody:
    """NotFound."""
    seen = select(OutsideBody).where(OutsideBody.id == body_id, visible(actor, OutsideBody))
    body = session.scalar(seen)
    if body is None:
        raise NotFound
    return body


def offered(session: Session, body_id: str) -> OutsideBody:
    """The body that was chosen from the directory. Refused: none, or one that is not offered any more."""
    number = int(body_id) if NUMBER.fullmatch(body_id) else 0
    body = session.scalar(select(OutsideBody).where(OutsideBody.id == number, OutsideBody.active))
    if body is None:
        raise Refused(T("请从目录中选择承办部门。"), field="body")
    return body


def search(session: Session, actor: Actor, q: str = "", *, all_: bool = False) -> list[OutsideBody]:
    """By name, its initials, scope, keyword; only those offered unless ``all_``. By name."""
    found = select(OutsideBody).where(visible(actor, OutsideBody)).order_by(OutsideBody.initials)
    if not all_:
        found = found.where(OutsideBody.active)
    for word in q.split():
        columns = (OutsideBody.name, OutsideBody.scope, OutsideBody.keywords, OutsideBody.initials)
        found = found.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    return list(session.scalars(found))


@options("outside_bodies")
def body_choices(context: FormContext) -> list[Choice]:
    found = search(context.session, context.actor)
    return [
        {"value": str(one.id), "label": " · ".join(filter(None, (one.name, one.keywords)))} for one in found
    ]
