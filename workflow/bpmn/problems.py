"""Everything wrong with a bundle, at once, before it ever runs. Needs no database and never raises.

``problem_table.CODES`` lists the findings; ``problem_flows`` looks at the graph, ``problem_words`` at what
stands in it (expressions, timers, roles, forms, actions, decisions).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from workflow.bpmn import expressions, problem_flows, problem_words, xml
from workflow.bpmn.decisions import Decision, read_dmn
from workflow.bpmn.problem_table import CODES, ERROR
from workflow.texts import Text

__all__ = ["CODES", "Finding", "FormReader", "find"]

MOST_FEEL = 300_000  # characters of expressions in one bundle: reading them all stays below a second
BPMN = "http://www.omg.org/spec/BPMN/20100524/MODEL"


@dataclass(frozen=True)
class Finding:
    """``line`` counts from 1, None where the file has no lines worth naming; ``severity`` error | warning."""

    file: str
    code: str
    element: str | None
    line: int | None
    message: Text
    severity: str

    def as_dict(self, language: str = "zh") -> dict[str, str | int | None]:
        return {
            "file": self.file,
            "code": self.code,
            "element": self.element,
            "line": self.line,
            "message": self.message.say(language),
            "severity": self.severity,
        }


class FormFlaw(Protocol):
    @property
    def code(self) -> str: ...
    @property
    def component(self) -> str | None: ...
    @property
    def text(self) -> Text: ...


# What the floor above knows of forms: the keys of one, and what is wrong with it.
FormReader = Callable[[bytes], tuple[Iterable[str], Sequence[FormFlaw]]]


@dataclass
class Check:
    """What is known while looking, and what was found so far."""

    actions: Container[str]
    duties: Container[str]
    forms: set[str]
    decisions: dict[str, Decision] = field(default_factory=dict)
    processes: dict[str, Any] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    findings: list[Finding] = field(default_factory=list)
    file: str = ""

    def say(self, code: str, element: Any = None, sentence: Text | None = None, **values: object) -> None:
        """A finding at an XML element; without ``sentence`` the table's sentence, filled."""
        name = (element.get("name") or element.get("id") or xml.local(element)) if element is not None else ""
        severity, usual = CODES[code]
        message = sentence or Text(usual.msgid, {"name": name, **values})
        key = element.get("id") if element is not None else None
        self.add(code, key, element.sourceline if element is not None else None, message, severity)

    def add(
        self, code: str, element: str | None, line: int | None, text: Text, severity: str = ERROR
    ) -> None:
        self.findings.append(Finding(self.file, code, element, line, text, severity))


def find(
    files: Mapping[str, bytes],
    *,
    actions: Container[str],
    duties: Container[str],
    forms: Container[str] | None = None,
    names: Iterable[str] = (),
    read_form: FormReader | None = None,
) -> list[Finding]:
    """All findings of a bundle's files, in the order of files and lines.

    ``actions``: the registered ones; a mapping whose values have ``inputs`` and ``outputs`` also declares
    their names. ``duties``: codes a task may name. ``forms``: names known beside the files given.
    ``names``: variables known beside those declared. ``read_form``: how forms are read
    (``workflow.engine.forms.check_form``); without it forms declare no names, so names go unchecked.
    """
    check = Check(actions, duties, set(), names=set(names))
    check.forms = {name.removesuffix(".form") for name in files if name.endswith(".form")}
    roots = {}
    for name in sorted(files):
        check.file = name
        if name.endswith(".bpmn"):
            root = _root(check, files[name])
            if root is not None:
                roots[name] = root
        elif name.endswith(".dmn"):
            _tables(check, files[name])
        elif name.endswith(".form"):
            _form(check, files[name], read_form)
        else:
            check.say("unknown_file")
    for name, root in roots.items():
        check.file = name
        problem_flows.processes(check, root)
    problem_words.declare(check, roots.values())
    texts = [text for root in roots.values() for text in problem_words.expressions_of(root)]
    if sum(map(len, texts)) > MOST_FEEL:
        check.say("too_large")
        return check.findings
    expressions.prepare([(text, False) for text in texts])
    complete = read_form is not None and (forms is None or isinstance(forms, Mapping))
    for name, root in roots.items():
        check.file = name
        problem_flows.ids(check, root)
        problem_flows.graphs(check, root)
        problem_words.words(check, root, forms or (), complete)
    problem_flows.calls(check, roots)
    return sorted(_once(check.findings), key=lambda found: (found.file, found.line or 0, found.code))


def _once(findings: Iterable[Finding]) -> list[Finding]:
    return list({(f.file, f.code, f.element, f.line, str(f.message)): f for f in findings}.values())


def _root(check: Check, data: bytes) -> Any:
    try:
        root = xml.read(data)
    except xml.Unreadable as error:
        check.add(error.code, None, error.line, error.text)
        return None
    if root.tag != f"{{{BPMN}}}definitions":
        check.say("wrong_root", root)
        return None
    return root


def _tables(check: Check, data: bytes) -> None:
    decisions, flaws = read_dmn(data)
    for flaw in flaws:
        check.add(flaw.code, flaw.element, flaw.line, flaw.text)
    check.decisions |= decisions


def _form(check: Check, data: bytes, read_form: FormReader | None) -> None:
    if read_form is None:
        return
    keys, flaws = read_form(data)
    check.names |= set(keys)
    for flaw in flaws:
        check.add(flaw.code, flaw.component, None, flaw.text)
