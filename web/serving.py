"""The web child: one process with waitress, several with granian; a line of log a request."""

from __future__ import annotations

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from workflow.database import check_revision, make_engine
from workflow.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

THREADS = 16  # of one process; each holds a connection while it answers
log = logging.getLogger("yizhan.access")


def serve(settings: Settings, *, host: str) -> None:
    """Serve until SIGTERM or SIGINT; running requests are finished. WrongRevision before the first one."""
    if settings.database_url is None:
        raise ValueError("the web process needs YIZHAN_DATABASE_URL")
    engine = make_engine(settings.database_url, connections=1)
    check_revision(engine)
    engine.dispose()
    if settings.web_processes > 1:
        _serve_with_processes(settings, host)
    else:
        _serve_with_threads(settings, host)


def application() -> WSGIApplication:
    """The application with its access log, from the environment; granian's processes call this."""
    from web import create_app

    configure_log()
    return logged(create_app(Settings.from_environment()).wsgi_app)


def configure_log() -> None:
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(name)s %(levelname)s %(message)s"
    )
    for chatty in ("alembic", "procrastinate"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def logged(app: WSGIApplication) -> WSGIApplication:
    """Write method, path (never the query: it may hold names), status and milliseconds of each request."""

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        began = time.perf_counter()
        method, path = environ.get("REQUEST_METHOD", "-"), environ.get("PATH_INFO", "-")

        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Callable[[bytes], object]:
            took = (time.perf_counter() - began) * 1000
            log.info("%s %r %s %.1f ms", method, path, status.split(" ", 1)[0], took)
            return start_response(status, headers, *more)

        return app(environ, start)

    return answer


def _serve_with_threads(settings: Settings, host: str) -> None:
    from waitress.server import create_server

    def stop(_signal: int, _frame: object) -> None:
        raise SystemExit(0)

    signal.signal(signal.SIGTERM, stop)
    server = create_server(
        application(),
        host=host,
        port=settings.port,
        threads=THREADS,
        ident="",
        clear_untrusted_proxy_headers=False,  # web believes them only behind https (ProxyFix)
    )
    server.run()


def _serve_with_processes(settings: Settings, host: str) -> None:
    from granian import Granian
    from granian.constants import Interfaces

    configure_log()
    Granian(
        "web.serving:application",
        factory=True,
        address=host,
        port=settings.port,
        interface=Interfaces.WSGI,
        workers=settings.web_processes,
        blocking_threads=THREADS,
        respawn_failed_workers=True,
        respawn_interval=0.5,
        workers_kill_timeout=20,
        websockets=False,
    ).serve()
