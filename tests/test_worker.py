"""The worker: what is due is done once, whatever happens to workers and to the database (security.md §5)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import psycopg
import pytest
from procrastinate import App, SyncPsycopgConnector
from sqlalchemy import Engine as Pool
from sqlalchemy import func, make_url, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from tests.conftest import TEMPLATE, Clock, Database
from tests.engine.conftest import CLERK, HEAD, PlainClocks, process
from tests.running import ROOT, Process, install_demo, until
from workflow.bpmn.parsing import Bundle
from workflow.cluster import OWNER
from workflow.database import make_engine, make_sessions, migrate
from workflow.engine import definitions, history, incidents
from workflow.engine.actions import ActionContext, Registry
from workflow.engine.engine import Engine
from workflow.engine.history import AnchorRow, HistoryRow
from workflow.engine.timers import WAKE, TimerRow
from workflow.jobs import JobRunner, application
from workflow.keeper import Keeper
from workflow.station import keys
from workflow.worker import TRIES, Worker, WorkerRow

REMINDED = """
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" yz:position="intake"/>
%s
<bpmn:serviceTask id="tell" name="提醒" yz:action="tell"/>
<bpmn:endEvent id="told"/>
<bpmn:endEvent id="done"/>
begin->look
look->done
soon->tell
tell->told
"""
TIMER = (
    '<bpmn:boundaryEvent id="soon" attachedToRef="look" cancelActivity="false"><bpmn:timerEventDefinition>'
    "<bpmn:timeDuration>%s</bpmn:timeDuration></bpmn:timerEventDefinition></bpmn:boundaryEvent>"
)
AN_HOUR, A_SECOND = "PT1H", "PT1S"
LEASE = timedelta(seconds=1)

WORKER_PROCESS = """
import signal, sys, time
from datetime import timedelta
from tests.test_worker import Reminders
from workflow.database import make_engine, make_sessions
from workflow.worker import Worker

def stuck(context):
    print("inside", flush=True)
    time.sleep(600)

sessions = make_sessions(make_engine(sys.argv[1], connections=2))
reminders = Reminders(sessions, stuck if sys.argv[2] == "stuck" else None)
worker = Worker(sessions, reminders.engine, lease=timedelta(seconds=1), longest_sleep=60)
signal.signal(signal.SIGTERM, lambda *_: worker.stopping.set())
worker.run()
"""


class Reminders:
    """Instances of one small process whose timer calls an action, and what came of them."""

    def __init__(
        self, sessions: sessionmaker[Session], tell: Callable[[ActionContext], None] | None = None
    ) -> None:
        self.sessions = sessions
        self.words = Registry()
        self.tell = tell

        @self.words.action("tell")
        def run(context: ActionContext) -> None:
            context.note(pid=os.getpid())
            if self.tell is not None:
                self.tell(context)

    def engine(self, session: Session) -> Engine:
        return Engine(session, PlainClocks(), self.words)

    def deploy(self, after: str = AN_HOUR) -> None:
        with self.sessions.begin() as session:
            moment = session.execute(select(func.yz_now())).scalar_one()
            bundle = Bundle("tiny", {"tiny.bpmn": process(REMINDED % (TIMER % after))})
            definitions.deploy(session, bundle, actor="system", moment=moment, words=self.words)

    def start(self, many: int = 1) -> list[int]:
        with self.sessions.begin() as session:
            return [self.engine(session).start("tiny", by=CLERK) for _ in range(many)]

    def timer(self, instance: int) -> TimerRow | None:
        with self.sessions() as session:
            return session.scalars(select(TimerRow).where(TimerRow.instance_id == instance)).first()

    def fired(self, instance: int | None = None) -> list[HistoryRow]:
        found = select(HistoryRow).where(HistoryRow.kind == "fire").order_by(HistoryRow.recorded_at)
        with self.sessions() as session:
            return list(
                session.scalars(
                    found if instance is None else found.where(HistoryRow.instance_id == instance)
                )
            )

    def workers(self) -> list[int]:
        with self.sessions() as session:
            return list(session.scalars(select(WorkerRow.pid)))

    def listening(self) -> int:
        """How many workers wait for a call."""
        with self.sessions() as session:
            activity = text(
                "select count(*) from pg_stat_activity where query ilike :listen and state = 'idle'"
                " and datname = current_database()"
            )
            return session.execute(activity, {"listen": f"listen {WAKE}"}).scalar_one()


@pytest.fixture
def reminders(database: Database) -> Reminders:
    reminders = Reminders(database.sessions)
    reminders.deploy()
    return reminders


@contextmanager
def at_work(worker: Worker) -> Iterator[Worker]:
    """The worker in a thread of its own; it has to end when it is told to."""
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield worker
    finally:
        worker.stopping.set()
        thread.join(10)
        assert not thread.is_alive()


@contextmanager
def worker_process(url: str, how: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", WORKER_PROCESS, url, how]
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        assert child.stdout is not None
        child.stdout.close()


def worker_of(reminders: Reminders, **how: object) -> Worker:
    return Worker(reminders.sessions, reminders.engine, lease=LEASE, **how)  # type: ignore[arg-type]


def work_off(worker: Worker) -> None:
    while worker.fire_due():
        pass


def let_its_wait_end(sessions: sessionmaker[Session]) -> None:
    """As if the time until the next try had passed."""
    with sessions.begin() as session:
        session.execute(update(TimerRow).values(next_try=func.clock_timestamp()))


def wait_of(reminders: Reminders, instance: int) -> float:
    """Seconds until the next try of an instance's timer."""
    with reminders.sessions() as session:
        left = select(func.extract("epoch", TimerRow.next_try - func.clock_timestamp()))
        return float(session.execute(left.where(TimerRow.instance_id == instance)).scalar_one())


