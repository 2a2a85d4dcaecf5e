"""The call list and the log of contacts (R1.2.2b, R2.1d, decision 33)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.processes.conftest import Person, at
from workflow.errors import AlreadyDone, NotFound, Refused
from workflow.station import contacts, outbox
from workflow.station.cases import Case
from workflow.station.contacts import Contact
from workflow.station.outbox import Outbox


@pytest.fixture
def case(liting: Person) -> Case:
    """Accepted: the client is to be told by phone."""
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    return case


def waiting(who: Person) -> list[Outbox]:
    return outbox.call_list(who.station.session, who.actor)


def calls(who: Person, row: Outbox, outcome: str = "reached", words: str = "") -> None:
    station = who.station
    contacts.log_call(
        station.session,
        who.actor,
        row,
        engine=station.engine,
        outcome=outcome,
        words=words,
        moment=station.clock.now(),
    )
    station.session.commit()
    station.session.expire_all()


def writes(who: Person, case: Case, **changed: Any) -> Contact:
    station = who.station
    form = {
        "channel": "phone",
        "outcome": "reached",
        "party": "expert",
        "unit": "示例市计量所",
        "content": "周四可以上门取样。",
        "at": at("2026-03-02 08:55"),
        **changed,
    }
    contact = contacts.record(
        station.session,
        case,
        engine=station.engine,
        moment=station.clock.now(),
        actor=who.actor.key,
        **form,
    )
    station.session.commit()
    return contact


def test_r2_1d_a_call_that_reached_the_client_leaves_the_list_and_stands_in_the_file(station, liting, case):
    (row,) = waiting(liting)
    assert outbox.count_calls(station.session, liting.actor) == 1
    calls(liting, row, words="本人接听，会来取。")
    assert waiting(liting) == [] and outbox.count_calls(station.session, liting.actor) == 0
    (kept,) = contacts.of(station.session, case)
    assert (kept.channel, kept.outcome, kept.content) == ("phone", "reached", "本人接听，会来取。")
    assert contacts.last_contact(station.session, case) == station.clock.now()
    with pytest.raises(AlreadyDone):
        calls(liting, row)


def test_r2_1d_who_was_not_reached_stays_and_comes_after_the_others(station, liting, case):
    other = liting.registers(phone="000-11112222")
    liting.classifies(other, "BZ01")
    liting.accepts(other)
    first, second = waiting(liting)
    calls(liting, first, "no_answer")
    assert waiting(liting) == [second, first]
    assert (first.outcome, first.tried_at) == ("未接通", station.clock.now())
    (kept,) = contacts.of(station.session, case)
    assert (kept.outcome, kept.content) == ("no_answer", first.text)
    assert contacts.last_contact(station.session, case) is None


def test_r2_1d_a_call_has_one_of_the_outcomes(station, liting, case):
    (row,) = waiting(liting)
    with pytest.raises(Refused) as refused:
        calls(liting, row, "perhaps")
    assert refused.value.field == "outcome"
    station.session.rollback()
    assert waiting(liting) == [row]


def test_r2_1d_who_sees_no_cases_makes_no_calls(station, liting, case):
    admin, (row,) = station.person("admin"), waiting(liting)
    assert waiting(admin) == [] and outbox.count_calls(station.session, admin.actor) == 0
    with pytest.raises(NotFound):
        outbox.find(station.session, admin.actor, row.id)
    assert outbox.find(station.session, liting.actor, row.id) is row


def test_r1_2_2b_a_call_to_the_expert_is_dated_immutable_and_in_the_file(station, liting, case):
    contact = writes(liting, case)
    assert contacts.of(station.session, case) == [contact]
    assert (contact.party, contact.unit, contact.at) == ("expert", "示例市计量所", at("2026-03-02 08:55"))
    assert contact.actor == liting.row.key and contact.entered_at == station.clock.now()
    for change in ("UPDATE contact SET content = ''", "DELETE FROM contact"):
        with pytest.raises(DBAPIError), station.session.begin_nested():
            station.session.execute(text(change))


def test_r1_2_2b_only_a_contact_with_the_client_tells_the_client(station, liting, case):
    writes(liting, case)
    assert contacts.last_contact(station.session, case) is None
    assert case.acted_at is None and len(waiting(liting)) == 1
    writes(liting, case, party="client", unit="不记")
    assert contacts.last_contact(station.session, case) == at("2026-03-02 08:55")
    assert contacts.of(station.session, case)[0].unit == "" and case.acted_at is not None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"party": "stranger"}, "party"),
        ({"unit": " "}, "unit"),
        ({"unit": "长" * 81}, "unit"),
        ({"unit": "计量\u202e所"}, "unit"),
    ],
)
def test_r1_2_2b_an_outside_contact_names_the_unit(station, liting, case, changed, field):
    with pytest.raises(Refused) as refused:
        writes(liting, case, **changed)
    assert refused.value.field == field
