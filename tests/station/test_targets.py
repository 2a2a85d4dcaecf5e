"""Targets of quantity and quality (R1.2.1d)."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select, update

from tests.processes.conftest import Station, at, station
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.station import calendar, demo_cases, targets
from workflow.station.cases import CLOSED, Case
from workflow.station.items import ServiceItem
from workflow.station.targets import Progress, Target, days_of

__all__ = ["station"]

MARCH = date(2026, 3, 15)


@pytest.fixture
def head(station: Station):
    return station.person("zhoujianguo").actor


def given(station: Station, head, **changed):
    wanted = {"period": "month", "day": MARCH, "quantity": 40, "quality": 90, "by": head}
    return targets.set_target(station.session, moment=station.clock.now(), **wanted | changed)


@pytest.mark.parametrize(
    ("period", "day", "first", "last"),
    [
        ("month", "2026-02-28", "2026-02-01", "2026-02-28"),
        ("month", "2026-12-31", "2026-12-01", "2026-12-31"),
        ("quarter", "2026-03-01", "2026-01-01", "2026-03-31"),
        ("quarter", "2026-11-30", "2026-10-01", "2026-12-31"),
        ("year", "2026-07-01", "2026-01-01", "2026-12-31"),
    ],
)
def test_a_period_is_the_month_quarter_or_year_around_a_day(period, day, first, last):
    wanted = (date.fromisoformat(first), date.fromisoformat(last))
    assert days_of(period, date.fromisoformat(day)) == wanted


def test_different_scopes_stand_side_by_side_and_neighbours_in_time_too(station, head):
    item = station.session.scalars(select(ServiceItem).where(ServiceItem.code == "JL01")).one()
    given(station, head)
    given(station, head, domain="计量")
    given(station, head, item=item)
    given(station, head, day=date(2026, 4, 1))
    running = targets.running(station.session, head, station.clock.now(), calendar.load(station.session))
    assert [str(one.target.scope) for one in running] == ["全站", "计量", "计量器具检定/校准代办"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"quantity": 0}, "quantity"),
        ({"quantity": -3}, "quantity"),
        ({"quality": 0}, "quality"),
        ({"quality": 101}, "quality"),
        ({"period": "week"}, "period"),
        ({"domain": "没有"}, "domain"),
    ],
)
def test_what_makes_no_sense_is_refused(station, head, changed, field):
    with pytest.raises(Refused) as refused:
        given(station, head, **changed)
    assert refused.value.field == field


@pytest.mark.parametrize("period", ["month", "quarter", "year"])
def test_a_period_that_overlaps_one_of_the_same_scope_is_refused(station, head, period):
    given(station, head, domain="计量")
    with pytest.raises(Refused, match="已有目标"):
        given(station, head, domain="计量", period=period, day=date(2026, 3, 31))


def test_a_target_for_an_item_and_a_domain_at_once_is_refused(station, head):
    item = station.session.scalars(select(ServiceItem).where(ServiceItem.code == "JL01")).one()
    with pytest.raises(Refused, match="要么"):
        given(station, head, item=item, domain="计量")


def test_a_withdrawn_target_makes_room_for_another_and_stays_in_the_table(station, head):
    first = given(station, head)
    targets.withdraw(station.session, first.id, by=head, moment=station.clock.now())
    given(station, head, quantity=30)
    assert len(station.session.scalars(select(Target)).all()) == 2
    every = targets.every(station.session, head, station.clock.now(), calendar.load(station.session))
    assert [one.target.quantity for one in every] == [30]
    with pytest.raises(AlreadyDone):
        targets.withdraw(station.session, first.id, by=head, moment=station.clock.now())


def test_nobody_but_who_leads_sets_sees_or_withdraws_one(station, head):
    target, clerk = given(station, head), station.person("liting").actor
    with pytest.raises(NotAllowed):
        given(station, clerk, day=date(2026, 5, 1))
    with pytest.raises(NotFound):
        targets.withdraw(station.session, target.id, by=clerk, moment=station.clock.now())
    assert targets.every(station.session, clerk, station.clock.now(), calendar.built()) == []


def test_what_was_closed_late_lowers_the_quality_and_other_scopes_are_not_counted(station, head):
    session, now = station.session, at("2026-03-02 09:00")
    demo_cases.play(session, now)
    session.execute(update(Target).values(withdrawn_at=now, withdrawn_by="system"))
    one = session.scalars(select(Case).where(Case.state == CLOSED).order_by(Case.id)).first()
    one.closed_at = at("2026-03-01 10:00")  # long after its half day
    session.flush()
    given(station, head, period="quarter")
    given(station, head, period="quarter", domain="标准")
    given(station, head, domain="检验检测")
    found = targets.running(session, head, now, calendar.load(session))
    told = {str(o.target.scope): (o.done, o.in_time, o.quality) for o in found}
    closed = len(session.scalars(select(Case.id).where(Case.state == CLOSED)).all())
    assert told["全站"] == (closed, closed - 1, 100 * (closed - 1) // closed)
    assert told["标准"][0] < closed
    assert told["检验检测"] == (0, 0, None)


def test_a_target_is_reached_by_number_and_quality_together():
    target = Target(quantity=40, quality=90)
    assert Progress(target, 40, 36, 50).reached
    assert not Progress(target, 39, 39, 50).reached
    assert not Progress(target, 40, 35, 50).reached
    assert Progress(target, 80, 80, 50).share == 100


def test_the_pace_counts_working_days_of_the_period(station, head):
    given(station, head)
    days = calendar.load(station.session)

    def passed(moment):
        (one,) = targets.running(station.session, head, at(moment), days)
        return one.passed

    # March 2026 has 22 working days, the 2nd is the first
    assert (passed("2026-03-01 09:00"), passed("2026-03-02 09:00"), passed("2026-03-31 09:00")) == (0, 4, 100)


def test_only_who_sets_targets_takes_them_back(station, head):
    target = given(station, head)
    for login in ("liting", "sunlihua"):
        with pytest.raises((NotAllowed, NotFound)):
            targets.withdraw(
                station.session, target.id, by=station.person(login).actor, moment=station.clock.now()
            )
    assert target.withdrawn_at is None
