# mypy: allow-subclassing-any
"""Events: what is thrown, who catches it, and the elements that wait.

An error or escalation climbs from the place where it is thrown: the activity's own boundary events, event
subprocesses of its process, then the same one level up. Nothing is broadcast but signals. Thrown messages
leave the case (``Process.sent``) with the variables that their ``yz:in`` names, and no others.
"""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.specs import control, defaults
from SpiffWorkflow.bpmn.specs.event_definitions import item_aware_event, message, multiple, simple
from SpiffWorkflow.util.task import TaskState

from workflow.bpmn.timers import CycleTimer, Timer
from workflow.bpmn.tokens import COMPLETED, FUTURE, READY, STARTED, WAITING, Token
from workflow.errors import YizhanError
from workflow.texts import T


class BpmnError(YizhanError):
    """A business error with a code; raised out of the step if no error event of the diagram catches it."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(T("业务错误“%(code)s”没有处理：%(message)s", code=code, message=message))
        self.code = code


class Ours:
    """Every spec of ours: predicts one level, reports its diagram id, checks nothing at run time."""

    joins = False
    extensions: dict[str, Any]

    def _predict(self, token: Token, *args: Any, **kwargs: Any) -> None:
        """One level only, by Token.predict."""

    def _on_ready(self, token: Token) -> None:
        self._on_ready_hook(token)

    def _on_ready_hook(self, token: Token) -> None:
        """Nothing to do for most."""

    def _run_hook(self, token: Token) -> Any:
        return True

    def _on_cancel(self, token: Token) -> None:
        """Nothing to do for most."""


class Given:
    """Fired once somebody says so."""

    def has_fired(self, token: Token) -> bool:
        return "fired" in token.internal_data


class Message(Given, message.MessageEventDefinition):
    def throw(self, token: Token) -> None:
        names = token.task_spec.extensions.get("in", ())
        data = token.data
        token.workflow.top_workflow.sent.append((self.name, {n: data[n] for n in names if n in data}))


class Signal(Given, item_aware_event.SignalEventDefinition):
    def throw(self, token: Token) -> None:
        for catcher in list(token.workflow.top_workflow.event_manager.tasks.values()):
            catcher.task_spec.offer(catcher, self)


class Error(Given, item_aware_event.ErrorEventDefinition):
    def throw(self, token: Token) -> None:
        throw_error(token, self.code or "")


class Escalation(Given, item_aware_event.EscalationEventDefinition):
    def throw(self, token: Token) -> None:
        catcher = climb(token, Escalation, self.code)
        if catcher is not None:
            fire(catcher)


class Terminate(simple.TerminateEventDefinition):
    def throw(self, token: Token) -> None:
        """The end event cancels the rest itself."""


class FirstOf(multiple.MultipleEventDefinition):
    """The events behind an event-based gateway; each timer keeps its own time, under its element's id."""

    def has_fired(self, token: Token) -> bool:
        kept = token.internal_data
        for index, definition in enumerate(self.event_definitions):
            if isinstance(definition, Timer):
                definition.arm(token, kept, token.task_spec._outputs[index])
        return "fired" in kept


def throw_error(token: Token, code: str, message: str = "") -> None:
    """Let the nearest catcher of the code fire, or raise BpmnError out of the step."""
    catcher = climb(token, Error, code)
    if catcher is None:
        raise BpmnError(code, message)
    fire(catcher)


def fire(token: Token, which: int = 0) -> None:
    """Let a waiting catcher go on; ``which`` is the event of an event-based gateway."""
    token.internal_data["fired"] = which if isinstance(token.task_spec.event_definition, FirstOf) else True
    token.task_spec._update(token)


def climb(token: Token, kind: type, code: str | None) -> Token | None:
    """The waiting catcher nearest to the token, an exact code before one that takes any."""
    node: Token | None = token
    while node is not None:
        catchers = [c for c in _around(node) if _takes(c, kind, code)]
        if catchers:
            return min(catchers, key=lambda c: c.task_spec.event_definition.code is None)
        node = node.workflow.parent_task
    return None


def _takes(catcher: Token, kind: type, code: str | None) -> bool:
    definition = catcher.task_spec.event_definition
    return catcher._state == WAITING and isinstance(definition, kind) and definition.code in (None, code)  # type: ignore[attr-defined]


def _around(node: Token) -> list[Token]:
    """Boundary events of an activity (or of the loop it is a round of), then event subprocesses beside it."""
    parent = node.parent
    if node.triggered and parent is not None and getattr(parent.task_spec, "task_spec", None):
        node, parent = parent, parent.parent
    beside: list[Token] = []
    if (
        parent is not None
        and isinstance(parent.task_spec, BoundarySplit)
        and not isinstance(node.task_spec, BoundaryEvent)
    ):
        beside = [child for child in parent.children if isinstance(child.task_spec, BoundaryEvent)]
    for other in node.workflow.tasks.values():
        if hasattr(other.task_spec, "dormant") and other.task_spec.dormant(other):
            beside += node.workflow.top_workflow.subprocesses[other.id].live()
    return [token for token in beside if isinstance(token.task_spec, Catching)]


