"""What the forms of a consultation offer and open with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow.engine.actions import Choice, FormContext, options, prefill
from workflow.engine.submissions import latest
from workflow.station import answers, consultations, contacts, directory
from workflow.station.consultations import PHONE, VISIT, Consultation
from workflow.texts import T

REGISTER, ANSWER, ADVISE = "consultation/register", "consultation/answer", "consultation/advise"
TOLD_OVER = {
    VISIT: "visit",
    PHONE: "phone",
    "web": "email",
    "letter": "letter",
}  # came that way, told this way
KEPT = ("library", "answer", "basis", "told", "contact")  # of an answer that reached nobody


@options("library_answers")
def library_choices(context: FormContext) -> list[Choice]:
    """Approved answers, those about the consultation's item first; picking one writes its words."""
    own = _consultation(context).item_id
    found = answers.current(context.session, context.actor)
    return [
        {
            "value": str(one.id),
            "label": f"{one.item.code} {one.topic}" if one.item else one.topic,
            "fills": {"answer": one.words, "basis": one.basis},
        }
        for one in sorted(found, key=lambda one: one.item_id != own)
    ]


@options("adviser_positions")
def adviser_choices(context: FormContext) -> list[Choice]:
    """Posts in use, with who has each now."""
    return [
        {
            "value": one.arrangement.position.code,
            "label": T(
                "%(post)s（%(name)s）",
                post=one.arrangement.position.name,
                name=one.turn.person.name if one.turn.person else T("无人在岗"),
            ),
        }
        for one in directory.entries(context.session, context.moment)
    ]


@options("told_over")
def told_choices(context: FormContext) -> list[Choice]:
    return [{"value": code, "label": label} for code, label in contacts.CHANNELS.items()]


@prefill(ANSWER)
def answer_first(context: FormContext) -> Mapping[str, Any]:
    """The question, what a colleague advised, and what was written before where it reached nobody."""
    session, one = context.session, _consultation(context)
    instance = context.instance_id or 0
    before, advice = latest(session, instance, ANSWER) or {}, latest(session, instance, ADVISE) or {}
    unheard = before if before.get("decision") == "answer" else {}
    return {
        **_asked(one),
        "client": " ".join((one.person.shown_name, str(one.person.shown_phone))).strip()
        if one.person
        else None,
        "advice": advice.get("advice"),
        "advice_basis": advice.get("advice_basis"),
        "decision": "answer",
        "told": "oral" if one.channel == PHONE else "written",
        "contact": TOLD_OVER[one.channel],
        "outcome": contacts.REACHED,
        **{name: unheard[name] for name in KEPT if unheard.get(name)},
    }


@prefill(ADVISE)
def advise_first(context: FormContext) -> Mapping[str, Any]:
    asked = latest(context.session, context.instance_id or 0, ANSWER) or {}
    return {**_asked(_consultation(context)), "to_adviser": asked.get("to_adviser")}


def _asked(one: Consultation) -> dict[str, Any]:
    item = f"{one.item.code} {one.item.name}" if one.item else None
    return {"item_name": item, "question": one.question}


def _consultation(context: FormContext) -> Consultation:
    return consultations.by_key(context.session, context.business_key)
