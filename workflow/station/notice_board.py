"""岗位公示牌: who does what and who stands in today, printed for the window (R1.3a, R1.3c).

A print of current facts, without a number and not kept. Why somebody is away is nobody's business outside.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from workflow.station import arrangements, calendar, items, presence, rendering
from workflow.station.arrangements import Arrangement
from workflow.station.calendar import ZONE, Calendar
from workflow.station.presence import Turn
from workflow.station.staff import Staff

TEMPLATE = "notice_board"


def pdf(session: Session, moment: datetime) -> bytes:
    """The board as it is at this moment. Refused: a sign that no font can print."""
    return rendering.render(TEMPLATE, rendering.breakable(rendering.printable(facts(session, moment))))


def facts(session: Session, moment: datetime) -> dict[str, Any]:
    """What it says, in Chinese: each active position with its duties, A, B in order, who is there today."""
    today = moment.astimezone(ZONE).date()
    known = calendar.load(session)
    absent = presence.away(session, today, today)
    turns = {seat.code: seat.days[0] for seat in presence.ahead(session, [today], absent, known)}
    handled: dict[str, list[str]] = {}
    for version in items.catalogue(session, today):
        handled.setdefault(version.handler_position, []).append(version.item.name)
    return {
        "letterhead": rendering.letterhead(),
        "printed": {"year": today.year, "month": today.month, "day": today.day},
        "printed_on": f"{today.year}年{today.month}月{today.day}日 {moment.astimezone(ZONE):%H:%M}",
        "positions": [
            _position(one, handled.get(one.position.code, []), turns[one.position.code], known, today)
            for one in arrangements.of(session, today)
        ],
    }


def _position(
    one: Arrangement, handled: Sequence[str], turns: Sequence[Turn], known: Calendar, today: date
) -> dict[str, Any]:
    return {
        "name": one.position.name,
        "duties": "、".join(str(duty) for duty in one.duties),
        "items": "、".join(handled),
        "a": _person(one.now.a) if one.now and one.now.a else None,
        "b": [_person(person) for person in one.now.b] if one.now else [],
        "today": [_turn(turn, known, today, whole=len(turns) == 1) for turn in turns],
    }


def _person(person: Staff) -> dict[str, str]:
    return {"name": person.name, "title": person.title}


def _turn(turn: Turn, known: Calendar, today: date, *, whole: bool) -> dict[str, str]:
    halves = [opens for opens, _ in known.spans(today)]
    when = ""
    if not whole:
        names = dict(zip(halves, ("上午", "下午"), strict=False))
        when = names.get(turn.since, f"{turn.since.astimezone(ZONE):%H:%M}起")
    return {
        "when": when,
        "name": turn.person.name if turn.person else "",
        "acting_for": turn.acting_for.name if turn.acting_for else "",
    }
