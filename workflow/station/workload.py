"""How much everybody has to do, and did this month: for the head (R1.2.1a, R1.2.1c). Business time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.engine.tasks import DONE, OPEN, TaskRow
from workflow.station import positions
from workflow.station.calendar import ZONE
from workflow.station.lights import Mark
from workflow.station.permissions import visible
from workflow.station.positions import ADMIN, Position, PositionPost
from workflow.station.staff import Staff


@dataclass
class Load:
    """One person's tasks: ``open`` counts the claimed and those he or she is asked for with others.

    ``cases``: open cases in this person's hands. ``done`` this calendar month, ``for_others`` of them (代岗).
    """

    staff: Staff
    open: int = 0
    claimed: int = 0
    due_today: int = 0
    late: int = 0
    cases: int = 0
    done: int = 0
    for_others: int = 0


def loads(session: Session, actor: Actor, marks: Iterable[Mark], moment: datetime) -> list[Load]:
    """Everybody who works on cases or still holds a task, the most late first. Five statements."""
    asked = positions.asked(session, moment)
    found = {f"staff:{person.id}": Load(person) for person in _everybody(session)}
    for task in session.execute(_open_tasks(actor, moment)):
        mine = [task.assignee] if task.assignee else [p.key for p, _ in asked.get(task.candidate, ())]
        for load in (found[key] for key in mine if key in found):
            load.open += task.open
            load.claimed += task.open if task.assignee else 0
            load.due_today += task.due_today
            load.late += task.late
    for done in session.execute(_done_tasks(actor, moment)):
        if (person := found.get(done.actor)) is not None:
            person.done, person.for_others = done.done, done.for_others
    for mark in marks:
        for owner in mark.owners:
            if (person := found.get(f"staff:{owner.staff_id}")) is not None:
                person.cases += 1
    return sorted(found.values(), key=lambda load: (-load.late, -load.due_today, -load.open, load.staff.id))


def _everybody(session: Session) -> Iterator[Staff]:
    """Active people but those who only administer the system; and who left with a task in hand."""
    working = (
        select(PositionPost.staff_id)
        .join(Position, Position.id == PositionPost.position_id)
        .where(PositionPost.valid_to.is_(None), Position.duties != [ADMIN])
    )
    holding = (
        select(TaskRow.id)
        .where(TaskRow.status == OPEN, TaskRow.assignee == func.concat("staff:", Staff.id))
        .exists()
    )
    return iter(session.scalars(select(Staff).where(or_(Staff.active & Staff.id.in_(working), holding))))


def _open_tasks(actor: Actor, moment: datetime) -> Any:
    tomorrow = _midnight(moment) + timedelta(days=1)
    return (
        select(
            TaskRow.assignee,
            TaskRow.candidate,
            func.count().label("open"),
            func.count().filter(TaskRow.due_at > moment, TaskRow.due_at < tomorrow).label("due_today"),
            func.count().filter(TaskRow.due_at <= moment).label("late"),
        )
        .where(TaskRow.status == OPEN, visible(actor, TaskRow))
        .group_by(TaskRow.assignee, TaskRow.candidate)
    )


def _done_tasks(actor: Actor, moment: datetime) -> Any:
    return (
        select(
            TaskRow.actor,
            func.count().label("done"),
            func.count(TaskRow.on_behalf_of).label("for_others"),
        )
        .where(
            TaskRow.status == DONE,
            TaskRow.closed_at >= _midnight(moment).replace(day=1),
            TaskRow.closed_at <= moment,
            visible(actor, TaskRow),
        )
        .group_by(TaskRow.actor)
    )


def _midnight(moment: datetime) -> datetime:
    return moment.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
