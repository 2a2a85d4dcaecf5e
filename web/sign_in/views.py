"""Sign in, sign out, choose the language."""

from __future__ import annotations

from flask import Blueprint, redirect, render_template, session, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web import language
from web.policies import public, signed_in
from web.request import db, me, settings
from web.sign_in import failures, sessions
from workflow.station import staff
from workflow.station.staff import Staff

bp = Blueprint("sign_in", __name__, template_folder="templates")


@bp.get("/sign-in")
@public
def show() -> ResponseReturnValue:
    if me() is not None:
        return redirect(url_for("inbox.show"))
    return _page()


@bp.post("/sign-in")
@public
def enter() -> ResponseReturnValue:
    login, password = http.form.get("login", ""), http.form.get("password", "")
    address = http.remote_addr or ""
    wait = failures.attempt(db(), login, address)
    db().commit()
    if wait:
        answer = _page(_("尝试次数较多，请 %(seconds)s 秒后再试。", seconds=wait), login)
        return answer, 429, {"Retry-After": str(wait)}
    person = staff.check_password(db(), login, password)
    if person is None:
        return _page(_("登录名或密码不正确。"), login), 401
    failures.forget(db(), login, address)
    if before := session.get("key"):  # whoever was signed in here does not stay so unseen
        sessions.end(db(), before)
    token = sessions.begin(db(), person, http.user_agent.string)
    db().commit()
    session.clear()  # a new session at login: nothing from before it is kept, the CSRF token neither
    session["key"] = token
    return redirect(inside(http.form.get("next")))


@bp.post("/sign-out")
@public
def leave() -> ResponseReturnValue:
    if token := session.get("key"):
        sessions.end(db(), token)
        db().commit()
    session.clear()
    return redirect(url_for("sign_in.show"))


@bp.post("/language")
@public
def choose_language() -> ResponseReturnValue:
    chosen = http.form.get("language", "")
    answer = redirect(inside(http.form.get("next")))
    if chosen in language.LANGUAGES:
        language.set_cookie(answer, chosen)
        if (person := me()) is not None:
            person.staff.language = chosen
            db().commit()
    return answer


@bp.post("/sign-out-everywhere")
@signed_in
def leave_everywhere() -> ResponseReturnValue:
    person = me()
    assert person is not None
    sessions.revoke(db(), person.staff.id)
    db().commit()
    session.clear()
    return redirect(url_for("sign_in.show"))


def _page(problem: str = "", login: str = "") -> str:
    people = (
        db().scalars(select(Staff).where(Staff.active).order_by(Staff.id)).all() if settings().demo else ()
    )
    return render_template(
        "sign_in/show.html",
        problem=problem,
        login=login,
        next=http.values.get("next", ""),
        people=people,
        plain_http=settings().demo and not settings().public_url.startswith("https:"),
    )


def inside(target: str | None) -> str:
    """Only our own pages: a path, never another host."""
    if target and target.startswith("/") and not target.startswith(("//", "/\\")) and target.isprintable():
        return target
    return url_for("inbox.show")
