"""Submitted values as a tree: plain JSON checked at the door, read and written by path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORBIDDEN = "typename"  # a key of this name can make a stored case unloadable
LARGEST = 2**63 - 1


def plain(value: Any, depth: int) -> bool:
    """Plain JSON of moderate depth that the database can keep, without the forbidden key."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, Mapping):
        return depth > 0 and all(
            isinstance(key, str) and key != FORBIDDEN and plain(key, 0) and plain(inner, depth - 1)
            for key, inner in value.items()
        )
    if isinstance(value, list):
        return depth > 0 and all(plain(inner, depth - 1) for inner in value)
    if isinstance(value, float):
        return value - value == 0
    return value is None or (isinstance(value, int) and abs(value) <= LARGEST)


def copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: copy(inner) for key, inner in value.items()}
    return [copy(inner) for inner in value] if isinstance(value, list) else value


def child(scope: dict[str, Any], step: str) -> dict[str, Any]:
    if not isinstance(scope.get(step), dict):
        scope[step] = {}
    inner: dict[str, Any] = scope[step]
    return inner


def get(scope: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = scope
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def put(scope: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        scope = child(scope, step)
    scope[path[-1]] = value


def merge(target: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(target.get(key), dict):
            merge(target[key], value)
        else:
            target[key] = value
