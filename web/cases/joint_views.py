"""Taking a department's part back, with a reason (R2.3.4b)."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web.cases.page import page
from web.discussion.card import card
from web.language import say
from web.policies import signed_in
from web.request import actor, db, engine
from workflow.errors import Refused
from workflow.station import cases, joint_handling

bp = Blueprint("joint", __name__)


@bp.post("/<int:case_id>/joint/<int:part_id>/withdraw")
@signed_in
def withdraw(case_id: int, part_id: int) -> ResponseReturnValue:
    """What was typed stays on the page when it is refused."""
    case = cases.find(db(), actor(), case_id)
    reason = http.form.get("reason", "")
    try:
        joint_handling.withdraw(engine(), part_id, case, reason=reason, by=actor())
    except Refused as refused:
        db().rollback()
        kept = {"id": part_id, "reason": reason, "problem": say(refused.text)}
        shown = page(case_id)
        return render_template("cases/show.html", page=shown, talk=card(case_id), taken_back=kept), 422
    db().commit()
    flash(_("已撤回协办，原因已记下。"), "good")
    return redirect(url_for("cases.show", case_id=case_id) + "#joint")
