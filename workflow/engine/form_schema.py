"""A form-js schema as a tree of our own, and everything that is wrong with one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workflow.bpmn import expressions
from workflow.engine.form_fields import INPUTS, pattern_problem
from workflow.engine.form_values import FORBIDDEN
from workflow.texts import T, Text

SCHEMA_VERSION = 19
SHOWN_ONLY = frozenset(
    ("text", "html", "image", "iframe", "spacer", "separator", "button", "table", "documentPreview")
)
CONTAINERS = frozenset(("group", "dynamiclist"))
OPTIONS = frozenset(("select", "radio", "checklist", "taglist"))
PERSONAL = frozenset(("name", "phone", "email", "address", "identity", "text"))
MOST_BYTES = 2 * 1024 * 1024
MOST_COMPONENTS = 1000
MOST_STEPS = 8  # of a key such as 'client.address.street'
FORMULAS = ("min", "max", "minLength", "maxLength")


@dataclass(frozen=True)
class Component:
    """``path``: the steps from the enclosing scope (form or row) to its value; () where it has none."""

    id: str
    type: str
    path: tuple[str, ...]
    raw: Mapping[str, Any]
    children: tuple[Component, ...] = ()

    @property
    def hide(self) -> str | None:
        return _mapping(self.raw.get("conditional")).get("hide") or None

    @property
    def rules(self) -> Mapping[str, Any]:
        return _mapping(self.raw.get("validate"))

    def formulas(self) -> Iterator[tuple[str, str]]:
        """(what for, FEEL) of everything that is worked out when the form is filled in, but its hiding."""
        if self.type == "expression" and self.raw.get("expression"):
            yield "expression", self.raw["expression"]
        for name in FORMULAS:
            if _is_formula(self.rules.get(name)):
                yield name, self.rules[name]
        for name in ("readonly", "valuesExpression"):
            if _is_formula(self.raw.get(name)):
                yield name, self.raw[name]


@dataclass(frozen=True)
class FormProblem:
    """``code``: bad_form | unknown_component | duplicate_key | bad_expression | bad_pattern …"""

    code: str
    component: str | None
    text: Text

    def __str__(self) -> str:
        return str(self.text)


def form_problems(source: bytes | str | Mapping[str, Any]) -> list[FormProblem]:
    """All that is wrong with a form's schema, at once; [] for a good one. Never raises."""
    return read(source)[2]


def read(
    source: bytes | str | Mapping[str, Any],
) -> tuple[dict[str, Any], tuple[Component, ...], list[FormProblem]]:
    """(schema, its components, what is wrong)."""
    if isinstance(source, bytes | str) and len(source) > MOST_BYTES:
        return {}, (), [FormProblem("too_large", None, T("文件超过 2 MB。"))]
    try:
        schema = json.loads(source) if isinstance(source, bytes | str) else dict(source)
    except (ValueError, RecursionError):
        return {}, (), [FormProblem("bad_form", None, T("表单文件不是正确的 JSON。"))]
    if not isinstance(schema, dict) or not isinstance(schema.get("components"), list):
        return {}, (), [FormProblem("bad_form", None, T("表单缺少组件列表（components）。"))]
    if _how_many(schema["components"]) > MOST_COMPONENTS:
        text = T("表单的组件超过 %(count)s 个。", count=MOST_COMPONENTS)
        return {}, (), [FormProblem("too_large", None, text)]
    found: list[FormProblem] = []
    version = schema.get("schemaVersion", SCHEMA_VERSION)
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        found.append(FormProblem("bad_form", None, T("不支持表单版本 %(version)s。", version=version)))
    ids: set[str] = set()
    components = _components(schema["components"], found, ids, {}, 0)
    return schema, components, found


def _how_many(components: Any) -> int:
    """Components at every depth, before any of them is looked at."""
    waiting, number = [components], 0
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, list):
            number += len(inner)
            waiting += [one.get("components") for one in inner if isinstance(one, dict)]
    return number


def _components(
    raw: list[Any], found: list[FormProblem], ids: set[str], keys: dict[tuple[str, ...], str], depth: int,
    prefix: tuple[str, ...] = (),
) -> tuple[Component, ...]:  # fmt: skip
    read: list[Component] = []
    if depth > 8:
        found.append(FormProblem("bad_form", None, T("表单嵌套过深。")))
        return ()
    for item in raw:
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            found.append(FormProblem("bad_form", None, T("表单中有一个组件没有类型（type）。")))
            continue
        component = _component(item, found, ids, keys, depth, prefix)
        if component is not None:
            read.append(component)
    return tuple(read)


