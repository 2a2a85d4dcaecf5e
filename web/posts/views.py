"""岗位与离岗: who stands where, who acts today, who is away."""

from __future__ import annotations

from flask import Blueprint, render_template
from flask import request as http

from web.policies import signed_in
from web.posts import absence_views
from web.posts.page import page

bp = Blueprint("posts", __name__, template_folder="templates", url_prefix="/posts")
bp.register_blueprint(absence_views.bp)


@bp.get("")
@signed_in
def show() -> str:
    return render_template("posts/show.html", page=page(past=http.args.get("show") == "past"))
