"""One case of several instances: one lock, clocks that move all of them, people who are kept from a task."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, select

from tests.engine.conftest import CLERK, COLLEAGUE, HEAD, STAND_IN
from workflow.engine import history, tasks
from workflow.engine.actors import Actor
from workflow.engine.instances import InstanceRow, lock
from workflow.engine.tasks import TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import NotFound

CASE = "case:7"
WATCHED = """
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" yz:position="intake" yz:due="clock:item"/>
<bpmn:boundaryEvent id="late" attachedToRef="look" cancelActivity="false">CLOCK</bpmn:boundaryEvent>
<bpmn:endEvent id="told"/>
<bpmn:endEvent id="done"/>
begin->look
look->done
late->told
""".replace("CLOCK", '<bpmn:timerEventDefinition yz:clock="item"/>')
MOVER = """
<bpmn:startEvent id="begin"/>
<bpmn:serviceTask id="move" yz:action="move_clock"/>
<bpmn:userTask id="after" name="之后" yz:position="intake" yz:due="clock:item"/>
<bpmn:endEvent id="done"/>
begin->move
move->after
after->done
"""
CARELESS = """
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" yz:position="intake"/>
<bpmn:endEvent id="done"/>
begin->look
look->done
"""


def addressed(attributes: str) -> str:
    return f"""
