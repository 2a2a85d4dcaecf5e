"""事项目录: what an item asks for, for whoever is asked at the counter; its one-time notice."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web import idempotency
from web.cases.page import papers_of
from web.language import ZONE
from web.policies import signed_in
from web.request import actor, db, moment
from workflow.station import directory, items, one_time_notices
from workflow.station.one_time_notices import Teller
from workflow.station.permissions import can
from workflow.station.positions import Position

bp = Blueprint("items", __name__, template_folder="templates", url_prefix="/items")
LAST = 5  # notices shown on the page of an item


@bp.get("")
@signed_in
def browse() -> str:
    """By code, name, domain or material, also by pinyin initials; all without words."""
    q = http.args.get("q", "").strip()[:80]
    return render_template("items/list.html", versions=directory.find_items(db(), moment(), q), q=q)


@bp.get("/<code>")
@signed_in
def show(code: str) -> str:
    version = items.current(db(), code, moment().astimezone(ZONE).date())
    post = db().scalar(select(Position.name).where(Position.code == version.handler_position))
    return render_template(
        "items/show.html",
        version=version,
        post=post,
        may_give=can(actor(), "register"),
        papers=papers_of(f"item:{code}")[-LAST:][::-1] if can(actor(), "see_cases") else [],
        key=idempotency.new_key(),
    )


@bp.post("/<code>/notice")
@signed_in
def give(code: str) -> ResponseReturnValue:
    """出具一次性告知书: pressed twice, it is one paper (R2.3.1a)."""
    key = http.form.get("key")
    answer = idempotency.begin(db(), actor().key, key, http.path.encode())
    if answer is None:
        paper = one_time_notices.for_item(db(), code, Teller(actor(), moment()))
        answer = {"no": paper.no}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(_("已出具一次性告知书 %(no)s，请打印一式两份并请对方签收。", no=answer["no"]), "good")
    return redirect(url_for("items.show", code=code))
