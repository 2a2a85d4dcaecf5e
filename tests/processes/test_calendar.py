"""A change of the calendar on running cases (§4.7): what moves, what is held back, who is told."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select, text

from tests.conftest import Database
from tests.processes.conftest import Station, at
from tests.running import until
from workflow import jobs
from workflow.engine import history
from workflow.engine.engine import Engine
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import NotFound, Refused
from workflow.station import (
    calendar_days,
    calendar_moves,
    calendar_reminder,
    clock_reckoning,
    clocks,
    demo,
    window_hours,
)
from workflow.station.outbox import Outbox
from workflow.station.running import deploy_shipped

NEW_YEAR = {date(2027, 1, 1): "元旦"}


def accepted(person, item="JL01", planned="2026-03-06"):
    """A case at its technician's: that task is due when the item's clock is."""
    case = person.registers()
    person.classifies(case, item)
    person.accepts(case)
    person.answers(case, planned)
    return case


def recompute(station):
    """What the job does, inside the test's transaction."""
    moved = []
    for owner in calendar_moves.waiting(station.session):
        moved += calendar_moves.recompute(station.engine, owner)
        station.session.commit()
    station.session.expire_all()
    return moved


def item_clock(station, case):
    return clocks.of(station.session, case.key, "item")


def rungs(session, case):
    rows = session.scalars(
        select(TimerRow).where(TimerRow.instance_id == case.instance_id, TimerRow.rung.is_not(None))
    )
    return {timer.rung: timer.due_at for timer in rows}


def shown_due(session, case):
    return session.scalars(
        select(TaskRow.due_at).where(TaskRow.instance_id == case.instance_id, TaskRow.status == OPEN)
    ).one()


def told_clients(station):
    return list(station.session.scalars(select(Outbox.text).where(Outbox.text.contains("顺延"))))


def test_a_deadline_that_becomes_a_day_off_moves_on_with_everything_and_the_client_is_told(station, liting):
    case = accepted(liting)
    assert item_clock(station, case).deadline_at == at("2026-03-16 17:30")
    calendar_days.close(station.session, date(2026, 3, 16), "停电检修")
    assert [clock.owner for clock in recompute(station)] == [case.key]
    assert item_clock(station, case).deadline_at == at("2026-03-17 17:30")
    assert rungs(station.session, case)["late"] == at("2026-03-17 17:30")
    assert rungs(station.session, case)["superior"] == at("2026-03-18 17:30")
    assert shown_due(station.session, case) == at("2026-03-17 17:30")
    assert case.receipt_due_at == at("2026-03-16 17:30"), "what is printed stays printed"
    (said,) = told_clients(station)
    assert (
        case.no in said
        and "2026-03-16 17:30" in said
        and "闭站（停电检修）" in said
        and "2026-03-17 17:30" in said
    )
    assert history.verify(station.session) == []


def test_a_printed_date_is_not_moved_later_by_a_closure_before_it(station, liting):
    case = accepted(liting)
    before = rungs(station.session, case)
    calendar_days.close(station.session, date(2026, 3, 10), "停电检修")
    assert recompute(station) == []
    assert item_clock(station, case).deadline_at == at("2026-03-16 17:30")
    assert item_clock(station, case).events[-1].days == -1
    assert told_clients(station) == []
    after = rungs(station.session, case)
    assert after["late"] == before["late"]
    assert after["remind"] != before["remind"], "half of what is left to work in lies elsewhere"


def test_an_earlier_date_is_only_the_stations_own_target(station, liting, head):
    calendar_days.close(station.session, date(2026, 3, 10), "停电检修")
    case = accepted(liting)
    assert case.receipt_due_at == at("2026-03-17 17:30")
    calendar_days.reopen(station.session, date(2026, 3, 10))
    recompute(station)
    assert item_clock(station, case).deadline_at == shown_due(station.session, case) == at("2026-03-16 17:30")
    assert case.receipt_due_at == at("2026-03-17 17:30")
    assert told_clients(station) == []


def test_whoever_works_on_a_moved_case_reads_it_in_the_mornings_digest(station, liting, zhangwei):
    accepted(liting)
    calendar_days.close(station.session, date(2026, 3, 16), "停电检修")
    recompute(station)
    station.clock.move_to("2026-03-03 08:31")
    assert any("由 2026-03-16 17:30 改为 2026-03-17 17:30" in text for text in zhangwei.told())


