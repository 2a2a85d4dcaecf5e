"""Which variables a definition reads: only these are kept in a case."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from workflow.bpmn import expressions
from workflow.bpmn.reading import BPMN, YZ
from workflow.bpmn.scripts import BadScript, assignments, feel

if TYPE_CHECKING:
    from workflow.bpmn.decisions import Decision
    from workflow.bpmn.parsing import Element

EXPRESSIONS = ("conditionExpression", "loopCardinality", "completionCondition", "loopCondition")
TIMES = ("timeDate", "timeDuration", "timeCycle")
COLLECTIONS = ("loopDataInputRef", "loopDataOutputRef")
OF_FORMS = {"this", "parent", "i", "_this_", "_parent_", "_value_"}  # what form-js itself gives to formulas
ITEMS = ("inputDataItem", "outputDataItem")


def variables(
    documents: Iterable[Any],
    elements: Iterable[Element],
    forms: Mapping[str, Any],
    tables: Mapping[str, Decision],
    action_inputs: Callable[[str], Collection[str] | None] | None,
) -> frozenset[str]:
    """Names read by any expression, timer, candidate, decision, form (but its own fields), call or action."""
    found: set[str] = set()
    for document in documents:
        for text in _expressions(document):
            found |= _names(text)
        for tag in COLLECTIONS:
            found |= {(e.text or "").strip() for e in document.iter(f"{{{BPMN}}}{tag}")}
        for tag in ITEMS:
            found |= {e.get("id", "") for e in document.iter(f"{{{BPMN}}}{tag}")}
        for call in document.iter(f"{{{BPMN}}}callActivity", f"{{{BPMN}}}process", f"{{{BPMN}}}startEvent"):
            found |= {e.get("name", "") for e in call.iterfind(f"{{{BPMN}}}extensionElements/{{{YZ}}}in")}
        for throw in document.iter(
            *(f"{{{BPMN}}}{t}" for t in ("intermediateThrowEvent", "endEvent", "sendTask"))
        ):
            found |= {e.get("name", "") for e in throw.iterfind(f"{{{BPMN}}}extensionElements/{{{YZ}}}in")}
    for element in elements:
        for formula in (element.candidate, element.excluded, element.due):
            if formula and formula.startswith("="):
                found |= _names(formula)
        if element.action and action_inputs is not None:
            found |= set(action_inputs(element.action) or ())
    for table in tables.values():
        found |= table.inputs_read
    for form in forms.values():
        read = {name for text in _formulas(form) for name in _names(text)}
        found |= read - _keys(form) - OF_FORMS
    return frozenset(found - {""})


def _expressions(document: Any) -> Iterable[str]:
    for tag in EXPRESSIONS:
        for node in document.iter(f"{{{BPMN}}}{tag}"):
            yield node.text or ""
    for tag in TIMES:
        for node in document.iter(f"{{{BPMN}}}{tag}"):
            if (node.text or "").lstrip().startswith("="):
                yield node.text or ""
    for node in document.iter(f"{{{BPMN}}}script"):
        try:
            yield from (expression for _, expression in assignments(node.text or ""))
        except BadScript:
            continue  # a finding of problems.py; it fails when it is run


def _formulas(value: Any) -> Iterable[str]:
    """Every FEEL text of a form."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from _formulas(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _formulas(inner)
    elif isinstance(value, str) and value.startswith("="):
        yield value


def _keys(value: Any) -> set[str]:
    """The fields of a form: a formula that reads one means what is being filled in, not a variable."""
    if isinstance(value, list):
        return {key for inner in value for key in _keys(inner)}
    if not isinstance(value, dict):
        return set()
    own = {value[word] for word in ("key", "path") if isinstance(value.get(word), str)}
    return own | {key for inner in value.values() for key in _keys(inner)}


def _names(text: str) -> frozenset[str]:
    try:
        return expressions.names(feel(text))
    except expressions.FeelError:
        return frozenset()
