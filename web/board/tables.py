"""Lists that leave the house as CSV, for the spreadsheet of whoever opens them.

Text that a spreadsheet would take for a formula gets an apostrophe in front: every cell is somebody's words.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from flask import Response

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
BOM = "\ufeff"  # Excel takes the file for UTF-8 by it


def table(name: str, head: Sequence[str], rows: Iterable[Sequence[object]]) -> Response:
    """A CSV file to download; ``name`` without its ending."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows([cell(value) for value in row] for row in rows)
    answer = Response(BOM + text.getvalue(), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer


def cell(value: object) -> str:
    """Numbers as they are, nothing as '', text harmless."""
    if value is None:
        return ""
    text = str(value)
    hostile = isinstance(value, str) and text.lstrip(" ").startswith(FORMULA)
    return f"'{text}" if hostile else text
