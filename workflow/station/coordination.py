"""Coordination (沟通协调, R1.1d): with whom, about what, what was agreed and by when; on a case or alone.

Lines are only added. A matter begins with the line that has no ``first_id``; what came of it, what was agreed
anew and what is corrected are lines after it. What has a date comes back at it, by the diagram
``coordination``. Names and phones of people outside are ``persons``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Computed, Date, ForeignKey, Index, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.engine.instances import RUNNING, InstanceRow
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.schema import Base
from workflow.station import calendar, persons, staff
from workflow.station import matters as kinds
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.permissions import can, visible
from workflow.station.persons import Person
from workflow.station.staff import Staff
from workflow.station.written import refuse_invisible
from workflow.texts import T, Text

PROCESS = "coordination"
EARLY = "coordination_early"  # the message of the diagram: the outcome is known before the day
FURTHEST_DAYS = 366  # a date beyond is a slip of the year
LONGEST = 1000

AGREED, KEPT, NOT_KEPT = "agreed", "kept", "not_kept"
UNREACHED, CORRECTED = "unreached", "corrected"
KINDS = {
    AGREED: T("谈定"),
    KEPT: T("已落实"),
    NOT_KEPT: T("没有落实"),
    UNREACHED: T("没有联系上"),
    CORRECTED: T("更正"),
}


class Coordination(Base):
    """One line; the first of a matter says with whom: a unit, a person outside, a colleague."""

    __tablename__ = "coordination"
    __table_args__ = (Index(None, "case_id"), Index(None, "first_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(Computed("'coordination:' || id", persisted=True), unique=True)
    first_id: Mapped[int | None] = mapped_column(ForeignKey("coordination.id"))
    case_id: Mapped[int | None] = mapped_column(ForeignKey("case.id"))
    instance_id: Mapped[int | None] = mapped_column(ForeignKey("instance.id"), unique=True)
    unit: Mapped[str | None]
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    colleague_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
    kind: Mapped[str]
    about: Mapped[str]
    words: Mapped[str]  # what was agreed, what came of it, what is corrected
    due_on: Mapped[date | None] = mapped_column(Date)
    at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]

    person: Mapped[Person | None] = relationship()
    colleague: Mapped[Staff | None] = relationship()

    @property
    def with_whom(self) -> str:
        """'示例市计量所 韩敏 *******5678', as far as it is known; phones are masked."""
        parts = [self.unit, self.colleague.name if self.colleague else None]
        if self.person is not None:
            parts += [
                self.person.shown_name,
                str(self.person.shown_phone) if self.person.phone_tail4 else None,
            ]
        return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Matter:
    """A matter with all its lines, the oldest first; ``open``: it comes back on ``due_on``."""

    first: Coordination
    lines: Sequence[Coordination]
    open: bool

    @property
    def last(self) -> Coordination:
        """How it stands: corrections do not change that."""
        return [line for line in self.lines if line.kind != CORRECTED][-1]

    @property
    def due_on(self) -> date | None:
        return self.last.due_on if self.open else None

    @property
    def state(self) -> Text:
        if self.open:
            return T("待落实")
        if self.last.kind == AGREED:
            return T("随办件结束") if self.last.due_on else T("已记录")
        return KINDS[self.last.kind]


def may_record(by: Actor) -> bool:
    """Whoever works with cases."""
    return can(by, "see_cases")


def write(
    session: Session,
    *,
    kind: str,
    about: str,
    words: str,
    moment: datetime,
    actor: str,
    on_behalf_of: str | None = None,
    first: Coordination | None = None,
    case: Case | None = None,
    instance_id: int | None = None,
    unit: str | None = None,
    person: Person | None = None,
    colleague: Staff | None = None,
    due_on: date | None = None,
) -> Coordination:
    """Add a line, to a matter or as the first of a new one. Flushes."""
    line = Coordination(
        kind=kind,
        about=about.strip(),
        words=words.strip(),
        first_id=first.id if first else None,
        case_id=first.case_id if first else case.id if case else None,
        instance_id=instance_id,
        unit=unit,
        person_id=person.id if person else None,
        colleague_id=colleague.id if colleague else None,
        due_on=due_on,
        at=moment,
        actor=actor,
        on_behalf_of=on_behalf_of,
    )
    session.add(line)
    session.flush()
    session.refresh(line, ["key"])
    return line


def correct(session: Session, first: Coordination, words: str, *, by: Actor, moment: datetime) -> None:
    """What was written down wrongly stays, and the correction stands after it (R3.2). Flushes.

    NotAllowed: neither who wrote it down nor a leader. Refused: no words.
    """
    if not can(by, "correct_coordination", first):
        raise NotAllowed(T("只有记录人或站长可以更正这条沟通记录。"))
    words = words.strip()
    if not 2 <= len(words) <= LONGEST:
        raise Refused(T("请写明更正的内容，最多 %(count)s 个字。", count=LONGEST), field="words")
    write(
        session,
        kind=CORRECTED,
        about=first.about,
        words=words,
        moment=moment,
        actor=by.key,
        on_behalf_of=_for_whom(by, first),
        first=first,
    )


def settle_early(engine: Engine, first: Coordination, *, by: Actor) -> None:
    """The outcome is known before its day: its task opens now. Flushes. NotAllowed, AlreadyDone."""
    if not can(by, "correct_coordination", first):
        raise NotAllowed(T("只有记录人或站长可以提前记结果。"))
    if first.instance_id is None:
        raise AlreadyDone(T("这条沟通记录没有约定时限。"), state="not_waiting")
    engine.receive(first.instance_id, EARLY, by=by, on_behalf_of=_for_whom(by, first))


def _for_whom(by: Actor, first: Coordination) -> str | None:
    """Whoever wrote it down, where somebody acts for that person."""
    own = {first.actor, first.on_behalf_of} & set(by.selves)
    return None if by.key in own else next(iter(sorted(key for key in own if key)), None)


def find(session: Session, actor: Actor, first_id: int) -> Coordination:
    """The first line of a matter this person may see. NotFound."""
    found = select(Coordination).where(
        Coordination.id == first_id, Coordination.first_id.is_(None), visible(actor, Coordination)
    )
    line = session.scalars(found).first()
    if line is None:
        raise NotFound
    return line


def of_case(session: Session, case: Case) -> list[Matter]:
    """All matters of a case, the newest first."""
    found = select(Coordination).where(Coordination.case_id == case.id, Coordination.first_id.is_(None))
    return matters(session, session.scalars(found.order_by(Coordination.id.desc())).all())


def listed(session: Session, actor: Actor, *, everything: bool, limit: int = 200) -> list[Matter]:
    """What is still to come, those with the earliest day first; ``everything``: also all without a case."""
    running = select(InstanceRow.id).where(
        InstanceRow.id == Coordination.instance_id, InstanceRow.status == RUNNING
    )
    wanted: ColumnElement[bool] = running.exists()
    if everything:
        wanted = or_(wanted, Coordination.case_id.is_(None))
    found = (
        select(Coordination)
        .where(Coordination.first_id.is_(None), visible(actor, Coordination), wanted)
        .order_by(Coordination.id.desc())
        .limit(limit)
    )
    return sorted(
        matters(session, session.scalars(found).all()),
        key=lambda one: (not one.open, one.due_on or date.max),
    )


def checked_unit(text: str, *, field: str = "unit") -> str:
    """A unit's name as it may be kept. Refused: signs nobody sees."""
    refuse_invisible(text, field=field)
    return " ".join(text.split())


