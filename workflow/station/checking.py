"""``yizhan check``: files against what this installation knows, without its database (decisions 12).

Known are the files given, and of the project's folders whatever those name and did not bring along: called
processes, decision tables, forms.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from lxml import etree

from workflow.bpmn import xml
from workflow.bpmn.problems import Finding, find
from workflow.engine.actions import registry
from workflow.engine.forms import check_form
from workflow.station import running
from workflow.station.positions import DUTIES

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
YZ = "{urn:yizhan:bpmn:1}"
FORM = re.compile(r"[\w-]{1,80}(/[\w-]{1,80}){0,3}")  # what may be looked for below the folder forms


def check_files(files: Sequence[Path]) -> list[Finding]:
    """The findings in these files, each under the path it was given by. OSError when one cannot be read."""
    given = {_name(path): path for path in files}
    contents = {name: path.read_bytes() for name, path in given.items()}
    _add_named(contents, beside=sorted({path.parent for path in files}))
    findings = find(contents, actions=registry.actions, duties=DUTIES, read_form=check_form)
    return [replace(one, file=str(given[one.file])) for one in findings if one.file in given]


def _name(path: Path) -> str:
    """A form is named by diagrams as 'intake/register': its path below the folder forms."""
    parts = path.absolute().parts
    if path.suffix == ".form" and "forms" in parts:
        below = len(parts) - parts[::-1].index("forms")
        return "/".join(parts[below:])
    return str(path)


def _add_named(contents: dict[str, bytes], *, beside: Iterable[Path]) -> None:
    """Add what the diagrams name and nobody gave: from beside them first, then from the project."""
    project = sorted((running.ROOT / "processes").rglob("*"))
    around = [path for folder in beside for path in sorted(folder.iterdir())] + project
    diagrams = [path for path in around if path.suffix == ".bpmn"]
    tables = [path for path in around if path.suffix == ".dmn"]
    waiting = [name for name in contents if name.endswith(".bpmn")]
    while waiting:
        root = _root(contents[waiting.pop()])
        if root is None:
            continue
        for form in _values(root, f"{YZ}form"):
            path = running.ROOT / "forms" / f"{form}.form"
            if f"{form}.form" not in contents and FORM.fullmatch(form) and path.is_file():
                contents[f"{form}.form"] = path.read_bytes()
        for process in _values(root, "calledElement"):
            found = _file_with(process, diagrams, contents)
            if found is not None:
                contents[str(found)] = found.read_bytes()
                waiting.append(str(found))
        for decision in _values(root, f"{YZ}decision") | _values(root, f"{YZ}table"):
            found = _file_with(decision, tables, contents)
            if found is not None:
                contents[str(found)] = found.read_bytes()


def _file_with(key: str, files: Iterable[Path], contents: dict[str, bytes]) -> Path | None:
    """The first of the files that declares this process or decision; None when one at hand does already."""
    suffixes = (".bpmn", ".dmn")
    if any(key in _declared(data) for name, data in contents.items() if name.endswith(suffixes)):
        return None
    return next((path for path in files if key in _declared(path.read_bytes())), None)


def _declared(data: bytes) -> set[str]:
    root = _root(data)
    if root is None:
        return set()
    heads = (child for child in root if xml.local(child) in ("process", "decision"))
    return {str(head.get("id")) for head in heads}


def _root(data: bytes) -> etree._Element | None:
    try:
        return xml.read(data)
    except xml.Unreadable:
        return None


def _values(root: etree._Element, attribute: str) -> set[str]:
    return {str(value) for element in root.iter() if (value := element.get(attribute))}
