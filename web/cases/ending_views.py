"""Ending a case before it is completed (R3.6): what the client withdraws, what was registered by mistake."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web.cases.page import Typed, page
from web.discussion.card import card
from web.language import say
from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.errors import Refused
from workflow.station import cases, ending
from workflow.station.cases import Case

bp = Blueprint("ending", __name__)


@bp.post("/<int:case_id>/withdraw")
@signed_in
def withdraw(case_id: int) -> ResponseReturnValue:
    """The client does not want it any more."""

    def act(case: Case) -> str:
        confirmed = http.form.get("confirmed", "")
        ending.withdraw(engine(), case, reason=_reason(), confirmed=confirmed, by=actor(), moment=moment())
        return str(_("已撤件，编号和记录保留。"))

    return _done(case_id, "withdraw", act)


@bp.post("/<int:case_id>/void")
@signed_in
def void(case_id: int) -> ResponseReturnValue:
    """It should not have been registered."""

    def act(case: Case) -> str:
        ending.void(engine(), case, reason=_reason(), by=actor(), moment=moment())
        return str(_("已作废，编号保留。"))

    return _done(case_id, "void", act)


def _reason() -> str:
    return http.form.get("reason", "")


def _done(case_id: int, what: str, act: Callable[[Case], str]) -> ResponseReturnValue:
    """Do it and come back to the case; refused, the page says why and keeps what was filled in."""
    case = cases.find(db(), actor(), case_id)
    try:
        said = act(case)
    except Refused as refused:
        db().rollback()
        typed = Typed(what, _reason(), http.form.get("confirmed", ""), say(refused.text))
        return render_template("cases/show.html", page=page(case_id, typed), talk=card(case_id)), 422
    db().commit()
    flash(said, "good")
    return redirect(url_for("cases.show", case_id=case_id))
