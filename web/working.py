"""The worker child: the timer loop in the main thread, Procrastinate's jobs in another."""

from __future__ import annotations

import logging
import os
import signal

from web.serving import configure_log
from workflow.database import check_revision, make_engine, make_sessions
from workflow.jobs import JobRunner, application
from workflow.settings import Settings
from workflow.station.running import engine_for, report
from workflow.worker import Worker

CONNECTIONS = 6  # the timer loop's one, and those of the jobs' own sessions
JOBS_STOP_SECONDS = 17.0  # with the last timer's step this is less than the supervisor's patience
log = logging.getLogger(__name__)


def work(settings: Settings) -> None:
    """Fire timers and run jobs until SIGTERM or SIGINT; running ones are finished. WrongRevision first."""
    if settings.database_url is None:
        raise ValueError("the worker needs YIZHAN_DATABASE_URL")
    configure_log()
    logging.getLogger("procrastinate").setLevel(logging.WARNING)  # it tells every minute's job
    engine = make_engine(settings.database_url, connections=CONNECTIONS)
    check_revision(engine)
    sessions = make_sessions(engine)
    timers = Worker(sessions, engine_for, report=report)
    jobs = JobRunner(application(engine.url, sessions))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: timers.stopping.set())
    jobs.start()
    try:
        timers.run()
    finally:
        ended = jobs.stop(JOBS_STOP_SECONDS)
    engine.dispose()
    if not ended:
        log.warning("a job did not end in time; another worker will take it over")
        os._exit(0)  # an ordinary exit would wait for the job's thread
