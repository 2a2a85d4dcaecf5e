# mypy: allow-subclassing-any
"""The library's parser with our elements: every tag our spec class, every element its ``yz:`` extensions.

What has no support here is refused by name, at parsing: transactions, cancel and conditional events,
compensation, links, ad-hoc subprocesses, several event definitions on one element.
"""

from __future__ import annotations

from typing import Any

from SpiffWorkflow.bpmn.parser import event_parsers, task_parsers
from SpiffWorkflow.bpmn.parser.BpmnParser import BpmnParser
from SpiffWorkflow.bpmn.parser.ProcessParser import ProcessParser
from SpiffWorkflow.bpmn.parser.TaskParser import TaskParser
from SpiffWorkflow.bpmn.parser.util import full_tag
from SpiffWorkflow.bpmn.specs.event_definitions.simple import NoneEventDefinition

from workflow.bpmn import events, gateways, loops, specs, timers

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
YZ = "urn:yizhan:bpmn:1"
EVENTS = "EventDefinition"
KNOWN_EVENTS = ("message", "signal", "timer", "error", "escalation", "terminate")


class Mixin:
    """Over each of the library's task parsers."""

    STANDARD_LOOP_CLASS = loops.StandardLoop
    PARALLEL_MI_CLASS = loops.ParallelMultiInstance
    SEQUENTIAL_MI_CLASS = loops.SequentialMultiInstance
    EVENT_SUBPROCESS_CLASS = specs.EventSubprocess
    node: Any
    spec: Any
    task: Any
    bpmn_id: str
    process_parser: Any

    def parse_extensions(self, node: Any = None) -> dict[str, Any]:
        """What runs needs of the element; candidates, forms and the like stand in Definition.elements."""
        found = {
            "in": tuple(e.get("name") for e in self.node.iterfind(f"{{{BPMN}}}extensionElements/{{{YZ}}}in"))
        }
        return {**found, "interrupting": self.node.get("isInterrupting", "true") == "true"}

    def parse_io_spec(self) -> None:
        """Not used: variables go by name."""

    def parse_incoming_data_references(self) -> list[Any]:
        """Data objects are drawn for people; variables go by name."""
        return []

    parse_outgoing_data_references = parse_incoming_data_references

    def _add_boundary_event(self, nodes: list[Any]) -> Any:
        lane = self.task.lane
        split = events.BoundarySplit(self.spec, f"{self.bpmn_id}.BoundaryEventSplit", lane=lane)
        join = events.BoundaryJoin(
            self.spec, f"{self.bpmn_id}.BoundaryEventJoin", lane=lane, split_task=split.name, cancel=True
        )
        split.connect(self.task)
        self.task.connect(join)
        for node in nodes:
            event = self.process_parser.parse_node(node)
            split.connect(event)
            event.connect(join)
        return split


