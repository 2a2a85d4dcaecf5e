"""What kind of answer the caller reads."""

from __future__ import annotations

from flask import request


def wants_json() -> bool:
    """Our islands ask by fetch and say so; everybody else gets pages."""
    if request.is_json:
        return True
    accepted = request.accept_mimetypes
    return accepted["application/json"] > accepted["text/html"]
