"""The inbox (待办): what a person has to do now, by deadline, and the figures above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station import subjects
from workflow.station import wanted as asked
from workflow.station.absences import Absence
from workflow.station.calendar import ZONE
from workflow.station.cases import CLOSED, Case
from workflow.station.clock_ledger import FINISHED, Clock
from workflow.station.enterprises import Enterprise
from workflow.station.items import ItemVersion, ServiceItem
from workflow.station.permissions import visible
from workflow.station.persons import Person, mask_name
from workflow.station.staff import Staff
from workflow.station.subjects import Subject
from workflow.station.wanted import Wanted
from workflow.texts import T, Text


@dataclass(frozen=True)
class Line:
    """One task with its case, absence or other subject. ``acting_for``: the key of who is acted for (代岗).

    ``paused``: the clock it hangs on stands. ``mark`` is where the page after this line begins.
    """

    task_id: int
    task_name: str
    element: str
    case_id: int | None
    absence_id: int | None
    subject: Subject | None
    case_no: str | None
    title: str | Text
    client: str
    due_at: datetime | None
    created_at: datetime
    assignee: str | None
    candidate: str
    handed_by: str | None
    acting_for: str | None
    late: bool
    paused: bool
    has_form: bool

    def mark(self, sort: str) -> str:
        value = {
            asked.BY_DUE: self.due_at.isoformat() if self.due_at else "",
            asked.BY_RECEIVED: self.created_at.isoformat(),
            asked.BY_NUMBER: (self.case_id and self.case_no) or "",
        }[sort]
        return f"{value}~{self.task_id}"


@dataclass(frozen=True)
class Figures:
    """The numbers above the inbox; ``closed`` counts this month's closed cases of the whole station."""

    open: int
    unclaimed: int
    due_today: int
    late: int
    own: int
    position: int
    acting: int
    closed: int
    handed_out: int


@dataclass(frozen=True)
class Choices:
    """What a view can be narrowed to: codes and names of items, names of steps, each with its count."""

    items: list[tuple[str, str, int]]
    steps: list[tuple[str, int]]


_COLUMNS = select(
    TaskRow,
    InstanceRow.business_key,
    Case,
    Enterprise.name.label("enterprise"),
    Person.name.label("person"),
    ServiceItem.name.label("item"),
    asked.STANDS.label("paused"),
    Absence,
    Staff.name.label("absentee"),
)


def lines(
    session: Session,
    actor: Actor,
    moment: datetime,
    wanted: Wanted | None = None,
    *,
    q: str = "",
    after: str = "",
    limit: int = 100,
) -> list[Line]:
    """Open tasks of a view, of one's own inbox unless another is wanted; the most urgent first.

    ``after`` is the ``mark`` of the last line of the page before.
    """
    wanted = wanted or Wanted(q=q)
    found = _with_cases(_COLUMNS, actor).where(*asked.conditions(wanted, actor, moment))
    if after:
        found = found.where(asked.after(wanted.sort, after))
    rows = session.execute(found.order_by(*asked.order(wanted.sort)).limit(limit)).all()
    return _lines(session, rows, actor, moment)


