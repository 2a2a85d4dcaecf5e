"""Two at once, each in a transaction of its own: extension and deadline, absence and completion (issue B),
closing and a department that is asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.conftest import Clock, Database
from tests.processes.conftest import Person, Station, at
from tests.processes.test_delegation import does as on_absence
from tests.processes.test_delegation import registers
from tests.processes.test_delegation import task as absence_task
from tests.processes.test_extension import asks
from tests.running import contact_nobody, draw_nobody
from workflow.engine import history
from workflow.engine.actors import Actor
from workflow.engine.history import HistoryRow
from workflow.engine.tasks import DONE, OPEN, TaskRow
from workflow.engine.timers import Busy, TimerRow
from workflow.errors import AlreadyDone, NotFound, Refused
from workflow.station import cases, clock_ledger, clocks, demo, joint_handling
from workflow.station.absences import Absence
from workflow.station.cases import Case
from workflow.station.clock_ledger import Escalation
from workflow.station.owners import begin_beside
from workflow.station.running import deploy_shipped

HANDLED = {"progress": "样品已送检，证书已取回。", "needs_more": False}


class Apart:
    """A station whose people each work in a session of their own."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database, self.clock, self.open = database, clock, ExitStack()

    def station(self) -> Station:
        return Station(self.open.enter_context(self.database.sessions()), self.clock)

    def person(self, login: str) -> Person:
        return self.station().person(login)


@pytest.fixture
def apart(
    database: Database, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Apart]:
    monkeypatch.setenv("YIZHAN_HOME", str(tmp_path / "home"))
    with database.sessions.begin() as session:
        demo.fill(session, clock.now())
        for absence in session.scalars(select(Absence)):
            session.delete(absence)
        deploy_shipped(session, actor="system", moment=clock.now())
        draw_nobody(session)
        contact_nobody(session)
    found = Apart(database, clock)
    with found.open:
        yield found


@pytest.fixture
def case_id(apart: Apart) -> int:
    """JL01 of 2026-03-02, due on 2026-03-16, on 张伟's desk."""
    liting = apart.person("liting")
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    return case.id


def handle_task(station: Station, case_id: int) -> TaskRow:
    case = station.session.get_one(Case, case_id)
    found = select(TaskRow).where(TaskRow.instance_id == case.instance_id, TaskRow.element == "handle")
    return station.session.scalars(found.execution_options(populate_existing=True)).one()


def fires(station: Station, element: str) -> bool:
    """Let the timers of this element fire, as a worker does that looked for them before."""
    found = select(TimerRow.id).where(TimerRow.element == element)
    fired = [station.engine.fire(timer) for timer in station.session.scalars(found).all()]
    station.session.commit()
    return any(fired)


@contextmanager
def meanwhile(work: Callable[[], Any]) -> Iterator[Future[Any]]:
    """Begin something that has to wait for what this transaction holds; let it end when that has ended."""
    begun = threading.Event()

    def run() -> Any:
        begun.set()
        return work()

    with ThreadPoolExecutor(1) as threads:
        other = threads.submit(run)
        begun.wait(5)
        with pytest.raises(TimeoutError):
            other.result(0.4)
        yield other


def sound(station: Station) -> None:
    """Each task once, the dates those of the clock, the chain whole."""
    station.session.expire_all()
    rows = station.session.scalars(select(HistoryRow).where(HistoryRow.kind == "complete")).all()
    assert len({(row.instance_id, row.seq) for row in rows}) == len(rows)
    for task in station.session.scalars(select(TaskRow).where(TaskRow.status == OPEN)):
        if task.clock == "item":
            assert (
                task.due_at
                == station.session.scalars(
                    select(clock_ledger.Clock.deadline_at).where(clock_ledger.Clock.kind == "item")
                ).one()
            )
    assert history.verify(station.session) == []


# --- extension against deadline ----------------------------------------------------------------------------


@pytest.fixture
def asked(apart: Apart, case_id: int) -> int:
    """A day more is wanted on the deadline's own afternoon; the head has it before her."""
    apart.clock.move_to("2026-03-16 16:00")
    zhangwei = apart.person("zhangwei")
    asks(zhangwei, zhangwei.station.session.get_one(Case, case_id), days=1)
    return case_id