def _component(
    item: dict[str, Any], found: list[FormProblem], ids: set[str], keys: dict[tuple[str, ...], str],
    depth: int, prefix: tuple[str, ...],
) -> Component | None:  # fmt: skip
    kind, name = item["type"], str(item.get("id") or item.get("key") or item.get("path") or "")

    def say(code: str, text: Text) -> None:
        found.append(FormProblem(code, name, text))

    if kind not in INPUTS and kind not in SHOWN_ONLY and kind not in CONTAINERS and kind != "expression":
        say("unknown_component", T("不支持组件类型“%(type)s”。", type=kind))
        return None
    if name in ids:
        say("duplicate_id", T("组件编号“%(id)s”重复。", id=name))
    ids.add(name)
    key = item.get("path" if kind in CONTAINERS else "key") or ""
    path = tuple(str(key).split(".")) if key and kind not in SHOWN_ONLY else ()
    if not path and kind not in SHOWN_ONLY and kind != "group":
        say("missing_key", T("组件“%(id)s”缺少字段名（key 或 path）。", id=name))
        return None
    if path and (len(path) > MOST_STEPS or FORBIDDEN in path or not all(_usable(step) for step in path)):
        say("reserved_key", T("字段名“%(key)s”不能使用。", key=".".join(path)))
    if path and kind != "group":
        _claim(prefix + path, keys, say)
    _check_details(item, kind, (depth > 0 and bool(prefix)) or len(path) > 1, say)
    children: tuple[Component, ...] = ()
    if kind in CONTAINERS:
        inner = item.get("components")
        below = keys if kind == "group" else {}
        steps = prefix + path if kind == "group" else ("*",)
        children = _components(inner if isinstance(inner, list) else [], found, ids, below, depth + 1, steps)
    component = Component(name, kind, path, item, children)
    _check_feel(component, say)
    return component


def _claim(path: tuple[str, ...], keys: dict[tuple[str, ...], str], say: Any) -> None:
    """A key may stand once in its scope, and no value may lie below another's."""
    clash = any(path[: len(other)] == other or other[: len(path)] == path for other in keys)
    if clash:
        say("duplicate_key", T("字段名“%(key)s”重复。", key=".".join(path)))
    keys[path] = path[-1]


def _check_details(item: Mapping[str, Any], kind: str, nested: bool, say: Any) -> None:
    validate = item.get("validate") or {}
    if not isinstance(validate, dict) or not isinstance(item.get("conditional") or {}, dict):
        say("bad_form", T("组件“%(id)s”的校验设置不正确。", id=item.get("id", "")))
        return
    pattern = validate.get("pattern")
    problem = pattern_problem(str(pattern)) if pattern else None
    if problem:
        say("bad_pattern", problem)
    for name in FORMULAS:
        limit = validate.get(name)
        if limit is not None and not _is_formula(limit) and not _is_number(limit):
            say("bad_form", T("“%(name)s”不是数字。", name=name))
    sources = [name for name in ("values", "valuesKey", "valuesExpression") if item.get(name)]
    if kind in OPTIONS and len(sources) != 1:
        say("missing_options", T("组件“%(id)s”要有且只有一种选项来源。", id=item.get("id", "")))
    personal = _mapping(item.get("properties")).get("personal")
    if personal is not None and (not isinstance(personal, str) or personal not in PERSONAL):
        say("bad_personal", T("未知的个人信息种类“%(kind)s”。", kind=personal))
    if personal is not None and nested:
        say("bad_personal", T("个人信息字段只能放在表单最外层。"))


def _check_feel(component: Component, say: Any) -> None:
    """Syntax and functions; names cannot be known here (a form also reads the case's data)."""
    hide = [("hide", component.hide)] if component.hide else []
    for _, formula in [*hide, *component.formulas()]:
        if not isinstance(formula, str):
            say("bad_expression", T("组件“%(id)s”的条件不是表达式。", id=component.id))
            continue
        for problem in expressions.problems(formula, known=expressions.names(formula)):
            say("bad_expression", problem.text)


def _usable(step: str) -> bool:
    return bool(expressions.NAME.fullmatch(step)) and not step.startswith("__")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_formula(value: Any) -> bool:
    return isinstance(value, str) and value.lstrip().startswith("=")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
