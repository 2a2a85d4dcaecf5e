"""Who is signed in: rows that can be listed and revoked. All times here are of the machine clock."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.schema import Base
from workflow.station.staff import Staff

IDLE = timedelta(hours=8)
LONGEST = timedelta(hours=24)
FRESH = timedelta(minutes=2)  # a session seen this recently is not written again


class WebSession(Base):
    """A browser that is signed in. The token itself is only in its cookie."""

    __tablename__ = "web_session"

    id: Mapped[str] = mapped_column(primary_key=True)  # SHA-256 of the token, hex
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    browser: Mapped[str]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ended_at: Mapped[datetime | None]


@dataclass(frozen=True)
class SignedIn:
    """The person of a request, and the business clock read along with it."""

    id: str
    staff: Staff
    moment: datetime
    stale: bool


def begin(session: Session, staff: Staff, browser: str) -> str:
    """A new session; its token, for the cookie. Flushes."""
    token = secrets.token_urlsafe(32)
    session.add(WebSession(id=_hash(token), staff_id=staff.id, browser=browser[:200]))
    session.flush()
    return token


def find(session: Session, token: str) -> SignedIn | None:
    """The active person behind a token; None when it is unknown, ended, idle for 8 h or older than 24 h."""
    row = session.execute(
        select(
            WebSession.id,
            Staff,
            func.yz_now(),
            WebSession.seen_at < func.now() - FRESH,
        )
        .join(Staff, Staff.id == WebSession.staff_id)
        .where(
            WebSession.id == _hash(token),
            WebSession.ended_at.is_(None),
            WebSession.seen_at > func.now() - IDLE,
            WebSession.created_at > func.now() - LONGEST,
            Staff.active,
        )
    ).first()
    return SignedIn(*row) if row else None


def touch(session: Session, session_id: str) -> None:
    """The session is in use. The caller commits, before anything else is done with the request."""
    session.execute(update(WebSession).where(WebSession.id == session_id).values(seen_at=func.now()))


def end(session: Session, token: str) -> None:
    """Sign this browser out. The caller commits."""
    session.execute(
        update(WebSession)
        .where(WebSession.id == _hash(token), WebSession.ended_at.is_(None))
        .values(ended_at=func.now())
    )


def revoke(session: Session, staff_id: int) -> int:
    """Sign a person out everywhere; how many sessions that ended. The caller commits."""
    ended = session.execute(
        update(WebSession)
        .where(WebSession.staff_id == staff_id, WebSession.ended_at.is_(None))
        .values(ended_at=func.now())
        .returning(WebSession.id)
    )
    return len(ended.all())


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
