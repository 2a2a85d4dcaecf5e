"""One step: a case is taken from its rest, something happens, and where it comes to rest is written down.

The step is what the diagram talks to while it runs (the ``Host`` of workflow.bpmn.execution).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.engine import Connection
from sqlalchemy.orm import Session

from workflow.bpmn.decisions import decide
from workflow.bpmn.execution import Execution, OpenTask, Wakeup
from workflow.bpmn.parsing import Definition, Element
from workflow.bpmn.timers import TimerWords
from workflow.engine import definitions, history, instances, submissions, tasks, timers
from workflow.engine.actions import ActionContext, FormContext, Registry
from workflow.engine.actors import Actor
from workflow.engine.timers import ClockSource
from workflow.errors import Refused
from workflow.schema import Found, Json
from workflow.texts import T, Text


class Step:
    """An instance held by its lock, from one rest to the next. Flushes, never commits."""

    def __init__(
        self,
        *,
        session: Session,
        engine: Any,
        registry: Registry,
        clocks: ClockSource,
        instance: Found,
        definition: Definition,
        actor: Actor,
        moment: datetime,
    ) -> None:
        self.session = session
        self.engine = engine
        self.registry = registry
        self.clocks = clocks
        self.definition = definition
        self.actor = actor
        self.on_behalf_of: str | None = None
        self.moment = moment
        self.instance_id: int = instance.id
        self.business_key: str | None = instance.business_key
        self.status: str = instance.status
        self.submission: Mapping[str, Any] = {}
        self._was: int = instance.version
        self._seq: int = instance.seq
        self._head: bytes = instance.head
        self._kept_clocks: dict[str, datetime | None] = {}
        self._notes: dict[str, Json] = {}
        self.moved: set[str] = set()  # clocks that changed in this step
        self.execution: Execution
        self._tasks_before: dict[str, OpenTask] = {}
        self._timers_before: dict[str, datetime] = {}

    # taking the case up

    def born(self, data: Mapping[str, Json]) -> None:
        """Start the diagram; nothing rests yet."""
        self.engine.steps[self.instance_id] = self
        self.execution = Execution.start(self.definition, self, data)

    def restored(self, state: bytes) -> None:
        """Take the case up where it rests."""
        self.engine.steps[self.instance_id] = self
        self.execution = Execution.restore(self.definition, self, state)
        self._tasks_before = {task.token: task for task in self.execution.tasks}
        self._timers_before = {timer.token: timer.due_at for timer in self.execution.timers}

    def data_of(self, token: str) -> Mapping[str, Json]:
        """The variables that an open task sees."""
        task = self._tasks_before.get(token)
        return task.data if task else {}

    def finish(self, token: str, data: Mapping[str, Json]) -> None:
        """Complete an open task whose row the caller has closed."""
        self._tasks_before.pop(token)
        self.execution.complete(token, data)

    # forms

    def submit(
        self,
        form_name: str,
        filled: Mapping[str, Any],
        *,
        element: str,
        task_id: int | None,
        token: str | None,
    ) -> dict[str, Json]:
        """Check and keep a form; what the diagram reads of it. InvalidForm."""
        form = definitions.form(self.definition, form_name)
        data = self.data_of(token) if token else {}
        context = FormContext(
            self.session, self.instance_id, self.business_key, data, self.actor, self.moment
        )
        given = plain(self.registry.given(form_name, context))
        choices = self.registry.chosen_from(form.option_sources, context)
        cleaned = plain(form.load(filled, given=given, options=choices, context=data, moment=self.moment))
        self.submission = cleaned
        kept = {key: value for key, value in cleaned.items() if key not in form.personal}
        self._notes["form"] = submissions.add(
            self.session.connection(),
            instance_id=self.instance_id,
            task_id=task_id,
            element=element,
            form=form_name,
            data=kept,
            actor=self.actor.key,
            at=self.moment,
        )
        return {key: value for key, value in kept.items() if key in self.definition.names}

    # what the diagram asks while it runs

    def act(self, action: str, element: Element, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """Run an action of the station in this transaction; only its declared outputs come back."""
        word = self.registry.actions.get(action)
        if word is None:
            raise Refused(T("流程图使用了本站没有的动作“%(action)s”。", action=action))
        context = ActionContext(
            session=self.session,
            engine=self.engine,
            instance_id=self.instance_id,
            element=element.id,
            actor=self.actor,
            on_behalf_of=self.on_behalf_of,
            moment=self.moment,
            data=data,
            submission=self.submission,
            business_key=self.business_key,
        )
        result = word.run(context, **{name: data.get(name) for name in word.inputs}) or {}
        self.business_key = context.business_key
        self._kept_clocks.clear()
        if context.notes:
            self._notes.update(context.notes)
        return {name: value for name, value in result.items() if name in word.outputs}

    def due(self, timer: TimerWords, data: Mapping[str, Json]) -> datetime | None:
        """When a timer in the station's own words is due; None = it does not apply."""
        if timer.clock is not None and timer.rung is not None:
            table = self.definition.decisions[timer.table] if timer.table else None

            def look_up(facts: Mapping[str, Json]) -> Mapping[str, Json]:
                found = decide(table, facts, moment=self.moment) if table else {}
                return found if isinstance(found, Mapping) else {}

            return self.clocks.rung(self.session, self.business_key, timer.clock, timer.rung, look_up)
        if timer.clock is not None:
            return self._clock(timer.clock)
        assert timer.limit_value is not None and timer.limit_unit is not None
        return self.clocks.after(self.session, self.moment, timer.limit_value, timer.limit_unit)

    def _clock(self, clock: str) -> datetime | None:
        if clock not in self._kept_clocks:
            self._kept_clocks[clock] = self.clocks.deadline(self.session, self.business_key, clock)
        return self._kept_clocks[clock]

    # writing down

    def close(
        self, kind: str, *, element: str | None = None, detail: Mapping[str, Json] | None = None
    ) -> None:
        """Write the new rest: tasks, timers, history and the instance itself."""
        self.session.flush()
        connection = self.session.connection()
        execution = self.execution
        for clock in sorted(self.moved):
            execution.rearm(clock)
            tasks.move_due(connection, self.instance_id, clock, self._clock(clock))
        if execution.ended and self.status == instances.RUNNING:
            self.status = instances.ENDED
        self._write_tasks(connection)
        self._write_timers(connection)
        facts: dict[str, Json] = {**(detail or {}), **self._notes}
        path = execution.path()
        if path:
            facts["path"] = list(path)
        warnings = execution.warnings()
        if warnings:
            facts["warnings"] = [str(warning) for warning in warnings]
        self._write_line(connection, kind, element, facts)
        self._write_instance(connection, execution.save())
        self.engine.steps.pop(self.instance_id, None)

    def note_only(self, state: bytes, kind: str, *, element: str | None, detail: Mapping[str, Json]) -> None:
        """Write a line of history for something that leaves the diagram where it is (claim, hand over)."""
        connection = self.session.connection()
        self._write_line(connection, kind, element, detail)
        self._write_instance(connection, state)

    def _write_line(
        self, connection: Connection, kind: str, element: str | None, detail: Mapping[str, Json]
    ) -> None:
        self._seq += 1
        line = history.line(
            self._head,
            instance_id=self.instance_id,
            seq=self._seq,
            at=self.moment,
            actor=self.actor.key,
            on_behalf_of=self.on_behalf_of,
            kind=kind,
            element=element,
            detail=detail,
        )
        self._head = line["hash"]
        history.add(connection, [line])

    def _write_instance(self, connection: Connection, state: bytes) -> None:
        ended = self.status != instances.RUNNING
        instances.write(
            connection,
            instance=self.instance_id,
            was=self._was,
            version=self._was + 1,
            state=state,
            status=self.status,
            seq=self._seq,
            head=self._head,
            business_key=self.business_key,
            ended_at=self.moment if ended else None,
        )
        self._was += 1

    def _write_tasks(self, connection: Connection) -> None:
        now = {task.token: task for task in self.execution.tasks}
        gone = self._tasks_before.keys() - now.keys()
        if gone:
            tasks.drop(connection, self.instance_id, gone, self.moment)
        new = [self._task_row(task) for token, task in now.items() if token not in self._tasks_before]
        if new:
            tasks.add(connection, new)

    def _task_row(self, task: OpenTask) -> dict[str, Any]:
        element = task.element
        clock, due_at = None, task.due_at
        if due_at is not None:
            pass  # the diagram has reckoned it
        elif element.due and element.due.startswith("clock:"):
            clock = element.due.removeprefix("clock:")
            due_at = self._clock(clock)
        elif element.due:
            value, _, unit = element.due.partition(" ")
            due_at = self.clocks.after(self.session, self.moment, float(value), unit)
        return {
            "instance_id": self.instance_id,
            "token": task.token,
            "element": element.id,
            "name": element.name,
            "form": element.form,
            "candidate": task.candidate,
            "excluded": list(task.excluded) or None,
            "status": tasks.OPEN,
            "clock": clock,
            "due_at": due_at,
            "created_at": self.moment,
        }

    def _write_timers(self, connection: Connection) -> None:
        now: dict[str, Wakeup] = {timer.token: timer for timer in self.execution.timers}
        gone = self._timers_before.keys() - now.keys()
        if gone:
            timers.drop(connection, self.instance_id, gone)
        new = [
            {
                "instance_id": self.instance_id,
                "token": timer.token,
                "element": timer.element.id,
                "clock": timer.clock,
                "rung": timer.rung,
                "due_at": timer.due_at,
            }
            for token, timer in now.items()
            if token not in self._timers_before
        ]
        if new:
            timers.add(connection, new, self.moment)
        for token, timer in now.items():
            if token in self._timers_before and self._timers_before[token] != timer.due_at:
                timers.move(connection, self.instance_id, token, timer.due_at, self.moment)


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Values as plain JSON: dates as ISO text, decimals as numbers, texts in the language of the files."""
    return {key: _plain(value) for key, value in data.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, Text):
        return value.say()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value
