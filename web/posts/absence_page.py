"""Everything the page of an absence shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from web.cases.events import Event, events, of_case
from web.cases.page import Paper
from web.inbox.pane import Fact
from web.inbox.worklist import Line as Task
from web.inbox.worklist import shown
from web.language import say
from web.posts.page import Line, find, line
from web.request import actor, db, moment
from workflow.engine.actors import Actor
from workflow.engine.submissions import latest
from workflow.engine.tasks import OPEN, TaskRow
from workflow.errors import NotFound
from workflow.station import absences, documents, inbox, positions, staff, work_handover
from workflow.station.absences import Absence
from workflow.station.documents import Document
from workflow.station.permissions import can, visible


@dataclass(frozen=True)
class Step:
    """An open step: who is asked now; ``task`` if the reader may do it, ``mine`` if it is the reader's."""

    name: str
    people: str
    task: Task | None
    mine: bool


@dataclass(frozen=True)
class Handed:
    """What was handed over before, or handed back after: lines as they were filled in."""

    work: list[Mapping[str, Any]]
    equipment: list[Mapping[str, Any]]
    keys: list[Mapping[str, Any]]
    note: str


@dataclass(frozen=True)
class Back:
    done: list[Mapping[str, Any]]
    open: list[Mapping[str, Any]]
    note: str


@dataclass(frozen=True)
class Page:
    line: Line
    facts: list[Fact]
    steps: list[Step]
    handed: Handed | None
    back: Back | None
    documents: list[Paper]
    events: list[Event]
    open_work: int
    sees_lists: bool
    may_withdraw: bool
    may_see_phone: bool


def page(absence_id: int) -> Page:
    """NotFound."""
    absence = found(absence_id)
    by, now = actor(), moment()
    instances = of_case(absence)
    sees_lists = can(by, "see_hand_over", absence)
    return Page(
        line=line(absence),
        facts=_facts(absence),
        steps=_steps(absence, instances),
        handed=_handed(instances) if sees_lists else None,
        back=_back(instances) if sees_lists else None,
        documents=_documents(absence),
        events=events(db(), instances) if sees_lists else [],
        open_work=len(work_handover.open_work(db(), absence.person, now)) if sees_lists else 0,
        sees_lists=sees_lists,
        may_withdraw=bool(instances)
        and absence.state(now) == absences.COMING
        and can(by, "withdraw_absence", absence),
        may_see_phone=can(by, "see_emergency_phone", absence),
    )


def found(absence_id: int) -> Absence:
    """NotFound: it does not exist, or not for this person."""
    absence = find(absence_id)
    if absence is None:
        raise NotFound
    return absence


def _facts(absence: Absence) -> list[Fact]:
    posts = positions.names_of(db(), absence.person, moment())
    cause = say(absences.CAUSES[absence.cause])
    who = staff.names(db(), [absence.registered_by])
    facts = [
        Fact(_("岗位"), _("、").join(say(one) for one in posts) or "—"),
        Fact(_("离岗事由"), f"{cause} · {absence.cause_text}" if absence.cause_text else cause),
        Fact(_("离岗方式"), _("突发离岗") if absence.sudden else _("计划离岗")),
        Fact(_("登记人"), say(who.get(absence.registered_by, ""))),
    ]
    if absence.handed_over:
        facts.append(Fact(_("交接事项"), absence.handed_over))
    return facts


def _steps(absence: Absence, instances: Sequence[int]) -> list[Step]:
    by = actor()
    tasks = {task.id: task for task in shown(inbox.of_absence(db(), by, moment(), absence.id))}
    rows = db().scalars(
        select(TaskRow).where(TaskRow.instance_id.in_(instances), TaskRow.status == OPEN).order_by(TaskRow.id)
    )
    return [
        Step(row.name, _asked(row), tasks.get(row.id), row.id in tasks and _is_mine(row, by)) for row in rows
    ]


def _is_mine(task: TaskRow, by: Actor) -> bool:
    """Offered to the reader, not only open to whoever leads."""
    return task.assignee in by.selves if task.assignee else task.candidate in by.asked


def _asked(task: TaskRow) -> str:
    asked = positions.holders_of(db(), task.assignee or task.candidate, moment())
    names = [
        _("%(name)s（代 %(other)s）", name=person.name, other=other.name) if other else person.name
        for person, other in asked
        if person.key not in (task.excluded or ())
    ]
    return str(_("、").join(names))


def _handed(instances: Sequence[int]) -> Handed | None:
    filled = _filled(instances, "delegation/hand_over")
    if filled is None:
        return None
    rows = {name: filled.get(name) or [] for name in ("work", "equipment", "keys")}
    return Handed(**rows, note=filled.get("note") or "")


def _back(instances: Sequence[int]) -> Back | None:
    filled = _filled(instances, "delegation/hand_back")
    if filled is None:
        return None
    return Back(filled.get("done") or [], filled.get("open") or [], filled.get("note") or "")


def _filled(instances: Sequence[int], form: str) -> Mapping[str, Any] | None:
    return next((data for one in instances if (data := latest(db(), one, form))), None)


def _documents(absence: Absence) -> list[Paper]:
    seen = set(
        db().scalars(select(Document.id).where(Document.owner == absence.key, visible(actor(), Document)))
    )
    return [
        Paper(one.id, one.name, one.no, one.issued_at, one.is_void)
        for one in documents.of(db(), absence.key)
        if one.id in seen
    ]
