"""Who hears what about a complaint, and the ladder of its limit (T-std).

Everything goes to whoever decides it: the head, or the superior where the head is concerned (R4.2c).
Whoever a complaint is about is told nothing, in no rung.
"""

from __future__ import annotations

from collections.abc import Iterable

from workflow.engine.actions import ActionContext, action
from workflow.station import clocks, conflicts, notices, positions, rungs
from workflow.station.calendar import ZONE
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.complaints import Complaint
from workflow.station.positions import SUPERIOR
from workflow.station.staff import Staff
from workflow.texts import T, Text


def alert(context: ActionContext, complaint: Complaint, sentence: Text) -> None:
    """Tell whoever decides it, at once."""
    _tell(context, complaint, _deciders(context, complaint), sentence)


# --- the ladder ------------------------------------------------------------------------------------------


@action("remind_handler", inputs={"complaint_id": "number"})
def remind_handler(context: ActionContext, complaint_id: int) -> None:
    """Half of the limit is used."""
    complaint = context.session.get_one(Complaint, complaint_id)
    sentence = T("投诉 %(no)s 的答复时限已过半，%(due)s 到期。", **_facts(context, complaint))
    _reach(context, complaint, "remind", _handlers(context, complaint), sentence)


@action("warn_handler", inputs={"complaint_id": "number"})
def warn_handler(context: ActionContext, complaint_id: int) -> None:
    """Four fifths are used: handler, and who decides."""
    complaint = context.session.get_one(Complaint, complaint_id)
    people = [*_handlers(context, complaint), *_deciders(context, complaint)]
    sentence = T("预警：投诉 %(no)s 将于 %(due)s 到期，请抓紧处理。", **_facts(context, complaint))
    _reach(context, complaint, "warn", people, sentence)


@action("mark_complaint_late", inputs={"complaint_id": "number"})
def mark_complaint_late(context: ActionContext, complaint_id: int) -> None:
    """The limit has passed: it is late and stays late; the complainant is owed an apology (R2.4.3d)."""
    complaint = context.session.get_one(Complaint, complaint_id)
    if complaint.late_at is None:
        complaint.late_at = context.moment
        context.session.flush()
    people = [*_handlers(context, complaint), *_deciders(context, complaint)]
    sentence = T("投诉 %(no)s 已超过答复时限（%(due)s），请向投诉人致歉说明。", **_facts(context, complaint))
    _reach(context, complaint, "late", people, sentence)


@action("report_complaint", inputs={"complaint_id": "number"})
def report_complaint(context: ActionContext, complaint_id: int) -> None:
    """One working day later: the superior, unless it is about him or her."""
    complaint = context.session.get_one(Complaint, complaint_id)
    keys = conflicts.barred(context.session, complaint.key)
    superiors = positions.holders_of(context.session, SUPERIOR, context.moment)
    people = [person for person, _ in superiors if person.key not in keys] or _deciders(context, complaint)
    sentence = T("投诉 %(no)s 超期一个工作日仍未答复（期限 %(due)s）。", **_facts(context, complaint))
    _reach(context, complaint, "superior", people, sentence)


# --- what lies too long ----------------------------------------------------------------------------------


@action("alert_unassessed", inputs={"complaint_id": "number"})
def alert_unassessed(context: ActionContext, complaint_id: int) -> None:
    complaint = context.session.get_one(Complaint, complaint_id)
    alert(context, complaint, T("投诉 %(no)s 登记后至今未评审，请督促。", no=complaint.no))


@action("alert_acceptance_untold", inputs={"complaint_id": "number"})
def alert_acceptance_untold(context: ActionContext, complaint_id: int) -> None:
    """Two working hours after acceptance nobody has told the complainant (R4.3a)."""
    complaint = context.session.get_one(Complaint, complaint_id)
    alert(context, complaint, T("投诉 %(no)s 受理后至今未告知投诉人，请督促。", no=complaint.no))


@action("alert_result_untold", inputs={"complaint_id": "number"})
def alert_result_untold(context: ActionContext, complaint_id: int) -> None:
    """One working day after the decision the complainant has not heard it (R4.4c)."""
    complaint = context.session.get_one(Complaint, complaint_id)
    alert(context, complaint, T("投诉 %(no)s 审定后至今未反馈投诉人，请督促。", no=complaint.no))


# --- telling ---------------------------------------------------------------------------------------------


def tell_handler(context: ActionContext, complaint: Complaint, sentence: Text) -> None:
    _tell(context, complaint, _handlers(context, complaint), sentence)


def _facts(context: ActionContext, complaint: Complaint) -> dict[str, object]:
    clock = clocks.of(context.session, complaint.key, ITEM_CLOCK)
    due = f"{clock.deadline_at.astimezone(ZONE):%Y-%m-%d %H:%M}" if clock else ""
    return {"no": complaint.no, "due": due}


def _deciders(context: ActionContext, complaint: Complaint) -> list[Staff]:
    handler = [complaint.handler.key] if complaint.handler else []
    return conflicts.overseer(context.session, complaint.key, context.moment, besides=handler).people


def _handlers(context: ActionContext, complaint: Complaint) -> list[Staff]:
    """The handler, or whoever acts for him or her; nobody whom the complaint concerns."""
    if complaint.handler is None:
        return _deciders(context, complaint)
    keys = conflicts.concerned(context.session, complaint.key)
    asked = positions.holders_of(context.session, complaint.handler.key, context.moment)
    return [person for person, _ in asked if person.key not in keys] or _deciders(context, complaint)


def _reach(
    context: ActionContext, complaint: Complaint, rung: str, people: Iterable[Staff], sentence: Text
) -> None:
    """Once for each clock: a clock moved back and forth tells nobody twice."""
    clock = clocks.of(context.session, complaint.key, ITEM_CLOCK)
    assert clock is not None, "rungs hang on it"
    told = list(people)
    keys = list(dict.fromkeys(person.key for person in told))
    context.note(rung=rung, told=list(keys))
    if rungs.record(context.session, clock, rung, told=keys, moment=context.moment):
        _tell(context, complaint, told, sentence)


def _tell(context: ActionContext, complaint: Complaint, people: Iterable[Staff], sentence: Text) -> None:
    for person in {person.id: person for person in people}.values():
        notices.tell(
            context.session,
            person,
            sentence,
            f"/complaints/{complaint.id}",
            moment=context.moment,
            kind="complaint",
            in_working_hours=True,
        )
