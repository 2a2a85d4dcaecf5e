# mypy: allow-subclassing-any
"""Activities and processes as they run here. The library gives the skeleton, the rules are ours."""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs import control, defaults
from SpiffWorkflow.bpmn.specs.bpmn_process_spec import BpmnProcessSpec

from workflow.bpmn.events import BoundaryJoin, BpmnError, Ours, throw_error
from workflow.bpmn.scripts import ConditionFailed
from workflow.bpmn.timers import date, micros
from workflow.bpmn.tokens import FUTURE, STARTED, WAITING, Scope, StepTooLong, SubProcessRun, Token
from workflow.texts import T

DEEPEST = 50


class UserTask(Ours, defaults.UserTask):
    def _on_ready_hook(self, token: Token) -> None:
        """Who may do it, who must not, and by when: settled when it is reached. ConditionFailed, BadTimer."""
        engine = token.workflow.script_engine
        element = engine.definition.elements[self.bpmn_id]
        if (element.candidate or "").startswith("="):
            value = engine.evaluate(token, element.candidate)
            if not isinstance(value, str) or not value:
                raise ConditionFailed(
                    self.bpmn_name or self.bpmn_id, element.candidate, str(T("没有给出岗位。"))
                )
            token.internal_data["candidate"] = value
        if element.excluded:
            value = engine.evaluate(token, element.excluded)
            if not isinstance(value, str):  # nobody is named by "", never by null
                raise ConditionFailed(
                    self.bpmn_name or self.bpmn_id, element.excluded, str(T("没有说明应回避的人员。"))
                )
            token.internal_data["excluded"] = value
        if (element.due or "").startswith("="):
            token.internal_data["due"] = micros(date(str(engine.evaluate(token, element.due))))


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


class ProcessSpec(BpmnProcessSpec):
    """A process whose inner start and end are ours too."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.start.__class__, self.end.__class__ = StartTask, EndJoin
        self.task_specs["End"].__class__ = End
