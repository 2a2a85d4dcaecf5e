"""Each verb of the engine: what it does, what it refuses, and what it leaves behind."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.engine.conftest import CLERK, COLLEAGUE, HEAD, STAND_IN, STRANGER, after
from workflow.engine import history, incidents, instances, tasks
from workflow.engine.incidents import StepFailed
from workflow.engine.instances import InstanceRow
from workflow.engine.submissions import SubmissionRow
from workflow.engine.tasks import TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import AlreadyDone, InvalidForm, NotAllowed, NotFound, Refused
from workflow.texts import T

PT1H = after("PT1H")
PT5H = after("PT5H")
ITEM_LATE = '<bpmn:timerEventDefinition yz:clock="item" yz:rung="late"/>'
MESSAGE_M = '<bpmn:messageEventDefinition messageRef="m"/>'
ONE_TASK = """
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" yz:position="intake"/>
<bpmn:endEvent id="done"/>
begin->look
look->done
"""
FORM = {
    "type": "default",
    "schemaVersion": 19,
    "components": [
        {"type": "textfield", "id": "f1", "key": "name", "label": "姓名", "properties": {"personal": "name"}},
        {
            "type": "textfield",
            "id": "f2",
            "key": "word",
            "label": "意见",
            "validate": {"required": True},
        },
    ],
}
WITH_FORM = """
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" yz:position="intake" yz:form="tiny/look"/>
<bpmn:exclusiveGateway id="which" default="f_which_no"/>
<bpmn:userTask id="yes" name="同意" yz:position="technician"/>
<bpmn:endEvent id="no"/>
<bpmn:endEvent id="done"/>
begin->look
look->which
which->yes if = word = "好"
which->no
yes->done
"""
FILES = {"tiny/look.form": json.dumps(FORM).encode()}


def open_tasks(session):
    return list(session.scalars(select(TaskRow).where(TaskRow.status == tasks.OPEN).order_by(TaskRow.id)))


def only_task(session):
    (task,) = open_tasks(session)
    return task


def kinds(session, instance):
    return [line.kind for line in history.of(session, instance)]


def test_a_started_process_rests_at_its_first_task(engine, session, deploy):
    deploy(ONE_TASK)
    instance = engine.start("tiny", by=CLERK)
    task = only_task(session)
    assert (task.instance_id, task.element, task.name, task.candidate) == (
        instance,
        "look",
        "看材料",
        "intake",
    )
    assert kinds(session, instance) == ["start"]


def test_a_completed_task_ends_the_process(engine, session, deploy):
    deploy(ONE_TASK)
    instance = engine.start("tiny", by=CLERK)
    task = only_task(session).id
    engine.complete(task, by=CLERK, data={})
    session.expire_all()
    assert session.get_one(InstanceRow, instance).status == instances.ENDED
    assert session.get_one(TaskRow, task).status == tasks.DONE
    assert history.verify(session) == []


def test_a_form_steers_the_process_and_its_personal_field_goes_no_further(engine, session, deploy):
    deploy(WITH_FORM, files=FILES)
    instance = engine.start("tiny", by=CLERK)
    engine.complete(only_task(session).id, by=CLERK, data={"name": "王小明", "word": "好"})
    assert only_task(session).element == "yes"
    assert session.scalars(select(SubmissionRow.data)).one() == {"word": "好"}
    assert "王小明" not in str([line.detail for line in history.of(session, instance)])
    assert "王小明".encode() not in session.get_one(InstanceRow, instance).state


def test_a_form_with_a_mistake_changes_nothing(engine, session, deploy):
    deploy(WITH_FORM, files=FILES)
    engine.start("tiny", by=CLERK)
    session.commit()
    with pytest.raises(InvalidForm) as caught:
        engine.complete(only_task(session).id, by=CLERK, data={"name": "王小明", "word": ""})
    session.rollback()
    assert list(caught.value.errors) == ["word"]
    assert only_task(session).element == "look"


def test_a_task_can_be_completed_only_once(engine, session, deploy):
    deploy(ONE_TASK)
    engine.start("tiny", by=CLERK)
    task = only_task(session).id
    engine.complete(task, by=CLERK, data={})
    with pytest.raises(AlreadyDone) as caught:
        engine.complete(task, by=CLERK, data={})
    assert caught.value.state == tasks.DONE


def test_a_stranger_finds_no_task(engine, session, deploy):
    deploy(ONE_TASK)
    engine.start("tiny", by=CLERK)
    task = only_task(session).id
    for verb in (
        lambda: engine.complete(task, by=STRANGER, data={}),
        lambda: engine.claim(task, by=STRANGER),
        lambda: engine.task_form(task, by=STRANGER),
    ):
        with pytest.raises(NotFound):
            verb()


def test_a_claimed_task_is_closed_to_colleagues_until_it_is_given_back(engine, session, deploy):
    deploy(ONE_TASK)
    instance = engine.start("tiny", by=CLERK)
    task = only_task(session).id
    engine.claim(task, by=CLERK)
    with pytest.raises(AlreadyDone) as caught:
        engine.claim(task, by=COLLEAGUE)
    assert caught.value.state == "claimed"
    with pytest.raises(NotAllowed):
        engine.unclaim(task, by=COLLEAGUE)
    engine.unclaim(task, by=CLERK)
    engine.claim(task, by=COLLEAGUE)
    assert kinds(session, instance) == ["start", "claim", "unclaim", "claim"]
    assert history.verify(session) == []


def test_claiming_twice_is_no_mistake(engine, session, deploy):
    deploy(ONE_TASK)
    instance = engine.start("tiny", by=CLERK)
    task = only_task(session).id
    engine.claim(task, by=CLERK)
    engine.claim(task, by=CLERK)
    assert kinds(session, instance) == ["start", "claim"]


def test_a_task_handed_over_belongs_to_the_colleague(engine, session, deploy):
    deploy(ONE_TASK)
    engine.start("tiny", by=CLERK)
    task = only_task(session).id
    engine.reassign(task, by=CLERK, to=STRANGER)
    engine.complete(task, by=STRANGER, data={})
    session.expire_all()
    assert session.get_one(TaskRow, task).actor == STRANGER.key


def test_a_head_may_take_a_claimed_task_back(engine, session, deploy):
    deploy(ONE_TASK)
    engine.start("tiny", by=CLERK)
    task = only_task(session).id
    engine.claim(task, by=CLERK)
    engine.reassign(task, by=HEAD, to=COLLEAGUE)
    session.expire_all()
    assert session.get_one(TaskRow, task).assignee == COLLEAGUE.key


def test_who_acts_for_somebody_stands_beside_that_name(engine, session, deploy):
    deploy(ONE_TASK)
    instance = engine.start("tiny", by=CLERK)
    task = only_task(session).id
    engine.complete(task, by=STAND_IN, data={})
    session.expire_all()
    row = session.get_one(TaskRow, task)
    assert (row.actor, row.on_behalf_of) == (STAND_IN.key, CLERK.key)
    line = history.of(session, instance)[-1]
    assert (line.actor, line.on_behalf_of) == (STAND_IN.key, CLERK.key)


def test_a_stand_in_may_finish_what_the_one_away_had_claimed(engine, session, deploy):
    deploy(ONE_TASK)
    engine.start("tiny", by=CLERK)
    task = only_task(session).id
    engine.claim(task, by=CLERK)
    engine.complete(task, by=STAND_IN, data={})
    session.expire_all()
    assert session.get_one(TaskRow, task).status == tasks.DONE


MESSAGE = f"""
<bpmn:message id="m" name="补件"/>
<bpmn:startEvent id="begin"/>
<bpmn:intermediateCatchEvent id="wait">{MESSAGE_M}</bpmn:intermediateCatchEvent>
<bpmn:endEvent id="done"/>
begin->wait
wait->done
"""


def test_a_message_reaches_the_one_case_it_is_sent_to(engine, session, deploy):
    deploy(MESSAGE)
    first, second = engine.start("tiny", by=CLERK), engine.start("tiny", by=CLERK)
    engine.receive(first, "补件", by=CLERK)
    session.expire_all()
    assert session.get_one(InstanceRow, first).status == instances.ENDED
    assert session.get_one(InstanceRow, second).status == instances.RUNNING


def test_a_message_nobody_waits_for_is_refused(engine, session, deploy):
    deploy(ONE_TASK)
    instance = engine.start("tiny", by=CLERK)
    with pytest.raises(AlreadyDone) as caught:
        engine.receive(instance, "补件", by=CLERK)
    assert caught.value.state == "not_waiting"


TIMER = f"""
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" yz:position="intake" yz:due="2 hour"/>
<bpmn:boundaryEvent id="soon" attachedToRef="look" cancelActivity="false">{PT1H}</bpmn:boundaryEvent>
<bpmn:serviceTask id="ring" yz:action="ring"/>
<bpmn:endEvent id="rung"/>
<bpmn:endEvent id="done"/>
begin->look
look->done
soon->ring
ring->rung
"""


@pytest.fixture
def bell(words):
    rings = []

    @words.action("ring")
    def ring(context):
        rings.append(context.moment)

    return rings


def test_a_due_timer_has_its_effect_once(engine, session, deploy, clock, bell):
    deploy(TIMER)
    instance = engine.start("tiny", by=CLERK)
    session.commit()
    timer = session.scalars(select(TimerRow)).one()
    assert timer.due_at == clock.now() + timedelta(hours=1)
    clock.shift(hours=1, seconds=1)
    assert engine.fire(timer.id) is True
    session.commit()
    assert engine.fire(timer.id) is False
    assert len(bell) == 1
    assert kinds(session, instance) == ["start", "fire"]
    assert only_task(session).due_at == timer.due_at + timedelta(hours=1)


def test_a_timer_fired_too_early_does_nothing(engine, session, deploy, bell):
    deploy(TIMER)
    engine.start("tiny", by=CLERK)
    assert engine.fire(session.scalars(select(TimerRow.id)).one()) is False
    assert bell == []


def test_a_completed_task_takes_its_timer_along(engine, session, deploy, bell):
    deploy(TIMER)
    engine.start("tiny", by=CLERK)
    engine.complete(only_task(session).id, by=CLERK, data={})
    assert session.scalars(select(TimerRow)).all() == []


def test_a_cancelled_process_leaves_no_task_and_no_timer(engine, session, deploy, bell):
    deploy(TIMER)
    instance = engine.start("tiny", by=CLERK)
    engine.cancel(instance, by=HEAD, reason="误登记")
    session.expire_all()
    assert session.get_one(InstanceRow, instance).status == instances.CANCELLED
    assert open_tasks(session) == [] and session.scalars(select(TimerRow)).all() == []
    with pytest.raises(AlreadyDone):
        engine.cancel(instance, by=HEAD, reason="误登记")
    assert history.verify(session) == []


CLOCK_BOUND = f"""
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" yz:position="intake" yz:due="clock:item"/>
<bpmn:boundaryEvent id="soon" attachedToRef="look" cancelActivity="false">{ITEM_LATE}</bpmn:boundaryEvent>
<bpmn:boundaryEvent id="own" attachedToRef="look" cancelActivity="false">{PT5H}</bpmn:boundaryEvent>
<bpmn:endEvent id="e1"/>
<bpmn:endEvent id="e2"/>
<bpmn:endEvent id="done"/>
begin->look
look->done
soon->e1
own->e2
"""


def test_a_moved_clock_takes_its_timers_and_due_dates_along_and_no_others(
    engine, session, deploy, clock, clocks
):
    deploy(CLOCK_BOUND)
    start = clock.now()
    clocks.deadlines["item"] = start + timedelta(hours=3)
    instance = engine.start("tiny", by=CLERK)
    clocks.deadlines["item"] = start + timedelta(hours=9)
    engine.rearm(instance, "item")
    session.expire_all()
    due = {timer.element: timer.due_at - start for timer in session.scalars(select(TimerRow))}
    assert due["soon"] == timedelta(hours=9)
    assert due["own"] == timedelta(hours=5)
    assert only_task(session).due_at == start + timedelta(hours=9)


def test_a_refusal_of_the_station_undoes_the_whole_step(engine, session, deploy, words):
    @words.action("refuse")
    def refuse(context):
        raise Refused(T("现在不行。"))

    deploy(
        """
        <bpmn:startEvent id="begin"/>
        <bpmn:userTask id="look" name="看材料" yz:position="intake"/>
        <bpmn:serviceTask id="try" yz:action="refuse"/>
        <bpmn:endEvent id="done"/>
        begin->look
        look->try
        try->done
        """
    )
    engine.start("tiny", by=CLERK)
    session.commit()
    with pytest.raises(Refused, match="现在不行"):
        engine.complete(only_task(session).id, by=CLERK, data={})
    session.rollback()
    assert only_task(session).element == "look"
    assert history.verify(session) == []


def test_a_condition_that_cannot_be_told_leaves_the_case_where_it_was(engine, session, deploy):
    deploy(WITH_FORM.replace("word =", "len(nothing) ="), files=FILES)
    instance = engine.start("tiny", by=CLERK)
    session.commit()
    with pytest.raises(StepFailed) as caught:
        engine.complete(only_task(session).id, by=CLERK, data={"name": "王小明", "word": "好"})
    session.rollback()
    assert (caught.value.instance_id, caught.value.element) == (instance, "look")
    assert only_task(session).element == "look"


def test_the_same_incident_is_counted_and_not_told_twice(engine, session, deploy):
    deploy(ONE_TASK)
    instance = engine.start("tiny", by=CLERK)
    for _ in range(3):
        incidents.record(session, instance, code="Stuck", message="停住了", element="look")
    (row,) = incidents.open_ones(session)
    assert row.times == 3
