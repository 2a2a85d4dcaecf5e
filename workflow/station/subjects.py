"""What a task is about where it is neither a case nor an absence: one registered function a kind.

A kind is the word before the colon of a business key ('consultation:3'). Its table has the columns ``key``
and ``no``, and stands in ``permissions.ROWS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, false, or_, select
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.engine.instances import InstanceRow
from workflow.station.permissions import visible


@dataclass(frozen=True)
class Subject:
    """For lists and pages: number, what it is called, whom it concerns, in whose words, where it is shown."""

    key: str
    no: str
    title: str
    client: str
    words: str
    href: str


@dataclass(frozen=True)
class Kind:
    Model: type[Any]
    searched: tuple[Any, ...]  # columns, besides the number
    describe: Callable[[Any], Subject]


KINDS: dict[str, Kind] = {}  # filled where each concept lives


def subject(
    word: str, Model: type[Any], *searched: Any
) -> Callable[[Callable[[Any], Subject]], Callable[[Any], Subject]]:
    """Register how rows of a table are described where their tasks are listed."""

    def register(describe: Callable[[Any], Subject]) -> Callable[[Any], Subject]:
        KINDS[word] = Kind(Model, searched, describe)
        return describe

    return register


def of(session: Session, keys: Iterable[str | None]) -> Mapping[str, Subject]:
    """The subjects behind these business keys: one statement a kind; what is none of them is left out."""
    wanted = {key for key in keys if key}
    found: dict[str, Subject] = {}
    for word, kind in KINDS.items():
        if mine := {key for key in wanted if key.startswith(f"{word}:")}:
            rows = session.scalars(select(kind.Model).where(kind.Model.key.in_(mine)))
            found.update({row.key: kind.describe(row) for row in rows})
    return found


def seen(actor: Actor) -> ColumnElement[bool]:
    """Of a statement with ``InstanceRow``: it is about one of these, and this person may see it."""
    return or_(false(), *(_exists(kind, visible(actor, kind.Model)) for kind in KINDS.values()))


def matching(words: str) -> ColumnElement[bool]:
    """Of a statement with ``InstanceRow``: it is about one whose number or words hold these."""
    return or_(
        false(),
        *(
            _exists(
                kind, or_(*(c.icontains(words, autoescape=True) for c in (kind.Model.no, *kind.searched)))
            )
            for kind in KINDS.values()
        ),
    )


def _exists(kind: Kind, condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(kind.Model.key == InstanceRow.business_key, condition)
