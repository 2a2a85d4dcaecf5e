"""Papers with a number: rendered, stored and numbered in the transaction of what they tell (R2.4.2, R3.4).

A document's ``data`` holds what the paper shows without the client's own data; name and phone are sealed
beside it with the installation's key, and the PDF lies in ``blob``. To forget a person, empty
``personal_enc`` and replace the blob: number, hash and token still prove that the paper existed.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Protocol

from sqlalchemy import CheckConstraint, ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, NotFound, Refused
from workflow.schema import Base
from workflow.settings import Settings
from workflow.station import blobs, keys, numbering, rendering
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.positions import Position
from workflow.station.staff import names
from workflow.texts import T, Text

PERSONAL = "document.personal"
PDF = "application/pdf"
TOKEN_BYTES = 16
WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Kind:
    """A kind of paper: its prefix, its name, what it must say, and which of that is the client's own."""

    prefix: str
    name: Text
    mandatory: frozenset[str]
    personal: frozenset[str]
    words: Callable[[Mapping[str, Any]], dict[str, Any]]  # the facts as its template wants them


KINDS: dict[str, Kind] = {}  # filled where each paper's concept lives


def paper(
    kind: str, *, prefix: str, name: Text, mandatory: Collection[str], personal: Collection[str] = ()
) -> Callable[[Callable[[Mapping[str, Any]], dict[str, Any]]], Callable[[Mapping[str, Any]], dict[str, Any]]]:
    """Register a kind of paper by the function that turns its facts into words; its template is ``kind``."""

    def register(words: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[..., dict[str, Any]]:
        KINDS[kind] = Kind(prefix, name, frozenset(mandatory), frozenset(personal), words)
        return words

    return register


@paper(
    "receipt",
    prefix="HZ",
    name=T("收件回执单"),
    mandatory=(
        *("applicant", "item", "case_no", "materials", "received_at", "due_at", "limit", "handler"),
        "pickup_code",
    ),
    personal=("applicant", "phone", "agent"),
)
def _receipt_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as the paper says them: Chinese dates, figures as text."""
    received, due = (
        datetime.fromisoformat(facts[name]).astimezone(ZONE) for name in ("received_at", "due_at")
    )
    return {
        "applicant": facts["applicant"],
        "phone": facts.get("phone") or "—",
        "enterprise": facts.get("enterprise") or "",
        "agent": facts.get("agent") or "",
        "agent_words": facts.get("agent_words") or "",
        "item": facts["item"],
        "case_no": facts["case_no"],
        "handler": facts["handler"],
        "position": facts.get("position") or "—",
        "pickup_code": facts["pickup_code"],
        "received_words": f"{_date(received)} {received:%H:%M}",
        "due_words": f"{weekday_words(due)} 前",
        "limit_words": ("即办事项，" if facts.get("immediate") else "") + f"办理时限 {facts['limit']}",
        "materials": [
            {
                "name": one["name"],
                **{name: str(one.get(name) or "—") for name in ("pages", "copies", "original")},
            }
            for one in facts["materials"]
        ],
    }


def _date(moment: date) -> str:
    return f"{moment.year}年{moment.month}月{moment.day}日"


def day_words(day: date) -> str:
    """'2026年3月16日（星期一）'."""
    return f"{_date(day)}（星期{WEEKDAYS[day.weekday()]}）"


def moment_words(iso: str) -> str:
    """'2026年3月16日（星期一）17:30' for an aware ISO text, in the station's zone."""
    return weekday_words(datetime.fromisoformat(iso))


def weekday_words(moment: datetime) -> str:
    """'2026年3月16日（星期一）17:30' in the station's zone."""
    local = moment.astimezone(ZONE)
    return f"{day_words(local.date())}{local:%H:%M}"


class Document(Base):
    """One issued paper. Never changed but by voiding; a voided one keeps its number (R3.4)."""

    __tablename__ = "document"
    __table_args__ = (CheckConstraint("(void_at IS NULL) = (void_reason IS NULL)", name="void"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    no: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str]
    owner: Mapped[str] = mapped_column(index=True)  # 'case:12'
    data: Mapped[dict[str, Any]]
    personal_enc: Mapped[bytes | None]
    template_version: Mapped[str]
    sha256: Mapped[str] = mapped_column(ForeignKey("blob.sha256"))
    verify_token: Mapped[str] = mapped_column(unique=True)
    issued_at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    void_at: Mapped[datetime | None]
    void_reason: Mapped[str | None]
    void_actor: Mapped[str | None]

    @property
    def name(self) -> Text:
        return KINDS[self.kind].name

    @property
    def is_void(self) -> bool:
        return self.void_at is not None

    @property
    def personal(self) -> dict[str, str]:
        """The client's own data on the paper; empty once forgotten. WrongKey."""
        if self.personal_enc is None:
            return {}
        opened: dict[str, str] = json.loads(keys.unseal(self.personal_enc, PERSONAL))
        return opened


def issue(
    session: Session,
    kind: str,
    data: Mapping[str, Any],
    *,
    owner: str,
    actor: str,
    on_behalf_of: str | None,
    moment: datetime,
    public_url: str,
) -> Document:
    """Number, render and store a paper. Flushes, never commits: a refused step has no number and no paper.

    ``data`` is flat JSON; moments ('received_at', 'due_at') are aware ISO 8601 texts.
    Refused: something mandatory is missing, or a sign cannot be printed.
    """
    known = KINDS[kind]
    facts = rendering.printable(data)
    if lacking := sorted(name for name in known.mandatory if facts.get(name) in (None, "")):
        raise Refused(T("%(paper)s缺少必填内容：%(names)s。", paper=known.name, names="、".join(lacking)))
    token = secrets.token_urlsafe(TOKEN_BYTES)
    address = f"{public_url}/v/{token}"
    day = moment.astimezone(ZONE).date()
    shown = {
        **rendering.breakable(known.words(facts)),
        "letterhead": rendering.letterhead(),
        "issued": {"year": day.year, "month": day.month, "day": day.day},
        "issued_on": f"{day.year}年{day.month}月{day.day}日",
        "qr": rendering.qr_code(address),
        "verify_url": address,
        "public_key": b64encode(keys.public_key()).decode(),
    }
    own = {name: str(facts[name]) for name in sorted(known.personal) if facts.get(name)}
    no = numbering.take(session, known.prefix, day)  # locks the row until the end: everything else is ready
    sha256 = blobs.put(session, rendering.render(kind, {**shown, "no": no}), mime=PDF)
    document = Document(
        no=no,
        kind=kind,
        owner=owner,
        data={name: value for name, value in facts.items() if name not in known.personal},
        personal_enc=keys.seal(json.dumps(own, ensure_ascii=False), PERSONAL) if own else None,
        template_version=rendering.version(kind),
        sha256=sha256,
        verify_token=token,
        issued_at=moment,
        actor=actor,
        on_behalf_of=on_behalf_of,
    )
    session.add(document)
    session.flush()
    return document


class Issuer(Protocol):
    """What papers need of an action's context."""

    @property
    def actor(self) -> Actor: ...
    @property
    def on_behalf_of(self) -> str | None: ...
    @property
    def moment(self) -> datetime: ...


def issue_receipt(
    session: Session, case: Case, context: Issuer, *, public_url: str | None = None
) -> Document:
    """The receipt of an accepted case, in the transaction that accepts it (R2.4.2)."""
    assert case.item is not None and case.receipt_due_at is not None
    phone = case.applicant.shown_phone
    post = session.scalar(select(Position.name).where(Position.code == case.handler_position))
    return issue(
        session,
        "receipt",
        {
            "applicant": case.applicant.shown_name,
            "phone": str(phone),
            "enterprise": case.enterprise.name if case.enterprise else "",
            "agent": case.agent.shown_name if case.agent else "",
            "agent_words": agent_words(case).say() if case.agent else "",
            "item": f"{case.item.item.code} {case.item.item.name}",
            "case_no": case.no,
            "received_at": case.received_at.isoformat(),
            "due_at": case.receipt_due_at.isoformat(),
            "limit": str(case.item.limit),
            "immediate": case.item.immediate,
            "handler": signature(session, context.actor.key, context.on_behalf_of),
            "position": post or "",
            "pickup_code": case.pickup_code,
            "materials": [
                {"name": one.name, "pages": one.pages, "copies": one.copies, "original": one.original}
                for one in case.materials
                if one.state == "ok"
            ],
        },
        owner=case.key,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
        moment=context.moment,
        public_url=public_url or Settings.from_environment().public_url,
    )


def agent_words(case: Case) -> Text:
    """'同事，已出示授权委托书': of whoever came for the client."""
    relation = case.agent_relation or "—"
    if case.agent_authorised:
        return T("%(relation)s，已出示授权委托书", relation=relation)
    return T("%(relation)s，未出示授权委托书", relation=relation)


def verify(session: Session, token: str) -> Document | None:
    """The paper behind a QR code, voided ones too; None for a token that was never given."""
    return session.scalar(select(Document).where(Document.verify_token == token))


def of(session: Session, owner: str) -> list[Document]:
    """All papers of an owner ('case:12'), oldest first, voided ones too."""
    return list(session.scalars(select(Document).where(Document.owner == owner).order_by(Document.id)))


def load(session: Session, no: str) -> Document:
    """By number; whether the reader may see its owner is the caller's question. NotFound."""
    document = session.scalar(select(Document).where(Document.no == no))
    if document is None:
        raise NotFound()
    return document


def pdf(session: Session, document: Document) -> bytes:
    """The stored paper itself, checked against its hash. NotFound, Damaged."""
    return blobs.get(session, document.sha256).bytes


def void(session: Session, document: Document, *, reason: str, actor: str, moment: datetime) -> None:
    """Mark 作废; number and paper stay. Flushes. Refused: no reason. AlreadyDone."""
    if not reason.strip():
        raise Refused(T("请写明作废原因。"), field="reason")
    if document.is_void:
        raise AlreadyDone(T("%(no)s 已经作废。", no=document.no), state="void")
    document.void_at, document.void_reason, document.void_actor = moment, reason.strip(), actor
    session.flush()


def signature(session: Session, actor: str, on_behalf_of: str | None) -> str:
    """'李婷', or '王芳（代李婷）' who acts for her (R1.3c); both by key."""
    known = names(session, [key for key in (actor, on_behalf_of) if key])
    return f"{known[actor]}（代{known[on_behalf_of]}）" if on_behalf_of else known[actor]


def issue_for_case(
    session: Session, kind: str, case: Case, context: Issuer, facts: Mapping[str, Any]
) -> Document:
    """Issue a paper about an accepted case: what all of these say, and ``facts``."""
    assert case.item is not None
    return issue(
        session,
        kind,
        {
            "applicant": case.applicant.shown_name,
            "enterprise": case.enterprise.name if case.enterprise else "",
            "item": f"{case.item.item.code} {case.item.item.name}",
            "case_no": case.no,
            "handler": signature(session, context.actor.key, context.on_behalf_of),
            **facts,
        },
        owner=case.key,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
        moment=context.moment,
        public_url=Settings.from_environment().public_url,
    )
