"""Two real connections, the first stopped before its commit: whoever comes second sees what the first did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.conftest import Clock, Database
from tests.engine.conftest import CLERK, COLLEAGUE, PlainClocks, after, process
from workflow.bpmn.parsing import Bundle
from workflow.engine import definitions, history, tasks
from workflow.engine.actions import Registry
from workflow.engine.engine import Engine
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import TaskRow
from workflow.engine.timers import Busy, TimerRow
from workflow.errors import AlreadyDone

PT1H = after("PT1H")
PT2H = after("PT2H")
MESSAGE_M = '<bpmn:messageEventDefinition messageRef="m"/>'
REMINDED = f"""
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" yz:position="intake"/>
<bpmn:boundaryEvent id="soon" attachedToRef="look" cancelActivity="false">{PT1H}</bpmn:boundaryEvent>
<bpmn:boundaryEvent id="again" attachedToRef="look" cancelActivity="false">{PT2H}</bpmn:boundaryEvent>
<bpmn:endEvent id="reminded"/>
<bpmn:endEvent id="reminded_again"/>
<bpmn:endEvent id="done"/>
begin->look
look->done
soon->reminded
again->reminded_again
"""
OVERTAKEN = f"""
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" yz:position="intake"/>
<bpmn:boundaryEvent id="soon" attachedToRef="look" cancelActivity="true">{PT1H}</bpmn:boundaryEvent>
<bpmn:userTask id="late" name="补做" yz:position="intake"/>
<bpmn:endEvent id="done"/>
<bpmn:endEvent id="done_late"/>
begin->look
look->done
soon->late
late->done_late
"""
AWAITED = f"""
<bpmn:message id="m" name="补件"/>
<bpmn:startEvent id="begin"/>
<bpmn:eventBasedGateway id="either"/>
<bpmn:intermediateCatchEvent id="came">{MESSAGE_M}</bpmn:intermediateCatchEvent>
<bpmn:intermediateCatchEvent id="expired">{PT1H}</bpmn:intermediateCatchEvent>
<bpmn:userTask id="go_on" name="继续" yz:position="intake"/>
<bpmn:userTask id="give_up" name="终止" yz:position="intake"/>
<bpmn:endEvent id="e1"/>
<bpmn:endEvent id="e2"/>
begin->either
either->came
either->expired
came->go_on
expired->give_up
go_on->e1
give_up->e2
"""


class Race:
    """One case, and two hands that reach for it at the same time."""

    def __init__(self, database: Database, clock: Clock, threads: ThreadPoolExecutor) -> None:
        self.database, self.clock, self.threads = database, clock, threads
        self.instance = 0
        self.sessions: list[Session] = []

    def engine(self, session: Session) -> Engine:
        return Engine(session, PlainClocks(), Registry())

    def begin(self, body: str) -> None:
        with self.database.sessions.begin() as session:
            bundle = Bundle("tiny", {"tiny.bpmn": process(body)})
            definitions.deploy(session, bundle, actor="system", moment=self.clock.now())
            self.instance = self.engine(session).start("tiny", by=CLERK)

    def task(self) -> int:
        with self.database.sessions() as session:
            return session.scalars(select(TaskRow.id).where(TaskRow.status == tasks.OPEN)).one()

    def timer(self, element: str | None = None) -> int:
        with self.database.sessions() as session:
            found = select(TimerRow.id).order_by(TimerRow.due_at)
            return (
                session.scalars(found.where(TimerRow.element == element) if element else found).first() or 0
            )

    def first(self, act: Callable[[Engine], Any]) -> Session:
        """Act, and stop before the commit."""
        session = self.database.sessions()
        self.sessions.append(session)
        act(self.engine(session))
        return session

    def second(self, act: Callable[[Engine], Any]) -> Future[Any]:
        def run() -> Any:
            with self.database.sessions.begin() as session:
                return act(self.engine(session))

        return self.threads.submit(run)

    def open_elements(self) -> list[str]:
        with self.database.sessions() as session:
            return list(session.scalars(select(TaskRow.element).where(TaskRow.status == tasks.OPEN)))

    def lines(self) -> list[str]:
        with self.database.sessions() as session:
            assert history.verify(session) == []
            instance = session.get_one(InstanceRow, self.instance)
            kinds = [line.kind for line in history.of(session, self.instance)]
            assert instance.version == len(kinds) + 1
            return kinds


@pytest.fixture
def race(database: Database, clock: Clock) -> Iterator[Race]:
    with ThreadPoolExecutor(2) as threads:
        race = Race(database, clock, threads)
        yield race
        for session in race.sessions:
            session.close()


def waits(future: Future[Any]) -> bool:
    try:
        future.result(timeout=0.3)
    except StillWaiting:
        return True
    return False


def test_of_two_completions_the_second_waits_and_finds_it_done(race):
    race.begin(REMINDED)
    task = race.task()
    first = race.first(lambda engine: engine.complete(task, by=CLERK, data={}))
    second = race.second(lambda engine: engine.complete(task, by=COLLEAGUE, data={}))
    assert waits(second)
    first.commit()
    with pytest.raises(AlreadyDone) as caught:
        second.result(timeout=5)
    assert caught.value.state == tasks.DONE
    assert race.lines() == ["start", "complete"]


def test_a_completion_that_is_rolled_back_leaves_the_task_to_the_second(race):
    race.begin(REMINDED)
    task = race.task()
    first = race.first(lambda engine: engine.complete(task, by=CLERK, data={}))
    second = race.second(lambda engine: engine.complete(task, by=COLLEAGUE, data={}))
    assert waits(second)
    first.rollback()
    second.result(timeout=5)
    assert race.lines() == ["start", "complete"]


def test_a_timer_that_meets_a_completion_steps_back_and_then_finds_nothing(race):
    race.begin(REMINDED)
    task, timer = race.task(), race.timer()
    race.clock.shift(hours=1, seconds=1)
    first = race.first(lambda engine: engine.complete(task, by=CLERK, data={}))
    with pytest.raises(Busy):
        race.second(lambda engine: engine.fire(timer)).result(timeout=5)
    first.commit()
    assert race.second(lambda engine: engine.fire(timer)).result(timeout=5) is False
    assert race.lines() == ["start", "complete"]


def test_a_completion_that_meets_a_reminder_waits_and_then_succeeds(race):
    race.begin(REMINDED)
    task, timer = race.task(), race.timer()
    race.clock.shift(hours=1, seconds=1)
    first = race.first(lambda engine: engine.fire(timer))
    second = race.second(lambda engine: engine.complete(task, by=CLERK, data={}))
    assert waits(second)
    first.commit()
    second.result(timeout=5)
    assert race.lines() == ["start", "fire", "complete"]


def test_a_completion_that_meets_an_interrupting_timer_finds_its_task_gone(race):
    race.begin(OVERTAKEN)
    task, timer = race.task(), race.timer()
    race.clock.shift(hours=1, seconds=1)
    first = race.first(lambda engine: engine.fire(timer))
    second = race.second(lambda engine: engine.complete(task, by=CLERK, data={}))
    assert waits(second)
    first.commit()
    with pytest.raises(AlreadyDone) as caught:
        second.result(timeout=5)
    assert caught.value.state == tasks.CANCELLED
    assert race.open_elements() == ["late"]


def test_two_timers_of_one_case_fire_one_after_the_other(race):
    race.begin(REMINDED)
    soon, again = race.timer("soon"), race.timer("again")
    race.clock.shift(hours=2, seconds=1)
    first = race.first(lambda engine: engine.fire(soon))
    with pytest.raises(Busy):
        race.second(lambda engine: engine.fire(again)).result(timeout=5)
    first.commit()
    assert race.second(lambda engine: engine.fire(again)).result(timeout=5) is True
    assert race.lines() == ["start", "fire", "fire"]


def test_one_timer_is_not_fired_by_two_workers(race):
    race.begin(REMINDED)
    soon = race.timer("soon")
    race.clock.shift(hours=1, seconds=1)
    first = race.first(lambda engine: engine.fire(soon))
    with pytest.raises(Busy):
        race.second(lambda engine: engine.fire(soon)).result(timeout=5)
    first.commit()
    assert race.second(lambda engine: engine.fire(soon)).result(timeout=5) is False
    assert race.lines() == ["start", "fire"]


def test_a_message_that_meets_a_timer_comes_too_late(race):
    race.begin(AWAITED)
    timer = race.timer()
    race.clock.shift(hours=1, seconds=1)
    first = race.first(lambda engine: engine.fire(timer))
    second = race.second(lambda engine: engine.receive(race.instance, "补件", by=CLERK))
    assert waits(second)
    first.commit()
    with pytest.raises(AlreadyDone):
        second.result(timeout=5)
    assert race.open_elements() == ["give_up"]


def test_a_timer_that_meets_a_message_steps_back_and_then_finds_nothing(race):
    race.begin(AWAITED)
    timer = race.timer()
    race.clock.shift(hours=1, seconds=1)
    first = race.first(lambda engine: engine.receive(race.instance, "补件", by=CLERK))
    with pytest.raises(Busy):
        race.second(lambda engine: engine.fire(timer)).result(timeout=5)
    first.commit()
    assert race.second(lambda engine: engine.fire(timer)).result(timeout=5) is False
    assert race.open_elements() == ["go_on"]
