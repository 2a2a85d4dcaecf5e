"""岗位与离岗: who stands where, who acts today, who is away."""

from __future__ import annotations

from flask import Blueprint, Response, render_template
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web.board.tables import table
from web.language import day, hour, say
from web.policies import signed_in
from web.posts import absence_views, arranging_views, roster
from web.posts.page import page, today
from web.request import db, moment
from workflow.station import directory, notice_board, rendering
from workflow.station.documents import PDF

bp = Blueprint("posts", __name__, template_folder="templates", url_prefix="/posts")
bp.register_blueprint(absence_views.bp)
bp.register_blueprint(arranging_views.bp)


@bp.get("")
@signed_in
def show() -> str:
    return render_template("posts/show.html", page=page(past=http.args.get("show") == "past"))


@bp.get("/directory")
@signed_in
def directory_page() -> str:
    """Who does what and who acts now, for whoever is asked at the counter or on the phone (R2.2.6)."""
    q = http.args.get("q", "").strip()[:80]
    found = directory.entries(db(), moment(), q)
    return render_template(
        "posts/directory.html", entries=found, q=q, today=f"{day(moment())} {hour(moment())}"
    )


@bp.get("/roster")
@signed_in
def roster_page() -> str:
    return render_template("posts/roster.html", roster=roster.roster(), station=rendering.letterhead())


@bp.get("/roster.csv")
@signed_in
def roster_table() -> ResponseReturnValue:
    shown = roster.roster()
    head = [_("日期"), _("星期"), _("说明"), *(say(name) for name in shown.posts)]
    return table(f"roster-{shown.first.isoformat()}", head, roster.rows(shown))


@bp.get("/notice-board.pdf")
@signed_in
def board() -> ResponseReturnValue:
    """Current facts as they hang in the window: no paper with a number."""
    answer = Response(notice_board.pdf(db(), moment()), mimetype=PDF)
    answer.headers["Content-Disposition"] = f'inline; filename="notice-board-{today().isoformat()}.pdf"'
    return answer