# ---- timers


def test_a_due_timer_is_fired_and_leaves_nothing_behind(reminders, clock):
    (instance,) = reminders.start()
    worker = worker_of(reminders)
    assert not worker.fire_due()
    clock.shift(hours=1)
    assert worker.fire_due()
    assert not worker.fire_due()
    assert reminders.timer(instance) is None
    (line,) = reminders.fired(instance)
    assert line.at >= line.at.fromisoformat(line.detail["due"])
    with reminders.sessions() as session:
        assert history.verify(session) == []
        assert incidents.open_ones(session) == []


def test_a_sleeping_worker_wakes_when_the_clock_is_moved(reminders, clock):
    (instance,) = reminders.start()
    with at_work(worker_of(reminders, longest_sleep=60)):
        until(lambda: reminders.listening() == 1)
        clock.shift(hours=1)
        assert until(lambda: reminders.fired(instance)) < 1


def test_a_sleeping_worker_wakes_for_a_timer_that_is_due_soon(reminders):
    reminders.deploy(A_SECOND)
    with at_work(worker_of(reminders, longest_sleep=60)):
        until(lambda: reminders.listening() == 1)
        (instance,) = reminders.start()
        assert until(lambda: reminders.fired(instance)) < 1 + 1


def test_two_workers_share_sixty_timers_and_each_fires_once(database, reminders, clock):
    instances = reminders.start(60)
    with worker_process(database.url, "plain") as one, worker_process(database.url, "plain") as other:
        until(lambda: reminders.listening() == 2, 30)
        clock.shift(hours=1)
        until(lambda: len(reminders.fired()) >= 60)
        for worker in (one, other):
            worker.terminate()
            assert worker.wait(10) == 0
    fired = reminders.fired()
    assert sorted(line.instance_id for line in fired) == instances
    assert {line.detail["pid"] for line in fired} == {one.pid, other.pid}
    with database.sessions() as session:
        assert session.scalars(select(TimerRow)).all() == []
        assert history.verify(session) == []