def test_a_provisional_date_is_settled_by_the_notice_of_its_year(station, liting):
    station.clock.move_to("2026-12-21 09:00")
    case = accepted(liting, planned="2026-12-24")
    assert item_clock(station, case).provisional
    calendar_days.import_notice(station.session, 2027, {**NEW_YEAR, date(2027, 1, 5): "元旦"}, {})
    recompute(station)
    clock = item_clock(station, case)
    assert (clock.provisional, clock.deadline_at) == (False, at("2027-01-06 17:30"))
    assert "暂估" not in str(clock_reckoning.why(station.session, clock))
    (said,) = told_clients(station)
    assert "放假（元旦）" in said


def test_a_stopped_clock_is_recomputed_and_a_late_one_is_not(station, liting):
    late, stopped = accepted(liting, "BZ02"), accepted(liting)
    clocks.stop(
        station.session,
        item_clock(station, stopped),
        at("2026-03-02 10:00"),
        reason="expert",
        actor="staff:1",
    )
    station.session.commit()
    station.clock.move_to("2026-03-10 09:00")
    calendar_days.close(station.session, date(2026, 3, 9), "停电检修")
    calendar_days.close(station.session, date(2026, 3, 16), "停电检修")
    recompute(station)
    assert item_clock(station, late).deadline_at == at("2026-03-09 17:30")
    assert item_clock(station, stopped).deadline_at == at("2026-03-17 17:30")


def test_the_list_of_moved_cases_is_kept_with_the_change(station, liting, head):
    moved, held = accepted(liting, "BZ02"), accepted(liting)
    version = calendar_days.close(station.session, date(2026, 3, 9), "停电检修").version
    recompute(station)
    station.session.commit()
    change = calendar_days.change_of(station.session, version)
    found = {move.no: move for move in calendar_moves.moves(station.session, head.actor, change)}
    assert set(found) == {moved.no, held.no}
    assert (found[moved.no].before, found[moved.no].after) == (at("2026-03-09 17:30"), at("2026-03-10 17:30"))
    assert found[moved.no].later and found[moved.no].told == at("2026-03-09 17:30")
    assert (found[held.no].moved, found[held.no].held) == (False, 1)
    admin = station.person("admin")
    assert calendar_moves.moves(station.session, admin.actor, change) == []


def test_a_rehearsal_says_what_the_change_then_does_and_changes_nothing(station, liting, head):
    accepted(liting, "BZ02"), accepted(liting)
    before = calendar_moves.calendar.load(station.session)

    def closing(session):
        return calendar_days.close(session, date(2026, 3, 9), "停电检修")

    rehearsed = calendar_moves.rehearse(station.session, head.actor, closing)
    assert calendar_moves.calendar.load(station.session) is before or (
        calendar_moves.calendar.load(station.session).version == before.version
    )
    assert rehearsed.version == before.version
    assert calendar_moves.waiting(station.session) == []
    assert [day.date for day, _ in rehearsed.days] == [date(2026, 3, 9)]
    change = calendar_days.change_of(station.session, closing(station.session).version)
    recompute(station)
    done = {
        (m.no, m.before, m.after, m.told, m.held)
        for m in calendar_moves.moves(station.session, head.actor, change)
    }
    assert done == {(m.no, m.before, m.after, m.told, m.held) for m in rehearsed.moves} and len(done) == 2
    assert calendar_moves.rehearse(station.session, station.person("admin").actor, closing).moves == []


def test_a_refused_change_leaves_no_trace_of_its_rehearsal(station, head):
    def closing(session):
        return calendar_days.close(session, date(2026, 3, 8), "周日")

    with pytest.raises(Refused):
        calendar_moves.rehearse(station.session, head.actor, closing)
    assert calendar_days.changes(station.session) == []


def test_an_owner_that_is_no_case_is_moved_too(station, head):
    clock = clocks.start(
        station.session, owner="transfer:1", kind="item", started_at=at("2026-03-02 09:00"),
        limit=clocks.Limit(5), actor="staff:1",
    )  # fmt: skip
    version = calendar_days.close(station.session, date(2026, 3, 9), "停电检修").version
    assert recompute(station) == [clock]
    assert clock.deadline_at == at("2026-03-10 17:30")
    (move,) = calendar_moves.moves(
        station.session, head.actor, calendar_days.change_of(station.session, version)
    )
    assert (move.owner, move.case_id, move.no) == ("transfer:1", None, None)


