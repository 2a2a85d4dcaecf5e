"""One step: the handling task of the shipped intake is completed, form, reminders, history and all.

The floor is exactly the rows of that step: its SQL statements are recorded once, and then sent again, as
they are, for a twin case that rests at the same place. Step, floor, an empty request and the step over HTTP
take turns in one run, so that they share whatever else the machine is doing. The database is a fresh
embedded one with its ordinary settings: fsync and synchronous_commit on.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.orm import Session, sessionmaker

from web import installation
from workflow.bpmn import expressions
from workflow.database import business_now, make_engine, make_sessions
from workflow.engine.actors import Actor
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.settings import Settings
from workflow.station import demo, staff
from workflow.station.cases import Case, of_instance
from workflow.station.review import ReviewBlock
from workflow.station.running import engine_for
from workflow.station.staff import Staff

ROUNDS, WARM_UP, PAUSES = 120, 20, 15
PAUSE_SECONDS = 0.25
CLERK, TECHNICIAN = "liting", "zhangwei"

Statement = tuple[str, Any]


@dataclass(frozen=True)
class Resting:
    """A case at its handling task: all that the rows of the step are found by."""

    case_id: int
    instance_id: int
    task_id: int
    token: str


def run(rounds: int = ROUNDS, *, warm_up: int = WARM_UP, pauses: int = PAUSES) -> dict[str, float]:
    """The figures, milliseconds as medians over ``rounds``; see the module for what they mean."""
    with scratch_station() as (settings, sessions, engine):
        bench = Bench(sessions)
        recorded = bench.record(engine)
        with web_process(settings) as browser:
            browser.sign_in(TECHNICIAN, demo.PASSWORD)
            steps, floors, empties, https = bench.turns(recorded, browser, rounds, warm_up)
        quiet = bench.after_pauses(pauses)
        assert [s for s, _ in bench.record(engine).statements] == [s for s, _ in recorded.statements]
    floor, step, empty, http = median(floors), median(steps), median(empties), median(https)
    return {
        "floor_ms": round(floor, 3),
        "step_ms": round(step, 3),
        "ratio": round(step / floor, 2),
        "empty_http_ms": round(empty, 3),
        "http_ms": round(http, 3),
        "http_ratio": round(http / (floor + empty), 2),
        "state_bytes": recorded.state_bytes,
        "statements": len(recorded.statements),
        "feel_calls": recorded.feel_calls,
        "step_after_pause_ms": round(median(quiet), 3),
        "rounds": rounds,
    }


@dataclass(frozen=True)
class Recorded:
    """One step taken apart: its statements, and whose ids stand in them."""

    case: Resting
    statements: list[Statement]
    feel_calls: int
    state_bytes: int


class Bench:
    """Prepares cases and times what is done to them."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self.sessions = sessions
        self.numbers = count(1)
        self.clerk, self.technician = self._actor(CLERK), self._actor(TECHNICIAN)

    def record(self, engine: Engine) -> Recorded:
        case = self.prepared()
        statements: list[Statement] = []

        def note(conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
            assert not many, "a statement sent many times over cannot be replayed as one"
            statements.append((statement, parameters))

        with self.sessions() as session:
            state_bytes = session.scalars(
                select(func.octet_length(InstanceRow.state)).where(InstanceRow.id == case.instance_id)
            ).one()
            armed = session.scalar(
                select(func.count(TimerRow.id)).where(TimerRow.instance_id == case.instance_id)
            )
            assert armed == 4, "the four rungs of T-std are armed"
        before = expressions.counted()
        event.listen(engine, "before_cursor_execute", note)
        try:
            self.step(case)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        return Recorded(case, statements, expressions.counted() - before, state_bytes)

    def turns(
        self, recorded: Recorded, browser: Browser, rounds: int, warm_up: int
    ) -> tuple[list[float], list[float], list[float], list[float]]:
        """Step, floor, empty request and the step over HTTP in turn; the first rounds are not counted."""
        found: tuple[list[float], ...] = ([], [], [], [])
        for number in range(rounds + warm_up):
            cases = [self.prepared() for _ in range(3)]
            floor = self.floor(recorded, cases[1])
            acts: list[Callable[[], object]] = [
                partial(self.step, cases[0]),
                floor,
                partial(browser.get, "/health/live"),
                partial(browser.post, f"/tasks/{cases[2].task_id}/complete", self.filled_in()),
            ]
            for act, times in zip(acts, found, strict=True):
                took = timed(act)
                if number >= warm_up:
                    times.append(took)
        return found  # type: ignore[return-value]

    def after_pauses(self, times: int) -> list[float]:
        """The step when nothing has been done for a while, as at a quiet counter."""
        found = []
        for _ in range(times):
            case = self.prepared()
            time.sleep(PAUSE_SECONDS)
            found.append(timed(partial(self.step, case)))
        return found

    def step(self, case: Resting) -> None:
        with self.sessions() as session:
            engine_for(session).complete(case.task_id, by=self.technician, data=self.filled_in())
            session.commit()

    def floor(self, recorded: Recorded, twin: Resting) -> Callable[[], None]:
        """The recorded statements, made ready for a twin; each must touch as many rows as it did."""
        ready = [
            (statement, _for_twin(values, recorded.case, twin)) for statement, values in recorded.statements
        ]

        def send() -> None:
            with self.sessions() as session:
                connection = session.connection()
                for statement, values in ready:
                    result = connection.exec_driver_sql(statement, values)
                    if result.returns_rows:
                        result.fetchall()
                    assert result.rowcount != 0, statement
                session.commit()

        return send

    def filled_in(self) -> dict[str, object]:
        return {
            "progress": f"样品已送检，第 {next(self.numbers)} 份证书已取回。",
            "hours": 1.5,
            "needs_more": False,
        }

    def prepared(self) -> Resting:
        """A case of ten working days, registered, accepted and promised, waiting for the technician."""
        with self.sessions() as session:
            session.merge(ReviewBlock(size=5, used=1, chosen=1))  # no step of a turn is drawn for review
            engine = engine_for(session)
            form = {
                "channel": "visit",
                "name": "王小明",
                "phone": "000-12345678",
                "enterprise": "1",
                "matter": "两台游标卡尺需要送检。",
                "first_contact": self.clerk.key.removeprefix("staff:"),
            }
            instance = engine.start("intake", by=self.clerk, data=form)
            case = of_instance(session, instance)
            engine.complete(self._open(session, instance).id, by=self.clerk, data={"item": "JL01"})
            session.refresh(case)
            rows = [
                {"name": m.name, "state": "ok", "pages": 2, "copies": 1, "original": "original"}
                for m in case.materials
            ]
            checked = {"materials": rows, "decision": "accept"}
            engine.complete(self._open(session, instance).id, by=self.clerk, data=checked)
            day = session.get_one(Case, case.id).receipt_due_at
            assert day is not None
            answer = {"solution": "由计量所上门取样检定。", "planned_on": day.date().isoformat()}
            engine.complete(self._open(session, instance).id, by=self.clerk, data=answer)
            task = self._open(session, instance)
            session.commit()
            assert task.element == "handle"
            return Resting(case.id, instance, task.id, task.token)

    def _open(self, session: Session, instance: int) -> TaskRow:
        session.expire_all()
        return session.scalars(
            select(TaskRow).where(TaskRow.instance_id == instance, TaskRow.status == OPEN)
        ).one()

    def _actor(self, login: str) -> Actor:
        with self.sessions() as session:
            person = session.scalars(select(Staff).where(Staff.login == login)).one()
            return staff.actor(session, person, business_now(session))


def timed(act: Callable[[], object]) -> float:
    """Milliseconds."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


# the ids of one case in a statement's values, exchanged for its twin's


def _for_twin(values: Any, case: Resting, twin: Resting) -> Any:
    """The same values for the twin: ids by the name they are bound to, keys by what they are."""
    if not isinstance(values, Mapping):
        return values
    numbers = {
        "instance": (case.instance_id, twin.instance_id),
        "task": (case.task_id, twin.task_id),
        "id": (case.case_id, twin.case_id),
    }

    def exchanged(name: str, value: Any) -> Any:
        if value == f"case:{case.case_id}":
            return f"case:{twin.case_id}"
        plain = re.sub(r"(_id)?(_\d+)*$", "", name.removeprefix("pk_")) or name
        was, now = numbers.get(plain, (None, None))
        return now if value == was and was is not None else value

    return {name: exchanged(name, value) for name, value in values.items()}


# a station of its own


@contextmanager
def scratch_station() -> Iterator[tuple[Settings, sessionmaker[Session], Engine]]:
    """A demo station in a folder that is gone afterwards. Fails when the server does not sync its commits."""
    with tempfile.TemporaryDirectory(prefix="yizhan-bench-") as folder:
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        os.environ["YIZHAN_HOME"] = str(home)
        settings = replace(Settings.from_environment(), home=home, demo=True, database_url=None)
        with installation.embedded(settings) as (_, place):
            installation.prepare(place, demo=True)
            engine = make_engine(place.database_url)
            with engine.connect() as connection:
                for setting in ("fsync", "synchronous_commit"):
                    assert connection.scalar(text(f"show {setting}")) == "on", setting
            yield replace(settings, database_url=place.database_url), make_sessions(engine), engine
            engine.dispose()


@contextmanager
def web_process(settings: Settings) -> Iterator[Browser]:
    """A web process like the one that ``yizhan serve`` starts, and somebody to visit it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "YIZHAN_DATABASE_URL": settings.database_url or "",
        "YIZHAN_DEMO": "1",
        "YIZHAN_WEB_PROCESSES": "1",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "web.cli", "web", "--port", str(port)],
        env=environment,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    browser = Browser(f"127.0.0.1:{port}")
    try:
        deadline = time.monotonic() + 30
        while True:
            try:
                browser.get("/health/live")
                break
            except OSError:
                browser.connection.close()
                if process.poll() is not None or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        yield browser
    finally:
        browser.connection.close()
        process.terminate()
        process.wait(30)


