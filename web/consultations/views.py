"""咨询: register one, find one, see how it stands."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web import idempotency
from web.cases.diagrams import live
from web.consultations import library_views
from web.consultations.page import page, rows
from web.forms import opened
from web.headers import style_attributes
from web.inbox import drafts
from web.incoming import submitted
from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.engine.instances import InstanceRow
from workflow.errors import NotAllowed, NotFound
from workflow.station import consultations, inbox
from workflow.station.consultation_steps import PROCESS
from workflow.station.permissions import can

bp = Blueprint("consultations", __name__, template_folder="templates", url_prefix="/consultations")
bp.register_blueprint(library_views.bp)
LONGEST = 80


@bp.get("")
@signed_in
def browse() -> str:
    q, ended = http.args.get("q", "").strip()[:LONGEST], http.args.get("show") == "ended"
    return render_template("consultations/list.html", rows=rows(q, ended=ended), q=q, ended=ended)


@bp.get("/new")
@signed_in
@style_attributes
def new() -> str:
    _may_register()
    return render_template("consultations/new.html")


@bp.get("/new/form.json")
@signed_in
def new_form() -> ResponseReturnValue:
    _may_register()
    found = engine().start_form(PROCESS, by=actor())
    if found is None:
        raise NotFound
    return jsonify(opened(found, drafts.of_start(PROCESS)))


@bp.post("/new/draft")
@signed_in
def keep_draft() -> ResponseReturnValue:
    _may_register()
    return drafts.keep_of_start(PROCESS)


@bp.post("/new/draft/discard")
@signed_in
def discard_draft() -> ResponseReturnValue:
    return drafts.discard_of_start(PROCESS)


@bp.post("/new")
@signed_in
def register() -> ResponseReturnValue:
    """On to the answer where that is the next thing to do; else to its page."""
    _may_register()
    key = http.headers.get("Idempotency-Key")
    answer = idempotency.begin(db(), actor().key, key, http.path.encode() + http.get_data())
    if answer is None:
        instance = engine().start(PROCESS, by=actor(), data=submitted())
        drafts.started(PROCESS)
        one = consultations.by_key(db(), db().get_one(InstanceRow, instance).business_key)
        answer = {"next": _next(one), "no": one.no}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(_("已登记，咨询编号 %(no)s。", no=answer["no"]), "good")
    return jsonify(answer)


@bp.get("/<int:consultation_id>")
@signed_in
def show(consultation_id: int) -> str:
    return render_template("consultations/show.html", page=page(consultation_id))


@bp.get("/<int:consultation_id>/diagram.json")
@signed_in
def diagram(consultation_id: int) -> ResponseReturnValue:
    return jsonify(live(consultations.find(db(), actor(), consultation_id).instance_id))


def _next(one: consultations.Consultation) -> str:
    """The answer at once, while the client stands there; what takes longer is seen on its page."""
    if submitted().get("difficulty") == "at_once":
        for line in inbox.of_matter(db(), actor(), moment(), one.key):
            return url_for("inbox.task", task_id=line.task_id)
    return url_for("consultations.show", consultation_id=one.id)


def _may_register() -> None:
    if not can(actor(), "register"):
        raise NotAllowed
