"""What a list of tasks is asked for: whose, which, in what order, from where on. Conditions only."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, false, func, or_, true, tuple_

from workflow.engine.actors import Actor
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import TaskRow
from workflow.station import matters
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.clock_ledger import STOPPED, Clock
from workflow.station.enterprises import Enterprise
from workflow.station.items import ServiceItem
from workflow.station.permissions import LEAD
from workflow.station.persons import Person
from workflow.texts import T, Text

LONGEST = 80  # signs of a search
SHORTEST_INITIALS = 2  # one letter would find half of all people

MINE, FREE, OWN, POSITION, ACTING = "mine", "free", "own", "position", "acting"
HANDED_OUT, EVERYBODY = "handed_out", "everybody"
VIEWS: dict[str, Text] = {
    MINE: T("我的待办"),
    FREE: T("待签收"),
    OWN: T("我签收的"),
    POSITION: T("本岗位"),
    ACTING: T("代岗"),
    HANDED_OUT: T("已转出"),
    EVERYBODY: T("全部"),
}
LATE, TODAY, WEEK, PAUSED, NONE = "late", "today", "week", "paused", "none"
DUES: dict[str, Text] = {
    LATE: T("已超期"),
    TODAY: T("今日到期"),
    WEEK: T("本周到期"),
    PAUSED: T("暂停计时"),
    NONE: T("无期限"),
}
BY_DUE, BY_RECEIVED, BY_NUMBER = "due", "received", "number"
SORTS: dict[str, Text] = {
    BY_DUE: T("按时限"),
    BY_RECEIVED: T("按收到时间"),
    BY_NUMBER: T("按编号"),
}
COLUMNS: dict[str, Text] = {
    "step": T("环节"),
    "due": T("时限"),
    "handler": T("办理人"),
    "received": T("收到时间"),
    "position": T("岗位"),
}
USUAL = ("step", "due", "handler")


@dataclass(frozen=True)
class Wanted:
    """``item`` is a code, ``step`` a step's name, ``cols`` the columns shown; empty = not asked for."""

    view: str = MINE
    q: str = ""
    item: str = ""
    step: str = ""
    due: str = ""
    sort: str = BY_DUE
    cols: tuple[str, ...] = USUAL

    @property
    def changed(self) -> dict[str, str]:
        """What is not as usual, as the words of an address."""
        usual = Wanted()
        found = {
            one.name: getattr(self, one.name)
            for one in fields(self)
            if getattr(self, one.name) != getattr(usual, one.name)
        }
        return {name: ",".join(value) if name == "cols" else value for name, value in found.items()}

    def but(self, **changed: Any) -> Wanted:
        return replace(self, **changed)


def read(words: dict[str, str], actor: Actor) -> Wanted:
    """From an address or a stored filter. What is unknown, or not this person's to ask, is as usual."""
    view, due, sort = words.get("view", MINE), words.get("due", ""), words.get("sort", BY_DUE)
    if view not in VIEWS or (view == EVERYBODY and LEAD not in actor.may):
        view = MINE
    asked = words.get("cols", "").split(",")
    cols = tuple(name for name in COLUMNS if name in asked) if "cols" in words else USUAL
    return Wanted(
        view=view,
        q=words.get("q", "").strip()[:LONGEST],
        item=words.get("item", "").strip()[:LONGEST],
        step=words.get("step", "").strip()[:LONGEST],
        due=due if due in DUES else "",
        sort=sort if sort in SORTS else BY_DUE,
        cols=cols,
    )


# --- conditions, for a query of tasks with their cases and clocks -------------------------------------------

STANDS: ColumnElement[bool] = func.coalesce(Clock.state == STOPPED, false())


