"""What the page of positions and absences shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import select

from web.language import ZONE, day, hour
from web.request import actor, db, moment
from workflow.station import absences, arrangements, positions, presence
from workflow.station.absences import Absence
from workflow.station.arrangements import Arrangement
from workflow.station.permissions import can, visible
from workflow.station.positions import Uncovered
from workflow.station.presence import Turn
from workflow.texts import Text

TONES = {
    absences.COMING: "none",
    absences.AWAY: "pause",
    absences.OVERDUE: "late",
    absences.BACK: "ok",
    absences.WITHDRAWN: "none",
}
SIGNS = {"late": "alert", "ok": "check", "pause": "clock"}
MOST_PAST = 100  # absences that are over, shown at once


@dataclass(frozen=True)
class Place:
    """A position with whose turn it is now; ``turn`` None: it is not active."""

    arrangement: Arrangement
    turn: Turn | None
    red: bool


@dataclass(frozen=True)
class Line:
    """An absence in a list; ``acting``: who acts now, else who will; ``as_what`` says which."""

    absence: Absence
    when: str
    as_what: str
    acting: str
    cause: Text | str
    state: Text
    tone: str
    sign: str


@dataclass(frozen=True)
class Page:
    places: list[Place]
    uncovered: list[Uncovered]
    absences: list[Line]
    past: bool
    may_arrange: bool


def page(*, past: bool) -> Page:
    arranges = can(actor(), "arrange_positions")
    now = {seat.code: seat.days[0][0] for seat in presence.now(db(), moment())}
    red = positions.uncovered(db(), moment())
    bare = {one.code for one in red}
    return Page(
        places=[
            Place(one, now.get(one.position.code), one.position.code in bare)
            for one in arrangements.of(db(), today(), inactive=arranges)
        ],
        uncovered=red,
        absences=lines(_listed(past=past)),
        past=past,
        may_arrange=arranges,
    )


def today() -> date:
    return moment().astimezone(ZONE).date()


def lines(found: Sequence[Absence]) -> list[Line]:
    return [line(one) for one in found]


def line(absence: Absence) -> Line:
    state = absence.state(moment())
    tone = TONES[state]
    return Line(
        absence=absence,
        when=span(absence.from_at, absence.to_at),
        as_what=_("代岗") if state == absences.AWAY else _("替补"),
        acting=_acting(absence, state),
        cause=absence.cause_text or absences.CAUSES[absence.cause],
        state=absences.STATES[state],
        tone=tone,
        sign=SIGNS.get(tone, "dash"),
    )


def span(from_at: datetime, to_at: datetime) -> str:
    """'2026-03-04 周三 13:30 – 17:30', with both days where they differ."""
    same = from_at.astimezone(ZONE).date() == to_at.astimezone(ZONE).date()
    end = hour(to_at) if same else f"{day(to_at)} {hour(to_at)}"
    return f"{day(from_at)} {hour(from_at)} – {end}"


def _acting(absence: Absence, state: str) -> str:
    if state == absences.AWAY:
        acting = positions.stand_ins(db(), absence.person, moment())
        return str(_("、").join(person.name for person in acting))
    return absence.substitute.name if absence.substitute else ""


def _listed(*, past: bool) -> Sequence[Absence]:
    found = absences.past(moment()).limit(MOST_PAST) if past else absences.current(moment())
    return db().scalars(found.where(visible(actor(), Absence))).all()


def find(absence_id: int) -> Absence | None:
    """An absence that the reader may see, else None."""
    return db().scalars(select(Absence).where(Absence.id == absence_id, visible(actor(), Absence))).first()
