"""The list of the inbox and its figures, as the page shows them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from web.deadlines import Deadline, tell
from web.language import ZONE
from web.request import actor, db, moment
from workflow.station import calendar, inbox, staff
from workflow.texts import Text

LONGEST = 500  # lines shown; whoever has more searches
MINE, FREE, TODAY, LATE, CLOSED = "mine", "free", "today", "late", "closed"


@dataclass(frozen=True)
class Line:
    """A task as the list shows it; ``handler`` is who has claimed it, ``acting_for`` whose work it is."""

    id: int
    case_id: int | None
    absence_id: int | None
    case_no: str | None
    item: Text | str
    client: str
    step: str
    deadline: Deadline
    created_at: datetime
    handler: str
    acting_for: str


@dataclass(frozen=True)
class Figure:
    key: str
    label: str
    count: int
    tone: str
    href: str


def figures() -> list[Figure]:
    """The five figures on top; each is also the way to its list."""
    counted = inbox.figures(db(), actor(), moment())
    return [
        Figure(MINE, _("我的待办"), counted.open, "none", "/"),
        Figure(FREE, _("待签收"), counted.unclaimed, "none", f"/?show={FREE}"),
        Figure(TODAY, _("今日到期"), counted.due_today, "soon", f"/?show={TODAY}"),
        Figure(LATE, _("已超期"), counted.late, "late", f"/?show={LATE}"),
        Figure(CLOSED, _("本月办结"), counted.closed, "none", f"/cases?show={CLOSED}"),
    ]


def lines(show: str, q: str) -> list[Line]:
    """The tasks of a list, the most urgent first."""
    found = inbox.lines(db(), actor(), moment(), q=q, limit=LONGEST)
    return shown(one for one in found if _belongs(one, show))


def line(task_id: int) -> Line | None:
    """One open task, if this person may see it; a leader sees everybody's."""
    found = inbox.line(db(), actor(), moment(), task_id)
    return shown([found])[0] if found else None


def _belongs(line: inbox.Line, show: str) -> bool:
    if show == FREE:
        return line.assignee is None
    if show == LATE:
        return line.late
    if show == TODAY:
        today = moment().astimezone(ZONE).date()
        return line.due_at is not None and not line.late and line.due_at.astimezone(ZONE).date() == today
    return True


def shown(found: Iterable[inbox.Line]) -> list[Line]:
    """Lines of the station in the words of the page."""
    rows = list(found)
    known = calendar.load(db())
    names = staff.names(db(), {key for row in rows for key in (row.assignee, row.acting_for) if key})
    return [
        Line(
            id=row.task_id,
            case_id=row.case_id,
            absence_id=row.absence_id,
            case_no=row.case_no,
            item=row.title,
            client=row.client,
            step=row.task_name,
            deadline=tell(row.due_at, moment(), known),
            created_at=row.created_at,
            handler=names.get(row.assignee or "", ""),
            acting_for=names.get(row.acting_for or "", ""),
        )
        for row in rows
    ]
