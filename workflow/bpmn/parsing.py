"""Definitions: a bundle of diagrams, tables and forms, read once a process and shared by all its cases."""

from __future__ import annotations

import hashlib
import json
import threading
import zlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from lxml import etree

from workflow.bpmn import decisions, reading, xml
from workflow.bpmn.events import Message
from workflow.bpmn.reading import BPMN, YZ
from workflow.bpmn.variables import variables
from workflow.errors import NotFound, YizhanError
from workflow.texts import T

NODES = ("Task", "task", "Event", "Gateway", "subProcess", "callActivity")
CAMUNDA = "http://camunda.org/schema/1.0/bpmn"
ActionInputs = Callable[[str], Collection[str] | None]


class InvalidDiagram(YizhanError):
    """The bundle cannot run: ``findings`` are (file, element, what is wrong); problems.py says more."""

    def __init__(self, findings: list[tuple[str, str, str]]) -> None:
        file, element, what = findings[0]
        super().__init__(
            T("流程图“%(file)s”无法运行（%(element)s）：%(what)s", file=file, element=element, what=what)
        )
        self.findings = findings


@dataclass(frozen=True)
class Bundle:
    """``key`` is the process that starts; ``files`` by name: 'intake.bpmn', 'care.dmn', 'intake/a.form'."""

    key: str
    files: Mapping[str, bytes]

    @cached_property
    def hash(self) -> str:
        """SHA-256 over the key and every file, hex."""
        digest = hashlib.sha256(self.key.encode())
        for name in sorted(self.files):
            digest.update(f"\0{name}\0{len(self.files[name])}\0".encode())
            digest.update(self.files[name])
        return digest.hexdigest()


@dataclass(frozen=True)
class Element:
    """A node of a diagram: what stands in it. ``form`` of user tasks and start events.

    ``excluded``: FEEL for the people a user task is kept from (``yz:except``), their keys with commas.
    """

    id: str
    type: str
    name: str
    process: str
    form: str | None = None
    candidate: str | None = None
    excluded: str | None = None
    action: str | None = None
    decision: str | None = None
    due: str | None = None
    limit: str | None = None
    clock: str | None = None
    rung: str | None = None
    table: str | None = None


@dataclass(frozen=True, eq=False)
class Definition:
    """A bundle that can run. Immutable, shared; an instance pins its hash."""

    bundle: Bundle
    key: str
    name: str
    elements: Mapping[str, Element]
    start_form: str | None
    forms: Mapping[str, dict[str, Any]]
    decisions: Mapping[str, decisions.Decision]
    names: frozenset[str]
    flows: Mapping[tuple[str, str], str]  # (source, target) -> sequence flow
    closed: bool  # names are complete: nothing else becomes a variable
    spec: Any = field(repr=False)
    subprocess_specs: Mapping[str, Any] = field(repr=False)

    @property
    def hash(self) -> str:
        return self.bundle.hash

    def keep(self, data: Mapping[str, object]) -> Mapping[str, object]:
        """Only the names that some expression, action, timer or decision reads."""
        if not self.closed:
            return data
        return {name: value for name, value in data.items() if name in self.names}

    def reads_clock(self, clock: str) -> bool:
        """Does a timer or a due date hang on this clock?"""
        return any(e.clock == clock or e.due == f"clock:{clock}" for e in self.elements.values())

    def reads_message(self, message: str) -> bool:
        """Does some element of the diagram wait for this message?"""
        return message in self.awaited

    @cached_property
    def awaited(self) -> frozenset[str]:
        """Names of all messages that elements wait for."""
        found = set()
        for process in (self.spec, *self.subprocess_specs.values()):
            for task in process.task_specs.values():
                definition = getattr(task, "event_definition", None)
                for one in getattr(definition, "event_definitions", None) or [definition]:
                    if isinstance(one, Message):
                        found.add(one.name)
        return frozenset(found)

    @cached_property
    def processes(self) -> tuple[str, ...]:
        return tuple(sorted(self.subprocess_specs))

    @cached_property
    def spec_names(self) -> Mapping[str, tuple[tuple[str, ...], int]]:
        """For the codec: each process's specs in a fixed order, and a checksum of it."""
        found = {}
        for process in (self.spec, *self.subprocess_specs.values()):
            names = tuple(sorted(process.task_specs))
            found[process.name] = names, zlib.crc32("\0".join(names).encode())
        return found


_parsed: dict[tuple[str, Any], Definition] = {}
_lock = threading.Lock()


def parse(bundle: Bundle, action_inputs: ActionInputs | None = None) -> Definition:
    """The definition of a bundle, once a process by hash. InvalidDiagram.

    ``action_inputs`` gives the declared inputs of an action, None if it does not exist. Without it the names
    are incomplete, so every name given may become a variable.
    """
    key = bundle.hash, action_inputs
    with _lock:
        if key not in _parsed:
            _parsed[key] = _parse(bundle, action_inputs)
        return _parsed[key]


def forget() -> None:
    """Drop what was parsed: for tests and long-lived editors."""
    with _lock:
        _parsed.clear()


def read_xml(name: str, content: bytes) -> Any:
    """The root element, read as security.md §3 wants it. InvalidDiagram."""
    try:
        return xml.read(content)
    except xml.Unreadable as error:
        raise InvalidDiagram([(name, "", str(error))]) from error


