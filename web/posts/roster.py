"""值班表: who is in which position on each day of a week or a month, halves where the day changes hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import request as http
from flask_babel import gettext as _

from web.calendar.page import HALF, described, kind_of
from web.language import hour, say, weekdays
from web.posts.page import today
from web.request import db
from workflow.errors import NotFound
from workflow.station import calendar as calendars
from workflow.station import presence
from workflow.station.calendar import Calendar, dates
from workflow.station.deadline_words import MONTHS
from workflow.station.deadlines import YEARS
from workflow.station.presence import Turn

WEEK, MONTH = "week", "month"
A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Shift:
    """A turn, and the part of the day it is for ('' where it is all of it)."""

    when: str
    turn: Turn


@dataclass(frozen=True)
class Day:
    """``cells``: one a position, in the roster's order; none on a day off."""

    date: date
    weekday: str
    works: bool
    words: str
    today: bool
    cells: list[list[Shift]]


@dataclass(frozen=True)
class Roster:
    view: str
    title: str
    posts: list[str]
    days: list[Day]
    before: date
    after: date
    first: date


def roster() -> Roster:
    """What the address asks for: 'view' and any 'day' of it; this week without. NotFound: years beyond."""
    view = MONTH if http.args.get("view") == MONTH else WEEK
    chosen = _day(http.args.get("day", ""))
    first, last = _span(view, chosen)
    if first.year not in YEARS or last.year not in YEARS:
        raise NotFound
    known = calendars.load(db())
    open_days = [day for day in dates(first, last) if known.is_work(day)]
    absent = presence.away(db(), first, last)
    seats = presence.ahead(db(), open_days, absent, known)
    column = {day: number for number, day in enumerate(open_days)}
    return Roster(
        view=view,
        title=_title(view, first, last),
        posts=[seat.name for seat in seats],
        days=[
            _a_day(known, day, [seat.days[column[day]] for seat in seats] if day in column else [])
            for day in dates(first, last)
        ],
        before=first - A_DAY,
        after=last + A_DAY,
        first=first,
    )


def rows(shown: Roster) -> list[list[str]]:
    """The roster as a table: a day a line, a position a column."""
    return [
        [
            day.date.isoformat(),
            day.weekday,
            "" if day.works else day.words,
            *(["；".join(map(words, cell)) for cell in day.cells] if day.works else [""] * len(shown.posts)),
        ]
        for day in shown.days
    ]


def words(shift: Shift) -> str:
    """'下午 王芳（代 李婷）'."""
    turn = shift.turn
    if turn.person is None:
        said = _("无人在岗")
    elif turn.acting_for is not None:
        said = _("%(name)s（代 %(other)s）", name=turn.person.name, other=turn.acting_for.name)
    else:
        said = turn.person.name
    return f"{shift.when} {said}".strip()


def shifts(known: Calendar, day: date, turns: Sequence[Turn]) -> list[Shift]:
    """Each turn with the part of the day it is for."""
    return [Shift(_when(known, day, turn.since) if len(turns) > 1 else "", turn) for turn in turns]


def _when(known: Calendar, day: date, since: datetime) -> str:
    spans = known.spans(day)
    if spans and since == spans[0][0]:
        words: str = _("上午") if len(spans) > 1 else ""
        return words
    if spans and since == spans[-1][0]:
        return str(_("下午"))
    return str(_("%(time)s 起", time=hour(since)))


def _a_day(known: Calendar, day: date, cells: Sequence[Sequence[Turn]]) -> Day:
    details = known.day(day)
    special = not details.is_work or kind_of(details) == HALF or details.is_worked_weekend
    return Day(
        date=day,
        weekday=weekdays()[day.weekday()],
        works=details.is_work,
        words=described(details) if special else "",
        today=day == today(),
        cells=[shifts(known, day, turns) for turns in cells],
    )


def _span(view: str, chosen: date) -> tuple[date, date]:
    if view == WEEK:
        first = chosen - timedelta(days=chosen.weekday())
        return first, first + timedelta(days=6)
    first = chosen.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1) - A_DAY


def _title(view: str, first: date, last: date) -> str:
    if view == MONTH:
        return str(_("%(year)s 年 %(month)s", year=first.year, month=say(MONTHS[first.month - 1])))
    return str(_("%(first)s 至 %(last)s", first=first.isoformat(), last=last.isoformat()))


def _day(text: str) -> date:
    """Any day of what is to be shown; today for whatever is no date. NotFound: no week around it."""
    try:
        chosen = date.fromisoformat(text)
    except ValueError:
        return today()
    if chosen.year not in YEARS:
        raise NotFound
    return chosen
