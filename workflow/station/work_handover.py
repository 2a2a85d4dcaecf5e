"""What is handed over and handed back around an absence: the lists, and the paper 工作交接单 (R1.3, P04)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import DONE, OPEN, TaskRow
from workflow.settings import Settings
from workflow.station import documents, positions
from workflow.station.absences import Absence
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.documents import Document, Issuer, Kind
from workflow.station.staff import Staff, names
from workflow.texts import T

KIND = "work_handover"


def open_work(session: Session, staff: Staff, moment: datetime) -> list[dict[str, Any]]:
    """The open tasks of cases that are this person's: claimed, or offered to positions he or she is A of.

    A duty that others hold too is everybody's, and no part of it. The most urgent first.
    """
    own = positions.codes_of(session, staff, moment)
    mine = or_(
        TaskRow.assignee == staff.key,
        and_(TaskRow.assignee.is_(None), TaskRow.candidate.in_([staff.key, *own])),
    )
    found = _of_cases().where(TaskRow.status == OPEN, mine).order_by(TaskRow.due_at.asc().nulls_last())
    return [
        {
            "case_no": case.no or str(T("未编号")),
            "title": case.title,
            "step": task.name,
            "due": _minute(task.due_at),
        }
        for task, case in session.execute(found.order_by(TaskRow.id))
    ]


def done_for(session: Session, absence: Absence, moment: datetime) -> list[dict[str, Any]]:
    """What others completed on behalf of the person since the absence began, oldest first."""
    found = _of_cases().where(
        TaskRow.status == DONE,
        TaskRow.on_behalf_of == absence.person.key,
        TaskRow.closed_at >= absence.from_at,
        TaskRow.closed_at <= moment,
    )
    rows = session.execute(found.order_by(TaskRow.closed_at, TaskRow.id)).all()
    people = names(session, {task.actor for task, _ in rows if task.actor})
    return [
        {
            "at": _minute(task.closed_at),
            "case_no": case.no or str(T("未编号")),
            "what": f"{case.title} · {task.name}（{people.get(task.actor or '', '')}）",
        }
        for task, case in rows
    ]


def issue(
    session: Session,
    absence: Absence,
    handed: Mapping[str, Any],
    taken: Mapping[str, Any],
    context: Issuer,
) -> Document:
    """The paper with both lists and both names, in the transaction that takes the work over. Refused."""
    away = absence.person
    receiver = absence.substitute or _acting(session, absence, context.moment)
    posts = positions.names_of(session, away, context.moment)
    return documents.issue(
        session,
        KIND,
        {
            "item": f"工作交接：{away.name}" + (f" → {receiver.name}" if receiver else ""),
            "away": away.name,
            "away_title": away.title,
            "positions": "、".join(posts),
            "receiver": receiver.name if receiver else "—",
            "receiver_title": receiver.title if receiver else "",
            "handler": documents.signature(session, context.actor.key, context.on_behalf_of),
            "cause": absence.cause + (f"（{absence.cause_text}）" if absence.cause_text else ""),
            "sudden": absence.sudden,
            "from_at": absence.from_at.isoformat(),
            "to_at": absence.to_at.isoformat(),
            "handed_at": context.moment.isoformat(),
            "matters": absence.handed_over,
            "work": handed.get("work") or [],
            "equipment": handed.get("equipment") or [],
            "keys": handed.get("keys") or [],
            "note": handed.get("note") or "",
            "lacking": taken.get("lacking") or "",
        },
        owner=absence.key,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
        moment=context.moment,
        public_url=Settings.from_environment().public_url,
    )


def _acting(session: Session, absence: Absence, moment: datetime) -> Staff | None:
    return next(iter(positions.stand_ins(session, absence.person, moment)), None)


def _of_cases() -> Select[TaskRow, Case]:
    return (
        select(TaskRow, Case)
        .join(InstanceRow, InstanceRow.id == TaskRow.instance_id)
        .join(Case, Case.key == InstanceRow.business_key)
    )


def _minute(moment: datetime | None) -> str:
    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M}" if moment else "—"


def _words(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts as the paper says them."""

    def rows(name: str, *columns: str) -> list[dict[str, str]]:
        return [{column: str(row.get(column) or "—") for column in columns} for row in facts[name]]

    times = {name: _minute(datetime.fromisoformat(facts[name])) for name in ("from_at", "to_at", "handed_at")}
    return {
        **{name: str(facts.get(name) or "—") for name in ("away", "positions", "receiver", "cause")},
        **{name: str(facts.get(name) or "") for name in ("away_title", "receiver_title", "matters", "note")},
        "period": f"{times['from_at']} 至 {times['to_at']}",
        "handed_at": times["handed_at"],
        "handler": facts["handler"],
        "kind": "突发离岗，清单由代岗人填写" if facts.get("sudden") else "计划离岗",
        "work": rows("work", "case_no", "title", "step", "due", "note"),
        "equipment": rows("equipment", "name", "note"),
        "keys": rows("keys", "name", "note"),
    }


documents.KINDS[KIND] = Kind(
    "JJ",
    T("工作交接单"),
    frozenset(
        {"away", "positions", "receiver", "cause", "from_at", "to_at", "work", "equipment", "keys"}
        | {"handler", "handed_at"}
    ),
    frozenset(),
    _words,
)