def _parse(bundle: Bundle, action_inputs: ActionInputs | None) -> Definition:
    documents = {n: read_xml(n, c) for n, c in sorted(bundle.files.items()) if n.endswith(".bpmn")}
    tables: dict[str, decisions.Decision] = {}
    for name, content in sorted(bundle.files.items()):
        if name.endswith(".dmn"):
            tables |= decisions.parse_dmn(content)
    forms = {
        name.removesuffix(".form"): json.loads(content)
        for name, content in bundle.files.items()
        if name.endswith(".form")
    }
    elements = _elements(documents)
    try:
        spec, below = reading.read(documents, bundle.key)
    except Exception as error:  # the library raises what comes: any of it means that this cannot run
        element = getattr(error, "element", None) or getattr(error, "tag", None) or ""
        raise InvalidDiagram([(", ".join(documents), str(element), str(error))]) from error
    findings = [
        (", ".join(documents), element.id, f"decision {element.decision}")
        for element in elements.values()
        if element.type == "businessRuleTask" and element.decision not in tables
    ]
    if findings:
        raise InvalidDiagram(findings)
    starts = [e for e in elements.values() if e.type == "startEvent" and e.process == bundle.key]
    return Definition(
        bundle=bundle,
        key=bundle.key,
        name=str(spec.description or bundle.key),
        elements=elements,
        start_form=next((e.form for e in starts if e.form), None),
        forms=forms,
        decisions=tables,
        names=variables(documents.values(), elements.values(), forms, tables, action_inputs),
        flows={
            (flow.get("sourceRef", ""), flow.get("targetRef", "")): flow.get("id", "")
            for document in documents.values()
            for flow in document.iterfind(f".//{{{BPMN}}}sequenceFlow")
        },
        closed=action_inputs is not None,
        spec=spec,
        subprocess_specs=below,
    )


def _elements(documents: Mapping[str, Any]) -> dict[str, Element]:
    """Every node by its id, which is unique in a bundle. InvalidDiagram."""
    found: dict[str, Element] = {}
    calls: list[tuple[str, str]] = []
    for file, document in documents.items():
        lanes = _lanes(document)
        for process in document.iterfind(f".//{{{BPMN}}}process"):
            for node in process.iter(f"{{{BPMN}}}*"):
                kind = etree.QName(node).localname
                if not kind.endswith(NODES):
                    continue
                name = node.get("id", "")
                if not name or name in found or name in ("Start", "End", "Root"):
                    raise InvalidDiagram([(file, name, "missing, reserved or duplicate id")])
                found[name] = _element(node, kind, process, lanes)
                if kind == "callActivity":
                    calls.append((node.get("calledElement", ""), found[name].candidate or ""))
    for called, candidate in calls:
        for name, element in found.items():
            if element.process == called and element.type == "userTask" and not element.candidate:
                found[name] = Element(**{**element.__dict__, "candidate": candidate or None})
    return found


def _element(node: Any, kind: str, process: Any, lanes: Mapping[str, str]) -> Element:
    def yz(name: str) -> str | None:
        value: str | None = node.get(f"{{{YZ}}}{name}")
        return value

    timer = node.find(f"{{{BPMN}}}timerEventDefinition")
    words = (
        {} if timer is None else {k: timer.get(f"{{{YZ}}}{k}") for k in ("limit", "clock", "rung", "table")}
    )
    candidate = yz("position") or node.get(f"{{{CAMUNDA}}}candidateGroups")
    owner = node
    while candidate is None and owner is not None and owner is not process.getparent():
        candidate = lanes.get(owner.get("id", "")) or (
            owner.get(f"{{{YZ}}}position") if owner is not node else None
        )
        owner = owner.getparent()
    return Element(
        id=node.get("id"),
        type=kind,
        name=node.get("name") or node.get("id"),
        process=process.get("id", ""),
        form=yz("form") or node.get(f"{{{CAMUNDA}}}formKey"),
        candidate=candidate,
        excluded=yz("except"),
        action=yz("action"),
        decision=yz("decision"),
        due=yz("due"),
        **words,
    )


def _lanes(document: Any) -> dict[str, str]:
    """Node -> position of its lane, the innermost one that names a position."""
    found: dict[str, str] = {}
    for lane in document.iterfind(f".//{{{BPMN}}}lane"):  # outer lanes come first
        position = lane.get(f"{{{YZ}}}position")
        if position:
            for reference in lane.iter(f"{{{BPMN}}}flowNodeRef"):
                found[(reference.text or "").strip()] = position
    return found


def load_folder(key: str, processes: Path, forms: Path) -> Bundle:
    """The bundle of ``processes/<key>``: its files, the processes it calls, the forms it names. NotFound."""
    files: dict[str, bytes] = {}
    waiting, seen = [key], set()
    while waiting:
        name = waiting.pop()
        folder = processes / name
        if name in seen:
            continue
        if not folder.is_dir():
            raise NotFound(T("没有找到流程“%(key)s”。", key=name))
        seen.add(name)
        for path in sorted([*folder.glob("*.bpmn"), *folder.glob("*.dmn")]):
            files[path.name] = path.read_bytes()
        roots = [read_xml(n, c) for n, c in files.items() if n.endswith(".bpmn")]
        defined = {p.get("id") for root in roots for p in root.iterfind(f".//{{{BPMN}}}process")}
        called = {c.get("calledElement") for r in roots for c in r.iterfind(f".//{{{BPMN}}}callActivity")}
        waiting += sorted(called - defined - seen - {None})
    for root in roots:
        for form in sorted({f for e in root.iter() for f in [e.get(f"{{{YZ}}}form")] if f}):
            path = forms / f"{form}.form"
            if not path.is_file():
                raise NotFound(T("没有找到表单“%(form)s”。", form=form))
            files[f"{form}.form"] = path.read_bytes()
    return Bundle(key, files)
