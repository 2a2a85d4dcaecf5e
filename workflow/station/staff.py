"""The people of the station: their logins, and what they act as at a moment."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.errors import Refused
from workflow.schema import Base
from workflow.station import keys, pinyin
from workflow.texts import T, Text

PHONE = "staff.phone"
SHORTEST_PASSWORD = 8
HASHER = PasswordHasher()
NUMBER = re.compile("[0-9]{1,18}")


class Staff(Base):
    """A member of the station's staff; never deleted, only inactive."""

    __tablename__ = "staff"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_pinyin: Mapped[str] = mapped_column(String(collation="C"), index=True)
    title: Mapped[str] = mapped_column(default="")
    phone_enc: Mapped[bytes | None]
    password_hash: Mapped[str | None]  # argon2; None = cannot sign in by password
    active: Mapped[bool] = mapped_column(default=True)
    language: Mapped[str] = mapped_column(default="zh")

    @property
    def key(self) -> str:
        """What other rows keep of a person: 'staff:7'."""
        return f"staff:{self.id}"

    @property
    def phone(self) -> str | None:
        """The office phone in the clear; shown to colleagues in the directory (R2.2.6)."""
        return keys.unseal(self.phone_enc, PHONE) if self.phone_enc else None


def called(person: Staff) -> Text:
    """'张伟 工程师', as in a list to choose from."""
    return T("%(name)s %(title)s", name=person.name, title=Text(person.title))


def create(
    session: Session,
    *,
    login: str,
    name: str,
    title: str = "",
    phone: str | None = None,
    password: str | None = None,
    language: str = "zh",
) -> Staff:
    """A new member of staff. Flushes. Refused: the login is taken or empty."""
    login = login.strip().lower()
    if not login or not name.strip():
        raise Refused(T("请填写登录名和姓名。"), field="login")
    if session.scalar(select(Staff.id).where(Staff.login == login)) is not None:
        raise Refused(T("登录名 %(login)s 已被使用。", login=login), field="login")
    staff = Staff(
        login=login,
        name=name.strip(),
        name_pinyin=pinyin.name_key(name.strip()),
        title=title,
        phone_enc=keys.seal(phone, PHONE) if phone else None,
        language=language,
    )
    if password is not None:
        set_password(staff, password)
    session.add(staff)
    session.flush()
    return staff


def set_password(staff: Staff, password: str) -> None:
    """Refused: shorter than 8 characters."""
    if len(password) < SHORTEST_PASSWORD:
        raise Refused(T("密码至少需要 %(count)s 个字符。", count=SHORTEST_PASSWORD), field="password")
    staff.password_hash = HASHER.hash(password)


def check_password(session: Session, login: str, password: str) -> Staff | None:
    """The active person with this login and password, else None; takes as long for a login nobody has.

    A hash made with older parameters is made anew: the caller commits.
    """
    staff = session.scalar(select(Staff).where(Staff.login == login.strip().lower()))
    stored = staff.password_hash if staff is not None else None
    try:
        HASHER.verify(stored or _nobodys_hash(), password)
    except VerifyMismatchError:
        return None
    if staff is None or stored is None or not staff.active:
        return None
    if HASHER.check_needs_rehash(stored):
        staff.password_hash = HASHER.hash(password)
    return staff


def actor(session: Session, staff: Staff, moment: datetime) -> Actor:
    """What the person is and acts as at this moment: one statement, on the path of every request."""
    from workflow.station import positions  # posts are made of staff, so they stand above

    return positions.actor(session, staff, moment)


def by_key(session: Session, key: str | None) -> Staff | None:
    """'staff:7' -> that person; None for the system and for nobody."""
    kind, _, number = (key or "").partition(":")
    return session.get(Staff, int(number)) if kind == "staff" and NUMBER.fullmatch(number) else None


def names(session: Session, wanted: Iterable[str], *, language: str = "zh") -> dict[str, str]:
    """The names behind many keys, in one statement; 'system' is the station itself."""
    numbers = {int(key.removeprefix("staff:")) for key in wanted if key.startswith("staff:")}
    found = session.execute(select(Staff.id, Staff.name).where(Staff.id.in_(numbers))) if numbers else ()
    return {f"staff:{number}": name for number, name in found} | {"system": T("系统").say(language)}


@cache
def _nobodys_hash() -> str:
    return HASHER.hash("nobody has this password")
