"""Who is away, why, and who stands in meanwhile (R1.3b–d, decision 30)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, and_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.errors import Refused
from workflow.schema import Base
from workflow.station.staff import Staff
from workflow.texts import T

OTHER = "其他"
CAUSES = {
    "出差": T("出差"),
    "开会": T("开会"),
    "培训": T("培训"),
    "请假": T("请假"),
    OTHER: T("其他"),
}


class Absence(Base):
    """Somebody is away from ``from_at`` until just before ``to_at`` (aware moments, by the hour)."""

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("to_at > from_at", name="order"),
        CheckConstraint("substitute_id <> staff_id", name="substitute"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    cause: Mapped[str]
    cause_text: Mapped[str] = mapped_column(default="")
    from_at: Mapped[datetime]
    to_at: Mapped[datetime] = mapped_column(index=True)
    substitute_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))


def record(
    session: Session,
    staff: Staff,
    *,
    cause: str,
    from_at: datetime,
    to_at: datetime,
    substitute: Staff | None,
    cause_text: str = "",
    sudden: bool = False,
) -> Absence:
    """Somebody will be away. Flushes. ``sudden`` saves it whoever else is away (decision 30).

    Refused: an unlisted cause, 其他 without words, times the wrong way round; and if planned: no substitute,
    one who is away too, or the person is the substitute of somebody away then (R1.3b–d).
    """
    if cause not in CAUSES:
        raise Refused(T("请选择离岗事由。"), field="cause")
    if cause == OTHER and not cause_text.strip():
        raise Refused(T("事由为“其他”时请写明原因。"), field="cause_text")
    if to_at <= from_at:
        raise Refused(T("离岗的结束时间应晚于开始时间。"), field="to_at")
    if substitute is not None and substitute.id == staff.id:
        raise Refused(T("不能由本人替补本人。"), field="substitute")
    if not sudden:
        _refuse_uncovered(session, staff, substitute, from_at, to_at)
    absence = Absence(
        staff_id=staff.id,
        cause=cause,
        cause_text=cause_text.strip(),
        from_at=from_at,
        to_at=to_at,
        substitute_id=substitute.id if substitute else None,
    )
    session.add(absence)
    session.flush()
    return absence


def away_on(session: Session, staff: Staff, moment: datetime) -> Absence | None:
    """The absence that keeps this person away at a moment, such as a task's deadline; else None.

    Who acts then: ``positions.stand_ins(session, staff, moment)``.
    """
    return session.scalar(
        select(Absence).where(Absence.staff_id == staff.id, covers(Absence, moment)).limit(1)
    )


def covers(Absences: type[Absence], moment: datetime) -> ColumnElement[bool]:
    """Which rows of ``absence`` (or of an alias of it) keep somebody away at this moment."""
    return and_(Absences.from_at <= moment, Absences.to_at > moment)


def _refuse_uncovered(
    session: Session, staff: Staff, substitute: Staff | None, from_at: datetime, to_at: datetime
) -> None:
    if substitute is None or not substitute.active:
        raise Refused(T("请指定离岗期间的替补人员。"), field="substitute")
    overlapping = select(Absence).where(Absence.from_at < to_at, Absence.to_at > from_at)
    if session.scalar(overlapping.where(Absence.staff_id == substitute.id).limit(1)):
        raise Refused(
            T("%(name)s在这段时间也不在岗，请另行指定替补人员。", name=substitute.name), field="substitute"
        )
    covered = session.scalar(
        select(Staff.name)
        .join(Absence, Absence.staff_id == Staff.id)
        .where(Absence.substitute_id == staff.id, Absence.from_at < to_at, Absence.to_at > from_at)
        .limit(1)
    )
    if covered is not None:
        raise Refused(
            T("%(name)s在这段时间替%(covered)s顶岗，不能同时离岗。", name=staff.name, covered=covered),
            field="from_at",
        )
