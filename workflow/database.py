"""Connections, sessions, migrations and the business clock: all that the station asks of its PostgreSQL.

The embedded server has its keeper (``workflow.keeper``); any PostgreSQL >= 16 does by YIZHAN_DATABASE_URL.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import (
    CheckConstraint,
    Connection,
    Engine,
    Interval,
    create_engine,
    func,
    literal,
    make_url,
    select,
    text,
)
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Mapped, Session, mapped_column, sessionmaker

from workflow.cluster import APPLICATION
from workflow.cluster import DatabaseProblem as DatabaseProblem
from workflow.errors import Refused
from workflow.migrations.by_hand import GROWING
from workflow.schema import Base
from workflow.texts import T

OLDEST = 16
FIRST_YEAR, LAST_YEAR = 2004, 2099  # where the business clock may be moved to
MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 0x79697A68  # one migrator at a time, whichever process asks
WAKE = "yizhan_wake"  # the workers' channel: when the business clock moves they look for due timers again


class WrongRevision(DatabaseProblem):
    """The database's tables are not those of this program."""


class BusinessClock(Base):
    """One row: how far the business clock is ahead of the database's; zero outside demo and tests."""

    __tablename__ = "business_clock"
    __table_args__ = (CheckConstraint("id", name="one_row"),)

    id: Mapped[bool] = mapped_column(primary_key=True, server_default=text("true"))
    ahead: Mapped[timedelta] = mapped_column(Interval)


def make_engine(url: str, *, connections: int = 16) -> Engine:
    """An engine with a pool of at most ``connections``; ours is the search path and UTC on each of them."""
    address = make_url(url).set(drivername="postgresql+psycopg")
    options = f"{address.query.get('options', '')} -c search_path=public,queue -c TimeZone=UTC".strip()
    return create_engine(
        address.difference_update_query(["options"]),
        connect_args={"options": options, "application_name": "yizhan"},
        pool_size=connections,
        max_overflow=0,
        pool_pre_ping=True,
        pool_recycle=3600,
        hide_parameters=True,  # errors are logged, and parameters are what people told us
    )


def make_sessions(engine: Engine) -> sessionmaker[Session]:
    """Sessions that keep what they loaded after a commit: a page is rendered after it."""
    return sessionmaker(engine, expire_on_commit=False)


def check_server(engine: Engine) -> None:
    """DatabaseProblem when nobody answers, or a PostgreSQL older than 16."""
    try:
        with engine.connect() as connection:
            number = int(connection.scalar(text("SHOW server_version_num")) or 0)
    except OperationalError as error:
        raise DatabaseProblem(
            T(
                "连接不上数据库 %(where)s：%(why)s",
                where=engine.url.render_as_string(hide_password=True),
                why=str(error.orig).strip(),
            )
        ) from error
    if number < OLDEST * 10000:
        raise DatabaseProblem(
            T(
                "数据库是 PostgreSQL %(found)s，一站需要 %(needed)s 或更新的版本。",
                found=f"{number // 10000}.{number % 10000}",
                needed=OLDEST,
            )
        )


# ---- migrations


def migrations(connection: Connection | None = None) -> Config:
    """Alembic's configuration, without a file; with a connection its commands run there."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def migrate(engine: Engine) -> None:
    """Bring the tables to this program's revision, in one transaction; whoever comes second waits."""
    check_server(engine)
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        command.upgrade(migrations(connection), "head")
        grant(connection)


def recreate(engine: Engine) -> None:
    """Drop everything, history too, and make the tables anew, in one transaction. Only for a demo."""
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        for schema in ("public", "queue"):
            connection.execute(text(f"DROP SCHEMA IF EXISTS {schema} CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
        command.upgrade(migrations(connection), "head")
        grant(connection)


def check_revision(engine: Engine) -> None:
    """WrongRevision unless the tables are exactly those of this program; web and worker ask at start."""
    check_server(engine)
    needed = set(ScriptDirectory.from_config(migrations()).get_heads())
    with engine.connect() as connection:
        found = set(MigrationContext.configure(connection).get_current_heads())
    if found != needed:
        raise WrongRevision(
            T(
                "数据库结构版本是 %(found)s，程序需要 %(needed)s。请用 yizhan serve 启动一次以升级。",
                found=", ".join(sorted(found)) or "-",
                needed=", ".join(sorted(needed)) or "-",
            )
        )


def grant(connection: Connection) -> None:
    """Rights of the application's role, where it exists (embedded server): all, but history only grows."""
    if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": APPLICATION}) is None:
        return
    for statement in (
        f"GRANT USAGE ON SCHEMA public, queue TO {APPLICATION}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public, queue TO {APPLICATION}",
        f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public, queue TO {APPLICATION}",
    ):
        connection.execute(text(statement))
    for table in (*GROWING, "alembic_version"):
        if connection.scalar(select(func.to_regclass(f"public.{table}"))) is not None:
            connection.execute(text(f"REVOKE UPDATE, DELETE ON public.{table} FROM {APPLICATION}"))


# ---- the business clock (decision 1); its SQL function yz_now() is made by the migrations


def business_now(session: Session) -> datetime:
    """The business clock, aware UTC; within one transaction it stands still."""
    moment: datetime = session.execute(select(func.yz_now())).scalar_one()
    return moment


def set_business_clock(session: Session, moment: datetime) -> None:
    """Let the business clock show ``moment`` (aware) from here on and run on. Demo and tests only."""
    if moment.tzinfo is None:
        raise ValueError("the business clock needs an aware moment")
    _move(session, literal(moment) - func.now())


def shift(session: Session, by: timedelta) -> None:
    """Move the business clock by so much, backwards too. Demo and tests only."""
    _move(session, BusinessClock.ahead + by)


def _move(session: Session, ahead: object) -> None:
    """Refused: beyond the years that the calendar knows; the caller rolls back."""
    session.query(BusinessClock).update({BusinessClock.ahead: ahead}, synchronize_session=False)
    if not session.scalar(select(func.extract("year", func.yz_now()).between(FIRST_YEAR, LAST_YEAR))):
        raise Refused(T("业务时间只能在 %(first)s 年至 %(last)s 年之间。", first=FIRST_YEAR, last=LAST_YEAR))
    session.execute(select(func.pg_notify(WAKE, "")))
