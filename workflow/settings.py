"""Settings, all from the environment, few and with defaults that run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """One installation.

    YIZHAN_HOME          where data, keys and sockets lie (default ``.yizhan`` in the working folder)
    YIZHAN_DATABASE_URL  a PostgreSQL >= 16 of your own; without it the embedded one is used
    YIZHAN_PUBLIC_URL    how clients reach the station (QR codes); default http://127.0.0.1:PORT
    YIZHAN_PORT          default 8000
    YIZHAN_WEB_PROCESSES default 1
    YIZHAN_DUPLICATE_DAYS default 10: working days in which the same matter again is a possible duplicate;
                         0 = nothing is offered
    YIZHAN_DEMO          1 = demo station with a movable business clock
    """

    home: Path
    database_url: str | None
    public_url: str
    port: int
    web_processes: int
    demo: bool
    duplicate_days: int

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        port = int(environ.get("YIZHAN_PORT", "8000"))
        return cls(
            home=Path(environ.get("YIZHAN_HOME", ".yizhan")).absolute(),
            database_url=environ.get("YIZHAN_DATABASE_URL") or None,
            public_url=environ.get("YIZHAN_PUBLIC_URL", f"http://127.0.0.1:{port}").rstrip("/"),
            port=port,
            web_processes=int(environ.get("YIZHAN_WEB_PROCESSES", "1")),
            demo=environ.get("YIZHAN_DEMO", "") == "1",
            duplicate_days=int(environ.get("YIZHAN_DUPLICATE_DAYS", "10")),
        )
