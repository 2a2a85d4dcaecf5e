"""The inbox (待办): what a person has to do now, by deadline, and the figures above it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Select, and_, func, or_, select
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station.absences import Absence
from workflow.station.cases import CLOSED, Case
from workflow.station.enterprises import Enterprise
from workflow.station.items import ItemVersion, ServiceItem
from workflow.station.permissions import visible
from workflow.station.persons import Person, mask_name
from workflow.station.staff import Staff
from workflow.texts import T, Text

ZONE = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Line:
    """One task with its case or absence. ``acting_for`` is the key of the one acted for (代岗)."""

    task_id: int
    task_name: str
    element: str
    case_id: int | None
    absence_id: int | None
    case_no: str | None
    title: str | Text
    client: str
    due_at: datetime | None
    created_at: datetime
    assignee: str | None
    candidate: str
    acting_for: str | None
    late: bool


@dataclass(frozen=True)
class Figures:
    """The five numbers above the inbox; ``closed`` counts this month's closed cases of the whole station."""

    open: int
    unclaimed: int
    due_today: int
    late: int
    closed: int


_COLUMNS = select(
    TaskRow,
    Case,
    Enterprise.name.label("enterprise"),
    Person.name.label("person"),
    ServiceItem.name.label("item"),
    Absence,
    Staff.name.label("absentee"),
)


def lines(session: Session, actor: Actor, moment: datetime, *, q: str = "", limit: int = 100) -> list[Line]:
    """Open tasks of the actor and the positions held now, the most urgent first.

    ``q`` finds number, item, enterprise (also by pinyin initials) and the beginning of the matter.
    """
    found = _mine(_COLUMNS, actor)
    words = "".join(q.split())
    if words:
        found = found.where(
            or_(
                Case.no.icontains(words, autoescape=True),
                ServiceItem.name.icontains(words, autoescape=True),
                ServiceItem.code == words.upper(),
                Enterprise.name.icontains(words, autoescape=True),
                Enterprise.initials.contains(words.lower(), autoescape=True),
                Case.matter.icontains(words, autoescape=True),
                Person.name == words,
                Staff.name.icontains(words, autoescape=True),
            )
        )
    rows = session.execute(found.order_by(TaskRow.due_at.asc().nulls_last(), TaskRow.id).limit(limit)).all()
    return [_line(row, actor, moment) for row in rows]


def figures(session: Session, actor: Actor, moment: datetime) -> Figures:
    """Counts over everything the actor has, not only the page."""
    local = moment.astimezone(ZONE)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    counts = session.execute(
        _mine(
            select(
                func.count(TaskRow.id),
                func.count(TaskRow.id).filter(TaskRow.assignee.is_(None)),
                func.count(TaskRow.id).filter(
                    TaskRow.due_at > moment, TaskRow.due_at < midnight + timedelta(days=1)
                ),
                func.count(TaskRow.id).filter(TaskRow.due_at <= moment),
            ),
            actor,
        )
    ).one()
    closed = session.scalar(
        select(func.count(Case.id)).where(
            visible(actor, Case), Case.state == CLOSED, Case.closed_at >= midnight.replace(day=1)
        )
    )
    open_, unclaimed, today, late = counts
    return Figures(open_, unclaimed, today, late, closed or 0)


def line(session: Session, actor: Actor, moment: datetime, task_id: int) -> Line | None:
    """One open task that the actor may see, in the list or not; a leader sees everybody's."""
    found = _with_cases(_COLUMNS, actor).where(TaskRow.id == task_id)
    row = session.execute(found).first()
    return _line(row, actor, moment) if row else None


def of_case(session: Session, actor: Actor, moment: datetime, case_id: int) -> list[Line]:
    """The open tasks of a case that the actor may see, side instances included."""
    found = _with_cases(_COLUMNS, actor).where(Case.id == case_id).order_by(TaskRow.id)
    return [_line(row, actor, moment) for row in session.execute(found)]


def newest(session: Session, actor: Actor) -> int:
    """The highest id among the actor's open tasks: a page compares it to learn that work has arrived."""
    return session.scalar(_mine(select(func.max(TaskRow.id)), actor)) or 0


def _mine(found: Select[*tuple[Any, ...]], actor: Actor) -> Select[*tuple[Any, ...]]:
    """One's own and offered tasks with their cases; a leader's inbox is no list of everybody's work."""
    return _with_cases(found, actor).where(
        or_(TaskRow.assignee.is_(None), TaskRow.assignee.in_(actor.selves)),
        or_(TaskRow.assignee.in_(actor.selves), TaskRow.candidate.in_(actor.asked)),
    )


def _with_cases(found: Select[*tuple[Any, ...]], actor: Actor) -> Select[*tuple[Any, ...]]:
    """Open tasks with their cases or absences, as far as the actor may see them."""
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
        .where(
            TaskRow.status == OPEN,
            visible(actor, TaskRow),
            or_(
                and_(Case.id.is_not(None), visible(actor, Case)),
                and_(Absence.id.is_not(None), visible(actor, Absence)),
            ),
        )
    )


def _line(row: Any, actor: Actor, moment: datetime) -> Line:
    task, case, absence = row.TaskRow, row.Case, row.Absence
    return Line(
        task_id=task.id,
        task_name=task.name,
        element=task.element,
        case_id=case.id if case else None,
        absence_id=absence.id if absence else None,
        case_no=case.no if case else None,
        title=row.item or case.matter[:24] if case else T("%(name)s离岗", name=row.absentee),
        client=row.enterprise or mask_name(row.person) if case else "",
        due_at=task.due_at,
        created_at=task.created_at,
        assignee=task.assignee,
        candidate=task.candidate,
        acting_for=actor.acts_for(task.candidate, task.assignee),
        late=task.due_at is not None and task.due_at <= moment,
    )
