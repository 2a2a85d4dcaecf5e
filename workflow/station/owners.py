"""Who has a case's work now and in which post, who oversees it, and whether anybody has begun.

The owner is whoever has claimed the open task, else whoever holds its position. What concerns the head, who
handles or owns the case, is overseen by the superior (decision 39).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.engine.definitions import DefinitionRow
from workflow.engine.engine import Engine
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import DONE, OPEN, TaskRow
from workflow.station import positions
from workflow.station.cases import Case
from workflow.station.positions import HEAD, SUPERIOR
from workflow.station.staff import Staff, by_key

LEADING = (HEAD, SUPERIOR)
NO_POST = ("follow_up_reminder", "coordination")  # anybody may be reminded: that gives no right on a case


class Overseer(NamedTuple):
    """``candidate``: the duty that decides. ``people``: who of it may. ``excluded``: keys, with commas."""

    candidate: str
    people: list[Staff]
    excluded: str


class Post(NamedTuple):
    """Under which candidate code somebody works on a case, and for whom (a person's key)."""

    candidate: str
    on_behalf_of: str | None


def owners(session: Session, case: Case, moment: datetime) -> list[Staff]:
    """Whoever has claimed the case's open work; where nobody has, whoever holds the position now."""
    found: dict[int, Staff] = {}
    for code in _asked(session, case):
        found.update({p.id: p for p, _ in positions.holders_of(session, code, moment)})
    return list(found.values())


def candidate(session: Session, case: Case) -> str:
    """To whom a side task of the case is offered: who has claimed its work ('staff:7'), or the position."""
    return _asked(session, case)[0]


def post_of(session: Session, actor: Actor, case: Case) -> Post | None:
    """The post in which this person works on the case; a leader without one stands for himself. None: nobody.

    The case's own tasks count before those of what runs beside it (a supervision, an approval).
    """
    for task in _open_beside(session, case):
        mine = task.assignee in actor.selves
        offered = task.assignee is None and task.candidate in actor.asked
        if (mine or offered) and actor.key not in (task.excluded or ()):
            return Post(task.candidate, actor.acts_for(task.candidate, task.assignee))
    return Post(actor.key, None) if "lead" in actor.may else None


def begin_beside(engine: Engine, key: str, case: Case, *, by: Actor, data: Mapping[str, Any]) -> int:
    """Start something beside a case, in the post in which ``by`` works on it; the instance's id."""
    post = post_of(engine.session, by, case)
    on_behalf_of = post.on_behalf_of if post else None
    return engine.start(key, by=by, data=data, business_key=case.key, on_behalf_of=on_behalf_of)


def overseer(session: Session, case: Case, moment: datetime, *, besides: Iterable[str] = ()) -> Overseer:
    """Head or superior, whoever has no part in the case; nobody else left: the superior's duty waits.

    ``besides``: keys of others who must not decide, such as whoever asks for something.
    """
    keys = _concerned(session, case, moment) | set(besides)
    people: list[Staff] = []
    for duty in LEADING:
        people = [p for p, _ in positions.holders_of(session, duty, moment)]
        if duty == HEAD and any(person.key in keys for person in people):
            continue
        people = [person for person in people if person.key not in keys]
        if people:
            break
    return Overseer(duty, people, ",".join(sorted(keys)))


def handlers(session: Session, case: Case) -> list[str]:
    """Keys of those who have done the handling position's tasks, and of those they acted for."""
    rows = session.execute(
        select(TaskRow.actor, TaskRow.on_behalf_of)
        .where(_of_handler(case), TaskRow.status == DONE)
        .order_by(TaskRow.id)
    )
    return _each(key for row in rows for key in row)


def acted(session: Session, key: str) -> bool:
    """Has anybody done anything for the accepted case: answered, reached the client, handled (R2.4.2b)?"""
    case = session.scalars(select(Case).where(Case.key == key)).first()
    return case is not None and (
        case.acted_at is not None
        or session.scalar(select(TaskRow.id).where(_of_handler(case), TaskRow.status == DONE).limit(1))
        is not None
    )


def open_tasks(session: Session, case: Case) -> list[TaskRow]:
    """The open tasks of the case's own instance, without those of who oversees it."""
    return list(session.scalars(_open(case).where(TaskRow.candidate.not_in(LEADING)).order_by(TaskRow.id)))


def _asked(session: Session, case: Case) -> list[str]:
    """Candidate codes that stand for the work: a claimant's key, or the code of the position."""
    found = _each(task.assignee or task.candidate for task in open_tasks(session, case))
    return found or [(case.handler_position if case.accepted_at else None) or "intake"]


def _concerned(session: Session, case: Case, moment: datetime) -> set[str]:
    people = {person.key for person in owners(session, case, moment)}
    if case.handler_position and case.accepted_at:
        people |= {p.key for p, _ in positions.holders_of(session, case.handler_position, moment)}
        people |= set(handlers(session, case))
    return {key for key in people if by_key(session, key) is not None}


def _open_beside(session: Session, case: Case) -> list[TaskRow]:
    """The case's own open tasks, then those of what runs beside it and gives a post."""
    found = (
        select(TaskRow)
        .join(InstanceRow, InstanceRow.id == TaskRow.instance_id)
        .join(DefinitionRow, DefinitionRow.id == InstanceRow.definition_id)
        .where(InstanceRow.business_key == case.key, TaskRow.status == OPEN)
        .where(DefinitionRow.key.not_in(NO_POST))
        .order_by(TaskRow.instance_id != case.instance_id, TaskRow.id)
    )
    return list(session.scalars(found.execution_options(populate_existing=True)))


def _open(case: Case) -> Select[TaskRow]:
    return select(TaskRow).where(TaskRow.instance_id == case.instance_id, TaskRow.status == OPEN)


def _of_handler(case: Case) -> ColumnElement[bool]:
    mine: ColumnElement[bool] = TaskRow.instance_id == case.instance_id
    return mine & (TaskRow.candidate == case.handler_position)


def _each(keys: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(key for key in keys if key))
