"""`yizhan check` with files made to hurt: an answer within seconds, findings instead of tracebacks."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workflow.station.checking import check_files

SECONDS = 5
NAMESPACES = (
    'xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yz="urn:yizhan:bpmn:1" targetNamespace="t"'
)


def process(inside: str) -> str:
    return (
        f'<definitions {NAMESPACES}><process id="p" isExecutable="true"><startEvent id="s"/>'
        f'<sequenceFlow id="f" sourceRef="s" targetRef="a"/>{inside}'
        '<sequenceFlow id="g" sourceRef="a" targetRef="e"/><endEvent id="e"/></process></definitions>'
    )


def form(*components: Any) -> str:
    return json.dumps({"type": "default", "schemaVersion": 19, "components": components})


def fields(number: int, **more: Any) -> list[dict[str, Any]]:
    return [{"type": "textfield", "id": f"k{i}", "key": f"k{i}", **more} for i in range(number)]


LAUGHS = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 10))
HOSTILE: dict[str, tuple[str, Callable[[], str]]] = {
    "laughs.bpmn": ("doctype", lambda: f'<!DOCTYPE x [<!ENTITY a0 "ha">{LAUGHS}]><x>&a9;</x>'),
    "outside.bpmn": ("doctype", lambda: '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>'),
    "large.bpmn": ("too_large", lambda: f"<a>{'x' * 2_200_000}</a>"),
    "deep.bpmn": ("too_deep", lambda: "<a>" * 100_000),
    "mesh.bpmn": (
        "busy_loop",
        lambda: process(
            "".join(f'<exclusiveGateway id="{name}"/>' for name in "abcdefgh")
            + "".join(
                f'<sequenceFlow id="{a}{b}{i}" sourceRef="{a}" targetRef="{b}"/>'
                for a in "abcdefgh"
                for b in "abcdefgh"
                for i in range(150)
            )
        ),
    ),
    "name_too_long.bpmn": (
        "unknown_form",
        lambda: process(f'<userTask id="a" yz:position="intake" yz:form="{"a" * 5000}"/>'),
    ),
    "outside_form.bpmn": (
        "unknown_form",
        lambda: process('<userTask id="a" yz:position="intake" yz:form="../forms/intake/answer"/>'),
    ),
    "endless_limit.bpmn": (
        "bad_timer",
        lambda: process(
            '<intermediateCatchEvent id="a">'
            f'<timerEventDefinition yz:limit="{"9" * 400} working-hour"/></intermediateCatchEvent>'
        ),
    ),
    "python.bpmn": (
        "unknown_function",
        lambda: process('<scriptTask id="a"><script>x = __import__("os")</script></scriptTask>'),
    ),
    "repeats.form": ("bad_pattern", lambda: form(*fields(1, validate={"pattern": "(a+)+$"}))),
    "long_pattern.form": ("bad_pattern", lambda: form(*fields(1, validate={"pattern": "a" * 500_000}))),
    "brackets.form": ("bad_pattern", lambda: form(*fields(1, validate={"pattern": "(" * 5000}))),
    "many.form": ("too_large", lambda: form(*fields(20_000))),
    "many_conditions.form": ("too_large", lambda: form(*fields(9_000, conditional={"hide": "=(("}))),
    "large.form": ("too_large", lambda: form({"type": "text", "id": "t", "text": "x" * 2_200_000})),
    "deep.form": ("bad_form", lambda: '{"components":' + "[" * 100_000),
    "long_key.form": (
        "reserved_key",
        lambda: form({"type": "textfield", "id": "a", "key": "a." * 20_000 + "b"}),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_a_finding_within_seconds(tmp_path: Path, name: str) -> None:
    code, content = HOSTILE[name]
    (tmp_path / name).write_text(content(), encoding="utf-8")
    began = time.monotonic()
    found = check_files([tmp_path / name])
    assert code in {one.code for one in found}
    assert time.monotonic() - began < SECONDS