class EventMixin(Mixin):
    """Over the parsers of events: our definitions, one to an element."""

    def refuse(self, message: str) -> Any:
        raise UnsupportedElement(self.bpmn_id, message)

    def get_event_definition(self, xpaths: Any) -> Any:
        nodes = [n for n in self.node if isinstance(n.tag, str) and n.tag.endswith(EVENTS)]
        if len(nodes) > 1:
            self.refuse("several event definitions")
        if not nodes:
            return NoneEventDefinition()
        kind = nodes[0].tag.removeprefix(f"{{{BPMN}}}").removesuffix(EVENTS)
        if kind not in KNOWN_EVENTS:
            self.refuse(kind)
        return getattr(self, f"read_{kind}")(nodes[0])

    def _named(self, table: dict[str, Any], node: Any, attribute: str) -> Any:
        reference = node.get(attribute)
        if reference is not None and reference not in table:
            self.refuse(f"{attribute} {reference}")
        return table.get(reference)

    def read_message(self, node: Any) -> Any:
        name = self._named(self.process_parser.parser.messages, node, "messageRef")
        return events.Message(name or self.bpmn_id)

    parse_message_event = read_message

    def read_signal(self, node: Any) -> Any:
        name = self._named(self.process_parser.parser.signals, node, "signalRef")
        return events.Signal(name or self.bpmn_id)

    def read_error(self, node: Any) -> Any:
        error = self._named(self.process_parser.parser.errors, node, "errorRef") or {}
        return events.Error(error.get("name"), error.get("error_code"))

    def read_escalation(self, node: Any) -> Any:
        found = self._named(self.process_parser.parser.escalations, node, "escalationRef") or {}
        return events.Escalation(found.get("name"), found.get("escalation_code"))

    def read_terminate(self, node: Any) -> Any:
        return events.Terminate()

    def read_timer(self, node: Any) -> Any:
        definition: Any
        if words := timer_words(node, self.bpmn_id):
            definition = timers.WordsTimer(self.bpmn_id, "")
            definition.words = words
            return definition
        kinds = {
            "timeDate": timers.DateTimer,
            "timeDuration": timers.DurationTimer,
            "timeCycle": timers.CycleTimer,
        }
        for tag, kind in kinds.items():
            text = node.findtext(f"{{{BPMN}}}{tag}")
            if text is not None and text.strip():
                definition = kind(self.bpmn_id, text.strip())
                definition.check()
                return definition
        return self.refuse("timer without a time")


class UnsupportedElement(Exception):
    """An element or reference that cannot run here."""

    def __init__(self, element: str, what: str) -> None:
        super().__init__(f"{element}: {what}")
        self.element = element
        self.what = what


def timer_words(node: Any, element: str) -> timers.TimerWords | None:
    """``yz:limit`` or ``yz:clock`` of a timer definition. BadTimer."""
    text, clock = node.get(f"{{{YZ}}}limit"), node.get(f"{{{YZ}}}clock")
    if text is None and clock is None:
        return None
    value, unit = timers.limit(text) if text is not None else (None, None)
    rung, table = node.get(f"{{{YZ}}}rung"), node.get(f"{{{YZ}}}table")
    return timers.TimerWords(element, value, unit, clock, rung, table)


class StartParser(EventMixin, event_parsers.StartEventParser):
    pass


class BoundaryParser(EventMixin, event_parsers.BoundaryEventParser):
    def create_task(self) -> Any:
        definition = self.get_event_definition(())
        if isinstance(definition, NoneEventDefinition):
            self.refuse("boundary event without definition")
        interrupting = self.node.get("cancelActivity", "true") == "true" or isinstance(
            definition, events.Error
        )
        return self._create_task(definition, interrupting)


class GatewayOfEventsParser(EventMixin, event_parsers.EventBasedGatewayParser):
    def create_task(self) -> Any:
        return self._create_task(events.FirstOf())


class SubProcessParser(Mixin, task_parsers.SubWorkflowParser):
    def create_task(self) -> Any:
        name = task_parsers.SubprocessParser.get_subprocess_spec(self)
        woken = self.node.get("triggeredByEvent") == "true"
        kind = self.EVENT_SUBPROCESS_CLASS if woken else self.spec_class
        return kind(self.spec, self.bpmn_id, subworkflow_spec=name, **self.bpmn_attributes)


class OurProcessParser(ProcessParser):
    def create_spec(self) -> Any:
        return specs.ProcessSpec(name=self.bpmn_id, description=self.get_name(), filename=self.filename)

    def parse_io_spec(self) -> None:
        """Not used: variables go by name."""

    def add_tasks(self) -> None:
        starts = self.xpath("./bpmn:startEvent")
        if not starts:
            raise UnsupportedElement(self.bpmn_id, "no start event")
        for node in starts:
            self.parse_node(node)
        if len(starts) > 1:
            split = events.StartSplit(self.spec, "StartEventSplit")
            join = events.StartJoin(self.spec, "StartEventJoin", split_task=split.name, cancel=True)
            split.outputs = self.spec.start.outputs
            for start in split.outputs:
                start.inputs = [split]
                start.connect(join)
            self.spec.start.outputs, split.inputs = [split], [self.spec.start]
        for node in self.xpath("./bpmn:subProcess[@triggeredByEvent='true']"):
            sleeping = self.parse_node(node)
            self.spec.start.connect(sleeping)
            sleeping.connect(self.spec.end)


