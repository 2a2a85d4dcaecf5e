"""``yizhan serve``: keeps the database, the web and the worker, and starts again what dies.

The children get the database's address by the environment. They live in sessions of their own, so that a
Ctrl-C reaches only the supervisor, which then stops everything in order; if it is killed, the kernel tells
them to stop (Linux), and the database stops too.
"""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from web.installation import Place, Running, embedded, forget_running, prepare
from workflow.errors import YizhanError
from workflow.keeper import PR_SET_PDEATHSIG, Keeper
from workflow.settings import Settings
from workflow.texts import T, Text

READY_SECONDS = 60.0
CHILD_STOP_SECONDS = 22.0  # they finish within 20 themselves
SETTLED_SECONDS = 30.0  # who lived that long begins again with the shortest pause
LONGEST_PAUSE = 30.0


class CannotServe(YizhanError):
    """The station does not start; the sentence says why."""


@dataclass
class Child:
    """A process of ours, started again with a growing pause."""

    name: str
    environment: Mapping[str, str]
    arguments: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    began: float = 0.0
    deaths: int = 0
    not_before: float = field(default=0.0)

    def start(self) -> None:
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "web.cli", self.name, *self.arguments],
            env=dict(self.environment),
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=_go_with_parent if sys.platform == "linux" else None,
        )

    def look_after(self, say: Callable[[Text], None]) -> None:
        """Notice a death, plan the next start, start when its time has come."""
        now = time.monotonic()
        if self.process is not None:
            code = self.process.poll()
            if code is None:
                return
            self.process = None
            self.deaths = 1 if now - self.began > SETTLED_SECONDS else self.deaths + 1
            pause = min(0.25 * 2 ** (self.deaths - 1), LONGEST_PAUSE)
            self.not_before = now + pause
            say(
                T(
                    "%(name)s 已退出（%(code)s），%(seconds)s 秒后重新启动。",
                    name=self.name,
                    code=code,
                    seconds=pause,
                )
            )
        if now >= self.not_before:
            self.start()


class Supervisor:
    """Runs until SIGINT or SIGTERM; ``say`` prints a sentence for the person at the terminal."""

    def __init__(self, settings: Settings, *, host: str, say: Callable[[Text], None]) -> None:
        self.settings = settings
        self.host = host
        self.say = say
        self.stopping = threading.Event()

    def run(self) -> None:
        """CannotServe or DatabaseProblem when it does not come up; everything is stopped at the end."""
        if self.settings.database_url is None:
            self._refuse_second()
        check_port(self.host, self.settings.port)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: self.stopping.set())
        self.settings.home.mkdir(parents=True, exist_ok=True)
        self.say(T("正在准备数据库……"))
        with self._database() as (keeper, place):
            prepare(place, demo=self.settings.demo)
            children = self._children(place)
            try:
                for child in children:
                    child.start()
                if self._wait_until_ready(children):
                    Running.of_this_process(self.settings, place).write(self.settings.home)
                    self._greet()
                    self._watch(keeper, children)
            finally:
                self.say(T("正在停止……"))
                forget_running(self.settings.home)
                stop(children)
        self.say(T("已停止。"))

    def _refuse_second(self) -> None:
        running = Running.find(self.settings.home)
        if running is not None:
            raise CannotServe(T("一站已在运行：%(url)s（进程 %(pid)s）。", url=running.url, pid=running.pid))

    @contextmanager
    def _database(self) -> Iterator[tuple[Keeper | None, Place]]:
        if self.settings.database_url is not None:
            yield None, Place(self.settings.database_url, self.settings.database_url)
        else:
            with embedded(self.settings) as kept:
                yield kept

    def _children(self, place: Place) -> list[Child]:
        environment = os.environ | {
            "YIZHAN_HOME": str(self.settings.home),
            "YIZHAN_DATABASE_URL": place.database_url,
            "YIZHAN_PUBLIC_URL": self.settings.public_url,
            "YIZHAN_PORT": str(self.settings.port),
            "YIZHAN_WEB_PROCESSES": str(self.settings.web_processes),
            "YIZHAN_DEMO": "1" if self.settings.demo else "0",
            "PYTHONUNBUFFERED": "1",
        }
        return [Child("web", environment, ("--host", self.host)), Child("worker", environment)]

    def _wait_until_ready(self, children: list[Child]) -> bool:
        """True when the web answers, False when a stop came first; CannotServe when a child died."""
        url = f"http://{reachable(self.host)}:{self.settings.port}/health/live"
        deadline = time.monotonic() + READY_SECONDS
        while not self.stopping.wait(0.1):
            for child in children:
                if child.process is not None and (code := child.process.poll()) is not None:
                    failure = T("%(name)s 没有启动（%(code)s），原因见上。", name=child.name, code=code)
                    raise CannotServe(failure)
            if _answers(url):
                return True
            if time.monotonic() > deadline:
                raise CannotServe(T("网页服务 %(seconds)s 秒内没有应答。", seconds=int(READY_SECONDS)))
        return False

    def _greet(self) -> None:
        self.say(T("一站已启动：%(url)s", url=self.settings.public_url))
        if self.settings.demo:
            from workflow.station import demo

            self.say(T("演示账号（密码都是 %(password)s）：", password=demo.PASSWORD))
            for login in demo.LOGINS:
                self.say(
                    T(
                        "  %(login)s  %(name)s  %(post)s",
                        login=f"{login.login:<13}",
                        name=login.name,
                        post=login.post,
                    )
                )
            self.say(T("移动演示时钟：yizhan demo clock +2d。按 Ctrl-C 停止。"))

    def _watch(self, keeper: Keeper | None, children: list[Child]) -> None:
        while not self.stopping.wait(0.1):
            if keeper is not None and not keeper.running():
                self.say(T("数据库已退出，正在重新启动。"))
                keeper.start()
            for child in children:
                child.look_after(self.say)


def stop(children: list[Child]) -> None:
    """SIGTERM to all, SIGKILL to whom it did not move in time."""
    alive = [
        child.process for child in children if child.process is not None and child.process.poll() is None
    ]
    for process in alive:
        process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + CHILD_STOP_SECONDS
    for process in alive:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def check_port(host: str, port: int) -> None:
    """CannotServe when another program has it."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise CannotServe(
                T(
                    "无法使用 %(host)s 的端口 %(port)s（%(why)s）。请换一个，例如 make run PORT=8010。",
                    host=host,
                    port=port,
                    why=error.strerror,
                )
            ) from error


def reachable(host: str) -> str:
    """An address to reach a server that listens on ``host``."""
    if host in ("0.0.0.0", "::"):  # noqa: S104
        return "127.0.0.1" if host == "0.0.0.0" else "[::1]"  # noqa: S104
    return f"[{host}]" if ":" in host else host


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2):
            return True
    except (urllib.error.URLError, OSError):
        return False


def _go_with_parent() -> None:
    """In the child: ask the kernel for SIGTERM when the supervisor dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
