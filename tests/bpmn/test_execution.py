"""What each element does, told once for a live case and once for one that is saved between all steps."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.bpmn.walking import START, Case, World, bundle, diagram
from workflow.bpmn import expressions, parsing
from workflow.bpmn.execution import (
    BpmnError,
    ConditionFailed,
    Execution,
    InvalidData,
    StepTooLong,
    Stuck,
)
from workflow.bpmn.expressions import evaluate_many
from workflow.bpmn.parsing import Bundle, InvalidDiagram, load_folder, parse
from workflow.errors import AlreadyDone, NotFound

HEAD = (
    '<definitions xmlns="http://www.omg.org/spec/BPMN/20100524/MODEL" '
    'xmlns:yz="urn:yizhan:bpmn:1" targetNamespace="t"><process id="p" isExecutable="true">'
)
FOOT = "</process></definitions>"


@pytest.fixture(params=["live", "saved"])
def case(request) -> Callable[..., Case]:
    def begin(name: Any, **data: Any) -> Case:
        return Case(name, saved=request.param == "saved", **data)

    return begin


def drawn(body: str, *flows: str) -> parsing.Definition:
    """A definition of a process written in the test: elements, and flows as 'a b' or 'a b if FEEL'."""
    lines = []
    for flow in flows:
        ends, _, condition = flow.partition(" if ")
        source, target = ends.split()
        inner = f"<conditionExpression>{condition}</conditionExpression>" if condition else ""
        ends = f'id="{source}_{target}" sourceRef="{source}" targetRef="{target}"'
        lines.append(f"<sequenceFlow {ends}>{inner}</sequenceFlow>")
    return parse(Bundle("p", {"p.bpmn": (HEAD + body + "".join(lines) + FOOT).encode()}))


# Tasks


def test_a_user_task_waits_for_its_candidate_and_is_done_once(case):
    it = case("user_task")
    (task,) = it.now.tasks
    assert (task.element.id, task.element.name, task.candidate) == ("u", "办理 u", "intake")
    it.does("u")
    assert it.now.ended and it.open == []
    assert it.passed == ["s", "s_u", "u", "u_e", "e"]
    with pytest.raises(AlreadyDone):
        it.now.complete(task.token, {})
    with pytest.raises(NotFound):
        it.now.complete("4711", {})
    with pytest.raises(NotFound):
        it.now.complete("nonsense", {})


def test_a_candidate_may_be_a_feel_expression_settled_when_the_task_is_reached(case):
    it = case("candidate_by_feel", route="a")
    assert [t.candidate for t in it.now.tasks] == ["head"]
    it.does("u", route="technician")
    assert [t.candidate for t in it.now.tasks] == ["technician"]


def test_a_task_for_nobody_is_an_incident_and_not_lost():
    with pytest.raises(ConditionFailed):
        Case("candidate_by_feel").does("u", route=None)


def test_tasks_take_the_position_of_their_lane_their_subprocess_or_their_caller():
    elements = parse(bundle("lanes")).elements
    found = {name: elements[name].candidate for name in ("u", "pu", "pv", "v", "bu")}
    assert found == {"u": "intake", "pu": "intake", "pv": "technician", "v": "head", "bu": "intake"}
    assert (elements["u"].form, elements["u"].due) == ("register", "clock:item")
    assert parse(bundle("lanes")).start_form == "register"


def test_a_script_task_sets_variables_by_feel_each_line_seeing_those_before(case):
    it = case(parse(bundle("script_task"))).does("u", n=4)
    assert [it.now.data[name] for name in ("total", "more", "big")] == [8, 9, True]


def test_a_service_task_calls_its_action_and_keeps_what_is_read(case):
    it = case("service_task").does("u", n=1)
    assert it.now.data["n"] == 2
    assert it.does("v").now.data["n"] == 3


def test_a_business_rule_task_decides_by_its_table(case):
    assert case("business_rule_task").does("u", n=2).open == ["v"]
    assert case("business_rule_task").does("u", n=1).now.ended


def test_only_variables_that_the_definition_reads_are_kept(case):
    it = case("exclusive_gateway").does("u", n=1, route="x", phone="13800000000")
    assert set(it.now.data) == {"n", "route"}


# Gateways


def test_an_exclusive_gateway_takes_the_first_true_flow_or_the_default(case):
    assert case("exclusive_gateway").does("u", route="a", n=9).open == ["a"]
    assert case("exclusive_gateway").does("u", route="x", n=9).open == ["b"]
    assert case("exclusive_gateway").does("u", route="x", n=0).open == ["c"]


@pytest.mark.parametrize("condition", ["stauts = oter", "n + ", '"yes"', "1", "null", "n"])
def test_a_gateway_takes_a_flow_only_on_exactly_true(condition):
    body = '<startEvent id="s"/><exclusiveGateway id="g"/><userTask id="u"/><endEvent id="e"/>'
    definition = drawn(body, "s g", f"g u if {condition}", "u e")
    with pytest.raises(ConditionFailed):
        Case(definition, n=1)


def test_the_conditions_of_one_gateway_go_to_the_isolate_together(monkeypatch):
    asked = []

    def listening(items, *, moment):
        asked.append([expression for expression, _ in items])
        return evaluate_many(items, moment=moment)

    monkeypatch.setattr(expressions, "evaluate_many", listening)
    it = Case("exclusive_gateway").does("u", route="x", n=0)
    assert it.open == ["c"] and asked == [['route = "a"', "n > 1"]]


def test_a_parallel_join_waits_for_all_its_branches(case):
    it = case("parallel_gateway").does("b").does("a")
    assert it.open == ["c"]
    assert it.does("c").open == ["z"]


def test_parallel_branches_see_and_keep_what_the_others_wrote(case):
    it = case("parallel_in_loop", n=0).does("a", n=1).does("b")
    assert it.open == ["a", "b"], "n = 1 goes round again, b did not put the old value back"
    assert it.does("b").does("a", n=2).now.ended


def test_an_inclusive_join_waits_only_for_branches_that_were_taken(case):
    it = case("inclusive_gateway").does("u", route="a", n=3)
    assert it.open == ["a", "b"]
    assert it.does("a").open == ["b"]
    assert it.does("b").open == ["z"]
    assert case("inclusive_gateway").does("u", route="x", n=0).does("c").open == ["z"]


def test_an_event_gateway_follows_whatever_happens_first(case):
    it = case("event_gateway").does("u")
    assert it.armed == {"ct": START + timedelta(hours=2), "cd": START + timedelta(days=1)}
    assert it.now.messages == ["paid", "withdrawn"]
    assert it.waits(hours=2).open == ["b"]
    assert it.armed == {} and it.now.messages == []
    other = case("event_gateway").does("u")
    assert other.hears("paid") and other.open == ["a"]


# Timers


def test_a_timer_fires_when_due_and_not_before(case):
    it = case("timer_duration")
    (timer,) = it.now.timers
    assert timer.due_at == START + timedelta(hours=1, minutes=30)
    it.world.moment = timer.due_at - timedelta(microseconds=1)
    assert it.now.wake(timer.token) is False and it.open == []
    it.world.moment = timer.due_at
    assert it.now.wake(timer.token) is True and it.open == ["u"]
    assert it.now.wake(timer.token) is False, "twice is harmless"
    assert it.now.wake("nonsense") is False and it.now.wake("999") is False


def test_a_date_without_an_offset_is_shanghais(case):
    assert case("timer_date").armed == {"t": datetime(2026, 3, 5, 9, 30, tzinfo=UTC)}


def test_timers_take_feel_that_gives_iso_text(case):
    it = case("timer_feel").does("u", ok=True, n=5)
    assert it.armed == {"t": START + timedelta(hours=1)}
    assert it.waits(hours=1).armed == {"d": datetime(2026, 3, 9, 1, tzinfo=UTC)}


def test_the_stations_own_words_are_asked_of_the_host(case):
    it = case("timer_limit")
    assert it.armed == {"b": START + timedelta(hours=2)}
    assert it.waits(hours=2).open == ["late"], "an interrupting timer takes the task away"


def test_rungs_of_a_clock_move_with_it_and_durations_do_not(case):
    it = case("timer_clock")
    assert it.armed == {
        "b1": START + timedelta(hours=6),
        "b2": START + timedelta(hours=10),
        "b3": START + timedelta(hours=3),
    }
    assert {(t.clock, t.rung) for t in it.now.timers} == {("item", "remind"), ("item", "late"), (None, None)}
    it.moves(START + timedelta(hours=20))
    assert it.armed == {
        "b1": START + timedelta(hours=16),
        "b2": START + timedelta(hours=20),
        "b3": START + timedelta(hours=3),
    }
    it.moves(None)
    assert set(it.armed) == {"b3"}, "what does not apply never fires and is not listed"
    it.moves(START + timedelta(hours=1)).waits(hours=1)
    assert it.now.data["n"] == 4, "each rung once"
    assert it.open == ["u"] and set(it.armed) == {"b3"}, "nothing is completed by itself"
    assert it.waits(hours=2).open == ["head", "u"]
    assert it.does("u").open == ["head"], "what a timer began goes on after its task"
    assert it.does("head").now.ended


def test_a_clock_behind_an_event_gateway_moves_too(case):
    body = (
        '<startEvent id="s"/><eventBasedGateway id="g"/><endEvent id="e"/>'
        '<intermediateCatchEvent id="t"><timerEventDefinition yz:clock="item" yz:rung="late"/>'
        "</intermediateCatchEvent>"
        '<intermediateCatchEvent id="d"><timerEventDefinition><timeDuration>P9D</timeDuration>'
        "</timerEventDefinition></intermediateCatchEvent>"
    )
    it = case(drawn(body, "s g", "g t", "g d", "t e", "d e"))
    nine = START + timedelta(days=9)
    assert it.armed == {"t": START + timedelta(hours=10), "d": nine}
    assert it.moves(START + timedelta(hours=30)).armed == {"t": START + timedelta(hours=30), "d": nine}
    assert it.waits(hours=30).now.ended


def test_missed_rounds_of_a_cycle_are_one(case):
    it = case("timer_cycle_endless", n=0)
    assert it.armed == {"b": datetime(2026, 3, 2, 2, tzinfo=UTC)}
    it.waits(days=9, hours=3)
    assert it.now.data["n"] == 1
    assert it.armed == {"b": datetime(2026, 3, 12, 2, tzinfo=UTC)}


def test_a_cycle_ends_after_its_rounds(case):
    it = case("timer_cycle", n=0)
    for _ in range(3):
        it.waits(hours=1)
    assert it.now.data["n"] == 3 and it.armed == {} and it.open == ["u", "x", "x", "x"]
    assert it.does("u").open == ["x", "x", "x"]


@pytest.mark.parametrize(
    "time",
    [
        "<timeDuration>P99999999999Y</timeDuration>",
        "<timeDuration>soon</timeDuration>",
        "<timeCycle>R/PT0S</timeCycle>",
        "<timeDate>2026-13-01</timeDate>",
        "",
    ],
)
def test_a_timer_without_a_sensible_time_is_refused_at_parsing(time):
    body = (
        '<startEvent id="s"/><intermediateCatchEvent id="t"><timerEventDefinition>'
        f'{time}</timerEventDefinition></intermediateCatchEvent><endEvent id="e"/>'
    )
    with pytest.raises(InvalidDiagram):
        drawn(body, "s t", "t e")


# Events


def test_a_message_wakes_only_who_waits_for_it(case):
    it = case("message_catch").does("u")
    assert it.hears("other") is False and it.now.messages == ["paid"]
    assert it.hears("paid", n=7) is True and it.open == ["v"]


def test_a_non_interrupting_message_can_come_again_and_an_interrupting_one_ends_the_task(case):
    it = case("boundary_message")
    assert it.hears("more") and it.hears("more") and it.open == ["u", "x", "x"]
    assert it.hears("withdrawn") and it.open == ["x", "x"]
    assert it.hears("more") is False
    assert it.does("x").does("x").now.ended


def test_thrown_messages_leave_the_case_with_the_named_variables_only(case):
    it = Case("message_throw", saved=False, n=5, route="b").does("u")
    assert it.now.sent() == [("told", {"n": 5, "route": "b"}), ("told", {"n": 5}), ("over", {"route": "b"})]
    assert it.now.sent() == []


def test_a_signal_reaches_everyone_in_the_case(case):
    assert case("boundary_signal").does("u").open == ["x"]
    it = case("signal_catch").does("u")
    assert it.open == ["v"]


def test_a_business_error_goes_to_the_boundary_event_with_its_code(case):
    it = case("boundary_error_of_action").does("u", ok=False, n=0)
    assert it.open == ["v"]
    assert case("boundary_error_of_action").does("u", ok=False, n=3).open == ["w"]
    assert case("boundary_error_climbs").does("qu", ok=False).open == ["v"]
    assert case("boundary_error_of_subprocess").does("pu", ok=False).open == ["v"]
    assert case("call_activity_error").does("u", ok=True).does("ru").open == ["y"]


def test_an_error_that_nobody_catches_is_raised_out_of_the_step():
    body = '<startEvent id="s"/><userTask id="u"/><serviceTask id="a" yz:action="risky"/><endEvent id="e"/>'
    it = Case(drawn(body, "s u", "u a", "a e"), ok=False)
    with pytest.raises(BpmnError) as raised:
        it.does("u")
    assert raised.value.code == "E1"


def test_an_escalation_is_heard_beside_the_work_or_ends_it(case):
    assert case("boundary_escalation").does("pu").open == ["pv", "v"]
    assert case("escalation_end").does("pv", ok=False).open == ["v"]


def test_a_terminate_end_ends_all_of_its_process_and_only_that(case):
    assert case("terminate_end").does("a").now.ended
    assert case("terminate_in_subprocess").does("pv", ok=False).open == ["z"]


def test_whoever_starts_a_process_chooses_among_its_start_events(case):
    assert case("several_starts").open == ["u"]
    assert case("several_starts", at="s2").open == ["v"]


# Subprocesses and calls


def test_an_embedded_subprocess_shares_the_variables(case):
    it = case("subprocess", n=1).does("pu", n=5)
    assert it.now.data["n"] == 6
    assert it.does("pv").open == ["z"]


def test_a_timer_on_a_subprocess_sees_what_was_written_inside_it(case):
    it = case("subprocess_nested_timers", n=0)
    assert set(it.armed) == {"qb", "b1", "b2", "b3"}
    it.waits(hours=2)
    assert it.now.data["n"] == 1 and set(it.armed) == {"qb", "b2", "b3"}
    it.waits(hours=3)
    assert it.open == ["pv"], "the inner timer took the inner work away"
    assert it.waits(days=3).open == ["x", "y"], "the outer one takes all of it; what began beside stays"
    assert it.armed == {}


def test_a_called_process_gets_only_what_it_declares_and_gives_its_results_back(case):
    it = case("call_activity", n=1, route="b").does("u")
    (task,) = it.now.tasks
    assert task.element.id == "cu" and task.data == {"n": 1, "route": "b"}
    assert it.does("cu", n=2).open == ["z"]
    assert "items" not in task.data
    assert it.now.data["n"] == 2


def test_an_event_subprocess_sleeps_beside_the_work(case):
    it = case("event_subprocess_message")
    assert it.hears("more") and it.hears("more")
    assert it.open == ["u", "xu", "xu"]
    it.does("u").does("v")
    assert not it.now.ended, "what it began is finished first"
    assert it.does("xu").does("xu").now.ended


def test_an_interrupting_event_subprocess_takes_over(case):
    it = case("event_subprocess_interrupting")
    assert it.hears("withdrawn") and it.open == ["xu"]
    assert it.does("xu").now.ended


def test_an_event_subprocess_catches_the_errors_of_its_process(case):
    assert case("event_subprocess_error").does("pu", ok=False, n=0).open == ["xu"]
    assert case("event_subprocess_error").does("pu", ok=False, n=3).open == ["yu"]


# Loops


def test_rounds_of_a_parallel_multi_instance_have_their_own_item_and_give_an_answer_each(case):
    it = case("multi_parallel", items=["x", "y"])
    assert [(t.element.id, t.data["item"], t.data["loopCounter"]) for t in it.now.tasks] == [
        ("u", "x", 1),
        ("u", "y", 2),
    ]
    second = next(t for t in it.now.tasks if t.data["item"] == "y")
    it.now.complete(second.token, {"answer": "no"})
    it.does("u", answer="yes")
    assert it.open == ["z"] and it.now.data["answers"] == ["no", "yes"]
    assert "item" not in it.now.data and "answer" not in it.now.data


def test_rounds_of_a_sequential_multi_instance_come_one_after_the_other(case):
    it = case("multi_sequential", items=["x", "y"])
    assert [t.data["item"] for t in it.now.tasks] == ["x"]
    it.does("u", answer="yes")
    assert [t.data["item"] for t in it.now.tasks] == ["y"]
    assert it.does("u", answer="no").now.data["answers"] == ["yes", "no"]


def test_parallel_rounds_of_a_subprocess_do_not_mix_their_answers(case):
    it = case("multi_subprocess", items=["x", "y"]).does("pu").does("pu").does("pv").does("pv")
    assert it.open == ["z"] and it.now.data["answers"] == ["x!", "y!"]
    assert case("multi_subprocess", items=["x", "y"]).does("pu").waits(days=1).open == ["y"]
    assert case("multi_subprocess", items=[]).open == ["z"]


def test_a_multi_instance_ends_early_by_its_condition(case):
    it = case("multi_until", ok=False)
    assert it.open == ["v", "v", "v"]
    assert it.does("v", ok=True).open == ["w"]


def test_a_standard_loop_goes_round_while_its_condition_holds(case):
    it = case("standard_loop", ok=False).does("u", ok=False)
    assert it.open == ["u"]
    assert it.does("u", ok=True).open == ["z"]
    it = case("standard_loop", ok=False)
    for _ in range(4):
        it.does("u", ok=False)
    assert it.open == ["z"], "four rounds at most"


def test_work_can_be_sent_back_a_thousand_times(case):
    it = Case("exclusive_loop_back")
    for _ in range(1000):
        it.does("u").does("check", ok=False)
    assert it.open == ["u"] and len(it.now.save()) < 100
    assert it.does("u").does("check", ok=True).now.ended


# Refusals


def test_a_loop_without_a_rest_is_stopped():
    body = (
        '<startEvent id="s"/><exclusiveGateway id="m"/><scriptTask id="c"><script>n = 1</script></scriptTask>'
        '<exclusiveGateway id="g" default="g_m"/><endEvent id="e"/>'
    )
    with pytest.raises(StepTooLong):
        Case(drawn(body, "s m", "m c", "c g", "g m", "g e if n = 2"))


@pytest.mark.parametrize("cardinality", ["10**6", "1000000"])
def test_too_many_rounds_are_refused(cardinality):
    body = (
        '<startEvent id="s"/><userTask id="u"><multiInstanceLoopCharacteristics>'
        f"<loopCardinality>{cardinality}</loopCardinality></multiInstanceLoopCharacteristics></userTask>"
        '<endEvent id="e"/>'
    )
    with pytest.raises(StepTooLong):
        Case(drawn(body, "s u", "u e"))


def test_a_process_that_calls_itself_for_ever_is_stopped():
    body = '<startEvent id="s"/><callActivity id="c" calledElement="p"/><endEvent id="e"/>'
    with pytest.raises(StepTooLong):
        Case(drawn(body, "s c", "c e"))


def test_a_join_that_can_never_be_met_is_an_incident_not_an_end():
    body = (
        '<startEvent id="s"/><exclusiveGateway id="g" default="g_j"/><userTask id="u"/>'
        '<parallelGateway id="j"/><endEvent id="e"/>'
    )
    with pytest.raises(Stuck):
        Case(drawn(body, "s g", "g j", "g u if n = 99", "u j", "j e"))


def test_a_token_too_many_at_a_join_is_not_lost():
    body = (
        '<startEvent id="s"/><parallelGateway id="f"/><exclusiveGateway id="m"/><parallelGateway id="j"/>'
        '<userTask id="a"/><userTask id="b"/><userTask id="c"/><userTask id="z"/><endEvent id="e"/>'
    )
    flows = ("s f", "f a", "f b", "f c", "a m", "b m", "m j", "c j", "j z", "z e")
    it = Case(drawn(body, *flows)).does("a").does("b")
    assert it.open == ["c"], "two tokens came over one flow, none over the other"
    assert it.does("c").open == ["z"]
    with pytest.raises(Stuck):
        it.does("z")


@pytest.mark.parametrize(
    "data",
    [
        {"n": START},
        {"n": {1, 2}},
        {"n": {"deep": 1}},
        {"n": [{"deep": 1}]},
        {"n": float("nan")},
        {"n": 2**64},
        {"n": b"bytes"},
        {"typename": "x"},
        {7: "x"},
    ],
)
def test_only_flat_plain_json_becomes_a_variable(data):
    it = Case(parse(bundle("user_task")))
    with pytest.raises(InvalidData):
        it.now.complete(it.now.tasks[0].token, data)


def test_no_python_of_a_diagram_is_ever_run(tmp_path):
    door = tmp_path / "opened"
    code = f"open('{door}', 'w')"
    call = f"__import__('pathlib').Path('{door}').touch()"
    places = {
        "script": ('<scriptTask id="x"><script>' + code + "\nn = " + call + "</script></scriptTask>", ""),
        "condition": ('<exclusiveGateway id="x"/>', f" if {call}"),
        "condition_of_inclusive": ('<inclusiveGateway id="x"/>', f" if {call}"),
        "candidate": (f'<userTask id="x" yz:position="={call}"/>', ""),
        "cardinality": (
            '<userTask id="x"><multiInstanceLoopCharacteristics><loopCardinality>'
            f"{call}</loopCardinality></multiInstanceLoopCharacteristics></userTask>",
            "",
        ),
        "loop": (
            '<scriptTask id="x"><standardLoopCharacteristics loopMaximum="2" testBefore="true">'
            f"<loopCondition>{call}</loopCondition></standardLoopCharacteristics>"
            "<script>n = 1</script></scriptTask>",
            "",
        ),
        **{
            kind: (
                f'<intermediateCatchEvent id="x"><timerEventDefinition><{kind}>={call}</{kind}>'
                "</timerEventDefinition></intermediateCatchEvent>",
                "",
            )
            for kind in ("timeDuration", "timeDate", "timeCycle")
        },
    }
    for body, condition in places.values():
        try:
            definition = drawn('<startEvent id="s"/>' + body + '<endEvent id="e"/>', "s x", f"x e{condition}")
            Case(definition, n=1)
        except Exception:
            pass
        assert not door.exists()


# Definitions


@pytest.mark.parametrize(
    "body",
    [
        '<startEvent id="s"/><transaction id="x"/><endEvent id="e"/>',
        '<startEvent id="s"/><adHocSubProcess id="x"/><endEvent id="e"/>',
        '<startEvent id="s"/><intermediateCatchEvent id="x"><linkEventDefinition/></intermediateCatchEvent>'
        '<endEvent id="e"/>',
        '<startEvent id="s"/><intermediateCatchEvent id="x"><messageEventDefinition messageRef="gone"/>'
        '</intermediateCatchEvent><endEvent id="e"/>',
        '<startEvent id="s"/><businessRuleTask id="x" yz:decision="gone"/><endEvent id="e"/>',
        '<startEvent id="s"/><callActivity id="x" calledElement="gone"/><endEvent id="e"/>',
        '<startEvent id="Start"/><userTask id="x"/><endEvent id="e"/>',
        '<startEvent id="s"/><userTask id="x"/><userTask id="x"/><endEvent id="e"/>',
    ],
)
def test_what_cannot_run_is_refused_at_parsing(body):
    with pytest.raises(InvalidDiagram):
        drawn(body, "s x", "x e")


def test_a_definition_is_parsed_once_and_its_hash_is_that_of_all_its_files():
    assert parse(bundle("user_task")) is parse(bundle("user_task"))
    more = Bundle("user_task", {**bundle("user_task").files, "a.form": b'{"components": []}'})
    assert more.hash != bundle("user_task").hash
    assert parse(more).forms == {"a": {"components": []}}


def test_names_are_those_that_expressions_actions_tables_and_forms_read():
    assert diagram("exclusive_gateway").names == {"route", "n"}
    assert diagram("service_task").names == {"n"}
    assert diagram("business_rule_task").names == {"n", "level"}
    assert diagram("multi_parallel").names == {"items", "item", "answers", "answer"}
    assert diagram("timer_feel").names == {"ok", "n"}
    form = b'{"components": [{"key": "x", "conditional": {"hide": "=kind = 1 or x = 2 or this.y = 3"}}]}'
    with_form = Bundle("user_task", {**bundle("user_task").files, "a.form": form})
    assert parse(with_form, {}.get).names == {"kind"}, "not the fields of the form itself"


def test_a_folder_gives_the_process_what_it_calls_and_its_forms(tmp_path: Path):
    bodies = {
        "above": '<startEvent id="s1" yz:form="above/begin"/><callActivity id="x1" calledElement="below"/>',
        "below": '<startEvent id="s2"/><userTask id="x2" yz:form="below/do"/>',
    }
    for number, (name, body) in enumerate(bodies.items(), start=1):
        for source, target in (("s", "x"), ("x", "e")):
            ends = f'sourceRef="{source}{number}" targetRef="{target}{number}"'
            body += f'<sequenceFlow id="{source}_{number}" {ends}/>'
        body += f'<endEvent id="e{number}"/>'
        (tmp_path / "processes" / name).mkdir(parents=True)
        head = HEAD.replace('id="p"', f'id="{name}"')
        (tmp_path / "processes" / name / f"{name}.bpmn").write_text(head + body + FOOT)
    for form in ("above/begin", "below/do"):
        (tmp_path / "forms" / form).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "forms" / f"{form}.form").write_text('{"components": []}')
    found = load_folder("above", tmp_path / "processes", tmp_path / "forms")
    assert set(found.files) == {"above.bpmn", "below.bpmn", "above/begin.form", "below/do.form"}
    assert Case(parse(found)).open == ["x2"]
    with pytest.raises(NotFound):
        load_folder("nowhere", tmp_path / "processes", tmp_path / "forms")


def test_a_cancelled_case_is_over():
    it = Case("subprocess_nested_timers")
    it.now.cancel()
    assert it.now.ended and it.open == [] and it.armed == {}
    again = Execution.restore(it.definition, World(), it.now.save())
    assert again.ended and again.tasks == [] and again.timers == []
