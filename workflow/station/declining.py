"""Declining (不予受理, R2.2.2a, R2.4.1b): only on a ground that the item lists, and confirmed by the head.

The client gets it in writing: ground, basis, what else can be done, how to object. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.engine.submissions import latest
from workflow.station import cases, documents, ending, material_check, notices, outbox, rendering, staff
from workflow.station.cases import Case
from workflow.texts import T

CONFIRM = "intake/confirm_decline"


@documents.paper(
    "decline_notice",
    prefix="BY",
    name=T("不予受理告知书"),
    mandatory=("applicant", "item", "case_no", "ground", "words", "basis", "phone", "handler", "approver"),
    personal=("applicant",),
)
def _paper_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = ("applicant", "enterprise", "item", "case_no", "ground", "words", "basis", "phone")
    return {name: str(facts.get(name) or "") for name in (*names, "handler", "approver")}


@options("refusals")
def grounds(context: FormContext) -> list[Choice]:
    """The grounds that the version of the case's item lists."""
    case = cases.by_key(context.session, context.business_key)
    return [{"value": one, "label": one} for one in (case.item.refusals if case.item else ())]


@prefill(CONFIRM)
def confirm_first(context: FormContext) -> Mapping[str, Any]:
    """What the clerk proposes, and who."""
    session = context.session
    case = cases.by_key(session, context.business_key)
    asked = latest(session, context.instance_id or 0, material_check.FORM) or {}
    return {
        "case_no": case.no,
        "title": case.title,
        "matter": case.matter,
        "asked_by": material_check.handler_of(session, str(context.data.get("checker") or "")),
        "ground": asked.get("ground"),
        "words": asked.get("decline_words"),
    }


@action("decline_case", inputs={"case_id": "number", "checker": "string"})
def decline_case(context: ActionContext, case_id: int, checker: str) -> None:
    """The head has confirmed it: tell the client in writing, and end the case."""
    session, moment = context.session, context.moment
    case = session.get_one(Case, case_id)
    asked = latest(session, context.instance_id, material_check.FORM) or {}
    ground, words = asked["ground"], asked["decline_words"]
    assert case.item is not None
    paper = documents.issue_for_case(
        session,
        "decline_notice",
        case,
        context,
        {
            "ground": ground,
            "words": words,
            "basis": case.item.basis,
            "phone": case.item.phone,
            "handler": material_check.handler_of(session, checker),
            "approver": documents.signature(session, context.actor.key, context.on_behalf_of),
        },
    )
    case.declined_on = ground
    ending.end(
        context.engine,
        case,
        cases.DECLINED,
        f"{ground} · {words}",
        by=context.actor,
        moment=moment,
        on_behalf_of=context.on_behalf_of,
    )
    context.note(document=paper.no)
    outbox.queue_message(
        session,
        case.applicant,
        T(
            "您的事项 %(no)s 不予受理：%(ground)s。%(words)s 如有异议，可拨打监督电话 %(phone)s。",
            no=case.no,
            ground=ground,
            words=words,
            phone=rendering.letterhead()["supervision_phone"],
        ),
        moment=moment,
        case_id=case.id,
        subject="declined",
    )
    if person := staff.by_key(session, checker):
        sentence = T("%(no)s 不予受理已确认，告知书 %(paper)s。", no=case.no, paper=paper.no)
        notices.tell(session, person, sentence, f"/cases/{case.id}", moment=moment)
