"""Real processes of the station against a test's database, and people who talk to them over HTTP."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from web.installation import DEMO_BEGINS
from workflow.database import business_now, make_engine, set_business_clock
from workflow.station import calendar_days, demo, running
from workflow.station.co_handling import CoHandlingUnit
from workflow.station.review import ReviewBlock

ROOT = Path(__file__).parents[1]
TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


def install_demo(owner_url: str, home: Path) -> None:
    """Fill an empty station: calendar, diagrams and the demo's staff, but no cases yet."""
    engine = make_engine(owner_url, connections=1)
    with pytest.MonkeyPatch.context() as patch, engine.begin() as connection:
        patch.setenv("YIZHAN_HOME", str(home))
        with Session(connection) as session:
            set_business_clock(session, DEMO_BEGINS)
            calendar_days.import_library(session)
            demo.fill(session, business_now(session))
            running.deploy_shipped(session, actor="system", moment=business_now(session))
            session.commit()
    engine.dispose()


def draw_nobody(session: Session) -> None:
    """Let none of the next four cases be drawn for review: whoever tests something else is not surprised."""
    session.merge(ReviewBlock(size=5, used=1, chosen=1))
    session.flush()


def contact_nobody(session: Session) -> None:
    """Let no item name units that must be contacted: whoever tests something else finds no tasks for them."""
    session.execute(delete(CoHandlingUnit))


def until(holds: Callable[[], object], seconds: float = 20.0, why: Callable[[], str] = str) -> float:
    """Wait until a condition holds; the seconds it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < seconds, why() or "waited too long"
        time.sleep(0.005)
    return time.monotonic() - began


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Process:
    """``yizhan web`` or ``yizhan worker``, started again as often as a test kills it."""

    def __init__(self, command: str, *, url: str, home: Path, port: int | None = None) -> None:
        self.command = command
        self.port = port
        self.log = home / f"{command}-{port or 'x'}.log"
        self.environment = os.environ | {
            "YIZHAN_HOME": str(home),
            "YIZHAN_DATABASE_URL": url,
            "YIZHAN_DEMO": "1",
            "YIZHAN_WEB_PROCESSES": "1",
            "YIZHAN_PORT": str(port or 0),
        }
        home.mkdir(exist_ok=True)
        self.start()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "web.cli", self.command],
                cwd=ROOT,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def answers(self) -> bool:
        assert self.popen.poll() is None, self.log.read_text()
        try:
            told = httpx.get(f"{self.address}/health/ready", trust_env=False, timeout=5).json()
            return bool(told["database"])
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        """kill -9."""
        self.popen.kill()
        self.popen.wait()

    def end(self) -> int:
        """SIGTERM; its exit code."""
        self.popen.terminate()
        return self.popen.wait(20)


class Browser:
    """A member of staff at a page: signed in, with the page's CSRF token, posting as the form island does."""

    def __init__(self, address: str, login: str) -> None:
        self.login = login
        self.http = httpx.Client(base_url=address, trust_env=False, timeout=30)
        given = {"login": login, "password": demo.PASSWORD, "csrf_token": self._token("/sign-in")}
        answer = self.http.post("/sign-in", data=given)
        assert answer.status_code == 302, answer.text
        self.token = self._token("/")

    def another(self, address: str) -> Browser:
        """The same person at another page, with connections of its own, perhaps at another web process."""
        same = copy(self)
        same.http = httpx.Client(base_url=address, cookies=self.http.cookies, trust_env=False, timeout=30)
        return same

    def _token(self, path: str) -> str:
        found = TOKEN.search(self.http.get(path).text)
        assert found is not None, f"{path} carries no token"
        return found[1]

    def post(
        self, path: str, form: Mapping[str, Any], key: str, *, address: str | None = None
    ) -> httpx.Response:
        headers = {"Accept": "application/json", "X-CSRFToken": self.token, "Idempotency-Key": key}
        return self.http.post(f"{address or ''}{path}", json=form, headers=headers)

    def close(self) -> None:
        self.http.close()
