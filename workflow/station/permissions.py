"""Who sees what and may do what: the one place (security §4).

``visible`` stands in every list, count, search, export and download; an id outside it does not exist (404).
``can`` decides the rest. All staff at work see all cases, with phones masked; who only administers the
system sees its pages and no case; tasks are seen by those they are offered to, and by the leaders.

A complaint, and all that belongs to one, does not exist for whoever it is about (R4.2, decision 39); else it
is seen by the leaders, by who deals with complaints, who registered it, and whoever has a task in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Exists,
    FromClause,
    Select,
    and_,
    column,
    exists,
    false,
    or_,
    select,
    table,
    true,
)

from workflow.engine import tasks
from workflow.engine.actors import SYSTEM, Actor

CASES, LEAD, ADMIN = "cases", "lead", "admin"
COMPLAINTS = "complaints"  # the duty

Rule = Callable[[Actor, Any], ColumnElement[bool]]


def visible(actor: Actor, Model: type[Any]) -> ColumnElement[bool]:
    """The rows of a table this person may see. LookupError: nobody has decided who may see that table."""
    return ROWS[Model.__tablename__](actor, Model)


def can(actor: Actor, action: str, thing: object | None = None) -> bool:
    """May this person do it to this thing, which is seen? LookupError: an action nobody has decided."""
    return ACTIONS[action](actor, thing)


def _holding(*rights: str) -> Rule:
    """All rows for whoever has one of these rights, else none."""
    return lambda actor, Model: true() if _rights(actor) & set(rights) else false()


def _tasks(actor: Actor, Task: Any) -> ColumnElement[bool]:
    return true() if actor == SYSTEM else tasks.visible_to(actor)


def _own_notices(actor: Actor, Notice: Any) -> ColumnElement[bool]:
    kind, _, number = actor.key.partition(":")
    return Notice.recipient_id == int(number) if kind == "staff" else false()


def _own_filters(actor: Actor, Filter: Any) -> ColumnElement[bool]:
    """One's own, and those shared with a position or duty that one holds now."""
    kind, _, number = actor.key.partition(":")
    own = Filter.owner_id == int(number) if kind == "staff" else false()
    return or_(own, Filter.shared_with.in_(list(actor.offers)))


def _own_drafts(actor: Actor, Draft: Any) -> ColumnElement[bool]:
    kind, _, number = actor.key.partition(":")
    return Draft.staff_id == int(number) if kind == "staff" else false()


# Told by name here: complaints themselves stand above permissions.
_complaint = table("complaint", column("key"), column("registered_by_id"), column("instance_id"))
_party = table("complaint_party", column("owner"), column("staff_id"), column("role"))
_instance = table("instance", column("id"), column("business_key"))
_clock = table("clock", column("id"), column("owner"))
_OF_COMPLAINT = "complaint:%"
ABOUT = ("target", "case")  # roles of those it is about; a 'twin' only must not handle it


def not_about(actor: Actor, Complaint: Any) -> ColumnElement[bool]:
    """Complaints that are not about this person: what is left to ask of those with a task that is seen."""
    if actor == SYSTEM:
        return true()
    return ~_concerned_by(actor, Complaint).where(_party.c.role.in_(ABOUT))


def _concerned_by(actor: Actor, Complaint: Any) -> Exists:
    """Does the complaint concern this person, in any role?"""
    number = int(actor.key.partition(":")[2])
    found = exists().where(_party.c.owner == Complaint.key, _party.c.staff_id == number)
    return found.correlate_except(_party)


def _complaints(actor: Actor, Complaint: Any) -> ColumnElement[bool]:
    if actor == SYSTEM:
        return true()
    kind, _, number = actor.key.partition(":")
    if kind != "staff":
        return false()
    rights: list[ColumnElement[bool]] = [
        Complaint.registered_by_id == int(number),
        exists()
        .where(_instance.c.business_key == Complaint.key, _instance.c.id == tasks.table.c.instance_id)
        .where(tasks.visible_to(actor))
        .correlate_except(_instance, tasks.table),
    ]
    if LEAD in actor.may:
        rights.append(true())
    if COMPLAINTS in actor.offers:
        rights.append(~_concerned_by(actor, Complaint))
    return and_(not_about(actor, Complaint), or_(*rights))


