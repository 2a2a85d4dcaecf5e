"""Collection (取件签收): what was completed and lies at the window waits for its client.

Begun beside the case when it is closed; the case was completed in time, however long this takes. The client
comes, or somebody else who shows the pickup code or an authorisation (代领). Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.errors import Refused
from workflow.station import cases, documents, notices, outbox, persons
from workflow.station.cases import Case
from workflow.texts import T

PROCESS = "collection"
SIGN = "collection/sign"
SUBJECT = "collection"
CODE, AUTHORISATION, IDENTITY = "code", "authorisation", "identity"
CHECKS = {CODE: T("取件码"), AUTHORISATION: T("授权委托书"), IDENTITY: T("本人身份证件")}


@documents.paper(
    "collection_slip",
    prefix="QJ",
    name=T("取件签收单"),
    mandatory=("applicant", "item", "case_no", "result", "collector", "checked", "collected_at", "handler"),
    personal=("applicant", "collector"),
)
def _slip_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = (
        "applicant",
        "enterprise",
        "item",
        "case_no",
        "result",
        "collector",
        "relation",
        "checked",
        "handler",
    )
    return {name: str(facts.get(name) or "") for name in names} | {
        "collected_words": documents.moment_words(facts["collected_at"])
    }


def begin(engine: Engine, case: Case, *, by: Actor) -> None:
    """The result of a closed case lies at the window."""
    case.collection = cases.AWAITING
    engine.session.flush()
    engine.start(PROCESS, by=by, data={"case_id": case.id}, business_key=case.key)


@options("collection_checks")
def check_choices(context: FormContext) -> list[Choice]:
    return [{"value": code, "label": label} for code, label in CHECKS.items()]


@prefill(SIGN)
def sign_first(context: FormContext) -> Mapping[str, Any]:
    case = cases.by_key(context.session, context.business_key)
    return {"case_no": case.no, "title": case.title, "client": case.applicant.shown_name}


@action("remind_collection", inputs={"case_id": "number"})
def remind_collection(context: ActionContext, case_id: int) -> None:
    """It has lain there long: remind the client; who left no phone is the clerk's to find."""
    session = context.session
    case = session.get_one(Case, case_id)
    sentence = T("您的事项 %(no)s 已办结，办理结果还在窗口，请凭收件回执单或取件码领取。", no=case.no)
    queued = outbox.queue_message(
        session, case.applicant, sentence, moment=context.moment, case_id=case.id, subject=SUBJECT
    )
    if queued is None:
        words = T("%(no)s 待取件已久，服务对象没有留电话，请设法告知。", no=case.no)
        notices.tell_position(session, "intake", words, f"/cases/{case.id}", moment=context.moment)


@action("record_collection", inputs={"case_id": "number"})
def record_collection(context: ActionContext, case_id: int) -> None:
    """Keep who took it and what was checked, and print the slip to be signed.

    Refused: a wrong pickup code; somebody else without code or authorisation.
    """
    session, form = context.session, context.submission
    case = session.get_one(Case, case_id)
    checked, other = form["checked"], form["who"] == "other"
    if other and checked == IDENTITY:
        raise Refused(T("代领请核对取件码或授权委托书。"), field="checked")
    if checked == CODE and (form.get("code") or "").strip().upper() != case.pickup_code:
        raise Refused(T("取件码不对，请对照收件回执单。"), field="code")
    collector = case.applicant
    if other:
        collector = persons.remember(
            session,
            name=form["collector"],
            phone=form.get("collector_phone"),
            moment=context.moment,
            phone_needed=False,
        )
        case.collector_id = collector.id
    case.collection, case.collected_at, case.collection_check = cases.COLLECTED, context.moment, checked
    session.flush()
    slip = documents.issue_for_case(
        session,
        "collection_slip",
        case,
        context,
        {
            "result": cases.RESULTS[case.result or ""].say(),
            "collector": collector.shown_name,
            "relation": form.get("relation") or "" if other else T("本人").say(),
            "checked": CHECKS[checked].say(),
            "collected_at": context.moment.isoformat(),
        },
    )
    outbox.settle(session, case.id, SUBJECT, by=context.actor, moment=context.moment)
    context.note(document=slip.no)
