"""Who sees what and may do what, as one table."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflow.engine.actors import SYSTEM, Actor
from workflow.engine.tasks import TaskRow
from workflow.migrations.tables import import_all
from workflow.schema import Base
from workflow.station import access_log, enterprises, notices, permissions, persons, positions, staff
from workflow.station.access_log import AccessLog
from workflow.station.enterprises import Enterprise
from workflow.station.notices import Notice
from workflow.station.permissions import ACTIONS, ROWS, can, visible
from workflow.station.persons import Person
from workflow.station.positions import Position
from workflow.station.staff import Staff
from workflow.texts import T

CLERK = Actor("staff:1", "李婷", {"desk_1": None, "intake": None}, frozenset({"cases"}))
STAND_IN = Actor("staff:2", "王芳", {"desk_2": None, "desk_1": "staff:1"}, frozenset({"cases"}))
HEAD = Actor("staff:5", "周建国", {"head": None}, frozenset({"cases", "lead"}))
ADMIN = Actor("staff:8", "郭磊", {"admin": None}, frozenset({"admin"}))
LEFT = Actor("staff:9", "离职", {})
WHO = {"clerk": CLERK, "stand-in": STAND_IN, "head": HEAD, "admin": ADMIN, "left": LEFT, "system": SYSTEM}

OFFERED = SimpleNamespace(assignee=None, candidate="intake", excluded=None)
CLAIMED = SimpleNamespace(assignee="staff:1", candidate="intake", excluded=None)
FOREIGN = SimpleNamespace(assignee="staff:7", candidate="technician", excluded=None)

MAY = {
    # action, thing: who is allowed
    ("see_cases", None): "clerk stand-in head system",
    ("register", None): "clerk stand-in head system",
    ("reveal", None): "clerk stand-in head system",
    ("claim", "offered"): "clerk head system",
    ("claim", "foreign"): "head system",
    ("complete", "offered"): "clerk head system",
    ("complete", "claimed"): "clerk stand-in head system",
    ("complete", "foreign"): "head system",
    ("unclaim", "offered"): "head system",
    ("unclaim", "claimed"): "clerk stand-in head system",
    ("reassign", "claimed"): "clerk stand-in head system",
    ("reassign", "foreign"): "head system",
    ("supervise", None): "head system",
    ("set_targets", None): "head system",
    ("cancel", None): "head system",
    ("change_first_contact", None): "head system",
    ("edit_outside_bodies", None): "head system",
    ("correct_coordination", "own line"): "clerk stand-in head system",
    ("correct_coordination", "foreign line"): "head system",
    ("lead_joint_handling", "led case"): "clerk stand-in head system",
    ("lead_joint_handling", "accepted case"): "head system",
    ("void", "registered case"): "clerk head system",
    ("void", "accepted case"): "head system",
    ("void_visit", "own visit"): "clerk head system",
    ("void_visit", "foreign visit"): "head system",
    ("withdraw_absence", "own absence"): "clerk head system",
    ("withdraw_absence", "registered absence"): "clerk head system",
    ("withdraw_absence", "foreign absence"): "head system",
    ("see_emergency_phone", "own absence"): "clerk stand-in head system",
    ("see_emergency_phone", "registered absence"): "head system",
    ("see_emergency_phone", "foreign absence"): "head system",
    ("see_hand_over", "foreign absence"): "clerk stand-in head system",
    ("see_hand_over", "admin's absence"): "clerk stand-in head admin system",
    ("arrange_positions", None): "head admin system",
    ("edit_items", None): "head admin system",
    ("edit_answers", None): "head system",
    ("edit_calendar", None): "head admin system",
    ("retry", None): "head admin system",
    ("see_system", None): "admin system",
    ("deploy", None): "head admin system",
}
THINGS = {
    "offered": OFFERED,
    "claimed": CLAIMED,
    "foreign": FOREIGN,
    "registered case": SimpleNamespace(registered_by_id=1, accepted_at=None),
    "own visit": SimpleNamespace(actor="staff:1"),
    "foreign visit": SimpleNamespace(actor="staff:7"),
    "led case": SimpleNamespace(lead_id=1),
    "own line": SimpleNamespace(actor="staff:1", on_behalf_of=None),
    "foreign line": SimpleNamespace(actor="staff:7", on_behalf_of=None),
    "accepted case": SimpleNamespace(registered_by_id=1, accepted_at="2026-03-02", lead_id=7),
    "own absence": SimpleNamespace(staff_id=1, registered_by="staff:1"),
    "registered absence": SimpleNamespace(staff_id=7, registered_by="staff:1"),
    "foreign absence": SimpleNamespace(staff_id=7, registered_by="staff:7"),
    "admin's absence": SimpleNamespace(staff_id=8, registered_by="staff:8"),
    None: None,
}


@pytest.mark.parametrize(("action", "thing"), MAY)
@pytest.mark.parametrize("who", WHO)
def test_who_may_do_what(who: str, action: str, thing: str | None) -> None:
    assert can(WHO[who], action, THINGS[thing]) is (who in MAY[action, thing].split())


def test_the_table_above_names_every_action() -> None:
    assert {action for action, _ in MAY} == set(ACTIONS)


@pytest.fixture
def actors(session: Session, people: SimpleNamespace, moment: datetime) -> dict[str, Actor]:
    """The same people as rows, with something of everything to see."""
    enterprise = enterprises.create(session, name="晨光五金", moment=moment)
    person = persons.remember(
        session, name="马立新", phone="00012345678", enterprise_id=enterprise.id, moment=moment
    )
    access_log.record(session, CLERK, object=person.key, field="phone", purpose="告知", moment=moment)
    notices.tell(session, people.li, T("有新任务"), moment=moment)
    left = staff.create(session, login="left", name="离职")
    left.active = False
    session.flush()
    everybody = {"clerk": people.li, "head": people.zhou, "admin": people.root, "left": left}
    return {who: staff.actor(session, each, moment) for who, each in everybody.items()} | {"system": SYSTEM}


@pytest.mark.parametrize(
    ("Model", "seen_by"),
    [
        (Enterprise, "clerk head system"),
        (Person, "clerk head system"),
        (Notice, "clerk"),
        (AccessLog, "head admin system"),
        (Staff, "clerk head admin system"),
        (Position, "clerk head admin system"),
    ],
)
@pytest.mark.parametrize("who", ["clerk", "head", "admin", "left", "system"])
def test_who_sees_which_rows(
    session: Session, actors: dict[str, Actor], Model: type[Any], seen_by: str, who: str
) -> None:
    seen = session.scalar(select(func.count()).select_from(Model).where(visible(actors[who], Model)))
    assert bool(seen) is (who in seen_by.split())


def test_a_task_is_seen_by_those_it_is_offered_to_by_its_owner_and_by_who_leads() -> None:
    assert "candidate" not in str(visible(HEAD, TaskRow)) and "true" in str(visible(SYSTEM, TaskRow))
    for actor in (CLERK, STAND_IN, ADMIN):
        condition = visible(actor, TaskRow).compile()
        known = list(condition.params.values())
        assert actor.asked in known
        assert actor.selves in known


def test_whoever_is_excluded_from_a_task_may_do_nothing_with_it_not_even_as_head() -> None:
    barred = SimpleNamespace(assignee=None, candidate="desk_1", excluded=[HEAD.key, CLERK.key])
    for action in ("claim", "complete", "unclaim", "reassign"):
        assert not can(HEAD, action, barred) and not can(CLERK, action, barred)
    assert can(STAND_IN, "complete", barred)


def test_a_table_nobody_has_decided_about_is_shown_to_nobody() -> None:
    class Undecided:
        __tablename__ = "undecided"

    with pytest.raises(LookupError):
        visible(HEAD, Undecided)
    with pytest.raises(LookupError):
        can(HEAD, "undecided")


def test_every_table_that_lists_are_made_of_has_a_rule() -> None:
    import_all()
    inner = {  # read by the machinery alone, never listed for a person
        "anchor", "anchor_head", "blob", "business_clock", "idempotency", "login_failure", "number_sequence",
        "web_session", "worker",
    }  # fmt: skip
    assert set(Base.metadata.tables) - inner <= set(ROWS)


def test_rights_are_words_known_here(session: Session, people: SimpleNamespace, moment: datetime) -> None:
    known = {permissions.CASES, permissions.LEAD, permissions.ADMIN}
    for person in session.scalars(select(Staff)):
        assert staff.actor(session, person, moment).may <= known
    assert set(positions.DUTIES) >= {"intake", "technician", "head", "superior", "admin"}