def _parsers() -> dict[str, tuple[type, type]]:
    def mixed(mixin: type, parser: type) -> type:
        return type(f"Our{parser.__name__}", (mixin, parser), {})

    task, gateway = mixed(Mixin, TaskParser), mixed(Mixin, task_parsers.GatewayParser)
    conditional = mixed(Mixin, task_parsers.ConditionalGatewayParser)
    found = {
        "userTask": (task, specs.UserTask),
        "manualTask": (task, specs.ManualTask),
        "task": (task, specs.NoneTask),
        "serviceTask": (task, specs.ServiceTask),
        "businessRuleTask": (task, specs.BusinessRuleTask),
        "scriptTask": (mixed(Mixin, task_parsers.ScriptTaskParser), specs.ScriptTask),
        "exclusiveGateway": (conditional, gateways.ExclusiveGateway),
        "inclusiveGateway": (conditional, gateways.InclusiveGateway),
        "parallelGateway": (gateway, gateways.ParallelGateway),
        "eventBasedGateway": (GatewayOfEventsParser, events.EventBasedGateway),
        "subProcess": (SubProcessParser, specs.SubProcess),
        "callActivity": (mixed(Mixin, task_parsers.CallActivityParser), specs.CallActivity),
        "startEvent": (StartParser, events.StartEvent),
        "boundaryEvent": (BoundaryParser, events.BoundaryEvent),
        "endEvent": (mixed(EventMixin, event_parsers.EndEventParser), events.EndEvent),
        "intermediateCatchEvent": (
            mixed(EventMixin, event_parsers.IntermediateCatchEventParser),
            events.IntermediateCatchEvent,
        ),
        "intermediateThrowEvent": (
            mixed(EventMixin, event_parsers.IntermediateThrowEventParser),
            events.IntermediateThrowEvent,
        ),
        "sendTask": (mixed(EventMixin, event_parsers.SendTaskParser), events.SendTask),
        "receiveTask": (mixed(EventMixin, event_parsers.ReceiveTaskParser), events.ReceiveTask),
    }
    return {full_tag(tag): classes for tag, classes in found.items()}


class OurParser(BpmnParser):
    """Only the tags above: anything else has no support."""

    PARSER_CLASSES = _parsers()
    PROCESS_PARSER_CLASS = OurProcessParser

    def _add_correlations(self, bpmn: Any) -> None:
        """Messages are delivered to one case by our own reference."""


def read(documents: dict[str, Any], key: str) -> tuple[Any, dict[str, Any]]:
    """The process that starts and all it opens, loops connected once for all cases of this process."""
    parser = OurParser()
    for name, document in documents.items():
        parser.add_bpmn_xml(document, name)
    top = parser.get_spec(key)
    below = parser.get_subprocess_specs(key)
    for process in (top, *below.values()):
        for spec in process.task_specs.values():
            if isinstance(spec, loops.Loop):
                rounds = process.task_specs[spec.task_spec]
                rounds.completed_event.connect(spec.merge_child)  # type: ignore[attr-defined]
            if isinstance(spec, specs.CallActivity):
                spec.takes = frozenset(spec.extensions["in"]) | _parameters(documents, spec.spec)
    return top, below


def _parameters(documents: dict[str, Any], process_id: str) -> frozenset[str]:
    """Names that a called process declares for itself or for its start event."""
    names: set[str] = set()
    for document in documents.values():
        for process in document.iterfind(f".//{{{BPMN}}}process"):
            if process.get("id") == process_id:
                for owner in (process, *process.iterfind(f"{{{BPMN}}}startEvent")):
                    found = owner.iterfind(f"{{{BPMN}}}extensionElements/{{{YZ}}}in")
                    names |= {e.get("name", "") for e in found}
    return frozenset(names)
