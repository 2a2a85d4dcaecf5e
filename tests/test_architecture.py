"""Rules of the house that a reader could break without noticing."""

from __future__ import annotations

from flask import Flask

from tests.web.conftest import app, settings

__all__ = ["app", "settings"]

POLICIES = {"public", "signed_in", "leader", "demo_only"}
PUBLIC = {
    "static",
    "sign_in.show",
    "sign_in.enter",
    "sign_in.leave",
    "sign_in.choose_language",
    "documents.verify",
    "health.live",
    "health.ready",
}


def test_every_route_says_who_may_call_it(app: Flask) -> None:
    for rule in app.url_map.iter_rules():
        policy = getattr(app.view_functions[rule.endpoint], "policy", None)
        assert policy in POLICIES, f"{rule.rule} has no policy"


def test_only_these_routes_are_open_to_strangers(app: Flask) -> None:
    public = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if getattr(app.view_functions[rule.endpoint], "policy", None) == "public"
    }
    assert public == PUBLIC


def test_a_route_that_forgot_its_mark_answers_nobody(app: Flask) -> None:
    app.add_url_rule("/forgotten", "forgotten", lambda: "a secret")
    assert app.test_client().get("/forgotten").status_code == 403