def test_work_that_fails_is_tried_again_ever_later_and_then_waits_for_a_person(reminders, clock):
    poison, *healthy = reminders.start(4)

    def fail(context: ActionContext) -> None:
        if context.instance_id == poison:
            raise RuntimeError("the printer is on fire")

    reminders.tell = fail
    worker = worker_of(reminders)
    clock.shift(hours=1)
    waits = []
    for attempt in range(1, TRIES):
        work_off(worker)
        timer = reminders.timer(poison)
        assert (timer.attempts, timer.parked) == (attempt, False)
        assert "on fire" in timer.last_error
        waits.append(wait_of(reminders, poison))
        assert sorted(line.instance_id for line in reminders.fired()) == healthy, "others went on"
        let_its_wait_end(reminders.sessions)
    assert all(later > 2 * sooner for sooner, later in pairwise(waits))
    work_off(worker)
    assert reminders.timer(poison).parked
    let_its_wait_end(reminders.sessions)
    assert not worker.fire_due(), "parked work is left alone"
    with reminders.sessions() as session:
        (incident,) = incidents.open_ones(session)
    assert (incident.instance_id, incident.code) == (poison, "timer_failed")
    assert "on fire" in incident.message

    reminders.tell = None
    with reminders.sessions.begin() as session:
        reminders.engine(session).retry(incident.id, by=HEAD)
    work_off(worker)
    assert len(reminders.fired(poison)) == 1
    assert reminders.timer(poison) is None
    with reminders.sessions() as session:
        assert incidents.open_ones(session) == []
        assert history.verify(session) == []


def test_work_that_kills_its_workers_becomes_an_incident_too(reminders, clock):
    (instance,) = reminders.start()
    clock.shift(hours=1)
    with reminders.sessions.begin() as session:
        session.execute(update(TimerRow).values(attempts=TRIES))  # each was counted at a claim, and no more
    work_off(worker_of(reminders))
    assert reminders.timer(instance).parked
    assert reminders.fired() == []
    with reminders.sessions() as session:
        assert [incident.timer_id for incident in incidents.open_ones(session)] == [
            reminders.timer(instance).id
        ]


def test_what_a_killed_worker_held_is_taken_over_when_its_lease_has_ended(database, reminders, clock):
    (instance,) = reminders.start()
    clock.shift(hours=1)
    with worker_process(database.url, "stuck") as victim:
        assert victim.stdout.readline() == "inside\n"
        assert not worker_of(reminders).fire_due(), "it is leased, and its row is held"
        victim.kill()
        victim.wait()
    assert reminders.fired() == []
    assert reminders.timer(instance).attempts == 1
    with at_work(worker_of(reminders)):
        assert until(lambda: reminders.fired(instance)) < 3 * LEASE.total_seconds()
    assert len(reminders.fired(instance)) == 1
    with database.sessions() as session:
        assert history.verify(session) == []


# ---- the process


