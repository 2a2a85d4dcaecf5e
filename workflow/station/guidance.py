"""Guidance (引导, R2.2.4b, decision 35): the client is told who does it and how to reach them; one tap, no
tracking."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.schema import Base
from workflow.station import outside_bodies, rendering
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.outside_bodies import OutsideBody
from workflow.station.permissions import can, visible
from workflow.station.written import refuse_invisible
from workflow.texts import T

LONGEST = 120


class Guidance(Base):
    """Who told whom to turn to which body, with the phone as it was told; lines are only added."""

    __tablename__ = "guidance"

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"), index=True)
    body_id: Mapped[int] = mapped_column(ForeignKey("outside_body.id"))
    phone: Mapped[str]
    matter: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]

    body: Mapped[OutsideBody] = relationship()


def guide(
    session: Session,
    *,
    body: str,
    by: Actor,
    moment: datetime,
    case: Case | None = None,
    matter: str = "",
    on_behalf_of: str | None = None,
) -> Guidance:
    """Note it. Flushes. NotAllowed: who receives nobody. Refused: no body; without a case, no matter."""
    if not can(by, "register"):
        raise NotAllowed
    chosen = outside_bodies.offered(session, body)
    matter = " ".join(matter.split())
    if case is None and not 2 <= len(matter) <= LONGEST:
        raise Refused(T("请写明对方要办什么，最多 %(count)s 个字。", count=LONGEST), field="matter")
    refuse_invisible(matter, field="matter")
    line = Guidance(
        case_id=case.id if case else None,
        body_id=chosen.id,
        phone=chosen.phone,
        matter=matter,
        at=moment,
        actor=by.key,
        on_behalf_of=on_behalf_of,
    )
    session.add(line)
    session.flush()
    return line


def of(session: Session, case: Case) -> list[Guidance]:
    """The newest first."""
    found = select(Guidance).where(Guidance.case_id == case.id).order_by(Guidance.id.desc())
    return list(session.scalars(found))


def find(session: Session, actor: Actor, number: int) -> Guidance:
    """NotFound."""
    line = session.scalar(select(Guidance).where(Guidance.id == number, visible(actor, Guidance)))
    if line is None:
        raise NotFound
    return line


def slip(line: Guidance) -> bytes:
    """The slip of 80 mm that the client takes along (引导单): a help, no paper with a number."""
    local = line.at.astimezone(ZONE)
    return rendering.render(
        "guidance_slip",
        rendering.breakable(
            rendering.printable(
                {
                    "letterhead": rendering.letterhead(),
                    "issued": {"year": local.year, "month": local.month, "day": local.day},
                    "at": f"{local:%Y-%m-%d %H:%M}",
                    "matter": line.matter,
                    "body": line.body.name,
                    "scope": line.body.scope,
                    "phone": line.phone,
                    "address": line.body.address or "—",
                }
            )
        ),
    )
