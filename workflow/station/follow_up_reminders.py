"""Follow-up reminders (跟进提醒, R1.1c): words of the diagram that is begun beside any case."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.engine.actors import Actor
from workflow.engine.submissions import latest
from workflow.errors import NotAllowed, Refused
from workflow.schema import Json
from workflow.station import cases, notices, staff
from workflow.station.cases import Case
from workflow.station.permissions import can
from workflow.station.staff import Staff
from workflow.station.telling import local_moment
from workflow.texts import T

PROCESS = "follow_up_reminder"
SET, FOLLOW_UP = "follow_up_reminder/set", "follow_up_reminder/follow_up"
FURTHEST_DAYS = 366  # a date beyond is a slip of the year


def may_set(by: Actor) -> bool:
    """Whoever works with cases, also with one that has ended."""
    return can(by, "see_cases")


@options("follow_up_colleagues")
def colleague_choices(context: FormContext) -> list[Choice]:
    """Oneself first; whoever sees no cases is refused on arrival."""
    session = context.session
    everybody = session.scalars(select(Staff).where(Staff.active).order_by(Staff.name_pinyin)).all()
    mine_first = sorted(everybody, key=lambda one: one.key != context.actor.key)
    return [{"value": one.key, "label": staff.called(one)} for one in mine_first]


@prefill(SET)
def set_first(context: FormContext) -> Mapping[str, Any]:
    return {**_case(context), "whom": context.actor.key}


@prefill(FOLLOW_UP)
def follow_up_first(context: FormContext) -> Mapping[str, Any]:
    asked = latest(context.session, context.instance_id or 0, SET) or {}
    return {**_case(context), "what": asked.get("what")}


@action(
    "set_reminder",
    inputs={"whom": "string"},
    outputs={"whom": "string", "remind_at": "string"},
)
def set_reminder(context: ActionContext, whom: str) -> Mapping[str, Json]:
    """Keep when and whom. NotAllowed: who sees no cases. Refused: a colleague who sees none, a time that is
    past or too far."""
    if not may_set(context.actor):
        raise NotAllowed
    person = staff.by_key(context.session, whom)
    if person is None or not may_set(staff.actor(context.session, person, context.moment)):
        raise Refused(T("请选择能查看办件的同事。"), field="whom")
    at = local_moment(context.submission["at"])
    if not 0 < (at - context.moment).total_seconds() <= FURTHEST_DAYS * 86_400:
        raise Refused(T("提醒时间应在现在之后的一年内。"), field="at")
    return {"whom": whom, "remind_at": at.isoformat()}


@action("remind_follow_up", inputs={"whom": "string"})
def remind_follow_up(context: ActionContext, whom: str) -> None:
    """The time has come: tell whoever follows it up, in working hours."""
    session = context.session
    case, person = cases.by_key(session, context.business_key), staff.by_key(session, whom)
    if person is None:
        return
    asked = latest(session, context.instance_id, SET) or {}
    sentence = T("请跟进 %(no)s：%(what)s", no=_called(case), what=asked.get("what") or case.title)
    notices.tell(session, person, sentence, f"/cases/{case.id}", moment=context.moment, in_working_hours=True)


def _case(context: FormContext) -> dict[str, Any]:
    case = cases.by_key(context.session, context.business_key)
    return {"case_no": case.no, "title": case.title}


def _called(case: Case) -> str:
    return case.no or case.title
