"""Telling a client something that must be told by a person: the shared form and its action (R2.4.3c)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

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
    """Who is to be told what; ``to_tell`` is the diagram's own sentence."""
    case = cases.by_key(context.session, context.business_key)
    phone = case.applicant.shown_phone
    return {
        "client": f"{case.applicant.shown_name} {phone}".strip(),
        "what": context.data.get("to_tell"),
        "channel": "phone",
        "at": f"{context.moment.astimezone(ZONE):%Y-%m-%dT%H:%M}+08:00",
    }


@action(
    "record_contact",
    inputs={"case_id": "number", "subject": "string", "to_tell": "string", "outbox_id": "number"},
    outputs={"reached": "boolean"},
)
def record_contact(
    context: ActionContext, case_id: int, subject: str, to_tell: str, outbox_id: int | None
) -> Mapping[str, Json]:
    """Keep what the form says of the contact; a message that waited for this very call is done. Refused."""
    session, form = context.session, context.submission
    contact = contacts.record(
        session,
        session.get_one(Case, case_id),
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
    row = session.get(Outbox, outbox_id) if outbox_id and reached else None
    if row is not None and row.state == outbox.CALL_LIST:
        outbox.log_call(
            session,
            context.actor,
            row,
            reached=True,
            outcome=contacts.OUTCOMES[contact.outcome].say(),
            moment=context.moment,
            on_behalf_of=context.on_behalf_of,
        )
    context.note(contact=contact.channel, outcome=contact.outcome)
    return {"reached": reached}


def local_moment(text: str) -> datetime:
    """'2026-03-02T09:30', with or without an offset; without one it is Shanghai's."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)