def test_the_deadline_that_waits_for_a_grant_finds_the_new_date(apart: Apart, asked: int) -> None:
    head, worker = apart.person("zhoujianguo"), apart.station()
    session = head.station.session
    task = head.task(session.get_one(Case, asked), "approve")
    head.station.engine.complete(task.id, by=head.actor, data={"decision": "grant"})
    apart.clock.move_to("2026-03-16 17:31")
    (late,) = worker.session.scalars(select(TimerRow.id).where(TimerRow.element == "late_due")).all()
    with pytest.raises(Busy):
        worker.engine.fire(late)  # a worker does not wait: it comes again
    worker.session.rollback()
    session.commit()
    assert not worker.engine.fire(late), "a timer that was moved is not due"
    worker.session.commit()
    sound(worker)
    assert worker.session.get_one(Case, asked).late_at is None
    clock = clocks.of(worker.session, worker.session.get_one(Case, asked).key, "item")
    assert clock.deadline_at == at("2026-03-17 17:30")


def test_a_grant_that_waits_for_the_deadline_is_refused(apart: Apart, asked: int) -> None:
    head, worker = apart.person("zhoujianguo"), apart.station()
    task = head.task(head.station.session.get_one(Case, asked), "approve").id
    by = head.actor
    head.station.session.rollback()
    before = head.station.clock.now()
    head.station.session.connection()  # this transaction began before the deadline: its moment lies before it
    assert before < at("2026-03-16 17:30")
    apart.clock.move_to("2026-03-16 17:31")
    timer = worker.session.scalars(select(TimerRow.id).where(TimerRow.element == "late_due")).one()
    assert worker.engine.fire(timer)

    def grant() -> None:
        head.station.engine.complete(task, by=by, data={"decision": "grant"})
        head.station.session.commit()

    with meanwhile(grant) as granting:
        worker.session.commit()
    with pytest.raises((Refused, AlreadyDone, NotFound)):
        granting.result(10)
    head.station.session.rollback()
    sound(worker)
    case = worker.session.get_one(Case, asked)
    assert case.late_at is not None
    assert worker.session.scalars(select(Escalation.rung).where(Escalation.rung == "late")).all() == ["late"]
    assert clocks.of(worker.session, case.key, "item").deadline_at == at("2026-03-16 17:30")


# --- absence and completion --------------------------------------------------------------------------------


@pytest.fixture
def leaving(apart: Apart) -> int:
    """张伟 will be away from the 9th to the 11th, 陈志强 acts."""
    return registers(apart.person("zhangwei")).id


def comes_second(first: Person, second: Person, by: Actor, case_id: int) -> None:
    """``first`` has completed and not ended; ``second``, whose page is older, waits and is told so."""
    task = handle_task(second.station, case_id).id
    second.station.session.rollback()

    def completes() -> None:
        second.station.engine.complete(task, by=by, data=HANDLED)

    with meanwhile(completes) as late:
        first.station.session.commit()
    with pytest.raises(AlreadyDone):
        late.result(10)
    second.station.session.rollback()


def test_an_absence_that_begins_while_a_completes_leaves_one_completion(
    apart: Apart, case_id: int, leaving: int
) -> None:
    zhangwei, chen = apart.person("zhangwei"), apart.person("chenzhiqiang")
    present = zhangwei.actor
    apart.clock.move_to("2026-03-09 08:31")
    worker = apart.station()
    assert fires(worker, "at_from")
    assert chen.task(chen.station.session.get_one(Case, case_id), "handle"), "the work has reached B"
    zhangwei.station.session.rollback()
    zhangwei.station.engine.complete(handle_task(zhangwei.station, case_id).id, by=present, data=HANDLED)
    comes_second(zhangwei, chen, chen.actor, case_id)
    sound(worker)
    task = handle_task(worker, case_id)
    assert (task.status, task.actor, task.on_behalf_of) == (DONE, present.key, None)


