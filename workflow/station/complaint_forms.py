"""Forms of the middle of the diagram ``complaint``: whom one may choose, and what each form opens with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from workflow.engine.actions import ActionContext, Choice, FormContext, options, prefill
from workflow.engine.submissions import latest
from workflow.station import complaints, conflicts
from workflow.station.complaint_reception import heading
from workflow.station.complaints import Complaint, Statement
from workflow.station.staff import Staff, by_key, called, names
from workflow.texts import T

NOT_NAMED = T("有关岗位")


@options("complaint_handlers")
def handler_choices(context: FormContext) -> list[Choice]:
    """Who may handle it now: nobody it concerns, and in a review not the first handler (R4.4a)."""
    complaint = _of(context)
    return [{"value": one.key, "label": called(one)} for one in _free(context, complaint)]


@options("complaint_improvers")
def improver_choices(context: FormContext) -> list[Choice]:
    """Who may carry out what is improved: whoever does must not learn of the complaint if it is about him."""
    complaint = _of(context)
    keys = conflicts.barred(context.session, complaint.key)
    people = context.session.scalars(select(Staff).where(Staff.active).order_by(Staff.name_pinyin))
    return [{"value": one.key, "label": called(one)} for one in people if one.key not in keys]


@options("complaint_responsible")
def responsible_choices(context: FormContext) -> list[Choice]:
    """Nobody, or anybody who works here (R4.4b); those complained of first."""
    named = {one.id for one in conflicts.about(context.session, _of(context).key)}
    people = context.session.scalars(select(Staff).where(Staff.active).order_by(Staff.name_pinyin)).all()
    listed = sorted(people, key=lambda one: one.id not in named)
    nobody: Choice = {"value": complaints.NOBODY, "label": complaints.NOBODY_WORDS}
    everybody: list[Choice] = [{"value": one.key, "label": called(one)} for one in listed]
    return [nobody, *everybody]


@prefill("complaint/assign")
def assign_first(context: FormContext) -> Mapping[str, Any]:
    complaint, session = _of(context), context.session
    keys = sorted(conflicts.concerned(session, complaint.key))
    known = names(session, keys)
    free = _free(context, complaint)
    return {
        **heading(complaint, context),
        "excluded": "、".join(known[key] for key in keys if key in known),
        "review_reason": complaint.review_reason if complaint.round > 1 else None,
        "handler": free[0].key if free else None,
    }


@prefill("complaint/investigate")
def investigate_first(context: FormContext) -> Mapping[str, Any]:
    """A row for each person complained of; of a complaint that names nobody, one for the post."""
    complaint = _of(context)
    assigned = latest(context.session, context.instance_id or 0, "complaint/assign") or {}
    return {
        **heading(complaint, context),
        "note": assigned.get("note"),
        "statements": [{"who": who} for who, _ in other_side(context, complaint)],
    }


@prefill("complaint/mediate")
def mediate_first(context: FormContext) -> Mapping[str, Any]:
    return heading(_of(context), context)


@prefill("complaint/propose")
def propose_first(context: FormContext) -> Mapping[str, Any]:
    """Every demand with the answer it had before, if the proposal came back."""
    complaint = _of(context)
    decided = latest(context.session, context.instance_id or 0, "complaint/decide") or {}
    return {
        **heading(complaint, context),
        "facts": complaint.facts,
        "opinion": decided.get("opinion"),
        "answers": [
            {"demand": one.demand, **({"answer": one.answer, "remedy": one.remedy} if one.answer else {})}
            for one in complaint.demands
        ],
        **{
            name: getattr(complaint, name)
            for name in ("finding", "responsible", "cause")
            if getattr(complaint, name)
        },
    }


@prefill("complaint/decide")
def decide_first(context: FormContext) -> Mapping[str, Any]:
    complaint = _of(context)
    said = [
        f"{_who(context, one)}：{one.words}" for one in complaint.statements if one.round == complaint.round
    ]
    return {
        **heading(complaint, context),
        "facts": complaint.facts,
        "statements_words": "\n".join(said),
        "answers_words": answers_words(complaint),
        "finding": complaint.finding,
        "responsible_words": responsible_words(context, complaint),
        "handled_by": complaint.handler.name if complaint.handler else "",
        "improvement": complaint.improvement,
    }


def answers_words(complaint: Complaint) -> str:
    """'1. 道歉 → 已当面致歉（致歉）', a line each."""
    return "\n".join(
        f"{one.seq}. {one.demand} → {one.answer}（{complaints.REMEDIES[one.remedy].say()}）"
        for one in complaint.demands
        if one.answer and one.remedy
    )


def responsible_words(context: FormContext, complaint: Complaint) -> str:
    if complaint.responsible == complaints.NOBODY:
        return complaints.NOBODY_WORDS.say()
    person = by_key(context.session, complaint.responsible)
    return person.name if person else ""


def _of(context: FormContext) -> Complaint:
    return complaints.by_key(context.session, context.business_key)


def _free(context: FormContext, complaint: Complaint) -> list[Staff]:
    first = [complaint.handler.key] if complaint.handler and complaint.round > 1 else []
    return conflicts.handlers(context.session, complaint.key, context.moment, besides=first)


def other_side(context: ActionContext | FormContext, complaint: Complaint) -> list[tuple[str, int | None]]:
    """(name, staff id) of each person complained of; of nobody named, the post."""
    people = conflicts.about(context.session, complaint.key)
    return [(person.name, person.id) for person in people] or [(NOT_NAMED.say(), None)]


def _who(context: FormContext, one: Statement) -> str:
    if one.side == complaints.COMPLAINANT_SIDE:
        return T("投诉人").say()
    person = context.session.get(Staff, one.staff_id) if one.staff_id else None
    return person.name if person else NOT_NAMED.say()
