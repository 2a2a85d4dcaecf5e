"""A station at work while its web, its worker and its database are killed: nothing lost, nothing doubled.

Who is killed when comes from a seed, printed at the end; YIZHAN_KILL_SEED=… plays another one.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psycopg
import pytest
from sqlalchemy import func, make_url, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from tests.running import Browser, Process, free_port, install_demo, until
from web.idempotency import Idempotency
from workflow.bpmn.decisions import decide
from workflow.cluster import APPLICATION, OWNER
from workflow.database import business_now, make_engine, make_sessions, migrate, shift
from workflow.engine import definitions, history, incidents, instances
from workflow.engine.actions import registry
from workflow.engine.actors import SYSTEM
from workflow.engine.definitions import DefinitionRow
from workflow.engine.history import HistoryRow
from workflow.engine.instances import InstanceRow
from workflow.engine.step import Step
from workflow.engine.submissions import SubmissionRow
from workflow.engine.tasks import DONE, OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.keeper import Keeper
from workflow.station import cases, keys, owners
from workflow.station.cases import Case, CaseMaterial
from workflow.station.clock_ledger import STOPPED, Clock, ClockEvent, Escalation
from workflow.station.documents import Document
from workflow.station.enterprises import Enterprise
from workflow.station.extensions import ExtensionRequest
from workflow.station.notices import Notice
from workflow.station.numbering import NumberSequence
from workflow.station.outbox import Outbox
from workflow.station.persons import Person
from workflow.station.running import CLOCKS, engine_for
from workflow.station.staff import Staff

SEED = int(os.environ.get("YIZHAN_KILL_SEED", "20260302"))
HITS = 10  # kills that have to meet an open transaction
SHORTEST, LONGEST = 20.0, 55.0  # seconds of killing
CLIENTS = 4
DESK, HEAD, SUPERIOR = ("liting", "wangfang"), "zhoujianguo", "wumin"
VICTIMS = ("web_1", "web_2", "worker")
DECK = (*VICTIMS, "worker", "database", "database")  # drawn card by card, then shuffled again
# What is done beside a case: a stop of its clock, and more time.
STOP = {"reason": "inspection", "explanation": "送省院检测，要等报告。"}
ASK = {
    "reason": "outside",
    "days": 1,
    "explanation": "计量所排期延后一天。",
    "work_done": "样品已送检，已催两次。",
}
BESIDE = {"asked", "resume", "approve"}
LADDER = {"remind_due", "warn_due", "late_due", "superior_due"}
RUNGS = {
    "JL01": {"remind", "warn", "late", "superior"},
    "RZ02": {"warn", "late", "superior"},
    "BZ01": {"warn", "late"},
}
DATABASE = "yizhan"
Read = TypeVar("Read")

OPEN_TRANSACTIONS = """
select pid, backend_xid::text from pg_stat_activity
where datname = current_database() and usename = any(%s) and backend_xid is not null
"""


@dataclass
class Done:
    """An answer that a client holds in hand: it has to be true for ever."""

    actor: str
    key: str
    answer: dict[str, Any]
    case_id: int
    task_id: int | None
    element: str


@dataclass
class Storm:
    """The station, its people, and what was done to it."""

    keeper: Keeper
    home: Path
    random: random.Random = field(default_factory=lambda: random.Random(SEED))
    over: threading.Event = field(default_factory=threading.Event)
    done: list[Done] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    unanswered: int = 0
    kills: Counter[str] = field(default_factory=Counter)
    hits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.owner_url = self.keeper.url(DATABASE, role=OWNER)
        self.engine = make_engine(self.keeper.url(DATABASE), connections=CLIENTS + 2)
        self.sessions = make_sessions(self.engine)
        self.webs = {
            f"web_{n}": Process("web", url=self.url_of(f"web_{n}"), home=self.home, port=free_port())
            for n in (1, 2)
        }
        self.worker = Process("worker", url=self.url_of("worker"), home=self.home)
        for web in self.webs.values():
            until(web.answers, 40, web.log.read_text)

    @property
    def processes(self) -> dict[str, Process]:
        return {**self.webs, "worker": self.worker}

    def url_of(self, role: str) -> str:
        """Each process signs in under a role of its own, so that the server says whose a transaction is."""
        return (
            make_url(self.keeper.url(DATABASE))
            .set(username=role, password=role)
            .render_as_string(hide_password=False)
        )

    def read(self, look: Callable[[Session], Read]) -> Read:
        """Look something up; again while the database is away."""
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.sessions() as session:
                    return look(session)
            except DBAPIError:
                assert time.monotonic() < deadline
                time.sleep(0.02)

    def move_clock(self, by: timedelta) -> None:
        with self.sessions.begin() as session:
            shift(session, by)

    def let_the_next_timer_be_due(self) -> None:
        """Move the business clock to the soonest timer: the worker begins at once."""
        with self.sessions.begin() as session:
            ahead = session.scalar(select(func.min(TimerRow.due_at) - func.yz_now()))
            if ahead is not None and ahead > timedelta(0):
                shift(session, ahead)

    # ---- killing

    def rage(self) -> None:
        """Kill one after the other until enough of them met an open transaction. In the main thread."""
        began = time.monotonic()
        deck: list[str] = []
        while (lasted := time.monotonic() - began) < LONGEST:
            if lasted > SHORTEST and self.hits.total() >= HITS:
                return
            self.random_pause()
            deck = deck or self.random.sample(DECK, len(DECK))
            up = {"database"} | self.at_work()
            victim = next((each for each in deck if each in up), "database")
            if victim in deck:
                deck.remove(victim)
            self.kill(victim)

    def look_after(self) -> None:
        """As the supervisor does: who began while the database was away has given up, and begins again."""
        for process in self.processes.values():
            if process.popen.poll() is not None:
                process.start()

    def at_work(self) -> set[str]:
        """Who has come up again: has a connection to the database."""
        connected = text("select distinct usename::text from pg_stat_activity where usename = any(:roles)")
        return set(self.read(lambda session: session.scalars(connected, {"roles": list(VICTIMS)}).all()))

    def random_pause(self) -> None:
        """Let people work for a moment: until a few more acts were answered."""
        enough = len(self.done) + self.random.randint(2, 12)
        until(lambda: self.look_after() or len(self.done) >= enough, 40, self.logs)

    def kill(self, victim: str) -> None:
        frozen = [self.processes[victim]] if victim != "database" else list(self.processes.values())
        hit = self.freeze_in_a_transaction(victim, frozen)
        if victim == "database":
            os.kill(self.keeper.pid or 0, signal.SIGKILL)
            for process in frozen:
                process.popen.send_signal(signal.SIGCONT)
            until(lambda: not self.keeper.running())
            self.keeper.start()
        else:
            self.processes[victim].kill()
            self.processes[victim].start()
        self.kills[victim] += 1
        self.hits[victim] += hit

    def freeze_in_a_transaction(self, victim: str, processes: list[Process]) -> bool:
        """Stop processes (SIGSTOP) at a moment at which one of them has written and not committed.

        A transaction that is there at two looks, while nobody can go on with it, is really open. After a
        second without luck the processes are left stopped wherever they are.
        """
        roles = [victim] if victim != "database" else list(self.processes)
        deadline = time.monotonic() + 1
        if victim in ("worker", "database"):
            self.let_the_next_timer_be_due()
        with psycopg.connect(_plain(self.owner_url), autocommit=True) as observer:
            while True:
                for process in processes:
                    process.popen.send_signal(signal.SIGSTOP)
                first = set(observer.execute(OPEN_TRANSACTIONS, (roles,)).fetchall())
                if first and first & set(observer.execute(OPEN_TRANSACTIONS, (roles,)).fetchall()):
                    return True
                if time.monotonic() > deadline:
                    return False
                for process in processes:
                    process.popen.send_signal(signal.SIGCONT)
                if victim == "worker" and self.random.random() < 0.1:
                    self.let_the_next_timer_be_due()
                time.sleep(self.random.uniform(0.001, 0.01))

    def logs(self) -> str:
        return "\n".join(process.log.read_text()[-3000:] for process in self.processes.values())

    def close(self) -> None:
        self.over.set()
        for process in self.processes.values():
            process.kill()
        self.engine.dispose()


class Client:
    """A desk: registers matters and takes them as far as it likes; asks again until it has an answer."""

    def __init__(self, storm: Storm, number: int) -> None:
        self.storm, self.number = storm, number
        self.random = random.Random(SEED * 100 + number)
        self.addresses = [web.address for web in storm.webs.values()]
        self.clerk = Browser(self.addresses[number % 2], DESK[number % 2])
        self.head = Browser(self.addresses[number % 2], HEAD)
        self.superior = Browser(self.addresses[number % 2], SUPERIOR)
        self.acts = 0
        with storm.sessions() as session:
            self.keys = {person.login: person.key for person in session.scalars(select(Staff))}
            self.clerk_id = session.scalars(select(Staff.id).where(Staff.login == self.clerk.login)).one()
            known = select(Enterprise.id).where(Enterprise.code18.is_not(None)).order_by(Enterprise.id)
            self.enterprises = list(session.scalars(known))

    def work(self) -> None:
        while not self.storm.over.is_set():
            self.take_one_matter()

    def take_one_matter(self) -> None:
        form = {
            "channel": "visit",
            "name": "王小明",
            "phone": f"000-{self.number + 1}{self.acts:07d}",
            "enterprise": str(self.random.choice(self.enterprises)),
            "matter": "两台游标卡尺需要送检。",
            "first_contact": str(self.clerk_id),
        }
        answer, key = self.sends(self.clerk, "/cases/new", form)
        assert answer is not None
        case_id = int(answer["next"].rsplit("/", 1)[1])
        self.keep(self.clerk, key, answer, case_id, None, "start")
        while not self.storm.over.is_set() and self.random.random() < 0.9:
            found = self.storm.read(lambda session: _open_task(session, case_id))
            if found is None:
                return
            task_id, element = found
            if element == "handle" and self.random.random() < 0.5:
                self.moves_the_clock(case_id)
            who = {"handle": self.head, "review": self.superior}.get(element, self.clerk)
            form = self.storm.read(lambda session, at=element: self.fills_in(session, at, case_id))
            answer, key = self.sends(who, f"/tasks/{task_id}/complete", form)
            if answer is None:
                return
            self.keep(who, key, answer, case_id, task_id, element)

    def moves_the_clock(self, case_id: int) -> None:
        """Stop it and perhaps let it run again, or ask for a day more that is perhaps granted."""
        if self.random.random() < 0.6:
            today = self.storm.read(business_now)
            stop = {**STOP, "expected_until": f"{today + timedelta(days=20):%Y-%m-%d}"}
            told = self.beside(self.head, f"/cases/{case_id}/suspension", stop, case_id, "asked")
            answer, element, who = {"outcome": "报告已收到，合格。"}, "resume", self.head
        else:
            told = self.beside(self.head, f"/cases/{case_id}/extension", ASK, case_id, "asked")
            answer, element, who = {"decision": "grant"}, "approve", self.superior
        found = self.storm.read(lambda session: _task_beside(session, case_id, element))
        if told and found is not None and self.random.random() < 0.7:
            self.beside(who, f"/tasks/{found}/complete", answer, case_id, element, found)

    def beside(
        self,
        who: Browser,
        path: str,
        form: dict[str, Any],
        case_id: int,
        element: str,
        task_id: int | None = None,
    ) -> bool:
        """One act that may come too late: the deadline does not wait for it."""
        answer, key = self.sends(who, path, form, may_be_late=True)
        if answer is not None:
            self.keep(who, key, answer, case_id, task_id, element)
        return answer is not None

    def fills_in(self, session: Session, element: str, case_id: int) -> dict[str, Any]:
        case = session.get_one(Case, case_id)
        if element == "classify":
            return {"item": self.random.choice(list(RUNGS))}
        if element == "check_materials":
            names = session.scalars(select(CaseMaterial.name).where(CaseMaterial.case_id == case_id))
            given = {"state": "ok", "pages": 2, "copies": 1, "original": "original"}
            return {"materials": [{"name": name, **given} for name in names], "decision": "accept"}
        if element == "answer":
            assert case.receipt_due_at is not None
            return {"solution": "由计量所上门取样检定。", "planned_on": f"{case.receipt_due_at:%Y-%m-%d}"}
        if element == "handle":
            return {"progress": "样品已送检，证书已取回。", "needs_more": False}
        if element == "review":
            return {"verdict": "pass"}
        assert element == "close", element
        return {"result": "completed", "summary": "检定合格，证书已交付。", "pickup": "mail"}

    def sends(
        self, who: Browser, path: str, form: dict[str, Any], *, may_be_late: bool = False
    ) -> tuple[dict[str, Any] | None, str]:
        """One act under one key, however often it has to be sent; None when the rulebook refuses it."""
        self.acts += 1
        key = f"desk-{self.number}-{self.acts}"
        deadline = time.monotonic() + 60
        while True:
            assert time.monotonic() < deadline, f"no answer to {path}\n{self.storm.logs()}"
            address = self.random.choice(self.addresses)
            try:
                answer = who.post(path, form, key, address=address)
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code < 500:
                break
            self.storm.unanswered += 1
            time.sleep(0.03)
        if answer.status_code == 422 and "planned_on" in answer.json().get("errors", {}):
            return None, key  # the deadline has passed meanwhile
        if may_be_late and answer.status_code in (404, 409, 422):
            return None, key
        if answer.status_code != 200:
            self.storm.refused.append(f"{path} {key}: {answer.status_code} {answer.text}")
            return None, key
        return answer.json(), key

    def keep(
        self, who: Browser, key: str, answer: dict[str, Any], case_id: int, task_id: int | None, element: str
    ) -> None:
        self.storm.done.append(Done(self.keys[who.login], key, answer, case_id, task_id, element))

    def close(self) -> None:
        self.clerk.close()
        self.head.close()
        self.superior.close()


def _plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def _open_task(session: Session, case_id: int) -> tuple[int, str] | None:
    found = (
        select(TaskRow.id, TaskRow.element)
        .join(Case, Case.instance_id == TaskRow.instance_id)
        .where(Case.id == case_id, TaskRow.status == OPEN)
    )
    row = session.execute(found).first()
    return (row.id, row.element) if row else None


def _task_beside(session: Session, case_id: int, element: str) -> int | None:
    found = (
        select(TaskRow.id)
        .join(InstanceRow, InstanceRow.id == TaskRow.instance_id)
        .join(Case, Case.key == InstanceRow.business_key)
        .where(Case.id == case_id, TaskRow.element == element, TaskRow.status == OPEN)
    )
    return session.scalars(found.order_by(TaskRow.id.desc())).first()


@contextmanager
def station_in_a_storm(home: Path) -> Iterator[Storm]:
    home.mkdir()
    home.chmod(0o711)
    version = int(os.environ.get("YIZHAN_TEST_PG", "18"))
    with Keeper(home / "postgres", version=version) as keeper:
        keeper.ensure(DATABASE)
        owner = make_engine(keeper.url(DATABASE, role=OWNER), connections=1)
        migrate(owner)
        with owner.begin() as connection:
            for role in ("web_1", "web_2", "worker"):
                connection.exec_driver_sql(
                    f"CREATE ROLE {role} LOGIN PASSWORD '{role}' IN ROLE {APPLICATION}"
                )
        owner.dispose()
        install_demo(keeper.url(DATABASE, role=OWNER), home)
        storm = Storm(keeper, home)
        try:
            yield storm
        finally:
            storm.close()


def test_nothing_is_lost_and_nothing_doubled_whoever_is_killed(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home = open_folder / "killed"
    monkeypatch.setenv("YIZHAN_HOME", str(home))
    with station_in_a_storm(home) as storm:
        clients = [Client(storm, number) for number in range(CLIENTS)]
        with ThreadPoolExecutor(CLIENTS) as threads:
            working = [threads.submit(client.work) for client in clients]
            try:
                storm.rage()
            finally:
                storm.over.set()
            until(lambda: storm.look_after() or all(each.done() for each in working), 40, storm.logs)
            for each in working:
                each.result()
        for client in clients:
            client.close()
        storm.read(assert_dates_timers_and_rungs_are_those_of_their_clocks)
        storm.move_clock(timedelta(days=45))  # everything that still waits is due
        until(lambda: storm.look_after() or not storm.read(_due_timers), 40, storm.logs)
        with storm.sessions() as session:
            registered = session.scalar(select(func.count(Case.id))) or 0
            fired = Counter(session.scalars(select(HistoryRow.kind)))["fire"]
            with capsys.disabled():
                print(
                    f"\nseed {SEED}: {storm.kills.total()} kills {dict(storm.kills)}, in an open transaction "
                    f"{storm.hits.total()} {dict(storm.hits)}; {registered} cases, {len(storm.done)} acts, "
                    f"{fired} timers, {storm.unanswered} requests without an answer"
                )
            assert_every_answer_is_true(session, storm)
            assert_every_effect_came_once(session, storm)
            assert_numbers_have_no_gap(session)
            assert_every_rung_was_reached_once(session)
            assert_dates_timers_and_rungs_are_those_of_their_clocks(session)
            assert_every_instance_can_go_on(session)
            assert history.verify(session, keys.public_key(home)) == []
    assert storm.hits.total() >= HITS
    assert min(storm.kills[victim] for victim in ("web_1", "web_2", "worker", "database")) > 0


def _due_timers(session: Session) -> list[int]:
    return list(session.scalars(select(TimerRow.id).where(TimerRow.due_at <= func.yz_now())))


def assert_every_answer_is_true(session: Session, storm: Storm) -> None:
    """Promise 1: whoever holds a 2xx finds what it says."""
    assert storm.refused == []
    kept = {(row.actor, row.key): row.answer for row in session.scalars(select(Idempotency))}
    tasks = {task.id: task for task in session.scalars(select(TaskRow))}
    for done in storm.done:
        assert kept[done.actor, done.key] == done.answer
        assert session.get(Case, done.case_id) is not None
        if done.task_id is not None:
            task = tasks[done.task_id]
            assert (task.status, task.actor, task.element) == (DONE, done.actor, done.element)
    assert len(kept) == len(storm.done), "and nothing was done that nobody was told of"


def assert_every_effect_came_once(session: Session, storm: Storm) -> None:
    """Promise 2: one submission, one line, one person, one receipt, one message an act."""
    acts = Counter(done.element for done in storm.done)
    submissions = session.scalars(select(SubmissionRow)).all()
    per_task = Counter(row.task_id for row in submissions if row.task_id is not None)
    assert set(per_task.values()) <= {1}
    by_form = Counter("start" if done.element == "asked" else done.element for done in storm.done)
    assert Counter(row.element for row in submissions) == by_form
    registered = acts["start"]
    assert session.scalar(select(func.count(Case.id))) == registered
    assert session.scalar(select(func.count(Person.id)).where(Person.name == "王小明")) == registered
    intake = select(Case.instance_id)
    lines = session.scalars(select(HistoryRow).where(HistoryRow.instance_id.in_(intake))).all()
    kinds = Counter(line.kind for line in lines)
    assert kinds["start"] == registered
    assert kinds["complete"] == sum(done.element not in BESIDE for done in storm.done) - registered
    assert set(kinds) <= {"start", "complete", "fire", "rearm"}
    fired = Counter((line.instance_id, line.element) for line in lines if line.kind == "fire")
    assert set(fired.values()) <= {1}
    receipts = Counter(session.scalars(select(Document.owner).where(Document.kind == "receipt")))
    assert receipts == Counter(session.scalars(select(Case.key).where(Case.accepted_at.is_not(None))))
    assert receipts.total() == acts["check_materials"]
    told = Counter(session.execute(select(Outbox.case_id, Outbox.text)).all())
    assert set(told.values()) == {1}
    stops = session.scalar(select(func.count()).where(ClockEvent.kind == "stop")) or 0
    asked = session.scalar(select(func.count(ExtensionRequest.id))) or 0
    assert stops + asked == acts["asked"]
    extended = session.scalar(select(func.count()).where(ClockEvent.kind == "extend"))
    assert extended == acts["approve"]
    by_hand = acts["check_materials"] + acts["answer"] + acts["close"]
    assert told.total() == by_hand + stops + acts["resume"] + acts["approve"]


def assert_numbers_have_no_gap(session: Session) -> None:
    """Promise 6."""
    numbered = {
        "SL": session.scalars(select(Case.no).where(Case.no.is_not(None)).order_by(Case.no)).all(),
    }
    for prefix in set(session.scalars(select(func.left(Document.no, 2)))):
        of_kind = select(Document.no).where(Document.no.startswith(prefix)).order_by(Document.no)
        numbered[prefix] = session.scalars(of_kind).all()
    for prefix, given in numbered.items():
        assert given == [f"{prefix}2026-{number:05d}" for number in range(1, len(given) + 1)]
        last = select(NumberSequence.last).where(NumberSequence.prefix == prefix)
        assert session.scalars(last).one() == len(given)


def assert_every_rung_was_reached_once(session: Session) -> None:
    """Promise 4, seen from the client's side: reminders, supervisions and notices."""
    assert session.scalars(select(TimerRow.id).where(TimerRow.rung.is_not(None))).all() == []
    assert incidents.open_ones(session) == []
    reached: dict[str, list[Escalation]] = {}
    for escalation, owner in session.execute(select(Escalation, Clock.owner).join(Clock)):
        reached.setdefault(owner, []).append(escalation)
    notices = Counter(
        (notice.lines[0]["link"], notice.kind) for notice in session.scalars(select(Notice)).all()
    )
    supervised = Counter(
        session.scalars(
            select(InstanceRow.business_key).join(DefinitionRow).where(DefinitionRow.key == "supervision")
        )
    )
    standing = set(session.scalars(select(Clock.owner).where(Clock.state == STOPPED)))
    for case in session.scalars(select(Case).where(Case.accepted_at.is_not(None))):
        escalations = reached.get(case.key, [])
        rungs = [one.rung for one in escalations if one.rung != "idle"]
        assert len(rungs) == len(set(rungs)), case.no
        assert case.item is not None
        expected = RUNGS[case.item.item.code]
        ended = case.state == cases.CLOSED or case.key in standing
        assert set(rungs) <= expected if ended else set(rungs) == expected, case.no
        assert supervised[case.key] == rungs.count("late")
        for escalation in escalations:
            if escalation.rung != "superior":
                assert notices[f"/cases/{case.id}", escalation.rung] == len(escalation.told), case.no
    ladder = select(func.count()).where(HistoryRow.kind == "fire", HistoryRow.element.in_(LADDER))
    told = [one for escalations in reached.values() for one in escalations if one.rung != "idle"]
    assert session.scalar(ladder) == len(told)


