"""Everything the board shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from flask_babel import gettext as _
from sqlalchemy import func, select

from web.board.query import Query
from web.deadlines import LATE, NONE, OK, PAUSED, SIGNS, SOON
from web.language import ZONE, say, weekdays
from web.request import actor, db, moment
from workflow.engine.incidents import IncidentRow
from workflow.station import absences, board, calendar, duplicates, lights, presence, targets
from workflow.station.board import Line
from workflow.station.items import DOMAINS
from workflow.station.lights import Group, Mark
from workflow.station.permissions import visible
from workflow.station.presence import Away, Seat
from workflow.station.targets import Progress
from workflow.texts import Text

PAGE = 50  # lines
AHEAD = 5  # working days shown after today
TONES = {
    lights.RED: LATE,
    lights.YELLOW: SOON,
    lights.GREEN: OK,
    lights.PAUSED: PAUSED,
    lights.UNTIMED: NONE,
}


@dataclass(frozen=True)
class Light:
    """A light as a word, a sign and a colour; never a colour alone."""

    key: str
    word: str
    count: int = 0

    @property
    def tone(self) -> str:
        return TONES[self.key]

    @property
    def sign(self) -> str:
        return SIGNS[self.tone]


@dataclass(frozen=True)
class Bar:
    """A stacked bar: (tone, offset, width) in percent of the longest one."""

    parts: list[tuple[str, float, float]]


@dataclass(frozen=True)
class Heap:
    """A group with its counts, its bar and the address that keeps to it."""

    name: str
    total: int
    lights: list[Light]
    bar: Bar
    href: str
    chosen: bool
    nobody: bool


@dataclass(frozen=True)
class Due:
    """A day of the strip."""

    day: date
    name: str
    total: int
    bar: Bar
    href: str
    chosen: bool
    today: bool


@dataclass(frozen=True)
class Page:
    query: Query
    lights: list[Light]
    total: int
    found: int
    lines: list[Line]
    pages: int
    heaps: list[Heap]
    strip: list[Due]
    people: list[tuple[str, str]]
    items: list[tuple[str, str]]
    domains: list[tuple[str, str]]


@dataclass(frozen=True)
class Side:
    """What stands beside the list: who is away today, empty posts, targets, incidents."""

    away: list[Away]
    empty: list[Seat]
    targets: list[Progress]
    incidents: int
    week: list[tuple[Text | str, int, int]]  # kind of item, registered last week, this week


def marks() -> list[Mark]:
    return board.overview(db(), actor(), moment())


def page(query: Query) -> Page:
    """The lines of one page, and the counts over all open cases."""
    everything, filters = marks(), query.filters
    kept = sorted((one for one in everything if filters.keeps(one)), key=lights.ORDERS[query.sort])
    pages = max(1, -(-len(kept) // PAGE))
    begin = (min(query.page, pages) - 1) * PAGE
    of_light = [one for one in everything if filters.keeps(one, but="light")]
    of_day = [one for one in everything if filters.keeps(one, but="due_on")]
    return Page(
        query=query,
        lights=counted(lights.count(of_light)),
        total=len(of_light),
        found=len(kept),
        lines=board.lines(db(), kept[begin : begin + PAGE], moment()),
        pages=pages,
        heaps=_heaps(query, everything),
        strip=strip(query, of_day),
        people=[(one.key, one.name or _("无人")) for one in lights.by_person(everything)],
        items=sorted((one.key, one.name) for one in lights.by_item(everything) if one.key),
        domains=sorted((one.key, say(one.name)) for one in lights.by_domain(everything) if one.key),
    )


def side() -> Side:
    now, known = moment(), calendar.load(db())
    today = now.astimezone(ZONE).date()
    waiting = select(func.count(IncidentRow.id)).where(IncidentRow.resolved_at.is_(None))
    return Side(
        away=[one for one in presence.away(db(), today, today) if one.to_at > now],
        empty=[seat for seat in presence.now(db(), now) if seat.empty],
        targets=targets.running(db(), actor(), now, known),
        incidents=db().scalar(waiting.where(visible(actor(), IncidentRow))) or 0,
        week=_week(),
    )


def _week() -> list[tuple[Text | str, int, int]]:
    """In the order of the domains; what is not classified yet comes last."""
    counted = duplicates.weekly(db(), actor(), moment())
    kinds: dict[str, Text | str] = {**DOMAINS, duplicates.UNCLASSIFIED: _("待判类")}
    return [(name, *counted[key]) for key, name in kinds.items() if key in counted]


def words() -> dict[str, str]:
    return {
        lights.RED: _("超期"),
        lights.YELLOW: _("预警"),
        lights.GREEN: _("正常"),
        lights.PAUSED: _("暂停"),
        lights.UNTIMED: _("未计时"),
    }


def counted(counts: Mapping[str, int]) -> list[Light]:
    said = words()
    return [Light(key, said[key], number) for key, number in counts.items()]


def lamps() -> dict[str, Light]:
    return {key: Light(key, word) for key, word in words().items()}


def bar(counts: Mapping[str, int], longest: int) -> Bar:
    parts, offset = [], 0.0
    for key, number in counts.items():
        width = 100 * number / (longest or 1)
        if number:
            parts.append((TONES[key], round(offset, 2), round(width, 2)))
        offset += width
    return Bar(parts)


def _heaps(query: Query, everything: Iterable[Mark]) -> list[Heap]:
    """The groups of the chosen kind, under all filters but their own."""
    kind = query.group
    kept = [one for one in everything if query.filters.keeps(one, but=kind)]
    groups = {"person": lights.by_person, "item": lights.by_item, "domain": lights.by_domain}[kind](kept)
    longest = max((group.total for group in groups), default=0)
    chosen = getattr(query, kind)
    return [_heap(query, kind, group, longest, chosen) for group in groups]


def _heap(query: Query, kind: str, group: Group, longest: int, chosen: str) -> Heap:
    nobody = kind == "person" and group.key == "0"
    name = _("无人在岗") if nobody else say(group.name) or _("待判类")
    key = group.key
    return Heap(
        name=name,
        total=group.total,
        lights=[one for one in counted(group.lights) if one.count],
        bar=bar(group.lights, longest),
        href=query.to(**{kind: "" if chosen == key else key}),
        chosen=bool(chosen) and chosen == key,
        nobody=nobody,
    )


def strip(query: Query, of_day: Iterable[Mark]) -> list[Due]:
    """Today and the next working days, with what is due on them."""
    found = lights.due_days(of_day, moment(), calendar.load(db()), ahead=AHEAD)
    longest = max((sum(counts.values()) for _day, counts in found), default=0)
    today = moment().astimezone(ZONE).date()
    return [
        Due(
            day=day,
            name=weekdays()[day.weekday()],
            total=sum(counts.values()),
            bar=bar(counts, longest),
            href=query.to(due="" if query.due == day.isoformat() else day.isoformat()),
            chosen=query.due == day.isoformat(),
            today=day == today,
        )
        for day, counts in found
    ]


def owners(mark: Mark) -> str:
    """'张伟、陈志强（代 李婷）', for tables that leave the house."""
    acting = _("%(name)s（代 %(absent)s）")
    names = [
        acting % {"name": one.name, "absent": one.acting_for} if one.acting_for else one.name
        for one in mark.owners
    ]
    together: str = _("、").join(names)
    return together


def percent(share: float | None) -> int | None:
    """Of the limit used, rounded down: 79.9 is not yet 80."""
    return int(share * 100) if share is not None else None


def cause(one: Away) -> str:
    """'出差', or the words written for 其他."""
    return one.cause_text or say(absences.CAUSES[one.cause])
