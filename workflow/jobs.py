"""Jobs: what leaves the database, runs for long or comes round again, carried by Procrastinate.

Its queue lies in the same PostgreSQL (schema ``queue``), so a job deferred on a session's connection
commits or vanishes with the step. Effects must bear being repeated: a killed worker's jobs are run again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from datetime import timedelta

from procrastinate import App, JobContext, PsycopgConnector, SyncPsycopgConnector
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status
from sqlalchemy import URL
from sqlalchemy.orm import Session, sessionmaker

from workflow.database import business_now
from workflow.engine import history
from workflow.station import calendar_moves, calendar_reminder, drafts
from workflow.station.keys import signing_key
from workflow.station.running import engine_for

log = logging.getLogger(__name__)

STALLED_AFTER = timedelta(minutes=1)
PATIENCE = 15.0  # seconds a job has to end when its worker is to stop
AGAIN_AFTER = 2.0  # seconds
RECOMPUTE = "recompute"  # the name of the job that follows a change of the calendar


def application(url: URL, sessions: sessionmaker[Session]) -> App:
    """All jobs of this installation, ready for a worker."""
    dsn = url.set(drivername="postgresql").render_as_string(hide_password=False)
    connector = PsycopgConnector(
        conninfo=dsn,
        kwargs={"options": "-c search_path=public,queue -c TimeZone=UTC"},
        min_size=1,
        max_size=4,
        timeout=5,  # a worker that lost the database must not hang in its farewell
    )
    app = App(connector=connector)

    @app.periodic(cron="0 * * * *", periodic_id="seal")
    @app.task(name="seal", queueing_lock="seal")
    def seal(timestamp: int) -> None:
        """Sign the ends of all chains of history that grew (decisions 18)."""
        with sessions.begin() as session:
            history.anchor(session, signing_key())

    @app.periodic(cron="*/5 * * * *", periodic_id="recompute")
    @app.task(name=RECOMPUTE)
    def recompute(timestamp: int = 0) -> None:
        """After each change of the calendar, and again in case a worker was killed over it (§4.7)."""
        recompute_clocks(sessions)

    @app.periodic(cron="*/10 * * * *", periodic_id="remind_of_calendar")
    @app.task(name="remind_of_calendar", queueing_lock="remind_of_calendar")
    def remind_of_calendar(timestamp: int) -> None:
        """Business time may be any time of day: each digest is told once, however often this runs (§4.8)."""
        with sessions.begin() as session:
            calendar_reminder.remind(session, business_now(session))

    @app.periodic(cron="30 * * * *", periodic_id="tidy_drafts")
    @app.task(name="tidy_drafts", queueing_lock="tidy_drafts")
    def tidy_drafts(timestamp: int) -> None:
        """Remove drafts of tasks that are gone."""
        with sessions.begin() as session:
            drafts.tidy(session, business_now(session))

    @app.periodic(cron="* * * * *", periodic_id="rescue")
    @app.task(name="rescue", queueing_lock="rescue", pass_context=True)
    async def rescue(context: JobContext, timestamp: int) -> None:
        """Give the jobs of workers that died to the living (Procrastinate leaves them ``doing``)."""
        manager = context.app.job_manager
        stalled = await manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_AFTER.total_seconds())
        for job in stalled:
            log.warning("taking over job %s (%s) of a worker that died", job.id, job.task_name)
            try:
                await manager.retry_job(job)
            except UniqueViolation:  # the same work already waits in the queue: this one is not needed
                await manager.finish_job(job, Status.ABORTED, delete_job=True)

    return app


def defer(session: Session, task: str) -> None:
    """Let a worker run a task once this session has committed; it vanishes with a rollback."""
    connection = session.connection().connection.driver_connection
    _DOOR.configure_task(task, connection=connection).defer()


_DOOR = App(connector=SyncPsycopgConnector())  # puts jobs in over other people's connections, opens none


def recompute_clocks(sessions: sessionmaker[Session]) -> int:
    """Bring every owner's clocks to the calendar in force, each in its own transaction; how many owners.

    One that fails stays as it was, wholly; the others go on, and the first failure is raised at the end.
    """
    with sessions() as session:
        owners = calendar_moves.waiting(session)
    failures: list[Exception] = []
    for owner in owners:
        try:
            with sessions.begin() as session:
                calendar_moves.recompute(engine_for(session), owner)
        except Exception as failure:
            log.exception("the clocks of %s stay at the former calendar", owner)
            failures.append(failure)
    if failures:
        raise failures[0]
    return len(owners)


class JobRunner:
    """Procrastinate's worker in a thread of its own, beside the timer loop."""

    def __init__(self, app: App, *, polling: float = 5.0) -> None:
        """``polling``: seconds after which jobs are looked for although nobody called."""
        self.app = app
        self._polling = polling
        self._loop = asyncio.new_event_loop()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        self._task = self._loop.create_task(self._work())
        self._thread.start()

    def stop(self, patience: float = 20.0) -> bool:
        """Let running jobs end, at most ``patience`` seconds; False when one of them did not."""
        if self._task is not None and not self._stopping:
            self._stopping = True  # asked twice, it would leave its jobs alone
            self._loop.call_soon_threadsafe(self._task.cancel)
        if self._thread.is_alive():
            self._thread.join(patience)
        return not self._thread.is_alive()

    def _run(self) -> None:
        assert self._task is not None
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            log.info("jobs stopped")
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    async def _work(self) -> None:
        """Until cancelled. Procrastinate's worker ends by itself, with or without an error, when it loses
        the database."""
        while True:
            try:
                async with self.app.open_async():
                    await self.app.run_worker_async(
                        concurrency=2,
                        install_signal_handlers=False,
                        delete_jobs="successful",
                        fetch_job_polling_interval=self._polling,
                        shutdown_graceful_timeout=PATIENCE,
                    )
            except Exception as error:
                log.warning("jobs: %s: %s", type(error).__name__, error)
            log.warning("jobs: the database is away, trying again")
            await asyncio.sleep(AGAIN_AFTER)
