"""Small processes for the engine: one shape a behaviour, with clocks that are plain arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest
from sqlalchemy.orm import Session

from workflow.bpmn.parsing import Bundle
from workflow.engine import definitions
from workflow.engine.actions import Registry
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.engine.timers import Decide

CLERK = Actor("staff:1", "李婷", {"intake": None})
COLLEAGUE = Actor("staff:2", "王芳", {"intake": None})
STAND_IN = Actor("staff:3", "赵敏", {"intake": "staff:1"})
STRANGER = Actor("staff:4", "张伟", {"technician": None})
HEAD = Actor("staff:5", "周建国", {"head": None}, frozenset({"lead"}))

HOURS = {"hour": 1, "working-hour": 1, "day": 24, "working-day": 24}


class PlainClocks:
    """A clock source without a calendar: every hour counts; ``deadlines`` may be moved by a test."""

    def __init__(self) -> None:
        self.deadlines: dict[str, datetime] = {}

    def after(self, session: Session, moment: datetime, value: float, unit: str) -> datetime:
        return moment + timedelta(hours=value * HOURS[unit])

    def deadline(self, session: Session, business_key: str | None, clock: str) -> datetime | None:
        return self.deadlines.get(clock)

    def rung(
        self, session: Session, business_key: str | None, clock: str, rung: str, decide: Decide
    ) -> datetime | None:
        return self.deadlines.get(clock)


def after(duration: str) -> str:
    """A timer definition that is due so long after it is reached."""
    return (
        f"<bpmn:timerEventDefinition><bpmn:timeDuration>{duration}</bpmn:timeDuration>"
        "</bpmn:timerEventDefinition>"
    )


def process(body: str, *, key: str = "tiny") -> bytes:
    """A definitions file around flow nodes and flows; ``A->B`` lines become sequence flows."""
    nodes, flows = [], []
    for line in body.strip().splitlines():
        line = line.strip()
        if "->" in line and not line.startswith("<"):
            ends, _, condition = line.partition(" if ")
            source, target = ends.split("->")
            inside = f"<bpmn:conditionExpression>{condition}</bpmn:conditionExpression>" if condition else ""
            flows.append(
                f'<bpmn:sequenceFlow id="f_{source}_{target}" sourceRef="{source}" targetRef="{target}">'
                f"{inside}</bpmn:sequenceFlow>"
            )
        else:
            nodes.append(line)
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<bpmn:definitions xmlns:bpmn="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yz="urn:yizhan:bpmn:1"
  targetNamespace="urn:test" id="defs_{key}">
{"".join(n for n in nodes if n.startswith("<bpmn:message "))}
<bpmn:process id="{key}" name="小流程" isExecutable="true">
{"".join(n for n in nodes if not n.startswith("<bpmn:message "))}
{"".join(flows)}
</bpmn:process></bpmn:definitions>""".encode()


@pytest.fixture
def clocks() -> PlainClocks:
    return PlainClocks()


@pytest.fixture
def words() -> Registry:
    return Registry()


@pytest.fixture
def engine(session: Session, clocks: PlainClocks, words: Registry) -> Engine:
    return Engine(session, clocks, words)


Deploy = Callable[..., None]


@pytest.fixture
def deploy(session: Session, clock: object, words: Registry) -> Deploy:
    """Deploy a body as the newest version of ``tiny`` (or ``key``)."""

    def put(body: str, *, key: str = "tiny", files: Mapping[str, bytes] | None = None) -> None:
        bundle = Bundle(key, {f"{key}.bpmn": process(body, key=key), **(files or {})})
        definitions.deploy(session, bundle, actor="system", moment=clock.now(), words=words)  # type: ignore[attr-defined]

    return put
