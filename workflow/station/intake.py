"""Words of the intake diagram (P01): its actions, the choices in its forms, and what the forms open with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import select

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.errors import Refused
from workflow.schema import Json
from workflow.station import (
    calendar,
    cases,
    clocks,
    co_handling,
    collection,
    contact_watch,
    documents,
    duplicates,
    enterprises,
    handovers,
    items,
    joint_handling,
    material_check,
    numbering,
    one_time_notices,
    outbox,
    persons,
)
from workflow.station.calendar import ZONE
from workflow.station.cases import Case, CaseMaterial
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.deadlines import Limit
from workflow.station.enterprises import Enterprise
from workflow.station.permissions import visible
from workflow.station.staff import Staff, by_key, called
from workflow.texts import T

# choices and first values


@options("staff")
def staff_choices(context: FormContext) -> list[Choice]:
    people = context.session.scalars(
        select(Staff).where(Staff.active, visible(context.actor, Staff)).order_by(Staff.name_pinyin)
    )
    return [
        {
            "value": str(person.id),
            "label": called(person),
        }
        for person in people
    ]


@options("enterprises")
def enterprise_choices(context: FormContext) -> list[Choice]:
    found = context.session.scalars(
        select(Enterprise).where(visible(context.actor, Enterprise)).order_by(Enterprise.name_pinyin)
    )
    return [
        {
            "value": str(one.id),
            "label": T(
                "%(name)s · %(initials)s · %(code)s",
                name=one.name,
                initials=one.initials,
                code=one.code18 or T("待核实"),
            ),
        }
        for one in found
    ]


@options("items")
def item_choices(context: FormContext) -> list[Choice]:
    on = context.moment.astimezone(ZONE).date()
    return [
        {
            "value": version.item.code,
            "label": T(
                "%(code)s %(name)s（%(limit)s）",
                code=version.item.code,
                name=version.item.name,
                limit=version.limit,
            ),
        }
        for version in items.catalogue(context.session, on)
    ]


@prefill("intake/register")
def register_first(context: FormContext) -> Mapping[str, Any]:
    """The first contact is whoever is signed in (R2.2.0)."""
    me = by_key(context.session, context.actor.key)
    return {"first_contact": str(me.id)} if me else {}


@prefill("intake/answer")
def answer_first(context: FormContext) -> Mapping[str, Any]:
    case = cases.by_key(context.session, context.business_key)
    clock = clocks.of(context.session, case.key, ITEM_CLOCK)
    return {"deadline": f"{clock.deadline_at.astimezone(ZONE):%Y-%m-%d %H:%M}"} if clock else {}


@prefill("intake/close")
def close_first(context: FormContext) -> Mapping[str, Any]:
    """The departments that hold it up, said before anybody types (R2.3.4b)."""
    case = cases.by_key(context.session, context.business_key)
    return {"open_joint": "、".join(joint_handling.open_units(context.session, case))}


# actions, in the order of the diagram


@action("register_case", outputs={"case_id": "number"})
def register_case(context: ActionContext) -> Mapping[str, Json]:
    """Give the matter its row, its client and, if new, its enterprise's file (R1.2.2a, R2.2.0, R3.1).

    Where its handler is away it is handed over; then there must be a phone to call back (R2.2.4a).
    """
    form, session, moment = context.submission, context.session, context.moment
    if form.get("on_behalf") and form.get("refused"):
        sentence = T("经办人不在时请留下联系电话，否则无法答复对方；不愿留的，请当场受理，或约定再来的时间。")
        raise Refused(sentence, field="refused")
    enterprise_id = int(form["enterprise"]) if form.get("enterprise") else None
    if enterprise_id is None and (name := (form.get("new_enterprise") or "").strip()):
        try:
            enterprise_id = enterprises.create(session, name=name, moment=moment).id
        except enterprises.AlreadyKnown as known:
            raise Refused(known.text, field="new_enterprise") from known
    person = persons.remember(
        session,
        name=form["name"],
        phone=None if form.get("refused") else form["phone"],
        moment=moment,
        enterprise_id=enterprise_id,
        refused_phone=bool(form.get("refused")),
    )
    clerk = by_key(session, context.actor.key)
    agent = None
    if form.get("by_agent"):
        agent = persons.remember(
            session, name=form["agent_name"], phone=form.get("agent_phone"), moment=moment, phone_needed=False
        )
    case = Case(
        instance_id=context.instance_id,
        channel=form["channel"],
        matter=form["matter"],
        applicant_id=person.id,
        enterprise_id=enterprise_id,
        first_contact_id=int(form["first_contact"]),
        registered_by_id=clerk.id if clerk else None,
        received_at=moment,
        pickup_code=cases.pickup_code(),
        agent_id=agent.id if agent else None,
        agent_relation=form.get("agent_relation") if agent else None,
        agent_authorised=form.get("agent_authorised") == "yes" if agent else None,
    )
    session.add(case)
    session.flush()
    session.refresh(case, ["key"])
    context.business_key = case.key
    if form.get("on_behalf"):
        handovers.begin(context.engine, case, to=form["handler"], by=context.actor)
    return {"case_id": case.id}


@action(
    "number_case",
    inputs={"case_id": "number", "item": "string"},
    outputs={
        "case_no": "string",
        "handler_position": "string",
        "limit_days": "number",
        "immediate": "boolean",
        "at_counter": "boolean",
        "checker": "string",
    },
)
def number_case(context: ActionContext, case_id: int, item: str) -> Mapping[str, Json]:
    """Number the case now that its item is known, and freeze the item's list into it (R2.1b, R3.4)."""
    session, moment = context.session, context.moment
    case = session.get_one(Case, case_id)
    version = items.current(session, item, moment.astimezone(ZONE).date())
    case.item_version_id = version.id
    case.handler_position = version.handler_position
    case.classified_at = moment
    case.state = cases.CHECKING
    session.add_all(
        CaseMaterial(
            case_id=case.id,
            seq=material.seq,
            name=material.name,
            required=material.required,
            asked_copies=material.copies,
            asked_original=material.original,
        )
        for material in version.materials
    )
    session.flush()
    case.no = numbering.take(session, "SL", moment.astimezone(ZONE).date())
    session.flush()
    context.note(case_no=case.no)
    duplicates.tell(context, case)
    return {
        "case_no": case.no,
        "handler_position": version.handler_position,
        "limit_days": float(version.limit_value or 0),
        "immediate": version.immediate,
        "at_counter": case.channel == "visit",
        "checker": "intake",
    }


