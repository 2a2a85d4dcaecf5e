"""A resting case as bytes, and back.

``YZ`` + format version + msgpack. No specs inside: tokens name theirs by place in a fixed order whose
checksum is stored. Kept are the live tokens with what they remember, those right above them, and the
variables once a scope; finished ones are dropped (the history is ours), predicted ones are predicted again,
waiting catchers are registered again.
"""

from __future__ import annotations

from typing import Any

import msgspec

from workflow.bpmn.events import BoundarySplit, Catching
from workflow.bpmn.parsing import Definition
from workflow.bpmn.scripts import Runtime
from workflow.bpmn.tokens import LIVE, WAITING, Process, Scope, SubProcessRun, Token
from workflow.errors import YizhanError
from workflow.texts import T

MAGIC = b"YZ"
VERSION = 1
STATES = (8, 16, 32, 64, 128, 256)  # WAITING READY STARTED COMPLETED ERROR CANCELLED
PLACE = {state: place for place, state in enumerate(STATES)}
TRIGGERED = 8


class UnknownState(YizhanError):
    """Bytes that are no state, or of a format or a definition that does not fit."""

    def __init__(self, why: str) -> None:
        super().__init__(T("保存的运行状态无法读取：%(why)s", why=why))


def encode(top: Process, definition: Definition) -> bytes:
    """The state of a case at rest."""
    scopes: list[Scope] = []
    runs = [
        [
            token_id,
            definition.processes.index(run.spec.name),
            _scope(run.scope, scopes),
            _tokens(run, definition, scopes),
        ]
        for token_id, run in top.subprocesses.items()
    ]
    body = [
        bytes.fromhex(definition.hash[:16]),
        top.last_id,
        top.completed,
        _scope(top.scope, scopes),
        _tokens(top, definition, scopes),
        runs,
        [[-1 if s.parent is None else scopes.index(s.parent), s.values] for s in scopes],
    ]
    return MAGIC + bytes([VERSION]) + msgspec.msgpack.encode(body)


def _scope(scope: Scope, scopes: list[Scope]) -> int:
    """The place of a scope in the list, its parents before it."""
    for place, known in enumerate(scopes):
        if known is scope:
            return place
    if scope.parent is not None:
        _scope(scope.parent, scopes)
    scopes.append(scope)
    return len(scopes) - 1


def _tokens(run: Process | SubProcessRun, definition: Definition, scopes: list[Scope]) -> list[Any]:
    """Four numbers a token: id, parent, spec, state; then what live ones remember and scopes of their own."""
    names, checksum = definition.spec_names[run.spec.name]
    place = {name: index for index, name in enumerate(names)}
    needed = _needed(run)
    flat: list[int] = []
    kept: dict[int, Any] = {}
    own: dict[int, int] = {}
    for token_id in sorted(needed):
        token = run.tasks[token_id]
        parent = token._parent if token._parent in needed else 0
        mark = PLACE[token._state] | (TRIGGERED if token.triggered else 0)
        flat += (token_id, parent or 0, place[token.task_spec.name], mark)
        if token._state & LIVE and token.internal_data:
            kept[token_id] = token.internal_data
        if token._state & LIVE and token.scope is not run.scope:
            own[token_id] = _scope(token.scope, scopes)
    return [checksum, run.completed, flat, kept, own]


def _needed(run: Process | SubProcessRun) -> set[int]:
    """The root, live tokens, their parents, and the split above these: nobody looks further back."""
    needed = {run.task_tree.id}
    for token in run.live():
        needed.add(token.id)
        parent = token.parent
        if parent is not None:
            needed.add(parent.id)
            if isinstance(getattr(parent.parent, "task_spec", None), BoundarySplit):
                needed.add(parent._parent)
    return needed


def decode(state: bytes, definition: Definition, runtime: Runtime) -> Process:
    """The case again, as it rested. UnknownState."""
    if state[:2] != MAGIC:
        raise UnknownState("no state")
    if state[2] != VERSION:
        raise UnknownState(f"format {state[2]}, this release reads {VERSION}")
    fingerprint, last_id, completed, scope, tokens, runs, scopes = msgspec.msgpack.decode(
        state[3:], strict=False
    )
    if fingerprint != bytes.fromhex(definition.hash[:16]):
        raise UnknownState("of another definition")
    known: list[Scope] = []
    for parent, values in scopes:
        known.append(Scope(values, None if parent < 0 else known[parent]))
    top = Process(definition.spec, dict(definition.subprocess_specs), runtime, known[scope])
    top.flows = definition.flows
    _restore(top, tokens, definition, known)
    for parent_id, place, scope, tokens in sorted(runs, key=lambda run: run[0]):
        opener = top.find(parent_id)
        assert opener is not None, "runs are stored below the tokens that opened them"
        run = top.open(opener, definition.processes[place], known[scope])
        _restore(run, tokens, definition, known)
    top.last_id = last_id
    for each in (top, *top.subprocesses.values()):
        for token in each.live():
            wake_up(token)
    top.completed = completed
    return top


def _restore(
    run: Process | SubProcessRun, stored: list[Any], definition: Definition, scopes: list[Scope]
) -> None:
    names, checksum = definition.spec_names[run.spec.name]
    expected, run.completed, flat, kept, own = stored
    if expected != checksum:
        raise UnknownState(f"specs of {run.spec.name}")
    specs = run.spec.task_specs
    for at in range(0, len(flat), 4):
        token_id, parent, place, mark = flat[at : at + 4]
        above = run.tasks[parent or flat[0]] if at else None
        token = Token(run, specs[names[place]], above, STATES[mark & 7], token_id)
        token.triggered = bool(mark & TRIGGERED)
        if token_id in kept:
            token.internal_data = kept[token_id]
        if token_id in own:
            token.scope = scopes[own[token_id]]
    run.task_tree = run.tasks[flat[0]]


def wake_up(token: Token) -> None:
    """Predict below a live token again, and let a waiting catcher be found."""
    older = list(token._children)
    token.predict()
    token._children = [child for child in token._children if child not in older] + older
    if token._state == WAITING and isinstance(token.task_spec, Catching):
        token.workflow.top_workflow.event_manager.add_task(token)
