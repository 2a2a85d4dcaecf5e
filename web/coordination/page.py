"""Matters of coordination as pages show them: on their own page, in the list, on a case."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from web.deadlines import LATE, NONE, OK, SIGNS, SOON
from web.language import ZONE, say
from web.request import actor, db, moment
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station import coordination
from workflow.station.cases import Case
from workflow.station.coordination import KEPT, NOT_KEPT, UNREACHED, Coordination, Matter
from workflow.station.permissions import can, visible

TONES = {KEPT: OK, NOT_KEPT: LATE, UNREACHED: SOON}


@dataclass(frozen=True)
class Said:
    """One line of a matter."""

    at: datetime
    kind: str
    words: str
    due_on: str
    who: str
    acting_for: str


@dataclass(frozen=True)
class Row:
    """A matter: with whom, about what, how it stands. ``open``: what was agreed is still to come."""

    id: int
    with_whom: str
    about: str
    last: str
    due_on: str
    state: str
    tone: str
    sign: str
    open: bool
    case: tuple[int, str] | None
    lines: list[Said]


@dataclass(frozen=True)
class Page:
    """``task_id``: the task that asks what came of it; ``early``: it may be opened now."""

    row: Row
    task_id: int | None
    early: bool
    can_correct: bool


def rows(matters: Iterable[Matter]) -> list[Row]:
    found = list(matters)
    people = coordination.names(db(), found)
    ids = {one.first.case_id for one in found if one.first.case_id is not None}
    cases = {case.id: case for case in db().scalars(select(Case).where(Case.id.in_(ids)))}
    return [_row(one, people, cases.get(one.first.case_id or 0)) for one in found]


def page(first_id: int) -> Page:
    """NotFound."""
    first = coordination.find(db(), actor(), first_id)
    (row,) = rows(coordination.matters(db(), [first]))
    task = task_of(first)
    mine = can(actor(), "correct_coordination", first)
    return Page(row=row, task_id=task, early=row.open and task is None and mine, can_correct=mine)


def task_of(first: Coordination) -> int | None:
    """The open task of a matter, for whoever may see it."""
    found = select(TaskRow.id).where(
        TaskRow.instance_id == first.instance_id, TaskRow.status == OPEN, visible(actor(), TaskRow)
    )
    return db().scalar(found)


def _row(one: Matter, people: dict[str, str], case: Case | None) -> Row:
    today = moment().astimezone(ZONE).date()
    tone = TONES.get(one.last.kind, NONE)
    if one.open:
        tone = LATE if one.due_on and one.due_on < today else SOON
    return Row(
        id=one.first.id,
        with_whom=one.first.with_whom,
        about=one.first.about,
        last=one.last.words,
        due_on=one.due_on.isoformat() if one.due_on else "",
        state=say(one.state),
        tone=tone,
        sign=SIGNS[tone],
        open=one.open,
        case=(case.id, case.no or case.title) if case else None,
        lines=[
            Said(
                at=line.at,
                kind=say(coordination.KINDS[line.kind]),
                words=line.words,
                due_on=line.due_on.isoformat() if line.due_on else "",
                who=people.get(line.actor, ""),
                acting_for=people.get(line.on_behalf_of or "", ""),
            )
            for line in one.lines
        ],
    )