@action("accept_case", inputs={"case_id": "number"}, outputs={"accepted_on": "date"})
def accept_case(context: ActionContext, case_id: int) -> Mapping[str, Json]:
    """Accept: the item's clock starts, and the client is promised a date (R2.1c, R2.4.1).

    What silence accepted counts from the day it was received (decision 5).
    """
    session, moment = context.session, context.moment
    case = session.get_one(Case, case_id)
    clerk = by_key(session, context.actor.key)
    assert case.item is not None and case.item.limit_value is not None
    since = case.received_at if case.deemed else moment
    case.accepted_at = since
    case.accepted_by_id = clerk.id if clerk else None
    case.state = cases.HANDLING
    material_check.end_clocks(context, case)
    clock = clocks.start(
        session,
        owner=case.key,
        kind=ITEM_CLOCK,
        started_at=since,
        limit=Limit(case.item.limit_value, case.item.limit_unit),
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )
    case.receipt_due_at = clock.deadline_at
    session.flush()
    contact_watch.begin(context.engine, case, by=context.actor)
    co_handling.begin(context.engine, case, by=context.actor)
    context.note(deadline=clock.deadline_at.isoformat())
    return {"accepted_on": since.astimezone(ZONE).date().isoformat()}


@action("issue_receipt", inputs={"case_id": "number"}, outputs={"receipt_no": "string"})
def issue_receipt(context: ActionContext, case_id: int) -> Mapping[str, Json]:
    """Hand out the receipt (收件回执单) in the transaction that accepts (R2.4.2)."""
    session = context.session
    case = session.get_one(Case, case_id)
    document = documents.issue_receipt(session, case, context)
    context.note(document=document.no)
    _tell_client(
        context,
        case,
        T(
            "您的事项“%(title)s”已受理，编号 %(no)s，预计 %(date)s 前办结。",
            title=case.title,
            no=case.no,
            date=_day(case.receipt_due_at),
        ),
    )
    return {"receipt_no": document.no}


