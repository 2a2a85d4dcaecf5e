"""办件: register one, find one, see how it stands."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web import idempotency
from web.cases import beside, ending_views, first_contact, joint_views, related
from web.cases.diagrams import live
from web.cases.listing import lines
from web.cases.page import page
from web.discussion.card import card
from web.forms import opened
from web.headers import style_attributes
from web.inbox import drafts
from web.incoming import row_id, submitted
from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.errors import NotAllowed, NotFound
from workflow.station import cases, visits
from workflow.station.cases import Case
from workflow.station.permissions import can
from workflow.station.visits import Visit

bp = Blueprint("cases", __name__, template_folder="templates", url_prefix="/cases")
bp.register_blueprint(beside.bp)
bp.register_blueprint(ending_views.bp)
bp.register_blueprint(first_contact.bp)
bp.register_blueprint(related.bp)
bp.register_blueprint(joint_views.bp)

PROCESS = "intake"


@bp.get("")
@signed_in
def browse() -> str:
    q = http.args.get("q", "").strip()[:80]
    closed = http.args.get("show") == "closed"
    return render_template("cases/list.html", lines=lines(q, closed=closed), q=q, closed=closed)


@bp.get("/new")
@signed_in
@style_attributes
def new() -> str:
    """With ``?visit=7`` what is known of a visit is filled in, and the case keeps the link (R1.1b)."""
    _may_register()
    return render_template("cases/new.html", visit=_visit())


@bp.get("/new/form.json")
@signed_in
def new_form() -> ResponseReturnValue:
    _may_register()
    found = engine().start_form(PROCESS, by=actor())
    if found is None:
        raise NotFound
    visit = _visit()
    if visit is None:
        return jsonify(opened(found, drafts.of_start()))
    body = opened(found)
    body["data"].update(visits.first_values(db(), visit, by=actor(), moment=moment()))
    db().commit()  # the look at the phone is on record before it is sent
    return jsonify(body)


@bp.post("/new")
@signed_in
def register() -> ResponseReturnValue:
    _may_register()
    key = http.headers.get("Idempotency-Key")
    answer = idempotency.begin(db(), actor().key, key, http.full_path.encode() + http.get_data())
    if answer is None:
        visit = _visit(held=True)
        instance = engine().start(PROCESS, by=actor(), data=submitted())
        case = db().scalars(select(Case).where(Case.instance_id == instance)).one()
        if visit is None:
            drafts.started()
        else:
            visits.becomes(db(), visit, case)
        answer = {"next": url_for("cases.show", case_id=case.id)}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(_("已登记，下一步：判类。"), "good")
    return jsonify(answer)


@bp.get("/<int:case_id>")
@signed_in
def show(case_id: int) -> str:
    key = idempotency.new_key()
    return render_template("cases/show.html", page=page(case_id), talk=card(case_id), key=key)


@bp.get("/<int:case_id>/diagram.json")
@signed_in
def diagram(case_id: int) -> ResponseReturnValue:
    case = cases.find(db(), actor(), case_id)
    return jsonify(live(case.instance_id))


def _visit(*, held: bool = False) -> Visit | None:
    """The visit in the address, if any. NotFound."""
    number = http.args.get("visit")
    if number is None:
        return None
    return visits.find(db(), actor(), row_id(number) or 0, held=held)


def _may_register() -> None:
    if not can(actor(), "register"):
        raise NotAllowed
