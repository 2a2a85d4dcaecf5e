"""The log of contacts: what counts as having told the client, and what is refused."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from tests.processes.conftest import at, liting, station
from workflow.errors import Refused
from workflow.station import contacts
from workflow.station.outbox import call_list

__all__ = ["liting", "station"]


def called(station, case, **changed):
    facts = {
        "channel": "phone",
        "outcome": "reached",
        "content": "已说明进度。",
        "at": at("2026-03-02 08:50"),
        "moment": station.clock.now(),
        "actor": "staff:1",
    }
    return contacts.record(station.session, case, engine=station.engine, **(facts | changed))


@pytest.fixture
def case(liting):
    return liting.registers()


def test_the_last_contact_is_the_last_time_the_client_was_reached(station, case):
    assert contacts.last_contact(station.session, case) is None
    called(station, case)
    called(station, case, at=at("2026-03-02 08:55"), outcome="no_answer")
    assert contacts.last_contact(station.session, case) == at("2026-03-02 08:50")
    assert [one.outcome for one in contacts.of(station.session, case)] == ["no_answer", "reached"]


def test_a_call_of_the_call_list_that_reached_the_client_counts(station, liting, case):
    liting.classifies(case, "BZ01")
    liting.accepts(case)
    row, *_ = call_list(station.session, liting.actor)
    contacts.log_call(
        station.session,
        liting.actor,
        row,
        engine=station.engine,
        outcome="reached",
        words="本人接听",
        moment=at("2026-03-02 09:00"),
    )
    assert contacts.last_contact(station.session, case) == at("2026-03-02 09:00")
    assert contacts.last_contact(station.session, case, subject="progress") is None


def test_contacts_about_one_thing_can_be_asked_for(station, case):
    called(station, case, subject="extension")
    assert contacts.last_contact(station.session, case, subject="extension") == at("2026-03-02 08:50")
    assert contacts.last_contact(station.session, case, subject="late") is None


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"channel": "pigeon"}, "channel"),
        ({"outcome": "perhaps"}, "outcome"),
        ({"content": "  "}, "content"),
        ({"at": at("2026-03-02 09:01")}, "at"),
    ],
)
def test_a_contact_that_says_nothing_or_has_not_happened_is_refused(station, case, changed, field):
    with pytest.raises(Refused) as caught:
        called(station, case, **changed)
    assert caught.value.field == field


def test_the_database_lets_nobody_change_a_contact(station, case):
    contact = called(station, case)
    contact.content = "改了"
    with pytest.raises(DBAPIError):
        station.session.flush()
