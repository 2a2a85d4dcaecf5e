# mypy: allow-subclassing-any
"""Loops and multi-instances: rounds of an activity below one token."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs import defaults

from workflow.bpmn.events import Ours
from workflow.bpmn.tokens import FUTURE, LIVE, STARTED, WAITING, Scope, StepTooLong, Token
from workflow.errors import YizhanError
from workflow.texts import T

MOST_ROUNDS = 500


class BadLoop(YizhanError):
    """The number or the collection of a multi-instance is not one."""

    def __init__(self, element: str, value: object) -> None:
        super().__init__(T("“%(element)s”的重复次数或集合无效：%(value)s", element=element, value=value))


class Loop(Ours):
    """Rounds of an activity below one token; they report to ``merge_child``, connected at parsing."""

    task_spec: str
    bpmn_id: str
    _wf_spec: Any

    def _predict_hook(self, token: Token) -> None:
        token._sync_children(self.outputs, FUTURE)  # type: ignore[attr-defined]

    def _round(self, token: Token, own: dict[str, Any]) -> None:
        child = token._add_child(self._wf_spec.task_specs[self.task_spec], FUTURE)
        child.triggered = True
        child.scope = Scope(own, token.scope) if own else token.scope
        child.task_spec._update(child)

    def _done(self, token: Token) -> None:
        for child in token.children:
            if child.triggered and child._state & LIVE:
                child.cancel()
        token._ready()


class StandardLoop(Loop, defaults.StandardLoopTask):
    def _update_hook(self, token: Token) -> bool:
        if token._state >= WAITING:
            return False
        token._set_state(STARTED)
        token.internal_data["done"] = 0
        if self.test_before and not self._goes_on(token):
            return True
        self._round(token, {})
        return False

    def merge_child(self, workflow: Any, child: Token) -> None:
        token = child.parent
        token.internal_data["done"] += 1
        if self._goes_on(token):
            self._round(token, {})
        else:
            self._done(token)

    def _goes_on(self, token: Token) -> bool:
        done = token.internal_data["done"]
        if self.maximum is not None and done >= self.maximum:
            return False
        if done >= MOST_ROUNDS:
            raise StepTooLong
        runtime = token.workflow.script_engine
        if self.condition is None:
            return True
        return bool(runtime.holds(token, self.condition, runtime.conditions(token, [self.condition])[0]))


class MultiInstance(Loop):
    """``loopCounter`` counts from 1; the input and output items of a round are its own."""

    sequential = False
    data_input: Any
    data_output: Any
    input_item: Any
    output_item: Any
    cardinality: str | None
    condition: str | None

    def _update_hook(self, token: Token) -> bool:
        if token._state >= WAITING:
            return False
        items = self._items(token)
        if len(items) > MOST_ROUNDS:
            raise StepTooLong
        token._set_state(STARTED)
        if self.data_output is not None:
            token.scope.write({self.data_output.bpmn_id: []})
        kept = token.internal_data
        kept["all"], kept["done"], kept["left"] = len(items), 0, items
        for _ in range(1 if self.sequential else len(items)):
            self._next(token)
        return not items

    def _items(self, token: Token) -> list[Any]:
        if self.data_input is not None:
            items = token.data.get(self.data_input.bpmn_id)
            if not isinstance(items, list):
                raise BadLoop(self.bpmn_id, items)
            return list(items)
        count = token.workflow.script_engine.evaluate(token, self.cardinality)
        if isinstance(count, bool) or not isinstance(count, int | float) or count != int(count) or count < 0:
            raise BadLoop(self.bpmn_id, count)
        if count > MOST_ROUNDS:
            raise StepTooLong
        return list(range(int(count)))

    def _next(self, token: Token) -> None:
        kept = token.internal_data
        if not kept["left"]:
            return
        item, kept["left"] = kept["left"][0], kept["left"][1:]
        own: dict[str, Any] = {"loopCounter": kept["all"] - len(kept["left"])}
        if self.input_item is not None:
            own[self.input_item.bpmn_id] = item
        if self.output_item is not None:
            own[self.output_item.bpmn_id] = None
        self._round(token, own)

    def merge_child(self, workflow: Any, child: Token) -> None:
        token, kept = child.parent, child.parent.internal_data
        kept["done"] += 1
        if self.data_output is not None and self.output_item is not None:
            name = self.data_output.bpmn_id
            gathered = token.data.get(name)
            given = child.data.get(self.output_item.bpmn_id)
            token.scope.write({name: [*(gathered if isinstance(gathered, list) else []), given]})
        if kept["done"] == kept["all"] or self._enough(token, child):
            self._done(token)
        elif self.sequential:
            self._next(token)

    def _enough(self, token: Token, child: Token) -> bool:
        """The completion condition, which may read the numbers of all, done and running rounds."""
        if self.condition is None:
            return False
        runtime, kept = token.workflow.script_engine, token.internal_data
        counts = {
            "numberOfInstances": kept["all"],
            "numberOfCompletedInstances": kept["done"],
            "numberOfActiveInstances": kept["all"] - kept["done"] - len(kept["left"]),
        }
        scope = Scope(counts, child.scope)
        probe = _Probe(token, scope)
        return bool(runtime.holds(token, self.condition, runtime.conditions(probe, [self.condition])[0]))


class _Probe:
    """A token's stand-in that sees a few more names."""

    def __init__(self, token: Token, scope: Scope) -> None:
        self.task_spec = token.task_spec
        self.data = scope.view()


class ParallelMultiInstance(MultiInstance, defaults.ParallelMultiInstanceTask):
    pass


class SequentialMultiInstance(MultiInstance, defaults.SequentialMultiInstanceTask):
    sequential = True
