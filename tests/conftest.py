"""One embedded server a run, one template database with all tables, and clones of it.

``session``   its outer transaction is rolled back, its commits are savepoints: for almost every test
``filled_home``  with one of these: the demo's people, items and diagrams are in the database already
``database``  a clone of its own with real commits: two connections, the worker, the browser
``clock``     the business clock of whichever of the two the test uses; each test begins at 2026-03-02 09:00
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest
from sqlalchemy import Connection, Engine, make_url
from sqlalchemy.orm import Session, sessionmaker

from tests.running import contact_nobody, draw_nobody
from workflow.cluster import OWNER
from workflow.database import business_now, make_engine, make_sessions, migrate, set_business_clock, shift
from workflow.keeper import Keeper
from workflow.station import demo, running

TEMPLATE, FILLED, IN_MOTION = "yz_template", "yz_filled", "yz_in_motion"
BEGINNING = "2026-03-02 09:00"
SHANGHAI = ZoneInfo("Asia/Shanghai")
numbers = count(1)


@dataclass(frozen=True)
class Database:
    """A database of its own: ``sessions()`` commits for real; ``url`` is for processes the test starts.

    ``engine`` is the application's role, as in life; ``owner`` may do everything.
    """

    url: str
    owner_url: str
    engine: Engine
    owner: Engine
    sessions: sessionmaker[Session]


class Clock:
    """Moves the business clock: ``move_to("2026-03-09 09:00")`` Shanghai time, ``shift(days=2)``."""

    def __init__(self, sessions: sessionmaker[Session]) -> None:
        self._sessions = sessions

    def move_to(self, moment: str) -> datetime:
        with self._sessions() as session, session.begin():
            set_business_clock(session, datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI))
        return self.now()

    def shift(self, **by: float) -> datetime:
        with self._sessions() as session, session.begin():
            shift(session, timedelta(**by))
        return self.now()

    def now(self) -> datetime:
        with self._sessions() as session:
            return business_now(session)


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A temporary folder that the server's user may enter too (pytest's own are for root alone)."""
    folder = Path(tempfile.mkdtemp(prefix="yz-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def server(open_folder: Path) -> Iterator[Keeper]:
    """The embedded server with the template database; ``make test PG=16`` runs all on the older one."""
    with Keeper(open_folder / "postgres", version=int(os.environ.get("YIZHAN_TEST_PG", "18"))) as keeper:
        keeper.ensure(TEMPLATE)
        engine = make_engine(keeper.url(TEMPLATE, role=OWNER))
        try:
            migrate(engine)
        finally:
            engine.dispose()
        yield keeper


def run_as_owner(server: Keeper, statement: str) -> None:
    url = make_url(server.url("postgres", role=OWNER)).set(drivername="postgresql")
    with closing(psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)) as connection:
        connection.execute(statement.encode())


@pytest.fixture(scope="session")
def shared_engine(server: Keeper) -> Iterator[Engine]:
    run_as_owner(server, f"CREATE DATABASE shared TEMPLATE {TEMPLATE}")
    engine = make_engine(server.url("shared"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="session")
def filled_template(server: Keeper, open_folder: Path) -> Path:
    """A second template, with the demo in it as it is installed; the home with the keys it was sealed by."""
    home = open_folder / "filled-home"
    run_as_owner(server, f"CREATE DATABASE {FILLED} TEMPLATE {TEMPLATE}")
    engine = make_engine(server.url(FILLED))
    with pytest.MonkeyPatch.context() as patch, Session(engine) as session:
        patch.setenv("YIZHAN_HOME", str(home))
        moment = datetime.fromisoformat(BEGINNING).replace(tzinfo=SHANGHAI)
        set_business_clock(session, moment)
        demo.fill(session, moment)
        running.deploy_shipped(session, actor="system", moment=moment)
        draw_nobody(session)
        contact_nobody(session)
        session.commit()
    engine.dispose()
    return home


@pytest.fixture(scope="session")
def motion_template(server: Keeper, filled_template: Path) -> str:
    """A third template: somebody waits at every step of every diagram; when it stands still, in Shanghai."""
    from tests.browser.in_motion import put_in_motion
    from tests.processes.conftest import Station

    run_as_owner(server, f"CREATE DATABASE {IN_MOTION} TEMPLATE {FILLED}")
    engine = make_engine(server.url(IN_MOTION))
    sessions = make_sessions(engine)
    clock = Clock(sessions)
    clock.move_to(BEGINNING)
    with pytest.MonkeyPatch.context() as patch, sessions() as session:
        patch.setenv("YIZHAN_HOME", str(filled_template))
        put_in_motion(Station(session, clock))
    moment = f"{clock.now().astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    engine.dispose()
    return moment


@pytest.fixture
def in_motion(filled_home: Path) -> None:
    """Asked for by a test: its ``database`` is a clone of that station, at that moment."""


@pytest.fixture(scope="session")
def filled_engine(server: Keeper, filled_template: Path) -> Iterator[Engine]:
    run_as_owner(server, f"CREATE DATABASE shared_filled TEMPLATE {FILLED}")
    engine = make_engine(server.url("shared_filled"))
    yield engine
    engine.dispose()


@pytest.fixture
def filled_home(filled_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own with the keys of the demo in the database."""
    shutil.copytree(filled_template, tmp_path / "home")
    monkeypatch.setenv("YIZHAN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def connection(request: pytest.FixtureRequest) -> Iterator[Connection]:
    """The transaction around a test; several sessions may join it."""
    engine = "filled_engine" if "filled_home" in request.fixturenames else "shared_engine"
    with request.getfixturevalue(engine).connect() as connection, connection.begin() as outer:
        yield connection
        outer.rollback()


@pytest.fixture
def session(connection: Connection) -> Iterator[Session]:
    with Session(connection, join_transaction_mode="create_savepoint", expire_on_commit=False) as session:
        set_business_clock(session, datetime.fromisoformat(BEGINNING).replace(tzinfo=SHANGHAI))
        session.commit()
        yield session


@pytest.fixture
def database(server: Keeper, request: pytest.FixtureRequest) -> Iterator[Database]:
    name, template = f"clone_{next(numbers)}", TEMPLATE
    if "filled_home" in request.fixturenames:
        request.getfixturevalue("filled_template")
        template = FILLED
    beginning = BEGINNING
    if "in_motion" in request.fixturenames:
        template, beginning = IN_MOTION, request.getfixturevalue("motion_template")
    run_as_owner(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    engine = make_engine(server.url(name), connections=30)
    owner_url = server.url(name, role=OWNER)
    owner = make_engine(owner_url)
    database = Database(server.url(name), owner_url, engine, owner, make_sessions(engine))
    Clock(database.sessions).move_to(beginning)
    yield database
    engine.dispose()
    owner.dispose()
    run_as_owner(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def clock(request: pytest.FixtureRequest) -> Clock:
    if "database" in request.fixturenames:
        return Clock(request.getfixturevalue("database").sessions)
    outer = request.getfixturevalue("session").get_bind()
    return Clock(sessionmaker(outer, join_transaction_mode="create_savepoint"))
