"""The view for a wall: big figures, today's deadlines, who acts. Case numbers and items, nothing personal
of clients."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from web.board.page import Due, Light, counted, marks, strip
from web.board.query import Query
from web.language import ZONE
from web.request import actor, db, moment
from workflow.station import calendar, inbox, lights, presence, targets
from workflow.station.lights import Mark
from workflow.station.presence import Seat
from workflow.station.targets import Progress

LONGEST = 8  # lines of a list: more would be too small to read from afar


@dataclass(frozen=True)
class Wall:
    """``urgent``: red and yellow cases and those due today, the most urgent first; ``more`` did not fit.

    ``acting``: positions that somebody else holds now, or nobody.
    """

    moment: datetime
    lights: list[Light]
    open: int
    closed: int
    urgent: list[Mark]
    more: int
    strip: list[Due]
    acting: list[Seat]
    targets: list[Progress]


def screen() -> Wall:
    everything, now = marks(), moment()
    today = now.astimezone(ZONE).date()
    urgent = [
        one
        for one in everything
        if one.light in (lights.RED, lights.YELLOW) or (one.light == lights.GREEN and one.due_on == today)
    ]
    seats = presence.now(db(), now)
    return Wall(
        moment=now,
        lights=counted(lights.count(everything)),
        open=len(everything),
        closed=inbox.figures(db(), actor(), now).closed,
        urgent=urgent[:LONGEST],
        more=max(0, len(urgent) - LONGEST),
        strip=strip(Query(), everything),
        acting=[seat for seat in seats if any(t.acting_for or t.person is None for t in seat.days[0])],
        targets=targets.running(db(), actor(), now, calendar.load(db())),
    )
