"""Arranging positions: who is A and B, new ones, other names and duties, in and out of use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web.incoming import row_id
from web.language import language, say
from web.policies import signed_in
from web.posts.page import today
from web.request import actor, db, moment
from workflow.errors import NotAllowed, Refused
from workflow.station import arrangements, arranging, positions, staff
from workflow.station.arrangements import Arrangement
from workflow.station.arranging import PositionChange
from workflow.station.permissions import can, visible
from workflow.station.positions import Position
from workflow.station.staff import Staff
from workflow.texts import T, Text

bp = Blueprint("arranging", __name__, url_prefix="/positions")

PLACES = 3  # of B shown at least; one more than are filled


@dataclass(frozen=True)
class Change:
    """A line of the position's history: people by name, A first, or its name and duties."""

    change: PositionChange
    what: Text
    who: str
    acting_for: str
    before: list[str]
    after: list[str]


@dataclass(frozen=True)
class Page:
    """``a``, ``b``, ``since``, ``name``, ``duties``: what the forms are filled with, as ids, a date, codes.

    ``describing``: what was refused was another name or other duties.
    """

    arrangement: Arrangement
    people: list[Staff]
    a: str
    b: list[str]
    since: str
    version: str
    changes: list[Change]
    problem: str
    name: str
    duties: list[str]
    describing: bool


@bp.get("/new")
@signed_in
def new() -> str:
    _may_arrange()
    return render_template(
        "posts/new_position.html", duties=positions.DUTIES, filled={}, chosen=[], problem=""
    )


@bp.post("/new")
@signed_in
def establish() -> ResponseReturnValue:
    """What is refused is said above the form, which keeps what was filled in."""
    filled, chosen = dict(http.form.items()), http.form.getlist("duties")
    try:
        position = arranging.establish(
            db(),
            code=filled.get("code", "").strip(),
            name=filled.get("name", ""),
            duties=chosen,
            by=actor(),
            moment=moment(),
        )
    except Refused as refused:
        db().rollback()
        return render_template(
            "posts/new_position.html",
            duties=positions.DUTIES,
            filled=filled,
            chosen=chosen,
            problem=say(refused.text),
        ), 422
    db().commit()
    flash(_("岗位已设立。请安排A角和B角，然后启用。"), "good")
    return redirect(url_for("posts.arranging.show", position_id=position.id))


@bp.get("/<int:position_id>")
@signed_in
def show(position_id: int) -> str:
    return render_template("posts/position.html", page=_page(position_id), duties=positions.DUTIES)


@bp.post("/<int:position_id>/people")
@signed_in
def people(position_id: int) -> ResponseReturnValue:
    """A, the B in order, from which day on."""

    def arrange(position: Position) -> str:
        changed = arranging.arrange(
            db(),
            position,
            a=_person(http.form.get("a", ""), field="a"),
            b=[one for text in http.form.getlist("b") if (one := _person(text, field="b"))],
            since=_since(),
            version=http.form.get("version", ""),
            by=actor(),
            moment=moment(),
        )
        return str(_("A角、B角已调整，有关人员会收到通知。") if changed else _("没有任何变化。"))

    return _done(position_id, arrange)


@bp.post("/<int:position_id>/describe")
@signed_in
def describe(position_id: int) -> ResponseReturnValue:
    """Another name, other duties."""

    def act(position: Position) -> str:
        changed = arranging.describe(
            db(),
            position,
            name=http.form.get("name", ""),
            duties=http.form.getlist("duties"),
            version=http.form.get("version", ""),
            by=actor(),
            moment=moment(),
        )
        return str(_("岗位的名称和职责已修改。") if changed else _("没有任何变化。"))

    return _done(position_id, act)


@bp.post("/<int:position_id>/withdraw-later")
@signed_in
def withdraw_later(position_id: int) -> ResponseReturnValue:
    def withdraw(position: Position) -> str:
        seen = http.form.get("version", "")
        arranging.withdraw_later(db(), position, version=seen, by=actor(), moment=moment())
        return str(_("以后的安排已撤销。"))

    return _done(position_id, withdraw)


