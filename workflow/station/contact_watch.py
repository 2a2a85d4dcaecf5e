"""Nobody is left without news (R2.1d): an interval since the last contact, then a task to tell how it stands.

One small process per accepted case, on a clock of its own: a suspended case still owes news. Every contact
begins the interval anew (``contacts.record``); it ends when the case is closed.
"""

from __future__ import annotations

from collections.abc import Mapping

from workflow.engine.actions import ActionContext, action
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.schema import Json
from workflow.station import clock_ledger, clocks, owners, telling
from workflow.station.cases import Case
from workflow.station.contacts import PROGRESS_CLOCK
from workflow.station.deadlines import Limit

PROCESS = "contact_watch"


def begin(engine: Engine, case: Case, *, by: Actor) -> None:
    """Watch over an accepted case."""
    limit = float(case.item.limit_value or 0) if case.item else 0.0
    engine.start(PROCESS, by=by, data={"case_id": case.id, "limit_days": limit}, business_key=case.key)


@action("start_contact_clock", inputs={"case_id": "number", "interval_days": "number"})
def start_contact_clock(context: ActionContext, case_id: int, interval_days: float) -> None:
    """The receipt was the first contact: from here on the interval counts, in working days."""
    case = context.session.get_one(Case, case_id)
    clocks.start(
        context.session,
        owner=case.key,
        kind=PROGRESS_CLOCK,
        started_at=context.moment,
        limit=Limit(interval_days, "working-day"),
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )


@action("find_owner", inputs={"case_id": "number"}, outputs={"owner": "string"})
def find_owner(context: ActionContext, case_id: int) -> Mapping[str, Json]:
    """Who has the case's work at this moment, for a task beside it."""
    case = context.session.get_one(Case, case_id)
    return {"owner": owners.candidate(context.session, case)}


@action("record_progress", inputs={"case_id": "number"}, outputs={"reached": "boolean"})
def record_progress(context: ActionContext, case_id: int) -> Mapping[str, Json]:
    """Keep the contact; whoever was not reached is to be told again."""
    case = context.session.get_one(Case, case_id)
    return {"reached": telling.keep(context, case, subject="progress")}


@action("end_contact_clock", inputs={"case_id": "number"})
def end_contact_clock(context: ActionContext, case_id: int) -> None:
    """The case is closed: no more news is owed."""
    case = context.session.get_one(Case, case_id)
    clock = clocks.of(context.session, case.key, PROGRESS_CLOCK)
    if clock is not None and clock.state != clock_ledger.FINISHED:
        clocks.finish(
            context.session,
            clock,
            context.moment,
            actor=context.actor.key,
            on_behalf_of=context.on_behalf_of,
        )
