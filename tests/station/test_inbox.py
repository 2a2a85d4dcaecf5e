"""The inbox: whose tasks, which, in what order, by pages; and that it stays cheap."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select, text

from tests.processes.conftest import at, chenzhiqiang, head, liting, station, wangfang, zhangwei
from workflow.engine.tasks import TaskRow
from workflow.station import clocks, inbox, reassignment
from workflow.station import wanted as asked
from workflow.station.persons import Person
from workflow.station.wanted import Wanted

__all__ = ["chenzhiqiang", "head", "liting", "station", "wangfang", "zhangwei"]


def view(station, person, name="mine", **more):
    wanted = Wanted(view=name, **{key: value for key, value in more.items() if key not in ("after", "limit")})
    rest = {key: value for key, value in more.items() if key in ("after", "limit")}
    return inbox.lines(station.session, person.actor, station.clock.now(), wanted, **rest)


def ids(lines):
    return [line.task_id for line in lines]


@contextmanager
def statements(station) -> Iterator[list[str]]:
    seen: list[str] = []
    connection = station.session.connection()

    def note(_connection, _cursor, statement, *_more):
        if not statement.startswith(("SAVEPOINT", "RELEASE")):
            seen.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    yield seen
    event.remove(connection, "before_cursor_execute", note)


@pytest.fixture
def handled(station, liting):
    """JL01 waiting for the technician 张伟."""
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    return case


def test_what_is_offered_is_the_positions_and_what_is_claimed_ones_own(station, liting, wangfang):
    case = liting.registers()
    task = liting.task(case, "classify")
    assert ids(view(station, liting, "position")) == ids(view(station, liting, "free")) == [task.id]
    assert view(station, liting, "own") == []
    station.engine.claim(task.id, by=liting.actor)
    assert ids(view(station, liting, "own")) == ids(view(station, liting)) == [task.id]
    assert view(station, liting, "position") == view(station, wangfang) == []


def test_the_work_of_somebody_away_is_a_view_of_its_own(station, chenzhiqiang, zhangwei, handled):
    task = zhangwei.task(handled, "handle")
    station.engine.claim(task.id, by=zhangwei.actor)
    assert view(station, chenzhiqiang, "acting") == []
    station.clock.move_to("2026-03-09 09:00")
    (line,) = view(station, chenzhiqiang, "acting")
    assert line.task_id == task.id and line.acting_for == zhangwei.row.key
    assert view(station, chenzhiqiang, "own") == view(station, chenzhiqiang, "position") == []


def test_what_was_handed_out_is_seen_until_it_is_done(station, zhangwei, chenzhiqiang, handled):
    task = zhangwei.task(handled, "handle")
    station.engine.claim(task.id, by=zhangwei.actor)
    reassignment.hand_over(
        station.session,
        station.engine,
        task.id,
        by=zhangwei.actor,
        to=chenzhiqiang.row,
        moment=station.clock.now(),
    )
    station.session.expire_all()
    (line,) = view(station, zhangwei, "handed_out")
    assert line.task_id == task.id and line.assignee == chenzhiqiang.row.key
    assert view(station, zhangwei) == []
    chenzhiqiang.handles(handled)
    assert view(station, zhangwei, "handed_out") == []


def test_what_is_given_back_is_handed_out_no_longer(station, zhangwei, chenzhiqiang, handled):
    task = zhangwei.task(handled, "handle")
    station.engine.claim(task.id, by=zhangwei.actor)
    station.engine.reassign(task.id, by=zhangwei.actor, to=chenzhiqiang.actor)
    station.engine.unclaim(task.id, by=chenzhiqiang.actor)
    assert view(station, zhangwei, "handed_out") == []


def test_only_who_leads_has_a_list_of_everybodys_tasks(station, head, liting, handled):
    case = liting.registers()
    assert {line.case_id for line in view(station, head, "everybody")} == {case.id, handled.id}
    assert view(station, head) == []
    assert view(station, liting, "everybody") == []
    assert asked.read({"view": "everybody"}, liting.actor).view == "mine"
    assert asked.read({"view": "everybody"}, head.actor).view == "everybody"


def test_what_an_address_does_not_know_is_as_usual(liting):
    words = {"view": "x", "due": "'; drop", "sort": "no", "cols": "step,evil,due", "q": " 计量 "}
    found = asked.read(words, liting.actor)
    assert found == Wanted(q="计量", cols=("step", "due"))
    assert asked.read(found.changed, liting.actor) == found
    assert asked.read({"cols": ""}, liting.actor).cols == ()


@pytest.mark.parametrize(("words", "found"), [("mlx", 1), ("MLX", 1), ("马立新", 1), ("m", 0), ("马", 0)])
def test_a_client_is_found_by_the_whole_name_or_its_initials(station, liting, words, found):
    liting.registers(name="马立新", enterprise=None, matter="一件事。")
    assert len(view(station, liting, q=words)) == found


def test_surnames_are_read_as_surnames(station, liting):
    liting.registers(name="曾海", enterprise=None, matter="一件事。")
    assert len(view(station, liting, q="zh")) == 1


def test_a_restricted_client_is_found_by_nothing_of_the_name(station, liting):
    liting.registers(name="曾海", enterprise=None, matter="一件事。")
    station.session.scalars(select(Person).where(Person.name == "曾海")).one().restricted = True
    station.session.flush()
    assert view(station, liting, q="zh") == view(station, liting, q="曾海") == []
    assert len(view(station, liting, q="一件事")) == 1


def test_signs_of_a_pattern_are_only_signs(station, liting):
    liting.registers()
    assert view(station, liting, q="%") == view(station, liting, q="__") == []


def test_lists_are_narrowed_by_item_step_and_deadline(station, head, liting, handled):
    case = liting.registers()
    everybody = ("everybody",)
    assert {one.case_id for one in view(station, head, *everybody, item="JL01")} == {handled.id}
    assert {one.case_id for one in view(station, head, *everybody, step="判类")} == {case.id}
    assert {one.case_id for one in view(station, head, *everybody, due="today")} == {case.id}
    assert view(station, head, *everybody, due="late") == []
    station.clock.move_to("2026-03-12 18:00")
    assert {one.case_id for one in view(station, head, *everybody, due="late")} == {case.id}
    assert view(station, head, *everybody, due="week") == []
    station.clock.move_to("2026-03-16 09:00")
    assert {one.case_id for one in view(station, head, *everybody, due="week")} == {handled.id}
    found = inbox.choices(station.session, head.actor, station.clock.now(), Wanted(view="everybody"))
    assert [(code, count) for code, _, count in found.items] == [("JL01", 1)]
    assert found.steps == [("判类", 1), ("办理", 1)]


def test_a_task_whose_clock_stands_is_paused_and_never_late(station, head, zhangwei, handled):
    clock = clocks.of(station.session, handled.key, "item")
    clocks.stop(station.session, clock, station.clock.now(), reason="inspection", actor=head.row.key)
    (line,) = view(station, zhangwei, due="paused")
    assert line.paused and not line.late
    station.clock.move_to("2026-06-01 09:00")
    assert ids(view(station, zhangwei, due="paused")) == [line.task_id]
    assert view(station, zhangwei, due="late") == view(station, zhangwei, due="today") == []
    assert inbox.figures(station.session, zhangwei.actor, station.clock.now()).late == 0


def test_the_figures_equal_the_lists(station, liting, zhangwei, chenzhiqiang, handled):
    case = liting.registers()
    liting.registers()
    station.engine.claim(liting.task(case, "classify").id, by=liting.actor)
    for moment in ("2026-03-02 09:00", "2026-03-09 09:00"):
        station.clock.move_to(moment)
        for person in (liting, zhangwei, chenzhiqiang):
            found = inbox.figures(station.session, person.actor, station.clock.now())
            for count, which in (
                (found.open, {}),
                (found.unclaimed, {"name": "free"}),
                (found.own, {"name": "own"}),
                (found.position, {"name": "position"}),
                (found.acting, {"name": "acting"}),
                (found.handed_out, {"name": "handed_out"}),
                (found.due_today, {"due": "today"}),
                (found.late, {"due": "late"}),
            ):
                assert count == len(view(station, person, **which)), (person.row.login, which)


@pytest.fixture
def hundred(station, liting):
    """A hundred tasks of one person, a few without a date, several with the same."""
    for _ in range(100):
        liting.registers()
    rows = station.session.scalars(select(TaskRow).order_by(TaskRow.id)).all()
    for place, row in enumerate(rows):
        row.due_at = None if place % 10 == 0 else at(f"2026-03-{3 + place % 7:02} 17:30")
    station.session.commit()
    return [row.id for row in rows]


@pytest.mark.parametrize("sort", ["due", "received", "number"])
def test_pages_follow_each_other_without_gap_or_double(station, liting, hundred, sort):
    whole = ids(view(station, liting, sort=sort, limit=1000))
    assert sorted(whole) == hundred
    found: list[int] = []
    after = ""
    while page := view(station, liting, sort=sort, after=after, limit=7):
        found += ids(page)
        after = page[-1].mark(sort)
    assert found == whole


@pytest.mark.parametrize("mark", ["x", "~", "2026~1", "~99999999999999999999", "2026-03-02T09:00~5", "a~b~7"])
def test_a_mark_that_says_nothing_is_the_beginning_or_the_end_but_never_an_error(station, liting, mark):
    liting.registers()
    for sort in asked.SORTS:
        assert len(view(station, liting, sort=sort, after=mark)) in (0, 1)


def test_by_number_what_has_none_comes_last(station, liting, wangfang, handled):
    case = liting.registers()
    other = liting.registers()
    liting.classifies(other, "BZ01")
    assert [line.case_id for line in view(station, liting, sort="number")] == [other.id, case.id]


def test_a_list_of_a_hundred_takes_one_statement(station, liting, hundred):
    actor, now = liting.actor, station.clock.now()
    with statements(station) as seen:
        assert len(inbox.lines(station.session, actor, now, Wanted(), limit=51)) == 51
    assert len(seen) == 1
    with statements(station) as seen:
        inbox.figures(station.session, actor, now)
    assert len(seen) == 2


def test_the_fingerprint_changes_with_the_list_and_only_then(station, liting, wangfang):
    def mark():
        return inbox.mark(station.session, liting.actor, station.clock.now(), Wanted())

    case = liting.registers()
    first = mark()
    assert mark() == first
    station.engine.claim(liting.task(case, "classify").id, by=wangfang.actor)
    second = mark()
    assert second != first
    liting.registers()
    assert mark() not in (first, second)


def test_open_tasks_are_found_by_index_among_many_done_ones(station, liting):
    """With a year's closed tasks in the table the inbox still reads only open ones."""
    case = liting.registers()
    task = liting.task(case, "classify")
    station.session.execute(
        text(
            "INSERT INTO task (instance_id, token, element, name, candidate, status, created_at) "
            "SELECT :instance, 't' || n, 'handle', '办理', 'intake', 'done', now() "
            "FROM generate_series(1, 20000) n"
        ),
        {"instance": task.instance_id},
    )
    station.session.execute(text("ANALYZE task"))
    for person, wanted, index in (
        (liting, Wanted(), "ix_task_"),
        (station.person("zhoujianguo"), Wanted(view="everybody"), "ix_task_"),
        (liting, Wanted(view="handed_out"), "ix_task_"),
    ):
        plan = "\n".join(explain(station, person, wanted))
        assert "Seq Scan on task" not in plan and index in plan, plan


def explain(station, person, wanted):
    actor, now = person.actor, station.clock.now()
    with statements(station) as seen:
        captured: list[object] = []

        def keep(_connection, _cursor, statement, parameters, *_more):
            if statement.startswith("SELECT"):
                captured.append(parameters)

        connection = station.session.connection()
        event.listen(connection, "before_cursor_execute", keep)
        inbox.lines(station.session, actor, now, wanted, limit=51)
        event.remove(connection, "before_cursor_execute", keep)
    return [row[0] for row in connection.exec_driver_sql(f"EXPLAIN {seen[0]}", captured[0])]