def _not_of_hidden(actor: Actor, key: ColumnElement[Any]) -> ColumnElement[bool]:
    """Is this business key none of a complaint, or of one that is seen?"""
    if actor == SYSTEM:
        return true()
    seen = exists().where(_complaint.c.key == key, _complaints(actor, _complaint.c))
    seen = seen.correlate_except(_complaint)
    return or_(key.is_(None), key.not_like(_OF_COMPLAINT), seen)


def _by_key(rule: Rule, name: str) -> Rule:
    """Rows that carry a business key in column ``name``."""
    return lambda actor, Model: and_(rule(actor, Model), _not_of_hidden(actor, getattr(Model, name)))


def _by_instance(rule: Rule) -> Rule:
    """Rows of an instance."""

    def seen(actor: Actor, Model: Any) -> ColumnElement[bool]:
        key = select(_instance.c.business_key).where(_instance.c.id == Model.instance_id)
        return and_(rule(actor, Model), _not_of_hidden(actor, _inner(key, _instance)))

    return seen


def _by_clock(rule: Rule) -> Rule:
    """Rows of a clock."""

    def seen(actor: Actor, Model: Any) -> ColumnElement[bool]:
        key = select(_clock.c.owner).where(_clock.c.id == Model.clock_id)
        return and_(rule(actor, Model), _not_of_hidden(actor, _inner(key, _clock)))

    return seen


def _inner(found: Select[Any], source: FromClause) -> ColumnElement[Any]:
    return found.correlate_except(source).scalar_subquery()


def _of_complaints(name: str) -> Rule:
    """Rows that belong to a complaint, by the column that holds its key."""

    def seen(actor: Actor, Model: Any) -> ColumnElement[bool]:
        found = exists().where(_complaint.c.key == getattr(Model, name), _complaints(actor, _complaint.c))
        return found.correlate_except(_complaint)

    return seen


def _rights(actor: Actor) -> frozenset[str]:
    """What the actor may beyond the tasks offered; the system itself may see everything."""
    return frozenset({CASES, LEAD, ADMIN}) if actor == SYSTEM else actor.may


CASE_WORK, ANYBODY, SYSTEM_PAGES = _holding(CASES), _holding(CASES, LEAD, ADMIN), _holding(ADMIN, LEAD)

ROWS: Mapping[str, Rule] = {
    "case": CASE_WORK,
    "case_material": CASE_WORK,
    "case_relation": CASE_WORK,
    "visit": CASE_WORK,
    "clock": _by_key(CASE_WORK, "owner"),
    "clock_event": _by_clock(CASE_WORK),
    "document": _by_key(CASE_WORK, "owner"),
    "enterprise": CASE_WORK,
    "person": CASE_WORK,
    "instance": _by_key(CASE_WORK, "business_key"),
    "history": _by_instance(CASE_WORK),
    "submission": _by_instance(CASE_WORK),
    "outbox": CASE_WORK,
    "contact": CASE_WORK,
    "first_contact_change": CASE_WORK,
    "first_contact_handover": CASE_WORK,
    "guidance": CASE_WORK,
    "transfer": CASE_WORK,
    "outside_body": ANYBODY,
    "diagram_reading": ANYBODY,
    "coordination": CASE_WORK,
    "co_handling_unit": CASE_WORK,
    "joint_part": CASE_WORK,
    "comment": CASE_WORK,
    "consultation": CASE_WORK,
    "consultation_contact": CASE_WORK,
    "library_answer": CASE_WORK,
    "looking": CASE_WORK,
    "saved_filter": _own_filters,
    "draft": _own_drafts,
    "extension_request": CASE_WORK,
    "task": _tasks,
    "notice": _own_notices,
    "service_item": ANYBODY,
    "item_version": ANYBODY,
    "item_material": ANYBODY,
    "staff": ANYBODY,
    "position": ANYBODY,
    "position_post": ANYBODY,
    "position_change": _holding(LEAD, ADMIN),
    "absence": ANYBODY,
    "calendar_day": ANYBODY,
    "calendar_change": ANYBODY,
    "calendar_reminder": ANYBODY,
    "window_hours": ANYBODY,
    "definition": ANYBODY,
    "escalation": _by_clock(_holding(LEAD)),
    "target": _holding(LEAD),
    "review_block": _holding(LEAD),
    "incident": _by_instance(SYSTEM_PAGES),
    "timer": _by_instance(SYSTEM_PAGES),
    "access_log": _by_key(SYSTEM_PAGES, "object"),
    "complaint": _complaints,
    "complaint_party": _of_complaints("owner"),
    "complaint_demand": _of_complaints("owner"),
    "complaint_statement": _of_complaints("owner"),
    "complaint_contact": _of_complaints("owner"),
}