def person_of(session: Session, form: Mapping[str, Any], moment: datetime) -> Person | None:
    """Whom a form names outside the station; nothing without a name. Refused: a phone without one."""
    name, phone = (form.get("name") or "").strip(), form.get("phone")
    if not name:
        if phone:
            raise Refused(T("填写了联系电话，请一并填写姓名。"), field="name")
        return None
    return persons.remember(session, name=name, phone=phone, refused_phone=not phone, moment=moment)


def day_of(text: str | None, moment: datetime, *, field: str = "due") -> date | None:
    """A date that a form gives, if it gives one. Refused: past, or a slip of the year."""
    if not text:
        return None
    day, today = date.fromisoformat(text), moment.astimezone(ZONE).date()
    if not 0 <= (day - today).days <= FURTHEST_DAYS:
        raise Refused(T("日期应在从今天起的一年内。"), field=field)
    return day


def on_the_day(session: Session, due_on: date, moment: datetime) -> tuple[datetime, datetime]:
    """When the last working day of a date begins and ends: the reminder, and the end of what is due.

    A date without one before it, such as today on a Sunday, is the next working day.
    """
    known = calendar.load(session)
    day = due_on if known.is_work(due_on) else known.shift(due_on, -1)
    if day < moment.astimezone(ZONE).date():
        day = known.on_or_after(due_on)
    return known.spans(day)[0][0], known.closes(day)


def matters(session: Session, firsts: Iterable[Coordination]) -> list[Matter]:
    """The matters that begin with these lines, with all their lines."""
    firsts = list(firsts)
    ids = [first.id for first in firsts]
    rows = session.scalars(
        select(Coordination).where(Coordination.first_id.in_(ids)).order_by(Coordination.id)
    ).all()
    instances = [first.instance_id for first in firsts if first.instance_id is not None]
    running = set(
        session.scalars(
            select(InstanceRow.id).where(InstanceRow.id.in_(instances), InstanceRow.status == RUNNING)
        )
    )
    return [
        Matter(
            first, [first, *(row for row in rows if row.first_id == first.id)], first.instance_id in running
        )
        for first in firsts
    ]


def names(session: Session, matters: Iterable[Matter]) -> dict[str, str]:
    """Who wrote the lines, and for whom."""
    keys = {key for one in matters for line in one.lines for key in (line.actor, line.on_behalf_of) if key}
    return staff.names(session, keys)


@kinds.kind(Coordination, Coordination.about)
def _in_lists(first: Coordination) -> kinds.Matter:
    return kinds.Matter(
        key=first.key,
        no=None,
        title=first.about[:24],
        client=first.with_whom,
        href=f"/coordination/{first.id}",
        page=T("沟通记录"),
        kind=T("沟通协调"),
        facts=((T("与谁沟通"), first.with_whom), (T("沟通什么"), first.about)),
    )