class Catching(Ours):
    """An element that waits for its event definition."""

    event_definition: Any

    def offer(self, token: Token, thrown: Any) -> bool:
        """Go on if this is what the token waits for."""
        definition = self.event_definition
        if isinstance(definition, FirstOf):
            for index, one in enumerate(definition.event_definitions):
                if one == thrown:
                    fire(token, index)
                    return True
            return False
        if definition == thrown:
            fire(token)
            return True
        return False

    def _update_hook(self, token: Token) -> bool:
        definition = self.event_definition
        if isinstance(definition, simple.NoneEventDefinition) or definition.has_fired(token):
            return True
        token._set_state(WAITING)
        token.workflow.top_workflow.event_manager.add_task(token)
        return False

    def _predict_hook(self, token: Token) -> None:
        token._sync_children(self.outputs, FUTURE)  # type: ignore[attr-defined]

    def _on_ready_hook(self, token: Token) -> None:
        token.workflow.top_workflow.event_manager.remove_task(token)

    def _on_cancel(self, token: Token) -> None:
        token.workflow.top_workflow.event_manager.remove_task(token)


class Throwing(Ours):
    event_definition: Any

    def _run_hook(self, token: Token) -> Any:
        self.event_definition.throw(token)
        return True


class IntermediateCatchEvent(Catching, defaults.IntermediateCatchEvent):
    pass


class ReceiveTask(Catching, defaults.ReceiveTask):
    pass


class IntermediateThrowEvent(Throwing, defaults.IntermediateThrowEvent):
    pass


class SendTask(Throwing, defaults.SendTask):
    pass


class EndEvent(Throwing, defaults.EndEvent):
    def _on_complete_hook(self, token: Token) -> None:
        if isinstance(self.event_definition, Terminate):
            token.workflow.cancel()


class StartEvent(Catching, defaults.StartEvent):
    """Whoever starts a process chooses its start event; only those of event subprocesses are waited for.

    Once one of these fires, it interrupts what runs beside it or makes room for the next.
    """

    def _update_hook(self, token: Token) -> bool:
        owner = token.workflow.parent_task
        if owner is not None and hasattr(owner.task_spec, "dormant"):
            return super()._update_hook(token)
        starts = token.workflow.spec.bpmn_start_events
        plain = [s for s in starts if isinstance(s.event_definition, simple.NoneEventDefinition)]
        if (token.workflow.start_at or (plain or starts)[0].name) == self.name:
            return True
        token._set_state(WAITING)
        return False

    def _on_complete_hook(self, token: Token) -> None:
        owner = token.workflow.parent_task
        if owner is not None and hasattr(owner.task_spec, "dormant"):
            owner.internal_data["awake"] = True
            if self.extensions.get("interrupting", True):
                for other in owner.workflow.live():
                    if other is not owner and other.id in owner.workflow.tasks:
                        other.cancel()
            elif not isinstance(self.event_definition, Timer):
                owner.task_spec.again(owner)


class BoundaryEvent(Catching, defaults.BoundaryEvent):
    def _on_complete_hook(self, token: Token) -> None:
        """A non-interrupting one may be met again: another takes its place; a cycle while rounds are left."""
        if self.cancel_activity:
            return
        kept: dict[str, Any] = {}
        if isinstance(self.event_definition, CycleTimer):
            kept["due"] = self.event_definition.following(token)
            if kept["due"] is None:
                return
        elif isinstance(self.event_definition, Timer):
            return
        again = token.parent._add_child(self, FUTURE)
        again.triggered = True
        again.internal_data = kept
        self._update(again)


class EventBasedGateway(Catching, defaults.EventBasedGateway):
    def _predict_hook(self, token: Token) -> None:
        """The event decides which one it will be."""

    def _run_hook(self, token: Token) -> Any:
        chosen = self.outputs[token.internal_data["fired"]]
        token._sync_children([chosen], FUTURE)
        return True


class BoundarySplit(Ours, control.BoundaryEventSplit):
    """Stands before an activity with boundary events and arms them together with it."""

    def _predict_hook(self, token: Token) -> None:
        token._sync_children(self.outputs, FUTURE)


class BoundaryJoin(Ours, control.BoundaryEventJoin):
    """Below the activity and each of its boundary events: whoever ends the matter ends the others."""

    joins = True

    def _update_hook(self, token: Token) -> bool:
        beside = token.parent.parent.children
        main = next(c for c in beside if not isinstance(c.task_spec, BoundaryEvent))
        events = [c for c in beside if c is not main]
        interrupted = any(e.task_spec.cancel_activity and e._state in (READY, COMPLETED) for e in events)
        if not interrupted and not main._state & TaskState.FINISHED_MASK:
            token._set_state(WAITING)
            return False
        for other in events:
            if other._state == WAITING:
                other.cancel()
        if not main._state & TaskState.FINISHED_MASK:
            main.cancel()
        for sibling in beside:
            for child in sibling.children:
                if child is not token and child.task_spec is self and child._state < COMPLETED:
                    child.cancel()
        return True


class StartSplit(Ours, control.StartEventSplit):
    def _predict_hook(self, token: Token) -> None:
        token._sync_children(self.outputs, FUTURE)


class StartJoin(Ours, control.StartEventJoin):
    """Several start events: the one that fires takes the others away."""

    joins = True

    def _update_hook(self, token: Token) -> bool:
        for start in token.parent.parent.children:
            if start is not token.parent and start._state & (WAITING | STARTED):
                start.cancel()
        return True