def _has(*rights: str) -> Callable[[Actor, Any], bool]:
    return lambda actor, thing: bool(_rights(actor) & set(rights))


def _offered(actor: Actor, task: Any) -> bool:
    return _held(actor, task) or (task.candidate in actor.asked and actor.key not in (task.excluded or ()))


def _held(actor: Actor, task: Any) -> bool:
    if actor.key in (task.excluded or ()):
        return False
    return LEAD in _rights(actor) or task.assignee in actor.selves


def _concerned(actor: Actor, absence: Any) -> bool:
    """The absent person, whoever acts for him or her, and the leaders."""
    return f"staff:{absence.staff_id}" in actor.selves or LEAD in _rights(actor)


def _registering(actor: Actor, case: Any) -> bool:
    """Who leads; whoever registered the case, as long as it is not accepted."""
    own = actor.key == f"staff:{case.registered_by_id}" and case.accepted_at is None
    return own or LEAD in _rights(actor)


def _wrote(actor: Actor, row: Any) -> bool:
    """Who wrote it down, and the leaders."""
    return actor.key == row.actor or LEAD in _rights(actor)


def _written(actor: Actor, line: Any) -> bool:
    """Who wrote it down, for whom it was written, whoever acts for them, and the leaders."""
    return bool({line.actor, line.on_behalf_of} & set(actor.selves)) or LEAD in _rights(actor)


def _leading(actor: Actor, case: Any) -> bool:
    """Who leads the case, whoever acts for him or her, and the leaders of the station."""
    return f"staff:{case.lead_id}" in actor.selves or LEAD in _rights(actor)


def _registered(actor: Actor, absence: Any) -> bool:
    """The absent person, whoever registered it, and the leaders."""
    own = actor.key in (f"staff:{absence.staff_id}", absence.registered_by)
    return own or LEAD in _rights(actor)


ACTIONS: Mapping[str, Callable[[Actor, Any], bool]] = {
    "see_cases": _has(CASES),
    "register": _has(CASES),  # whoever is asked first receives (R2.2.1)
    "reveal": _has(CASES),
    "claim": _offered,
    "complete": _offered,
    "unclaim": _held,
    "reassign": _held,
    "supervise": _has(LEAD),
    "set_targets": _has(LEAD),  # R1.2.1d
    "cancel": _has(LEAD),
    "void": _registering,  # R3.6
    "void_visit": _wrote,  # R1.1b
    "change_first_contact": _has(LEAD),  # R2.2.0
    "edit_outside_bodies": _has(LEAD),  # R2.2.4b
    "correct_coordination": _written,  # R1.1d
    "lead_joint_handling": _leading,  # R2.3.4b
    "withdraw_absence": _registered,
    "see_emergency_phone": _concerned,
    "see_hand_over": lambda actor, absence: _has(CASES)(actor, absence) or _concerned(actor, absence),
    "arrange_positions": _has(LEAD, ADMIN),
    "edit_items": _has(LEAD, ADMIN),
    "edit_answers": _has(LEAD),
    "edit_calendar": _has(LEAD, ADMIN),
    "retry": _has(LEAD, ADMIN),
    "see_system": _has(ADMIN),
    "deploy": _has(ADMIN, LEAD),
}
