"""Words of the diagram ``consultation`` (P02), in its order, and the paper that an answer is given on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from workflow.engine.actions import ActionContext, action
from workflow.errors import Refused
from workflow.schema import Json
from workflow.settings import Settings
from workflow.station import (
    answers,
    calendar,
    cases,
    consultations,
    contacts,
    documents,
    items,
    notices,
    numbering,
    one_time_notices,
    persons,
    positions,
    staff,
)
from workflow.station.calendar import ZONE
from workflow.station.consultations import PHONE, Consultation, ConsultationContact
from workflow.station.deadline_words import stamp
from workflow.station.deadlines import Limit, deadline, share_moment
from workflow.station.documents import Document
from workflow.station.positions import HEAD, SUPERIOR
from workflow.station.staff import Staff
from workflow.texts import T, Text

PROCESS = "consultation"
PAPER = "consultation_answer"
INTAKE = "intake"


@documents.paper(
    PAPER,
    prefix="DF",
    name=T("咨询答复书"),
    mandatory=("consultation_no", "topic", "question", "answer", "answer_basis", "asked_at", "handler"),
    personal=("applicant",),
)
def _words(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = ("consultation_no", "topic", "question", "answer", "answer_basis", "handler")
    return {name: str(facts[name]) for name in names} | {
        "applicant": str(facts.get("applicant") or "—"),
        "asked_words": documents.moment_words(facts["asked_at"]),
    }


@action(
    "register_consultation",
    outputs={"consultation_id": "number", "clerk": "string", "adviser": "string"},
)
def register_consultation(context: ActionContext) -> Mapping[str, Json]:
    """Number the question and keep who asked, unless that stays nameless. Whoever was asked first answers.

    Refused: neither a phone nor the refusal to leave one.
    """
    form, session, moment = context.submission, context.session, context.moment
    clerk = staff.by_key(session, context.actor.key)
    assert clerk is not None, "a person fills in the form"
    person = None
    if not form.get("anonymous"):
        person = persons.remember(
            session,
            name=form["name"],
            phone=None if form.get("refused") else form["phone"],
            moment=moment,
            refused_phone=bool(form.get("refused")),
        )
    on = moment.astimezone(ZONE).date()
    item = items.current(session, form["item"], on).item if form.get("item") else None
    one = Consultation(
        instance_id=context.instance_id,
        channel=form["channel"],
        topic=form["topic"].strip(),
        question=form["question"].strip(),
        item=item,
        person=person,
        first_contact=clerk,
        received_at=moment,
        no=numbering.take(session, "ZX", on),
    )
    session.add(one)
    session.flush()
    session.refresh(one, ["key"])
    context.business_key = one.key
    context.note(case_no=one.no)
    return {"consultation_id": one.id, "clerk": clerk.key, "adviser": form.get("adviser") or ""}


@action(
    "set_answer_limit",
    inputs={"consultation_id": "number", "answer_within": "string", "warn_share": "number"},
    outputs={"due_at": "string", "warn_at": "string"},
)
def set_answer_limit(
    context: ActionContext, consultation_id: int, answer_within: str, warn_share: float
) -> Mapping[str, Json]:
    """When it must be answered, always from the moment it was asked; the table says within what."""
    one, days = _one(context, consultation_id), calendar.load(context.session)
    one.due_at = _after(context, one.received_at, answer_within)
    context.session.flush()
    context.note(deadline=one.due_at.isoformat())
    warn_at = share_moment(one.received_at, one.due_at, warn_share, days)
    return {"due_at": one.due_at.isoformat(), "warn_at": warn_at.isoformat()}


@action(
    "ask_adviser",
    inputs={"consultation_id": "number", "advice_within": "string"},
    outputs={"advise_by": "string"},
)
def ask_adviser(context: ActionContext, consultation_id: int, advice_within: str) -> Mapping[str, Json]:
    """A colleague's post is asked on the client's behalf (代为咨询, R2.3.4a)."""
    one = _one(context, consultation_id)
    one.state = consultations.ADVICE
    context.session.flush()
    return {"advise_by": _after(context, context.moment, advice_within).isoformat()}


@action("take_advice", inputs={"consultation_id": "number", "clerk": "string"}, outputs={"adviser": "string"})
def take_advice(context: ActionContext, consultation_id: int, clerk: str) -> Mapping[str, Json]:
    """The answer comes back to whoever was asked first."""
    one = _one(context, consultation_id)
    return _back(context, one, clerk, T("%(no)s 代为咨询已有答复，请告知对方：%(topic)s", **_named(one)))


@action("miss_advice", inputs={"consultation_id": "number", "clerk": "string"}, outputs={"adviser": "string"})
def miss_advice(context: ActionContext, consultation_id: int, clerk: str) -> Mapping[str, Json]:
    """No advice in time: the clerk goes on without it, and does not wait for anybody."""
    one = _one(context, consultation_id)
    sentence = T("%(no)s 代为咨询未按时得到答复，请先答复对方或另请同事：%(topic)s", **_named(one))
    return _back(context, one, clerk, sentence)


@action("answer_consultation", inputs={"consultation_id": "number"}, outputs={"reached": "boolean"})
def answer_consultation(context: ActionContext, consultation_id: int) -> Mapping[str, Json]:
    """Tell the client, in writing unless the question came by phone, and write down how (R2.2.3, R2.3.3).

    Whom nobody reached is told again: then there is no answer and no paper yet. Refused: by word of mouth to
    somebody who did not call; an approved answer that holds no more.
    """
    session, form, one = context.session, context.submission, _one(context, consultation_id)
    oral, reached = form["told"] == "oral", form["outcome"] == contacts.REACHED
    if oral and one.channel != PHONE:
        raise Refused(T("只有来电咨询可以口头答复；其他咨询请书面答复。"), field="told")
    paper = None
    if reached:
        _keep_answer(context, one)
        paper = None if oral else _issue(context, one)
    contact = ConsultationContact(
        consultation_id=one.id,
        channel=PHONE if oral else form["contact"],
        outcome=form["outcome"],
        content=form["answer"],
        paper_no=paper.no if paper else None,
        at=context.moment,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )
    session.add(contact)
    session.flush()
    session.expire(one, ["contacts"])
    context.note(outcome=contact.outcome, **({"document": paper.no} if paper else {}))
    return {"reached": reached}


@action("become_case", inputs={"consultation_id": "number"})
def become_case(context: ActionContext, consultation_id: int) -> None:
    """It is more than a question: a case is registered with what is known, and both know of each other."""
    session, form, one = context.session, context.submission, _one(context, consultation_id)
    person = one.person
    who: dict[str, Any] = {name: form.get(name) for name in ("name", "phone", "refused")}
    if person is not None:
        who = {"name": person.name, "refused": person.phone_enc is None}
        if person.phone_enc is not None:
            purpose = T("%(no)s 转为办件", no=one.no).say()
            who["phone"] = persons.reveal(
                session,
                context.actor,
                person,
                purpose=purpose,
                moment=context.moment,
                on_behalf_of=context.on_behalf_of,
            )
    registration = {
        "channel": one.channel,
        "first_contact": str(one.first_contact_id),
        "matter": one.question,
        "enterprise": form.get("enterprise"),
        **who,
    }
    instance = context.engine.start(
        INTAKE,
        by=context.actor,
        data={name: value for name, value in registration.items() if value not in (None, "")},
        on_behalf_of=context.on_behalf_of,
    )
    one.case = cases.of_instance(session, instance)
    one.state = consultations.BECAME_CASE
    session.flush()


@action("remind_answer", inputs={"consultation_id": "number", "clerk": "string"})
def remind_answer(context: ActionContext, consultation_id: int, clerk: str) -> None:
    """Four fifths of the limit are used: remind whoever answers, once."""
    one = _one(context, consultation_id)
    if one.warned_at is not None:
        return
    one.warned_at = context.moment
    _tell(
        context,
        one,
        _people(context, clerk),
        T("咨询 %(no)s 将于 %(due)s 到答复期限：%(topic)s", **_named(one)),
    )


@action("report_unanswered", inputs={"consultation_id": "number", "clerk": "string"})
def report_unanswered(context: ActionContext, consultation_id: int, clerk: str) -> None:
    """The limit has passed: it is late for good; whoever answers and whoever leads hear of it, once.

    What concerns the head goes to the superior (decision 39).
    """
    one = _one(context, consultation_id)
    if one.late_at is not None:
        return
    one.late_at = context.moment
    own = _people(context, clerk)
    above = [person for person, _ in positions.holders_of(context.session, HEAD, context.moment)]
    if {person.key for person in above} & {person.key for person in own}:
        above = [person for person, _ in positions.holders_of(context.session, SUPERIOR, context.moment)]
    _tell(
        context,
        one,
        [*own, *above],
        T("咨询 %(no)s 已过答复期限 %(due)s，请尽快答复：%(topic)s", **_named(one)),
    )


# what several of them do


def _keep_answer(context: ActionContext, one: Consultation) -> None:
    form = context.submission
    if form.get("library"):
        one.library_answer_id = answers.find(context.session, context.actor, int(form["library"])).id
    one.answer, one.basis, one.oral = form["answer"], form["basis"], form["told"] == "oral"
    one.answered_at, one.answered_by, one.on_behalf_of = (
        context.moment,
        context.actor.key,
        context.on_behalf_of,
    )
    one.state = consultations.ANSWERED
    context.session.flush()


def _issue(context: ActionContext, one: Consultation) -> Document:
    """About an item: its one-time notice, with question and answer on it; else a letter of the answer."""
    session = context.session
    told = {
        "applicant": one.person.shown_name if one.person else "",
        "consultation_no": one.no,
        "question": one.question,
        "answer": one.answer,
        "answer_basis": one.basis,
    }
    if one.item is not None:
        version = items.current(session, one.item.code, context.moment.astimezone(ZONE).date())
        return one_time_notices.issue(session, version, context, owner=one.key, more=told)
    return documents.issue(
        session,
        PAPER,
        {
            **told,
            "topic": one.topic,
            "asked_at": one.received_at.isoformat(),
            "handler": documents.signature(session, context.actor.key, context.on_behalf_of),
        },
        owner=one.key,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
        moment=context.moment,
        public_url=Settings.from_environment().public_url,
    )


def _back(context: ActionContext, one: Consultation, clerk: str, sentence: Text) -> Mapping[str, Json]:
    one.state = consultations.OPEN
    _tell(context, one, _people(context, clerk), sentence)
    return {"adviser": ""}


def _people(context: ActionContext, candidate: str) -> list[Staff]:
    """Whoever answers now: the clerk, or who acts for him or her."""
    return [person for person, _ in positions.holders_of(context.session, candidate, context.moment)]


def _tell(context: ActionContext, one: Consultation, people: list[Staff], sentence: Text) -> None:
    context.session.flush()
    for person in {person.id: person for person in people}.values():
        notices.tell(
            context.session,
            person,
            sentence,
            f"/consultations/{one.id}",
            moment=context.moment,
            kind=PROCESS,
            in_working_hours=True,
        )


def _named(one: Consultation) -> dict[str, object]:
    return {"no": one.no, "topic": one.topic, "due": stamp(one.due_at) if one.due_at else ""}


def _after(context: ActionContext, moment: datetime, within: str) -> datetime:
    """'1 working-day' from a moment on."""
    value, _, unit = within.partition(" ")
    return deadline(moment, Limit(value, unit), calendar.load(context.session)).at


def _one(context: ActionContext, consultation_id: int) -> Consultation:
    return context.session.get_one(Consultation, consultation_id)
