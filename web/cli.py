"""``yizhan``: the station from the command line. Each command imports what it needs, and nothing else."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from workflow.errors import Refused, YizhanError
from workflow.settings import Settings
from workflow.texts import CHINESE, ENGLISH, T, Text

STEP = re.compile(r"([+-])([0-9]{1,6})([dhm])")
UNITS = {"d": "days", "h": "hours", "m": "minutes"}


def language() -> str:
    """The terminal's: English where the locale says so, else Chinese."""
    named = (os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return ENGLISH if next(filter(None, named), "").lower().startswith("en") else CHINESE


def say(text: Text) -> None:
    click.echo(text.say(language()))
    sys.stdout.flush()


class Commands(click.Group):
    """What the station refuses is one sentence and exit code 1, never a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except YizhanError as error:
            click.echo(error.text.say(language()), err=True)
            ctx.exit(1)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """A one-stop service station, run by BPMN diagrams."""


# ---- the station


@main.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Default YIZHAN_PORT, else 8000.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
def serve(port: int | None, host: str) -> None:
    """Run the station: database, web and worker, until Ctrl-C."""
    from web.serving import configure_log
    from web.supervisor import Supervisor

    if port is not None:
        os.environ["YIZHAN_PORT"] = str(port)
    configure_log()
    Supervisor(Settings.from_environment(), host=host, say=say).run()


@main.command()
@click.option("--port", type=click.IntRange(1, 65535))
@click.option("--host", default="127.0.0.1", show_default=True)
def web(port: int | None, host: str) -> None:
    """Serve the pages only; the database must be running."""
    from web import serving

    if port is not None:
        os.environ["YIZHAN_PORT"] = str(port)
    with database() as settings:
        serving.serve(settings, host=host)


@main.command()
def worker() -> None:
    """Fire due timers and run jobs only; any number of workers may run."""
    from web import working

    with database() as settings:
        working.work(settings)


@contextmanager
def database() -> Iterator[Settings]:
    """Settings with the database's address; handed to this process's environment too."""
    from web import installation

    settings = Settings.from_environment()
    with installation.database(settings) as place:
        os.environ["YIZHAN_DATABASE_URL"] = place.database_url
        yield replace(settings, database_url=place.database_url)


# ---- the demo


@main.group()
def demo() -> None:
    """Move the demo's business clock, or begin the demo again."""


@demo.command(context_settings={"ignore_unknown_options": True})
@click.argument("to", metavar="[+2d|+3h|-30m|'2026-03-09 09:00']", required=False)
def clock(to: str | None) -> None:
    """Show the business clock, or move it: timers that fall due are fired at once."""
    from sqlalchemy.orm import Session

    from web import installation
    from workflow.database import business_now, make_engine, set_business_clock, shift

    settings = Settings.from_environment()
    only_in_a_demo(settings)
    move = read_move(to) if to else None
    with installation.database(settings) as place:
        engine = make_engine(place.database_url, connections=1)
        with Session(engine) as session, session.begin():
            if isinstance(move, timedelta):
                shift(session, move)
            elif isinstance(move, datetime):
                set_business_clock(session, move)
            session.flush()
        with Session(engine) as session:
            now = business_now(session).astimezone(ZoneInfo("Asia/Shanghai"))
        engine.dispose()
    say(T("业务时间：%(moment)s", moment=f"{now:%Y-%m-%d %H:%M}"))


@demo.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Throw all data of the demo away and begin again at its first morning."""
    from web import installation

    settings = Settings.from_environment()
    only_in_a_demo(settings)
    if not yes:
        click.confirm(T("删除演示数据并重新开始？").say(language()), abort=True)
    with installation.database(settings) as place:
        installation.reset(place)
    say(T("演示数据已恢复到最初。"))


def only_in_a_demo(settings: Settings) -> None:
    from web.installation import Running

    running = Running.find(settings.home)
    if not (running.demo if running else settings.demo):
        raise Refused(T("只有演示环境（YIZHAN_DEMO=1）可以移动业务时钟或重置数据。"))


def read_move(to: str) -> timedelta | datetime:
    """'+2d', '-3h', '+30m', or a moment of Asia/Shanghai."""
    if step := STEP.fullmatch(to):
        amount = timedelta(**{UNITS[step[3]]: int(step[2])})
        return -amount if step[1] == "-" else amount
    try:
        moment = datetime.fromisoformat(to)
    except ValueError:
        raise Refused(T('“%(text)s”不是时间，请写成 +2d、+3h 或 "2026-03-09 09:00"。', text=to)) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo("Asia/Shanghai"))


# ---- answers


@main.command()
@click.argument("begun", metavar="FROM")
@click.option("--limit", required=True, help="How long: 5, 0.5 …")
@click.option(
    "--unit",
    type=click.Choice(["working-day", "day", "working-hour", "hour"]),
    default="working-day",
    show_default=True,
)
@click.option("--stop", "stops", multiple=True, metavar="A..B", help="The clock stands still; repeatable.")
@click.option("--extend", multiple=True, metavar="N", help="Working days granted; repeatable.")
@click.option("--json", "as_json", is_flag=True)
def due(
    begun: str, limit: str, unit: str, stops: tuple[str, ...], extend: tuple[str, ...], as_json: bool
) -> None:
    """The deadline of what was received at FROM (2026-03-02 or 2026-03-02T15:00), and why."""
    from workflow.station.deadlines import explain_due

    answer = explain_due(begun, limit, unit, stops, extend, language=language())
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    click.echo(answer["deadline"])
    if answer["provisional"]:
        say(T("暂定：有的年份尚未公布放假安排。"))
    click.echo(answer["why"])


@main.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option("--json", "as_json", is_flag=True, help="A list, one object a finding.")
def check(files: tuple[Path, ...], as_json: bool) -> None:
    """Find what is wrong in diagrams, decision tables and forms; exit 1 on errors. Needs no database."""
    from workflow.station.checking import check_files

    findings = check_files(files)
    if as_json:
        click.echo(json.dumps([finding.as_dict(language()) for finding in findings], ensure_ascii=False))
    else:
        for finding in findings:
            where = f"{finding.file}:{finding.line or 1}: {finding.severity} {finding.code}"
            click.echo(f"{where}: {finding.message.say(language())} [{finding.element or '-'}]")
        if not findings:
            say(T("没有发现问题。"))
    if any(finding.severity == "error" for finding in findings):
        sys.exit(1)


@main.command()
@click.option("--json", "as_json", is_flag=True)
def verify(as_json: bool) -> None:
    """Check the seals of every case's history and all signed anchors; exit 1 on a fault."""
    from sqlalchemy.orm import Session

    from workflow.database import make_engine
    from workflow.engine import history
    from workflow.station import keys

    with database() as settings:
        assert settings.database_url is not None
        engine = make_engine(settings.database_url, connections=1)
        with Session(engine) as session:
            faults = history.verify(session, keys.public_key(settings.home))
        engine.dispose()
    if as_json:
        click.echo(json.dumps([vars(fault) for fault in faults], ensure_ascii=False))
    else:
        for fault in faults:
            click.echo(f"instance {fault.instance_id} line {fault.seq}: {fault.what}")
        if not faults:
            say(T("全部历史记录和签名完好。"))
    if faults:
        sys.exit(1)


@main.group()
def bench() -> None:
    """Measure on this machine."""


@bench.command()
@click.option("--json", "as_json", is_flag=True)
def step(as_json: bool) -> None:
    """One step of the engine against the rows it writes, in one run."""
    from web.benchmarks import step as benchmark

    result = benchmark.run()
    if as_json:
        click.echo(json.dumps(result))
    else:
        for name, value in result.items():
            click.echo(f"{name:<22}{value}")


if __name__ == "__main__":
    main()
