"""What may stand in a case's variables: flat plain JSON, checked at every door."""

from __future__ import annotations

import math
from collections.abc import Mapping

from workflow.errors import YizhanError
from workflow.schema import Json
from workflow.texts import T

LARGEST = 2**63 - 1
FORBIDDEN = "typename"  # a key of this name can make a stored case unloadable


class InvalidData(YizhanError):
    """A variable is not a scalar or a list of scalars of plain JSON."""


def plain(data: Mapping[str, object]) -> dict[str, Json]:
    """A copy of the variables. InvalidData: msgpack would silently turn dates and sets into others."""
    return {_name(name): _value(name, value) for name, value in data.items()}


def _name(name: object) -> str:
    if not isinstance(name, str) or not name or name == FORBIDDEN:
        raise InvalidData(T("变量名“%(name)s”不能使用。", name=name))
    return name


def _value(name: str, value: object) -> Json:
    if isinstance(value, list | tuple):
        return [_scalar(name, item) for item in value]
    return _scalar(name, value)


def _scalar(name: str, value: object) -> Json:
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return value  # type: ignore[return-value]
    if kind is int and -LARGEST <= value <= LARGEST:  # type: ignore[operator]
        return value  # type: ignore[return-value]
    if kind is float and math.isfinite(value):  # type: ignore[arg-type]
        return value  # type: ignore[return-value]
    raise InvalidData(T("变量“%(name)s”的值不是简单的文字、数字、是否或它们的列表。", name=name))