class Browser:
    """One person at the pages, on one connection kept open, as a browser keeps it."""

    def __init__(self, host: str) -> None:
        self.connection = http.client.HTTPConnection(host)
        self.cookies: dict[str, str] = {}
        self.token = ""

    def sign_in(self, login: str, password: str) -> None:
        page = self.get("/sign-in")
        form = urlencode({"login": login, "password": password, "csrf_token": _token(page)})
        self._send("POST", "/sign-in", form, "application/x-www-form-urlencoded")
        self.token = _token(self.get("/"))

    def get(self, path: str) -> str:
        return self._send("GET", path)

    def post(self, path: str, data: Mapping[str, object]) -> str:
        return self._send("POST", path, json.dumps(data), "application/json")

    def _send(self, method: str, path: str, body: str | None = None, kind: str = "text/html") -> str:
        headers = {
            "Accept": kind if kind == "application/json" else "text/html",
            "Content-Type": kind,
            "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items()),
            "X-CSRFToken": self.token,
        }
        self.connection.request(method, path, body.encode() if body else None, headers)
        answer = self.connection.getresponse()
        content = answer.read().decode()
        for line in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]}")
        return content


def _token(page: str) -> str:
    found = re.search(r'name="csrf-token" content="([^"]+)"', page)
    assert found, "the page has no CSRF token"
    return found[1]
