"""What the calendar page shows: twelve months, the year's exceptions in words, the window's hours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from flask_babel import gettext as _

from web.language import say, weekdays
from web.request import db, moment
from workflow.station import calendar as calendars
from workflow.station import window_hours
from workflow.station.calendar import LIBRARY, LOCAL, NOTICE, ZONE, Calendar, Day, dates
from workflow.station.deadline_words import MONTHS, day_text

WORK, WEEKEND, OFF, WORKED, CLOSED, HALF = "work", "weekend", "off", "worked", "closed", "half"
EXCEPTIONS = (OFF, WORKED, CLOSED, HALF)
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Cell:
    """A day of a month; ``words`` say everything that colour and sign say."""

    day: date
    kind: str
    sign: str
    words: str
    today: bool
    provisional: bool


@dataclass(frozen=True)
class Month:
    name: str
    weeks: list[list[Cell | None]]
    work: int
    provisional: bool


@dataclass(frozen=True)
class Run:
    """Neighbouring days with one thing to say about them."""

    when: str
    kind: str
    sign: str
    label: str
    name: str
    first: date
    last: date


@dataclass(frozen=True)
class Year:
    number: int
    months: list[Month]
    runs: list[Run]
    work: int
    origin: str
    known: bool


def today() -> date:
    return moment().astimezone(ZONE).date()


def year(number: int) -> Year:
    known = calendars.load(db())
    covered = known.covers(number)
    return Year(
        number=number,
        months=[_month(known, number, month) for month in range(1, 13)],
        runs=list(runs(known.day(day) for day in dates(date(number, 1, 1), date(number, 12, 31)))),
        work=known.count(date(number - 1, 12, 31), date(number, 12, 31)),
        origin=_origin(known, number, covered),
        known=covered,
    )


def kind_of(day: Day) -> str:
    if day.source == LOCAL:
        return HALF if day.is_work else CLOSED
    if day.is_worked_weekend:
        return WORKED
    if day.is_work:
        return WORK
    return OFF if day.name or day.date.weekday() < 5 else WEEKEND


def signs() -> dict[str, str]:
    """One letter a kind: nobody has to tell colours apart."""
    return {WORK: "", WEEKEND: "", OFF: _("休"), WORKED: _("班"), CLOSED: _("闭"), HALF: _("半")}


def labels() -> dict[str, str]:
    return {
        WORK: _("上班"),
        WEEKEND: _("周末"),
        OFF: _("放假"),
        WORKED: _("调休上班"),
        CLOSED: _("全天闭站"),
        HALF: _("半天闭站"),
    }


def label_of(day: Day) -> str:
    """'上午闭站' where the half matters."""
    if kind_of(day) == HALF:
        words: str = _("下午闭站") if day.am else _("上午闭站")
        return words
    return labels()[kind_of(day)]


def described(day: Day) -> str:
    """A day in words: '放假 · 春节 · 暂估'."""
    said = _name(day) if kind_of(day) in EXCEPTIONS else ""
    return " · ".join([label_of(day), *([said] if said else []), *([_("暂估")] if day.provisional else [])])


def runs(days: Iterator[Day]) -> Iterator[Run]:
    run: list[Day] = []
    for day in days:
        if kind_of(day) not in EXCEPTIONS:
            continue
        if run and (day.date - run[-1].date != A_DAY or _said(day) != _said(run[-1])):
            yield _run(run)
            run = []
        run.append(day)
    if run:
        yield _run(run)


def weekday_letters() -> list[tuple[str, str]]:
    """('一', '周一') … for the head of a month."""
    short = (_("一"), _("二"), _("三"), _("四"), _("五"), _("六"), _("日"))
    return list(zip(short, weekdays(), strict=True))


def week() -> list[tuple[int, str, str]]:
    """Weekday, its name, when the window is open."""
    hours = window_hours.of_week(db())
    return [(number, name, window_hours.words(hours[number])) for number, name in enumerate(weekdays())]


def _month(known: Calendar, number: int, month: int) -> Month:
    first = date(number, month, 1)
    last = (first + timedelta(days=31)).replace(day=1) - A_DAY
    cells: list[Cell | None] = [None] * first.weekday()
    cells += [_cell(known.day(day)) for day in dates(first, last)]
    cells += [None] * (-len(cells) % 7)
    return Month(
        name=say(MONTHS[month - 1]),
        weeks=[cells[start : start + 7] for start in range(0, len(cells), 7)],
        work=known.count(first - A_DAY, last),
        provisional=all(known.day(day).provisional for day in dates(first, last)),
    )


def _cell(day: Day) -> Cell:
    kind = kind_of(day)
    words = f"{day.date.isoformat()} {weekdays()[day.date.weekday()]} {described(day)}"
    return Cell(day.date, kind, signs()[kind], words, day.date == today(), day.provisional)


def _said(day: Day) -> tuple[object, ...]:
    return kind_of(day), day.name, day.am


def _run(run: Sequence[Day]) -> Run:
    first, last = run[0], run[-1]
    when = say(day_text(first.date))
    if first is last:
        when = f"{when} {weekdays()[first.date.weekday()]}"
    else:
        when = _(
            "%(first)s至%(last)s，%(count)s 天", first=when, last=say(day_text(last.date)), count=len(run)
        )
    kind = kind_of(first)
    return Run(when, kind, signs()[kind], label_of(first), _name(first), first.date, last.date)


def _name(day: Day) -> str:
    """A holiday's name is translated; a closure's is the station's own words."""
    return day.name if day.source == LOCAL else say(day.label)


def _origin(known: Calendar, number: int, covered: bool) -> str:
    if not covered:
        words: str = _("国务院放假通知尚未录入：只有日期固定的节日，其余为暂估。")
        return words
    sources = {known.day(day).source for day in dates(date(number, 1, 1), date(number, 12, 31))}
    if NOTICE in sources:
        return str(_("按人工录入的放假通知。"))
    assert LIBRARY in sources
    return str(_("按系统自带的放假通知数据。"))
