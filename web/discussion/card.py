"""The discussion of a case as its page and the pane show it. Text stays text: templates escape it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import request as http

from web import idempotency
from web.incoming import row_id
from web.language import say
from web.request import actor, db
from workflow.station import cases, discussion, pinyin
from workflow.station.discussion import Comment
from workflow.station.staff import Staff


@dataclass(frozen=True)
class Said:
    """A comment; ``parts`` are its pieces, each with whether it names somebody who was told."""

    id: int
    at: datetime
    who: str
    parts: list[tuple[str, bool]]
    corrects: int | None
    corrected_by: int | None
    own: bool


@dataclass(frozen=True)
class Card:
    """``corrects`` is the own comment that the next one puts right; ``people`` feeds the list behind @."""

    case_id: int
    said: list[Said]
    corrects: Said | None
    people: list[dict[str, str]]
    key: str


def card(case_id: int) -> Card:
    """NotFound."""
    case = cases.find(db(), actor(), case_id)
    known = discussion.people(db())
    comments = discussion.of(db(), actor(), case)
    later = {one.corrects_id: one.id for one in comments if one.corrects_id}
    found = [_said(one, known, later.get(one.id)) for one in comments]
    asked = row_id(http.args.get("corrects"))
    return Card(
        case_id=case.id,
        said=found,
        corrects=next((one for one in found if one.id == asked and one.own), None),
        people=[
            {
                "name": one.name,
                "initials": pinyin.name_initials(one.name),
                "title": say(one.title),
            }
            for one in known
            if one.key != actor().key
        ],
        key=idempotency.new_key(),
    )


def latest(comment: Comment) -> Said:
    return _said(comment, discussion.people(db()), None)


def _said(comment: Comment, known: Sequence[Staff], corrected_by: int | None) -> Said:
    pieces = discussion.split(comment.text, known)
    return Said(
        id=comment.id,
        at=comment.at,
        who=comment.author.name,
        parts=[(piece, person is not None and person.key in comment.mentioned) for piece, person in pieces],
        corrects=comment.corrects_id,
        corrected_by=corrected_by,
        own=comment.author.key == actor().key,
    )