@pytest.fixture
def station(database: Database, open_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone that ``yizhan worker`` accepts; its YIZHAN_HOME."""
    home = open_folder / make_url(database.url).database
    monkeypatch.setenv("YIZHAN_HOME", str(home))
    install_demo(database.owner_url, home)
    return home


@pytest.fixture
def a_worker(database: Database, station: Path) -> Iterator[Callable[[], Process]]:
    started: list[Process] = []

    def start() -> Process:
        started.append(Process("worker", url=database.url, home=station))
        return started[-1]

    yield start
    for one in started:
        one.kill()


def working(sessions: sessionmaker[Session]) -> list[int]:
    """The pids of workers whose timers and jobs both run."""
    with sessions() as session:
        jobs = session.execute(text("select count(*) from queue.procrastinate_workers")).scalar_one()
        return list(session.scalars(select(WorkerRow.pid))) if jobs else []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_worker_shows_its_heartbeat_and_leaves_when_told_to(database, a_worker, number):
    worker = a_worker()
    until(lambda: working(database.sessions) == [worker.popen.pid], 30, worker.log.read_text)
    worker.popen.send_signal(number)
    began = time.monotonic()
    assert worker.popen.wait(20) == 0, worker.log.read_text()
    assert time.monotonic() - began < 5
    with database.sessions() as session:
        assert session.scalars(select(WorkerRow.pid)).all() == []
        left = session.execute(text("select count(*) from queue.procrastinate_workers")).scalar_one()
        assert left == 0


# ---- the database goes and comes back


@pytest.fixture
def own_server(open_folder: Path) -> Iterator[Keeper]:
    """A server that this test may kill."""
    with Keeper(open_folder / "short-lived", version=int(os.environ.get("YIZHAN_TEST_PG", "18"))) as keeper:
        keeper.ensure(TEMPLATE)
        owner = make_engine(keeper.url(TEMPLATE, role=OWNER), connections=1)
        migrate(owner)
        owner.dispose()
        yield keeper


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_worker_outlives_its_database(own_server, open_folder, monkeypatch, how):
    monkeypatch.setenv("YIZHAN_HOME", str(open_folder / "outlived"))
    engine = make_engine(own_server.url(TEMPLATE))
    reminders = Reminders(make_sessions(engine))
    reminders.deploy()
    (instance,) = reminders.start()
    jobs = JobRunner(application(engine.url, reminders.sessions))
    jobs.start()
    try:
        with at_work(worker_of(reminders)):
            until(lambda: working(reminders.sessions) and reminders.listening())
            os.kill(own_server.pid, how)
            until(lambda: not own_server.running())
            own_server.start()
            Clock(reminders.sessions).shift(hours=1)
            until(lambda: reminders.fired(instance))
            defer(engine, "seal", timestamp=1)
            until(lambda: anchors(reminders.sessions) == 1, 40)
    finally:
        assert jobs.stop()
    assert len(reminders.fired(instance)) == 1
    engine.dispose()


# ---- jobs


def defer(engine: Pool, task: str, **arguments: int) -> int:
    """Put a job into the queue; its number."""
    dsn = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    door = App(connector=SyncPsycopgConnector(conninfo=dsn, kwargs={"options": "-c search_path=queue"}))
    with door.open():
        return door.configure_task(task).defer(**arguments)


def anchors(sessions: sessionmaker[Session]) -> int:
    with sessions() as session:
        return session.scalar(select(func.count()).select_from(AnchorRow)) or 0


def job_states(sessions: sessionmaker[Session]) -> dict[int, str]:
    with sessions() as session:
        return dict(session.execute(text("select id, status::text from queue.procrastinate_jobs")).all())


def test_the_job_seal_signs_what_was_written(database, station, reminders):
    reminders.start()
    jobs = JobRunner(application(database.engine.url, database.sessions))
    jobs.start()
    job = defer(database.engine, "seal", timestamp=1)
    until(lambda: job not in job_states(database.sessions))
    assert jobs.stop()
    assert anchors(database.sessions) == 1
    with database.sessions() as session:
        assert history.verify(session, keys.public_key(station)) == []


def test_a_job_that_a_killed_worker_left_is_taken_over(database, a_worker, reminders):
    reminders.start()
    victim = a_worker()
    with psycopg.connect(
        make_url(database.owner_url).set(drivername="postgresql").render_as_string(False)
    ) as c:
        c.execute("lock table anchor in access exclusive mode")
        job = defer(database.engine, "seal", timestamp=1)
        until(lambda: job_states(database.sessions).get(job) == "doing", 30, victim.log.read_text)
        victim.kill()
    assert job_states(database.sessions)[job] == "doing"
    with database.sessions.begin() as session:  # as if a minute had passed
        session.execute(
            text("update queue.procrastinate_workers set last_heartbeat = now() - interval '2 minutes'")
        )
    a_worker()
    defer(database.engine, "rescue", timestamp=1)
    until(lambda: job not in job_states(database.sessions), 30, victim.log.read_text)
    assert anchors(database.sessions) == 1


def test_stopping_lets_a_running_job_end(database, station):
    app = application(database.engine.url, database.sessions)
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    @app.task(name="slow")
    def slow() -> None:
        begun.set()
        go_on.wait(10)
        ended.set()

    jobs = JobRunner(app)
    jobs.start()
    job = defer(database.engine, "slow")
    assert begun.wait(10)
    assert not jobs.stop(0.2), "it still runs"
    go_on.set()
    assert jobs.stop()
    assert ended.is_set()
    assert job not in job_states(database.sessions)
