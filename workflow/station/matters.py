"""What tasks can be about besides cases and absences, such as complaints: each kind with its words in lists.

A kind registers its table here; lists, counts and search then find its tasks, as far as the actor may see
the row itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, exists, false, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from workflow.engine.actors import Actor
from workflow.station.permissions import visible
from workflow.texts import Text


@dataclass(frozen=True)
class Matter:
    """One of them in a list and beside it. ``kind`` stands where there is no number; ``href`` is its page,
    ``page`` what the way there is called; ``facts``: label and value."""

    key: str
    no: str | None
    title: Text | str
    client: Text | str
    href: str
    page: Text
    kind: Text
    facts: Sequence[tuple[Text, Text | str]] = ()


class Kind(NamedTuple):
    """How one row is described, the columns a search looks into, and which rows show with their tasks."""

    describe: Callable[[Any], Matter]
    searched: tuple[InstrumentedAttribute[Any], ...]
    shown: Callable[[Actor], ColumnElement[bool]]


KINDS: dict[type[Any], Kind] = {}  # filled where each concept lives


def kind(
    Model: type[Any],
    *searched: InstrumentedAttribute[Any],
    shown: Callable[[Actor], ColumnElement[bool]] | None = None,
) -> Callable[[Callable[[Any], Matter]], Callable[[Any], Matter]]:
    """Register a table with ``key`` by what describes one of its rows.

    ``shown`` is asked of rows with a task that the actor sees; without it, whether the row itself is seen.
    """

    def register(describe: Callable[[Any], Matter]) -> Callable[[Any], Matter]:
        KINDS[Model] = Kind(describe, searched, shown or (lambda actor: visible(actor, Model)))
        return describe

    return register


def of(session: Session, keys: Iterable[str | None]) -> dict[str, Matter]:
    """Business key -> what it is about; whether it may be seen was the caller's question."""
    wanted = {key for key in keys if key}
    found: dict[str, Matter] = {}
    for Model, known in KINDS.items():
        prefix = f"{Model.__tablename__}:"
        if mine := [key for key in wanted if key.startswith(prefix)]:
            found |= {
                row.key: known.describe(row)
                for row in session.scalars(select(Model).where(Model.key.in_(mine)))
            }
    return found


def seen(actor: Actor, key: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Of a task that the actor sees: is its business key that of something he or she may see?"""
    return or_(false(), *(_one(Model, key, known.shown(actor)) for Model, known in KINDS.items()))


def matching(words: str, key: InstrumentedAttribute[Any]) -> ColumnElement[bool]:
    """Is this business key that of something whose number or words hold these?"""
    return or_(
        false(),
        *(
            _one(Model, key, or_(*(column.icontains(words, autoescape=True) for column in known.searched)))
            for Model, known in KINDS.items()
            if known.searched
        ),
    )


def _one(
    Model: type[Any], key: InstrumentedAttribute[Any], condition: ColumnElement[bool]
) -> ColumnElement[bool]:
    return exists().where(Model.key == key, condition).correlate_except(Model)
