"""沟通协调: write one down without a case, find what is still to come, follow one up."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web import idempotency
from web.coordination.page import page, rows, task_of
from web.forms import opened
from web.headers import style_attributes
from web.incoming import submitted
from web.language import say
from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.station import coordination
from workflow.station.coordination import Coordination

bp = Blueprint("coordination", __name__, template_folder="templates", url_prefix="/coordination")


@bp.get("")
@signed_in
def browse() -> str:
    """What is still to come, on cases and alone; with "all" also what was written down without a case."""
    everything = http.args.get("show") == "all"
    found = rows(coordination.listed(db(), actor(), everything=everything))
    return render_template("coordination/list.html", rows=found, everything=everything)


@bp.get("/new")
@signed_in
@style_attributes
def new() -> str:
    _may_record()
    return render_template("coordination/new.html")


@bp.get("/new/form.json")
@signed_in
def form() -> ResponseReturnValue:
    _may_record()
    found = engine().start_form(coordination.PROCESS, by=actor())
    if found is None:
        raise NotFound
    return jsonify(opened(found))


@bp.post("/new")
@signed_in
def record() -> ResponseReturnValue:
    key = http.headers.get("Idempotency-Key")
    answer = idempotency.begin(db(), actor().key, key, http.path.encode() + http.get_data())
    if answer is None:
        instance = engine().start(coordination.PROCESS, by=actor(), data=submitted())
        first = db().scalars(select(Coordination.id).where(Coordination.instance_id == instance)).one()
        answer = {"next": url_for("coordination.show", first_id=first)}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(_("已记下沟通情况。"), "good")
    return jsonify(answer)


@bp.get("/<int:first_id>")
@signed_in
def show(first_id: int) -> str:
    return render_template("coordination/show.html", page=page(first_id))


@bp.post("/<int:first_id>/correct")
@signed_in
def correct(first_id: int) -> ResponseReturnValue:
    """What was typed stays on the page when it is refused."""
    words = http.form.get("words", "")
    try:
        first = coordination.find(db(), actor(), first_id)
        coordination.correct(db(), first, words, by=actor(), moment=moment())
    except Refused as refused:
        db().rollback()
        problem = say(refused.text)
        shown = page(first_id)
        return render_template("coordination/show.html", page=shown, typed=words, problem=problem), 422
    db().commit()
    flash(_("已记下更正，原来的记录保留。"), "good")
    return redirect(url_for("coordination.show", first_id=first_id))


@bp.post("/<int:first_id>/settle")
@signed_in
def settle(first_id: int) -> ResponseReturnValue:
    """The outcome is known before its day: on to the task that asks for it."""
    first = coordination.find(db(), actor(), first_id)
    coordination.settle_early(engine(), first, by=actor())
    db().commit()
    task = task_of(first)
    return redirect(f"/tasks/{task}" if task else url_for("coordination.show", first_id=first_id))


def _may_record() -> None:
    if not coordination.may_record(actor()):
        raise NotAllowed
