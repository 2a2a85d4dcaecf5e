# mypy: allow-subclassing-any
"""What a running case asks of the world: FEEL, actions, decisions. Never Python: see security.md §1."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from SpiffWorkflow.bpmn.script_engine import BasePythonScriptEngineEnvironment, PythonScriptEngine

from workflow.bpmn import decisions, expressions
from workflow.bpmn.data import plain
from workflow.errors import YizhanError
from workflow.schema import Json
from workflow.texts import T

if TYPE_CHECKING:
    from datetime import datetime

    from workflow.bpmn.execution import Host
    from workflow.bpmn.parsing import Definition

LINE = re.compile(r"\s*([^\W\d]\w*)\s*=(?!=)\s*(\S.*)")


class ConditionFailed(YizhanError):
    """A condition could not be evaluated (unknown variable, wrong type): an incident, not a silent no."""

    def __init__(self, element: str, expression: str, why: str) -> None:
        super().__init__(
            T(
                "“%(element)s”的条件“%(expression)s”无法判断：%(why)s",
                element=element,
                expression=expression,
                why=why,
            )
        )
        self.element = element
        self.expression = expression


class NoWay(ConditionFailed):
    """No condition of a gateway is true and it has no default flow."""

    def __init__(self, element: str) -> None:
        super().__init__(element, "", str(T("没有一条去路的条件成立，也没有默认去路。")))


class BadScript(YizhanError):
    """A line of a script task is not ``name = FEEL``."""

    def __init__(self, line: str) -> None:
        super().__init__(T("脚本行“%(line)s”不是“变量 = 表达式”的形式。", line=line))


def feel(text: str) -> str:
    """The expression without the optional leading equals sign."""
    return text.strip().removeprefix("=").strip()


@lru_cache(maxsize=1024)
def assignments(script: str) -> tuple[tuple[str, str], ...]:
    """The lines of a script task: variable and expression. BadScript."""
    lines = [line for line in script.splitlines() if line.strip() and not line.strip().startswith("//")]
    found = [(line, LINE.fullmatch(line)) for line in lines]
    for line, match in found:
        if match is None:
            raise BadScript(line)
    return tuple((match[1], match[2].strip()) for _, match in found if match)


@lru_cache(maxsize=1024)
def batches(script: str) -> tuple[tuple[tuple[str, str], ...], ...]:
    """Lines that can be evaluated in one call: none reads what another of them assigns."""
    groups: list[list[tuple[str, str]]] = [[]]
    for name, expression in assignments(script):
        earlier = {assigned for assigned, _ in groups[-1]}
        if earlier & (expressions.names(expression) | {name}):
            groups.append([])
        groups[-1].append((name, expression))
    return tuple(tuple(group) for group in groups if group)


class FeelEnvironment(BasePythonScriptEngineEnvironment):
    """For the places of the library that go past the engine straight to its environment."""

    def __init__(self, runtime: Runtime) -> None:
        super().__init__({})
        self.runtime = runtime

    def evaluate(self, expression: str, context: Any, external_context: Any = None) -> Json:
        return self.runtime.value(expression, context)

    def execute(self, script: str, context: Any, external_context: Any = None) -> bool:
        self.runtime.run_script(script, context)
        return True

    def call_service(self, context: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("service tasks call actions")


class Runtime(PythonScriptEngine):
    """One per Execution: the definition, the host, and the warnings of FEEL since the last call."""

    def __init__(self, definition: Definition, host: Host) -> None:
        self.definition = definition
        self.host = host
        self.warnings: list[expressions.Warning_] = []
        super().__init__(FeelEnvironment(self))

    @property
    def moment(self) -> datetime:
        return self.host.moment

    def validate(self, expression: str) -> None:
        """Findings are the work of problems.py; nothing is compiled here."""

    def create_task_exec_exception(self, task: Any, script: str, err: Exception) -> Exception:
        return err

    def value(self, expression: str, data: Mapping[str, Json]) -> Json:
        result = expressions.evaluate(feel(expression), data, moment=self.moment)
        self.warnings += result.warnings
        return result.value

    def evaluate(self, task: Any, expression: str, external_context: Any = None) -> Json:
        return self.value(expression, task.data)

    def execute(self, task: Any, script: str, external_context: Any = None) -> bool:
        self.run_script(script, task)
        return True

    def run_script(self, script: str, token: Any) -> None:
        for batch in batches(script):
            data = token.data
            results = expressions.evaluate_many(
                [(expression, data) for _, expression in batch], moment=self.moment
            )
            for result in results:
                self.warnings += result.warnings
            values = {name: result.value for (name, _), result in zip(batch, results, strict=True)}
            token.scope.write(self.admit(values))

    def conditions(self, token: Any, texts: Sequence[str]) -> list[expressions.Result]:
        """All conditions of a gateway in one call of the isolate."""
        if not texts:
            return []
        data = token.data
        try:
            return expressions.evaluate_many([(feel(text), data) for text in texts], moment=self.moment)
        except expressions.FeelError as error:
            element = token.task_spec.bpmn_name or token.task_spec.bpmn_id
            raise ConditionFailed(element, " | ".join(texts), str(error)) from error

    def holds(self, token: Any, text: str, result: expressions.Result) -> bool:
        """Whether a condition is exactly true. ConditionFailed if it could not be evaluated."""
        if result.warnings:
            element = token.task_spec.bpmn_name or token.task_spec.bpmn_id
            raise ConditionFailed(element, text, "; ".join(w.message for w in result.warnings))
        return result.value is True

    def admit(self, data: Mapping[str, object]) -> dict[str, Json]:
        """What may become a variable: plain values of names that the definition reads. InvalidData."""
        return plain(self.definition.keep(data))

    def act(self, token: Any) -> None:
        element = self.definition.elements[token.task_spec.bpmn_id]
        if element.action is not None:
            token.scope.write(self.admit(self.host.act(element.action, element, dict(token.data))))

    def decide(self, token: Any) -> None:
        """Outputs become variables; a table that collects gives a list for each output."""
        element = self.definition.elements[token.task_spec.bpmn_id]
        decision = self.definition.decisions[element.decision or ""]
        found = decisions.decide(decision, token.data, moment=self.moment)
        if isinstance(found, list):
            names = {name for row in found for name in row}
            found = {name: [row.get(name) for row in found] for name in names}
        token.scope.write(self.admit(found))
