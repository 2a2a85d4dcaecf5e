"""Who looked at what, and what for (R3.3). Rows are only ever added."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.errors import Refused
from workflow.schema import Base
from workflow.texts import T


class AccessLog(Base):
    """One look at something sensitive: ``object`` is its key ('person:7'), ``field`` what was shown."""

    __tablename__ = "access_log"
    __table_args__ = (Index(None, "object", "at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    at: Mapped[datetime]
    object: Mapped[str]
    field: Mapped[str]
    purpose: Mapped[str]


def record(
    session: Session,
    actor: Actor,
    *,
    object: str,
    field: str,
    purpose: str,
    moment: datetime,
    on_behalf_of: str | None = None,
) -> None:
    """Note a look before it happens. Flushes; commit before the first byte is sent. Refused: no purpose."""
    if not purpose.strip():
        raise Refused(T("请填写查看事由。"), field="purpose")
    session.add(
        AccessLog(
            actor=actor.key,
            on_behalf_of=on_behalf_of,
            at=moment,
            object=object,
            field=field,
            purpose=purpose.strip(),
        )
    )
    session.flush()
