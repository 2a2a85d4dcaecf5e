"""离岗: register one, see how it stands, take it back before it begins."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web import idempotency
from web.forms import opened
from web.headers import style_attributes
from web.inbox import drafts
from web.incoming import submitted
from web.language import say
from web.policies import signed_in
from web.posts.absence_page import found, page
from web.request import actor, db, engine, moment
from workflow.engine.instances import InstanceRow
from workflow.errors import NotFound, Refused
from workflow.station import absences, delegation
from workflow.station.staff import by_key

bp = Blueprint("absences", __name__, url_prefix="/absences")


@bp.get("/new")
@signed_in
@style_attributes
def new() -> str:
    """Oneself; whoever leads may name a colleague ('?person=staff:7')."""
    person = by_key(db(), http.args.get("person"))
    return render_template("posts/leave.html", person=person)


@bp.get("/new/form.json")
@signed_in
def form() -> ResponseReturnValue:
    """A draft comes back unless it is about somebody else than the address names."""
    found = engine().start_form(delegation.PROCESS, by=actor())
    if found is None:
        raise NotFound
    draft = drafts.of_start(delegation.PROCESS)
    person = by_key(db(), http.args.get("person"))
    if person is not None and any(one["value"] == str(person.id) for one in found.choices["absentees"]):
        found = replace(found, values={**found.values, "who": str(person.id)})
        draft = draft if draft and draft.data.get("who") == str(person.id) else None
    return jsonify(opened(found, draft))


@bp.post("/new/draft")
@signed_in
def keep_draft() -> ResponseReturnValue:
    return drafts.keep_of_start(delegation.PROCESS)


@bp.post("/new/draft/discard")
@signed_in
def discard_draft() -> ResponseReturnValue:
    return drafts.discard_of_start(delegation.PROCESS)


@bp.post("/new")
@signed_in
def register() -> ResponseReturnValue:
    """Whom the person may register, the choices of the form decide. InvalidForm, Refused."""
    key = http.headers.get("Idempotency-Key")
    answer = idempotency.begin(db(), actor().key, key, http.path.encode() + http.get_data())
    if answer is None:
        instance = engine().start(delegation.PROCESS, by=actor(), data=submitted())
        drafts.started(delegation.PROCESS)
        absence = absences.by_key(db(), db().get_one(InstanceRow, instance).business_key)
        answer = {"next": url_for("posts.absences.show", absence_id=absence.id)}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(_("离岗已登记。"), "good")
    return jsonify(answer)


@bp.get("/<int:absence_id>")
@signed_in
def show(absence_id: int) -> str:
    return render_template("posts/absence.html", page=page(absence_id))


@bp.post("/<int:absence_id>/withdraw")
@signed_in
def withdraw(absence_id: int) -> ResponseReturnValue:
    absence = found(absence_id)
    delegation.withdraw(db(), engine(), absence, by=actor())
    db().commit()
    flash(_("离岗已撤销。"), "good")
    return redirect(url_for("posts.absences.show", absence_id=absence.id))


@bp.post("/<int:absence_id>/phone")
@signed_in
def phone(absence_id: int) -> ResponseReturnValue:
    """The emergency phone, on this answer alone; the look is on record before it is sent."""
    absence, purpose = found(absence_id), http.form.get("purpose", "")
    try:
        number = absences.reveal_phone(db(), absence, by=actor(), purpose=purpose, moment=moment())
    except Refused as refused:
        db().rollback()
        shown = page(absence_id)
        return render_template("posts/absence.html", page=shown, refused=say(refused.text)), 422
    db().commit()
    return render_template("posts/absence.html", page=page(absence_id), phone=number)
