"""The page of people: how much everybody has to do, who is away and who acts on the next days."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from web.board.page import AHEAD, marks
from web.language import ZONE
from web.request import actor, db, moment
from workflow.station import calendar, presence, workload
from workflow.station.presence import Away, Seat
from workflow.station.workload import Load


@dataclass(frozen=True)
class People:
    """``days``: the local days over which ``seats`` tell their turns; ``most``: the longest heap of tasks."""

    loads: list[Load]
    most: int
    days: list[date]
    seats: list[Seat]
    away: list[Away]


def people() -> People:
    known, today = calendar.load(db()), moment().astimezone(ZONE).date()
    first = known.on_or_after(today)
    days = [known.shift(first, count) for count in range(AHEAD + 1)]
    absent = presence.away(db(), days[0], days[-1])
    found = loads()
    return People(
        loads=found,
        most=max((load.open for load in found), default=0),
        days=days,
        seats=presence.ahead(db(), days, absent, known),
        away=absent,
    )


def loads() -> list[Load]:
    return workload.loads(db(), actor(), marks(), moment())
