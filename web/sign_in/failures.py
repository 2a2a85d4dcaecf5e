"""Delay after wrong passwords, per account and per address; it grows, is capped, and is never a lock.

An attempt is counted before the password is looked at, so that many at once do not slip through.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, case, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.schema import Base

FORGOTTEN = timedelta(hours=1)


@dataclass(frozen=True)
class Patience:
    """So many failures are free; then 1, 3, 7 … seconds up to ``longest``."""

    free: int
    longest: int


ACCOUNT = Patience(free=3, longest=30)
ADDRESS = Patience(free=12, longest=60)


class LoginFailure(Base):
    """Wrong passwords for one account or from one address, which is kept only as a hash."""

    __tablename__ = "login_failure"

    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int]
    last_at: Mapped[datetime]


def attempt(session: Session, login: str, address: str) -> int:
    """Count an attempt; the seconds to wait first, 0 = go on. The caller commits before it checks."""
    waits = (
        _count(session, _key("account", login), ACCOUNT),
        _count(session, _key("address", address), ADDRESS),
    )
    return max(waits)


def forget(session: Session, login: str, address: str) -> None:
    """The password was right: the account starts anew, the address gets its attempt back."""
    session.execute(delete(LoginFailure).where(LoginFailure.key == _key("account", login)))
    session.execute(
        update(LoginFailure)
        .where(LoginFailure.key == _key("address", address))
        .values(failures=func.greatest(LoginFailure.failures - 1, 0))
    )


def _count(session: Session, key: str, patience: Patience) -> int:
    row = insert(LoginFailure).values(key=key, failures=1, last_at=func.clock_timestamp())
    old = LoginFailure.last_at < func.clock_timestamp() - FORGOTTEN
    counted = session.execute(
        row.on_conflict_do_update(
            index_elements=[LoginFailure.key],
            set_={
                "failures": case((old, 1), else_=LoginFailure.failures + 1),
                "last_at": func.clock_timestamp(),
            },
            where=_free_at(patience) <= func.clock_timestamp(),
        ).returning(LoginFailure.key)
    ).first()
    if counted is not None:
        return 0
    left = func.extract("epoch", _free_at(patience) - func.clock_timestamp())
    seconds = session.execute(select(func.ceil(left)).where(LoginFailure.key == key)).scalar_one()
    return max(1, int(seconds))


def _free_at(patience: Patience) -> ColumnElement[datetime]:
    over = func.least(func.greatest(LoginFailure.failures - patience.free, 0), 10)
    seconds = func.least(func.power(2, over) - 1, patience.longest)
    return LoginFailure.last_at + func.make_interval(0, 0, 0, 0, 0, 0, seconds)


def _key(kind: str, value: str) -> str:
    return hashlib.sha256(f"{kind}:{value.strip().lower()}".encode()).hexdigest()
