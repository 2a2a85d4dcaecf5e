"""流程图 (R2.2.6b): how the station works, as it is published; who has read a new version."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web.cases.diagrams import at_rest
from web.policies import signed_in
from web.request import actor, db, moment
from workflow.station import diagram_reading
from workflow.station.permissions import can

bp = Blueprint("diagrams", __name__, template_folder="templates", url_prefix="/diagrams")


@bp.get("")
@signed_in
def browse() -> str:
    found = diagram_reading.published(db(), actor())
    return render_template("diagrams/list.html", diagrams=found, leads=can(actor(), "supervise"))


@bp.get("/<int:definition_id>")
@signed_in
def show(definition_id: int) -> str:
    row = diagram_reading.find(db(), actor(), definition_id)
    found = diagram_reading.published(db(), actor())
    newest = next((one for one in found if one.row.id == row.id), None)
    return render_template("diagrams/show.html", row=row, one=newest, leads=can(actor(), "supervise"))


@bp.get("/<int:definition_id>/diagram.json")
@signed_in
def drawing(definition_id: int) -> ResponseReturnValue:
    return jsonify(at_rest(diagram_reading.find(db(), actor(), definition_id)))


@bp.post("/<int:definition_id>/read")
@signed_in
def read(definition_id: int) -> ResponseReturnValue:
    """已阅."""
    diagram_reading.confirm(db(), actor(), definition_id, moment())
    db().commit()
    flash(_("已记下：您已阅读。"), "good")
    return redirect(url_for("diagrams.browse"))
