"""The keeper of the embedded PostgreSQL: one owner, one server, one folder; it goes when its owner goes.

The server is a child of the process that calls ``start``; on Linux the kernel stops it when that process
dies, however it dies. A lock that dies with its holder keeps a second owner away.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from workflow.cluster import APPLICATION, OWNER, Cluster, DatabaseProblem, environment
from workflow.texts import T

START_SECONDS = 120.0  # crash recovery of a large station may take its time
STOP_SECONDS = 20.0
PR_SET_PDEATHSIG = 1


class Keeper:
    """Owns the cluster in ``folder``: ``with Keeper(home / "postgres") as keeper: keeper.url("yizhan")``.

    ``owner`` may do everything (migrations); ``application`` is the role of web and worker. Connections go
    through a socket in a short folder that only the server's user (and root) may enter, with a password.
    """

    def __init__(self, folder: Path, *, version: int = 18) -> None:
        self.folder = folder.absolute()
        self.version = version
        self._lock: int | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None

    # ---- for its owner

    def start(self) -> None:
        """Start, or start again what died, and wait until it answers. DatabaseProblem says why not.

        Only from the main thread: the kernel's promise hangs on the thread that started the server.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the embedded PostgreSQL is started from the main thread")
        self._claim()
        try:
            self._cluster = Cluster(self.folder, version=self.version)
            self._end_leftover()
            self._launch()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server (open transactions are rolled back) and give up the folder; may be called twice."""
        if self._server is not None:
            for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
                if self._server.poll() is not None:
                    break
                self._server.send_signal(how)
                with suppress(subprocess.TimeoutExpired):
                    self._server.wait(seconds)
            self._server = None
        self._remove_sockets()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def running(self) -> bool:
        return self._server is not None and self._server.poll() is None

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self._cluster.data

    @property
    def pid(self) -> int | None:
        return self._server.pid if self._server is not None else None

    def url(self, database: str, *, role: str = APPLICATION) -> str:
        """A SQLAlchemy URL with the password in it: never print it."""
        if self._sockets is None:
            raise RuntimeError("the embedded PostgreSQL has not been started")
        where = quote(str(self._sockets), safe="")
        return f"postgresql+psycopg://{role}:{self._cluster.passwords[role]}@/{quote(database)}?host={where}"

    def ensure(self, database: str) -> None:
        """Create the application's role and the database where they are missing."""
        word = sql.Literal(self._cluster.passwords[APPLICATION])
        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (APPLICATION,)).fetchone()
            role = "ALTER ROLE {} LOGIN PASSWORD {}" if known else "CREATE ROLE {} LOGIN PASSWORD {}"
            connection.execute(sql.SQL(role).format(sql.Identifier(APPLICATION), word))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))

    def __enter__(self) -> Keeper:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _claim(self) -> None:
        """Make the folder and lock it for us alone."""
        if self._lock is not None:
            return
        missing = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            path.chmod(0o711)  # only what we just made ourselves: the server's account must get through
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(lock, 20).decode() or "?"
            os.close(lock)
            raise DatabaseProblem(
                T(
                    "数据库 %(folder)s 正由另一个进程（%(pid)s）使用，同一数据只能启动一次。请先停止它，"
                    "或用 YIZHAN_HOME 指定另一个目录。",
                    folder=str(self.folder),
                    pid=owner,
                )
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock

    # ---- the server

    def _launch(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        log = self._cluster.folder / "server.log"
        if log.exists() and log.stat().st_size > 5_000_000:
            log.rename(log.with_suffix(".log.1"))
        while True:
            if self._sockets is None:  # kept over restarts, so that the URL stays the same
                self._remove_sockets()
                self._sockets = self._make_sockets()
            before = log.stat().st_size if log.exists() else 0
            with log.open("ab") as output:
                self._server = subprocess.Popen(
                    [
                        str(self._cluster.programs / "postgres"),
                        *("-D", str(self._cluster.data), "-c", f"unix_socket_directories={self._sockets}"),
                        *("-c", "listen_addresses=", "-c", "max_connections=200"),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd="/",
                    env=environment(),
                    start_new_session=True,
                    preexec_fn=_go_with_parent if sys.platform == "linux" else None,
                    **self._cluster.identity(),
                )
            if self._answers(deadline):
                return
            self._server.kill()
            self._server.wait()
            with log.open("rb") as output:
                output.seek(before)
                said = output.read().decode(errors="replace")
            # After a killed server its last children need a moment to notice and to leave the shared memory.
            if time.monotonic() > deadline or not ("shared memory block" in said or "postmaster.pid" in said):
                raise DatabaseProblem(T("数据库没有启动：%(why)s", why=said.strip()[-2000:]))
            time.sleep(0.1)

    def _answers(self, deadline: float) -> bool:
        while self.running() and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                self._connect().close()
                return True
            time.sleep(0.01)
        return False

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self._sockets),
            user=OWNER,
            password=self._cluster.passwords[OWNER],
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _make_sockets(self) -> Path:
        sockets = self._cluster.short_folder()
        self._note_of_sockets.write_text(str(sockets))
        return sockets

    @property
    def _note_of_sockets(self) -> Path:
        return self._cluster.folder / "sockets"

    def _remove_sockets(self) -> None:
        """Remove our socket folder, or the one that a killed owner left."""
        if hasattr(self, "_cluster") and self._note_of_sockets.exists():
            left = Path(self._note_of_sockets.read_text())
            if left.name.startswith("yizhan-"):
                shutil.rmtree(left, ignore_errors=True)
            self._note_of_sockets.unlink()
        self._sockets = None

    def _end_leftover(self) -> None:
        """End the server of an owner that died (we hold the lock: nobody owns it), forget stale pids."""
        if self._server is not None:
            self._server.poll()  # our own dead child is a zombie until asked
        pid_file = self._cluster.data / "postmaster.pid"
        try:
            lines = pid_file.read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            leftover = _postgres_of(pid, self._cluster.data)
            if leftover is None:
                break
            with suppress(psutil.NoSuchProcess):
                leftover.send_signal(how)
            with suppress(psutil.TimeoutExpired):
                leftover.wait(seconds)
        if pid_file.exists() and psutil.pid_exists(pid):
            # The number now belongs to somebody else's process; the server itself would refuse to start.
            deadline = time.monotonic() + STOP_SECONDS
            while _memory_in_use(lines):
                if time.monotonic() > deadline:
                    raise DatabaseProblem(T("旧数据库的子进程仍未退出，请稍后再试。"))
                time.sleep(0.05)
            pid_file.unlink(missing_ok=True)


def _go_with_parent() -> None:
    """In the child: ask the kernel for SIGINT (PostgreSQL's fast shutdown) when the parent dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _postgres_of(pid: int, data: Path) -> psutil.Process | None:
    """The process if it lives and is the server of this folder; a number alone says nothing."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        words = process.cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    ours = bool(words) and Path(words[0]).name.startswith("postgres") and str(data) in words
    return process if ours else None


def _memory_in_use(pid_file: list[str]) -> bool:
    """Whether a process is still attached to the shared memory that a dead server's pid file names."""
    table = Path("/proc/sysvipc/shm")
    if len(pid_file) < 7 or not table.exists():
        return False
    key_and_id = pid_file[6].split()
    rows = (line.split() for line in table.read_text().splitlines()[1:])
    return any(row[:2] == key_and_id and int(row[6]) > 0 for row in rows)
