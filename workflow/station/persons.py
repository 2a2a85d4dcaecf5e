"""Clients and contacts: as little of a person as the work needs, and masked until asked for (decision 19)."""

from __future__ import annotations

import re
from datetime import datetime

from sqlalchemy import ForeignKey, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.errors import NotAllowed, Refused
from workflow.schema import Base
from workflow.station import access_log, keys, permissions, pinyin
from workflow.station.written import refuse_invisible
from workflow.texts import T, Text

PHONE = "person.phone"
DIGITS = re.compile(r"\d{7,12}")
PRIVACY_NOTICE = "2026-01"  # the version in use, shown at registration


class Person(Base):
    """A client. The row may be erased or restricted; the phone opens only with the installation's key.

    ``name_pinyin`` and ``initials`` ('mlx') tell the name too: they are erased with it.
    """

    __tablename__ = "person"

    id: Mapped[int] = mapped_column(primary_key=True)
    enterprise_id: Mapped[int | None] = mapped_column(ForeignKey("enterprise.id"), index=True)
    name: Mapped[str]
    name_pinyin: Mapped[str] = mapped_column(String(collation="C"), index=True)
    initials: Mapped[str] = mapped_column(String(collation="C"), server_default="", index=True)
    phone_enc: Mapped[bytes | None]
    phone_index: Mapped[bytes | None] = mapped_column(index=True)  # blind: finds the same phone again
    phone_tail4: Mapped[str | None]
    refused_phone: Mapped[bool] = mapped_column(default=False)  # 拒留 (decision 33)
    privacy_notice: Mapped[str]
    restricted: Mapped[bool] = mapped_column(default=False)  # kept and verified only, shown masked
    created_at: Mapped[datetime]

    @property
    def key(self) -> str:
        return f"person:{self.id}"

    @property
    def shown_name(self) -> str:
        """The name as pages, lists and exports may show it."""
        return mask_name(self.name) if self.restricted else self.name

    @property
    def shown_phone(self) -> str | Text:
        """'*******5678', 拒留, or nothing; never the number itself."""
        if self.phone_tail4:
            return f"*******{self.phone_tail4}"
        return T("拒留") if self.refused_phone else ""


def remember(
    session: Session,
    *,
    name: str,
    phone: str | None,
    moment: datetime,
    enterprise_id: int | None = None,
    refused_phone: bool = False,
    phone_needed: bool = True,
    privacy_notice: str = PRIVACY_NOTICE,
) -> Person:
    """The person with this name and phone for this enterprise, made if not known yet. Flushes.

    ``phone_needed`` is false for whoever need not be told anything: a visitor, an agent, a collector.
    Refused: no name or signs nobody sees in it; neither a phone nor the refusal to leave one; both; something
    that is no phone number.
    """
    name = name.strip()
    if not name:
        raise Refused(T("请填写姓名。"), field="name")
    refuse_invisible(name, field="name")
    digits = tidy_phone(phone) if phone and phone.strip() else None
    if digits is None and phone_needed and not refused_phone:
        raise Refused(T("请填写联系电话，或勾选“拒留电话”。"), field="phone")
    if digits is not None and refused_phone:
        raise Refused(T("已填写联系电话，请不要勾选“拒留电话”。"), field="refused_phone")
    if digits is not None:
        for person in by_phone(session, digits):
            if person.name == name and person.enterprise_id == enterprise_id and not person.restricted:
                return person
    person = Person(
        enterprise_id=enterprise_id,
        name=name,
        name_pinyin=pinyin.name_key(name),
        initials=pinyin.name_initials(name),
        phone_enc=keys.seal(digits, PHONE) if digits else None,
        phone_index=keys.blind(digits, PHONE) if digits else None,
        phone_tail4=digits[-4:] if digits else None,
        refused_phone=refused_phone,
        privacy_notice=privacy_notice,
        created_at=moment,
    )
    session.add(person)
    session.flush()
    return person


def by_phone(session: Session, phone: str) -> list[Person]:
    """Everybody with exactly this phone, found without decrypting anything. Refused: no phone number."""
    index = keys.blind(tidy_phone(phone), PHONE)
    return list(session.scalars(select(Person).where(Person.phone_index == index).order_by(Person.id)))


def reveal(
    session: Session,
    actor: Actor,
    person: Person,
    *,
    purpose: str,
    moment: datetime,
    on_behalf_of: str | None = None,
) -> str:
    """The phone in the clear, for one look that is logged first. Flushes; commit before showing it.

    NotAllowed; Refused: no purpose, or there is no phone.
    """
    if not permissions.can(actor, "reveal", person):
        raise NotAllowed
    if person.phone_enc is None:
        raise Refused(T("没有留下联系电话。"))
    access_log.record(
        session,
        actor,
        object=person.key,
        field="phone",
        purpose=purpose,
        moment=moment,
        on_behalf_of=on_behalf_of,
    )
    return keys.unseal(person.phone_enc, PHONE)


def tidy_phone(phone: str) -> str:
    """'+86 000-1234 5678' -> '00012345678'. Refused: not 7 to 12 digits."""
    digits = re.sub(r"[\s()（）—-]", "", phone).removeprefix("+86").removeprefix("+")
    if not (DIGITS.fullmatch(digits) and digits.isascii()):
        raise Refused(T("联系电话应为7至12位数字。"), field="phone")
    return digits


def mask_phone(phone: str) -> str:
    """'00012345678' -> '000****5678'; short ones keep only their last two signs."""
    if len(phone) < 8:
        return "*" * max(len(phone) - 2, 0) + phone[-2:]
    return phone[:3] + "*" * (len(phone) - 7) + phone[-4:]


def mask_name(name: str) -> str:
    """'周建国' -> '周**'."""
    return name[:1] + "*" * max(len(name) - 1, 1) if name else ""