def test_what_is_done_is_not_done_again(station, liting):
    accepted(liting)
    calendar_days.close(station.session, date(2026, 3, 16), "停电检修")
    recompute(station)
    assert calendar_moves.waiting(station.session) == []
    assert recompute(station) == [] and len(told_clients(station)) == 1


# --- one case, one transaction ---------------------------------------------------------------------------


@pytest.fixture
def committed(database: Database, clock, tmp_path, monkeypatch) -> Station:
    """A station whose commits are real."""
    monkeypatch.setenv("YIZHAN_HOME", str(tmp_path / "home"))
    with database.sessions() as session:
        demo.fill(session, clock.now())
        deploy_shipped(session, actor="system", moment=clock.now())
        session.commit()
        yield Station(session, clock)


def state_of(database, case):
    """Deadline, version, rungs, due date, ledger and messages: all that must move together."""
    with database.sessions() as session:
        clock = clocks.of(session, case.key, "item")
        messages = select(Outbox.text).where(Outbox.case_id == case.id, Outbox.text.contains("顺延"))
        return (
            clock.deadline_at,
            clock.calendar_version,
            rungs(session, case),
            shown_due(session, case),
            [line.kind for line in clock.events],
            session.scalars(messages).all(),
        )


def test_killed_in_the_second_case_the_first_is_moved_wholly_and_the_second_not_at_all(
    database, committed, monkeypatch
):
    liting = committed.person("liting")
    first, second, third = accepted(liting), accepted(liting), accepted(liting)
    before = {case.id: state_of(database, case) for case in (first, second, third)}
    calendar_days.close(committed.session, date(2026, 3, 16), "停电检修")
    committed.session.commit()
    rearm = Engine.rearm

    def killed(self, instance_id, clock, **more):
        rearm(self, instance_id, clock, **more)
        if instance_id == second.instance_id:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "rearm", killed)
        with pytest.raises(KeyboardInterrupt):
            jobs.recompute_clocks(database.sessions)
    moved = state_of(database, first)
    assert moved[0] == moved[2]["late"] == moved[3] == at("2026-03-17 17:30")
    assert moved[4] == ["start", "recompute"] and len(moved[5]) == 1
    assert state_of(database, second) == before[second.id]
    assert state_of(database, third) == before[third.id]
    assert jobs.recompute_clocks(database.sessions) == 2
    assert state_of(database, first) == moved
    for case in (second, third):
        again = state_of(database, case)
        assert again[0] == again[2]["late"] == again[3] == at("2026-03-17 17:30")
        assert again[4] == ["start", "recompute"] and len(again[5]) == 1
    assert jobs.recompute_clocks(database.sessions) == 0


def test_one_case_that_fails_does_not_keep_the_others_back(database, committed, monkeypatch):
    liting = committed.person("liting")
    first, second = accepted(liting), accepted(liting)
    calendar_days.close(committed.session, date(2026, 3, 16), "停电检修")
    committed.session.commit()
    rearm = Engine.rearm

    def failing(self, instance_id, clock, **more):
        if instance_id == first.instance_id:
            raise RuntimeError("a diagram that does not load")
        rearm(self, instance_id, clock, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Engine, "rearm", failing)
        with pytest.raises(RuntimeError):
            jobs.recompute_clocks(database.sessions)
    assert state_of(database, first)[0] == at("2026-03-16 17:30")
    assert state_of(database, second)[0] == at("2026-03-17 17:30")


def test_the_job_vanishes_with_the_change_that_is_rolled_back_and_runs_after_the_one_that_commits(
    database, committed
):
    case = accepted(committed.person("liting"))
    session = committed.session
    calendar_days.close(session, date(2026, 3, 12), "停电检修")
    jobs.defer(session, jobs.RECOMPUTE)
    session.rollback()
    assert queued(database) == []
    calendar_days.close(session, date(2026, 3, 16), "停电检修")
    jobs.defer(session, jobs.RECOMPUTE)
    session.commit()
    assert queued(database) == ["recompute"]
    runner = jobs.JobRunner(jobs.application(database.engine.url, database.sessions))
    runner.start()
    try:
        until(lambda: state_of(database, case)[0] == at("2026-03-17 17:30"))
    finally:
        assert runner.stop()


