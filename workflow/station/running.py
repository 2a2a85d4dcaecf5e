"""The engine as the station runs it: with the station's clocks, and with all words that diagrams may use."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflow.bpmn.parsing import load_folder
from workflow.database import business_now
from workflow.engine import definitions, incidents
from workflow.engine.definitions import DefinitionRow
from workflow.engine.engine import Engine
from workflow.engine.incidents import IncidentRow
from workflow.engine.instances import read
from workflow.engine.timers import Decide
from workflow.station import (
    calendar,
    clock_ledger,
    clocks,
    co_handling,
    collection,
    complaint_alerts,
    complaint_extensions,
    complaint_forms,
    complaint_handling,
    complaint_outcome,
    complaint_progress,
    complaint_reception,
    conflicts,
    consultation_forms,
    consultation_steps,
    contact_watch,
    coordination_steps,
    declining,
    deficiencies,
    deficiency_forms,
    delegation,
    delegation_forms,
    diagram_reading,
    escalation,
    extension_steps,
    follow_up_reminders,
    handovers,
    intake,
    joint_handling,
    material_check,
    notices,
    owners,
    positions,
    review,
    rungs,
    supervision,
    suspensions,
    telling,
    transfer_steps,
    unlisted,
    visits,
)
from workflow.station.cases import Case
from workflow.station.contacts import PROGRESS_CLOCK
from workflow.station.deadlines import Limit, deadline
from workflow.texts import T

ROOT = Path(__file__).parents[2]
SHIPPED = (
    "intake",
    "supervision",
    "contact_watch",
    "unlisted_material",
    "delegation",
    "extension_approval",
    "suspension",
    "follow_up_reminder",
    "complaint",
    "complaint_progress",
    "complaint_extension",
    "notice_of_deficiencies",
    "first_contact_handover",
    "transfer",
    "collection",
    "coordination",
    "co_handling",
    "joint_handling",
    "consultation",
)
WORDS = (  # importing them registers their actions, and the tables that cases name
    co_handling,
    collection,
    complaint_alerts,
    complaint_extensions,
    complaint_forms,
    complaint_handling,
    complaint_outcome,
    complaint_progress,
    complaint_reception,
    consultation_forms,
    consultation_steps,
    contact_watch,
    coordination_steps,
    declining,
    deficiencies,
    deficiency_forms,
    delegation,
    delegation_forms,
    escalation,
    extension_steps,
    follow_up_reminders,
    handovers,
    intake,
    joint_handling,
    material_check,
    review,
    supervision,
    suspensions,
    telling,
    transfer_steps,
    unlisted,
    visits,
)


class StationClocks:
    """Answers the engine's questions about time from the calendar and the clocks of cases (decisions 8)."""

    def after(self, session: Session, moment: datetime, value: float, unit: str) -> datetime:
        return deadline(moment, Limit(value, unit), calendar.load(session)).at

    def deadline(self, session: Session, business_key: str | None, clock: str) -> datetime | None:
        """Nothing while the clock stands still: then no day is known."""
        if clock == PROGRESS_CLOCK and (business_key or "").startswith("complaint:"):
            return complaint_progress.next_due(session, business_key or "")
        found = clocks.of(session, business_key or "", clock)
        return found.deadline_at if found and found.state != clock_ledger.STOPPED else None

    def rung(
        self, session: Session, business_key: str | None, clock: str, rung: str, decide: Decide
    ) -> datetime | None:
        found = clocks.of(session, business_key or "", clock)
        if found is None:
            return None
        return rungs.due(session, found, rung, decide, acted=lambda: owners.acted(session, found.owner))


CLOCKS = StationClocks()


def engine_for(session: Session) -> Engine:
    """The engine in this session."""
    return Engine(session, CLOCKS)


def report(
    session: Session,
    instance_id: int,
    *,
    code: str,
    message: str,
    element: str | None = None,
    timer_id: int | None = None,
) -> IncidentRow:
    """Keep an incident, and tell head and administrators of a new one. Flushes.

    In a transaction after the one that failed; the same incident again is only counted.
    """
    row = incidents.record(
        session, instance_id, code=code, message=message, element=element, timer_id=timer_id
    )
    if row.times > 1:
        return row
    moment = business_now(session)
    case = session.scalars(select(Case).where(Case.instance_id == instance_id)).first()
    sentence = T("运行异常：%(what)s（%(why)s）", what=(case.no or case.key) if case else "—", why=message)
    link = f"/cases/{case.id}" if case else ""
    kept_from = conflicts.barred(session, read(session.connection(), instance_id).business_key or "")
    for duty in (positions.HEAD, positions.ADMIN):
        for person, _ in positions.holders_of(session, duty, moment):
            if person.key not in kept_from:
                notices.tell(session, person, sentence, link, moment=moment, kind="incident")
    return row


def deploy_shipped(session: Session, *, actor: str, moment: datetime) -> None:
    """Deploy the diagrams that come with Yizhan where they are new or changed; new versions ask to be read
    (R2.2.6b). Flushes. InvalidDiagram."""
    before = session.scalar(select(func.max(DefinitionRow.id))) or 0
    for key in SHIPPED:
        bundle = load_folder(key, ROOT / "processes", ROOT / "forms")
        row = definitions.deploy(session, bundle, actor=actor, moment=moment, note="shipped")
        if row.id > before:
            diagram_reading.ask_everybody(session, row, moment)
