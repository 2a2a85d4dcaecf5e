"""Handing a task over to a colleague (转交), with a look at who is away on its deadline (R1.3c, R1.3d).

Nothing is refused because somebody is away: the deadline does not stop for it, a substitute acts. But
whoever gives the task, and whoever looks at it, is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.engine.instances import read
from workflow.engine.tasks import TaskRow
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.station import notices, positions, staff, subjects
from workflow.station.absences import CAUSES, OTHER, Absence
from workflow.station.calendar import ZONE
from workflow.station.cases import by_key
from workflow.station.deadline_words import day_text
from workflow.station.permissions import can, visible
from workflow.station.staff import Staff
from workflow.texts import T, Text

INSTANT = timedelta(seconds=1)  # a deadline is the end of the work: what counts is the moment before


@dataclass(frozen=True)
class Colleague:
    """Somebody a task can be given to; ``away`` says so if it is the case on the task's deadline."""

    person: Staff
    away: Text | None


def hand_over(
    session: Session, engine: Engine, task_id: int, *, by: Actor, to: Staff | None, moment: datetime
) -> Text | None:
    """Give an open task to a colleague, who is told; the warning if that one is away on its deadline.

    The giver is told of that too. Flushes. NotFound, AlreadyDone, NotAllowed; Refused: nobody who could.
    """
    seen = select(TaskRow).where(TaskRow.id == task_id, visible(by, TaskRow))
    task = session.scalar(seen.execution_options(populate_existing=True))  # the engine writes beside the ORM
    if task is None:
        raise NotFound(T("这件待办已经办完、被收回，或您无权查看。"))
    if to is None or not to.active:
        raise Refused(T("请选择要转交的同事。"), field="to")
    if not can(by, "reassign", task):
        raise NotAllowed(T("请先签收，再转交；同事签收的由同事或站长转交。"))
    receiver = staff.actor(session, to, moment)
    if to.key == by.key or not can(receiver, "see_cases"):
        raise Refused(T("请选择要转交的同事。"), field="to")
    engine.reassign(task_id, by=by, to=receiver)
    session.refresh(task)
    title, place = _about(session, task)
    link = f"/?task={task_id}"
    told = T("%(who)s 把“%(step)s”转交给您：%(item)s", who=by.name, step=Text(task.name), item=title)
    notices.tell(session, to, told, link, moment=moment)
    warning = away_on_deadline(session, to, task.due_at, moment)
    giver = staff.by_key(session, by.key)
    if warning is not None and giver is not None:
        reminder = T("您转交的“%(step)s”：%(warning)s", step=Text(task.name), warning=warning)
        notices.tell(session, giver, reminder, place, moment=moment, kind="away")
    return warning


def away_on_deadline(
    session: Session, person: Staff, due_at: datetime | None, moment: datetime
) -> Text | None:
    """'张伟 3月10日出差，由陈志强代岗', or None. A deadline that has passed is asked about now."""
    return _away(session, [due_at] if due_at else [], moment).get(person.id)


def colleagues(session: Session, by: Actor, dues: Sequence[datetime], moment: datetime) -> list[Colleague]:
    """Everybody at work now but oneself, with who will be away on one of the deadlines.

    Three statements, and two more for each deadline on which somebody is away.
    """
    away_now = positions.away(session, moment)
    warnings = _away(session, dues, moment)
    people = session.scalars(select(Staff).where(Staff.active).order_by(Staff.name_pinyin))
    return [
        Colleague(one, warnings.get(one.id)) for one in people if one.key != by.key and one.id not in away_now
    ]


def _away(session: Session, dues: Sequence[datetime], moment: datetime) -> Mapping[int, Text]:
    """Staff id -> the sentence, for everybody away at one of the deadlines; the first such one counts."""
    moments = sorted({max(due_at - INSTANT, moment) for due_at in dues})
    if not moments:
        return {}
    absent = session.execute(
        select(Absence, Staff)
        .join(Staff, Staff.id == Absence.staff_id)
        .where(Absence.from_at <= moments[-1], Absence.to_at > moments[0], Absence.withdrawn_at.is_(None))
        .order_by(Absence.id)
    ).all()
    sentences: dict[int, Text] = {}
    for when in moments:
        then = [(absence, person) for absence, person in absent if absence.from_at <= when < absence.to_at]
        acting = _acting(session, when) if then else {}
        for absence, person in then:
            words = _sentence(person, absence, acting.get(person.id, []), when, moment)
            sentences.setdefault(person.id, words)
    return sentences


def _acting(session: Session, when: datetime) -> dict[int, list[str]]:
    """Staff id of whoever is away then -> the names of those who act."""
    acting: dict[int, dict[str, None]] = {}
    for held in positions.holders(session, when).values():
        for holder, absentee in held:
            if absentee is not None:
                acting.setdefault(absentee.id, {})[holder.name] = None
    return {number: list(names) for number, names in acting.items()}


def _sentence(
    person: Staff, absence: Absence, acting: Sequence[str], when: datetime, moment: datetime
) -> Text:
    words: dict[str, object] = {
        "who": person.name,
        "day": day_text(when.astimezone(ZONE).date(), year=moment.astimezone(ZONE).year),
        "cause": T("离岗") if absence.cause == OTHER else CAUSES[absence.cause],
    }
    if acting:
        return T("%(who)s %(day)s%(cause)s，由%(acting)s代岗", acting="、".join(acting), **words)
    return T("%(who)s %(day)s%(cause)s，届时无人代岗", **words)


def _about(session: Session, task: TaskRow) -> tuple[str, str]:
    """(what the task is about, the page where that is shown). NotFound."""
    key = read(session.connection(), task.instance_id).business_key
    if other := subjects.of(session, [key]).get(key):
        return other.title, other.href
    case = by_key(session, key)
    return case.title, f"/cases/{case.id}"
