"""Who does what, and who acts at this moment: posts with duties, items, A and B, the phone (R2.2.6)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from workflow.station import arrangements, items, presence
from workflow.station.arrangements import Arrangement
from workflow.station.calendar import ZONE
from workflow.station.items import ItemVersion
from workflow.station.pinyin import initials
from workflow.station.presence import Turn
from workflow.texts import CHINESE, ENGLISH

SHORTEST_INITIALS = 2  # one letter would find nearly everything


@dataclass(frozen=True)
class Entry:
    """A position in use. ``items``: what it handles, or what of it was looked for; ``turn``: who has it."""

    arrangement: Arrangement
    items: list[ItemVersion]
    turn: Turn

    @property
    def phone(self) -> str | None:
        """Of who has it now."""
        return self.turn.person.phone if self.turn.person else None


def entries(session: Session, moment: datetime, q: str = "") -> list[Entry]:
    """By item (code, name, domain), position, duty or person, also by pinyin initials; all without ``q``.

    What handles a matching item comes first.
    """
    today, wanted = moment.astimezone(ZONE).date(), q.strip().lower()
    handled: dict[str, list[ItemVersion]] = {}
    for version in items.catalogue(session, today):
        handled.setdefault(version.handler_position, []).append(version)
    turns = {seat.code: seat.days[0][0] for seat in presence.now(session, moment)}
    by_item, by_post = [], []
    for one in arrangements.of(session, today):
        own = handled.get(one.position.code, [])
        hits = [v for v in own if _fits(wanted, (v.item.code, v.item.name, v.item.domain))]
        if hits:
            by_item.append(Entry(one, hits, turns[one.position.code]))
        elif _fits(wanted, _words(one, turns[one.position.code])):
            by_post.append(Entry(one, own, turns[one.position.code]))
    return by_item + by_post


def find_items(session: Session, moment: datetime, q: str = "") -> list[ItemVersion]:
    """Items on offer today by code, name, domain or material, also by pinyin initials; all without ``q``."""
    wanted = q.strip().lower()
    return [
        version
        for version in items.catalogue(session, moment.astimezone(ZONE).date())
        if _fits(
            wanted,
            (version.item.code, version.item.name, version.item.domain, *(m.name for m in version.materials)),
        )
    ]


def _words(one: Arrangement, turn: Turn) -> Iterable[str]:
    yield one.position.name
    for duty in one.duties:
        yield from (duty.say(CHINESE), duty.say(ENGLISH))
    people = [one.now.a, *one.now.b] if one.now else []
    for person in (*people, turn.person):
        if person is not None:
            yield person.name


def _fits(wanted: str, words: Iterable[str]) -> bool:
    by_letters = len(wanted) >= SHORTEST_INITIALS and wanted.isascii()
    return any(wanted in word.lower() or (by_letters and wanted in initials(word)) for word in words)
