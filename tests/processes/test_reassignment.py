"""转交: nothing waits because somebody is away (R1.3)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.processes.conftest import at
from workflow.engine.tasks import TaskRow, visible_to
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.station import absences, reassignment


@pytest.fixture
def due_on_the_eleventh(station, liting):
    """A case of seven working days, accepted on Monday 2026-03-02, whose work ends while 张伟 is away."""
    case = liting.registers()
    liting.classifies(case, "ZC01")
    liting.accepts(case)
    liting.answers(case, "2026-03-10")
    task = station.person("liuyang").task(case, "handle")
    assert task.due_at == at("2026-03-11 17:30")
    return case, task


def gives(station, giver, task, receiver):
    warning = reassignment.hand_over(
        station.session,
        station.engine,
        task.id,
        by=giver.actor,
        to=receiver.row,
        moment=station.clock.now(),
    )
    station.session.commit()
    return str(warning) if warning else None


def test_r1_3c_who_gives_a_task_to_somebody_away_on_its_deadline_is_warned(
    station, zhangwei, chenzhiqiang, due_on_the_eleventh
):
    case, task = due_on_the_eleventh
    liuyang = station.person("liuyang")
    station.engine.claim(task.id, by=liuyang.actor)
    warning = gives(station, liuyang, task, zhangwei)
    assert warning == "张伟 3月11日出差，由陈志强代岗"
    assert any(warning in text for text in liuyang.told())
    assert any("转交给您" in text for text in zhangwei.told())
    assert zhangwei.task(case, "handle").id == task.id
    # and on that day it is indeed in the inbox of who acts, under the name of the one acted for
    station.clock.move_to("2026-03-11 09:00")
    (line,) = [line for line in chenzhiqiang.inbox() if line.task_id == task.id]
    assert line.assignee == zhangwei.row.key


def test_r1_3c_nobody_is_warned_of_a_colleague_who_is_there(station, chenzhiqiang, due_on_the_eleventh):
    _, task = due_on_the_eleventh
    liuyang = station.person("liuyang")
    station.engine.claim(task.id, by=liuyang.actor)
    assert gives(station, liuyang, task, chenzhiqiang) is None
    assert not any("代岗" in text for text in liuyang.told())


def test_r1_3c_the_choice_of_colleagues_says_who_will_be_away(station, due_on_the_eleventh):
    _, task = due_on_the_eleventh
    found = reassignment.colleagues(
        station.session, station.person("liuyang").actor, [task.due_at], station.clock.now()
    )
    away = {one.person.name: str(one.away) for one in found if one.away}
    assert away == {"张伟": "张伟 3月11日出差，由陈志强代岗"}
    assert "刘洋" not in {one.person.name for one in found}


def test_r1_3c_who_is_away_now_is_not_offered_at_all(station, due_on_the_eleventh):
    _, task = due_on_the_eleventh
    station.clock.move_to("2026-03-10 10:00")
    found = reassignment.colleagues(
        station.session, station.person("liuyang").actor, [task.due_at], station.clock.now()
    )
    assert "张伟" not in {one.person.name for one in found}


def test_r1_3c_an_absence_that_ends_before_the_deadline_warns_nobody(station, due_on_the_eleventh):
    _, task = due_on_the_eleventh
    zhaomin = station.person("zhaomin")
    absences.record(
        station.session,
        zhaomin.row,
        cause="其他",
        cause_text="体检",
        from_at=at("2026-03-11 08:30"),
        to_at=at("2026-03-11 12:00"),
        substitute=station.person("liuyang").row,
    )
    now = station.clock.now()
    assert reassignment.away_on_deadline(station.session, zhaomin.row, task.due_at, now) is None
    morning = at("2026-03-11 12:00")  # a limit that ends as the absence does falls into it
    words = reassignment.away_on_deadline(station.session, zhaomin.row, morning, now)
    assert str(words) == "赵敏 3月11日离岗，由刘洋代岗"


def test_r1_3c_an_absence_that_was_withdrawn_warns_nobody(station, due_on_the_eleventh):
    _, task = due_on_the_eleventh
    for absence in station.session.scalars(select(absences.Absence)):
        if absence.from_at > station.clock.now():
            absences.withdraw(station.session, absence, station.clock.now())
    warned = reassignment.colleagues(
        station.session, station.person("liuyang").actor, [task.due_at], station.clock.now()
    )
    assert [one.away for one in warned if one.away] == []


def test_a_deadline_that_has_passed_is_asked_about_now(station, zhangwei):
    station.clock.move_to("2026-03-10 09:00")
    now = station.clock.now()
    assert reassignment.away_on_deadline(station.session, zhangwei.row, at("2026-03-05 17:30"), now)
    assert reassignment.away_on_deadline(station.session, zhangwei.row, None, now) is None


def test_r1_3c_only_who_holds_a_task_or_leads_gives_it_away(station, liting, zhangwei, due_on_the_eleventh):
    _, task = due_on_the_eleventh
    with pytest.raises(NotFound):
        gives(station, liting, task, zhangwei)
    station.session.rollback()
    with pytest.raises(NotAllowed):  # offered, but not claimed
        gives(station, station.person("liuyang"), task, zhangwei)


def test_a_task_goes_to_nobody_who_may_not_work_on_it(station, head, due_on_the_eleventh):
    _, task = due_on_the_eleventh
    for receiver in (station.person("admin"), head):
        with pytest.raises(Refused):
            gives(station, head, task, receiver)
        station.session.rollback()
    with pytest.raises(Refused):
        reassignment.hand_over(
            station.session, station.engine, task.id, by=head.actor, to=None, moment=station.clock.now()
        )


def test_who_gave_a_task_away_still_sees_where_it_is_and_cannot_work_on_it(
    station, liting, zhangwei, due_on_the_eleventh
):
    _, task = due_on_the_eleventh
    liuyang = station.person("liuyang")
    station.engine.claim(task.id, by=liuyang.actor)
    gives(station, liuyang, task, zhangwei)
    # 张伟 gives it on: what 刘洋 gave is 张伟's now
    gives(station, zhangwei, task, station.person("chenzhiqiang"))
    station.session.expire_all()
    assert task.handed_by == zhangwei.row.key
    seen = select(TaskRow.id).where(TaskRow.id == task.id, visible_to(zhangwei.actor))
    assert station.session.scalar(seen) == task.id
    assert task.id not in {line.task_id for line in zhangwei.inbox()}
    with pytest.raises(NotFound):
        station.engine.task_form(task.id, by=zhangwei.actor)
