"""The head's board (督办看板, R1.2.1a): every open case with its light, its owner and the limit used.

The light comes from the clock and the ladder of the case's own diagram: red once the deadline has passed,
yellow once the rung ``warn`` is reached, wherever the table puts it. A stopped clock is a state of its own.
All open cases are read in one statement; what a page shows of its lines in a few more, however many they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from workflow.engine import instances
from workflow.engine.actors import Actor
from workflow.engine.definitions import DefinitionRow
from workflow.engine.engine import Engine
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import NotAllowed, Refused
from workflow.station import calendar, cases, clock_reckoning, clocks, positions
from workflow.station.cases import ENDED, Case
from workflow.station.clock_ledger import FINISHED, ITEM_CLOCK, STOPPED, Clock, Escalation
from workflow.station.deadline_words import Remaining, remaining
from workflow.station.enterprises import Enterprise
from workflow.station.items import ItemVersion, ServiceItem
from workflow.station.lights import GREEN, ORDERS, PAUSED, RED, UNTIMED, YELLOW, Mark, Owner
from workflow.station.permissions import can, visible
from workflow.station.persons import Person, mask_name
from workflow.station.staff import Staff
from workflow.texts import T

WARN = "warn"  # the rung of the ladder at which a case turns yellow
SUPERVISION, MANUAL = "supervision", "manual"

Asked = Mapping[str, Sequence[tuple[Staff, Staff | None]]]


@dataclass(frozen=True)
class Line:
    """What the board shows of a case. ``share`` of the limit used, 0..1; None where no limit runs."""

    mark: Mark
    title: str
    client: str
    share: float | None
    left: Remaining | None
    provisional: bool
    supervised: bool


# --- all open cases ----------------------------------------------------------------------------------------


def overview(session: Session, actor: Actor, moment: datetime) -> list[Mark]:
    """Every open case this person may see, the most urgent first. Three statements."""
    asked = positions.asked(session, moment)
    rows = session.execute(_open_cases(actor, moment)).all()
    by_case: dict[int, list[Any]] = {}
    for row in rows:
        by_case.setdefault(row.id, []).append(row)
    marks = [_mark(of_one, asked, moment) for of_one in by_case.values()]
    return sorted(marks, key=ORDERS["due"])


def _open_cases(actor: Actor, moment: datetime) -> Any:
    """One row for each open task of a case, one for a case without; with the light."""
    warned = or_(
        exists().where(Escalation.clock_id == Clock.id, Escalation.rung == WARN),
        exists().where(
            TimerRow.instance_id == Case.instance_id,
            TimerRow.clock == ITEM_CLOCK,
            TimerRow.rung == WARN,
            TimerRow.due_at <= moment,  # the worker is about to
        ),
    )
    light = case(
        (Clock.id.is_(None), UNTIMED),
        (Clock.state == STOPPED, PAUSED),
        (Clock.deadline_at < moment, RED),
        (warned, YELLOW),
        else_=GREEN,
    )
    return (
        select(
            Case.id,
            Case.key,
            Case.no,
            Case.received_at,
            light.label("light"),
            ServiceItem.code,
            ServiceItem.name,
            ServiceItem.domain,
            Clock.deadline_at,
            TaskRow.id.label("task_id"),
            TaskRow.name.label("step"),
            TaskRow.assignee,
            TaskRow.candidate,
            TaskRow.clock.label("task_clock"),
            TaskRow.due_at.label("step_due"),
            Staff.id.label("claimed_by"),
            Staff.name.label("claimed_name"),
        )
        .outerjoin(ItemVersion, ItemVersion.id == Case.item_version_id)
        .outerjoin(ServiceItem, ServiceItem.id == ItemVersion.item_id)
        .outerjoin(Clock, and_(Clock.owner == Case.key, Clock.kind == ITEM_CLOCK, Clock.state != FINISHED))
        .outerjoin(
            TaskRow,
            and_(TaskRow.instance_id == Case.instance_id, TaskRow.status == OPEN, visible(actor, TaskRow)),
        )
        .outerjoin(Staff, func.concat("staff:", Staff.id) == TaskRow.assignee)
        .where(Case.state.not_in(ENDED), visible(actor, Case))
        .order_by(Case.id, TaskRow.id)
    )


def _mark(rows: Sequence[Any], asked: Asked, moment: datetime) -> Mark:
    first, tasks = rows[0], [row for row in rows if row.task_id is not None]
    owners = {owner.staff_id: owner for row in tasks for owner in owners_of(row, asked)}
    return Mark(
        case_id=first.id,
        key=first.key,
        no=first.no,
        light=first.light,
        item=first.code or "",
        item_name=first.name or "",
        domain=first.domain or "",
        due_at=first.deadline_at,
        received_at=first.received_at,
        steps=tuple(dict.fromkeys(row.step for row in tasks)),
        owners=tuple(owners.values()),
        step_late=any(row.task_clock is None and row.step_due and row.step_due <= moment for row in tasks),
    )


def owners_of(task: Any, asked: Asked) -> list[Owner]:
    """Whoever has claimed a task; else everybody who is asked for it now, and for whom."""
    if task.claimed_by is not None:
        return [Owner(task.claimed_by, task.claimed_name, None, True)]
    return [
        Owner(person.id, person.name, absent.name if absent else None, False)
        for person, absent in asked.get(task.candidate, ())
    ]


# --- one page of lines -------------------------------------------------------------------------------------


def lines(session: Session, marks: Sequence[Mark], moment: datetime) -> list[Line]:
    """These cases with what only a page needs. Six statements, however many they are."""
    ids = [mark.case_id for mark in marks]
    days = calendar.load(session)
    running = clocks.live_of(session, [mark.key for mark in marks], ITEM_CLOCK)
    told = {row.id: row for row in session.execute(_clients(ids))}
    supervised = set(session.scalars(_open_supervisions([mark.key for mark in marks])))
    return [
        Line(
            mark=mark,
            title=mark.item_name or told[mark.case_id].matter[:24],
            client=told[mark.case_id].enterprise or mask_name(told[mark.case_id].person),
            share=clock_reckoning.share_used(clock, moment, days)
            if (clock := running.get(mark.key))
            else None,
            left=_left(clock, moment, days) if clock else None,
            provisional=bool(clock and clock.provisional),
            supervised=mark.key in supervised,
        )
        for mark in marks
    ]


def _left(clock: Clock, moment: datetime, days: calendar.Calendar) -> Remaining:
    if clock.state == STOPPED:
        return Remaining(T("暂停计时"), "ok")
    return remaining(moment, clock.deadline_at, days)


def _clients(ids: Sequence[int]) -> Any:
    return (
        select(Case.id, Case.matter, Person.name.label("person"), Enterprise.name.label("enterprise"))
        .join(Person, Person.id == Case.applicant_id)
        .outerjoin(Enterprise, Enterprise.id == Case.enterprise_id)
        .where(Case.id.in_(ids))
    )


# --- supervision -------------------------------------------------------------------------------------------


def supervise(engine: Engine, case_id: int, *, by: Actor) -> int:
    """The head takes a case up (督办): the id of the task that asks for the instruction, claimed by ``by``.

    A supervision of the case that is still open is gone to; no second one starts. The caller commits.
    NotFound, NotAllowed; Refused when the case is closed.
    """
    session = engine.session
    found = cases.find(session, by, case_id)
    if not can(by, "supervise"):  # also where one is open already and nothing would be begun
        raise NotAllowed
    instances.lock(session.connection(), found.instance_id)  # two clicks at once: the second one waits
    session.refresh(found)
    if found.ended:
        raise Refused(T("办件已经办结，不再督办。"))
    open_one = session.scalars(_supervision_tasks(found.key)).first()
    if open_one is None:
        engine.start(SUPERVISION, by=by, data={"case_id": found.id, "rung": MANUAL}, business_key=found.key)
        open_one = session.scalars(_supervision_tasks(found.key)).one()
    if open_one.assignee is None:
        engine.claim(open_one.id, by=by)
    task_id: int = open_one.id
    return task_id


def _supervision_tasks(key: str) -> Any:
    return (
        select(TaskRow)
        .join(InstanceRow, InstanceRow.id == TaskRow.instance_id)
        .join(DefinitionRow, DefinitionRow.id == InstanceRow.definition_id)
        .where(DefinitionRow.key == SUPERVISION, InstanceRow.business_key == key, TaskRow.status == OPEN)
        .order_by(TaskRow.id)
    )


def _open_supervisions(keys: Sequence[str]) -> Any:
    return (
        select(InstanceRow.business_key)
        .join(DefinitionRow, DefinitionRow.id == InstanceRow.definition_id)
        .where(
            DefinitionRow.key == SUPERVISION,
            InstanceRow.business_key.in_(keys),
            InstanceRow.status == instances.RUNNING,
        )
    )
