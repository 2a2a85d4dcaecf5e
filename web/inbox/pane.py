"""One task beside the list: how its case stands, what happened last, what can be done."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from web.cases.events import Event, events, of_case, running_for
from web.discussion.card import Said, latest
from web.inbox.worklist import Line, line
from web.language import day, say
from web.request import actor, db, moment
from workflow.engine.tasks import TaskRow
from workflow.station import (
    calendar,
    cases,
    clock_ledger,
    clock_reckoning,
    clocks,
    discussion,
    reassignment,
    staff,
)
from workflow.station.absences import CAUSES, Absence, period
from workflow.station.cases import Case
from workflow.station.permissions import can
from workflow.station.reassignment import Colleague
from workflow.texts import Text

LATEST = 4  # events shown


@dataclass(frozen=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True)
class Pane:
    """``share`` is the part of the limit that is used, in percent; None where no limit runs.

    ``why`` explains the date of the clock the task hangs on; ``warning`` says that its holder is away then.
    """

    line: Line
    share: int | None
    why: Text | None
    warning: Text | None
    comment: Said | None
    facts: list[Fact]
    events: list[Event]
    can_work: bool
    can_claim: bool
    can_give_back: bool
    colleagues: list[tuple[str, str]]


def pane(task_id: int) -> Pane | None:
    """None when the task is gone or is nothing this person may see."""
    shown = line(task_id)
    if shown is None:
        return None
    by = actor()
    task = db().get_one(TaskRow, task_id)
    facts, case = _subject(shown)
    clock = clocks.of(db(), case.key, task.clock) if case and task.clock else None
    happened = events(db(), of_case(case) if case else running_for(task))
    said = discussion.latest(db(), by, case) if case else None
    holder = staff.by_key(db(), task.assignee)
    return Pane(
        line=shown,
        share=_share(task, clock),
        why=clock_reckoning.why(db(), clock) if clock else None,
        warning=reassignment.away_on_deadline(db(), holder, task.due_at, moment()) if holder else None,
        comment=latest(said) if said else None,
        facts=facts,
        events=happened[:LATEST],
        can_work=_workable(task),
        can_claim=task.assignee is None and can(by, "claim", task),
        can_give_back=task.assignee is not None and can(by, "unclaim", task),
        colleagues=_colleagues(task) if can(by, "reassign", task) else [],
    )


def named(colleague: Colleague) -> str:
    """'张伟 工程师', and what is to be said against it: '… — 张伟 3月10日出差，由陈志强代岗'."""
    person = colleague.person
    name = f"{person.name} {say(person.title)}".strip()
    return f"{name} — {say(colleague.away)}" if colleague.away else name


def _workable(task: TaskRow) -> bool:
    by = actor()
    offered = task.assignee is None and can(by, "complete", task)
    return offered or task.assignee in by.selves or "lead" in by.may


def _subject(line: Line) -> tuple[list[Fact], Case | None]:
    """What a task is about, and the case if it is one. NotFound."""
    if line.absence_id is not None:
        return facts_of(db().get_one(Absence, line.absence_id)), None
    if line.matter is not None:
        return [Fact(say(label), say(value)) for label, value in line.matter.facts], None
    case = cases.find(db(), actor(), line.case_id or 0)
    return _facts(case), case


def facts_of(absence: Absence) -> list[Fact]:
    cause = say(CAUSES[absence.cause])
    return [
        Fact(_("离岗人"), absence.person.name),
        Fact(_("离岗事由"), f"{cause}（{absence.cause_text}）" if absence.cause_text else cause),
        Fact(_("离岗时间"), period(absence)),
        Fact(_("替补人"), absence.substitute.name if absence.substitute else "—"),
    ]


def _share(task: TaskRow, clock: clock_ledger.Clock | None) -> int | None:
    """Percent of the working time until the shown due date that has passed, at most 100."""
    if clock is not None:
        return round(clock_reckoning.used(db(), clock, moment()) * 100)
    if task.due_at is None:
        return None
    days = calendar.load(db())
    whole = days.working_minutes(task.created_at, task.due_at)
    return min(100, round(100 * days.working_minutes(task.created_at, moment()) / whole)) if whole else 100


def _facts(case: Case) -> list[Fact]:
    facts = [Fact(_("服务对象"), case.applicant.shown_name)]
    if case.enterprise:
        facts.append(Fact(_("企业"), case.enterprise.name))
    if phone := say(case.applicant.shown_phone):
        facts.append(Fact(_("联系电话"), phone))
    facts.append(Fact(_("诉求"), case.matter))
    if case.receipt_due_at:
        facts.append(Fact(_("承诺取件"), day(case.receipt_due_at)))
    return facts


def _colleagues(task: TaskRow) -> list[tuple[str, str]]:
    found = reassignment.colleagues(db(), actor(), [task.due_at] if task.due_at else [], moment())
    return [(one.person.key, named(one)) for one in found]