<bpmn:startEvent id="begin"/>
<bpmn:userTask id="look" name="看材料" {attributes}/>
<bpmn:endEvent id="done"/>
begin->look
look->done
"""


@pytest.fixture
def now(clock):
    return clock.now()


def due_dates(session):
    session.expire_all()
    return {
        *session.scalars(select(TimerRow.due_at)),
        *session.scalars(select(TaskRow.due_at).where(TaskRow.status == tasks.OPEN)),
    }


def test_a_clock_that_moves_moves_every_instance_of_its_case(engine, session, clocks, deploy, now):
    clocks.deadlines["item"] = now + timedelta(hours=5)
    deploy(WATCHED)
    for _ in range(2):
        engine.start("tiny", by=CLERK, business_key=CASE)
    engine.start("tiny", by=CLERK, business_key="case:8")
    clocks.deadlines["item"] = later = now + timedelta(hours=9)
    engine.clock_moved(CASE, "item", by=CLERK)
    assert due_dates(session) == {later, now + timedelta(hours=5)}
    engine.clock_moved("case:8", "item")
    assert due_dates(session) == {later}


def test_an_action_may_move_the_clock_of_the_case_it_runs_in_and_of_its_siblings(
    engine, session, clocks, deploy, words, now
):
    moved = now + timedelta(hours=9)

    @words.action("move_clock")
    def move_clock(context):
        clocks.deadlines["item"] = moved
        context.clock_moved("item")

    clocks.deadlines["item"] = now + timedelta(hours=5)
    deploy(WATCHED)
    deploy(MOVER, key="mover")
    first = engine.start("tiny", by=CLERK, business_key=CASE)
    second = engine.start("mover", by=CLERK, business_key=CASE)
    assert due_dates(session) == {moved}
    assert [line.kind for line in history.of(session, first)] == ["start", "rearm"]
    assert [line.kind for line in history.of(session, second)] == ["start"]
    assert history.verify(session) == []


def test_an_action_may_begin_an_instance_that_moves_the_clock_of_the_one_it_runs_in(
    engine, session, clocks, deploy, words, now
):
    """Both are between two rests at once: neither writes over the other."""
    moved = now + timedelta(hours=9)

    @words.action("move_clock")
    def move_clock(context):
        clocks.deadlines["item"] = moved
        context.clock_moved("item")

    @words.action("begin_mover")
    def begin_mover(context):
        context.engine.start("mover", by=context.actor, business_key=context.business_key)

    clocks.deadlines["item"] = now + timedelta(hours=5)
    deploy(MOVER, key="mover")
    deploy(
        WATCHED.replace("begin->look", "begin->ask\nask->look").replace(
            "<bpmn:endEvent", '<bpmn:serviceTask id="ask" yz:action="begin_mover"/>\n<bpmn:endEvent', 1
        )
    )
    engine.start("tiny", by=CLERK, business_key=CASE)
    assert due_dates(session) == {moved}
    assert history.verify(session) == []


def test_a_stopped_clock_takes_the_due_date_away_and_gives_it_back(engine, session, clocks, deploy, now):
    clocks.deadlines["item"] = now + timedelta(hours=5)
    deploy(WATCHED)
    engine.start("tiny", by=CLERK, business_key=CASE)
    stopped = clocks.deadlines.pop("item")
    engine.clock_moved(CASE, "item")
    assert due_dates(session) == {None}
    clocks.deadlines["item"] = stopped + timedelta(days=2)
    engine.clock_moved(CASE, "item")
    assert due_dates(session) == {stopped + timedelta(days=2)}


def test_an_instance_that_knows_no_clock_is_not_written_when_one_moves(engine, session, clocks, deploy):
    deploy(CARELESS)
    instance = engine.start("tiny", by=CLERK, business_key=CASE)
    engine.clock_moved(CASE, "item")
    assert [line.kind for line in history.of(session, instance)] == ["start"]


def test_whoever_holds_one_instance_holds_its_case(engine, session, deploy):
    deploy(CARELESS)
    ids = [engine.start("tiny", by=CLERK, business_key=CASE) for _ in range(3)]
    other = engine.start("tiny", by=CLERK, business_key="case:8")
    (task,) = session.scalars(select(TaskRow.id).where(TaskRow.instance_id == ids[1]))
    engine.complete(task, by=CLERK, data={})
    seen: list[list[int]] = []

    def note(conn, cursor, statement, parameters, context, many):
        if "FOR UPDATE" in statement:
            seen.append([statement.index("ORDER BY"), statement.index("FOR UPDATE")])

    event.listen(session.get_bind(), "before_cursor_execute", note)
    try:
        found = lock(session.connection(), ids[2])
    finally:
        event.remove(session.get_bind(), "before_cursor_execute", note)
    assert found.id == ids[2] and all(order < lock_ for order, lock_ in seen) and len(seen) == 1
    assert session.get_one(InstanceRow, other).status == "running"
    with pytest.raises(NotFound):
        lock(session.connection(), 10**9)


def test_a_task_may_be_offered_to_one_person_and_whoever_acts_for_her(engine, session, deploy):
    deploy(addressed('yz:position="= who"'))
    engine.start("tiny", by=HEAD, data={"who": CLERK.key})
    (task,) = session.scalars(select(TaskRow.id))
    with pytest.raises(NotFound):
        engine.claim(task, by=COLLEAGUE)
    engine.complete(task, by=STAND_IN, data={})
    done = session.get_one(TaskRow, task, populate_existing=True)
    assert (done.actor, done.on_behalf_of) == (STAND_IN.key, CLERK.key)


def test_whoever_is_excluded_does_not_find_the_task_not_even_as_head(engine, session, deploy):
    deploy(addressed('yz:position="intake" yz:except="= without"'))
    engine.start("tiny", by=CLERK, data={"without": f"{CLERK.key},{HEAD.key}"})
    (task,) = session.scalars(select(TaskRow))
    assert task.excluded == [CLERK.key, HEAD.key]
    for barred in (CLERK, HEAD):
        with pytest.raises(NotFound):
            engine.complete(task.id, by=barred, data={})
        assert session.scalars(select(TaskRow.id).where(tasks.visible_to(barred))).all() == []
    engine.complete(task.id, by=COLLEAGUE, data={})


def test_nobody_is_excluded_by_an_empty_text_and_a_missing_one_is_a_failure(engine, session, deploy):
    from workflow.engine.incidents import StepFailed

    deploy(addressed('yz:position="intake" yz:except="= without"'))
    engine.start("tiny", by=CLERK, data={"without": ""})
    (task,) = session.scalars(select(TaskRow))
    assert task.excluded is None
    with pytest.raises(StepFailed):
        engine.start("tiny", by=CLERK, data={})


def test_a_due_date_may_be_reckoned_by_the_diagram(engine, session, deploy, now):
    deploy(addressed('yz:position="intake" yz:due="= by_when"'))
    engine.start("tiny", by=CLERK, data={"by_when": "2026-03-05T17:30:00+08:00"})
    (due_at,) = session.scalars(select(TaskRow.due_at))
    assert due_at.isoformat() == "2026-03-05T09:30:00+00:00"


def test_half_a_working_day_is_a_limit_and_half_an_hour_is_none(engine, session, deploy, now):
    deploy(addressed('yz:position="intake" yz:due="0.5 working-day"'))
    engine.start("tiny", by=CLERK)
    (due_at,) = session.scalars(select(TaskRow.due_at))
    assert due_at == now + timedelta(hours=12)
    from workflow.bpmn.timers import BadTimer, limit

    with pytest.raises(BadTimer):
        limit("0.5 hour")


def test_an_actor_is_asked_under_offers_own_key_and_the_keys_of_those_acted_for():
    acting = Actor("staff:3", "赵敏", {"intake": "staff:1", "archive": None})
    assert acting.asked == ["intake", "archive", "staff:3", "staff:1"]
    assert [acting.acts_for(c) for c in ("intake", "archive", "staff:3", "staff:1")] == [
        "staff:1",
        None,
        None,
        "staff:1",
    ]
