"""Who sees what and may do what: the one place (security §4).

``visible`` stands in every list, count, search, export and download; an id outside it does not exist (404).
``can`` decides the rest. All staff at work see all cases, with phones masked; who only administers the
system sees its pages and no case; tasks are seen by those they are offered to, and by the leaders.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, false, or_, true

from workflow.engine import tasks
from workflow.engine.actors import SYSTEM, Actor

CASES, LEAD, ADMIN = "cases", "lead", "admin"

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


def _rights(actor: Actor) -> frozenset[str]:
    """What the actor may beyond the tasks offered; the system itself may see everything."""
    return frozenset({CASES, LEAD, ADMIN}) if actor == SYSTEM else actor.may


CASE_WORK, ANYBODY, SYSTEM_PAGES = _holding(CASES), _holding(CASES, LEAD, ADMIN), _holding(ADMIN, LEAD)

ROWS: Mapping[str, Rule] = {
    "case": CASE_WORK,
    "case_material": CASE_WORK,
    "clock": CASE_WORK,
    "clock_event": CASE_WORK,
    "document": CASE_WORK,
    "enterprise": CASE_WORK,
    "person": CASE_WORK,
    "instance": CASE_WORK,
    "history": CASE_WORK,
    "submission": CASE_WORK,
    "outbox": CASE_WORK,
    "contact": CASE_WORK,
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
    "escalation": _holding(LEAD),
    "target": _holding(LEAD),
    "review_block": _holding(LEAD),
    "incident": SYSTEM_PAGES,
    "timer": SYSTEM_PAGES,
    "access_log": SYSTEM_PAGES,
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
    "change_first_contact": _has(LEAD),  # R2.2.0
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
