"""The words a diagram may use: actions of service tasks, choices and first values of forms.

The station registers its functions here on import; the engine calls them inside the running step's
transaction. What an action returns goes into the token only if it was declared as an output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.schema import Json
from workflow.texts import Text

if TYPE_CHECKING:
    from workflow.engine.engine import Engine

Choice = Mapping[str, Json | Text]


@dataclass(frozen=True)
class FormContext:
    """What choices and first values may depend on. ``data`` is the token's, empty for a start form."""

    session: Session
    instance_id: int | None
    business_key: str | None
    data: Mapping[str, Json]
    actor: Actor
    moment: datetime


@dataclass
class ActionContext:
    """One call of an action inside a step.

    ``submission`` is the whole cleaned form of this step, personal fields included: store them where they
    can be erased. ``note`` puts a fact (never personal text) into the step's line of history.
    """

    session: Session
    engine: Engine
    instance_id: int
    element: str
    actor: Actor
    on_behalf_of: str | None
    moment: datetime
    data: Mapping[str, Json]
    submission: Mapping[str, Any]
    business_key: str | None
    notes: dict[str, Json] = field(default_factory=dict)

    def note(self, **facts: Json) -> None:
        self.notes.update(facts)

    def announce(self, message: str) -> None:
        """Deliver a message to the other instances of this case that wait for it, in this transaction."""
        if self.business_key:
            self.engine.announce(self.business_key, message, by=self.actor)

    def clock_moved(self, clock: str, business_key: str | None = None) -> None:
        """A clock of this case (or of another) changed: move all that hangs on it, in this transaction."""
        if key := business_key or self.business_key:
            self.engine.clock_moved(key, clock, by=self.actor)


@dataclass(frozen=True)
class Action:
    """A registered action with the variables it reads and those it may set, each with a type's name."""

    name: str
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    run: Callable[..., Mapping[str, Json] | None]


class Registry:
    """All words known to this installation."""

    def __init__(self) -> None:
        self.actions: dict[str, Action] = {}
        self.choices: dict[str, Callable[[FormContext], list[Choice]]] = {}
        self.first_values: dict[str, Callable[[FormContext], Mapping[str, Any]]] = {}

    def action(
        self, name: str, *, inputs: Mapping[str, str] | None = None, outputs: Mapping[str, str] | None = None
    ) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def register(run: Callable[..., Any]) -> Callable[..., Any]:
            self.actions[name] = Action(name, inputs or {}, outputs or {}, run)
            return run

        return register

    def options(self, name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register the choices behind a form's ``valuesKey``: shown in the page and checked on arrival."""

        def register(find: Callable[..., Any]) -> Callable[..., Any]:
            self.choices[name] = find
            return find

        return register

    def prefill(self, form: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Register what a form opens with; its read-only fields are taken from here again on arrival."""

        def register(find: Callable[..., Any]) -> Callable[..., Any]:
            self.first_values[form] = find
            return find

        return register

    def given(self, form: str, context: FormContext) -> Mapping[str, Any]:
        """What a form opens with; nothing when nobody registered anything."""
        find = self.first_values.get(form)
        return find(context) if find else {}

    def chosen_from(self, sources: Iterable[str], context: FormContext) -> dict[str, list[Choice]]:
        """The choices behind each ``valuesKey`` of a form."""
        return {source: list(self.choices[source](context)) for source in sources}

    def inputs_of(self, action: str) -> frozenset[str] | None:
        """The variables that an action reads; None for a word nobody knows."""
        known = self.actions.get(action)
        return frozenset(known.inputs) if known else None


registry = Registry()
action, options, prefill = registry.action, registry.options, registry.prefill
