"""Findings in what stands in a diagram: FEEL, timers, roles, forms, actions, decisions, references."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from workflow.bpmn import expressions, timers, xml
from workflow.bpmn.scripts import BadScript, assignments
from workflow.texts import T

if TYPE_CHECKING:
    from workflow.bpmn.problems import Check

BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"
YZ = "urn:yizhan:bpmn:1"
CAMUNDA = "http://camunda.org/schema/1.0/bpmn"
TYPES = ("string", "number", "boolean", "date", "list", "any")
FORMULAS = ("conditionExpression", "completionCondition", "loopCondition", "loopCardinality")
TIMES = ("timeDate", "timeDuration", "timeCycle")
REFERENCES = {
    "messageRef": "message",
    "signalRef": "signal",
    "errorRef": "error",
    "escalationRef": "escalation",
}
MOST_ROUNDS = 1000
ANY_DAY = datetime(2026, 3, 2, tzinfo=UTC)


def declare(check: Check, roots: Iterable[Any]) -> None:
    """Collect the names that diagrams, actions, tables and scripts declare; forms have told theirs."""
    for root in roots:
        for element in root.iter(f"{{{YZ}}}in"):
            if element.get("name"):
                check.names.add(element.get("name"))
        for element in root.iter(f"{{{BPMN}}}*"):
            tag = xml.local(element)
            if tag in ("inputDataItem", "outputDataItem"):
                check.names |= {element.get("id", ""), element.get("name", "")}
            elif tag == "loopDataOutputRef":
                check.names.add((element.text or "").strip())
            elif tag == "script":
                check.names |= {name for name, _ in _script(element)}
            action = element.get(f"{{{YZ}}}action")
            words = check.actions.get(action) if action and hasattr(check.actions, "get") else None
            check.names |= {*getattr(words, "inputs", ()), *getattr(words, "outputs", ())}
            decision = check.decisions.get(element.get(f"{{{YZ}}}decision", ""))
            check.names |= set(decision.outputs) if decision else set()


def expressions_of(root: Any) -> Iterator[str]:
    """Every FEEL text of a diagram, to be read together."""
    for element in root.iter(f"{{{BPMN}}}*"):
        tag, text = xml.local(element), element.text or ""
        if (tag in FORMULAS and text.strip()) or (tag in TIMES and text.lstrip().startswith("=")):
            yield text
        elif tag == "script":
            yield from (formula for _, formula in _script(element))
        for value in (element.get(f"{{{YZ}}}{name}") for name in ("position", "except", "due")):
            if value and value.lstrip().startswith("="):
                yield value


def words(check: Check, root: Any, forms: Container[str], complete: bool) -> None:
    """``complete``: all names are known, so an unknown one is a finding."""
    _Words(check, root, forms, complete).look()


class _Words:
    def __init__(self, check: Check, root: Any, forms: Container[str], complete: bool) -> None:
        self.check = check
        self.forms = forms
        self.known: Container[str] = check.names if complete else _Everything()
        self.root = root
        self.placed = {
            (reference.text or "").strip()
            for lane in root.iter(f"{{{BPMN}}}lane")
            if lane.get(f"{{{YZ}}}position")
            for reference in lane.iter(f"{{{BPMN}}}flowNodeRef")
        }
        self.called = {call.get("calledElement") for call in root.iter(f"{{{BPMN}}}callActivity")}
        self.named = {
            kind: {element.get("id") for element in root.iter(f"{{{BPMN}}}{kind}")}
            for kind in REFERENCES.values()
        }

    def look(self) -> None:
        for element in self.root.iter(f"{{{BPMN}}}*"):
            tag = xml.local(element)
            self._attributes(element, tag)
            if tag in FORMULAS and (element.text or "").strip():
                self._feel(element, element.text)
            elif tag == "script":
                self._assignments(element)
            elif tag == "timerEventDefinition":
                self._timer(element)
            elif tag.endswith("EventDefinition") or tag in ("receiveTask", "sendTask"):
                self._reference(element, tag)
            elif tag in ("standardLoopCharacteristics", "multiInstanceLoopCharacteristics"):
                self._loop(element, tag)
        for element in self.root.iter(f"{{{YZ}}}in"):
            name = element.get("name") or ""
            if not expressions.NAME.fullmatch(name) or element.get("type", "any") not in TYPES:
                self.check.say("bad_declaration", _owner(element))

    def _attributes(self, element: Any, tag: str) -> None:
        position = element.get(f"{{{YZ}}}position")
        form, action = element.get(f"{{{YZ}}}form"), element.get(f"{{{YZ}}}action")
        if position and position.lstrip().startswith("="):
            self._feel(element, position)
        elif position and position not in self.check.duties:
            self.check.say("unknown_role", element, text=position)
        if kept_from := element.get(f"{{{YZ}}}except"):
            self._feel(element, kept_from)
        if form and form not in self.check.forms and form not in self.forms:
            self.check.say("unknown_form", element, text=form)
        if (action or tag == "serviceTask") and action not in self.check.actions:
            self.check.say("unknown_action", element, text=action or "")
        if tag == "userTask":
            self._user_task(element, position, form)
        if tag == "businessRuleTask":
            self._decision(element)
        due = element.get(f"{{{YZ}}}due")
        if due and due.lstrip().startswith("="):
            self._feel(element, due)
        elif due and not due.startswith("clock:"):
            self._timed(element, due, lambda: timers.limit(due))

    def _user_task(self, element: Any, position: str | None, form: str | None) -> None:
        imported = element.get(f"{{{CAMUNDA}}}candidateGroups")
        if not position and not imported and not self._inherited(element):
            self.check.say("missing_role", element)
        if not form and not element.get(f"{{{CAMUNDA}}}formKey"):
            self.check.say("no_form", element)

    def _inherited(self, element: Any) -> bool:
        """By its lane, by what it stands in, or by the lane of whoever calls its process."""
        owner = element
        while owner is not None and xml.local(owner) != "definitions":
            key = owner.get("id")
            if key in self.placed or owner.get(f"{{{YZ}}}position"):
                return True
            if xml.local(owner) == "process" and (key in self.called or self._called_elsewhere(key)):
                return True
            owner = owner.getparent()
        return False

    def _called_elsewhere(self, key: str | None) -> bool:
        return any(
            call.get("calledElement") == key
            for process in self.check.processes.values()
            for call in process.iter(f"{{{BPMN}}}callActivity")
        )

    def _decision(self, element: Any) -> None:
        name = element.get(f"{{{YZ}}}decision") or element.get(f"{{{CAMUNDA}}}decisionRef") or ""
        decision = self.check.decisions.get(name)
        if decision is None:
            self.check.say("unknown_decision", element, text=name)
            return
        for formula, unary in decision.expressions():
            self._feel(element, formula, unary=unary)

    def _feel(self, element: Any, formula: str, *, unary: bool = False) -> None:
        codes = {"syntax": "bad_expression"}
        owner = _owner(element)
        for problem in expressions.problems(formula, known=self.known, unary=unary):
            code = codes.get(problem.kind, problem.kind)
            self.check.add(code, owner.get("id"), element.sourceline, problem.text)

    def _assignments(self, element: Any) -> None:
        try:
            lines = list(assignments(element.text or ""))
        except BadScript as error:
            self.check.say("bad_expression", _owner(element), error.text)
            return
        if not lines:
            self.check.say("bad_expression", _owner(element), T("脚本是空的。"))
        for _, formula in lines:
            self._feel(element, formula)

    def _timer(self, element: Any) -> None:
        owner = element.getparent()
        text, clock = element.get(f"{{{YZ}}}limit"), element.get(f"{{{YZ}}}clock")
        if text is not None:
            self._timed(owner, text, lambda: timers.limit(text))
        elif clock is not None:
            rung, table = element.get(f"{{{YZ}}}rung"), element.get(f"{{{YZ}}}table")
            if bool(rung) != bool(table):  # the clock's own end needs neither
                self.check.say("bad_timer", owner, text=clock)
            elif table and table not in self.check.decisions:
                self.check.say("unknown_decision", owner, text=table)
        else:
            self._iso(element, owner)

    def _iso(self, element: Any, owner: Any) -> None:
        given = [child for child in element if xml.local(child) in TIMES and (child.text or "").strip()]
        if len(given) != 1:
            self.check.say("bad_timer", owner, text="")
            return
        tag, text = xml.local(given[0]), given[0].text.strip()
        if text.startswith("="):
            self._feel(given[0], text)
            return
        text = text.strip('"')
        readers = {
            "timeDate": lambda: timers.date(text),
            "timeDuration": lambda: timers.after(ANY_DAY, text),
            "timeCycle": lambda: timers.cycle(text, ANY_DAY),
        }
        self._timed(owner, text, readers[tag])

    def _timed(self, owner: Any, text: str, read: Any) -> None:
        try:
            read()
        except timers.BadTimer:
            self.check.say("bad_timer", owner, text=text)

    def _reference(self, element: Any, tag: str) -> None:
        owner = element if tag.endswith("Task") else element.getparent()
        for attribute, kind in REFERENCES.items():
            reference = element.get(attribute)
            if reference is not None and reference.split(":")[-1] not in self.named[kind]:
                self.check.say("missing_message_reference", owner)
        # Without a reference an error or an escalation is any; a message or a signal is nothing.
        missing = {"messageEventDefinition": "messageRef", "signalEventDefinition": "signalRef"}.get(tag)
        if missing and element.get(missing) is None:
            self.check.say("missing_message_reference", owner)

    def _loop(self, element: Any, tag: str) -> None:
        owner = element.getparent()
        maximum, rounds = element.get("loopMaximum"), element.findtext(f"{{{BPMN}}}loopCardinality")
        count = (maximum if tag.startswith("standard") else rounds) or ""
        condition = (element.findtext(f"{{{BPMN}}}loopCondition") or "").strip()
        source = (element.findtext(f"{{{BPMN}}}loopDataInputRef") or "").strip()
        digits = count.strip().removeprefix("=").strip()
        if digits.isdecimal() and int(digits[:9]) > MOST_ROUNDS:
            self.check.say("bad_loop", owner)
        if not (digits or condition or source):
            self.check.say("bad_loop", owner)


class _Everything:
    def __contains__(self, name: object) -> bool:
        return True


def _script(element: Any) -> list[tuple[str, str]]:
    try:
        return list(assignments(element.text or ""))
    except BadScript:
        return []


def _owner(element: Any) -> Any:
    """The nearest element with an id."""
    while element.get("id") is None and element.getparent() is not None:
        element = element.getparent()
    if xml.local(element) in FORMULAS or xml.local(element).endswith("Characteristics"):
        return _owner(element.getparent())
    return element
