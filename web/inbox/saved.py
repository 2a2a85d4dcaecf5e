"""Saved filters of the inbox: keep, rename, share, delete, open with."""

from __future__ import annotations

from flask import Blueprint, flash, redirect
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web.inbox import worklist
from web.policies import signed_in
from web.request import actor, db, me, moment
from workflow.station import filters
from workflow.station import wanted as asked

bp = Blueprint("filters", __name__, url_prefix="/filters")


@bp.post("")
@signed_in
def save() -> ResponseReturnValue:
    person = me()
    assert person is not None
    kept = filters.save(
        db(),
        person.staff,
        actor(),
        name=http.form.get("name", ""),
        wanted=asked.read(worklist.from_address(), actor()),
        shared_with=http.form.get("shared_with") or None,
        is_default="default" in http.form,
        moment=moment(),
    )
    db().commit()
    flash(_("已保存筛选“%(name)s”。", name=kept.name), "good")
    return _to(kept)


@bp.post("/<int:filter_id>/rename")
@signed_in
def rename(filter_id: int) -> ResponseReturnValue:
    kept = filters.rename(db(), actor(), filter_id, http.form.get("name", ""))
    db().commit()
    return _to(kept)


@bp.post("/<int:filter_id>/default")
@signed_in
def choose_default(filter_id: int) -> ResponseReturnValue:
    kept = filters.choose_default(db(), actor(), filter_id, on=http.form.get("on") == "1")
    db().commit()
    return _to(kept)


@bp.post("/<int:filter_id>/delete")
@signed_in
def delete(filter_id: int) -> ResponseReturnValue:
    kept = filters.delete(db(), actor(), filter_id)
    asks = kept.asks(actor())
    db().commit()
    flash(_("已删除筛选“%(name)s”。", name=kept.name), "good")
    return redirect(worklist.address(asks))


def _to(kept: filters.SavedFilter) -> ResponseReturnValue:
    return redirect(worklist.address(kept.asks(actor())))