@action("promise", inputs={"case_id": "number", "planned_on": "date"})
def promise(context: ActionContext, case_id: int, planned_on: str) -> None:
    """The clerk's answer: solution and a day not after the deadline (R1.2.2c)."""
    session = context.session
    case = session.get_one(Case, case_id)
    one_time_notices.must_have_told(session, case)
    day = date.fromisoformat(planned_on)
    clock = clocks.of(session, case.key, ITEM_CLOCK)
    assert clock is not None
    if day < context.moment.astimezone(ZONE).date():
        raise Refused(T("承诺办结日期不能早于今天。"), field="planned_on")
    if day > clock.deadline_at.astimezone(ZONE).date():
        raise Refused(
            T(
                "承诺办结日期不能晚于办结期限 %(date)s；确需更长时间，请在期限前申请延期。",
                date=_day(clock.deadline_at),
            ),
            field="planned_on",
        )
    if not calendar.load(session).is_work(day):
        raise Refused(T("%(date)s 不是工作日，请选择工作日。", date=day.isoformat()), field="planned_on")
    case.planned_on = day
    case.solution = context.submission["solution"]
    if case.acted_at is None:
        case.acted_at = context.moment
    session.flush()
    context.clock_moved(ITEM_CLOCK)  # nobody need be warned any more that nothing was done (R2.4.2b)
    context.note(planned_on=planned_on)
    _tell_client(
        context,
        case,
        T(
            "您的事项 %(no)s：%(solution)s 计划 %(date)s 前办结。",
            no=case.no,
            solution=case.solution,
            date=planned_on,
        ),
    )


@action("close_case", inputs={"case_id": "number"})
def close_case(context: ActionContext, case_id: int) -> None:
    """Close with result and summary; the clock ends (R1.2.3b).

    Refused: the enterprise has no code yet, a department has not answered (R2.3.4b).
    """
    session, form = context.session, context.submission
    case = session.get_one(Case, case_id)
    joint_handling.refuse_while_open(session, case)
    if case.enterprise is not None and case.enterprise.code18 is None:
        raise Refused(
            T("企业“%(name)s”仍为待核实，请先补全统一社会信用代码再办结。", name=case.enterprise.name)
        )
    case.result, case.summary, case.pickup = form["result"], form["summary"], form["pickup"]
    case.closed_at = context.moment
    case.state = cases.CLOSED
    context.announce(cases.CLOSED_MESSAGE)  # what runs beside it ends, a stop of the clock too
    clock = clocks.of(session, case.key, ITEM_CLOCK)
    assert clock is not None
    clocks.finish(session, clock, context.moment, actor=context.actor.key, on_behalf_of=context.on_behalf_of)
    session.flush()
    if case.pickup == cases.AT_WINDOW:
        collection.begin(context.engine, case, by=context.actor)
    context.note(result=case.result)
    words = {"no": case.no, "result": cases.RESULTS[case.result]}
    closed = T("您的事项 %(no)s 已办结：%(result)s。", **words)
    if case.late_at is not None:
        closed = T("您的事项 %(no)s 已办结：%(result)s。未能按期办结，我们深表歉意。", **words)
    _tell_client(context, case, closed)


def _tell_client(context: ActionContext, case: Case, sentence: Any) -> None:
    outbox.queue_message(context.session, case.applicant, sentence, moment=context.moment, case_id=case.id)


def _day(moment: Any) -> str:
    return f"{moment.astimezone(ZONE):%Y-%m-%d}" if moment else ""
