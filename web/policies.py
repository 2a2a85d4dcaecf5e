"""Who may call a route. Each view carries one of these marks; a route without one answers nobody.

``public``     anybody, and the view reveals nothing personal
``signed_in``  a member of staff; what of it he or she may see and do, the floors below decide
``leader``     who leads the station now
``demo_only``  a member of staff, and only where YIZHAN_DEMO=1
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar, cast

from flask import Flask, abort, current_app, redirect, request, url_for
from werkzeug.wrappers import Response

from web.request import actor, me, settings
from web.wants import wants_json
from workflow.errors import NotAllowed, NotFound

P = ParamSpec("P")
R = TypeVar("R")
View = Callable[P, R]


def install(app: Flask) -> None:
    @app.before_request
    def refuse_unmarked() -> None:
        """A forgotten mark closes the route, it does not open it."""
        view = current_app.view_functions.get(request.endpoint or "")
        if view is not None and not hasattr(view, "policy"):
            abort(403)


def public(view: View[P, R]) -> View[P, R]:
    view.policy = "public"  # type: ignore[attr-defined]
    return view


def signed_in(view: View[P, R]) -> View[P, R]:
    return _guard(view, "signed_in", lambda: None)


def leader(view: View[P, R]) -> View[P, R]:
    def check() -> None:
        if "lead" not in actor().may:
            raise NotAllowed

    return _guard(view, "leader", check)


def demo_only(view: View[P, R]) -> View[P, R]:
    def check() -> None:
        if not settings().demo:
            raise NotFound

    return _guard(view, "demo_only", check)


def _guard(view: View[P, R], name: str, check: Callable[[], None]) -> View[P, R]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
        if me() is None:
            return cast(R, _to_sign_in())
        check()
        return view(*args, **kwargs)

    guarded.policy = name  # type: ignore[attr-defined]
    return guarded


def _to_sign_in() -> Response:
    if wants_json() or request.headers.get("HX-Request") or request.method != "GET":
        abort(401)
    return redirect(url_for("sign_in.show", next=request.full_path.rstrip("?")))