def whose(view: str, actor: Actor) -> ColumnElement[bool]:
    """The tasks of a view. ``mine`` is what the person has to do now: own, offered, acting (R1.3c)."""
    own_right = [code for code, behalf in actor.offers.items() if behalf is None]
    acting = [code for code, behalf in actor.offers.items() if behalf is not None]
    others = [key for key in actor.selves if key != actor.key]
    free = TaskRow.assignee.is_(None)
    views: dict[str, ColumnElement[bool]] = {
        MINE: or_(TaskRow.assignee.in_(actor.selves), and_(free, TaskRow.candidate.in_(actor.asked))),
        FREE: and_(free, TaskRow.candidate.in_(actor.asked)),
        OWN: or_(TaskRow.assignee == actor.key, and_(free, TaskRow.candidate == actor.key)),
        POSITION: and_(free, TaskRow.candidate.in_(own_right)),
        ACTING: or_(TaskRow.assignee.in_(others), and_(free, TaskRow.candidate.in_([*acting, *others]))),
        HANDED_OUT: and_(TaskRow.handed_by == actor.key, TaskRow.assignee != actor.key),
        EVERYBODY: true() if LEAD in actor.may else false(),
    }
    return views[view]


def due(state: str, moment: datetime) -> ColumnElement[bool]:
    """By the state of the deadline, in local days; a week ends on Sunday."""
    local = moment.astimezone(ZONE)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    runs = and_(~STANDS, TaskRow.due_at > moment)
    states: dict[str, ColumnElement[bool]] = {
        LATE: and_(~STANDS, TaskRow.due_at <= moment),
        TODAY: and_(runs, TaskRow.due_at < midnight),
        WEEK: and_(runs, TaskRow.due_at < midnight + timedelta(days=6 - local.weekday())),
        PAUSED: STANDS,
        NONE: and_(~STANDS, TaskRow.due_at.is_(None)),
    }
    return states[state]


def matching(text: str) -> ColumnElement[bool]:
    """Number, item, matter, enterprise (also by initials), or the client's whole name or initials.

    A restricted person is found by nothing of his or her own.
    """
    words = "".join(text.split())
    person = Person.name == words
    if words.isascii() and len(words) >= SHORTEST_INITIALS:
        person = or_(person, Person.initials.startswith(words.lower(), autoescape=True))
    return or_(
        Case.no.icontains(words, autoescape=True),
        ServiceItem.name.icontains(words, autoescape=True),
        ServiceItem.code == words.upper(),
        Enterprise.name.icontains(words, autoescape=True),
        Enterprise.initials.contains(words.lower(), autoescape=True),
        Case.matter.icontains(words, autoescape=True),
        matters.matching(words, InstanceRow.business_key),
        and_(~Person.restricted, person),
    )


def conditions(wanted: Wanted, actor: Actor, moment: datetime) -> list[ColumnElement[bool]]:
    found = [whose(wanted.view, actor)]
    if wanted.q:
        found.append(matching(wanted.q))
    if wanted.item:
        found.append(ServiceItem.code == wanted.item)
    if wanted.step:
        found.append(TaskRow.name == wanted.step)
    if wanted.due:
        found.append(due(wanted.due, moment))
    return found


# --- order, and the page after a line ---


def order(sort: str) -> list[ColumnElement[Any]]:
    orders: dict[str, list[ColumnElement[Any]]] = {
        BY_DUE: [TaskRow.due_at.asc(), TaskRow.id.asc()],  # PostgreSQL: no date comes last
        BY_RECEIVED: [TaskRow.created_at.desc(), TaskRow.id.desc()],
        BY_NUMBER: [Case.no.asc(), TaskRow.id.asc()],
    }
    return orders[sort]


def after(sort: str, mark: str) -> ColumnElement[bool]:
    """Everything behind the line that ``mark`` names; a mark that says nothing is the beginning."""
    value, _, number = mark.rpartition("~")
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        return true()
    last = int(number)
    if sort == BY_NUMBER:
        return _behind(Case.no, value or None, last)
    try:
        moment = datetime.fromisoformat(value) if value else None
    except ValueError:
        return true()
    if moment is not None and moment.tzinfo is None:
        return true()
    if sort == BY_RECEIVED:
        return tuple_(TaskRow.created_at, TaskRow.id) < tuple_(moment, last) if moment else true()
    return _behind(TaskRow.due_at, moment, last)


def _behind(column: Any, value: Any, last: int) -> ColumnElement[bool]:
    if value is None:
        return and_(column.is_(None), TaskRow.id > last)
    return or_(column > value, and_(column == value, TaskRow.id > last), column.is_(None))