def assert_dates_timers_and_rungs_are_those_of_their_clocks(session: Session) -> None:
    """Suspensions and extensions moved everything or nothing, whoever was killed in between."""
    keys_of = dict(iter(session.execute(select(InstanceRow.id, InstanceRow.business_key))))
    for task in session.scalars(select(TaskRow).where(TaskRow.status == OPEN, TaskRow.clock.is_not(None))):
        assert task.due_at == CLOCKS.deadline(session, keys_of[task.instance_id], task.clock or "")
    for timer in session.scalars(select(TimerRow).where(TimerRow.clock.is_not(None))):
        owner = keys_of[timer.instance_id]
        if timer.rung == "idle" and owners.acted(session, owner or ""):
            continue  # somebody has begun meanwhile: it will fire and tell nobody
        if timer.rung is None:
            assert timer.due_at == CLOCKS.deadline(session, owner, timer.clock or "")
        else:
            row = instances.read(session.connection(), timer.instance_id)
            definition = definitions.parsed(session, row.definition_id, row.hash, registry)
            table = definition.decisions["escalation"]
            decide_by = partial(decide, table, moment=business_now(session))
            assert timer.due_at == CLOCKS.rung(session, owner, timer.clock or "", timer.rung, decide_by)


def assert_every_instance_can_go_on(session: Session) -> None:
    """Promise 3: each stored rest can be taken up, and its tasks and version are those of its rows."""
    for found in session.scalars(select(InstanceRow).order_by(InstanceRow.id)):
        lines = session.scalar(select(func.count()).where(HistoryRow.instance_id == found.id))
        assert found.version == 1 + lines
        row = instances.read(session.connection(), found.id)
        definition = definitions.parsed(session, row.definition_id, row.hash, registry)
        step = Step(
            session=session,
            engine=engine_for(session),
            registry=registry,
            clocks=CLOCKS,
            instance=row,
            definition=definition,
            actor=SYSTEM,
            moment=row.moment,
        )
        step.restored(row.state)
        open_rows = select(TaskRow.token).where(TaskRow.instance_id == found.id, TaskRow.status == OPEN)
        assert {task.token for task in step.execution.tasks} == set(session.scalars(open_rows))
        assert step.execution.ended == (found.status == instances.ENDED)
