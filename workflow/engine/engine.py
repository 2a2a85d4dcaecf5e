"""The engine: one method a verb. Each holds its instance, moves it from rest to rest, and writes it down.

No verb commits: whoever received the stimulus does. Errors are words of the domain (workflow.errors);
after any error the caller rolls back and nothing has happened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from workflow.bpmn.parsing import Definition
from workflow.engine import definitions, incidents, instances, tasks, timers
from workflow.engine.actions import Choice, FormContext, Registry, registry
from workflow.engine.actors import SYSTEM, Actor
from workflow.engine.step import Step
from workflow.engine.timers import Busy, ClockSource, TimerRow
from workflow.errors import AlreadyDone, NotAllowed
from workflow.schema import Found, Json
from workflow.texts import T


@dataclass(frozen=True)
class OpenForm:
    """What a page needs to show a form: schema, first values and choices."""

    name: str
    schema: Mapping[str, Any]
    values: Mapping[str, Any]
    choices: Mapping[str, list[Choice]]
    paths: Mapping[str, str]


class Engine:
    """All verbs on running cases, inside the caller's session."""

    def __init__(self, session: Session, clocks: ClockSource, words: Registry = registry) -> None:
        self.session = session
        self.clocks = clocks
        self.registry = words
        self.steps: dict[int, Step] = {}  # instances that are between two rests: an action runs in them

    # verbs of people

    def start(
        self,
        key: str,
        *,
        by: Actor,
        data: Mapping[str, Any] | None = None,
        business_key: str | None = None,
        on_behalf_of: str | None = None,
    ) -> int:
        """Begin an instance of the newest version of a process; its id.

        ``data`` is the start form as filled in, or plain start data where the diagram has no form.
        ``on_behalf_of``: for whom, where it is done in somebody else's post.
        NotFound, InvalidForm, Refused.
        """
        if business_key is not None:
            instances.lock_case(self.session.connection(), business_key)
        row = definitions.newest(self.session, key)
        definition = definitions.parsed(self.session, row.id, row.hash, self.registry)
        moment: datetime = self.session.execute(select(func.yz_now())).scalar_one()
        instance_id = instances.add(
            self.session.connection(), definition_id=row.id, business_key=business_key, started_at=moment
        )
        step = self._step(instances.lock(self.session.connection(), instance_id), by)
        step.on_behalf_of = on_behalf_of
        started: dict[str, Json] = dict(data or {})
        if definition.start_form is not None:
            started = step.submit(
                definition.start_form, data or {}, element="start", task_id=None, token=None
            )
        with incidents.told_apart(instance_id, None):
            step.born(started)
        step.close("start", detail={"definition": f"{key}:{row.version}"})
        return step.instance_id

    def complete(self, task_id: int, *, by: Actor, data: Mapping[str, Any]) -> int:
        """Finish a task with its form and run the case to the next rest; the instance's id.

        NotFound, AlreadyDone, InvalidForm, Refused.
        """
        held, task = self._hold_task(task_id, by)
        tasks.must_be_free_for(task, by)
        step = self._step(held, by, task)
        step.restored(held.state)
        values = (
            step.submit(task.form, data, element=task.element, task_id=task.id, token=task.token)
            if task.form
            else {}
        )
        tasks.close(self.session.connection(), task.id, by, step.on_behalf_of, step.moment)
        with incidents.told_apart(step.instance_id, task.element):
            step.finish(task.token, values)
        step.close("complete", element=task.element)
        return step.instance_id

    def claim(self, task_id: int, *, by: Actor) -> None:
        """Take a task for oneself; taking it twice is no error. NotFound, AlreadyDone."""
        held, task = self._hold_task(task_id, by)
        tasks.must_be_open(task)
        if task.assignee == by.key:
            return
        if task.assignee is not None:
            raise AlreadyDone(T("这个任务已由同事签收。"), state="claimed")
        step = self._step(held, by, task)
        tasks.assign(self.session.connection(), task, by.key, step.moment)
        step.note_only(held.state, "claim", element=task.element, detail={})

    def unclaim(self, task_id: int, *, by: Actor) -> None:
        """Give a claimed task back to those it is offered to. NotFound, AlreadyDone, NotAllowed."""
        held, task = self._hold_task(task_id, by)
        tasks.must_be_open(task)
        if task.assignee is None:
            return
        if task.assignee != by.key and "lead" not in by.may:
            raise NotAllowed(T("只有签收人本人或站长可以退回这个任务。"))
        step = self._step(held, by, task)
        tasks.assign(self.session.connection(), task, None, step.moment)
        step.note_only(held.state, "unclaim", element=task.element, detail={"from": task.assignee})

    def reassign(self, task_id: int, *, by: Actor, to: Actor) -> None:
        """Hand a task over to a colleague (转交), or take it back as a leader. NotFound, AlreadyDone."""
        held, task = self._hold_task(task_id, by)
        tasks.must_be_free_for(task, by)
        step = self._step(held, by, task)
        tasks.assign(self.session.connection(), task, to.key, step.moment, handed_by=by.key)
        step.note_only(
            held.state, "reassign", element=task.element, detail={"from": task.assignee, "to": to.key}
        )

    def receive(
        self,
        instance_id: int,
        message: str,
        *,
        by: Actor,
        data: Mapping[str, Json] | None = None,
        on_behalf_of: str | None = None,
    ) -> None:
        """Deliver a message to one case, never to several. NotFound, AlreadyDone when nothing waits."""
        held = self._hold(instance_id)
        step = self._step(held, by)
        step.on_behalf_of = on_behalf_of
        step.restored(held.state)
        known = {name: value for name, value in (data or {}).items() if name in step.definition.names}
        with incidents.told_apart(instance_id, None):
            received = step.execution.receive(message, known)
        if not received:
            raise AlreadyDone(T("这件事项现在不等待这条消息。"), state="not_waiting")
        step.close("receive", detail={"message": message})

    def announce(self, business_key: str, message: str, *, by: Actor) -> list[int]:
        """Deliver a message to every running instance of a case that waits for it; their ids. None need wait.

        Instances that are between two rests themselves (an action runs in them) are passed by.
        """
        received = []
        for instance_id in instances.lock_case(self.session.connection(), business_key):
            if instance_id in self.steps:
                continue
            held = self._hold(instance_id, running=False)
            step = self._step(held, by)
            if held.status != instances.RUNNING or not step.definition.reads_message(message):
                continue
            step.restored(held.state)
            with incidents.told_apart(instance_id, None):
                if not step.execution.receive(message, {}):
                    self.steps.pop(instance_id)
                    continue
            step.close("receive", detail={"message": message})
            received.append(instance_id)
        return received

    def cancel(self, instance_id: int, *, by: Actor, reason: str, on_behalf_of: str | None = None) -> None:
        """End an instance where it stands; its tasks and timers go. NotFound, AlreadyDone."""
        held = self._hold(instance_id)
        step = self._step(held, by)
        step.on_behalf_of = on_behalf_of
        step.restored(held.state)
        step.execution.cancel()
        step.status = instances.CANCELLED
        step.close("cancel", detail={"reason": reason})

    # verbs of the system

    def fire(self, timer_id: int) -> bool:
        """Let a due timer have its effect, once; False when there is nothing (more) to do.

        Busy when the case is held by somebody at this moment.
        """
        connection = self.session.connection()
        timer = timers.take(connection, timer_id)
        if timer is None:
            return False
        try:
            held = instances.lock(connection, timer.instance_id, wait=False)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) == "55P03":
                raise Busy from None
            raise
        if timer.due_at > held.moment:
            return False
        step = self._step(held, SYSTEM)
        step.restored(held.state)
        with incidents.told_apart(step.instance_id, timer.element):
            step.execution.wake(timer.token)
        detail: dict[str, Json] = {"due": timer.due_at.isoformat()}
        if timer.rung:
            detail["rung"] = timer.rung
        step.close("fire", element=timer.element, detail=detail)
        return True

    def rearm(self, instance_id: int, clock: str, *, by: Actor = SYSTEM) -> None:
        """Move what hangs on a clock after it changed: rungs, timers, shown due dates of one instance.

        NotFound. An instance whose diagram names no such clock is left as it is.
        """
        held = self._hold(instance_id, running=False)
        step = self._step(held, by)
        if held.status != instances.RUNNING or not step.definition.reads_clock(clock):
            return
        self.session.flush()
        step.restored(held.state)
        step.moved.add(clock)
        due_at = self.clocks.deadline(self.session, held.business_key, clock)
        step.close("rearm", detail={"clock": clock, "deadline": due_at.isoformat() if due_at else None})

    def clock_moved(self, business_key: str, clock: str, *, by: Actor = SYSTEM) -> None:
        """After a clock of a case changed: move all that hangs on it, in every instance of the case."""
        for instance_id in instances.lock_case(self.session.connection(), business_key):
            if instance_id in self.steps:
                self.steps[instance_id].moved.add(clock)  # it moves its own when it closes
            else:
                self.rearm(instance_id, clock, by=by)

    def retry(self, incident_id: int, *, by: Actor) -> None:
        """Let parked work be tried again at once; its attempts start anew. NotFound, AlreadyDone."""
        incident = incidents.get(self.session, incident_id)
        if incident.resolved_at is not None:
            raise AlreadyDone(T("这个异常已经处理。"), state="resolved")
        held = self._hold(incident.instance_id, running=False)
        incident.resolved_at = self.session.execute(select(func.clock_timestamp())).scalar_one()
        incident.resolved_by = by.key
        if incident.timer_id is not None:
            self.session.execute(
                update(TimerRow)
                .where(TimerRow.id == incident.timer_id)
                .values(parked=False, attempts=0, next_try=func.clock_timestamp())
            )
        self.session.flush()
        step = self._step(held, by)
        step.note_only(held.state, "retry", element=incident.element, detail={"incident": incident.id})

    # forms

    def start_form(self, key: str, *, by: Actor, business_key: str | None = None) -> OpenForm | None:
        """The form that begins a process (for a case); None when it begins without one. NotFound."""
        row = definitions.newest(self.session, key)
        definition = definitions.parsed(self.session, row.id, row.hash, self.registry)
        if definition.start_form is None:
            return None
        moment = self.session.execute(select(func.yz_now())).scalar_one()
        context = FormContext(self.session, None, business_key, {}, by, moment)
        return self._open_form(definition, definition.start_form, context)

    def task_form(self, task_id: int, *, by: Actor) -> OpenForm | None:
        """The form of an open task; None when it has none. NotFound, AlreadyDone."""
        connection = self.session.connection()
        task = tasks.find(connection, task_id, by)
        tasks.must_be_open(task)
        if task.form is None:
            return None
        row = instances.read(connection, task.instance_id)
        step = self._step(row, by, task)
        step.restored(row.state)
        context = FormContext(
            self.session,
            task.instance_id,
            row.business_key,
            step.data_of(task.token),
            by,
            row.moment,
        )
        return self._open_form(step.definition, task.form, context)

    def _open_form(self, definition: Definition, name: str, context: FormContext) -> OpenForm:
        form = definitions.form(definition, name)
        given = self.registry.given(name, context)
        choices = self.registry.chosen_from(form.option_sources, context)
        return OpenForm(name, form.schema, given, choices, form.paths)

    # holding

    def _hold(self, instance_id: int, *, running: bool = True) -> Found:
        held = instances.lock(self.session.connection(), instance_id)
        if running and held.status != instances.RUNNING:
            raise AlreadyDone(T("这件事项已经结束。"), state=held.status)
        return held

    def _hold_task(self, task_id: int, by: Actor) -> tuple[Found, Found]:
        connection = self.session.connection()
        held = instances.lock_by_task(connection, task_id)
        return held, tasks.find(connection, task_id, by)

    def _step(self, held: Found, by: Actor, task: Found | None = None) -> Step:
        step = Step(
            session=self.session,
            engine=self,
            registry=self.registry,
            clocks=self.clocks,
            instance=held,
            definition=definitions.parsed(self.session, held.definition_id, held.hash, self.registry),
            actor=by,
            moment=held.moment,
        )
        if task is not None:
            step.on_behalf_of = by.acts_for(task.candidate, task.assignee)
        return step
