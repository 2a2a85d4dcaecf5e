"""Forms: what a page shows by form-js 1.23 is checked here again, whole, before anything believes it.

Order of ``load``: the shape (no key that the form does not have), what is worked out (expressions, limits,
read-only conditions), what is hidden (one isolate call for all rows together), then the inputs themselves.
Hidden fields are dropped, read-only and disabled ones take the value the form was opened with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

from workflow.engine import form_schema
from workflow.engine.form_fields import INPUTS
from workflow.engine.form_reading import Reading
from workflow.engine.form_schema import Component, FormProblem, form_problems
from workflow.errors import InvalidForm, YizhanError
from workflow.texts import T

__all__ = ["BadForm", "Form", "FormProblem", "check_form", "form_problems", "parse_form"]

Values = Mapping[str, Any]


class BadForm(YizhanError):
    """The schema itself is wrong; ``problems`` says all of it."""

    def __init__(self, problems: Sequence[FormProblem]) -> None:
        super().__init__(T("表单有 %(count)s 处错误：%(first)s", count=len(problems), first=problems[0].text))
        self.problems = problems


def parse_form(source: bytes | str | Mapping[str, Any]) -> Form:
    """A form ready to check what was filled in. BadForm."""
    schema, components, problems = form_schema.read(source)
    if problems:
        raise BadForm(problems)
    return Form(schema, components)


def check_form(source: bytes | str | Mapping[str, Any]) -> tuple[frozenset[str], list[FormProblem]]:
    """(names that the form declares, what is wrong with it), for ``workflow.bpmn.problems.find``."""
    schema, components, problems = form_schema.read(source)
    return frozenset(Form(schema, components).keys), problems


@dataclass(frozen=True)
class Form:
    """A form-js schema. Immutable; parse it once a definition."""

    schema: dict[str, Any]
    components: tuple[Component, ...] = field(repr=False)

    @cached_property
    def keys(self) -> dict[str, str]:
        """Outermost names and a simple type of each: string, number, boolean, date, list, any."""
        found: dict[str, str] = {}
        for path, component in _valued(self.components):
            if len(path) > 1:
                found[path[0]] = "any"
            elif component.type == "dynamiclist":
                found[path[0]] = "list"
            else:
                found[path[0]] = INPUTS[component.type][1] if component.type in INPUTS else "any"
        return found

    @cached_property
    def personal(self) -> dict[str, str]:
        """Name -> kind ('name', 'phone' …) of the fields whose values must never be kept in the clear."""
        return {
            path[0]: component.raw["properties"]["personal"]
            for path, component in _valued(self.components)
            if (component.raw.get("properties") or {}).get("personal")
        }

    @cached_property
    def option_sources(self) -> frozenset[str]:
        """The ``valuesKey`` names whose choices ``load`` must be given."""
        return frozenset(c.raw["valuesKey"] for c in _all(self.components) if c.raw.get("valuesKey"))

    @cached_property
    def paths(self) -> dict[str, str]:
        """Component id -> where its errors stand; '*' stands for the row ('materials.*.pages')."""
        return dict(_paths(self.components, ()))

    def load(
        self,
        data: Mapping[str, Any],
        *,
        given: Values,
        options: Mapping[str, Sequence[Any]],
        context: Values,
        moment: datetime,
    ) -> dict[str, Any]:
        """The cleaned values. InvalidForm with the sentences by path, rows counted from 0.

        ``given``: what the form was opened with; ``options``: choices by ``valuesKey``; ``context``: the
        token's data, which conditions may read; ``moment`` is now for dates and FEEL.
        """
        reading = Reading(self.components, given, options, context, moment)
        values = reading.load(data)
        if reading.errors:
            raise InvalidForm(reading.errors)
        return values


def _all(components: Sequence[Component]) -> Iterator[Component]:
    for component in components:
        yield component
        yield from _all(component.children)


def _valued(
    components: Sequence[Component], prefix: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Component]]:
    for component in components:
        if component.type == "group":
            yield from _valued(component.children, (*prefix, *component.path))
        elif component.path:
            yield (*prefix, *component.path), component


def _paths(components: Sequence[Component], prefix: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    for component in components:
        path = (*prefix, *component.path)
        if component.path:
            yield component.id, ".".join(path)
        yield from _paths(component.children, (*path, "*") if component.type == "dynamiclist" else path)
