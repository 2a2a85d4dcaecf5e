"""The list of the inbox and its figures, as the page shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from flask import g
from flask import request as http
from flask_babel import gettext as _
from sqlalchemy import select

from web.deadlines import Deadline, tell
from web.incoming import row_id
from web.language import say
from web.request import actor, db, moment
from workflow.station import calendar, filters, inbox, positions, staff
from workflow.station import wanted as asked
from workflow.station.filters import SavedFilter
from workflow.station.permissions import LEAD
from workflow.station.subjects import Subject
from workflow.station.wanted import Wanted
from workflow.texts import Text

PAGE = 50  # lines shown at once
CLOSED = "closed"
WORDS = frozenset(("view", "q", "item", "step", "due", "sort", "cols"))


@dataclass(frozen=True)
class Line:
    """A task as the list shows it; ``handler`` is who has claimed it, ``acting_for`` whose work it is."""

    id: int
    case_id: int | None
    absence_id: int | None
    subject: Subject | None
    case_no: str | None
    item: Text | str
    client: str
    step: str
    deadline: Deadline
    created_at: datetime
    handler: str
    handed_by: str
    acting_for: str
    position: str
    has_form: bool


@dataclass(frozen=True)
class Figure:
    key: str
    label: str
    count: int | None
    tone: str
    href: str
    here: bool = False


@dataclass(frozen=True)
class Listing:
    """What the list's part of the page needs. ``next`` is the address of the page after this one."""

    wanted: Wanted
    title: str
    lines: list[Line]
    columns: list[tuple[str, str]]
    next: str
    first: str
    after: str
    mark: str


def listing(wanted: Wanted) -> Listing:
    """One page of what is wanted."""
    after = http.args.get("after", "")
    found = inbox.lines(db(), actor(), moment(), wanted, after=after, limit=PAGE + 1)
    more = len(found) > PAGE
    found = found[:PAGE]
    return Listing(
        wanted=wanted,
        title=say(asked.VIEWS[wanted.view]),
        lines=shown(found, with_position="position" in wanted.cols),
        columns=[(name, say(asked.COLUMNS[name])) for name in wanted.cols],
        next=address(wanted, after=found[-1].mark(wanted.sort)) if more else "",
        first=address(wanted) if after else "",
        after=after,
        mark=mark(wanted),
    )


def asks(saved: list[SavedFilter]) -> Wanted:
    """What the address asks for: its own words, a saved filter, else the person's default. NotFound."""
    if number := row_id(http.args.get("filter")):
        return filters.find(db(), actor(), number).asks(actor())
    words = from_address()
    if not words:
        usual = next((one for one in saved if one.is_default and one.owner.key == actor().key), None)
        return usual.asks(actor()) if usual else Wanted()
    return asked.read(words, actor())


def from_address() -> dict[str, str]:
    """The words of the address, or of a form sent, that a list is asked for with."""
    return {name: ",".join(http.values.getlist(name)) for name in WORDS & set(http.values)}


def address(wanted: Wanted, path: str = "/", **more: object) -> str:
    """Where this list is. The view always stands in it: the bare '/' opens with the default filter."""
    words = {**{name: str(value) for name, value in more.items()}, "view": wanted.view, **wanted.changed}
    return f"{path}?{urlencode(words)}"


def mark(wanted: Wanted) -> str:
    """Changes when anything in the list or the figures does, and every ten minutes, for the words."""
    whole = (
        inbox.mark(db(), actor(), moment(), wanted),
        str(counted()),
        str(int(moment().timestamp() // 600)),
    )
    return hashlib.sha256("\n".join(whole).encode()).hexdigest()[:16]


def counted() -> inbox.Figures:
    """The figures, counted once a request: the bar on top shows one of them on every page."""
    if "figures" not in g:
        g.figures = inbox.figures(db(), actor(), moment())
    found: inbox.Figures = g.figures
    return found


def figures(wanted: Wanted) -> list[Figure]:
    """The five figures on top; each is also the way to its list."""
    counts = counted()
    mine = Wanted(sort=wanted.sort, cols=wanted.cols)
    ways = (
        (asked.MINE, _("我的待办"), counts.open, "none", mine),
        (asked.FREE, _("待签收"), counts.unclaimed, "none", mine.but(view=asked.FREE)),
        (asked.TODAY, _("今日到期"), counts.due_today, "soon", mine.but(due=asked.TODAY)),
        (asked.LATE, _("已超期"), counts.late, "late", mine.but(due=asked.LATE)),
    )
    return [
        *(
            Figure(key, label, count, tone, address(way), way == wanted)
            for key, label, count, tone, way in ways
        ),
        Figure(CLOSED, _("本月办结"), counts.closed, "none", f"/cases?show={CLOSED}"),
    ]


def tabs(wanted: Wanted) -> list[Figure]:
    """Whose tasks: the ways to look at the inbox that this person has."""
    counts = counted()
    views: list[tuple[str, int | None]] = [
        (asked.MINE, counts.open),
        (asked.OWN, counts.own),
        (asked.POSITION, counts.position),
        (asked.ACTING, counts.acting),
        (asked.HANDED_OUT, counts.handed_out),
    ]
    if LEAD in actor().may:
        views.append((asked.EVERYBODY, None))
    return [
        Figure(
            view, say(asked.VIEWS[view]), count, "none", address(wanted.but(view=view)), view == wanted.view
        )
        for view, count in views
    ]


def narrowed(wanted: Wanted, choices: inbox.Choices) -> list[tuple[str, str]]:
    """What the list is narrowed to, each with the address of the list without it."""
    items = {code: f"{code} {say(name)}" for code, name, _count in choices.items}
    words = (
        ("item", items.get(wanted.item, wanted.item)),
        ("step", say(wanted.step)),
        ("due", say(asked.DUES[wanted.due]) if wanted.due else ""),
        ("q", f"“{wanted.q}”" if wanted.q else ""),
    )
    return [(label, address(wanted.but(**{name: ""}))) for name, label in words if label]


def line(task_id: int) -> Line | None:
    """One open task, if this person may see it; a leader sees everybody's."""
    found = inbox.line(db(), actor(), moment(), task_id)
    return shown([found])[0] if found else None


def shown(found: Iterable[inbox.Line], *, with_position: bool = False) -> list[Line]:
    """Lines of the station in the words of the page."""
    rows = list(found)
    known = calendar.load(db())
    people = {key for row in rows for key in (row.assignee, row.acting_for, row.handed_by) if key}
    names = staff.names(db(), people)
    places = _positions() if with_position else {}
    return [
        Line(
            id=row.task_id,
            case_id=row.case_id,
            absence_id=row.absence_id,
            subject=row.subject,
            case_no=row.case_no,
            item=row.title,
            client=row.client,
            step=row.task_name,
            deadline=tell(row.due_at, moment(), known, paused=row.paused),
            created_at=row.created_at,
            handler=names.get(row.assignee or "", ""),
            handed_by=names.get(row.handed_by or "", ""),
            acting_for=names.get(row.acting_for or "", ""),
            position=say(places.get(row.candidate, "")),
            has_form=row.has_form,
        )
        for row in rows
    ]


def _positions() -> Mapping[str, str | Text]:
    """The name of every position and duty by its code."""
    rows = db().execute(select(positions.Position.code, positions.Position.name))
    return {**positions.DUTIES, **{row.code: row.name for row in rows}}