@bp.post("/<int:position_id>/activate")
@signed_in
def activate(position_id: int) -> ResponseReturnValue:
    def act(position: Position) -> str:
        arranging.activate(db(), position, by=actor(), moment=moment())
        return str(_("岗位已启用。"))

    return _done(position_id, act)


@bp.post("/<int:position_id>/deactivate")
@signed_in
def deactivate(position_id: int) -> ResponseReturnValue:
    def act(position: Position) -> str:
        arranging.deactivate(db(), position, by=actor(), moment=moment())
        return str(_("岗位已停用。"))

    return _done(position_id, act)


def _done(position_id: int, act: Callable[[Position], str]) -> ResponseReturnValue:
    """Do it and come back to the page; refused, the page says why and keeps what was filled in."""
    position = arranging.find(db(), actor(), position_id)
    try:
        said = act(position)
    except Refused as refused:
        db().rollback()
        return render_template(
            "posts/position.html", page=_page(position_id, say(refused.text)), duties=positions.DUTIES
        ), 422
    db().commit()
    flash(said, "good")
    return redirect(url_for("posts.arranging.show", position_id=position_id))


def _page(position_id: int, problem: str = "") -> Page:
    """NotFound, NotAllowed."""
    position = arranging.find(db(), actor(), position_id)
    known = arrangements.of_position(db(), position, today())
    latest = known.later[-1] if known.later else known.now
    a = str(latest.a.id) if latest and latest.a else ""
    b = [str(person.id) for person in latest.b] if latest else []
    if "a" in http.form:
        a, b = http.form["a"], [text for text in http.form.getlist("b") if text]
    places = max(PLACES, len(b) + 1)
    everybody = select(Staff).where(Staff.active, visible(actor(), Staff)).order_by(Staff.name_pinyin)
    return Page(
        arrangement=known,
        people=list(db().scalars(everybody)),
        a=a,
        b=(b + [""] * places)[:places],
        since=http.form.get("since") or max([today(), *(one.since for one in known.later)]).isoformat(),
        version=arranging.version(db(), position),
        changes=_changes(position),
        problem=problem,
        name=http.form.get("name", position.name),
        duties=http.form.getlist("duties") if "name" in http.form else position.duties,
        describing="name" in http.form,
    )


def _changes(position: Position) -> list[Change]:
    found = arranging.changes(db(), position)
    keys = {
        key
        for one in found
        for key in (one.actor, one.on_behalf_of, *_people(one.before, one), *_people(one.after, one))
        if key is not None
    }
    names = staff.names(db(), keys, language=language())
    return [
        Change(
            change=one,
            what=arranging.KINDS[one.kind],
            who=names.get(one.actor, one.actor),
            acting_for=names.get(one.on_behalf_of or "", ""),
            before=_told(one.before, one, names),
            after=_told(one.after, one, names),
        )
        for one in found
    ]


def _people(stood: Sequence[str], change: PositionChange) -> Sequence[str]:
    return () if change.kind == arranging.DESCRIBE else stood


def _told(stood: Sequence[str], change: PositionChange, names: Mapping[str, str]) -> list[str]:
    """People by name; of a position described anew its name and duties."""
    if change.kind != arranging.DESCRIBE:
        return [names.get(key, key) for key in stood]
    return [say(stood[0]), *(say(positions.DUTIES.get(code, code)) for code in stood[1:])]


def _person(text: str, *, field: str) -> Staff | None:
    """The chosen one; nobody where nothing is chosen. Refused."""
    if not text:
        return None
    number = row_id(text)
    found = db().get(Staff, number) if number is not None else None
    if found is None:
        raise Refused(T("请从名单中选择人员。"), field=field)
    return found


def _since() -> date:
    try:
        return date.fromisoformat(http.form.get("since", ""))
    except ValueError:
        raise Refused(T("请填写日期，例如 2026-03-10。"), field="since") from None


def _may_arrange() -> None:
    if not can(actor(), "arrange_positions"):
        raise NotAllowed
