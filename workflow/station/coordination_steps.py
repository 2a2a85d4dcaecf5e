"""The words of the diagram ``coordination`` (R1.1d): its forms and its actions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.errors import NotAllowed, Refused
from workflow.schema import Json
from workflow.station import cases, coordination, notices, staff
from workflow.station.coordination import AGREED, Coordination
from workflow.station.staff import Staff
from workflow.texts import T

WHEN = {"due_at": "string", "remind_at": "string"}


@prefill("coordination/record")
def record_first(context: FormContext) -> Mapping[str, Any]:
    """The case, where it is about one."""
    return _case(context)


@prefill("coordination/settle")
def settle_first(context: FormContext) -> Mapping[str, Any]:
    """What was agreed, as it was last agreed."""
    first = context.session.get_one(Coordination, int(str(context.data["coordination_id"])))
    (matter,) = coordination.matters(context.session, [first])
    return {
        **_case(context),
        "with_whom": first.with_whom,
        "due_on": matter.last.due_on.isoformat() if matter.last.due_on else None,
        "about": first.about,
        "was_agreed": matter.last.words,
    }


@action("record_coordination", outputs={"coordination_id": "number", "whom": "string", **WHEN})
def record_coordination(context: ActionContext) -> Mapping[str, Json]:
    """Write it down, on the case or alone. NotAllowed: who sees no cases.

    Refused: with nobody, with a colleague who sees no cases, with oneself, a day that is past or too far.
    """
    if not coordination.may_record(context.actor):
        raise NotAllowed
    session, form, moment = context.session, context.submission, context.moment
    case = cases.by_key(session, context.business_key) if context.business_key else None
    due_on = coordination.day_of(form.get("due"), moment)
    person = None if form["party"] == "colleague" else coordination.person_of(session, form, moment)
    if form["party"] == "person" and person is None:
        raise Refused(T("请填写姓名。"), field="name")
    first = coordination.write(
        session,
        kind=AGREED,
        about=form["about"],
        words=form["agreed"],
        due_on=due_on,
        case=case,
        instance_id=context.instance_id,
        unit=coordination.checked_unit(form["unit"]) if form["party"] == "unit" else None,
        person=person,
        colleague=_colleague(context, form["colleague"]) if form["party"] == "colleague" else None,
        moment=moment,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )
    context.business_key = context.business_key or first.key
    if first.unit:
        context.note(unit=first.unit)
    return {
        "coordination_id": first.id,
        "whom": context.on_behalf_of or context.actor.key,
        **_when(context, due_on),
    }


@action("remind_coordination", inputs={"coordination_id": "number", "whom": "string"})
def remind_coordination(context: ActionContext, coordination_id: int, whom: str) -> None:
    """The day has come: tell whoever agreed it, in working hours."""
    first = context.session.get_one(Coordination, coordination_id)
    person = staff.by_key(context.session, whom)
    assert person is not None, "a person of the house wrote it down"
    what = f"{first.unit}，{first.about}" if first.unit else first.about  # no name of a person outside
    sentence = T("今天到约定时限：%(what)s", what=what)
    notices.tell(
        context.session,
        person,
        sentence,
        f"/coordination/{first.id}",
        moment=context.moment,
        in_working_hours=True,
    )


@action("keep_outcome", inputs={"coordination_id": "number", "outcome": "string"}, outputs=WHEN)
def keep_outcome(context: ActionContext, coordination_id: int, outcome: str) -> Mapping[str, Json]:
    """Kept, not kept, or agreed anew with another day. Refused: that day is past or too far."""
    first = context.session.get_one(Coordination, coordination_id)
    form = context.submission
    due_on = coordination.day_of(form.get("due"), context.moment)
    coordination.write(
        context.session,
        kind=outcome,
        about=first.about,
        words=form["words"],
        due_on=due_on,
        first=first,
        moment=context.moment,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )
    return _when(context, due_on)


def _when(context: ActionContext, due_on: date | None) -> dict[str, Json]:
    if due_on is None:
        return {"due_at": None, "remind_at": None}
    remind_at, due_at = coordination.on_the_day(context.session, due_on, context.moment)
    return {"due_at": due_at.isoformat(), "remind_at": remind_at.isoformat()}


def _colleague(context: ActionContext, key: str) -> Staff:
    person = staff.by_key(context.session, key)
    if person is None or not coordination.may_record(staff.actor(context.session, person, context.moment)):
        raise Refused(T("请选择能查看办件的同事。"), field="colleague")
    if person.key == context.actor.key:
        raise Refused(T("请选择另一位同事。"), field="colleague")
    return person


def _case(context: FormContext) -> dict[str, Any]:
    if not (context.business_key or "").startswith("case:"):
        return {}
    case = cases.by_key(context.session, context.business_key)
    return {"case_no": case.no, "title": case.title}