def queued(database):
    with database.sessions() as session:
        return session.scalars(
            text("select task_name from queue.procrastinate_jobs where status = 'todo'")
        ).all()


# --- the yearly reminder ---------------------------------------------------------------------------------


def reminded(station):
    keys = calendar_reminder.remind(station.session, station.clock.now())
    station.session.commit()
    return keys


def test_head_and_administrators_are_reminded_once_and_warned_every_working_morning(station, head):
    admin, clerk = station.person("admin"), station.person("liting")
    told = {head.row.key, admin.row.key}
    station.clock.move_to("2026-11-14 09:00")
    assert reminded(station) == []
    station.clock.move_to("2026-11-15 09:00")
    assert set(reminded(station)) == told
    station.clock.move_to("2026-11-16 08:31")
    assert any("2027 年的放假安排" in text for text in head.told()) and clerk.told() == []
    for moment in ("2026-11-16 08:32", "2026-11-20 09:00", "2026-11-30 08:00"):
        station.clock.move_to(moment)
        assert reminded(station) == [], moment
    mornings = 0
    for day in range(1, 8):
        for hour in ("01:00", "08:00", "09:00", "23:00"):
            station.clock.move_to(f"2026-12-{day:02} {hour}")
            mornings += bool(reminded(station))
    assert mornings == 6, "the mornings of 1, 2, 3, 4, 7 and 8 December; none of a weekend"
    calendar_days.import_notice(station.session, 2027, NEW_YEAR, {})
    station.clock.move_to("2026-12-10 09:00")
    assert reminded(station) == []


def test_each_digest_tells_it_once(station, head):
    station.clock.move_to("2026-12-04 09:00")
    reminded(station)
    station.clock.move_to("2026-12-07 07:00")
    reminded(station)
    station.clock.move_to("2026-12-07 08:31")
    lines = [text for text in head.told() if "放假安排" in text]
    assert len(lines) == 1


def test_a_year_that_began_without_its_notice_is_warned_of_at_once(station, head):
    station.clock.move_to("2027-01-06 09:00")
    assert head.row.key in reminded(station)


def test_the_days_of_the_reminder_stand_in_the_database(station):
    calendar_reminder.arrange(station.session, remind_from="10-20", warn_from="10-21")
    station.clock.move_to("2026-10-20 07:00")
    assert reminded(station) != []
    for first, second in (("11-15", "11-14"), ("2-30", "12-01"), ("x", "12-01")):
        with pytest.raises(Refused):
            calendar_reminder.arrange(station.session, remind_from=first, warn_from=second)


# --- window hours ----------------------------------------------------------------------------------------


def test_an_open_saturday_shifts_no_deadline(station, liting, head):
    case = accepted(liting)
    before, due = rungs(station.session, case), item_clock(station, case).deadline_at
    window_hours.set_weekday(station.session, 5, "09:00-12:00", by=head.row.key, moment=station.clock.now())
    window_hours.set_day(
        station.session,
        date(2026, 3, 8),
        "09:00-12:00",
        "开放日",
        by=head.row.key,
        moment=station.clock.now(),
    )
    assert calendar_moves.waiting(station.session) == [] and recompute(station) == []
    assert item_clock(station, case).deadline_at == due and rungs(station.session, case) == before
    other = accepted(liting)
    assert item_clock(station, other).deadline_at == due
    assert window_hours.words(window_hours.on(station.session, date(2026, 3, 7))) == "09:00–12:00"


def test_a_weekday_that_is_none_and_a_day_in_five_pieces_are_refused(station, head):
    def set_weekday(day, text):
        window_hours.set_weekday(station.session, day, text, by=head.row.key, moment=station.clock.now())

    with pytest.raises(NotFound):
        set_weekday(7, "09:00-12:00")
    pieces = " ".join(f"{hour:02}:00-{hour:02}:30" for hour in range(8, 14))
    with pytest.raises(Refused, match="一天最多"):
        set_weekday(0, pieces)


def test_the_window_is_shut_on_a_holiday_and_open_on_a_working_day(station):
    open_on = {
        day: window_hours.words(window_hours.on(station.session, date(2026, 5, day))) for day in (1, 2, 8, 9)
    }
    usual = "08:30–12:00 13:30–17:30"
    assert open_on == {1: "", 2: "", 8: usual, 9: usual}, "the 9th is a Saturday that is worked"
