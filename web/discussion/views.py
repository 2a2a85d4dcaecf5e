"""Say something about a case; say that one looks at it, and hear who else does."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template
from flask import request as http
from flask.typing import ResponseReturnValue

from web import idempotency
from web.incoming import row_id
from web.policies import signed_in
from web.request import actor, db, me, moment
from workflow.station import cases, discussion, looking

bp = Blueprint("discussion", __name__, template_folder="templates", url_prefix="/cases/<int:case_id>")


@bp.post("/comments")
@signed_in
def say(case_id: int) -> ResponseReturnValue:
    person = me()
    assert person is not None
    case = cases.find(db(), actor(), case_id)
    text, corrects = http.form.get("text", ""), row_id(http.form.get("corrects"))
    key = http.headers.get("Idempotency-Key") or http.form.get("key")
    request = f"{http.path}\n{corrects}\n{text}".encode()
    answer = idempotency.begin(db(), actor().key, key, request)
    if answer is None:
        comment = discussion.add(
            db(), person.staff, actor(), case, text, moment=moment(), corrects_id=corrects
        )
        answer = {"comment": comment.id}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    return redirect(f"/cases/{case_id}#comment-{answer.get('comment', '')}")


@bp.post("/looking")
@signed_in
def look(case_id: int) -> str:
    person = me()
    assert person is not None
    case = cases.find(db(), actor(), case_id)
    looking.look(db(), person.staff, case)
    names = looking.others(db(), actor(), person.staff, case)
    db().commit()
    return render_template("discussion/_others.html", names=names)
