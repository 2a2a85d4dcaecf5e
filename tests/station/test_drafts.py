"""Drafts: kept sealed, for their person alone, and gone with the task."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.processes.conftest import head, liting, station, wangfang, zhangwei
from workflow.errors import AlreadyDone, NotFound, Refused
from workflow.station import drafts, staff
from workflow.station.drafts import Draft
from workflow.station.running import engine_for

__all__ = ["head", "liting", "station", "wangfang", "zhangwei"]

WRITTEN = {"name": "马立新", "phone": "000-12345678", "matter": "两台卡尺"}


def keep(station, person, data=WRITTEN, **place):
    drafts.keep(station.session, person.actor, person.row, data, moment=station.clock.now(), **place)
    station.session.commit()


@pytest.fixture
def task(liting):
    return liting.task(liting.registers(), "classify")


def test_what_was_written_comes_back_the_last_of_it(station, liting, task):
    keep(station, liting, {"item": "JL01"}, task_id=task.id)
    keep(station, liting, {"item": "JL02", "note": "再问"}, task_id=task.id)
    found = drafts.find(station.session, liting.row, task_id=task.id)
    assert found.data == {"item": "JL02", "note": "再问"}
    assert found.saved_at == station.clock.now()
    assert len(station.session.scalars(select(Draft)).all()) == 1


def test_a_clients_name_and_phone_do_not_lie_in_the_table_in_the_clear(station, liting):
    keep(station, liting, start="intake")
    row = station.session.scalars(select(Draft)).one()
    for secret in ("马立新", "12345678", "卡尺"):
        assert secret.encode() not in bytes(row.data_enc)
    assert drafts.find(station.session, liting.row, start="intake").data == WRITTEN


def test_a_draft_is_its_persons_alone(station, liting, wangfang, task):
    keep(station, liting, task_id=task.id)
    assert drafts.find(station.session, wangfang.row, task_id=task.id) is None
    row = station.session.scalars(select(Draft)).one()
    row.staff_id = wangfang.row.id  # moved by hand in the database, it does not open
    station.session.flush()
    assert drafts.find(station.session, wangfang.row, task_id=task.id) is None


def test_a_draft_goes_when_the_task_is_done_and_a_later_one_is_refused(station, liting, wangfang, task):
    keep(station, liting, task_id=task.id)
    keep(station, wangfang, task_id=task.id)
    station.engine.complete(task.id, by=liting.actor, data={"item": "BZ02"})
    drafts.done(station.session, task.id)
    station.session.commit()
    assert station.session.scalars(select(Draft)).all() == []
    with pytest.raises(AlreadyDone):
        keep(station, liting, task_id=task.id)


def test_the_tidying_removes_drafts_of_tasks_that_ended_otherwise(station, head, liting, task):
    keep(station, liting, task_id=task.id)
    keep(station, liting, start="intake")
    assert drafts.tidy(station.session, station.clock.now()) == 0
    station.engine.cancel(task.instance_id, by=head.actor, reason="试验")
    assert drafts.tidy(station.session, station.clock.now()) == 1
    assert drafts.tidy(station.session, station.clock.now() + drafts.KEPT + timedelta(minutes=1)) == 1


def test_nobody_keeps_a_draft_of_what_is_not_seen_or_a_colleagues(station, liting, wangfang, zhangwei, task):
    with pytest.raises(NotFound):
        keep(station, zhangwei, task_id=task.id)
    station.engine.claim(task.id, by=wangfang.actor)
    with pytest.raises(AlreadyDone):
        keep(station, liting, task_id=task.id)


def test_what_is_too_large_is_refused(station, liting):
    with pytest.raises(Refused):
        keep(station, liting, {"matter": "长" * drafts.LARGEST}, start="intake")


def test_what_is_thrown_away_is_gone(station, liting):
    keep(station, liting, start="intake")
    drafts.discard(station.session, liting.row, start="intake")
    assert drafts.find(station.session, liting.row, start="intake") is None


def test_a_draft_on_its_way_while_the_task_is_completed_does_not_outlive_it(
    database, clock, tmp_path, monkeypatch
):
    from tests.processes.conftest import Person, Station
    from workflow.station import demo
    from workflow.station.running import deploy_shipped

    monkeypatch.setenv("YIZHAN_HOME", str(tmp_path / "home"))
    with database.sessions.begin() as session:
        demo.fill(session, clock.now())
        deploy_shipped(session, actor="system", moment=clock.now())
    with database.sessions() as first, database.sessions() as second:
        liting: Person = Station(first, clock).person("liting")
        task = liting.task(liting.registers(), "classify")
        actor, row, now = liting.actor, liting.row, clock.now()
        engine_for(first).complete(task.id, by=actor, data={"item": "BZ02"})
        drafts.done(first, task.id)
        outcome: list[object] = []

        def write() -> None:
            try:
                mine = second.get_one(staff.Staff, row.id)
                drafts.keep(second, actor, mine, WRITTEN, moment=now, task_id=task.id)
                second.commit()
            except AlreadyDone as error:
                outcome.append(error)

        writing = threading.Thread(target=write)
        writing.start()
        writing.join(0.5)
        assert writing.is_alive(), "it waits for who completes"
        first.commit()
        writing.join(10)
        second.rollback()
        assert len(outcome) == 1
        assert first.scalars(select(Draft)).all() == []
