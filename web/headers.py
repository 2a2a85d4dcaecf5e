"""The headers of every answer. Pages are strict; those with a form island may set style attributes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from flask import Flask, Response, current_app, request

from workflow.settings import Settings

STRICT = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
ATTR = STRICT | {"style-src-attr": "'unsafe-inline'", "font-src": "'self' data:"}

V = TypeVar("V", bound=Callable[..., object])


def style_attributes(view: V) -> V:
    """The page holds form-js: it needs style attributes, never inline scripts or eval."""
    view.csp = "attr"  # type: ignore[attr-defined]
    return view


def secure(settings: Settings) -> bool:
    """Cookies are Secure except in a demo on plain http (decisions 25)."""
    return settings.public_url.startswith("https:") or not settings.demo


def install(app: Flask, settings: Settings) -> None:
    policies = {name: _words(rules) for name, rules in (("strict", STRICT), ("attr", ATTR))}
    https = settings.public_url.startswith("https:")

    @app.after_request
    def add(answer: Response) -> Response:
        view = current_app.view_functions.get(request.endpoint or "")
        answer.headers["Content-Security-Policy"] = policies[getattr(view, "csp", "strict")]
        answer.headers["X-Content-Type-Options"] = "nosniff"
        answer.headers["Referrer-Policy"] = "same-origin"
        answer.headers["Cross-Origin-Opener-Policy"] = "same-origin"
        answer.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        answer.headers["Permissions-Policy"] = "camera=(), microphone=(), geolocation=()"
        if https:
            answer.headers["Strict-Transport-Security"] = "max-age=31536000"
        if request.endpoint != "static":
            answer.headers["Cache-Control"] = "no-store"
        return answer


def _words(rules: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in rules.items())
