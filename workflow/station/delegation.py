"""The actions of the delegation diagram (P04); its forms are in ``delegation_forms``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.engine.actions import ActionContext, action
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.engine.instances import InstanceRow
from workflow.engine.submissions import latest
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.schema import Json
from workflow.station import absences, calendar, notices, positions, work_handover
from workflow.station.absences import Absence
from workflow.station.calendar import ZONE, Calendar
from workflow.station.deadlines import Limit, deadline
from workflow.station.permissions import can
from workflow.station.positions import HEAD, SUPERIOR
from workflow.station.staff import Staff
from workflow.station.telling import local_moment
from workflow.texts import T, Text, listed

PROCESS = "delegation"
WITHDRAW = "撤销离岗"  # the message of the diagram
TERMS = {"remind_days": "number", "grace_hours": "number"}
DATES = {"ends_at": "string", "remind_at": "string", "overdue_at": "string"}


# the diagram's actions, in its order


@action(
    "register_absence",
    inputs={**TERMS, "list_hours": "number"},
    outputs={
        "absence_id": "number",
        "person": "string",
        "stand_in": "string",
        "planned": "boolean",
        "begun": "boolean",
        "begins_at": "string",
        "decider": "string",
        "hands_over": "string",
        "hand_over_by": "string",
        **DATES,
    },
)
def register_absence(
    context: ActionContext, remind_days: float, grace_hours: float, list_hours: float
) -> Mapping[str, Json]:
    """Save it; of a sudden one the leaders hear at once (R1.3b–d, decision 30). Refused: see ``record``."""
    form, session, moment = context.submission, context.session, context.moment
    person = session.get_one(Staff, int(form["who"]))
    sudden = form["kind"] == "sudden"
    from_at, to_at = local_moment(form["from_at"]), local_moment(form["to_at"])
    if to_at <= moment:
        raise Refused(T("预计返岗时间应晚于现在。"), field="to_at")
    if not sudden and from_at < moment:
        raise Refused(T("计划离岗应事先登记；已经离岗的，请选“突发离岗”。"), field="from_at")
    if not sudden and not form.get("emergency_phone"):
        raise Refused(T("请填写离岗期间的紧急联系电话。"), field="emergency_phone")
    absence = absences.record(
        session,
        person,
        cause=form["cause"],
        cause_text=form.get("cause_text") or "",
        from_at=from_at,
        to_at=to_at,
        substitute=_substitute(session, form, person, from_at, to_at, moment, sudden=sudden),
        sudden=sudden,
        tracked=True,
        handed_over=form.get("handed_over") or "",
        emergency_phone=form.get("emergency_phone"),
        registered_by=context.actor.key,
    )
    context.business_key = absence.key
    context.note(absence=absence.id)
    acting = positions.stand_ins(session, person, moment) if from_at <= moment else []
    if sudden:
        _tell_leaders(
            context,
            absence,
            T(
                "%(name)s突发离岗（%(cause)s），%(period)s，代岗：%(acting)s。",
                **_facts(absence),
                acting=listed(one.name for one in acting) or T("到时确定"),
            ),
        )
    elif absence.substitute is not None:
        sentence = T("%(name)s拟离岗（%(cause)s），%(period)s，请您确认替补。", **_facts(absence))
        _tell(context, absence.substitute, absence, sentence)
    known = calendar.load(session)
    list_due = deadline(moment, Limit(Decimal(str(list_hours)), "working-hour"), known).at
    makes_list = (acting or positions.seconds(session, person, moment) or [person])[0] if sudden else person
    return {
        "absence_id": absence.id,
        "person": person.key,
        "stand_in": absence.substitute.key if absence.substitute else "",
        "planned": not sudden,
        "begun": from_at <= moment,
        "begins_at": from_at.isoformat(),
        "decider": decider(session, person, moment),
        "hands_over": makes_list.key,
        "hand_over_by": max(from_at, list_due).isoformat(),
        **_dates(known, absence, remind_days, grace_hours),
    }


@action("change_substitute", inputs={"absence_id": "number"}, outputs={"stand_in": "string"})
def change_substitute(context: ActionContext, absence_id: int) -> Mapping[str, Json]:
    """The substitute that the head named: at once, and told so."""
    absence = context.session.get_one(Absence, absence_id)
    chosen = context.session.get_one(Staff, int(context.submission["substitute"]))
    absences.name_substitute(context.session, absence, chosen)
    sentence = T("您被指定在%(name)s离岗期间（%(period)s）替补。", **_facts(absence))
    _tell(context, chosen, absence, sentence)
    _tell(
        context,
        absence.person,
        absence,
        T("您离岗期间（%(period)s）由%(substitute)s替补。", **_facts(absence), substitute=chosen.name),
    )
    return {"stand_in": chosen.key}


@action("issue_work_handover", inputs={"absence_id": "number"})
def issue_work_handover(context: ActionContext, absence_id: int) -> None:
    """工作交接单, in the transaction in which the work is taken over."""
    absence = context.session.get_one(Absence, absence_id)
    handed = latest(context.session, context.instance_id, "delegation/hand_over") or {}
    taken = latest(context.session, context.instance_id, "delegation/take_over") or {}
    document = work_handover.issue(context.session, absence, handed, taken, context)
    context.note(document=document.no)


@action("begin_absence", inputs={"absence_id": "number"})
def begin_absence(context: ActionContext, absence_id: int) -> None:
    """From now on A's work reaches whoever acts (R1.3c), who is told; clients are not. Where neither A nor
    B is there, the leaders are told at once (R1.3d)."""
    session, moment = context.session, context.moment
    absence = session.get_one(Absence, absence_id)
    count = len(work_handover.open_work(session, absence.person, moment))
    acting = positions.stand_ins(session, absence.person, moment)
    for person in acting:
        sentence = T(
            "您开始为%(name)s代岗，%(period)s，现有待办 %(count)s 件。", **_facts(absence), count=count
        )
        _tell(context, person, absence, sentence)
    red = [one.name for one in positions.uncovered(session, moment) if one.away.id == absence.staff_id]
    if red:
        _tell_leaders(
            context,
            absence,
            T(
                "%(positions)s的A角、B角都不在岗，任务转由%(acting)s承接，请安排人员。",
                positions=listed(red),
                acting=listed(one.name for one in acting) or T("（无人在岗）"),
            ),
        )
    context.note(acting=[person.key for person in acting])


@action("remind_return", inputs={"absence_id": "number"})
def remind_return(context: ActionContext, absence_id: int) -> None:
    """The return comes near: A and whoever acts prepare it; found in working hours."""
    absence = context.session.get_one(Absence, absence_id)
    sentence = T("%(name)s预计 %(to)s 返岗，请准备返岗交接；不能按时返岗的请登记延长。", **_facts(absence))
    for person in [absence.person, *positions.stand_ins(context.session, absence.person, context.moment)]:
        _tell(context, person, absence, sentence, in_working_hours=True)


@action("prolong_absence", inputs={"absence_id": "number", **TERMS}, outputs={"stand_in": "string", **DATES})
def prolong_absence(
    context: ActionContext, absence_id: int, remind_days: float, grace_hours: float
) -> Mapping[str, Json]:
    """A comes back later; reminders are set anew. Refused: in the past, or see ``absences.prolong``."""
    form, session = context.submission, context.session
    absence = session.get_one(Absence, absence_id)
    new_to = local_moment(form["new_to"])
    if new_to <= context.moment:
        raise Refused(T("新的返岗时间应晚于现在。"), field="new_to")
    chosen = session.get_one(Staff, int(form["substitute"])) if form.get("substitute") else None
    absences.prolong(session, absence, new_to, chosen)
    context.note(until=new_to.isoformat())
    sentence = T("%(name)s的离岗延长至 %(to)s，请继续代岗。", **_facts(absence))
    for person in positions.stand_ins(session, absence.person, context.moment):
        _tell(context, person, absence, sentence)
    return {
        "stand_in": absence.substitute.key if absence.substitute else "",
        **_dates(calendar.load(session), absence, remind_days, grace_hours),
    }


@action("end_absence", inputs={"absence_id": "number"}, outputs={"hands_back": "string"})
def end_absence(context: ActionContext, absence_id: int) -> Mapping[str, Json]:
    """A is back: what is not done returns at once (R1.3d); whoever acted hands back."""
    session, moment = context.session, context.moment
    absence = session.get_one(Absence, absence_id)
    last = min(moment, absence.to_at - timedelta.resolution)
    acting = positions.stand_ins(session, absence.person, last)
    absences.end(session, absence, moment)
    for person in acting:
        sentence = T("%(name)s已返岗，没办完的任务已转回本人，请做返岗交接。", **_facts(absence))
        _tell(context, person, absence, sentence)
    if context.actor.key != absence.person.key:
        _tell(context, absence.person, absence, T("已登记您返岗，没办完的任务已转回给您。"))
    if acting:
        return {"hands_back": acting[0].key}
    substitute = absence.substitute
    return {
        "hands_back": substitute.key if substitute else decider(session, absence.person, moment),
    }


@action("withdraw_absence", inputs={"absence_id": "number"})
def withdraw_absence(context: ActionContext, absence_id: int) -> None:
    """A does not go. Refused: it has begun."""
    absence = context.session.get_one(Absence, absence_id)
    absences.withdraw(context.session, absence, context.moment)
    if absence.substitute is not None:
        sentence = T("%(name)s的离岗（%(period)s）已撤销，不需要您替补。", **_facts(absence))
        _tell(context, absence.substitute, absence, sentence)


def withdraw(session: Session, engine: Engine, absence: Absence, *, by: Actor) -> None:
    """Take an absence back before it begins: the person, who registered it, or a leader. NotAllowed,
    AlreadyDone, Refused."""
    if not can(by, "withdraw_absence", absence):
        raise NotAllowed
    instance = session.scalars(
        select(InstanceRow.id).where(InstanceRow.business_key == absence.key).order_by(InstanceRow.id)
    ).first()
    if instance is None:
        raise AlreadyDone(T("这次离岗没有在运行的流程。"), state="untracked")
    engine.receive(instance, WITHDRAW, by=by)


def decider(session: Session, person: Staff, moment: datetime) -> str:
    """Who decides about a person's absence: the head; about the head, and about whoever alone acts as
    the head, the superior (decision 39)."""
    if any(HEAD in duties for duties in positions.duties_of(session, person, moment)):
        return SUPERIOR
    others = [one for one, _ in positions.holders_of(session, HEAD, moment) if one.id != person.id]
    return HEAD if others else SUPERIOR


# helpers


def _substitute(
    session: Session,
    form: Mapping[str, Any],
    person: Staff,
    from_at: datetime,
    to_at: datetime,
    moment: datetime,
    *,
    sudden: bool,
) -> Staff | None:
    """The one that was chosen; of a planned absence else the first B who is there all the time."""
    if form.get("substitute"):
        return session.get_one(Staff, int(form["substitute"]))
    if sudden:
        return None
    away = {one.staff_id for one in session.scalars(absences.overlapping(from_at, to_at))}
    there = [one for one in positions.seconds(session, person, moment) if one.id not in away]
    return there[0] if there else None


def _dates(known: Calendar, absence: Absence, remind_days: float, grace_hours: float) -> dict[str, Json]:
    """When the return is reminded of, and from when on it is overdue. A very short absence is reminded of
    at its end."""
    remind_at = known.working_days_before(absence.to_at, remind_days)
    if remind_at <= absence.from_at:
        remind_at = absence.to_at
    overdue_at = deadline(absence.to_at, Limit(Decimal(str(grace_hours)), "working-hour"), known).at
    return {
        "ends_at": absence.to_at.isoformat(),
        "remind_at": remind_at.isoformat(),
        "overdue_at": overdue_at.isoformat(),
    }


def _facts(absence: Absence) -> dict[str, object]:
    return {
        "name": absence.person.name,
        "cause": absences.CAUSES[absence.cause],
        "period": absences.period(absence),
        "to": f"{absence.to_at.astimezone(ZONE):%m-%d %H:%M}",
    }


def _tell(
    context: ActionContext, person: Staff, absence: Absence, sentence: Text, *, in_working_hours: bool = False
) -> None:
    notices.tell(
        context.session,
        person,
        sentence,
        f"/posts/absences/{absence.id}",
        moment=context.moment,
        kind="absence",
        in_working_hours=in_working_hours,
    )


def _tell_leaders(context: ActionContext, absence: Absence, sentence: Text) -> None:
    """Whoever decides about this person's absences."""
    candidate = decider(context.session, absence.person, context.moment)
    for leader, _ in positions.holders_of(context.session, candidate, context.moment):
        if leader.id != absence.staff_id:
            _tell(context, leader, absence, sentence)
