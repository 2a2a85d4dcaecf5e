"""The worker: fires due timers, one a transaction, and runs the jobs that leave the database.

Any number of workers may run anywhere against one database. A worker that is killed leaves a lease on its
timer, and another takes it over when the lease has ended; the attempt was counted at the claim, so a timer
that kills its workers becomes an incident too (security.md, promise 7).
"""

from __future__ import annotations

import logging
import os
import random
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

import psycopg
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from workflow.engine import incidents, timers
from workflow.engine.engine import Engine
from workflow.engine.incidents import IncidentRow
from workflow.engine.timers import Busy
from workflow.schema import Base

log = logging.getLogger(__name__)

TRIES = 5
SEEN_WITHIN = timedelta(minutes=1)


class WorkerRow(Base):
    """A running worker's heartbeat, by the machine's clock."""

    __tablename__ = "worker"

    id: Mapped[int] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    seen_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())


def alive(session: Session) -> bool:
    """Some worker has been seen within the last minute."""
    seen = select(WorkerRow.id).where(WorkerRow.seen_at > func.clock_timestamp() - SEEN_WITHIN)
    return session.scalar(seen.limit(1)) is not None


class Worker:
    """The timer loop of one process."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        engine_for: Callable[[Session], Engine],
        *,
        report: Callable[..., IncidentRow] = incidents.record,
        lease: timedelta = timedelta(seconds=10),
        longest_sleep: float = 10.0,
    ) -> None:
        self.sessions = sessions
        self.engine_for = engine_for
        self.report = report
        self.lease = lease
        self.longest_sleep = longest_sleep
        self.stopping = threading.Event()
        self._id: int | None = None

    def run(self) -> None:
        """Fire what falls due until ``stopping`` is set; survives a restart of the database."""
        while not self.stopping.is_set():
            try:
                self._run_connected()
            except (psycopg.OperationalError, ConnectionError) as error:
                log.warning("the database is away, trying again: %s", error)
                self.stopping.wait(1.0)
            except Exception as error:
                if not _is_disconnect(error):
                    raise
                log.warning("the database is away, trying again: %s", error)
                self.stopping.wait(1.0)
        self._leave()

    def fire_due(self) -> bool:
        """Fire the most overdue timer; False when none is due."""
        with self.sessions() as session:
            session.execute(text("set local synchronous_commit = off"))
            claimed = timers.claim(session.connection(), self.lease)
            session.commit()
        if claimed is None:
            return False
        if claimed.attempts > TRIES:
            self._give_up(claimed.id, claimed.instance_id, "the worker died each time it tried")
            return True
        try:
            with self.sessions() as session:
                self.engine_for(session).fire(claimed.id)
                session.commit()
        except Busy:
            with self.sessions() as session:
                wait = timedelta(milliseconds=random.uniform(20, 120))  # noqa: S311
                timers.postpone(session.connection(), claimed.id, wait, counted=False)
                session.commit()
        except Exception as error:
            if _is_disconnect(error):
                raise
            log.exception("timer %s of instance %s failed", claimed.id, claimed.instance_id)
            self._failed(
                claimed.id, claimed.instance_id, claimed.attempts, f"{type(error).__name__}: {error}"
            )
        return True

    def _run_connected(self) -> None:
        with self.sessions() as session:
            url = session.connection().engine.url
            self._beat(session)
            session.commit()
        dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(dsn, autocommit=True) as listener:
            listener.execute(f"listen {timers.WAKE}")
            while not self.stopping.is_set():
                while not self.stopping.is_set() and self.fire_due():
                    pass
                self._sleep(listener)
                with self.sessions() as session:
                    self._beat(session)
                    session.commit()

    def _sleep(self, listener: psycopg.Connection) -> None:
        """Until the next timer is due, a wake-up call, or a stop; at most ``longest_sleep`` seconds."""
        with self.sessions() as session:
            seconds = timers.seconds_to_next(session.connection())
        left = self.longest_sleep if seconds is None else min(seconds, self.longest_sleep)
        while left > 0 and not self.stopping.is_set():
            slice_ = min(left, 0.5)
            if any(True for _ in listener.notifies(timeout=slice_, stop_after=1)):
                return
            left -= slice_

    def _failed(self, timer_id: int, instance_id: int, attempts: int, error: str) -> None:
        if attempts >= TRIES:
            self._give_up(timer_id, instance_id, error)
            return
        wait = timedelta(seconds=2.0 ** (2 * attempts) * random.uniform(0.8, 1.2))  # noqa: S311
        with self.sessions() as session:
            timers.postpone(session.connection(), timer_id, wait, error=error[:2000])
            session.commit()

    def _give_up(self, timer_id: int, instance_id: int, error: str) -> None:
        with self.sessions() as session:
            timers.postpone(session.connection(), timer_id, timedelta(0), error=error[:2000], park=True)
            self.report(session, instance_id, code="timer_failed", message=error[:2000], timer_id=timer_id)
            session.commit()

    def _beat(self, session: Session) -> None:
        if self._id is not None:
            beaten = session.execute(
                update(WorkerRow).where(WorkerRow.id == self._id).values(seen_at=func.clock_timestamp())
            )
            if beaten.rowcount:  # type: ignore[attr-defined]
                return
        session.execute(
            delete(WorkerRow).where(WorkerRow.seen_at < func.clock_timestamp() - timedelta(minutes=10))
        )
        row = WorkerRow(host=socket.gethostname(), pid=os.getpid())
        session.add(row)
        session.flush()
        self._id = row.id

    def _leave(self) -> None:
        if self._id is None:
            return
        try:
            with self.sessions() as session:
                session.execute(delete(WorkerRow).where(WorkerRow.id == self._id))
                session.commit()
        except Exception as error:
            log.info("could not sign off: %s", error)


def _is_disconnect(error: BaseException) -> bool:
    """The server went away or is still starting; everything else is the work's own failure."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None)
    return bool(getattr(error, "connection_invalidated", False)) or (
        isinstance(getattr(error, "orig", None), psycopg.OperationalError)
        and (state is None or state[:2] in ("08", "57"))
    )
