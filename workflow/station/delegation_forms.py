"""The forms of the delegation diagram (P04): the choices in them, and what they open with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.engine.actions import Choice, FormContext, options, prefill
from workflow.engine.submissions import latest
from workflow.station import absences, positions, work_handover
from workflow.station.absences import Absence
from workflow.station.calendar import ZONE
from workflow.station.persons import mask_phone
from workflow.station.staff import Staff, by_key, called
from workflow.texts import T, Text, listed

# choices


@options("absentees")
def absentee_choices(context: FormContext) -> list[Choice]:
    """Oneself; whoever leads may register anybody, and reads each one's B beside the name."""
    if "lead" in context.actor.may:
        return [
            {"value": str(one.id), "label": _with_seconds(context, one)}
            for one in _everybody(context.session)
        ]
    me = by_key(context.session, context.actor.key)
    return [{"value": str(me.id), "label": called(me)}] if me else []


@options("substitutes")
def substitute_choices(context: FormContext) -> list[Choice]:
    """Everybody, with the absences to come beside the name: whoever is away then is refused on arrival."""
    return [
        {"value": str(one.id), "label": _with_absences(context, one)} for one in _everybody(context.session)
    ]


# what the forms open with


@prefill("delegation/register")
def register_first(context: FormContext) -> Mapping[str, Any]:
    """Oneself, from the next full hour on."""
    me = by_key(context.session, context.actor.key)
    if me is None:
        return {}
    own = {} if "lead" in context.actor.may else {"seconds": _seconds(context, me)}
    hour = context.moment.astimezone(ZONE).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return {
        "who": str(me.id),
        "from_at": f"{hour:%Y-%m-%dT%H:%M}",
        **own,
    }


@prefill("delegation/confirm")
def confirm_first(context: FormContext) -> Mapping[str, Any]:
    absence = absences.by_key(context.session, context.business_key)
    posts = positions.names_of(context.session, absence.person, context.moment)
    return {
        **_shown(absence),
        "cause": absence.cause + (f"（{absence.cause_text}）" if absence.cause_text else ""),
        "positions": "、".join(posts) or "—",
        "handed_over": absence.handed_over or None,
    }


@prefill("delegation/name_substitute")
def name_substitute_first(context: FormContext) -> Mapping[str, Any]:
    absence = absences.by_key(context.session, context.business_key)
    answer = latest(context.session, context.instance_id or 0, "delegation/confirm") or {}
    return {
        **_shown(absence),
        "asked": absence.substitute.name if absence.substitute else "—",
        "why": answer.get("reason") or str(T("逾时没有确认")),
    }


@prefill("delegation/hand_over")
def hand_over_first(context: FormContext) -> Mapping[str, Any]:
    """A's open work as it is now, with what was written the last time."""
    absence = absences.by_key(context.session, context.business_key)
    before = latest(context.session, context.instance_id or 0, "delegation/hand_over") or {}
    asked = latest(context.session, context.instance_id or 0, "delegation/take_over") or {}
    notes = {(row["case_no"], row["step"]): row.get("note") for row in before.get("work") or []}
    rows = work_handover.open_work(context.session, absence.person, context.moment)
    return {
        **_shown(absence),
        "lacking": asked.get("lacking"),
        "work": [
            {**row, **({"note": note} if (note := notes.get((row["case_no"], row["step"]))) else {})}
            for row in rows
        ],
        "equipment": before.get("equipment") or [],
        "keys": before.get("keys") or [],
        **({"note": before["note"]} if before.get("note") else {}),
    }


@prefill("delegation/take_over")
def take_over_first(context: FormContext) -> Mapping[str, Any]:
    return _once_filled(context, "delegation/hand_over", "work", "equipment", "keys", "note")


@prefill("delegation/return")
def return_first(context: FormContext) -> Mapping[str, Any]:
    return _shown(absences.by_key(context.session, context.business_key))


@prefill("delegation/not_returned")
def not_returned_first(context: FormContext) -> Mapping[str, Any]:
    absence = absences.by_key(context.session, context.business_key)
    acting = positions.stand_ins(
        context.session, absence.person, min(context.moment, absence.to_at - timedelta.resolution)
    )
    return {
        **_shown(absence),
        "acting": str(_and(acting)) or "—",
        "phone": mask_phone(absence.emergency_phone or absence.person.phone or ""),
    }


@prefill("delegation/hand_back")
def hand_back_first(context: FormContext) -> Mapping[str, Any]:
    absence = absences.by_key(context.session, context.business_key)
    return {
        **_shown(absence),
        "done": work_handover.done_for(context.session, absence, context.moment),
        "open": work_handover.open_work(context.session, absence.person, context.moment),
    }


@prefill("delegation/acknowledge")
def acknowledge_first(context: FormContext) -> Mapping[str, Any]:
    return _once_filled(context, "delegation/hand_back", "done", "open", "note")


def _once_filled(context: FormContext, form: str, *keys: str) -> Mapping[str, Any]:
    absence = absences.by_key(context.session, context.business_key)
    before = latest(context.session, context.instance_id or 0, form) or {}
    return {**_shown(absence), **{key: before.get(key) for key in keys}}


def _everybody(session: Session) -> list[Staff]:
    return list(session.scalars(select(Staff).where(Staff.active).order_by(Staff.name_pinyin)))


def _seconds(context: FormContext, person: Staff) -> str:
    return str(_and(positions.seconds(context.session, person, context.moment))) or "—"


def _with_seconds(context: FormContext, person: Staff) -> Text:
    return T("%(name)s（B角：%(seconds)s）", name=called(person), seconds=_seconds(context, person))


def _with_absences(context: FormContext, person: Staff) -> Text:
    coming = absences.overlapping(context.moment, datetime.max.replace(tzinfo=ZONE))
    found = context.session.scalars(coming.where(Absence.staff_id == person.id)).all()
    if not found:
        return called(person)
    return T("%(name)s（%(when)s不在岗）", name=person.name, when=listed(map(absences.period, found)))


def _shown(absence: Absence) -> dict[str, Any]:
    return {"who": absence.person.name, "period": absences.period(absence)}


def _and(people: list[Staff]) -> Text | str:
    return listed(person.name for person in people)
