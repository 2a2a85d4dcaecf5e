"""Saved filters: own, or shared with whoever holds a position now."""

from __future__ import annotations

from datetime import timedelta

import pytest

from workflow.errors import NotAllowed, NotFound, Refused
from workflow.station import absences, filters, staff
from workflow.station.wanted import Wanted

METROLOGY = Wanted(view="position", item="JL01", due="week", cols=("due",))


@pytest.fixture
def actor(session, moment):
    return lambda person, at=moment: staff.actor(session, person, at)


@pytest.fixture
def save(session, moment, actor):
    def saved(person, name="本周计量", wanted=METROLOGY, shared_with=None, is_default=False):
        return filters.save(
            session,
            person,
            actor(person),
            name=name,
            wanted=wanted,
            shared_with=shared_with,
            is_default=is_default,
            moment=moment,
        )

    return saved


def names(session, actor):
    return [one.name for one in filters.seen_by(session, actor)]


def test_a_filter_comes_back_as_it_was_saved(session, people, actor, save):
    kept = save(people.zhang)
    assert names(session, actor(people.zhang)) == ["本周计量"]
    session.expire_all()
    assert kept.asks(actor(people.zhang)) == METROLOGY


def test_nobody_else_sees_an_own_filter_not_even_the_head(session, people, actor, save):
    kept = save(people.zhang)
    for other in (people.chen, people.zhou, people.root):
        assert names(session, actor(other)) == []
        with pytest.raises(NotFound):
            filters.find(session, actor(other), kept.id)


def test_a_shared_filter_is_seen_by_those_who_hold_the_position_now(session, people, moment, actor, save):
    save(people.zhang, shared_with="metrology")
    later = moment + timedelta(days=7)
    assert names(session, actor(people.chen)) == []
    absences.record(
        session,
        people.zhang,
        cause="出差",
        from_at=later - timedelta(hours=1),
        to_at=later + timedelta(hours=8),
        substitute=people.chen,
    )
    assert names(session, actor(people.chen, later)) == ["本周计量"]
    assert names(session, actor(people.zhang, later)) == ["本周计量"]
    assert names(session, actor(people.li, later)) == []


def test_a_filter_shared_with_a_duty_reaches_all_who_have_it(session, people, actor, save):
    save(people.zhang, shared_with="technician")
    assert names(session, actor(people.chen)) == ["本周计量"]


def test_one_shares_only_with_what_one_holds_and_a_leader_with_all(session, people, save):
    with pytest.raises(Refused):
        save(people.zhang, shared_with="intake")
    with pytest.raises(Refused):
        save(people.zhang, shared_with="no such thing")
    assert save(people.zhou, shared_with="intake").shared_with == "intake"


def test_a_shared_filter_is_changed_by_its_owner_alone(session, people, actor, save):
    kept = save(people.zhang, shared_with="technician")
    for act in (
        lambda: filters.rename(session, actor(people.chen), kept.id, "别的"),
        lambda: filters.delete(session, actor(people.chen), kept.id),
        lambda: filters.choose_default(session, actor(people.chen), kept.id, on=True),
    ):
        with pytest.raises(NotAllowed):
            act()
    filters.rename(session, actor(people.zhang), kept.id, "  计量   本周 ")
    assert names(session, actor(people.chen)) == ["计量 本周"]
    filters.delete(session, actor(people.zhang), kept.id)
    assert names(session, actor(people.chen)) == []


def test_the_same_name_replaces_and_is_no_second_one(session, people, actor, save):
    save(people.zhang)
    save(people.zhang, wanted=Wanted(due="late"))
    (kept,) = filters.seen_by(session, actor(people.zhang))
    assert kept.asks(actor(people.zhang)) == Wanted(due="late")
    other = save(people.zhang, name="另一个")
    with pytest.raises(Refused):
        filters.rename(session, actor(people.zhang), other.id, "本周计量")


def test_one_filter_at_most_is_the_default(session, people, actor, save):
    first, second = save(people.zhang, is_default=True), save(people.zhang, name="二", is_default=True)
    session.refresh(first)
    assert (first.is_default, second.is_default) == (False, True)
    save(people.chen, is_default=True)
    session.refresh(second)
    assert second.is_default
    filters.choose_default(session, actor(people.zhang), second.id, on=False)
    assert not second.is_default


@pytest.mark.parametrize("name", ["", "   ", "看不‮见"])
def test_a_filter_needs_a_name_that_can_be_read(people, save, name):
    with pytest.raises(Refused):
        save(people.zhang, name=name)


def test_a_leaders_filter_of_everybody_shows_others_only_their_own(people, actor, save):
    kept = save(people.zhou, wanted=Wanted(view="everybody"), shared_with="intake")
    assert kept.asks(actor(people.zhou)).view == "everybody"
    assert kept.asks(actor(people.li)).view == "mine"


def test_nobody_keeps_them_without_end(people, save, monkeypatch):
    monkeypatch.setattr(filters, "MOST", 2)
    save(people.zhang, name="一")
    save(people.zhang, name="二")
    with pytest.raises(Refused):
        save(people.zhang, name="三")
    save(people.zhang, name="二")
