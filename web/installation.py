"""One installation: its database (running, embedded or elsewhere), and what an empty one is filled with."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from workflow.cluster import OWNER
from workflow.database import business_now, make_engine, migrate, recreate, set_business_clock
from workflow.keeper import Keeper
from workflow.settings import Settings

DATABASE = "yizhan"
DEMO_BEGINS = datetime(2026, 3, 2, 9, 0, tzinfo=ZoneInfo("Asia/Shanghai"))  # decisions 7


@dataclass(frozen=True)
class Place:
    """Where the database is: the application's address, and the owner's (migrations, reset)."""

    database_url: str
    owner_url: str


@dataclass(frozen=True)
class Running:
    """What a running ``yizhan serve`` says of itself in ``YIZHAN_HOME/running.json`` (0600: passwords)."""

    pid: int
    started_at: float
    url: str
    demo: bool
    database_url: str
    owner_url: str

    @classmethod
    def of_this_process(cls, settings: Settings, place: Place) -> Running:
        return cls(
            pid=os.getpid(),
            started_at=psutil.Process().create_time(),
            url=settings.public_url,
            demo=settings.demo,
            database_url=place.database_url,
            owner_url=place.owner_url,
        )

    @classmethod
    def find(cls, home: Path) -> Running | None:
        """The one that runs in this home; a file left by a killed one does not count."""
        try:
            found = cls(**json.loads((home / "running.json").read_text()))
            alive = abs(psutil.Process(found.pid).create_time() - found.started_at) < 1
        except (FileNotFoundError, PermissionError, ValueError, TypeError, psutil.Error):
            return None
        return found if alive else None

    def write(self, home: Path) -> None:
        fresh = home / "running.new"
        fresh.unlink(missing_ok=True)
        fresh.touch(0o600)
        fresh.write_text(json.dumps(asdict(self), indent=1))
        fresh.rename(home / "running.json")


def forget_running(home: Path) -> None:
    with suppress(FileNotFoundError):
        (home / "running.json").unlink()


@contextmanager
def embedded(settings: Settings) -> Iterator[tuple[Keeper, Place]]:
    """The embedded server of this home, kept for as long as the block lasts. DatabaseProblem."""
    with Keeper(settings.home / "postgres") as keeper:
        keeper.ensure(DATABASE)
        yield keeper, Place(keeper.url(DATABASE), keeper.url(DATABASE, role=OWNER))


@contextmanager
def database(settings: Settings) -> Iterator[Place]:
    """The database for one command: YIZHAN_DATABASE_URL, else a running serve's, else our own keeper's."""
    running = Running.find(settings.home)
    if settings.database_url is not None:
        yield Place(settings.database_url, settings.database_url)
    elif running is not None:
        yield Place(running.database_url, running.owner_url)
    else:
        with embedded(settings) as (_keeper, place):
            prepare(place, demo=settings.demo)
            yield place


def prepare(place: Place, *, demo: bool) -> None:
    """Tables, calendar, shipped diagrams and, in a demo, its people: whatever is missing."""
    engine = make_engine(place.owner_url, connections=2)
    try:
        migrate(engine)
        _fill(engine, demo=demo)
    finally:
        engine.dispose()


def reset(place: Place) -> None:
    """Throw all data of the demo away and begin again; a running serve goes on with the new data."""
    engine = make_engine(place.owner_url, connections=2)
    try:
        recreate(engine)
        _fill(engine, demo=True)
    finally:
        engine.dispose()


def _fill(engine: Engine, *, demo: bool) -> None:
    from workflow.station import calendar, calendar_days, demo_cases, running
    from workflow.station import demo as demo_station
    from workflow.station.staff import Staff

    with Session(engine) as session, session.begin():
        if session.scalar(select(calendar.CalendarDay.date).limit(1)) is None:
            calendar_days.import_library(session)
        fresh_demo = demo and session.scalar(select(Staff.id).limit(1)) is None
        if fresh_demo:
            set_business_clock(session, DEMO_BEGINS)
        moment = business_now(session)
        running.deploy_shipped(session, actor="system", moment=moment)
        if demo:
            demo_station.fill(session, moment)
        if fresh_demo:
            demo_cases.play(session, moment)
