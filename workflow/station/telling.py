"""Telling a client something that must be told by a person: the shared form and its action (R2.4.3c)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.schema import Json
from workflow.station import cases, contacts, outbox
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.outbox import Outbox


@options("contact_channels")
def channel_choices(context: FormContext) -> list[Choice]:
    return [{"value": code, "label": label} for code, label in contacts.CHANNELS.items()]


@options("contact_outcomes")
def outcome_choices(context: FormContext) -> list[Choice]:
    return [{"value": code, "label": label} for code, label in contacts.OUTCOMES.items()]


@prefill("contact/tell")
def tell_first(context: FormContext) -> Mapping[str, Any]:
    """Who is to be told what: ``to_tell`` is the diagram's own sentence, else the message that waits."""
    case = cases.by_key(context.session, context.business_key)
    what = (
        context.data.get("to_tell")
        or context.session.scalars(
            select(Outbox.text)
            .where(Outbox.case_id == case.id, Outbox.state == outbox.CALL_LIST, Outbox.subject != "")
            .order_by(Outbox.id.desc())
        ).first()
    )
    return {
        "case_no": case.no,
        "client": f"{case.applicant.shown_name} {case.applicant.shown_phone}".strip(),
        "what": what,
        "channel": "phone",
        "at": f"{context.moment.astimezone(ZONE):%Y-%m-%dT%H:%M}",
    }


@action(
    "record_contact",
    inputs={"case_id": "number", "subject": "string", "to_tell": "string"},
    outputs={"reached": "boolean"},
)
def record_contact(context: ActionContext, case_id: int, subject: str, to_tell: str) -> Mapping[str, Json]:
    """Keep what the form says of the contact; ``to_tell`` stands for words left out. Refused."""
    case = context.session.get_one(Case, case_id)
    return {"reached": keep(context, case, subject=subject, to_tell=to_tell)}


def keep(context: ActionContext, case: Case, *, subject: str, to_tell: str = "") -> bool:
    """Write down the contact of the form; was the client reached? What waited to be called is then said.

    Flushes. Refused.
    """
    form = context.submission
    contact = contacts.record(
        context.session,
        case,
        engine=context.engine,
        channel=form["channel"],
        outcome=form["outcome"],
        content=form.get("content") or to_tell,
        at=local_moment(form["at"]),
        moment=context.moment,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
        subject=subject,
    )
    reached = contact.outcome == contacts.REACHED
    if reached:
        outbox.settle(context.session, case.id, subject, by=context.actor, moment=context.moment)
    context.note(contact=contact.channel, outcome=contact.outcome)
    return reached


def local_moment(text: str) -> datetime:
    """'2026-03-02T09:30', with or without an offset; without one it is Shanghai's."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
