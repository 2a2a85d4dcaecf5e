"""Words of the diagram ``transfer`` (P05): its actions, choices, and what its forms open with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.engine.submissions import latest
from workflow.errors import Refused
from workflow.schema import Json
from workflow.settings import Settings
from workflow.station import (
    cases,
    documents,
    ending,
    notices,
    outbox,
    outside_bodies,
    owners,
    persons,
    positions,
    transfers,
)
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.escalation import alert_overseer
from workflow.station.handovers import responsible
from workflow.station.transfers import Transfer
from workflow.texts import T, Text

CHOOSE, AGAIN = "transfer/choose", "transfer/name_another"
SUBJECT = "transfer"  # of the messages and contacts that tell the client


# choices and first values


@options("transfer_channels")
def channel_choices(context: FormContext) -> list[Choice]:
    return [{"value": code, "label": label} for code, label in transfers.CHANNELS.items()]


@prefill(CHOOSE)
def choose_first(context: FormContext) -> Mapping[str, Any]:
    """NotAllowed, AlreadyDone: nothing can be transferred."""
    case = cases.by_key(context.session, context.business_key)
    transfers.may_transfer(context.session, context.actor, case)
    return {"case_no": case.no, "title": case.title, "matter": case.matter}


@prefill("transfer/send")
@prefill("transfer/confirm")
@prefill("transfer/track")
@prefill(AGAIN)
def slip_first(context: FormContext) -> Mapping[str, Any]:
    """The slip that is under way, or has come back."""
    transfer = transfers.of_instance(context.session, context.instance_id or 0)
    assert transfer is not None, "the diagram has made one"
    return {
        "slip": f"{transfer.no} {transfer.case.title}",
        "to": f"{transfer.body_name} {transfer.body_phone}",
        "reply_until": transfer.reply_by.isoformat(),
        "returned": transfer.return_reason,
    }


# actions, in the order of the diagram


@action("issue_transfer_slip", outputs={"case_id": "number", "transfer_id": "number", "clerk": "string"})
def issue_transfer_slip(context: ActionContext) -> Mapping[str, Json]:
    """The numbered slip, with the client's data as he or she has agreed; the look at the phone is logged.

    As ``may_transfer``. Refused: no body, an answer wished for a day that is past.
    """
    session, moment = context.session, context.moment
    case = cases.by_key(session, context.business_key)
    before = transfers.of_instance(session, context.instance_id)
    if before is None:
        transfers.may_transfer(session, context.actor, case)
    asked = latest(session, context.instance_id, CHOOSE) or {}
    form = {**asked, **context.submission}
    body = outside_bodies.offered(session, form["body"])
    if before is not None and before.body_id == body.id:
        raise Refused(T("“%(name)s”刚刚退回，请另选承办部门。", name=body.name), field="body")
    reply_by = date.fromisoformat(form["reply_by"])
    if reply_by <= moment.astimezone(ZONE).date():
        raise Refused(T("答复日期应在今天之后。"), field="reply_by")
    document = documents.issue(
        session,
        "transfer_slip",
        {
            "applicant": case.applicant.shown_name,
            "contact": _contact(context, case, body.name),
            "enterprise": case.enterprise.name if case.enterprise else "",
            "case_no": case.no or T("未编号").say(),
            "item": case.title if case.item else "",
            "body": body.name,
            "body_phone": body.phone,
            "body_address": body.address,
            "matter": asked["matter"],
            "why": asked["why"],
            "materials": asked.get("materials") or T("无").say(),
            "reply_by": reply_by.isoformat(),
            "consent": cases.CONFIRMATIONS[asked["consent"]].say(),
            "handler": documents.signature(session, context.actor.key, context.on_behalf_of),
        },
        owner=case.key,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
        moment=moment,
        public_url=Settings.from_environment().public_url,
    )
    transfer = Transfer(
        case_id=case.id,
        instance_id=context.instance_id,
        body_id=body.id,
        body_name=body.name,
        body_phone=body.phone,
        document_id=document.id,
        no=document.no,
        consent=asked["consent"],
        reply_by=reply_by,
        made_at=moment,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )
    session.add(transfer)
    session.flush()
    context.note(document=document.no)
    return {"case_id": case.id, "transfer_id": transfer.id, "clerk": responsible(session, case)}


@action("record_sent", inputs={"transfer_id": "number"}, outputs={"clerk": "string"})
def record_sent(context: ActionContext, transfer_id: int) -> Mapping[str, Json]:
    transfer = context.session.get_one(Transfer, transfer_id)
    transfer.channel, transfer.sent_at = context.submission["channel"], context.moment
    context.session.flush()
    return {"clerk": responsible(context.session, transfer.case)}


@action("alert_unconfirmed", inputs={"transfer_id": "number"})
def alert_unconfirmed(context: ActionContext, transfer_id: int) -> None:
    """The body has not said that it has it: the clerk rings there, the head hears it."""
    transfer = context.session.get_one(Transfer, transfer_id)
    sentence = T("转办单 %(no)s 未按时得到对方确认，请联系%(body)s（%(phone)s）。", **_words(transfer))
    _remind(context, transfer, sentence)
    alert_overseer(context, transfer.case, sentence)


@action("record_reception", inputs={"transfer_id": "number"}, outputs={"clerk": "string"})
def record_reception(context: ActionContext, transfer_id: int) -> Mapping[str, Json]:
    """The body has it, and which desk says so."""
    transfer = context.session.get_one(Transfer, transfer_id)
    transfer.received_at, transfer.received_by = context.moment, context.submission["received_by"].strip()
    context.session.flush()
    return {"clerk": responsible(context.session, transfer.case)}


@action("end_as_transferred", inputs={"transfer_id": "number"})
def end_as_transferred(context: ActionContext, transfer_id: int) -> None:
    """The case ends here as transferred; this diagram goes on. Refused, AlreadyDone: see ``ending``."""
    transfer = context.session.get_one(Transfer, transfer_id)
    ending.transfer_out(
        context.engine,
        transfer.case,
        to=(transfer.body_name, transfer.body_phone, transfer.no),
        received_at=transfer.received_at,
        by=context.actor,
        moment=context.moment,
        on_behalf_of=context.on_behalf_of,
    )
    sentence = T("“%(title)s”不属于本站职责，已转%(body)s办理（转办单 %(no)s）。", **_words(transfer))
    alert_overseer(context, transfer.case, sentence)


@action("tell_transferred", inputs={"transfer_id": "number"})
def tell_transferred(context: ActionContext, transfer_id: int) -> None:
    """The client hears who has it now, how to reach them, and by when they are asked to answer."""
    transfer = context.session.get_one(Transfer, transfer_id)
    _tell_client(
        context,
        transfer,
        T(
            "您的事项“%(title)s”由%(body)s承办，已转办并经对方确认（转办单 %(no)s），电话 %(phone)s，"
            "请其于 %(until)s 前答复。",
            **_words(transfer),
        ),
    )


@action("record_return", inputs={"transfer_id": "number"}, outputs={"namer": "string", "concerned": "string"})
def record_return(context: ActionContext, transfer_id: int) -> Mapping[str, Json]:
    """The body sends it back with its reason: the head names another, or takes it back."""
    session = context.session
    transfer = session.get_one(Transfer, transfer_id)
    transfer.returned_at, transfer.return_reason = context.moment, context.submission["reason"].strip()
    session.flush()
    sentence = T("%(body)s 退回转办单 %(no)s：%(reason)s", reason=transfer.return_reason, **_words(transfer))
    above = owners.overseer(session, transfer.case, context.moment)
    for person in above.people:
        notices.tell(session, person, sentence, _link(transfer), moment=context.moment, kind="transfer")
    return {"namer": above.candidate, "concerned": above.excluded}


@action("take_back", inputs={"transfer_id": "number"})
def take_back(context: ActionContext, transfer_id: int) -> None:
    """No other body: the station goes on with it itself."""
    transfer = context.session.get_one(Transfer, transfer_id)
    sentence = T(
        "“%(title)s”不再转办，由本站继续办理：%(why)s", why=context.submission["why"], **_words(transfer)
    )
    for person, _ in _clerks(context, transfer):
        notices.tell(
            context.session, person, sentence, _link(transfer), moment=context.moment, kind="transfer"
        )


@action("remind_tracking", inputs={"transfer_id": "number"})
def remind_tracking(context: ActionContext, transfer_id: int) -> None:
    """A week without a word about it."""
    transfer = context.session.get_one(Transfer, transfer_id)
    _remind(
        context, transfer, T("请向%(body)s（%(phone)s）跟踪转办单 %(no)s 的办理情况。", **_words(transfer))
    )


@action(
    "record_tracking",
    inputs={"transfer_id": "number", "outcome": "string"},
    outputs={"clerk": "string", "subject": "string"},
)
def record_tracking(context: ActionContext, transfer_id: int, outcome: str) -> Mapping[str, Json]:
    """How it stands there; an answer is kept and waits to be told."""
    session = context.session
    transfer = session.get_one(Transfer, transfer_id)
    if outcome == "answered":
        transfer.answered_at, transfer.answer = context.moment, context.submission["note"].strip()
        session.flush()
        _tell_client(
            context,
            transfer,
            T(
                "%(body)s对您的事项“%(title)s”（转办单 %(no)s）答复：%(answer)s",
                answer=transfer.answer,
                **_words(transfer),
            ),
        )
    return {"clerk": responsible(session, transfer.case), "subject": SUBJECT}


def _contact(context: ActionContext, case: Case, body: str) -> str:
    """The client's phone in the clear, after a look that is logged; who left none is reached through us."""
    if case.applicant.phone_enc is None:
        return T("未留电话，请经服务站转达").say()
    return persons.reveal(
        context.session,
        context.actor,
        case.applicant,
        purpose=T("转办给%(body)s", body=body).say(),
        moment=context.moment,
        on_behalf_of=context.on_behalf_of,
    )


def _words(transfer: Transfer) -> dict[str, object]:
    return {
        "no": transfer.no,
        "title": transfer.case.title,
        "body": transfer.body_name,
        "phone": transfer.body_phone,
        "until": transfer.reply_by.isoformat(),
    }


def _tell_client(context: ActionContext, transfer: Transfer, sentence: Text) -> None:
    outbox.queue_message(
        context.session,
        transfer.case.applicant,
        sentence,
        moment=context.moment,
        case_id=transfer.case_id,
        subject=SUBJECT,
    )


def _clerks(context: ActionContext, transfer: Transfer) -> list[Any]:
    return positions.holders_of(context.session, responsible(context.session, transfer.case), context.moment)


def _remind(context: ActionContext, transfer: Transfer, sentence: Text) -> None:
    for person, _ in _clerks(context, transfer):
        notices.tell(
            context.session,
            person,
            sentence,
            _link(transfer),
            moment=context.moment,
            kind="transfer",
            in_working_hours=True,
        )


def _link(transfer: Transfer) -> str:
    return f"/cases/{transfer.case_id}"
