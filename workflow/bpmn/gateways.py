# mypy: allow-subclassing-any
"""Gateways: which flows are taken, and when several tokens become one."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs import defaults

from workflow.bpmn.events import Ours
from workflow.bpmn.scripts import NoWay
from workflow.bpmn.tokens import FUTURE, WAITING, Token


class ExclusiveGateway(Ours, defaults.ExclusiveGateway):
    def _predict_hook(self, token: Token) -> None:
        """The conditions decide."""

    def _run_hook(self, token: Token) -> Any:
        runtime = token.workflow.script_engine
        flows = [(c.args[0], name) for c, name in self.cond_task_specs if c is not None]
        results = runtime.conditions(token, [text for text, _ in flows])
        chosen = self.default_task_spec
        for (text, name), result in zip(flows, results, strict=True):
            if runtime.holds(token, text, result):
                chosen = name
                break
        if chosen is None:
            raise NoWay(self.bpmn_name or self.bpmn_id)
        token._sync_children([self._wf_spec.task_specs[chosen]], FUTURE)
        return True


class Gathering(Ours):
    """A gateway where several tokens become one: the last to arrive takes over what the others brought."""

    joins = True
    name: str
    _inputs: list[str]

    def _arrive(self, token: Token) -> set[str]:
        """Count the flow over which the token came; the inputs that are covered now."""
        source = token.parent.task_spec.name
        if token._state < WAITING:
            arrived = [source]
            for other in list(token.workflow.tasks.values()):
                if (
                    other is not token
                    and other.task_spec is self
                    and other._state == WAITING
                    and source not in other.internal_data["arrived"]
                ):
                    arrived += other.internal_data["arrived"]
                    other.cancel()
                    break
            token.internal_data["arrived"] = arrived
        return set(token.internal_data["arrived"])


class ParallelGateway(Gathering, defaults.ParallelGateway):
    def _update_hook(self, token: Token) -> bool:
        if self._arrive(token) >= set(self._inputs):
            return True
        token._set_state(WAITING)
        return False


class InclusiveGateway(Gathering, defaults.InclusiveGateway):
    """Waits while some token can still reach an input that is empty and none that is not."""

    def _predict_hook(self, token: Token) -> None:
        """The conditions decide."""

    def _update_hook(self, token: Token) -> bool:
        arrived = self._arrive(token)
        empty = set(self._inputs) - arrived
        if empty:
            for other in token.workflow.live():
                if other is not token and other.task_spec is not self:
                    reach = self._reached_from(other.task_spec)
                    if reach & empty and not reach & arrived:
                        token._set_state(WAITING)
                        return False
        return True

    def _reached_from(self, spec: Any) -> set[str]:
        """Inputs of this gateway that a token at ``spec`` can come by, not passing the gateway itself."""
        known: dict[str, set[str]] = self.__dict__.setdefault("_reach", {})
        if spec.name not in known:
            seen, stack = {spec.name}, [spec]
            while stack:
                for output in stack.pop().outputs:
                    if output is not self and output.name not in seen:
                        seen.add(output.name)
                        stack.append(output)
            known[spec.name] = seen & set(self._inputs)
        return known[spec.name]

    def _run_hook(self, token: Token) -> Any:
        runtime = token.workflow.script_engine
        flows = [(c.args[0], name) for c, name in self.cond_task_specs if c is not None]
        results = runtime.conditions(token, [text for text, _ in flows])
        chosen = [
            name
            for (text, name), result in zip(flows, results, strict=True)
            if runtime.holds(token, text, result)
        ] or [name for condition, name in self.cond_task_specs if condition is None]
        if not chosen:
            raise NoWay(self.bpmn_name or self.bpmn_id)
        token._sync_children([self._wf_spec.task_specs[name] for name in chosen], FUTURE)
        return True
