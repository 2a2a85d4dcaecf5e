"""A deadline as people read it: words first, then a sign and a colour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask_babel import gettext as _

from web.language import say
from workflow.station.calendar import Calendar
from workflow.station.deadline_words import remaining

LATE, SOON, OK, PAUSED, NONE = "late", "soon", "ok", "pause", "none"
SIGNS = {LATE: "alert", SOON: "clock", OK: "check", PAUSED: "pause", NONE: "dash"}


@dataclass(frozen=True)
class Deadline:
    """``tone`` is one of late, soon, ok, pause, none; ``at`` the moment itself, aware."""

    tone: str
    words: str
    at: datetime | None

    @property
    def sign(self) -> str:
        return SIGNS[self.tone]


def tell(due_at: datetime | None, moment: datetime, calendar: Calendar, *, paused: bool = False) -> Deadline:
    """What is left until ``due_at``, in the station's working days."""
    if paused:
        return Deadline(PAUSED, _("暂停计时"), due_at)
    if due_at is None:
        return Deadline(NONE, _("无期限"), None)
    left = remaining(moment, due_at, calendar)
    return Deadline(left.level, say(left.text), due_at)
