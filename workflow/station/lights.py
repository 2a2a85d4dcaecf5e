"""The lights of open cases: filtered, counted, grouped, ordered. Pure: ``board`` reads, this module sorts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

from workflow.station.calendar import ZONE, Calendar

RED, YELLOW, GREEN, PAUSED, UNTIMED = "red", "yellow", "green", "paused", "untimed"
LIGHTS = (RED, YELLOW, GREEN, PAUSED, UNTIMED)  # the most urgent first


class Owner(NamedTuple):
    """Who has a case's task in hand (``claimed``), or is asked for it now, perhaps acting for somebody."""

    staff_id: int
    name: str
    acting_for: str | None
    claimed: bool


@dataclass(frozen=True)
class Mark:
    """An open case as the overview knows it: enough to count, filter and sort. ``item`` '' = unclassified.

    ``step_late``: a step with a limit of its own is overdue, whatever the light says.
    """

    case_id: int
    key: str
    no: str | None
    light: str
    item: str
    item_name: str
    domain: str
    due_at: datetime | None
    received_at: datetime
    steps: tuple[str, ...]
    owners: tuple[Owner, ...]
    step_late: bool

    @property
    def due_on(self) -> date | None:
        return self.due_at.astimezone(ZONE).date() if self.due_at else None


@dataclass(frozen=True)
class Filters:
    """What is asked for; an empty one keeps everything. ``person``: a staff id, 0 = cases nobody has."""

    light: str = ""
    person: int | None = None
    item: str = ""
    domain: str = ""
    due_on: date | None = None

    def keeps(self, mark: Mark, *, but: str = "") -> bool:
        """Does the case fit? The part named by ``but`` is not asked: for the counts beside its choices."""
        people = {owner.staff_id for owner in mark.owners} or {0}
        fits = {
            "light": not self.light or mark.light == self.light,
            "person": self.person is None or self.person in people,
            "item": not self.item or mark.item == self.item,
            "domain": not self.domain or mark.domain == self.domain,
            "due_on": self.due_on is None or (mark.light != PAUSED and mark.due_on == self.due_on),
        }
        return all(holds for part, holds in fits.items() if part != but)


@dataclass(frozen=True)
class Group:
    """The cases of one person, item or domain, counted by light. ``key`` filters by it."""

    key: str
    name: str
    lights: Mapping[str, int]

    @property
    def total(self) -> int:
        return sum(self.lights.values())


ORDERS: Mapping[str, Callable[[Mark], Any]] = {
    "due": lambda mark: (mark.light == PAUSED or mark.due_at is None, mark.due_at or mark.received_at),
    "light": lambda mark: (LIGHTS.index(mark.light), mark.due_at or mark.received_at),
    "received": lambda mark: (mark.received_at, mark.case_id),
    "item": lambda mark: (not mark.item, mark.item, mark.due_at or mark.received_at),
}


def count(marks: Iterable[Mark]) -> dict[str, int]:
    """How many cases have which light; every light is named."""
    found = dict.fromkeys(LIGHTS, 0)
    for mark in marks:
        found[mark.light] += 1
    return found


def by_person(marks: Iterable[Mark]) -> list[Group]:
    """A case that waits for two people counts for both; what nobody has comes under '0'."""
    return _grouped(marks, lambda mark: [(str(o.staff_id), o.name) for o in mark.owners] or [("0", "")])


def by_item(marks: Iterable[Mark]) -> list[Group]:
    return _grouped(marks, lambda mark: [(mark.item, mark.item_name)])


def by_domain(marks: Iterable[Mark]) -> list[Group]:
    return _grouped(marks, lambda mark: [(mark.domain, mark.domain)])


def _grouped(marks: Iterable[Mark], of: Callable[[Mark], list[tuple[str, str]]]) -> list[Group]:
    groups: dict[tuple[str, str], list[Mark]] = {}
    for mark in marks:
        for key in of(mark):
            groups.setdefault(key, []).append(mark)
    found = [Group(key, name, count(of_one)) for (key, name), of_one in groups.items()]
    return sorted(found, key=lambda one: (*(-one.lights[light] for light in LIGHTS), one.key))


def due_days(
    marks: Iterable[Mark], moment: datetime, days: Calendar, *, ahead: int
) -> list[tuple[date, dict[str, int]]]:
    """What is due today and on the ``ahead`` working days after it, by light; other days if anything is."""
    today = moment.astimezone(ZONE).date()
    last = days.shift(today, ahead)
    due = [mark for mark in marks if mark.light != PAUSED and mark.due_on and today <= mark.due_on <= last]
    shown = {today, *(days.shift(today, count) for count in range(1, ahead + 1)), *(m.due_on for m in due)}
    return [(day, count(m for m in due if m.due_on == day)) for day in sorted(d for d in shown if d)]
