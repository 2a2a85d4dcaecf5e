# mypy: allow-subclassing-any
"""Tokens and the processes they run in: SpiffWorkflow's task tree with shared variables and a ready queue.

Variables belong to the scope (the process, a called process, one round of a multi-instance), as in other
BPMN engines, and not to the token: a token sees what its siblings wrote, joins need no merging, a resting
case stores them once. The tree predicts one level only.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any

from SpiffWorkflow.bpmn.util.subworkflow import BpmnSubWorkflow
from SpiffWorkflow.bpmn.workflow import BpmnWorkflow
from SpiffWorkflow.task import Task
from SpiffWorkflow.util.task import TaskState

from workflow.errors import YizhanError
from workflow.schema import Json
from workflow.texts import T

WAITING, READY, STARTED = TaskState.WAITING, TaskState.READY, TaskState.STARTED
COMPLETED, CANCELLED, FUTURE = TaskState.COMPLETED, TaskState.CANCELLED, TaskState.FUTURE
LIVE = WAITING | READY | STARTED
MOST_TASKS, MOST_SECONDS = 500, 5.0


class StepTooLong(YizhanError):
    """One act ran more than 500 engine tasks or 5 s of machine time; the case stays at its last rest."""

    def __init__(self) -> None:
        super().__init__(T("这一步运行过长，流程图中可能有不停的循环。"))


class Scope:
    """Variables of a process; one round of a multi-instance has its own names over those of the process."""

    __slots__ = ("parent", "values")

    def __init__(self, values: dict[str, Json] | None = None, parent: Scope | None = None) -> None:
        self.values: dict[str, Json] = values if values is not None else {}
        self.parent = parent

    def view(self) -> dict[str, Json]:
        return self.values if self.parent is None else {**self.parent.view(), **self.values}

    def write(self, data: Mapping[str, Json]) -> None:
        for name, value in data.items():
            if self.parent is None or name in self.values:
                self.values[name] = value
            else:
                self.parent.write({name: value})


class Token(Task):
    """A place in the tree. ``data`` is the view of its scope: read it, write with ``scope.write``."""

    def __init__(
        self,
        workflow: Process | SubProcessRun,
        task_spec: Any,
        parent: Token | None = None,
        state: int = FUTURE,
        id: int | None = None,
    ) -> None:
        self.id = workflow.top_workflow.new_id() if id is None else id
        workflow.tasks[self.id] = self
        self.workflow = workflow
        self._parent = None if parent is None else parent.id
        self._children: list[int] = []
        self._state = state
        self.triggered = False
        self.task_spec = task_spec
        self.thread_id = 0
        self.internal_data: dict[str, Any] = {}
        self.last_state_change = 0
        self.scope: Scope = workflow.scope
        if parent is not None:
            parent._children.append(self.id)

    @property
    def data(self) -> dict[str, Json]:
        return self.scope.view()

    def set_data(self, **values: Json) -> None:
        self.scope.write(values)

    def _inherit_data(self) -> None:
        """Nothing to inherit: the scope is shared."""

    def _add_child(self, task_spec: Any, state: int = FUTURE) -> Token:
        return Token(self.workflow, task_spec, self, state)

    def _set_state(self, value: int) -> None:
        before = self._state
        if value == before:
            return
        self._state = value
        if value & LIVE:
            if before < WAITING:
                self.predict()
                self.workflow.top_workflow.entered(self)
            if value == READY and not self.task_spec.manual:
                self.workflow.top_workflow.ready.append(self)
        elif value == COMPLETED:
            self.workflow.top_workflow.left(self)

    def predict(self) -> None:
        """Put the outputs below a live token, one level: what its completion will go on to."""
        self.task_spec._predict_hook(self)

    def __iter__(self) -> Any:
        stack = [self]
        while stack:
            token = stack.pop()
            yield token
            stack.extend(reversed(token.children))


class _Running:
    """What a process and a subprocess have in common."""

    tasks: dict[int, Token]
    completed: bool
    task_tree: Token
    scope: Scope
    start_at: str | None = None

    def begin(self) -> None:
        self.task_tree = Token(self, self.spec.start)  # type: ignore[arg-type, attr-defined]
        self.task_tree._ready()

    def live(self) -> list[Token]:
        return [token for token in self.tasks.values() if token._state & LIVE]

    def update_waiting_tasks(self) -> None:
        """Only joins can go on because some other token moved; catchers are woken by name."""
        for token in list(self.tasks.values()):
            if token._state == WAITING and token.task_spec.joins:
                token.task_spec._update(token)

    def _mark_complete(self, token: Token) -> None:
        self.completed = True

    def _task_completed_notify(self, token: Token) -> None:
        if token.task_spec.name == "End":
            self.completed = True
        if self.completed:
            self.over()
        else:
            self.update_waiting_tasks()

    def over(self) -> None:
        """The last token is through."""

    def is_completed(self) -> bool:
        return self.completed

    def cancel(self, success: bool = False) -> list[Token]:
        self.completed = True
        open_tokens = [t for t in self.tasks.values() if not t._state & TaskState.FINISHED_MASK]
        for token in open_tokens:
            if token.id in self.tasks:
                token.cancel()
        return open_tokens

    def get_tasks(self, first_task: Token | None = None, **kwargs: Any) -> list[Token]:
        """Without the depth limit of 1000 that lets a long case stall silently."""
        kwargs["max_depth"] = 10**9
        return list(self.get_tasks_iterator(first_task, **kwargs))  # type: ignore[attr-defined]

    def _remove_task(self, task_id: int) -> None:
        token = self.tasks[task_id]
        top = self.top_workflow  # type: ignore[attr-defined]
        top.event_manager.remove_task(token)
        run = top.subprocesses.pop(task_id, None)
        if run is not None:
            run.cancel()
        for child in list(token._children):
            self._remove_task(child)
        token.parent._children.remove(task_id)
        del self.tasks[task_id]


class Process(_Running, BpmnWorkflow):
    """A whole case: the top process, its subprocesses by the id of the token that opened them."""

    def __init__(self, spec: Any, subprocess_specs: dict[str, Any], engine: Any, scope: Scope) -> None:
        self.ready: deque[Token] = deque()
        self.scope = scope
        self.last_id = 0
        self.sent: list[tuple[str, dict[str, Json]]] = []
        self.journal: list[str] = []
        self.flows: Mapping[tuple[str, str], str] = {}
        self.parent_task: Token | None = None
        super().__init__(spec, subprocess_specs, script_engine=engine, deserializing=True)

    def new_id(self) -> int:
        self.last_id += 1
        return self.last_id

    def open(self, token: Token, spec_name: str, scope: Scope) -> SubProcessRun:
        run = SubProcessRun(self.subprocess_specs[spec_name], token, self, scope)
        self.subprocesses[token.id] = run
        return run

    def find(self, token_id: int) -> Token | None:
        for run in (self, *self.subprocesses.values()):
            if token_id in run.tasks:
                return run.tasks[token_id]  # type: ignore[no-any-return]
        return None

    def get_task_from_id(self, task_id: int) -> Token | None:
        return self.find(task_id)

    def all_live(self) -> list[Token]:
        """Live tokens of the whole case, oldest first."""
        live = self.live()
        for run in self.subprocesses.values():
            live += run.live()
        return sorted(live, key=lambda token: token.id)

    def cancel(self, workflow: Any = None) -> list[Token]:
        return _Running.cancel(self)

    def entered(self, token: Token) -> None:
        """Note the sequence flow over which a token came."""
        parent = token.parent
        while parent is not None and parent.task_spec.bpmn_id is None:
            parent = parent.parent
        if parent is not None:
            flow = self.flows.get((parent.task_spec.bpmn_id, token.task_spec.bpmn_id))
            if flow is not None:
                self.journal.append(flow)

    def left(self, token: Token) -> None:
        """Note a completed element; rounds of a loop are noted once, with the whole."""
        if token.task_spec.bpmn_id == token.task_spec.name:
            self.journal.append(token.task_spec.name)

    def run_to_rest(self) -> None:
        """Run what the engine can run, oldest first. StepTooLong after 500 tasks or 5 s."""
        started, count = time.monotonic(), 0
        while self.ready:
            token = self.ready.popleft()
            if token._state != READY or token.workflow.tasks.get(token.id) is not token:
                continue
            count += 1
            if count > MOST_TASKS or time.monotonic() - started > MOST_SECONDS:
                raise StepTooLong
            token.run()


class SubProcessRun(_Running, BpmnSubWorkflow):
    """One run of an embedded or called subprocess."""

    def __init__(self, spec: Any, parent_task: Token, top: Process, scope: Scope) -> None:
        self.parent_task = parent_task
        self.scope = scope
        super().__init__(spec, parent_task.id, top, deserializing=True)

    @property
    def parent_workflow(self) -> Any:
        return self.parent_task.workflow

    def over(self) -> None:
        self.parent_task.task_spec.finished(self.parent_task, self)
