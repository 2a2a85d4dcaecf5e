"""What no table declares: yz_now(), the queue's schema, the history that only grows.

Revisions call these; the parts are written so that a second run changes nothing.
"""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Connection, text

# Lines are only ever added to these.
GROWING = (
    "history",
    "anchor",
    "anchor_head",
    "clock_event",
    "escalation",
    "contact",
    "calendar_change",
    "position_change",
    "comment",
    "first_contact_change",
    "guidance",
    "diagram_reading",
    "case_relation",
    "consultation_contact",
    "complaint_contact",
    "complaint_statement",
    "complaint_party",
)
YZ_NOW = """
CREATE OR REPLACE FUNCTION public.yz_now() RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    RETURN now() + coalesce((SELECT ahead FROM public.business_clock), interval '0');
END $$
"""
REFUSE = """
CREATE OR REPLACE FUNCTION public.yz_history_only_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'history only grows: % on % is refused', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$
"""


def before_tables(connection: Connection) -> None:
    """Functions that defaults and triggers may name, and the queue."""
    connection.execute(text(YZ_NOW))
    connection.execute(text(REFUSE))
    install_queue(connection)


def after_tables(connection: Connection) -> None:
    """The clock's one row, and the history's guard."""
    connection.execute(
        text("INSERT INTO business_clock (id, ahead) VALUES (true, interval '0') ON CONFLICT DO NOTHING")
    )
    for table in GROWING:
        protect(connection, table)


def fill_initials(connection: Connection) -> None:
    """Give every person known before the column the initials of the name; once, in the revision."""
    from workflow.station.pinyin import name_initials

    rows = connection.execute(text("SELECT id, name FROM person WHERE initials = ''")).all()
    for number, name in rows:
        connection.execute(
            text("UPDATE person SET initials = :initials WHERE id = :id"),
            {"initials": name_initials(name), "id": number},
        )


def protect(connection: Connection, table: str) -> None:
    """No UPDATE, DELETE or TRUNCATE on ``table`` for anybody, its owner included."""
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": f"public.{table}"}) is None:
        return
    connection.execute(
        text(
            f"CREATE OR REPLACE TRIGGER {table}_only_grows BEFORE UPDATE OR DELETE OR TRUNCATE "
            f"ON public.{table} FOR EACH STATEMENT EXECUTE FUNCTION public.yz_history_only_grows()"
        )
    )


def install_queue(connection: Connection) -> None:
    """Procrastinate's own tables and functions, in the schema ``queue``; once.

    They are those of the installed release: a later release needs a revision with its own migrations.
    """
    if connection.scalar(text("SELECT to_regclass('queue.procrastinate_jobs')")) is not None:
        return
    connection.execute(text("CREATE SCHEMA IF NOT EXISTS queue"))
    connection.execute(text("SET LOCAL search_path = queue"))
    statements = (files("procrastinate") / "sql" / "schema.sql").read_text("utf-8")
    raw = connection.connection.driver_connection
    assert raw is not None
    with raw.cursor() as cursor:
        cursor.execute(statements)
    connection.execute(text("SET LOCAL search_path = public, queue"))