def figures(session: Session, actor: Actor, moment: datetime) -> Figures:
    """Counts over everything the actor has, not only the page."""
    counted = (
        asked.whose(asked.FREE, actor),
        asked.due(asked.TODAY, moment),
        asked.due(asked.LATE, moment),
        *(asked.whose(view, actor) for view in (asked.OWN, asked.POSITION, asked.ACTING)),
    )
    counts = session.execute(
        _with_cases(
            select(func.count(TaskRow.id), *(func.count(TaskRow.id).filter(one) for one in counted)), actor
        ).where(asked.whose(asked.MINE, actor))
    ).one()
    month = moment.astimezone(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    closed = (
        select(func.count(Case.id))
        .where(visible(actor, Case), Case.state == CLOSED, Case.closed_at >= month)
        .scalar_subquery()
    )
    handed = (
        _with_cases(select(func.count(TaskRow.id)), actor)
        .where(asked.whose(asked.HANDED_OUT, actor))
        .scalar_subquery()
    )
    open_, unclaimed, today, late, own, position, acting = counts
    closed_count, handed_count = session.execute(select(closed, handed)).one()
    return Figures(
        open=open_,
        unclaimed=unclaimed,
        due_today=today,
        late=late,
        own=own,
        position=position,
        acting=acting,
        closed=closed_count,
        handed_out=handed_count,
    )


def choices(session: Session, actor: Actor, moment: datetime, wanted: Wanted) -> Choices:
    """The items and steps that occur in a view, whatever it is narrowed to now."""
    whole = Wanted(view=wanted.view)
    rows = session.execute(
        _with_cases(select(ServiceItem.code, ServiceItem.name, TaskRow.name, func.count(TaskRow.id)), actor)
        .where(*asked.conditions(whole, actor, moment))
        .group_by(ServiceItem.code, ServiceItem.name, TaskRow.name)
    ).all()
    items: dict[tuple[str, str], int] = {}
    steps: dict[str, int] = {}
    for code, item, step, count in rows:
        steps[step] = steps.get(step, 0) + count
        if code is not None:
            items[code, item] = items.get((code, item), 0) + count
    return Choices(
        [(code, name, count) for (code, name), count in sorted(items.items())], sorted(steps.items())
    )


def mark(session: Session, actor: Actor, moment: datetime, wanted: Wanted) -> str:
    """A fingerprint of a view: while it is the same, nothing in the list has changed."""
    each = func.concat_ws(":", TaskRow.id, TaskRow.assignee, TaskRow.due_at, Clock.state)
    whole = func.md5(func.coalesce(func.string_agg(each, aggregate_order_by(literal(","), TaskRow.id)), ""))
    found = _with_cases(select(whole), actor).where(*asked.conditions(wanted, actor, moment))
    return str(session.scalar(found))


def line(session: Session, actor: Actor, moment: datetime, task_id: int) -> Line | None:
    """One open task that the actor may see, in the list or not; a leader sees everybody's."""
    found = _with_cases(_COLUMNS, actor).where(TaskRow.id == task_id)
    return next(iter(_lines(session, session.execute(found).all(), actor, moment)), None)


def of_case(session: Session, actor: Actor, moment: datetime, case_id: int) -> list[Line]:
    """The open tasks of a case that the actor may see, side instances included."""
    found = _with_cases(_COLUMNS, actor).where(Case.id == case_id).order_by(TaskRow.id)
    return _lines(session, session.execute(found).all(), actor, moment)


def of_absence(session: Session, actor: Actor, moment: datetime, absence_id: int) -> list[Line]:
    """The open tasks around an absence that the actor may see."""
    found = _with_cases(_COLUMNS, actor).where(Absence.id == absence_id).order_by(TaskRow.id)
    return _lines(session, session.execute(found).all(), actor, moment)


def of_subject(session: Session, actor: Actor, moment: datetime, key: str) -> list[Line]:
    """The open tasks around something else, such as 'consultation:3', that the actor may see."""
    found = _with_cases(_COLUMNS, actor).where(InstanceRow.business_key == key).order_by(TaskRow.id)
    return _lines(session, session.execute(found).all(), actor, moment)


def _with_cases(found: Select[*tuple[Any, ...]], actor: Actor) -> Select[*tuple[Any, ...]]:
    """Open tasks with what they are about and their clock, as far as the actor may see them."""
    return (
        found.select_from(TaskRow)
        .join(InstanceRow, InstanceRow.id == TaskRow.instance_id)
        .outerjoin(Case, Case.key == InstanceRow.business_key)
        .outerjoin(Absence, Absence.key == InstanceRow.business_key)
        .outerjoin(Staff, Staff.id == Absence.staff_id)
        .outerjoin(Person, Person.id == Case.applicant_id)
        .outerjoin(Enterprise, Enterprise.id == Case.enterprise_id)
        .outerjoin(ItemVersion, ItemVersion.id == Case.item_version_id)
        .outerjoin(ServiceItem, ServiceItem.id == ItemVersion.item_id)
        .outerjoin(Clock, and_(Clock.owner == Case.key, Clock.kind == TaskRow.clock, Clock.state != FINISHED))
        .where(
            TaskRow.status == OPEN,
            visible(actor, TaskRow),
            or_(
                and_(Case.id.is_not(None), visible(actor, Case)),
                and_(Absence.id.is_not(None), visible(actor, Absence)),
                subjects.seen(actor),
            ),
        )
    )


def _lines(session: Session, rows: Sequence[Any], actor: Actor, moment: datetime) -> list[Line]:
    others = subjects.of(session, [row.business_key for row in rows if not (row.Case or row.Absence)])
    return [_line(row, others.get(row.business_key), actor, moment) for row in rows]


def _line(row: Any, other: Subject | None, actor: Actor, moment: datetime) -> Line:
    task, case, absence = row.TaskRow, row.Case, row.Absence
    title: str | Text = row.item or case.matter[:24] if case else T("%(name)s离岗", name=row.absentee)
    client = row.enterprise or mask_name(row.person) if case else ""
    return Line(
        task_id=task.id,
        task_name=task.name,
        element=task.element,
        case_id=case.id if case else None,
        absence_id=absence.id if absence else None,
        subject=other,
        case_no=case.no if case else other.no if other else None,
        title=other.title if other else title,
        client=other.client if other else client,
        due_at=task.due_at,
        created_at=task.created_at,
        assignee=task.assignee,
        candidate=task.candidate,
        handed_by=task.handed_by,
        acting_for=actor.acts_for(task.candidate, task.assignee),
        late=not row.paused and task.due_at is not None and task.due_at <= moment,
        paused=row.paused,
        has_form=task.form is not None,
    )
