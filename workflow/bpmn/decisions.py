"""Decision tables: DMN read by a small reader of our own, cells and outputs are FEEL.

Hit policies: UNIQUE (two rules that fit are an error), FIRST, ANY (they must agree), COLLECT (a list).
PRIORITY, OUTPUT ORDER, RULE ORDER and aggregation are refused when checked, as are decisions that need
other decisions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from lxml import etree

from workflow.bpmn import expressions, xml
from workflow.bpmn.expressions import Warning_
from workflow.schema import Json
from workflow.texts import T, Text

POLICIES = ("UNIQUE", "FIRST", "ANY", "COLLECT")
NAMESPACES = ("https://www.omg.org/spec/DMN/", "http://www.omg.org/spec/DMN/")


class DecisionError(Exception):
    """The table cannot be read, or two of its rules contradict each other."""


@dataclass(frozen=True)
class Rule:
    id: str
    cells: tuple[str, ...]
    outputs: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Decision:
    """One table. ``outputs`` are the names that become variables."""

    id: str
    name: str
    policy: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    rules: tuple[Rule, ...]

    @property
    def inputs_read(self) -> frozenset[str]:
        """Every name its input expressions, cells and output entries read from the data."""
        found: set[str] = set()
        for expression, unary in self.expressions():
            found |= expressions.names(expression, unary=unary)
        return frozenset(found - {"?"})

    def expressions(self) -> Iterator[tuple[str, bool]]:
        """(FEEL, is it a unary test) of the whole table."""
        yield from ((expression, False) for expression in self.inputs)
        for rule in self.rules:
            yield from ((cell, True) for cell in rule.cells if cell != "-")
            yield from ((output, False) for output in rule.outputs)


@dataclass(frozen=True)
class Flaw:
    """What is wrong in a DMN file; ``problems.find`` makes findings of them."""

    code: str
    element: str | None
    line: int | None
    text: Text


def parse_dmn(data: bytes) -> dict[str, Decision]:
    """All decisions of a file by id. DecisionError with the first flaw."""
    decisions, flaws = read_dmn(data)
    if flaws:
        raise DecisionError(str(flaws[0].text))
    return decisions


def read_dmn(data: bytes) -> tuple[dict[str, Decision], list[Flaw]]:
    """All decisions that can be read, and all flaws: never raises for what is in the file."""
    try:
        root = xml.read(data)
    except xml.Unreadable as error:
        return {}, [Flaw(error.code, None, error.line, error.text)]
    if xml.local(root) != "definitions" or not (root.nsmap.get(root.prefix) or "").startswith(NAMESPACES):
        return {}, [Flaw("wrong_root", None, root.sourceline, T("文件的根元素不是 DMN 的 definitions。"))]
    flaws: list[Flaw] = []
    decisions: dict[str, Decision] = {}
    for element in _children(root, "decision"):
        decision = _decision(element, flaws)
        if decision and decision.id in decisions:
            flaws.append(_flaw("duplicate_id", element, T("编号“%(id)s”重复。", id=decision.id)))
        elif decision:
            decisions[decision.id] = decision
    return decisions, flaws


def decide(
    decision: Decision,
    data: Mapping[str, Json],
    *,
    moment: datetime,
    warn: Callable[[Warning_], object] | None = None,
) -> dict[str, Json] | list[dict[str, Json]]:
    """The outputs by name (COLLECT: one such dict a fitting rule), by one isolate call. Without a fitting
    rule every output is null, and ``warn`` hears NO_RULE_MATCHED. DecisionError, FeelError."""
    rules = [(rule.cells, rule.outputs) for rule in decision.rules]
    hits, warnings = expressions.match_rules(
        decision.inputs, rules, data, first=decision.policy == "FIRST", moment=moment
    )
    rows = [dict(zip(decision.outputs, values, strict=True)) for _, values in hits]
    warn = warn or (lambda warning: None)
    for warning in warnings:
        warn(warning)
    if decision.policy == "COLLECT":
        return rows
    if not rows:
        warn(Warning_("NO_RULE_MATCHED", decision.id))
        return dict.fromkeys(decision.outputs)
    if decision.policy == "UNIQUE" and len(rows) > 1:
        raise DecisionError(f"{decision.id}: rules {_numbers(hits)} overlap")
    if decision.policy == "ANY" and any(row != rows[0] for row in rows):
        raise DecisionError(f"{decision.id}: rules {_numbers(hits)} disagree")
    return rows[0]


def _numbers(hits: list[tuple[int, list[Json]]]) -> str:
    return ", ".join(str(index + 1) for index, _ in hits)


def _decision(element: etree._Element, flaws: list[Flaw]) -> Decision | None:
    key = element.get("id")
    if not key:
        flaws.append(_flaw("missing_id", element, T("决策缺少编号（id）。")))
        return None
    table = next(_children(element, "decisionTable"), None)
    if table is None:
        flaws.append(_flaw("bad_decision", element, T("决策“%(id)s”不是决策表。", id=key)))
        return None
    if element.find("{*}informationRequirement/{*}requiredDecision") is not None:
        text = T("决策“%(id)s”依赖另一决策，暂不支持。", id=key)
        flaws.append(_flaw("unsupported_element", element, text))
    policy = table.get("hitPolicy", "UNIQUE")
    if policy not in POLICIES or table.get("aggregation"):
        text = T("不支持命中策略“%(policy)s”。", policy=f"{policy} {table.get('aggregation', '')}".strip())
        flaws.append(_flaw("bad_hit_policy", table, text, key))
    inputs = tuple(
        _text(next(_children(column, "inputExpression"), None)) for column in _children(table, "input")
    )
    outputs = _outputs(table, key, flaws)
    rules = tuple(_rule(row, len(inputs), len(outputs), key, flaws) for row in _children(table, "rule"))
    decision = Decision(key, element.get("name", key), policy, inputs, outputs, rules)
    _check_expressions(decision, table, flaws)
    return decision


def _outputs(table: etree._Element, key: str, flaws: list[Flaw]) -> tuple[str, ...]:
    columns = list(_children(table, "output"))
    outputs = tuple(column.get("name") or (key if len(columns) == 1 else "") for column in columns)
    named = all(expressions.NAME.fullmatch(name) for name in outputs)
    if not outputs or not named or len(set(outputs)) < len(outputs):
        text = T("决策“%(id)s”的每一输出列都要有自己的名称（字母、汉字、数字和下划线）。", id=key)
        flaws.append(_flaw("bad_decision", table, text, key))
    return outputs


def _rule(row: etree._Element, inputs: int, outputs: int, key: str, flaws: list[Flaw]) -> Rule:
    cells = tuple(_text(cell) or "-" for cell in _children(row, "inputEntry"))
    results = tuple(_text(cell) or "null" for cell in _children(row, "outputEntry"))
    if len(cells) != inputs or len(results) != outputs:
        text = T("决策“%(id)s”有一行的格数与列数不符。", id=key)
        flaws.append(_flaw("bad_decision", row, text, key))
    return Rule(row.get("id", ""), cells, results, row.sourceline or 0)


def _check_expressions(decision: Decision, table: etree._Element, flaws: list[Flaw]) -> None:
    """Syntax and functions only: which names are known is for the one to say who knows the diagram."""
    expressions.prepare(decision.expressions())
    for line, expression, unary in _placed(decision, table):
        for problem in expressions.problems(expression, known=_Everything(), unary=unary):
            flaws.append(Flaw("bad_expression", decision.id, line, problem.text))


def _placed(decision: Decision, table: etree._Element) -> Iterator[tuple[int | None, str, bool]]:
    yield from ((table.sourceline, expression, False) for expression in decision.inputs)
    for rule in decision.rules:
        yield from ((rule.line, cell, True) for cell in rule.cells if cell != "-")
        yield from ((rule.line, output, False) for output in rule.outputs)


class _Everything:
    def __contains__(self, name: object) -> bool:
        return True


def _flaw(code: str, element: etree._Element, text: Text, key: str | None = None) -> Flaw:
    return Flaw(code, key or element.get("id"), element.sourceline, text)


def _children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    return (child for child in element if xml.local(child) == name)


def _text(element: etree._Element | None) -> str:
    text = next(_children(element, "text"), None) if element is not None else None
    return (text.text or "").strip() if text is not None else ""
