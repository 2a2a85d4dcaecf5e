"""投诉: register one, find one, see how it stands, ask for more time, take an appeal down."""

from __future__ import annotations

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web import idempotency
from web.cases.diagrams import live
from web.complaints.page import lines, page
from web.forms import opened
from web.headers import style_attributes
from web.inbox import drafts
from web.incoming import submitted
from web.language import say
from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.station import complaint_extensions, complaint_outcome, complaints
from workflow.station.complaints import Complaint
from workflow.station.permissions import can, visible

bp = Blueprint("complaints", __name__, template_folder="templates", url_prefix="/complaints")


@bp.get("")
@signed_in
def browse() -> str:
    _may_register()
    q = http.args.get("q", "").strip()[:80]
    ended = http.args.get("show") == "all"
    return render_template("complaints/list.html", lines=lines(q, ended=ended), q=q, ended=ended)


@bp.get("/new")
@signed_in
@style_attributes
def new() -> str:
    _may_register()
    return render_template("complaints/new.html")


@bp.get("/new/form.json")
@signed_in
def new_form() -> ResponseReturnValue:
    _may_register()
    found = engine().start_form(complaints.PROCESS, by=actor())
    if found is None:
        raise NotFound
    return jsonify(opened(found, drafts.of_start(complaints.PROCESS)))


@bp.post("/new/draft")
@signed_in
def keep_draft() -> ResponseReturnValue:
    return drafts.keep_of_start(complaints.PROCESS)


@bp.post("/new/draft/discard")
@signed_in
def discard_draft() -> ResponseReturnValue:
    return drafts.discard_of_start(complaints.PROCESS)


@bp.post("/new")
@signed_in
def register() -> ResponseReturnValue:
    """Afterwards its page; for whoever it is about, only number and code, to be told to the complainant."""
    _may_register()
    key = http.headers.get("Idempotency-Key")
    answer = idempotency.begin(db(), actor().key, key, http.path.encode() + http.get_data())
    if answer is None:
        instance = engine().start(complaints.PROCESS, by=actor(), data=submitted())
        drafts.started(complaints.PROCESS)
        made = db().scalars(select(Complaint).where(Complaint.instance_id == instance)).one()
        seen = db().scalar(select(Complaint.id).where(Complaint.id == made.id, visible(actor(), Complaint)))
        words = {"no": made.no, "code": made.code}
        if seen:
            next_page, said = (
                url_for("complaints.show", complaint_id=made.id),
                _("已登记 %(no)s，请打印回执。", **words),
            )
        else:
            next_page = url_for("inbox.show")
            said = _("已登记。请告诉投诉人：编号 %(no)s，查询码 %(code)s；回执请同事打印。", **words)
        answer = {"next": next_page, "said": said}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(answer["said"], "good")
    return jsonify(answer)


@bp.get("/<int:complaint_id>")
@signed_in
def show(complaint_id: int) -> str:
    return render_template("complaints/show.html", page=page(complaint_id))


@bp.get("/<int:complaint_id>/diagram.json")
@signed_in
def diagram(complaint_id: int) -> ResponseReturnValue:
    return jsonify(live(complaints.find(db(), actor(), complaint_id).instance_id))


@bp.get("/<int:complaint_id>/extension")
@signed_in
@style_attributes
def extension(complaint_id: int) -> str:
    """Its start form; a page that says why where nothing can be asked."""
    complaint = complaints.find(db(), actor(), complaint_id)
    engine().start_form(complaint_extensions.PROCESS, by=actor(), business_key=complaint.key)
    return render_template("complaints/extension.html", complaint=complaint)


@bp.get("/<int:complaint_id>/extension/form.json")
@signed_in
def extension_form(complaint_id: int) -> ResponseReturnValue:
    complaint = complaints.find(db(), actor(), complaint_id)
    found = engine().start_form(complaint_extensions.PROCESS, by=actor(), business_key=complaint.key)
    if found is None:
        raise NotFound
    return jsonify(opened(found))


@bp.post("/<int:complaint_id>/extension")
@signed_in
def ask_extension(complaint_id: int) -> ResponseReturnValue:
    complaint = complaints.find(db(), actor(), complaint_id)
    key = http.headers.get("Idempotency-Key")
    answer = idempotency.begin(db(), actor().key, key, http.path.encode() + http.get_data())
    if answer is None:
        process, data = complaint_extensions.PROCESS, submitted()
        engine().start(process, by=actor(), data=data, business_key=complaint.key)
        answer = {"next": url_for("complaints.show", complaint_id=complaint.id)}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(_("已提交延期申请。"), "good")
    return jsonify(answer)


@bp.post("/<int:complaint_id>/appeal")
@signed_in
def appeal(complaint_id: int) -> ResponseReturnValue:
    """The complainant is not content; what was typed stays when it is refused."""
    complaint, reason = complaints.find(db(), actor(), complaint_id), http.form.get("reason", "")
    try:
        complaint_outcome.appeal(engine(), complaint, reason=reason, by=actor(), moment=moment())
    except Refused as refused:
        db().rollback()
        found, why = page(complaint_id), say(refused.text)
        return render_template("complaints/show.html", page=found, typed=reason, refused_appeal=why), 422
    db().commit()
    flash(_("已登记复核申请。"), "good")
    return redirect(url_for("complaints.show", complaint_id=complaint_id))


@bp.post("/<int:complaint_id>/phone")
@signed_in
def phone(complaint_id: int) -> ResponseReturnValue:
    """The phone, on this answer alone; the look is on record before it is sent."""
    complaint, purpose = complaints.find(db(), actor(), complaint_id), http.form.get("purpose", "")
    try:
        number = complaints.reveal(db(), actor(), complaint, purpose=purpose, moment=moment())
    except Refused as refused:
        db().rollback()
        return render_template(
            "complaints/show.html", page=page(complaint_id), refused=say(refused.text)
        ), 422
    db().commit()
    return render_template("complaints/show.html", page=page(complaint_id), phone=number)


def _may_register() -> None:
    if not can(actor(), "register"):
        raise NotAllowed
