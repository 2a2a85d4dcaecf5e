"""Words of the diagram ``extension_approval`` (P06): its actions, choices, and what its forms open with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow.engine.actions import ActionContext, Choice, FormContext, action, options, prefill
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.schema import Json
from workflow.station import (
    cases,
    clock_ledger,
    clock_reckoning,
    clocks,
    extension_papers,
    extensions,
    notices,
    outbox,
    owners,
    positions,
)
from workflow.station.cases import Case
from workflow.station.deadline_words import stamp
from workflow.station.documents import signature
from workflow.station.extensions import ExtensionRequest
from workflow.station.rendering import letterhead
from workflow.station.staff import Staff, by_key
from workflow.texts import T, Text

GRANT, GRANT_OTHER, REFUSE = "grant", "grant_other", "refuse"
SUBJECT = "extension"  # of the contacts and messages that tell the client
APPROVERS = {positions.HEAD: T("站长审批"), positions.SUPERIOR: T("分管领导审批")}


# choices and first values


@options("extension_reasons")
def reason_choices(context: FormContext) -> list[Choice]:
    return [{"value": code, "label": label} for code, label in extensions.REASONS.items()]


@prefill("extension_approval/request")
def request_first(context: FormContext) -> Mapping[str, Any]:
    """The date as it stands, and how much could be asked for. NotAllowed, Refused: nothing can be asked."""
    session, moment = context.session, context.moment
    case = cases.by_key(session, context.business_key)
    clock = extensions.may_ask(session, context.actor, case, moment)
    known = extensions.facts(session, context.actor, case, clock, moment)
    most = extensions.ceiling(session, known, moment)
    return {
        "case": f"{case.no} {case.title}",
        "deadline": stamp(clock_reckoning.if_resumed(session, clock, moment)),
        "allowed": T(
            "第 %(nth)s 次延期，最多 %(most)s，%(approver)s",
            nth=known["nth"],
            most=extensions.days_words(most.max_days, extensions.unit_of(clock)),
            approver=APPROVERS[most.approver],
        ).say()
        if most.permitted
        else T("按规定不能再延期").say(),
    }


@prefill("extension_approval/approve")
def approve_first(context: FormContext) -> Mapping[str, Any]:
    """All that is needed to decide, on one small screen."""
    assert context.instance_id is not None
    session = context.session
    request = extensions.of_instance(session, context.instance_id)
    case = request.case
    clock = _clock(context, case)
    new = clock_reckoning.extended(session, clock, request.days, context.moment)
    return {
        "case": f"{case.no} {case.title}",
        "applicant": signature(session, request.actor, request.on_behalf_of),
        "days_asked": extensions.days_words(request.days, request.unit).say(),
        "dates": f"{stamp(clock_reckoning.if_resumed(session, clock, context.moment))} → {stamp(new)}",
        "standing": T(
            "时限 %(limit)s，已用 %(used)s%%；第 %(nth)s 次延期，最多 %(most)s",
            limit=clock.limit.text,
            used=round(100 * clock_reckoning.used(session, clock, context.moment)),
            nth=request.nth,
            most=extensions.days_words(request.max_days, request.unit),
        ).say(),
        "why": extensions.REASONS[request.reason].say(),
        "explained": request.explanation,
        "done_so_far": request.work_done,
        "granted_days": request.days,
    }


# actions, in the order of the diagram


@action(
    "check_extension",
    outputs={
        "case_id": "number",
        "limit_days": "number",
        "limit_unit": "string",
        "nth": "number",
        "by_head": "boolean",
    },
)
def check_extension(context: ActionContext) -> Mapping[str, Json]:
    """May it be asked at all (R2.4.3b)? NotAllowed; Refused: no clock runs, it is late, one is open."""
    session, moment = context.session, context.moment
    case = cases.by_key(session, context.business_key)
    clock = extensions.may_ask(session, context.actor, case, moment)
    return {"case_id": case.id, **extensions.facts(session, context.actor, case, clock, moment)}


@action(
    "file_extension",
    inputs={
        "case_id": "number",
        "nth": "number",
        "by_head": "boolean",
        "max_days": "number",
        "approver": "string",
        "permitted": "boolean",
    },
    outputs={"request_id": "number", "position": "string", "excluded": "string", "post": "string"},
)
def file_extension(
    context: ActionContext,
    case_id: int,
    nth: int,
    by_head: bool,
    max_days: float,
    approver: str,
    permitted: bool,
) -> Mapping[str, Json]:
    """Lay it before somebody above the one who asks. Refused: not permitted, too many days, nobody left."""
    session, moment, form = context.session, context.moment, context.submission
    case = session.get_one(Case, case_id)
    clock, post = _clock(context, case), owners.post_of(session, context.actor, case)
    assert post is not None, "check_extension has asked"
    days = int(form["days"])
    most = extensions.Ceiling(int(max_days or 0), approver, permitted is True)
    extensions.within(most, days, extensions.unit_of(clock))
    position, without = extensions.laid_before(session, context.actor, case, approver, moment)
    request = extensions.file(
        session,
        ExtensionRequest(
            case=case,
            instance_id=context.instance_id,
            nth=nth,
            reason=form["reason"],
            explanation=form["explanation"],
            work_done=form["work_done"],
            days=days,
            max_days=most.max_days,
            unit=extensions.unit_of(clock),
            old_deadline_at=clock_reckoning.if_resumed(session, clock, moment),
            asked_deadline_at=clock_reckoning.extended(session, clock, days, moment),
            asked_at=moment,
            actor=context.actor.key,
            on_behalf_of=post.on_behalf_of,
            by_head=by_head,
            position=position,
            excluded=without,
        ),
    )
    for person in extensions.asked(session, request, moment):
        _tell(context, person, case, _asks(context, request))
    context.note(asked_days=days)
    return {
        "request_id": request.id,
        "position": request.position,
        "excluded": ",".join(without),
        "post": post.candidate,
    }


@action(
    "grant_extension",
    inputs={"request_id": "number", "decision": "string"},
    outputs={"told_by": "string", "to_tell": "string", "subject": "string"},
)
def grant_extension(context: ActionContext, request_id: int, decision: str) -> Mapping[str, Json]:
    """Extend, move all that hangs on the date, issue both papers, write to the client: one transaction.

    Refused: not the approver, more days than the ceiling, the deadline has passed. AlreadyDone.
    """
    session, moment, form = context.session, context.moment, context.submission
    request = _decided(context, request_id)
    case = request.case
    clock = _clock(context, case)
    clocks.may_extend(session, clock, moment)
    days = int(form["granted_days"]) if decision == GRANT_OTHER else request.days
    clocks.recompute(
        session, clock, moment, actor=context.actor.key
    )  # the papers say what the clock will say
    old = clock_reckoning.if_resumed(session, clock, moment)
    new = clock_reckoning.extended(session, clock, days, moment)
    extensions.grant(session, request, days, new, moment)
    notice = extension_papers.issue_notice(session, request, context, old=old)
    sheet = extension_papers.issue_sheet(session, request, context, old=old)
    clocks.extend(
        session,
        clock,
        days,
        moment,
        reason=request.reason,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
        document_id=notice.id,
    )
    context.clock_moved(clock_ledger.ITEM_CLOCK)
    told = T(
        "您的事项 %(no)s 需延期办理：原定 %(old)s 前办结，现延至 %(new)s。原因：%(reason)s。"
        "监督电话 %(phone)s。",
        no=case.no,
        old=stamp(old),
        new=stamp(new),
        reason=extensions.REASONS[request.reason],
        phone=letterhead()["supervision_phone"],
    )
    outbox.queue_message(session, case.applicant, told, moment=moment, case_id=case.id, subject=SUBJECT)
    _tell_applicant(
        context,
        request,
        T(
            "%(no)s 的延期已获同意：%(days)s，新期限 %(new)s。请在原期限前告知服务对象。",
            no=case.no,
            days=extensions.days_words(days, request.unit),
            new=stamp(new),
        ),
    )
    context.note(granted_days=days, document=notice.no, sheet=sheet.no, deadline=new.isoformat())
    return {"told_by": old.isoformat(), "to_tell": told.say(), "subject": SUBJECT}


@action("refuse_extension", inputs={"request_id": "number"})
def refuse_extension(context: ActionContext, request_id: int) -> None:
    """Not granted: whoever asked reads why. Refused: not the approver, no opinion."""
    request = _decided(context, request_id)
    if not request.opinion:
        raise Refused(T("不同意延期时，请写明意见。"), field="opinion")
    extensions.close(context.session, request, extensions.REFUSED, context.moment)
    old = clock_reckoning.if_resumed(context.session, _clock(context, request.case), context.moment)
    sheet = extension_papers.issue_sheet(context.session, request, context, old=old)
    _tell_applicant(
        context,
        request,
        T("%(no)s 的延期申请未获同意：%(opinion)s", no=request.case.no, opinion=request.opinion),
    )
    context.note(sheet=sheet.no)


@action("lapse_extension", inputs={"request_id": "number"})
def lapse_extension(context: ActionContext, request_id: int) -> None:
    """Not decided in time is not granted, and it counts for the approver (decisions 36)."""
    session, moment = context.session, context.moment
    request = session.get_one(ExtensionRequest, request_id)
    case, late = request.case, extensions.asked(session, request, moment)
    request.late_approvers = [person.key for person in late]
    extensions.close(session, request, extensions.UNDECIDED, moment)
    names = "、".join(person.name for person in late) or "—"
    for person, _ in positions.holders_of(session, positions.SUPERIOR, moment):
        _remind(
            context,
            person,
            case,
            T("%(no)s 的延期申请未按时审批（%(names)s），视为不同意。", no=case.no, names=names),
        )
    over = clocks.is_over(session, _clock(context, case), moment)
    _tell_applicant(
        context,
        request,
        T("%(no)s 的延期申请未按时审批，视为不同意；办理期限不变。", no=case.no)
        if over
        else T("%(no)s 的延期申请未按时审批，视为不同意；在办理期限届满前可以再次申请。", no=case.no),
        later=True,
    )
    context.note(late_approvers=[person.key for person in late])


@action("drop_extension", inputs={"request_id": "number"})
def drop_extension(context: ActionContext, request_id: int) -> None:
    """The case was completed first: nothing is left to decide."""
    request = context.session.get_one(ExtensionRequest, request_id)
    extensions.close(context.session, request, extensions.MOOT, context.moment)


@action("warn_untold", inputs={"request_id": "number"})
def warn_untold(context: ActionContext, request_id: int) -> None:
    """Half a working day after the approval the client knows nothing yet: warn owner and head (R2.4.3c)."""
    request = context.session.get_one(ExtensionRequest, request_id)
    sentence = T("%(no)s 的延期批准已过半个工作日，尚未告知服务对象。", no=request.case.no)
    _tell_applicant(context, request, sentence, later=True)
    _watch(context, request, sentence)


@action("warn_untold_at_deadline", inputs={"request_id": "number"})
def warn_untold_at_deadline(context: ActionContext, request_id: int) -> None:
    """The old deadline has come and the client still has not been told: the head again."""
    request = context.session.get_one(ExtensionRequest, request_id)
    _watch(context, request, T("%(no)s 的原期限已到，仍未把延期告知服务对象，请督促。", no=request.case.no))


def _decided(context: ActionContext, request_id: int) -> ExtensionRequest:
    """The request that this step decides. AlreadyDone; NotAllowed: it is not laid before this person."""
    request = context.session.get_one(ExtensionRequest, request_id)
    if request.state != extensions.OPEN:
        raise AlreadyDone(T("这件延期申请已经处理。"), state=request.state)
    me = context.actor
    if me.key in request.excluded:
        raise NotAllowed(T("不能审批本人、被代岗人或互为A、B角人员的申请。"))
    if not {request.position, positions.SUPERIOR} & set(me.asked):
        raise NotAllowed(T("这件延期申请须由分管领导审批。"))
    request.decided_by, request.decided_for = me.key, context.on_behalf_of
    request.opinion = context.submission.get("opinion") or ""
    return request


def _clock(context: ActionContext | FormContext, case: Case) -> clock_ledger.Clock:
    clock = clocks.of(context.session, case.key, clock_ledger.ITEM_CLOCK)
    assert clock is not None, "a case with a request has a clock"
    return clock


def _asks(context: ActionContext, request: ExtensionRequest) -> Text:
    return T(
        "%(who)s 为 %(no)s 申请延期 %(days)s（%(reason)s），请在半个工作日内审批。",
        who=context.actor.name,
        no=request.case.no,
        days=extensions.days_words(request.days, request.unit),
        reason=extensions.REASONS[request.reason],
    )


def _tell(context: ActionContext, person: Staff, case: Case, sentence: Text) -> None:
    notices.tell(
        context.session, person, sentence, f"/cases/{case.id}", moment=context.moment, kind="extension"
    )


def _remind(context: ActionContext, person: Staff, case: Case, sentence: Text) -> None:
    notices.tell(
        context.session,
        person,
        sentence,
        f"/cases/{case.id}",
        moment=context.moment,
        kind="extension",
        in_working_hours=True,
    )


def _tell_applicant(
    context: ActionContext, request: ExtensionRequest, sentence: Text, *, later: bool = False
) -> None:
    """Whoever asked, or acts for him or her now; ``later``: what a timer says waits for working hours."""
    for person, _ in positions.holders_of(context.session, request.actor, context.moment):
        (_remind if later else _tell)(context, person, request.case, sentence)


def _watch(context: ActionContext, request: ExtensionRequest, sentence: Text) -> None:
    """Tell the head; where he himself is concerned, the superior (decisions 39)."""
    duty = positions.SUPERIOR if request.by_head else positions.HEAD
    for person, _ in positions.holders_of(context.session, duty, context.moment):
        if by_key(context.session, request.actor) != person:
            _remind(context, person, request.case, sentence)
