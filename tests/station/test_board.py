"""The board's lights, counts, workload and presence, and what they cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import pytest
from sqlalchemy import event, select

from tests.processes.conftest import Station, at, station
from workflow.station import (
    absences,
    board,
    calendar,
    clock_reckoning,
    clocks,
    demo_cases,
    lights,
    positions,
    presence,
    workload,
)
from workflow.station.lights import GREEN, LIGHTS, PAUSED, RED, UNTIMED, YELLOW, Filters, Mark, Owner

__all__ = ["station"]

LI, ZHANG = Owner(1, "李婷", None, True), Owner(2, "张伟", "李婷", False)
NOON = at("2026-03-02 12:00")


def mark(number: int, light: str, due: str = "", *, item: str = "JL01", domain: str = "计量", owners=(LI,)):
    return Mark(
        case_id=number,
        key=f"case:{number}",
        no=f"SL2026-{number:05}",
        light=light,
        item=item,
        item_name=item,
        domain=domain,
        due_at=at(due) if due else None,
        received_at=NOON + timedelta(minutes=number),
        steps=("办理",),
        owners=owners,
        step_late=False,
    )


MARKS = [
    mark(1, GREEN, "2026-03-03 17:30"),
    mark(2, RED, "2026-02-27 17:30", owners=(ZHANG,)),
    mark(3, PAUSED, "2026-03-02 17:30", owners=()),
    mark(4, YELLOW, "2026-03-02 17:30", item="BZ01", domain="标准", owners=(LI, ZHANG)),
    mark(5, UNTIMED, item="", domain=""),
]


def kept(**filters):
    return [one.case_id for one in MARKS if Filters(**filters).keeps(one)]


# --- lights, pure ------------------------------------------------------------------------------------------


def test_every_light_is_counted_also_those_nobody_has():
    assert lights.count(MARKS) == dict.fromkeys(LIGHTS, 1)
    assert lights.count([]) == dict.fromkeys(LIGHTS, 0)


def test_filters_keep_what_fits_all_of_them():
    assert kept() == [1, 2, 3, 4, 5]
    assert kept(light=RED) == [2]
    assert kept(person=2) == [2, 4]
    assert kept(person=0) == [3]
    assert kept(item="JL01", person=1) == [1]
    assert kept(domain="标准") == [4]
    assert kept(due_on=date(2026, 3, 2)) == [4], "a stopped clock is due on no day"


def test_the_count_beside_a_choice_asks_all_other_filters():
    asked = Filters(light=RED, item="JL01")
    assert [one.case_id for one in MARKS if asked.keeps(one, but="light")] == [1, 2, 3]


def test_a_case_that_waits_for_two_counts_for_both_and_one_without_anybody_stands_alone():
    groups = {group.name: group for group in lights.by_person(MARKS)}
    assert groups["张伟"].lights == {RED: 1, YELLOW: 1, GREEN: 0, PAUSED: 0, UNTIMED: 0}
    assert groups["李婷"].total == 3
    assert groups[""].key == "0" and groups[""].total == 1
    assert next(iter(groups)) == "张伟", "who has late cases comes first"


def test_items_and_domains_are_grouped_alike():
    assert {group.key: group.total for group in lights.by_item(MARKS)} == {"JL01": 3, "BZ01": 1, "": 1}
    assert {group.key: group.total for group in lights.by_domain(MARKS)} == {"计量": 3, "标准": 1, "": 1}


def test_the_most_urgent_comes_first_and_what_stands_last():
    assert [one.case_id for one in sorted(MARKS, key=lights.ORDERS["due"])] == [2, 4, 1, 5, 3]
    assert [one.light for one in sorted(MARKS, key=lights.ORDERS["light"])] == list(LIGHTS)


def test_the_strip_shows_working_days_and_leaves_out_the_weekend():
    days = lights.due_days(MARKS, at("2026-03-06 09:00"), calendar.built(), ahead=2)
    assert [day for day, _ in days] == [date(2026, 3, 6), date(2026, 3, 9), date(2026, 3, 10)]
    days = lights.due_days(MARKS, NOON, calendar.built(), ahead=1)
    assert [sum(counts.values()) for _, counts in days] == [1, 1]


# --- the demo's week ---------------------------------------------------------------------------------------


@pytest.fixture
def week(station: Station) -> Station:
    demo_cases.play(station.session, at("2026-03-02 09:00"))
    station.session.commit()
    return station


@contextmanager
def counted(station: Station) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    connection, sent = station.session.connection(), []

    def note(_connection, _cursor, statement, *_more):
        sent.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield sent
    event.remove(connection, "before_cursor_execute", note)


def test_the_board_costs_as_many_statements_for_one_case_as_for_all(week):
    actor, now = week.person("zhoujianguo").actor, week.clock.now()
    with counted(week) as first:
        marks = board.overview(week.session, actor, now)
    assert len(marks) == 9
    assert len(first) == 3

    def cost(some):
        week.session.expire_all()
        with counted(week) as sent:
            assert len(board.lines(week.session, some, now)) == len(some)
        return len(sent)

    timed = [one for one in marks if one.light != UNTIMED]
    assert cost(marks) == cost(timed[:1]) <= 6


def test_more_cases_do_not_make_the_overview_or_the_workload_cost_more(week):
    actor, now = week.person("zhoujianguo").actor, week.clock.now()

    def cost():
        week.session.expire_all()
        with counted(week) as sent:
            workload.loads(week.session, actor, board.overview(week.session, actor, now), now)
        return len(sent)

    before = cost()
    for _ in range(4):
        week.person("liting").registers()
    assert cost() == before


def test_workload_tells_claimed_and_offered_late_and_done_for_others(week):
    head = week.person("zhoujianguo")
    zhang, chen = week.person("zhangwei"), week.person("chenzhiqiang")
    week.clock.move_to("2026-03-10 09:00")  # 张伟 is away
    late = [line for line in chen.inbox() if line.acting_for == zhang.row.key and line.task_name == "办理"]
    week.engine.claim(late[0].task_id, by=chen.actor)
    week.engine.complete(late[1].task_id, by=chen.actor, data=demo_cases.FORMS["handle"])
    week.session.commit()
    now = week.clock.now()
    found = {
        load.staff.login: load
        for load in workload.loads(
            week.session, head.actor, board.overview(week.session, head.actor, now), now
        )
    }
    assert "admin" not in found
    load = found["chenzhiqiang"]
    assert (load.open, load.claimed, load.late) == (5, 1, 4), "two cases, two that wait for news, one reason"
    assert (load.done, load.for_others, load.cases) == (1, 1, 2)
    assert found["zhangwei"].open == 0


def test_somebody_who_left_with_a_task_is_still_on_the_board(week):
    zhang = week.person("zhangwei")
    week.engine.claim(zhang.inbox()[0].task_id, by=zhang.actor)
    zhang.row.active = False
    week.session.commit()
    head, now = week.person("zhoujianguo").actor, week.clock.now()
    names = [load.staff.login for load in workload.loads(week.session, head, [], now)]
    assert "zhangwei" in names


# --- who is there ------------------------------------------------------------------------------------------


def test_who_acts_is_told_for_each_half_day(station):
    session, days = station.session, calendar.load(station.session)
    away = station.person("liuyang").row
    absences.record(
        session,
        away,
        cause="开会",
        from_at=at("2026-03-03 13:30"),
        to_at=at("2026-03-03 17:30"),
        substitute=station.person("zhaomin").row,
    )
    wanted = [date(2026, 3, 2), date(2026, 3, 3)]
    absent = presence.away(session, wanted[0], wanted[1])
    assert [one.person.login for one in absent] == ["liuyang"]
    seats = {seat.code: seat for seat in presence.ahead(session, wanted, absent, days)}
    monday, tuesday = seats["standards"].days
    assert [turn.person.login for turn in monday] == ["liuyang"]
    assert [(turn.person.login, turn.acting_for and turn.acting_for.login) for turn in tuesday] == [
        ("liuyang", None),
        ("zhaomin", "liuyang"),
    ]
    assert not seats["standards"].empty


def test_who_has_withdrawn_an_absence_is_not_listed_as_away(station):
    session, day = station.session, date(2026, 3, 10)
    (absence,) = (
        one for one in session.scalars(select(absences.Absence)) if one.from_at > station.clock.now()
    )
    assert [one.person.login for one in presence.away(session, day, day)] == ["zhangwei"]
    absences.withdraw(session, absence, station.clock.now())
    assert presence.away(session, day, day) == []


def test_a_position_without_anybody_is_empty_and_one_held_by_the_head_says_so(station):
    session, now = station.session, station.clock.now()
    everybody = ("liuyang", "zhaomin")
    for login in everybody:
        sudden(station, login)
    seat = next(seat for seat in presence.now(session, now) if seat.code == "standards")
    assert (seat.empty, seat.days[0][0].person.login, seat.days[0][0].outside) == (
        False,
        "zhoujianguo",
        True,
    )
    for login in ("zhoujianguo", "sunlihua", "wumin"):
        sudden(station, login)
    seat = next(seat for seat in presence.now(session, now) if seat.code == "standards")
    assert seat.empty


def sudden(station: Station, login: str) -> None:
    absences.record(
        station.session,
        station.person(login).row,
        cause="请假",
        from_at=at("2026-03-02 08:00"),
        to_at=at("2026-03-02 18:00"),
        substitute=None,
        sudden=True,
    )


# --- the bulk questions equal the single ones --------------------------------------------------------------


def test_everybody_asked_at_once_is_who_is_asked_one_by_one(station):
    for moment in (at("2026-03-02 09:00"), at("2026-03-10 09:00")):
        asked = positions.asked(station.session, moment)
        codes = station.session.scalars(select(positions.Position.code)).all()
        for code in [*codes, *positions.DUTIES]:
            assert asked[code] == positions.holders_of(station.session, code, moment), code


def test_the_live_clocks_of_many_cases_are_those_of_each(week):
    head, now = week.person("zhoujianguo").actor, week.clock.now()
    keys = [one.key for one in board.overview(week.session, head, now)]
    days, found = calendar.load(week.session), clocks.live_of(week.session, keys, "item")
    assert len(found) == 6
    for key, clock in found.items():
        assert clocks.of(week.session, key, "item") is clock
        assert clock_reckoning.share_used(clock, now, days) == clock_reckoning.used(week.session, clock, now)
