"""A form as the island reads it: schema in the reader's language, choices and first values as its data."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from web.inbox.drafts import when
from web.language import language, say
from workflow.engine.engine import OpenForm
from workflow.station.drafts import Opened
from workflow.texts import CHINESE, Text

SAID = ("label", "description", "text", "alt", "title", "source", "dateLabel", "timeLabel")
SAID_INSIDE = {"validate": ("patternErrorMessage",), "appearance": ("prefixAdorner", "suffixAdorner")}


def opened(form: OpenForm, draft: Opened | None = None) -> dict[str, Any]:
    """{schema, data, draft}: choices are part of the data, under their ``valuesKey``.

    A draft gives back what was written, not what could only be read: that may have changed meanwhile.
    """
    schema = deepcopy(dict(form.schema))
    unfold(schema)
    if language() != CHINESE:
        translate(schema)
    data = {key: [_choice(one) for one in choices] for key, choices in form.choices.items()}
    body = {"schema": schema, "data": {**_said(form.values), **data}}
    if draft is not None:
        fixed = {one.get("key") for one in schema["components"] if one.get("readonly") or one.get("disabled")}
        written = {
            name: value for name, value in draft.data.items() if name not in fixed and name not in data
        }
        body["draft"] = {"saved": when(draft), "data": written}
    return body


def unfold(component: dict[str, Any]) -> None:
    """Show lists whole, in place: form-js hides what comes after the fifth row, and a check or a hand-over
    is of every row."""
    for child in component.get("components") or ():
        if child.get("type") == "dynamiclist":
            child["disableCollapse"] = True
        unfold(child)


def translate(component: dict[str, Any]) -> None:
    """Put every label of a form and of what it holds into the reader's language, in place."""
    for name in SAID:
        _say(component, name)
    for part, names in SAID_INSIDE.items():
        for name in names:
            _say(component.get(part), name)
    for value in component.get("values") or ():
        _say(value, "label")
    for column in component.get("columns") or ():
        _say(column, "label")
    for child in component.get("components") or ():
        translate(child)


def _say(part: object, name: str) -> None:
    if isinstance(part, dict) and isinstance(part.get(name), str) and not part[name].startswith("="):
        part[name] = say(part[name])


def _choice(one: Mapping[str, Any]) -> dict[str, Any]:
    label = one["label"]
    return {**one, "label": say(label) if isinstance(label, str | Text) else str(label)}


def _said(value: Any) -> Any:
    """First values in the reader's language."""
    if isinstance(value, Text):
        return say(value)
    if isinstance(value, Mapping):
        return {name: _said(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_said(one) for one in value]
    return value
