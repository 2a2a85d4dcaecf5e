"""One case that runs: start it, let something happen, save it. It always rests afterwards.

Pure: no database, no clock of its own, no effects but those of the host. Whatever is raised leaves the
Execution unusable: drop it and restore the last state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from workflow.bpmn import state
from workflow.bpmn.data import InvalidData as InvalidData
from workflow.bpmn.events import BoundaryEvent, FirstOf, Message, fire
from workflow.bpmn.events import BpmnError as BpmnError
from workflow.bpmn.expressions import Warning_
from workflow.bpmn.parsing import Definition, Element
from workflow.bpmn.scripts import ConditionFailed as ConditionFailed
from workflow.bpmn.scripts import Runtime
from workflow.bpmn.timers import Timer, due_of, micros, moment_of
from workflow.bpmn.timers import TimerWords as TimerWords
from workflow.bpmn.tokens import READY, WAITING, Process, Scope, Token
from workflow.bpmn.tokens import StepTooLong as StepTooLong
from workflow.errors import AlreadyDone, NotFound, YizhanError
from workflow.schema import Json
from workflow.texts import T


class Host(Protocol):
    """The world of a case."""

    moment: datetime  # business time, aware UTC

    def act(self, action: str, element: Element, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Run an action, return its outputs. BpmnError for the diagram; anything else refuses the step."""

    def due(self, timer: TimerWords, data: Mapping[str, Json]) -> datetime | None:
        """When a ``yz:limit`` or ``yz:clock`` timer is due; None = it does not apply, it never fires."""


class Stuck(YizhanError):
    """The case has not ended and nothing in it can go on."""

    def __init__(self) -> None:
        super().__init__(T("流程停住了：没有可以继续的环节，也没有结束。"))


@dataclass(frozen=True)
class OpenTask:
    """A user, manual or plain task that waits for somebody.

    ``due_at`` only where a FEEL expression gives it; a limit or a clock is the host's to reckon.
    """

    token: str
    element: Element
    candidate: str
    excluded: tuple[str, ...]
    due_at: datetime | None
    data: dict[str, Json]


@dataclass(frozen=True)
class Wakeup:
    """A timer that waits: call ``wake(token)`` at ``due_at`` (aware UTC) or later."""

    token: str
    element: Element
    due_at: datetime
    clock: str | None = None
    rung: str | None = None


