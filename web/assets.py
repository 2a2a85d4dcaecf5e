"""The built front end: which files an entry needs, from Vite's manifest."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, send_from_directory
from markupsafe import Markup

from web.policies import public

BUILT = Path(__file__).parent / "static" / "built"
A_YEAR = 31_536_000  # seconds; names of built files change with their content


def install(app: Flask) -> None:
    app.add_url_rule("/static/<path:name>", "static", static)
    app.jinja_env.globals["entry"] = entry


@public
def static(name: str) -> Response:
    answer = send_from_directory(BUILT, name, max_age=A_YEAR)
    answer.cache_control.immutable = True
    return answer


def entry(name: str) -> Markup:
    """The tags of an entry ('app', 'form', 'diagram'): its styles and those of its imports, its module."""
    chunks = _manifest()
    found = chunks[f"src/{name}.js"]
    wanted = [found, *(chunks[other] for other in found.get("imports", ()))]
    styles = dict.fromkeys(style for chunk in wanted for style in chunk.get("css", ()))
    tags = [Markup('<link rel="stylesheet" href="/static/{}">').format(style) for style in styles]
    return Markup("").join(
        [*tags, Markup('<script type="module" src="/static/{}"></script>').format(found["file"])]
    )


@cache
def _manifest() -> dict[str, dict[str, Any]]:
    manifest: dict[str, dict[str, Any]] = json.loads((BUILT / "manifest.json").read_text("utf-8"))
    return manifest
