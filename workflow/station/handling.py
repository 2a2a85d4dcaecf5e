"""Who works on a case at a moment: whoever has one of its open tasks, or is offered one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station.cases import Case

LEAD = "lead"


class Post(NamedTuple):
    """Under which candidate code somebody works on a case, and for whom (a person's key)."""

    candidate: str
    on_behalf_of: str | None


def post_of(session: Session, actor: Actor, case: Case) -> Post | None:
    """The post in which this person works on the case; a leader without one stands for himself. None: nobody.

    The case's own tasks count before those of what runs beside it (a supervision, an approval).
    """
    for task in _open_tasks(session, case):
        mine = task.assignee in actor.selves
        offered = task.assignee is None and task.candidate in actor.asked
        if (mine or offered) and actor.key not in (task.excluded or ()):
            return Post(task.candidate, actor.acts_for(task.candidate, task.assignee))
    return Post(actor.key, None) if LEAD in actor.may else None


def begin(engine: Engine, key: str, case: Case, *, by: Actor, data: Mapping[str, Any]) -> int:
    """Start something beside a case, in the post in which ``by`` works on it; the instance's id."""
    post = post_of(engine.session, by, case)
    on_behalf_of = post.on_behalf_of if post else None
    return engine.start(key, by=by, data=data, business_key=case.key, on_behalf_of=on_behalf_of)


def _open_tasks(session: Session, case: Case) -> list[TaskRow]:
    found = (
        select(TaskRow)
        .join(InstanceRow, InstanceRow.id == TaskRow.instance_id)
        .where(InstanceRow.business_key == case.key, TaskRow.status == OPEN)
        .order_by(TaskRow.instance_id != case.instance_id, TaskRow.id)
    )
    return list(session.scalars(found.execution_options(populate_existing=True)))
