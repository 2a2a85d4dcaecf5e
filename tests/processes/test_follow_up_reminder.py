"""跟进提醒 on a case, closed or not (R1.1c): it comes at its time and shows as 跟进 on the case."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from tests.processes.conftest import Person, at
from workflow.engine.instances import InstanceRow
from workflow.errors import InvalidForm, NotAllowed, Refused
from workflow.station import follow_up_reminders, owners
from workflow.station.cases import Case


def sets(who: Person, case: Case, **changed: Any) -> int:
    form = {"whom": who.row.key, "at": "2026-03-04T10:00", "what": "问企业样品何时送来。", **changed}
    station = who.station
    instance = owners.begin_beside(station.engine, follow_up_reminders.PROCESS, case, by=who.actor, data=form)
    station.session.commit()
    station.session.expire_all()
    return instance


def steps(who: Person) -> list[str]:
    return [line.element for line in who.inbox()]


@pytest.fixture
def case(liting: Person) -> Case:
    case = liting.registers()
    liting.classifies(case, "JL01")
    return case


def test_r1_1c_a_reminder_comes_at_its_time_and_shows_as_a_follow_up_on_the_case(station, liting, case):
    instance = sets(liting, case)
    assert "follow_up" not in steps(liting) and not any("请跟进" in text for text in liting.told())
    station.clock.move_to("2026-03-04 10:00")
    assert "at_time" in station.fire_due()
    assert any(f"请跟进 {case.no}：问企业样品何时送来。" in text for text in liting.told())
    task = liting.task(case, "follow_up")
    assert (task.name, task.due_at) == ("跟进", at("2026-03-05 17:30"))
    form = station.engine.task_form(task.id, by=liting.actor)
    assert form is not None and form.values["what"] == "问企业样品何时送来。"
    liting.does(case, "follow_up", {"note": "周五送来。", "outcome": "done"})
    assert station.session.get_one(InstanceRow, instance).status == "ended"


def test_r1_1c_it_may_be_put_off(station, liting, case):
    sets(liting, case)
    station.clock.move_to("2026-03-04 10:00")
    station.fire_due()
    liting.does(case, "follow_up", {"note": "还没有消息。", "outcome": "again", "at": "2026-03-06T09:00"})
    assert "follow_up" not in steps(liting)
    station.clock.move_to("2026-03-06 09:00")
    station.fire_due()
    assert liting.task(case, "follow_up")


def test_r1_1c_a_colleague_is_reminded_and_whoever_acts_for_him(
    station, liting, zhangwei, chenzhiqiang, case
):
    sets(liting, case, whom=zhangwei.row.key, at="2026-03-10T09:00")
    station.clock.move_to("2026-03-10 09:00")
    station.fire_due()
    assert "follow_up" in steps(chenzhiqiang), "张伟 is away on that day"
    assert "follow_up" not in steps(liting)


def test_r1_1c_a_closed_case_is_followed_up_too(station, liting, zhangwei, case):
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    zhangwei.handles(case)
    liting.closes(case)
    sets(liting, case)
    station.clock.move_to("2026-03-04 10:00")
    station.fire_due()
    assert liting.task(case, "follow_up")


@pytest.mark.parametrize("when", ["2026-03-02T09:00", "2026-02-27T10:00", "2027-03-05T10:00"])
def test_r1_1c_the_time_lies_ahead_and_not_a_slip_of_the_year(station, liting, case, when):
    with pytest.raises(Refused) as refused:
        sets(liting, case, at=when)
    assert refused.value.field == "at"
    station.session.rollback()
    found = select(InstanceRow.id).where(InstanceRow.business_key == case.key)
    assert len(station.session.scalars(found).all()) == 1


@pytest.mark.parametrize("lacking", ["whom", "at", "what"])
def test_r1_1c_a_reminder_says_whom_when_and_what(liting, case, lacking):
    with pytest.raises(InvalidForm):
        sets(liting, case, **{lacking: None})


def test_r1_1c_who_sees_no_cases_sets_none_and_is_not_reminded(station, liting, case):
    admin = station.person("admin")
    with pytest.raises(NotAllowed):
        sets(admin, case, whom=liting.row.key)
    station.session.rollback()
    with pytest.raises(Refused) as refused:
        sets(liting, case, whom=admin.row.key)
    assert refused.value.field == "whom"


def test_r1_1c_being_reminded_of_a_case_gives_no_right_on_it(station, liting, case):
    liuyang = station.person("liuyang")
    sets(liuyang, case)
    station.clock.move_to("2026-03-04 10:00")
    station.fire_due()
    assert liuyang.task(case, "follow_up")
    assert owners.post_of(station.session, liuyang.actor, case) is None
    assert owners.post_of(station.session, liting.actor, case) is not None
