"""One submission on its way in: shape, formulas, hiding, inputs; see ``forms.Form.load``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from marshmallow import ValidationError

from workflow.bpmn import expressions
from workflow.engine.form_fields import INPUTS, checked
from workflow.engine.form_schema import OPTIONS, Component
from workflow.engine.form_values import child, copy, get, merge, plain, put
from workflow.errors import InvalidForm
from workflow.schema import Json
from workflow.texts import T, Text

MOST_ROWS = 200
MOST_ERRORS = 100
DEEPEST = 12
_MISSING = object()
Values = Mapping[str, Any]


@dataclass
class _Spot:
    """A component in one place: ``scope`` holds the submitted values around it, ``opened`` the given ones."""

    component: Component
    scope: dict[str, Any]
    opened: Values
    place: tuple[str, ...]
    this: Values
    parents: tuple[Values, ...]
    row: tuple[int, ...]
    inner: list[list[_Spot]] = field(default_factory=list)

    @property
    def where(self) -> str:
        return ".".join((*self.place, *self.component.path))


class Reading:
    """One submission on its way in."""

    def __init__(
        self,
        components: Sequence[Component],
        given: Values,
        options: Mapping[str, Sequence[Any]],
        context: Values,
        moment: datetime,
    ) -> None:
        self.components = components
        self.given = given
        self.options = {key: [_value_of(choice) for choice in choices] for key, choices in options.items()}
        self.context = context
        self.moment = moment
        self.errors: dict[str, list[Text]] = {}
        self.worked_out: dict[tuple[int, str], Json] = {}

    def load(self, data: Mapping[str, Any]) -> dict[str, Any]:
        if not isinstance(data, Mapping) or not plain(data, DEEPEST):
            raise InvalidForm({"": [T("提交的内容无法识别。")]})
        self._shape(data, outline(self.components), ())
        if self.errors:
            raise InvalidForm(self.errors)
        root = copy(data)
        spots = self._spots(self.components, root, self.given, (), root, (), ())
        everything = list(_flat(spots))
        self._given_values(everything)
        self._work_out(root, [(s, n, f) for s in everything for n, f in s.component.formulas()])
        self._given_values(everything)
        self._expressions(everything)
        hides = [(s, "hide", s.component.hide) for s in everything if s.component.hide]
        self._work_out(root, [(s, n, f) for s, n, f in hides if f])
        return self._values(spots)

    def _shape(self, data: Any, outline: Mapping[str, Any], place: tuple[str, ...]) -> None:
        """Only keys the form has; lists of rows where it has lists."""
        if not isinstance(data, Mapping):
            self._wrong(place, T("提交的内容无法识别。"))
            return
        for key, value in data.items():
            if len(self.errors) >= MOST_ERRORS:
                return
            below = outline.get(key, _MISSING)
            if below is _MISSING:
                self._wrong((*place, str(key)), T("未知字段"))
            elif isinstance(below, list) and value is not None:
                if not isinstance(value, list):
                    self._wrong((*place, key), T("提交的内容无法识别。"))
                elif len(value) > MOST_ROWS:
                    self._wrong((*place, key), T("最多 %(count)s 行。", count=MOST_ROWS))
                else:
                    for number, row in enumerate(value):
                        self._shape(row, below[0], (*place, key, str(number)))
            elif isinstance(below, dict) and value is not None:
                self._shape(value, below, (*place, key))

    def _spots(
        self, components: Sequence[Component], scope: dict[str, Any], opened: Values, place: tuple[str, ...],
        this: Values, parents: tuple[Values, ...], row: tuple[int, ...],
    ) -> list[_Spot]:  # fmt: skip
        found = []
        for component in components:
            spot = _Spot(component, scope, opened, place, this, parents, row)
            if component.type == "group":
                inner, below = scope, opened
                for step in component.path:
                    inner = child(inner, step)
                    below = below.get(step) if isinstance(below.get(step), Mapping) else {}  # type: ignore[assignment]
                steps = (*place, *component.path)
                spot.inner.append(self._spots(component.children, inner, below, steps, this, parents, row))
            elif component.type == "dynamiclist":
                self._rows(spot)
            found.append(spot)
        return found

    def _rows(self, spot: _Spot) -> None:
        component = spot.component
        was = get(spot.opened, component.path) or []
        rows = get(spot.scope, component.path) or []
        if component.raw.get("allowAddRemove") is False:
            # The rows are those the form was opened with: no more, no fewer.
            if len(rows) > len(was):
                self._wrong((*spot.place, *component.path), T("不能增加或删除行。"))
            rows = [rows[i] if i < len(rows) else {} for i in range(len(was))]
        put(spot.scope, component.path, rows)
        for number, values in enumerate(rows):
            opened = was[number] if number < len(was) and isinstance(was[number], Mapping) else {}
            steps = (*spot.place, *component.path, str(number))
            parents = (*spot.parents, spot.this)
            line = (*spot.row, number + 1)
            spot.inner.append(self._spots(component.children, values, opened, steps, values, parents, line))

    def _given_values(self, spots: Sequence[_Spot]) -> None:
        for spot in spots:
            if spot.component.type in INPUTS and self._fixed(spot):
                put(spot.scope, spot.component.path, get(spot.opened, spot.component.path))

    def _fixed(self, spot: _Spot) -> bool:
        raw = spot.component.raw
        readonly = self.worked_out.get((id(spot), "readonly"), raw.get("readonly"))
        return readonly is True or raw.get("disabled") is True

    def _expressions(self, spots: Sequence[_Spot]) -> None:
        for spot in spots:
            if spot.component.type == "expression":
                value = self.worked_out.get((id(spot), "expression"))
                put(spot.scope, spot.component.path, value)

    def _work_out(self, root: Values, wanted: Sequence[tuple[_Spot, str, str]]) -> None:
        """Evaluate all formulas by one crossing; a row sees itself as ``this``, what is around it as
        ``parent``. Each context carries only the names that are read."""
        if not wanted:
            return
        whole = {**self.context, **self.given, **root}
        kept: dict[tuple[int, frozenset[str]], dict[str, Any]] = {}
        questions = []
        for spot, _, formula in wanted:
            names = expressions.names(formula)
            slot = id(spot.this), names
            if slot not in kept:
                this = spot.this if spot.row else whole
                parent = _parent((whole, *spot.parents[1:])) if spot.row else None
                special = {"this": this, "parent": parent, "i": list(spot.row)}
                kept[slot] = {
                    name: {**special, **whole}[name] for name in names & (special.keys() | whole.keys())
                }
            questions.append((formula, kept[slot]))
        results = expressions.evaluate_many(questions, moment=self.moment)
        for (spot, name, _), result in zip(wanted, results, strict=True):
            self.worked_out[id(spot), name] = result.value

    def _values(self, spots: Sequence[_Spot]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for spot in spots:
            if self.worked_out.get((id(spot), "hide")) is True:
                continue
            component = spot.component
            if component.type == "group":
                target = values
                for step in component.path:
                    target = child(target, step)
                merge(target, self._values(spot.inner[0]))
            elif component.type == "dynamiclist":
                put(values, component.path, [self._values(row) for row in spot.inner])
            elif component.type in INPUTS:
                put(values, component.path, self._input(spot))
            elif component.type == "expression":
                put(values, component.path, get(spot.scope, component.path))
        return values

    def _input(self, spot: _Spot) -> Json:
        component = spot.component
        value: Json = get(spot.scope, component.path)
        if self._fixed(spot):
            return value
        rules = {
            **component.rules,
            **{
                name: self.worked_out[id(spot), name]
                for name, _ in component.formulas()
                if name in component.rules
            },
            "decimalDigits": component.raw.get("decimalDigits"),
            "as_text": component.raw.get("serializeToString") is True,
            "subtype": component.raw.get("subtype", "date"),
            "disallowPassedDates": component.raw.get("disallowPassedDates"),
            "moment": self.moment,
        }
        if component.type in OPTIONS:
            rules["choices"] = self._choices(spot)
        try:
            return checked(
                component.type, value, required=component.rules.get("required") is True, rules=rules
            )
        except ValidationError as error:
            self.errors.setdefault(spot.where, []).extend(error.messages)  # type: ignore[arg-type]
            return None

    def _choices(self, spot: _Spot) -> list[Any]:
        raw = spot.component.raw
        if raw.get("values"):
            return [_value_of(choice) for choice in raw["values"]]
        if raw.get("valuesKey"):
            return self.options[raw["valuesKey"]]
        found = self.worked_out.get((id(spot), "valuesExpression"))
        return [_value_of(choice) for choice in found] if isinstance(found, list) else []

    def _wrong(self, place: tuple[str, ...], text: Text) -> None:
        self.errors.setdefault(".".join(place), []).append(text)


def outline(components: Sequence[Component]) -> dict[str, Any]:
    """The shape a submission may have: name -> None (a value), a dict (group), [dict] (rows)."""
    shape: dict[str, Any] = {}
    for component in components:
        if component.type == "group":
            target = shape
            for step in component.path:
                target = child(target, step)
            merge(target, outline(component.children))
        elif component.path:
            put(
                shape,
                component.path,
                [outline(component.children)] if component.type == "dynamiclist" else None,
            )
    return shape


def _flat(spots: Sequence[_Spot]) -> Iterator[_Spot]:
    for spot in spots:
        yield spot
        for inner in spot.inner:
            yield from _flat(inner)


def _parent(parents: tuple[Values, ...]) -> Values | None:
    if not parents:
        return None
    return {**parents[-1], "this": parents[-1], "parent": _parent(parents[:-1])}


def _value_of(choice: Any) -> Any:
    return choice.get("value") if isinstance(choice, Mapping) else choice