class Execution:
    """A case of a definition, held in memory for one transaction."""

    def __init__(self, definition: Definition, host: Host, runtime: Runtime, top: Process) -> None:
        self.definition = definition
        self.host = host
        self._runtime = runtime
        self._top = top

    @classmethod
    def start(
        cls, definition: Definition, host: Host, data: Mapping[str, object], *, at: str | None = None
    ) -> Execution:
        """A new case, run to its first rest. ``at`` names the start event where there are several."""
        runtime = Runtime(definition, host)
        top = Process(definition.spec, dict(definition.subprocess_specs), runtime, Scope(runtime.admit(data)))
        top.flows, top.start_at = definition.flows, at
        execution = cls(definition, host, runtime, top)
        top.begin()
        execution._rest()
        return execution

    @classmethod
    def restore(cls, definition: Definition, host: Host, saved: bytes) -> Execution:
        """The case as it was saved; the only way in, so every case has our script engine. UnknownState."""
        runtime = Runtime(definition, host)
        return cls(definition, host, runtime, state.decode(saved, definition, runtime))

    def save(self) -> bytes:
        return state.encode(self._top, self.definition)

    # What happens to it

    def complete(self, token: str, data: Mapping[str, object]) -> None:
        """Finish an open task with its results. NotFound, AlreadyDone, InvalidData."""
        number = int(token) if token.isdecimal() else 0
        if not 0 < number <= self._top.last_id:
            raise NotFound
        task = self._top.find(number)
        if task is None or task._state != READY:
            raise AlreadyDone(T("这项任务已经办过或已取消。"), state="done")
        if not task.task_spec.manual:
            raise NotFound
        task.scope.write(self._runtime.admit(data))
        task.run()
        self._rest()

    def receive(self, message: str, data: Mapping[str, object]) -> bool:
        """Give the case a message; False if it does not wait for it."""
        wanted = Message(message)
        catchers = [t for t in self._catchers() if self._waits_for(t, message)]
        for catcher in catchers:
            if catcher.id in self._top.event_manager.tasks:
                catcher.scope.write(self._runtime.admit(data))
                catcher.task_spec.offer(catcher, wanted)
        self._rest()
        return bool(catchers)

    def wake(self, token: str) -> bool:
        """Fire a timer that is due by the host's moment. Early, gone or done: nothing happens, False."""
        number, _, event = token.partition(":")
        catcher = self._top.event_manager.tasks.get(int(number)) if number.isdecimal() else None
        now = micros(self.host.moment)
        if catcher is None:
            return False
        for key, name, index in self._timers_of(catcher):
            due = due_of(catcher.internal_data.get(key))
            if name == event and due is not None and due <= now:
                fire(catcher, index)
                self._rest()
                return True
        return False

    def rearm(self, clock: str) -> None:
        """Ask again for the time of every timer bound to a clock; all others keep theirs."""
        for catcher in self._catchers():
            for key, _, index in self._timers_of(catcher):
                timer = self._timer(catcher, index)
                if timer.words is not None and timer.words.clock == clock:
                    catcher.internal_data[key] = timer.due(catcher)

    def cancel(self) -> None:
        """End the case where it stands."""
        self._top.cancel()
        self._top.ready.clear()

    # What it is now

    @property
    def ended(self) -> bool:
        return bool(self._top.completed)

    @property
    def data(self) -> dict[str, Json]:
        """The variables of the process, also while it runs."""
        return dict(self._top.scope.values)

    @property
    def tasks(self) -> list[OpenTask]:
        """What people can do now, oldest first."""
        return [self._open(t) for t in self._top.all_live() if t._state == READY and t.task_spec.manual]

    @property
    def timers(self) -> list[Wakeup]:
        """The timers that will fire, by token; those that never do are left out."""
        found = []
        for catcher in self._catchers():
            for key, event, index in self._timers_of(catcher):
                due = due_of(catcher.internal_data.get(key))
                if due is None:
                    continue
                words = self._timer(catcher, index).words
                found.append(
                    Wakeup(
                        token=f"{catcher.id}:{event}" if event else str(catcher.id),
                        element=self.definition.elements[event or catcher.task_spec.bpmn_id],
                        due_at=moment_of(due),
                        clock=words.clock if words else None,
                        rung=words.rung if words else None,
                    )
                )
        return found

    @property
    def messages(self) -> list[str]:
        """Names of the messages it waits for, each once."""
        return sorted({name for catcher in self._catchers() for name in self._messages_of(catcher)})

    def path(self) -> list[str]:
        """Elements completed and sequence flows taken since the last call, in order."""
        passed, self._top.journal = self._top.journal, []
        return passed

    def warnings(self) -> list[Warning_]:
        """Warnings of FEEL since the last call."""
        given, self._runtime.warnings = self._runtime.warnings, []
        return given

    def sent(self) -> list[tuple[str, dict[str, Json]]]:
        """Messages thrown since the last call, with the variables that their ``yz:in`` names."""
        thrown, self._top.sent = self._top.sent, []
        return thrown

    # Inside

    def _rest(self) -> None:
        self._top.run_to_rest()
        if not self.ended and not self._can_go_on():
            raise Stuck

    def _can_go_on(self) -> bool:
        if any(not isinstance(t.task_spec, BoundaryEvent) for t in self._top.event_manager.tasks.values()):
            return True
        return any(t._state == READY for t in self._top.all_live())

    def _catchers(self) -> list[Token]:
        tasks: dict[int, Token] = self._top.event_manager.tasks
        return [tasks[number] for number in sorted(tasks) if tasks[number]._state == WAITING]

    def _open(self, token: Token) -> OpenTask:
        element = self.definition.elements[token.task_spec.bpmn_id]
        candidate = token.internal_data.get("candidate", element.candidate or "")
        kept_from = tuple(key for key in token.internal_data.get("excluded", "").split(",") if key)
        due = token.internal_data.get("due")
        due_at = moment_of(due) if due is not None else None
        return OpenTask(str(token.id), element, candidate, kept_from, due_at, dict(token.data))

    @staticmethod
    def _timers_of(catcher: Token) -> list[tuple[str, str, int]]:
        """Of each timer: where its time is kept, its element behind a gateway, its place there."""
        definition = catcher.task_spec.event_definition
        if isinstance(definition, FirstOf):
            names = catcher.task_spec._outputs
            timers = [i for i, d in enumerate(definition.event_definitions) if isinstance(d, Timer)]
            return [(names[i], names[i], i) for i in timers]
        return [("due", "", 0)] if isinstance(definition, Timer) else []

    @staticmethod
    def _timer(catcher: Token, index: int) -> Any:
        definition = catcher.task_spec.event_definition
        return definition.event_definitions[index] if isinstance(definition, FirstOf) else definition

    @staticmethod
    def _messages_of(catcher: Token) -> list[str]:
        definition = catcher.task_spec.event_definition
        parts = definition.event_definitions if isinstance(definition, FirstOf) else [definition]
        return [part.name for part in parts if isinstance(part, Message)]

    def _waits_for(self, catcher: Token, message: str) -> bool:
        return message in self._messages_of(catcher)
