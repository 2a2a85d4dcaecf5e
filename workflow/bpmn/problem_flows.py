"""Findings in the graph: processes, ids, flows, gateways, loops, calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from workflow.bpmn import xml

if TYPE_CHECKING:
    from workflow.bpmn.problems import Check

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
RESERVED = re.compile(r"(Start|End|Root|StartEvent(Split|Join))|.*\.BoundaryEvent(Split|Join)|.*\[child\]")
TASKS = (
    "task",
    "userTask",
    "manualTask",
    "serviceTask",
    "scriptTask",
    "businessRuleTask",
    "sendTask",
    "receiveTask",
)
EVENTS = ("startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent", "intermediateThrowEvent")
GATEWAYS = ("exclusiveGateway", "inclusiveGateway", "parallelGateway", "eventBasedGateway")
HOLDERS = ("subProcess", "callActivity")
NODES = frozenset((*TASKS, *EVENTS, *GATEWAYS, *HOLDERS))
UNSUPPORTED = frozenset(
    ("transaction", "adHocSubProcess", "complexGateway", "implicitThrowEvent", "callChoreography",
     "dataStoreReference", "compensateEventDefinition", "cancelEventDefinition", "conditionalEventDefinition",
     "linkEventDefinition", "globalUserTask", "globalScriptTask", "globalTask", "globalBusinessRuleTask")
)  # fmt: skip
RESTING = frozenset(
    (
        "task",
        "userTask",
        "manualTask",
        "receiveTask",
        "intermediateCatchEvent",
        "eventBasedGateway",
        "callActivity",
    )
)
DEFINITIONS = frozenset(
    f"{kind}EventDefinition" for kind in ("message", "signal", "timer", "error", "escalation", "terminate")
)


def processes(check: Check, root: Any) -> None:
    """The processes of one file become known to all."""
    found = [element for element in root if element.tag == f"{{{BPMN}}}process"]
    if not found:
        check.say("no_process", root)
    for process in found:
        key = process.get("id")
        if key in check.processes:
            check.say("duplicate_process", process)
        elif key:
            check.processes[key] = process
        if process.get("isExecutable") != "true":
            check.say("not_executable", process)


def ids(check: Check, root: Any) -> None:
    """Every node, flow and process has an id of its own; nothing has an unsupported tag."""
    seen: set[str] = set()
    for element in root.iter(f"{{{BPMN}}}*"):
        tag, key = xml.local(element), element.get("id")
        if tag in UNSUPPORTED:
            check.say("unsupported_element", element, tag=tag)
        if not key and (tag in NODES or tag in ("process", "sequenceFlow")):
            check.say("missing_id", element, tag=tag)
        elif key and key in seen:
            check.say("duplicate_id", element, name=key)
        elif key and RESERVED.fullmatch(key) and (tag in NODES or tag == "process"):
            check.say("reserved_id", element, name=key)
        seen.add(key)


def graphs(check: Check, root: Any) -> None:
    """Each process and subprocess is a graph of its own."""
    for scope in root.iter(f"{{{BPMN}}}process", f"{{{BPMN}}}subProcess"):
        _Graph(check, scope).look()


class _Graph:
    def __init__(self, check: Check, scope: Any) -> None:
        self.check = check
        self.scope = scope
        self.nodes = {e.get("id"): e for e in _parts(scope) if xml.local(e) in NODES and e.get("id")}
        self.flows = [e for e in _parts(scope) if xml.local(e) == "sequenceFlow"]
        self.outgoing: dict[str, list[Any]] = {key: [] for key in self.nodes}
        self.following: dict[str, set[str]] = {key: set() for key in self.nodes}

    def look(self) -> None:
        self._connect()
        starts = self._starts()
        for node in self.nodes.values():
            self._node(node)
        if starts:
            self._reach(starts)
        self._busy()

    def _connect(self) -> None:
        for flow in self.flows:
            source, target = flow.get("sourceRef"), flow.get("targetRef")
            if source not in self.nodes or target not in self.nodes:
                self.check.say("dangling_flow", flow)
                continue
            self.outgoing[source].append(flow)
            self.following[source].add(target)
        for key, node in self.nodes.items():
            host = node.get("attachedToRef")
            if xml.local(node) != "boundaryEvent":
                continue
            if host not in self.nodes or xml.local(self.nodes[host]) not in (*TASKS, *HOLDERS):
                self.check.say("boundary_on_nothing", node)
            else:
                self.following[host].add(key)

    def _starts(self) -> list[str]:
        starts = [key for key, node in self.nodes.items() if xml.local(node) == "startEvent"]
        plain = [key for key in starts if not _definitions(self.nodes[key])]
        if not starts:
            self.check.say("no_start", self.scope)
        if len(plain) > 1 or (len(starts) > 1 and xml.local(self.scope) == "subProcess"):
            self.check.say("many_starts", self.scope)
        if not any(xml.local(node) == "endEvent" for node in self.nodes.values()):
            self.check.say("no_end", self.scope)
        return starts

    def _node(self, node: Any) -> None:
        tag, key = xml.local(node), node.get("id")
        out = self.outgoing[key]
        default = node.get("default")
        if default and default not in [flow.get("id") for flow in out]:
            self.check.say("bad_default", node)
        if not out and tag != "endEvent" and not _event_subprocess(node):
            self.check.say("dead_end", node)
        if tag in ("exclusiveGateway", "inclusiveGateway") and len(out) > 1:
            self._conditions(node, out, default)
        elif tag not in GATEWAYS and len(out) > 1:
            self.check.say("implicit_fork", node)
        if tag in ("boundaryEvent", "intermediateCatchEvent") and not _definitions(node):
            self.check.say("missing_event", node)
        if len(_definitions(node)) > 1:
            self.check.say("unsupported_element", node, tag="multipleEventDefinitions")

    def _conditions(self, node: Any, out: list[Any], default: str | None) -> None:
        for flow in out:
            text = flow.findtext(f"{{{BPMN}}}conditionExpression")
            if flow.get("id") != default and not (text or "").strip():
                self.check.say("missing_condition", flow)
        if not default:
            self.check.say("no_default", node)

    def _reach(self, starts: list[str]) -> None:
        seen = set(starts) | {key for key, node in self.nodes.items() if _event_subprocess(node)}
        waiting = list(seen)
        while waiting:
            for key in self.following[waiting.pop()] - seen:
                seen.add(key)
                waiting.append(key)
        for key, node in self.nodes.items():
            if key not in seen:
                self.check.say("unreachable", node)

    def _busy(self) -> None:
        """A loop of nothing but automatic nodes: peel off what is in no such loop, one is named."""
        left = {key for key, node in self.nodes.items() if not _rests(node)}
        follow = {key: self.following[key] & left for key in left}
        incoming = dict.fromkeys(left, 0)
        for targets in follow.values():
            for target in targets:
                incoming[target] += 1
        free = [key for key, count in incoming.items() if not count]
        while free:
            key = free.pop()
            left.discard(key)
            for target in follow[key]:
                incoming[target] -= 1
                if not incoming[target]:
                    free.append(target)
        if left:
            self.check.say("busy_loop", self.nodes[min(left)])


def calls(check: Check, roots: Mapping[str, Any]) -> None:
    """Called processes exist and do not call themselves."""
    called: dict[str, set[str]] = {}
    for file, root in roots.items():
        check.file = file
        for process in root.iterfind(f"{{{BPMN}}}process"):
            for call in process.iter(f"{{{BPMN}}}callActivity"):
                target = call.get("calledElement") or ""
                called.setdefault(process.get("id"), set()).add(target)
                if target not in check.processes:
                    check.say("unknown_call", call, text=target)
    for file, root in roots.items():
        check.file = file
        for process in root.iterfind(f"{{{BPMN}}}process"):
            if process.get("id") in _reached(called, process.get("id")):
                check.say("call_cycle", process)


def _reached(called: Mapping[str, set[str]], key: str) -> set[str]:
    seen: set[str] = set()
    waiting = [key]
    while waiting:
        more = called.get(waiting.pop(), set()) - seen
        seen |= more
        waiting.extend(more)
    return seen


def _parts(scope: Any) -> Iterator[Any]:
    return (
        element for element in scope if isinstance(element.tag, str) and element.tag.startswith(f"{{{BPMN}}}")
    )


def _definitions(node: Any) -> list[Any]:
    return [child for child in _parts(node) if xml.local(child).endswith("EventDefinition")]


def _event_subprocess(node: Any) -> bool:
    return xml.local(node) == "subProcess" and node.get("triggeredByEvent") == "true"


def _rests(node: Any) -> bool:
    tag = xml.local(node)
    if tag == "subProcess":
        return any(xml.local(inner) in RESTING for inner in node.iter(f"{{{BPMN}}}*"))
    return tag in RESTING
