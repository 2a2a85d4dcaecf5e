"""The keeper under what a machine does to it; the clock; the history's guard."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from tests.conftest import Clock, Database, run_as_owner
from workflow.cluster import OWNER, Cluster, DatabaseProblem
from workflow.database import (
    WrongRevision,
    business_now,
    check_revision,
    check_server,
    make_engine,
    migrate,
    recreate,
    set_business_clock,
)
from workflow.keeper import Keeper
from workflow.migrations.tables import is_ours
from workflow.schema import Base

ROOT = Path(__file__).parents[1]
OWNER_PROCESS = """
import sys, time
from pathlib import Path
from workflow.keeper import Keeper
from workflow.migrations.tables import is_ours
from workflow.schema import Base
keeper = Keeper(Path(sys.argv[1]))
keeper.start()
print(keeper.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(open_folder: Path) -> Iterator[Path]:
    """A place whose path holds what paths hold in life."""
    place = Path(tempfile.mkdtemp(prefix="一站 的 'data' \"x\" %d $HOME ", dir=open_folder))
    place.chmod(0o711)
    yield place / "postgres"
    shutil.rmtree(place)


def write(keeper: Keeper) -> None:
    engine = create_engine(keeper.url("postgres", role=OWNER), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS kept (word text)"))
        connection.execute(text("INSERT INTO kept VALUES ('承诺')"))


def count(keeper: Keeper) -> int:
    engine = create_engine(keeper.url("postgres", role=OWNER), poolclass=NullPool)
    with engine.connect() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM kept WHERE word = '承诺'")) or 0)


@contextmanager
def other_owner(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Another process that owns the folder, and the number of its server; killed at the end."""
    command = [sys.executable, "-c", OWNER_PROCESS, str(folder)]
    environment = os.environ | {"TMPDIR": str(folder.parents[1])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as owner:
        assert owner.stdout is not None
        server = int(owner.stdout.readline())
        try:
            yield owner, server
        finally:
            owner.kill()
            owner.wait()
            wait_until_gone(server)


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the server is still there"
        time.sleep(0.02)


def test_data_is_kept_over_a_restart_under_a_difficult_path(folder: Path) -> None:
    with Keeper(folder) as keeper:
        write(keeper)
    with Keeper(folder) as keeper:
        assert count(keeper) == 1
    assert not keeper.running()


def test_a_path_of_many_characters_works(open_folder: Path) -> None:
    place = open_folder / ("长" * 60) / ("d" * 120)
    with Keeper(place) as keeper:
        write(keeper)
        assert count(keeper) == 1
    shutil.rmtree(place.parent)


def test_a_home_that_nobody_else_may_enter_stays_closed(open_folder: Path) -> None:
    closed = Path(tempfile.mkdtemp(dir=open_folder))  # 0700
    with Keeper(closed / "postgres") as keeper:
        write(keeper)
        place = keeper.data.parent
    (closed / "postgres").rename(closed / "renamed")
    with Keeper(closed / "renamed") as keeper:
        assert count(keeper) == 1
    assert closed.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(place if place.exists() else closed)


def test_the_folder_above_is_left_as_it_was(folder: Path) -> None:
    before = folder.parent.stat().st_mode
    with Keeper(folder):
        assert folder.parent.stat().st_mode == before


def test_a_second_owner_is_refused_with_the_first_ones_number(folder: Path) -> None:
    with other_owner(folder) as (owner, _server), pytest.raises(DatabaseProblem, match=str(owner.pid)):
        Keeper(folder).start()


def test_the_server_goes_when_its_owner_is_killed(folder: Path) -> None:
    with other_owner(folder) as (owner, server):
        owner.kill()
        wait_until_gone(server)


def test_a_killed_owner_loses_nothing_that_was_committed(folder: Path) -> None:
    with Keeper(folder) as keeper:
        write(keeper)
    with other_owner(folder) as (owner, _server):
        owner.kill()
        owner.wait()
        with Keeper(folder) as keeper:
            assert count(keeper) == 1


def test_a_killed_server_is_started_again_by_its_owner(folder: Path) -> None:
    with Keeper(folder) as keeper:
        write(keeper)
        url = keeper.url("postgres", role=OWNER)
        with create_engine(url, poolclass=NullPool).connect() as busy:
            busy.execute(text("SELECT 1"))
            assert keeper.pid is not None
            os.kill(keeper.pid, signal.SIGKILL)
            deadline = time.monotonic() + 10
            while keeper.running():
                assert time.monotonic() < deadline
            keeper.start()
            assert keeper.url("postgres", role=OWNER) == url
            assert count(keeper) == 1
            busy.invalidate()


def test_owner_and_server_killed_together_come_back(folder: Path) -> None:
    with Keeper(folder) as keeper:
        write(keeper)
    with other_owner(folder) as (owner, server):
        os.kill(owner.pid, signal.SIGSTOP)
        os.kill(server, signal.SIGKILL)
        owner.kill()
        owner.wait()
        with Keeper(folder) as keeper:
            assert count(keeper) == 1


def test_a_pid_file_with_the_number_of_another_process_is_not_believed(folder: Path) -> None:
    with Keeper(folder) as keeper:
        write(keeper)
        pid_file = keeper.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    sleeper = subprocess.Popen(["sleep", "600"])
    pid_file.write_text("\n".join([str(sleeper.pid), *lines[1:]]) + "\n")
    with Keeper(folder) as keeper:
        assert count(keeper) == 1
    assert sleeper.poll() is None, "the other process must not be touched"
    sleeper.kill()
    sleeper.wait()


def test_a_first_start_that_was_killed_half_way_is_begun_again(folder: Path) -> None:
    (folder / "data.new" / "base").mkdir(parents=True)
    for path in (folder, folder / "data.new"):
        path.chmod(0o711)
    with Keeper(folder) as keeper:
        write(keeper)
        assert count(keeper) == 1


def test_programs_that_the_server_may_not_run_are_copied_beside_the_data(
    folder: Path, open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may = Cluster._can_execute
    monkeypatch.setattr(Cluster, "_can_execute", lambda self, at: folder in at.parents and may(self, at))
    with Keeper(folder) as keeper:
        assert psutil.Process(keeper.pid).cmdline()[0].startswith(str(folder))


def test_a_wrong_password_is_refused_and_no_port_is_open(server: Keeper) -> None:
    wrong = make_url(server.url("postgres")).set(password="guess").render_as_string(hide_password=False)
    with pytest.raises(DatabaseProblem, match="password"):
        check_server(make_engine(wrong))
    assert not [c for c in psutil.Process(server.pid).net_connections("inet") if c.status == "LISTEN"]


def test_the_server_never_runs_as_root(server: Keeper) -> None:
    assert psutil.Process(server.pid).uids().effective != 0


def test_only_the_main_thread_may_start_it(folder: Path) -> None:
    said: list[str] = []

    def start() -> None:
        try:
            Keeper(folder).start()
        except RuntimeError as error:
            said.append(str(error))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert said == ["the embedded PostgreSQL is started from the main thread"]


def test_fsync_and_synchronous_commit_are_on(session: Session) -> None:
    assert session.scalar(text("SHOW fsync")) == "on"
    assert session.scalar(text("SHOW synchronous_commit")) == "on"


def test_connections_speak_utc_and_see_the_queue(session: Session) -> None:
    assert session.scalar(text("SHOW TimeZone")) == "UTC"
    assert session.scalar(text("SELECT to_regclass('procrastinate_jobs')")) is not None


def test_nobody_answering_is_a_clear_message() -> None:
    engine = make_engine("postgresql://someone:secret@127.0.0.1:1/station")
    with pytest.raises(DatabaseProblem, match=r"127\.0\.0\.1") as refusal:
        check_server(engine)
    assert "secret" not in str(refusal.value)


def test_a_database_of_another_revision_is_refused(database: Database) -> None:
    with database.owner.begin() as connection:
        connection.execute(text("CREATE TABLE IF NOT EXISTS alembic_version (version_num varchar(32))"))
        connection.execute(text("DELETE FROM alembic_version"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('from_the_future')"))
    with pytest.raises(WrongRevision, match="from_the_future"):
        check_revision(database.owner)


# ---- the business clock


def test_every_test_begins_at_the_same_business_time(session: Session) -> None:
    assert business_now(session) == datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def test_the_business_clock_moves_and_moves_back(session: Session, clock: Clock) -> None:
    assert clock.move_to("2026-03-09 09:00") == datetime(2026, 3, 9, 1, 0, tzinfo=UTC)
    clock.shift(days=-7)
    assert business_now(session) == datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def test_the_business_clock_runs_on(database: Database, clock: Clock) -> None:
    clock.move_to("2026-03-09 09:00")
    first = clock.now()
    time.sleep(0.01)
    assert timedelta(0) < clock.now() - first < timedelta(seconds=30)


def test_a_moment_without_zone_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="aware"):
        set_business_clock(session, datetime(2026, 3, 9, 9))  # noqa: DTZ001


# ---- the history's guard


def change_history(engine: Engine, statement: str) -> str:
    with pytest.raises(DBAPIError) as refusal, engine.begin() as connection:
        connection.execute(text(statement))
    return str(refusal.value.orig)


@pytest.mark.parametrize("statement", ["DELETE FROM history", "UPDATE history SET actor = 'x'"])
def test_the_application_may_not_change_history(database: Database, statement: str) -> None:
    assert "permission denied" in change_history(database.engine, statement)


@pytest.mark.parametrize("statement", ["DELETE FROM history", "TRUNCATE history CASCADE"])
def test_not_even_the_owner_changes_history(database: Database, statement: str) -> None:
    assert "only grows" in change_history(database.owner, statement)


# ---- the migrations


def test_the_migrations_make_exactly_the_declared_tables(server: Keeper) -> None:
    run_as_owner(server, "CREATE DATABASE migrated")
    engine = make_engine(server.url("migrated", role=OWNER))
    migrate(engine)
    migrate(engine)
    check_revision(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_name": is_ours})
        assert compare_metadata(context, Base.metadata) == []
        guard = text("SELECT tgname FROM pg_trigger WHERE tgrelid = 'history'::regclass AND NOT tgisinternal")
        assert connection.scalars(guard).all() == ["history_only_grows"]
    engine.dispose()


def test_two_migrators_at_once_do_it_once(server: Keeper) -> None:
    run_as_owner(server, "CREATE DATABASE contended")
    engine = make_engine(server.url("contended", role=OWNER))
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(migrate, engine) for _ in range(2)]:
            done.result()
    check_revision(engine)
    engine.dispose()


def test_a_demo_can_be_made_anew_history_included(server: Keeper) -> None:
    run_as_owner(server, "CREATE DATABASE remade")
    engine = make_engine(server.url("remade", role=OWNER))
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE business_clock SET ahead = interval '7 days'"))
    recreate(engine)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT ahead FROM business_clock")) == timedelta(0)
    engine.dispose()
