"""What may come in at all: ids that a row can have, text the database can keep, JSON that is an object."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask, abort
from flask import request as http
from werkzeug.routing import IntegerConverter

ROW_ID = "[0-9]{1,18}"  # every such number fits the database's bigint


class RowId(IntegerConverter):
    """``<int:…>`` in a route: an id outside what a row can have is no address of ours."""

    regex = ROW_ID


def install(app: Flask) -> None:
    """Before the blueprints: their routes are made with the converter."""
    app.url_map.converters["int"] = RowId

    @app.before_request
    def refuse_nul() -> None:
        """PostgreSQL keeps no NUL: in an address, a query or a form it is nobody's search or password."""
        texts = [http.path, *(text for pair in http.values.items(multi=True) for text in pair)]
        if any("\0" in text for text in texts):
            abort(400)


def row_id(text: str | None) -> int | None:
    """The id in a query; None for whatever is none."""
    return int(text) if text and re.fullmatch(ROW_ID, text) else None


def submitted() -> dict[str, Any]:
    """The object that a form's island sends; 400 for other JSON, and for what is nested beyond reading."""
    try:
        data = http.get_json()
    except RecursionError:
        abort(400)
    if not isinstance(data, dict):
        abort(400)
    return data
