"""Sentences outside the code: what form-js forms, diagrams and tables show to people. Babel calls these."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import IO, Any

from lxml import etree

Message = tuple[int, str | None, str, list[str]]

SHOWN = frozenset(
    (
        *("label", "description", "text", "alt", "title", "dateLabel", "timeLabel"),
        *("patternErrorMessage", "prefixAdorner", "suffixAdorner"),
    )
)
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DMN = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"


def forms(
    file: IO[bytes], keywords: Collection[str], tags: Collection[str], options: Mapping[str, str]
) -> Iterator[Message]:
    """Labels, hints, choices and texts of a .form file; FEEL (leading =) is no sentence."""
    for name, sentence in _strings(json.load(file)):
        if name in SHOWN and _is_sentence(sentence):
            yield 1, None, sentence, []


def diagrams(
    file: IO[bytes], keywords: Collection[str], tags: Collection[str], options: Mapping[str, str]
) -> Iterator[Message]:
    """Names of elements, their documentation and the words of annotations, of a .bpmn file."""
    for element in _parsed(file).iter(f"{BPMN}*"):
        words = element.tag in (f"{BPMN}documentation", f"{BPMN}text")
        text = element.text if words else element.get("name")
        if text and _is_sentence(text):
            yield element.sourceline or 1, None, text.strip(), []


def tables(
    file: IO[bytes], keywords: Collection[str], tags: Collection[str], options: Mapping[str, str]
) -> Iterator[Message]:
    """Names, column labels and descriptions of a .dmn file; its cells are values, not sentences."""
    for element in _parsed(file).iter(f"{DMN}*"):
        words = element.text if element.tag == f"{DMN}description" else None
        for text in (words, element.get("name"), element.get("label")):
            if text and _is_sentence(text):
                yield element.sourceline or 1, None, text.strip(), []


def _parsed(file: IO[bytes]) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(file.read(), parser)


def _strings(part: Any) -> Iterator[tuple[str, str]]:
    if isinstance(part, dict):
        for name, value in part.items():
            if isinstance(value, str):
                yield name, value
            else:
                yield from _strings(value)
    elif isinstance(part, list):
        for value in part:
            yield from _strings(value)


def _is_sentence(text: str) -> bool:
    return not text.startswith("=") and any("\u4e00" <= sign <= "\u9fff" for sign in text)
