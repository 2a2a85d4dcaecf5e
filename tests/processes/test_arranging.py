"""Every post has a B and stays arranged: who may say so, from when on, what becomes of the work (R1.3)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.processes.conftest import Person, Station, at
from tests.processes.test_delegation import registers
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.station import arrangements, arranging, positions
from workflow.station.arranging import PositionChange
from workflow.station.positions import Position

TODAY = date(2026, 3, 2)


@pytest.fixture
def admin(station: Station) -> Person:
    return station.person("admin")


@pytest.fixture
def metrology(station: Station) -> Position:
    return post(station, "metrology")


def post(station: Station, code: str) -> Position:
    return station.session.scalars(select(Position).where(Position.code == code)).one()


def arranges(
    who: Person, position: Position, a: str | None, *b: str, since: date = TODAY, version: str | None = None
) -> bool:
    station = who.station
    person = {login: station.person(login).row for login in (*([a] if a else []), *b)}
    changed = arranging.arrange(
        station.session,
        position,
        a=person[a] if a else None,
        b=[person[login] for login in b],
        since=since,
        version=arranging.version(station.session, position) if version is None else version,
        by=who.actor,
        moment=station.clock.now(),
    )
    station.session.commit()
    return changed


def establishes(who: Person, **changed: Any) -> Position:
    form = {"code": "reception_3", "name": "接待受理三", "duties": ["intake"], **changed}
    station = who.station
    position = arranging.establish(station.session, by=who.actor, moment=station.clock.now(), **form)
    station.session.commit()
    return position


def acts(who: Person, verb: Any, position: Position) -> None:
    verb(who.station.session, position, by=who.actor, moment=who.station.clock.now())
    who.station.session.commit()


def standing(station: Station, position: Position, day: date) -> list[str]:
    found = arrangements.of_position(station.session, position, day).now
    assert found is not None and found.a is not None
    return [found.a.name, *(person.name for person in found.b)]


# a new post, and its B


def test_r1_3a_a_new_post_is_set_up_given_a_and_b_and_put_into_use(station, head, wangfang, liting):
    position = establishes(head)
    assert not position.active
    with pytest.raises(Refused, match="未设置A角"):
        acts(head, arranging.activate, position)
    station.session.rollback()
    arranges(head, position, "wangfang")
    with pytest.raises(Refused, match="未设置B角"):
        acts(head, arranging.activate, position)
    station.session.rollback()
    arranges(head, position, "wangfang", "liting")
    acts(head, arranging.activate, position)
    assert wangfang.actor.offers["reception_3"] is None
    assert any("第 1 位B角" in text for text in liting.told())
    assert any("您是岗位“接待受理三”的A角" in text for text in wangfang.told())
    kinds = [one.kind for one in reversed(arranging.changes(station.session, position))]
    assert kinds == ["create", "appoint", "appoint", "activate"]


def test_r1_3a_the_last_b_of_a_post_in_use_is_not_taken_away(station, head, metrology):
    with pytest.raises(Refused, match="未设置B角") as refused:
        arranges(head, metrology, "zhangwei")
    assert refused.value.field == "b"
    station.session.rollback()
    assert standing(station, metrology, TODAY) == ["张伟", "陈志强"]


def test_r1_3a_a_post_is_not_put_into_use_whose_coming_arrangement_has_no_b(station, head):
    position = establishes(head)
    arranges(head, position, "wangfang", "liting")
    arranges(head, position, "wangfang", since=date(2026, 3, 9))
    with pytest.raises(Refused, match="以后的安排未设置B角"):
        acts(head, arranging.activate, position)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        ("zhangwei", ("zhangwei",), "不能是同一人"),
        ("zhangwei", ("liuyang", "liuyang"), "不能是同一人"),
        (None, ("liuyang",), "未设置A角"),
    ],
)
def test_r1_3a_one_a_and_other_people_as_b(station, head, metrology, a, b, said):
    with pytest.raises(Refused, match=said):
        arranges(head, metrology, a, *b)


def test_r1_3a_whoever_has_left_is_not_appointed(station, head, metrology):
    station.person("liuyang").row.active = False
    station.session.commit()
    with pytest.raises(Refused, match="刘洋已停用"):
        arranges(head, metrology, "zhangwei", "liuyang")


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"code": "head"}, "code"),  # it would hand out the head's rights
        ({"code": "staff:1"}, "code"),
        ({"code": "Küche"}, "code"),
        ({"code": "metrology"}, "code"),
        ({"name": " "}, "name"),
        ({"name": "计量技术"}, "name"),
        ({"name": "计量\u200b技术"}, "name"),
        ({"name": "岗" * 21}, "name"),
        ({"duties": []}, "duties"),
        ({"duties": ["king"]}, "duties"),
    ],
)
def test_r1_3a_a_post_without_a_proper_name_code_or_duty_is_refused(station, head, changed, field):
    with pytest.raises(Refused) as refused:
        establishes(head, **changed)
    assert refused.value.field == field


# from which day on


def test_r1_3a_a_change_holds_from_its_day_and_the_earlier_stays_on_record(
    station, head, metrology, zhangwei, chenzhiqiang
):
    assert arranges(head, metrology, "chenzhiqiang", "zhangwei", "liuyang", since=date(2026, 3, 9))
    assert standing(station, metrology, date(2026, 3, 8)) == ["张伟", "陈志强"]
    assert standing(station, metrology, date(2026, 3, 9)) == ["陈志强", "张伟", "刘洋"]
    assert (
        positions.holders_of(station.session, "metrology", at("2026-03-09 09:00"))[0][0] == chenzhiqiang.row
    )
    assert any("自 2026-03-09 起，您是岗位“计量技术”的A角" in text for text in chenzhiqiang.told())
    assert any("第 1 位B角" in text for text in zhangwei.told())
    change = arranging.changes(station.session, metrology)[0]
    assert (change.actor, change.since) == (head.row.key, date(2026, 3, 9))
    assert change.before == [zhangwei.row.key, chenzhiqiang.row.key]
    with pytest.raises(Refused, match="更晚生效"):
        arranges(head, metrology, "zhangwei", "chenzhiqiang")


def test_r1_3a_an_arrangement_to_come_is_taken_back(station, head, metrology):
    arranges(head, metrology, "chenzhiqiang", "zhangwei", since=date(2026, 3, 9))
    arranges(head, metrology, "liuyang", "zhangwei", since=date(2026, 3, 16))

    def take_back() -> None:
        seen = arranging.version(station.session, metrology)
        arranging.withdraw_later(
            station.session, metrology, version=seen, by=head.actor, moment=station.clock.now()
        )
        station.session.commit()

    take_back()
    assert standing(station, metrology, date(2026, 3, 20)) == ["陈志强", "张伟"]
    take_back()
    assert standing(station, metrology, date(2026, 3, 20)) == ["张伟", "陈志强"]
    with pytest.raises(Refused, match="没有以后的安排"):
        take_back()
    arranges(head, metrology, "liuyang", "zhangwei")
    assert standing(station, metrology, TODAY) == ["刘洋", "张伟"]


@pytest.mark.parametrize("since", [date(2026, 3, 1), date(2027, 3, 4), date(2062, 3, 9)])
def test_r1_3a_nothing_is_arranged_for_the_past_or_by_a_slip_of_the_year(station, head, metrology, since):
    with pytest.raises(Refused) as refused:
        arranges(head, metrology, "liuyang", "zhangwei", since=since)
    assert refused.value.field == "since"


def test_r1_3a_what_changes_nothing_leaves_no_line(station, head, metrology):
    assert not arranges(head, metrology, "zhangwei", "chenzhiqiang")
    assert arranging.changes(station.session, metrology) == []


# the work goes on


def test_r1_3d_new_a_finds_the_waiting_work_at_once(station, head, metrology, liting, zhangwei):
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    arranges(head, metrology, "liuyang", "zhangwei")
    assert station.person("liuyang").task(case, "handle")
    assert not [line for line in zhangwei.inbox() if line.element == "handle"]


def test_r1_3d_a_post_is_not_put_out_of_use_while_work_would_reach_nobody(station, head, liting):
    with pytest.raises(Refused, match="JL01、JL02"):
        acts(head, arranging.deactivate, post(station, "metrology"))
    station.session.rollback()
    for code, duty in (("leadership", "分管领导"), ("systems", "系统管理"), ("complaint_desk", "投诉处理")):
        with pytest.raises(Refused, match=duty):
            acts(head, arranging.deactivate, post(station, code))
        station.session.rollback()
    case = liting.registers()
    desk = post(station, "intake_2")
    task = liting.task(case, "classify")
    task.candidate = desk.code
    station.session.commit()
    with pytest.raises(Refused, match="还有 1 件任务"):
        acts(head, arranging.deactivate, desk)
    station.session.rollback()
    task.candidate = "intake"
    station.session.commit()
    acts(head, arranging.deactivate, desk)
    assert not desk.active and "intake_2" not in station.person("wangfang").actor.offers
    with pytest.raises(AlreadyDone):
        acts(head, arranging.deactivate, desk)
    with pytest.raises(Refused, match="接待受理"):
        acts(head, arranging.deactivate, post(station, "intake_1"))
    station.session.rollback()
    acts(head, arranging.activate, desk)
    with pytest.raises(AlreadyDone):
        acts(head, arranging.activate, desk)


# who may


def test_r1_3a_only_head_superior_and_administrator_arrange(
    station, head, superior, admin, liting, zhangwei, metrology
):
    for clerk in (liting, zhangwei):
        for act in (
            lambda clerk=clerk: arranges(clerk, metrology, "liuyang", "zhangwei"),
            lambda clerk=clerk: establishes(clerk),
            lambda clerk=clerk: acts(clerk, arranging.deactivate, post(station, "intake_2")),
            lambda clerk=clerk: acts(clerk, arranging.activate, metrology),
            lambda clerk=clerk: arranging.withdraw_later(
                station.session, metrology, version="0", by=clerk.actor, moment=station.clock.now()
            ),
        ):
            with pytest.raises(NotAllowed):
                act()
            station.session.rollback()
    assert standing(station, metrology, TODAY) == ["张伟", "陈志强"]
    arranges(superior, metrology, "zhangwei", "liuyang")
    arranges(admin, metrology, "zhangwei", "chenzhiqiang")


def test_r1_3a_the_superior_hears_who_touches_a_leading_post(station, admin, superior):
    arranges(admin, post(station, "station_head"), "zhoujianguo", "sunlihua", "zhaomin")
    assert any("郭磊调整了岗位“站长”" in text for text in superior.told())
    arranges(admin, post(station, "metrology"), "zhangwei", "chenzhiqiang", "liuyang")
    assert not any("计量技术" in text for text in superior.told())


def test_r1_3a_only_whose_place_changed_is_told(station, head, metrology, zhangwei, chenzhiqiang):
    arranges(head, metrology, "zhangwei", "chenzhiqiang", "liuyang")
    assert zhangwei.told() == [] and chenzhiqiang.told() == []
    assert any("第 2 位B角" in text for text in station.person("liuyang").told())


def test_r1_3c_what_a_deputy_arranges_says_for_whom(station, head, metrology):
    deputy = station.person("sunlihua")
    registers(head, kind="sudden", from_at="2026-03-02T08:30", to_at="2026-03-02T17:30")
    arranges(deputy, metrology, "zhangwei", "liuyang")
    change = arranging.changes(station.session, metrology)[0]
    assert (change.actor, change.on_behalf_of) == (deputy.row.key, head.row.key)


# what was seen, and the record


def test_r1_3a_a_form_that_was_read_before_somebody_elses_change_is_not_saved(
    station, head, admin, metrology
):
    seen = arranging.version(station.session, metrology)
    arranges(admin, metrology, "zhangwei", "liuyang")
    with pytest.raises(AlreadyDone):
        arranges(head, metrology, "zhangwei", "chenzhiqiang", "liuyang", version=seen)


def test_r1_3a_an_arrangement_is_not_taken_back_that_nobody_has_read(station, head, admin, metrology):
    arranges(head, metrology, "chenzhiqiang", "zhangwei", since=date(2026, 3, 9))
    seen = arranging.version(station.session, metrology)
    arranges(admin, metrology, "liuyang", "zhangwei", since=date(2026, 3, 16))
    with pytest.raises(AlreadyDone):
        arranging.withdraw_later(
            station.session, metrology, version=seen, by=head.actor, moment=station.clock.now()
        )
    station.session.rollback()
    assert standing(station, metrology, date(2026, 3, 16)) == ["刘洋", "张伟"]


def test_r1_3a_the_record_of_changes_only_grows(station, head, metrology):
    arranges(head, metrology, "zhangwei", "liuyang")
    assert station.session.scalars(select(PositionChange)).one()
    for statement in ("update position_change set actor = 'x'", "delete from position_change"):
        with pytest.raises(DBAPIError):
            station.session.execute(text(statement))
        station.session.rollback()


# another name, other duties


def describes(
    who: Person,
    position: Position,
    *,
    name: str = "计量技术",
    duties: tuple[str, ...] = ("technician",),
    **changed: Any,
) -> bool:
    station = who.station
    seen = changed.get("version", arranging.version(station.session, position))
    done = arranging.describe(
        station.session,
        position,
        name=name,
        duties=duties,
        version=seen,
        by=who.actor,
        moment=station.clock.now(),
    )
    station.session.commit()
    return done


def test_a_post_is_called_otherwise_and_given_another_duty(station, head, zhangwei, metrology):
    assert describes(head, metrology, name=" 计量  检定 ", duties=("technician", "equipment"))
    assert (metrology.name, metrology.duties) == ("计量 检定", ["technician", "equipment"])
    assert "equipment" in zhangwei.actor.asked
    change = arranging.changes(station.session, metrology)[0]
    assert (change.kind, change.before, change.after) == (
        "describe", ["计量技术", "technician"], ["计量 检定", "technician", "equipment"],
    )  # fmt: skip
    assert not describes(head, metrology, name="计量 检定", duties=("technician", "equipment"))


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "检测技术"}, "name"),
        ({"name": "计\u202e量"}, "name"),
        ({"duties": ()}, "duties"),
        ({"duties": ("cook",)}, "duties"),
    ],
)
def test_a_post_keeps_a_name_of_its_own_and_known_duties(station, head, metrology, changed, field):
    with pytest.raises(Refused) as refused:
        describes(head, metrology, **changed)
    assert refused.value.field == field


def test_r1_3d_no_duty_is_left_with_nobody(station, head):
    desk = post(station, "complaint_desk")
    with pytest.raises(Refused, match="没有别的启用岗位承担“投诉处理”") as refused:
        describes(head, desk, name="投诉处理", duties=("technician",))
    assert refused.value.field == "duties"


def test_who_makes_a_post_lead_does_it_before_the_superiors_eyes(station, head, superior, metrology):
    describes(head, metrology, duties=("technician", "head"))
    assert any("调整了岗位“计量技术”" in text for text in superior.told())


def test_a_post_is_described_anew_only_by_who_arranges_and_has_read_the_last_change(
    station, head, liting, metrology
):
    with pytest.raises(NotAllowed):
        describes(liting, metrology, name="计量检定")
    station.session.rollback()
    with pytest.raises(AlreadyDone):
        describes(head, metrology, name="计量检定", version="-1")
