"""答复库: everybody finds an approved answer, whoever leads keeps them."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web.language import ZONE
from web.policies import leader, signed_in
from web.request import actor, db, moment
from workflow.errors import Refused
from workflow.station import answers, items, staff
from workflow.station.answers import Answer
from workflow.station.items import ServiceItem
from workflow.station.permissions import can
from workflow.texts import T

bp = Blueprint("library", __name__, url_prefix="/answers")


@bp.get("")
@signed_in
def browse() -> str:
    q = http.args.get("q", "").strip()[:80]
    found = answers.current(db(), actor(), q)
    people = staff.names(db(), {one.approved_by for one in found})
    return render_template(
        "consultations/answers.html",
        answers=found,
        people=people,
        q=q,
        may_edit=can(actor(), "edit_answers"),
    )


@bp.get("/new")
@leader
def new() -> str:
    return _form(None, {}, None)[0]


@bp.get("/<int:answer_id>")
@leader
def edit(answer_id: int) -> str:
    """Its words, to be bettered; and the versions before it."""
    one = answers.find(db(), actor(), answer_id)
    given = {"topic": one.topic, "words": one.words, "basis": one.basis}
    return _form(one, {**given, "item": one.item.code if one.item else ""}, None)[0]


@bp.post("/new")
@leader
def add() -> ResponseReturnValue:
    return _approve(None)


@bp.post("/<int:answer_id>")
@leader
def replace(answer_id: int) -> ResponseReturnValue:
    return _approve(answers.find(db(), actor(), answer_id))


@bp.post("/<int:answer_id>/withdraw")
@leader
def withdraw(answer_id: int) -> ResponseReturnValue:
    answers.withdraw(db(), answers.find(db(), actor(), answer_id), by=actor(), moment=moment())
    db().commit()
    flash(_("已停用，不再提供；用过它的咨询记录不变。"), "good")
    return redirect(url_for("consultations.library.browse"))


def _approve(before: Answer | None) -> ResponseReturnValue:
    """What is refused is said above the form, which keeps what was written."""
    given = {name: http.form.get(name, "") for name in ("topic", "words", "basis", "item")}
    try:
        answers.approve(
            db(),
            by=actor(),
            moment=moment(),
            topic=given["topic"],
            words=given["words"],
            basis=given["basis"],
            item=_item(given["item"]),
            replaces=before,
        )
    except Refused as refused:
        db().rollback()
        return _form(before, given, refused)
    db().commit()
    flash(_("已存入答复库。"), "good")
    return redirect(url_for("consultations.library.browse"))


def _item(code: str) -> ServiceItem | None:
    item = db().scalars(select(ServiceItem).where(ServiceItem.code == code)).first()
    if code and item is None:
        raise Refused(T("请从所列选项中选择。"), field="item")
    return item


def _form(one: Answer | None, given: dict[str, str], refused: Refused | None) -> tuple[str, int]:
    earlier = answers.versions(db(), one)[1:] if one else []
    return render_template(
        "consultations/answer.html",
        one=one,
        earlier=earlier,
        people=staff.names(db(), {before.approved_by for before in earlier}),
        given=given,
        refused=refused,
        catalogue=[each.item for each in items.catalogue(db(), moment().astimezone(ZONE).date())],
    ), 422 if refused else 200