def test_the_deputy_who_completes_first_is_named_for_the_one_away(
    apart: Apart, case_id: int, leaving: int
) -> None:
    zhangwei, chen = apart.person("zhangwei"), apart.person("chenzhiqiang")
    present = zhangwei.actor
    apart.clock.move_to("2026-03-09 08:31")
    worker = apart.station()
    fires(worker, "at_from")
    chen.station.engine.complete(handle_task(chen.station, case_id).id, by=chen.actor, data=HANDLED)
    comes_second(chen, zhangwei, present, case_id)
    sound(worker)
    task = handle_task(worker, case_id)
    assert (task.actor, task.on_behalf_of) == (chen.row.key, zhangwei.row.key)


def test_a_hand_back_while_b_completes_neither_loses_nor_doubles_the_work(
    apart: Apart, case_id: int, leaving: int
) -> None:
    zhangwei, chen = apart.person("zhangwei"), apart.person("chenzhiqiang")
    apart.clock.move_to("2026-03-09 08:31")
    worker = apart.station()
    fires(worker, "at_from")
    apart.clock.move_to("2026-03-10 09:00")
    acting = chen.actor
    number = handle_task(chen.station, case_id).id
    chen.station.session.rollback()
    chen.station.engine.complete(number, by=acting, data=HANDLED)  # and has not ended
    absence = zhangwei.station.session.get_one(Absence, leaving)
    on_absence(zhangwei, absence, "come_back", outcome="returned")
    chen.station.session.commit()
    sound(worker)
    task = handle_task(worker, case_id)
    assert (task.status, task.actor, task.on_behalf_of) == (DONE, chen.row.key, zhangwei.row.key)
    assert worker.session.get_one(Absence, leaving).returned_at is not None
    given_back = absence_task(chen, chen.station.session.get_one(Absence, leaving), "hand_back")
    assert given_back.status == OPEN


def test_after_the_hand_back_what_b_claimed_is_as_again(apart: Apart, case_id: int, leaving: int) -> None:
    zhangwei, chen = apart.person("zhangwei"), apart.person("chenzhiqiang")
    apart.clock.move_to("2026-03-09 08:31")
    worker = apart.station()
    fires(worker, "at_from")
    apart.clock.move_to("2026-03-10 09:00")
    on_absence(zhangwei, zhangwei.station.session.get_one(Absence, leaving), "come_back", outcome="returned")
    with pytest.raises(NotFound):
        chen.station.engine.complete(handle_task(chen.station, case_id).id, by=chen.actor, data=HANDLED)
    chen.station.session.rollback()
    zhangwei.handles(zhangwei.station.session.get_one(Case, case_id))
    sound(worker)
    assert worker.session.get_one(Case, case_id).state == cases.HANDLING


# --- closing and a department that is asked (R2.3.4b) ------------------------------------------------------

CLOSED = {"result": "completed", "summary": "检定合格，证书已交付。", "pickup": "window"}


@pytest.fixture
def handled(apart: Apart, case_id: int) -> int:
    zhangwei = apart.person("zhangwei")
    zhangwei.handles(zhangwei.station.session.get_one(Case, case_id))
    return case_id


@pytest.mark.parametrize("first", ["close", "ask"])
def test_r2_3_4b_closing_and_asking_a_department_at_once_one_of_them_is_refused(
    apart: Apart, handled: int, first: str
) -> None:
    liting, wangfang = apart.person("liting"), apart.person("wangfang")
    closing, asking = (one.station.session.get_one(Case, handled) for one in (liting, wangfang))
    assert (closing.ended, asking.ended) == (False, False)
    task, closer = liting.task(closing, "close").id, liting.actor
    data = {"lead": wangfang.row.key, "unit": "示例市应急局", "asked": "出具意见。", "due": "2026-03-05"}
    data["looks_after"], asker = wangfang.row.key, wangfang.actor

    def closes() -> None:
        liting.station.engine.complete(task, by=closer, data=CLOSED)

    def asks_for_it() -> None:
        begin_beside(wangfang.station.engine, joint_handling.PROCESS, asking, by=asker, data=data)

    acts = (closes, asks_for_it) if first == "close" else (asks_for_it, closes)
    acts[0]()
    with meanwhile(acts[1]) as second:
        (liting if first == "close" else wangfang).station.session.commit()
    with pytest.raises(Refused, match="已办结" if first == "close" else "示例市应急局"):
        second.result(10)
