"""A small world for cases, and random walks through it with a twin that is saved all the time."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workflow.bpmn.execution import BpmnError, Execution
from workflow.bpmn.parsing import Bundle, Definition, parse
from workflow.bpmn.timers import TimerWords
from workflow.errors import YizhanError

DIAGRAMS = Path(__file__).parent / "diagrams"
START = datetime(2026, 3, 2, 1, tzinfo=UTC)  # Monday 09:00 in Shanghai
INPUTS = {"count": ("n",), "risky": ("ok", "n")}
VALUES: dict[str, list[Any]] = {
    "ok": [True, False],
    "n": [0, 1, 2, 3],
    "route": ["a", "b", "c"],
    "items": [[], ["x"], ["x", "y", "z"]],
    "answer": ["yes", "no"],
    "nobody_reads_this": ["secret"],
}
FIRST = {"ok": True, "n": 2, "route": "a", "items": ["x", "y"]}


class World:
    """A host: business time, one clock with its deadline, two actions."""

    def __init__(self) -> None:
        self.moment = START
        self.deadline: datetime | None = START + timedelta(hours=10)

    def act(self, action: str, element: Any, data: Mapping[str, Any]) -> Mapping[str, Any]:
        if action == "risky" and not data["ok"]:
            raise BpmnError("E1" if data.get("n") != 3 else "E2", "as asked")
        return {"n": data["n"] + 1} if action == "count" else {}

    def due(self, timer: TimerWords, data: Mapping[str, Any]) -> datetime | None:
        if timer.clock is None:
            return self.moment + timedelta(hours=timer.limit_value or 0)
        if self.deadline is None:
            return None
        return self.deadline - timedelta(hours=4 if timer.rung == "remind" else 0)


def bundle(name: str) -> Bundle:
    files = {f"{name}.bpmn": (DIAGRAMS / f"{name}.bpmn").read_bytes()}
    if b"yz:decision" in files[f"{name}.bpmn"]:
        files["care.dmn"] = (DIAGRAMS / "care.dmn").read_bytes()
    return Bundle(name, files)


def diagram(name: str) -> Definition:
    return parse(bundle(name), INPUTS.get)


def look(case: Execution) -> dict[str, Any]:
    """All that can be seen of a case, but its token numbers."""
    return {
        "tasks": sorted((t.element.id, t.candidate, repr(sorted(t.data.items()))) for t in case.tasks),
        "timers": sorted((t.element.id, t.due_at, t.clock or "", t.rung or "") for t in case.timers),
        "messages": case.messages,
        "data": case.data,
        "path": case.path(),
        "warnings": [w.kind for w in case.warnings()],
        "sent": case.sent(),
        "ended": case.ended,
    }


def starts(definition: Definition) -> list[str]:
    """The start events among which whoever starts the process can choose."""
    return [start.name for start in definition.spec.bpmn_start_events]


Act = Callable[[Execution], object]


def choose(case: Execution, world: World, dice: random.Random) -> Act | None:
    """Something that may happen now; time moves for both twins, whose world it is."""
    ways = ["task"] * 3 * bool(case.tasks) + ["timer"] * 3 * bool(case.timers)
    ways += ["message"] * 2 * bool(case.messages) + ["clock", "stranger"]
    way = dice.choice(ways)
    if way == "task":
        which = dice.randrange(len(case.tasks))
        data = {name: dice.choice(values) for name, values in VALUES.items() if dice.random() < 0.7}
        return lambda twin: twin.complete(_tasks(twin)[which].token, data)
    if way == "timer":
        which = dice.randrange(len(case.timers))
        due = _timers(case)[which].due_at
        late = dice.choice([timedelta(hours=-1), timedelta(), timedelta(minutes=1), timedelta(hours=50)])
        world.moment = max(world.moment, due + late)
        return lambda twin: twin.wake(_timers(twin)[which].token)
    if way == "message":
        name = dice.choice(case.messages)
        n = dice.choice(VALUES["n"])
        return lambda twin: twin.receive(name, {"n": n})
    if way == "clock":
        world.deadline = dice.choice([None, world.moment + timedelta(hours=dice.randrange(1, 60))])
        return lambda twin: twin.rearm("item")
    return lambda twin: twin.receive("nobody waits for this", {})


def _tasks(case: Execution) -> list[Any]:
    return sorted(case.tasks, key=lambda t: (t.element.id, repr(sorted(t.data.items()))))


def _timers(case: Execution) -> list[Any]:
    return sorted(case.timers, key=lambda t: (t.element.id, t.due_at))


def attempt(case: Execution, act: Act) -> str:
    """What the act raised, as a word."""
    try:
        act(case)
    except YizhanError as error:
        return type(error).__name__
    return ""


def walk(
    definition: Definition,
    seed: int,
    *,
    restore: Callable[[Definition, World, bytes], Execution] = Execution.restore,
    stored: Definition | None = None,
    steps: int = 25,
    passed: set[str] | None = None,
) -> str:
    """Walk two twins, one of them saved and restored before every step; the first difference, or nothing."""
    dice = random.Random(seed)
    world = World()
    start = {name: dice.choice([FIRST[name], *VALUES[name]]) for name in FIRST}
    at = dice.choice(starts(definition))
    live = Execution.start(definition, world, start, at=at)
    saved = Execution.start(definition, world, start, at=at)
    for step in range(steps):
        one, other = look(live), look(saved)
        (passed if passed is not None else set()).update(one["path"])
        if one != other:
            return f"seed {seed} step {step}: {_difference(one, other)}"
        saved = restore(stored or definition, world, saved.save())
        if (one := look(live)) != (other := look(saved)):
            return f"seed {seed} step {step}, after restoring: {_difference(one, other)}"
        if live.ended:
            return ""
        act = choose(live, world, dice)
        try:
            raised = attempt(live, act), attempt(saved, act)
        except Exception as error:  # a fault may break the restored twin in any way
            return f"seed {seed} step {step}: {error!r}"
        if raised[0] != raised[1]:
            return f"seed {seed} step {step}: {raised}"
        if raised[0]:
            return ""  # refused on both sides: the step is rolled back, this walk is over
    return ""


def _difference(one: dict[str, Any], other: dict[str, Any]) -> str:
    return "; ".join(f"{key}: {one[key]} / {other[key]}" for key in one if one[key] != other[key])


class Case:
    """A case told as a story: steps by the id of their element, saved and restored between them if wanted."""

    def __init__(
        self, name: str | Definition, *, saved: bool = True, at: str | None = None, **data: Any
    ) -> None:
        self.definition = diagram(name) if isinstance(name, str) else name
        self.world = World()
        self.saved = saved
        self.now = Execution.start(self.definition, self.world, {**FIRST, **data}, at=at)
        self.passed = self.now.path()

    def does(self, element: str, number: int = 0, **data: Any) -> Case:
        """Complete the open task of an element."""
        open_ = [t for t in _tasks(self.now) if t.element.id == element]
        self.now.complete(open_[number].token, data)
        return self._rest()

    def waits(self, **time: float) -> Case:
        """Let business time pass, then wake what is due until nothing is."""
        self.world.moment += timedelta(**time)
        while due := [t for t in self.now.timers if t.due_at <= self.world.moment]:
            assert self.now.wake(due[0].token)
            self._rest()
        return self

    def hears(self, message: str, **data: Any) -> bool:
        heard = self.now.receive(message, data)
        self._rest()
        return heard

    def moves(self, deadline: datetime | None) -> Case:
        """Move the clock 'item'."""
        self.world.deadline = deadline
        self.now.rearm("item")
        return self._rest()

    def _rest(self) -> Case:
        self.passed += self.now.path()
        if self.saved:
            self.now = Execution.restore(self.definition, self.world, self.now.save())
        return self

    @property
    def open(self) -> list[str]:
        """Elements of the open tasks."""
        return sorted(t.element.id for t in self.now.tasks)

    @property
    def armed(self) -> dict[str, datetime]:
        return {t.element.id: t.due_at for t in self.now.timers}
