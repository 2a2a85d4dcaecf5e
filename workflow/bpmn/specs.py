# mypy: allow-subclassing-any
"""Activities, gateways and loops as they run here. The library gives the skeleton, the rules are ours."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs import control, defaults
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec

from workflow.bpmn.events import BoundaryJoin, BpmnError, Ours, throw_error
from workflow.bpmn.scripts import NoWay
from workflow.bpmn.tokens import FUTURE, LIVE, STARTED, WAITING, Scope, StepTooLong, SubProcessRun, Token
from workflow.errors import YizhanError
from workflow.texts import T

MOST_ROUNDS = 500
DEEPEST = 50


class BadLoop(YizhanError):
    """The number or the collection of a multi-instance is not one."""

    def __init__(self, element: str, value: object) -> None:
        super().__init__(T("“%(element)s”的重复次数或集合无效:%(value)s", element=element, value=value))


class UserTask(Ours, defaults.UserTask):
    def _on_ready_hook(self, token: Token) -> None:
        """Who may do it is settled when it is reached, if a FEEL expression says so."""
        candidate = token.workflow.script_engine.definition.elements[self.bpmn_id].candidate or ""
        if candidate.startswith("="):
            value = token.workflow.script_engine.evaluate(token, candidate)
            token.internal_data["candidate"] = value if isinstance(value, str) else ""


class ManualTask(Ours, defaults.ManualTask):
    pass


class NoneTask(Ours, defaults.NoneTask):
    pass


class ScriptTask(Ours, defaults.ScriptTask):
    def _run_hook(self, token: Token) -> Any:
        return token.workflow.script_engine.execute(token, self.script)


class ServiceTask(Ours, defaults.ServiceTask):
    def _run_hook(self, token: Token) -> Any:
        try:
            token.workflow.script_engine.act(token)
        except BpmnError as error:
            throw_error(token, error.code, str(error.text.values.get("message", "")))
            return None  # the boundary event that caught it takes this token away
        return True


class BusinessRuleTask(Ours, defaults.ServiceTask):
    def _run_hook(self, token: Token) -> Any:
        token.workflow.script_engine.decide(token)
        return True


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


class SubProcess(Ours, defaults.SubWorkflowTask):
    """An embedded subprocess: shares the variables."""

    def _update_hook(self, token: Token) -> bool:
        if token._state < WAITING:
            token._set_state(STARTED)
            top = token.workflow.top_workflow
            run = top.open(token, self.spec, self._scope(token))
            if run.depth > DEEPEST:
                raise StepTooLong
            run.begin()
        return False

    def _scope(self, token: Token) -> Scope:
        return token.scope

    def finished(self, token: Token, run: SubProcessRun) -> None:
        if token._state == STARTED:
            token._ready()

    def _on_complete_hook(self, token: Token) -> None:
        token.workflow.top_workflow.subprocesses.pop(token.id, None)
        self.completed_event.emit(token.workflow, token)

    def _on_cancel(self, token: Token) -> None:
        run = token.workflow.top_workflow.subprocesses.pop(token.id, None)
        if run is not None:
            run.cancel()


class CallActivity(SubProcess, defaults.CallActivity):
    """A called process: its own variables, of which the declared ones go in and all come back."""

    takes: frozenset[str] = frozenset()

    def _scope(self, token: Token) -> Scope:
        return Scope({name: value for name, value in token.data.items() if name in self.takes})

    def finished(self, token: Token, run: SubProcessRun) -> None:
        token.scope.write(run.scope.values)
        super().finished(token, run)


class EventSubprocess(SubProcess):
    """Sleeps beside its process until its start event fires."""

    def dormant(self, token: Token) -> bool:
        return token._state == STARTED and "awake" not in token.internal_data

    def again(self, token: Token) -> None:
        """Another one sleeps in place of a non-interrupting one that woke up."""
        child = token.parent._add_child(self, FUTURE)
        child.triggered = True
        self._update(child)


class StartTask(Ours, control.BpmnStartTask):
    pass


class EndJoin(Ours, control._EndJoin):
    """A process is over when no token is left; event subprocesses that still sleep do not hold it."""

    joins = True

    def _update_hook(self, token: Token) -> bool:
        sleeping = []
        for other in token.workflow.live():
            spec = other.task_spec
            if other is token:
                continue
            if isinstance(spec, EventSubprocess) and spec.dormant(other):
                sleeping.append(other)
            elif spec is self and other._state == WAITING:
                other.cancel()
            elif not isinstance(spec, BoundaryJoin):
                token._set_state(WAITING)
                return False
        for other in sleeping:
            other.cancel()
        return True


class End(Ours, control.SimpleBpmnTask):
    pass


class ProcessSpec(BpmnProcessSpec):  # type: ignore[misc]
    """A process whose inner start and end are ours too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start.__class__, self.end.__class__ = StartTask, EndJoin
        self.task_specs["End"].__class__ = End


class Loop(Ours):
    """Rounds of an activity below one token. The rounds report through ``merge_child``, connected at parsing."""

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
