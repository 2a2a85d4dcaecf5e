"""Who is away, why, and who stands in meanwhile (R1.3b–d, decision 30)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ColumnElement, Computed, ForeignKey, Select, and_, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.schema import Base
from workflow.station import access_log, keys
from workflow.station.calendar import ZONE
from workflow.station.permissions import can
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
EMERGENCY_PHONE = "absence.emergency_phone"
COMING, AWAY, OVERDUE, BACK, WITHDRAWN = "coming", "away", "overdue", "back", "withdrawn"
STATES = {
    COMING: T("未开始"),
    AWAY: T("离岗中"),
    OVERDUE: T("待返岗登记"),
    BACK: T("已返岗"),
    WITHDRAWN: T("已撤销"),
}


class Absence(Base):
    """Somebody is away from ``from_at`` until just before ``to_at`` (aware moments, by the hour).

    ``to_at`` moves when it is prolonged or ended early; one that was withdrawn keeps nobody away.
    ``tracked``: a process waits for the return to be registered; without one the time alone tells.
    """

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("to_at > from_at", name="order"),
        CheckConstraint("substitute_id <> staff_id", name="substitute"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Computed("'absence:' || id", persisted=True), unique=True)
    staff_id: Mapped[int] = mapped_column(ForeignKey("staff.id"), index=True)
    cause: Mapped[str]
    cause_text: Mapped[str] = mapped_column(default="")
    from_at: Mapped[datetime]
    to_at: Mapped[datetime] = mapped_column(index=True)
    substitute_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    sudden: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    tracked: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    handed_over: Mapped[str] = mapped_column(default="", server_default=text("''"))
    emergency_phone_enc: Mapped[bytes | None]
    registered_by: Mapped[str] = mapped_column(default="system", server_default=text("'system'"))
    returned_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]

    person: Mapped[Staff] = relationship(foreign_keys=[staff_id])
    substitute: Mapped[Staff | None] = relationship(foreign_keys=[substitute_id])

    @property
    def emergency_phone(self) -> str | None:
        """In the clear: for the person, whoever leads and whoever acts, nobody else. WrongKey."""
        return keys.unseal(self.emergency_phone_enc, EMERGENCY_PHONE) if self.emergency_phone_enc else None

    def state(self, moment: datetime) -> str:
        if self.withdrawn_at is not None:
            return WITHDRAWN
        if moment < self.from_at:
            return COMING
        if self.returned_at is not None or (not self.tracked and moment >= self.to_at):
            return BACK
        return AWAY if moment < self.to_at else OVERDUE


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
    tracked: bool = False,
    handed_over: str = "",
    emergency_phone: str | None = None,
    registered_by: str = "system",
) -> Absence:
    """Somebody will be away. Flushes. ``sudden`` saves it whoever else is away (decision 30).

    Refused: an unlisted cause, 其他 without words, times the wrong way round, the person is registered as
    away then already; and if planned: no substitute, one who is away too, or the person is the substitute
    of somebody away then (R1.3b–d). Two registrations that concern one person wait for each other.
    """
    if cause not in CAUSES:
        raise Refused(T("请选择离岗事由。"), field="cause")
    if cause == OTHER and not cause_text.strip():
        raise Refused(T("事由为“其他”时请写明原因。"), field="cause_text")
    if to_at <= from_at:
        raise Refused(T("离岗的结束时间应晚于开始时间。"), field="to_at")
    if substitute is not None and substitute.id == staff.id:
        raise Refused(T("不能由本人替补本人。"), field="substitute")
    hold(session, staff, substitute)
    _refuse_twice(session, staff, from_at, to_at)
    if not sudden:
        _refuse_without_cover(session, staff, substitute, from_at, to_at)
    absence = Absence(
        staff_id=staff.id,
        cause=cause,
        cause_text=cause_text.strip(),
        from_at=from_at,
        to_at=to_at,
        substitute_id=substitute.id if substitute else None,
        sudden=sudden,
        tracked=tracked,
        handed_over=handed_over.strip(),
        emergency_phone_enc=keys.seal(emergency_phone, EMERGENCY_PHONE) if emergency_phone else None,
        registered_by=registered_by,
    )
    session.add(absence)
    session.flush()
    session.refresh(absence, ["key"])
    return absence


def name_substitute(session: Session, absence: Absence, substitute: Staff) -> None:
    """Somebody else stands in. Flushes. Refused: away then, or the person concerned."""
    if substitute.id == absence.staff_id:
        raise Refused(T("不能由本人替补本人。"), field="substitute")
    hold(session, absence.person, substitute)
    _refuse_away(session, substitute, absence.from_at, absence.to_at)
    absence.substitute_id = substitute.id
    session.flush()
    session.refresh(absence, ["substitute"])


def prolong(session: Session, absence: Absence, to_at: datetime, substitute: Staff | None = None) -> None:
    """The person comes back later, perhaps with another substitute from now on. Flushes.

    Refused: not later than before, away for something else then, the substitute is not free that long,
    or the person has promised to stand in for somebody.
    """
    if to_at <= absence.to_at:
        raise Refused(T("新的返岗时间应晚于原定时间。"), field="new_to")
    standing_in = substitute or absence.substitute
    hold(session, absence.person, standing_in)
    _refuse_twice(session, absence.person, absence.from_at, to_at, but=absence.id)
    try:
        if not absence.sudden or substitute is not None:
            _refuse_without_cover(session, absence.person, standing_in, absence.to_at, to_at)
    except Refused as refused:
        raise Refused(refused.text, field="new_to" if refused.field == "from_at" else "substitute") from None
    absence.to_at = to_at
    if substitute is not None:
        absence.substitute_id = substitute.id
    session.flush()
    session.refresh(absence, ["substitute"])


def end(session: Session, absence: Absence, moment: datetime) -> None:
    """The person is back: the work returns at once, also before the time. Flushes."""
    absence.returned_at = moment
    absence.to_at = min(absence.to_at, moment)
    session.flush()


def withdraw(session: Session, absence: Absence, moment: datetime) -> None:
    """The person does not go after all; the row stays. Flushes. Refused: it has begun."""
    if moment >= absence.from_at:
        raise Refused(T("离岗已经开始，不能撤销；已经返岗的请登记返岗。"))
    absence.withdrawn_at = moment
    session.flush()


def reveal_phone(session: Session, absence: Absence, *, by: Actor, purpose: str, moment: datetime) -> str:
    """The emergency phone, else the person's own, in the clear for one look that is logged first. Flushes;
    commit before showing it. NotAllowed; Refused: no purpose, or there is no phone."""
    if not can(by, "see_emergency_phone", absence):
        raise NotAllowed(T("只有离岗人本人、代岗人和站长可以查看紧急联系电话。"))
    phone = absence.emergency_phone or absence.person.phone
    if phone is None:
        raise Refused(T("没有留下紧急联系电话。"), field="purpose")
    access_log.record(
        session, by, object=absence.key, field="emergency_phone", purpose=purpose, moment=moment
    )
    return phone


def period(absence: Absence) -> str:
    """'03-09 08:30 – 03-11 17:30', Shanghai time."""
    from_at, to_at = absence.from_at.astimezone(ZONE), absence.to_at.astimezone(ZONE)
    return f"{from_at:%m-%d %H:%M} – {to_at:%m-%d %H:%M}"


def by_key(session: Session, key: str | None) -> Absence:
    """'absence:7' -> the absence. NotFound."""
    absence = session.scalars(select(Absence).where(Absence.key == (key or ""))).first()
    if absence is None:
        raise NotFound
    return absence


def away_on(session: Session, staff: Staff, moment: datetime) -> Absence | None:
    """The absence that keeps this person away at a moment, such as a task's deadline; else None.

    Who acts then: ``positions.stand_ins(session, staff, moment)``.
    """
    return session.scalar(
        select(Absence).where(Absence.staff_id == staff.id, covers(Absence, moment)).limit(1)
    )


def current(moment: datetime) -> Select[Absence]:
    """Whoever is away now or will be, or whose return is not registered yet; by their beginning."""
    going = or_(Absence.to_at > moment, and_(Absence.tracked, Absence.returned_at.is_(None)))
    return select(Absence).where(going, Absence.withdrawn_at.is_(None)).order_by(Absence.from_at, Absence.id)


def past(moment: datetime) -> Select[Absence]:
    """The others: come back from, or withdrawn; the latest first."""
    ended = and_(Absence.to_at <= moment, or_(~Absence.tracked, Absence.returned_at.is_not(None)))
    return (
        select(Absence)
        .where(or_(ended, Absence.withdrawn_at.is_not(None)))
        .order_by(Absence.from_at.desc(), Absence.id.desc())
    )


def covers(Absences: type[Absence], moment: datetime) -> ColumnElement[bool]:
    """Which rows of ``absence`` (or of an alias of it) keep somebody away at this moment."""
    return and_(Absences.from_at <= moment, Absences.to_at > moment, Absences.withdrawn_at.is_(None))


def overlapping(from_at: datetime, to_at: datetime) -> Select[Absence]:
    """The absences that keep somebody away at any moment of an interval, by their beginning."""
    return (
        select(Absence)
        .where(Absence.from_at < to_at, Absence.to_at > from_at, Absence.withdrawn_at.is_(None))
        .order_by(Absence.from_at, Absence.id)
    )


def hold(session: Session, *people: Staff | None) -> None:
    """Keep others from registering anything for these people until the transaction ends."""
    numbers = sorted(person.id for person in people if person)
    held = select(Staff.id).where(Staff.id.in_(numbers)).order_by(Staff.id)
    session.execute(held.with_for_update(key_share=True)).all()


def _refuse_twice(
    session: Session, staff: Staff, from_at: datetime, to_at: datetime, *, but: int | None = None
) -> None:
    found = overlapping(from_at, to_at).where(Absence.staff_id == staff.id)
    other = session.scalar((found if but is None else found.where(Absence.id != but)).limit(1))
    if other is not None:
        raise Refused(
            T("%(name)s在这段时间已登记离岗（%(cause)s），请延长或先撤销那一次。", **_told(other)),
            field="to_at" if but is None else "new_to",
        )


def _refuse_away(session: Session, substitute: Staff | None, from_at: datetime, to_at: datetime) -> None:
    if substitute is None or not substitute.active:
        raise Refused(T("请指定离岗期间的替补人员。"), field="substitute")
    if session.scalar(overlapping(from_at, to_at).where(Absence.staff_id == substitute.id).limit(1)):
        raise Refused(
            T("%(name)s在这段时间也不在岗，请另行指定替补人员。", name=substitute.name), field="substitute"
        )


def _refuse_without_cover(
    session: Session, staff: Staff, substitute: Staff | None, from_at: datetime, to_at: datetime
) -> None:
    covered = session.scalar(overlapping(from_at, to_at).where(Absence.substitute_id == staff.id).limit(1))
    if covered is not None:
        raise Refused(
            T(
                "%(name)s在这段时间替%(covered)s顶岗，不能同时离岗。",
                name=staff.name,
                covered=covered.person.name,
            ),
            field="from_at",
        )
    _refuse_away(session, substitute, from_at, to_at)


def _told(absence: Absence) -> dict[str, object]:
    return {"name": absence.person.name, "cause": CAUSES[absence.cause]}
