"""``yizhan serve`` as a person starts it: it comes up, mends itself, is found, and goes without a trace."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[1]


class Station:
    """A running ``yizhan serve`` in a home of its own."""

    def __init__(self, home: Path, *, processes: int = 1) -> None:
        self.home = home
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.environment = os.environ | {
            "YIZHAN_HOME": str(home),
            "YIZHAN_DEMO": "1",
            "YIZHAN_WEB_PROCESSES": str(processes),
            "TMPDIR": str(home.parent),
            "LANG": "zh_CN.UTF-8",
        }
        self.log = home.with_suffix(".log")
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "web.cli", "serve", "--port", str(self.port)],
                cwd=ROOT,
                env=self.environment,
                stdout=output,
                stderr=output,
            )
        self.until(lambda: (home / "running.json").exists(), 60)

    def until(self, holds: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def ready(self) -> bool:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}/health/ready", timeout=5) as answer:
                return bool(json.load(answer)["ready"])
        except OSError:
            return False

    def child(self, word: str) -> psutil.Process:
        """The child whose command line holds the word."""
        children = psutil.Process(self.process.pid).children(recursive=True)
        return next(child for child in children if word in child.cmdline())

    def yizhan(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "web.cli", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self.environment, capture_output=True, text=True)

    def stop(self) -> float:
        """SIGTERM; seconds until it was gone. Nothing of it may be left."""
        family = psutil.Process(self.process.pid).children(recursive=True)
        began = time.monotonic()
        self.process.terminate()
        assert self.process.wait(30) == 0, self.log.read_text()
        assert not [child for child in family if child.is_running()]
        return time.monotonic() - began


@pytest.fixture
def own_folder(open_folder: Path) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="一站 ", dir=open_folder))
    folder.chmod(0o711)
    return folder


@pytest.fixture
def station(own_folder: Path) -> Iterator[Station]:
    station = Station(own_folder / "home")
    yield station
    if station.process.poll() is None:
        station.process.kill()
        station.process.wait()


def test_it_serves_is_found_by_commands_and_stops_without_a_trace(station: Station) -> None:
    station.until(station.ready)
    assert "liting" in station.log.read_text()
    assert "2026-03-04" in station.yizhan("demo", "clock", "+2d").stdout
    assert "2026-03-04" in station.yizhan("demo", "clock").stdout
    assert station.yizhan("verify").returncode == 0
    second = station.yizhan("serve", "--port", "1")
    assert second.returncode == 1
    assert str(station.process.pid) in second.stderr
    assert station.yizhan("demo", "reset", "--yes").returncode == 0
    assert "2026-03-02" in station.yizhan("demo", "clock").stdout
    assert station.stop() < 30
    assert not (station.home / "running.json").exists()
    assert not list(station.home.parent.glob("yizhan-*")), "a folder of sockets was left"


@pytest.mark.parametrize("victim", ["web", "worker", "-D"])
def test_what_is_killed_is_started_again(station: Station, victim: str) -> None:
    dead = station.child(victim)
    dead.send_signal(signal.SIGKILL)
    station.until(lambda: not dead.is_running())

    def back() -> bool:
        try:
            return station.child(victim).pid != dead.pid and station.ready()
        except (StopIteration, psutil.NoSuchProcess):
            return False

    station.until(back)
    station.stop()


def test_when_it_is_killed_nothing_of_it_stays_and_it_starts_again(station: Station) -> None:
    family = psutil.Process(station.process.pid).children(recursive=True)
    station.process.kill()
    station.process.wait()
    _gone, alive = psutil.wait_procs(family, timeout=30)
    assert not alive
    (station.home / "running.json").unlink()
    again = Station(station.home)
    again.until(again.ready)
    again.stop()


def test_several_web_processes_serve_and_stop(own_folder: Path) -> None:
    station = Station(own_folder / "several", processes=2)
    try:
        station.until(station.ready)
        assert station.stop() < 30
    finally:
        station.process.kill()
        station.process.wait()


def test_a_taken_port_is_a_clear_message(own_folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        refused = subprocess.run(
            [sys.executable, "-m", "web.cli", "serve", "--port", port],
            cwd=ROOT,
            env=os.environ | {"YIZHAN_HOME": str(own_folder / "taken"), "LANG": "zh_CN.UTF-8"},
            capture_output=True,
            text=True,
        )
    assert refused.returncode == 1
    assert port in refused.stderr
    assert "Traceback" not in refused.stderr


def test_due_says_the_deadline_and_why() -> None:
    command = [sys.executable, "-m", "web.cli", "due", "2026-03-02", "--limit", "5", "--json"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    answer = json.loads(said.stdout)
    assert answer["deadline"] == "2026-03-09T17:30:00+08:00"
    assert answer["provisional"] is False
    assert answer["why"]


def test_the_clock_is_not_moved_where_there_is_no_demo(own_folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "YIZHAN_DEMO"}
    refused = subprocess.run(
        [sys.executable, "-m", "web.cli", "demo", "clock", "+2d"],
        cwd=ROOT,
        env=environment | {"YIZHAN_HOME": str(own_folder / "real")},
        capture_output=True,
        text=True,
    )
    assert refused.returncode == 1
    assert "YIZHAN_DEMO" in refused.stderr


def test_check_needs_no_database_and_names_the_place(own_folder: Path) -> None:
    shipped = ROOT / "processes" / "intake" / "intake.bpmn"
    broken = own_folder / "intake.bpmn"
    broken.write_text(shipped.read_text().replace('yz:action="issue_receipt"', 'yz:action="issue_recipt"'))
    environment = os.environ | {"YIZHAN_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing"}

    def check(path: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "web.cli", "check", "--json", str(path)]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)

    assert check(shipped).returncode == 0
    refused = check(broken)
    assert refused.returncode == 1
    [finding] = json.loads(refused.stdout)
    assert finding["file"] == str(broken)
    assert finding["code"] == "unknown_action"
    assert finding["severity"] == "error"
    assert finding["line"] > 1
    assert "issue_recipt" in finding["message"]
