"""What happened to a case, in words: who did what for whom, when; the newest first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select
from sqlalchemy.orm import Session

from web.cases.diagrams import names_of
from web.language import day, hour, say
from web.request import db
from workflow.engine.history import HistoryRow
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import TaskRow
from workflow.station import staff
from workflow.station.absences import Absence
from workflow.station.cases import STATES, Case
from workflow.station.clock_ledger import REASONS as STOPS
from workflow.station.contacts import OUTCOMES

DONE, NOW, QUIET = "done", "now", ""


@dataclass(frozen=True)
class Event:
    """One line of the timeline; ``tone`` colours its dot."""

    at: datetime
    what: str
    who: str
    acting_for: str
    note: str
    tone: str


def of_case(case: Case | Absence) -> Sequence[int]:
    """The instances that run for a case: its own and the side ones, such as a supervision."""
    return of_key(case.key)


def of_key(key: str) -> Sequence[int]:
    """The instances of a business key."""
    return db().scalars(select(InstanceRow.id).where(InstanceRow.business_key == key)).all()


def running_for(task: TaskRow) -> Sequence[int]:
    """The instances of whatever a task is about."""
    key = db().scalar(select(InstanceRow.business_key).where(InstanceRow.id == task.instance_id))
    return of_key(key or "")


def events(session: Session, instance_ids: Iterable[int]) -> list[Event]:
    """All lines of these instances. Moving a clock's timers is not news and is left out."""
    rows = session.scalars(
        select(HistoryRow)
        .where(HistoryRow.instance_id.in_(list(instance_ids)), HistoryRow.kind != "rearm")
        .order_by(HistoryRow.at.desc(), HistoryRow.seq.desc())
    ).all()
    mentioned = {row.detail.get("to") for row in rows} | {row.on_behalf_of for row in rows}
    people = staff.names(session, {key for key in mentioned | {row.actor for row in rows} if key})
    steps = {one: names_of(session, one) for one in {row.instance_id for row in rows}}
    return [
        Event(
            at=row.at,
            what=_what(row, _step(row, steps[row.instance_id]), people),
            who=say(people.get(row.actor, "")) if row.actor != "system" else _("系统"),
            acting_for=people.get(row.on_behalf_of or "", ""),
            note=_note(row.detail),
            tone=DONE if row.kind in ("start", "complete") else NOW if row.kind == "fire" else QUIET,
        )
        for row in rows
    ]


def _step(row: HistoryRow, names: Mapping[str, str]) -> str:
    """The element's name; of a start, that of the process."""
    process = str(row.detail.get("definition", "")).partition(":")[0]
    return say(names.get(row.element or process, ""))


def _what(row: HistoryRow, step: str, people: Mapping[str, str]) -> str:
    to = people.get(str(row.detail.get("to")), "")
    words: dict[str, str] = {
        "start": _("开始“%(step)s”", step=step),
        "complete": _("完成“%(step)s”", step=step),
        "claim": _("签收“%(step)s”", step=step),
        "unclaim": _("退回“%(step)s”", step=step),
        "reassign": _("把“%(step)s”转交给 %(name)s", step=step, name=to),
        "receive": _("收到消息"),
        "cancel": _("终止"),
        "fire": _("到时：%(step)s", step=step),
        "retry": _("重试“%(step)s”", step=step),
    }
    return words.get(row.kind, row.kind)


def _note(detail: Mapping[str, Any]) -> str:
    """The facts an action left in the line."""
    notes = []
    if no := detail.get("case_no"):
        notes.append(_("编号 %(no)s", no=no))
    if unit := detail.get("unit"):
        notes.append(str(unit))
    if no := detail.get("document"):
        notes.append(_("出具文书 %(no)s", no=no))
    if found := detail.get("deadline"):
        at = datetime.fromisoformat(str(found))
        notes.append(_("期限 %(at)s", at=f"{day(at)} {hour(at)}"))
    if planned := detail.get("planned_on"):
        notes.append(_("承诺 %(day)s", day=planned))
    if days := detail.get("asked_days"):
        notes.append(_("申请 %(days)s 天", days=days))
    if days := detail.get("granted_days"):
        notes.append(_("批准 %(days)s 天", days=days))
    if no := detail.get("sheet"):
        notes.append(_("出具文书 %(no)s", no=no))
    if (code := detail.get("stopped")) in STOPS:
        notes.append(say(STOPS[str(code)]))
    if (code := detail.get("outcome")) in OUTCOMES:
        notes.append(say(OUTCOMES[str(code)]))
    if reason := detail.get("reason"):
        notes.append(say(STATES[reason]) if reason in STATES else str(reason))
    return " · ".join(notes)
