"""The shipped diagrams as drawings: whole, legible and wired to what exists."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from lxml import etree

from workflow.station.running import SHIPPED

ROOT = Path(__file__).parents[2]
PROCESSES = sorted((ROOT / "processes").glob("*/*.bpmn"))
FORMS = sorted((ROOT / "forms").glob("*/*.form"))
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
BPMNDI = "{http://www.omg.org/spec/BPMN/20100524/DI}"
DC = "{http://www.omg.org/spec/DD/20100524/DC}"
DI = "{http://www.omg.org/spec/DD/20100524/DI}"
YZ = "{urn:yizhan:bpmn:1}"
DMN = "{https://www.omg.org/spec/DMN/20191111/MODEL/}"
DUTIES = {"intake", "technician", "head", "superior", "complaints", "archive", "equipment", "admin"}
STEPS = (
    *("startEvent", "endEvent", "boundaryEvent", "intermediateCatchEvent", "intermediateThrowEvent"),
    *(
        "userTask",
        "callActivity",
        "serviceTask",
        "businessRuleTask",
        "exclusiveGateway",
        "parallelGateway",
        "eventBasedGateway",
    ),
)
DRAWN = (
    *STEPS,
    *(
        "subProcess",
        "lane",
        "participant",
        "textAnnotation",
        "sequenceFlow",
        "messageFlow",
        "association",
    ),
)
BOX = tuple[float, float, float, float]


@pytest.fixture(params=PROCESSES, ids=lambda path: path.stem)
def diagram(request: pytest.FixtureRequest) -> etree._Element:
    return etree.parse(request.param).getroot()


@pytest.fixture
def intake() -> etree._Element:
    return etree.parse(ROOT / "processes/intake/intake.bpmn").getroot()


def every(diagram: etree._Element, *names: str) -> Iterator[etree._Element]:
    for name in names:
        yield from diagram.iter(f"{BPMN}{name}")


def boxes(diagram: etree._Element) -> dict[str, BOX]:
    found = {}
    for shape in diagram.iter(f"{BPMNDI}BPMNShape"):
        bounds = shape.find(f"{DC}Bounds")
        x, y, width, height = (float(bounds.get(name)) for name in ("x", "y", "width", "height"))
        found[shape.get("bpmnElement")] = (x, y, x + width, y + height)
    return found


def lines(diagram: etree._Element) -> dict[str, list[tuple[float, float]]]:
    return {
        edge.get("bpmnElement"): [
            (float(p.get("x")), float(p.get("y"))) for p in edge.findall(f"{DI}waypoint")
        ]
        for edge in diagram.iter(f"{BPMNDI}BPMNEdge")
    }


def test_every_diagram_of_the_project_is_shipped() -> None:
    assert {path.stem for path in PROCESSES} == set(SHIPPED)


def test_every_id_is_given_once(diagram: etree._Element) -> None:
    ids = Counter(element.get("id") for element in diagram.iter() if element.get("id"))
    assert [name for name, count in ids.items() if count > 1] == []


def test_no_id_is_one_of_the_engines_own(diagram: etree._Element) -> None:
    assert {"Start", "End", "Root"}.isdisjoint(element.get("id") for element in diagram.iter())


def test_every_id_that_is_named_exists(diagram: etree._Element) -> None:
    ids = {element.get("id") for element in diagram.iter()}
    named = set()
    for element in diagram.iter(f"{BPMN}*", f"{BPMNDI}*"):
        for attribute in ("sourceRef", "targetRef", "attachedToRef", "default", "processRef", "bpmnElement"):
            named |= {element.get(attribute)} - {None}
        if element.tag in {f"{BPMN}{name}" for name in ("incoming", "outgoing", "flowNodeRef")}:
            named.add(element.text)
    assert named - ids == set()


def test_flows_and_their_ends_know_each_other(diagram: etree._Element) -> None:
    by_id = {element.get("id"): element for element in diagram.iter()}
    for flow in every(diagram, "sequenceFlow"):
        out = [e.text for e in by_id[flow.get("sourceRef")].findall(f"{BPMN}outgoing")]
        into = [e.text for e in by_id[flow.get("targetRef")].findall(f"{BPMN}incoming")]
        assert flow.get("id") in out and flow.get("id") in into
        assert by_id[flow.get("sourceRef")].getparent() is by_id[flow.get("targetRef")].getparent()


def test_every_element_is_drawn(diagram: etree._Element) -> None:
    drawn = set(boxes(diagram)) | set(lines(diagram))
    assert {element.get("id") for element in every(diagram, *DRAWN)} == drawn


def test_every_element_that_people_see_has_a_chinese_name(diagram: etree._Element) -> None:
    for element in every(diagram, *STEPS, "subProcess", "lane", "participant"):
        assert any("\u4e00" <= sign <= "\u9fff" for sign in element.get("name") or ""), element.get("id")


def test_a_gateway_that_parts_the_way_asks_a_question_and_names_each_answer(diagram: etree._Element) -> None:
    for gateway in every(diagram, "exclusiveGateway"):
        assert gateway.get("name").endswith("？")
        out = [f for f in every(diagram, "sequenceFlow") if f.get("sourceRef") == gateway.get("id")]
        assert len(out) > 1 and all(flow.get("name") for flow in out)
        unconditional = [f.get("id") for f in out if f.find(f"{BPMN}conditionExpression") is None]
        assert unconditional == [gateway.get("default")]


def test_every_persons_task_has_a_form_that_exists_and_somebody_to_do_it(diagram: etree._Element) -> None:
    for task in every(diagram, "userTask"):
        assert (ROOT / f"forms/{task.get(f'{YZ}form')}.form").is_file()
        position = task.get(f"{YZ}position")
        assert position in DUTIES or position.startswith("=")


def test_every_form_is_used_by_a_diagram() -> None:
    used = set()
    for path in PROCESSES:
        used |= {element.get(f"{YZ}form") for element in etree.parse(path).getroot().iter()} - {None}
    assert {f"{path.parent.name}/{path.stem}" for path in FORMS} == used


def test_every_automatic_step_names_its_action_or_table(diagram: etree._Element) -> None:
    tables = {
        decision.get("id")
        for path in (ROOT / "processes").glob("*/*.dmn")
        for decision in etree.parse(path).getroot().iter(f"{DMN}decision")
    }
    assert all(task.get(f"{YZ}action") for task in every(diagram, "serviceTask"))
    assert all(task.get(f"{YZ}decision") in tables for task in every(diagram, "businessRuleTask"))
    timers = list(every(diagram, "timerEventDefinition"))
    assert all(timer.get(f"{YZ}table") in tables for timer in timers if timer.get(f"{YZ}rung"))


def test_the_limit_has_five_rungs_that_interrupt_nothing(intake: etree._Element) -> None:
    rungs = {}
    for event in every(intake, "boundaryEvent"):
        if event.get("attachedToRef") != "in_time":
            continue
        assert event.get("cancelActivity") == "false"
        timer = event.find(f"{BPMN}timerEventDefinition")
        assert (timer.get(f"{YZ}clock"), timer.get(f"{YZ}table")) == ("item", "escalation")
        (flow,) = (f for f in every(intake, "sequenceFlow") if f.get("sourceRef") == event.get("id"))
        (task,) = (t for t in every(intake, "serviceTask") if t.get("id") == flow.get("targetRef"))
        rungs[timer.get(f"{YZ}rung")] = task.get(f"{YZ}action")
    assert rungs == {
        "idle": "warn_idle",
        "remind": "remind_owner",
        "warn": "warn_owner_and_deputy",
        "late": "mark_late",
        "superior": "tell_superior",
    }


def test_every_task_before_and_at_the_answer_reminds_and_then_reports(intake: etree._Element) -> None:
    limits: dict[str, list[tuple[str, str]]] = {}
    actions = {task.get("id"): task.get(f"{YZ}action") for task in every(intake, "serviceTask")}
    leads = {flow.get("sourceRef"): flow.get("targetRef") for flow in every(intake, "sequenceFlow")}
    for event in every(intake, "boundaryEvent"):
        if (task := event.get("attachedToRef")) != "in_time" and event.get("cancelActivity") == "false":
            timer = event.find(f"{BPMN}timerEventDefinition")
            limit = timer.get(f"{YZ}limit") or timer.findtext(f"{BPMN}timeDate")
            limits.setdefault(task, []).append((limit, actions[leads[event.get("id")]]))
    assert limits == {
        "classify": [("2 working-hour", "remind_task"), ("4 working-hour", "report_task")],
        "check_materials": [("= remind_by", "remind_task"), ("= report_by", "report_task")],
        "answer": [("4 working-hour", "remind_task"), ("1 working-day", "report_task")],
    }


def test_the_client_is_a_pool_of_its_own_reached_by_messages(intake: etree._Element) -> None:
    (client,) = (p for p in every(intake, "participant") if p.get("processRef") is None)
    assert client.get("name") == "服务对象"
    for message in every(intake, "messageFlow"):
        assert client.get("id") in (message.get("sourceRef"), message.get("targetRef"))


def test_flows_run_straight_up_down_or_across(diagram: etree._Element) -> None:
    for name, points in lines(diagram).items():
        for (x1, y1), (x2, y2) in pairwise(points):
            assert x1 == x2 or y1 == y2, name


def test_no_two_lines_cross(diagram: etree._Element) -> None:
    drawn = [(name, piece) for name, points in lines(diagram).items() for piece in pairwise(points)]
    for (one, (a, b)), (other, (c, d)) in combinations(drawn, 2):
        if one == other or (a[0] == b[0]) == (c[0] == d[0]):
            continue
        (up, across) = ((a, b), (c, d)) if a[0] == b[0] else ((c, d), (a, b))
        low, high = sorted((up[0][1], up[1][1]))
        left, right = sorted((across[0][0], across[1][0]))
        assert not (left < up[0][0] < right and low < across[0][1] < high), (one, other)


def test_no_line_runs_through_a_step_that_is_not_its_own(diagram: etree._Element) -> None:
    ends = {
        flow.get("id"): {flow.get("sourceRef"), flow.get("targetRef")}
        for flow in every(diagram, "sequenceFlow", "messageFlow", "association")
    }
    steps = {element.get("id") for element in every(diagram, *STEPS)}
    found = {name: box for name, box in boxes(diagram).items() if name in steps}
    for name, points in lines(diagram).items():
        for (x1, y1), (x2, y2) in pairwise(points):
            for step, (left, top, right, bottom) in found.items():
                outside = (
                    max(x1, x2) <= left or min(x1, x2) >= right or max(y1, y2) <= top or min(y1, y2) >= bottom
                )
                assert outside or step in ends[name], (name, step)


def test_steps_keep_their_distance(diagram: etree._Element) -> None:
    steps = {e.get("id") for e in every(diagram, *STEPS)}
    sits_on = {(e.get("attachedToRef"), e.get("id")) for e in every(diagram, "boundaryEvent")}
    found = [(name, box) for name, box in boxes(diagram).items() if name in steps]
    for (one, a), (other, b) in combinations(found, 2):
        if {(one, other), (other, one)} & sits_on:
            continue
        assert max(b[0] - a[2], a[0] - b[2], b[1] - a[3], a[1] - b[3]) >= 20, (one, other)


def test_registering_asks_for_at_most_eight_things() -> None:
    form = json.loads((ROOT / "forms/intake/register.form").read_text("utf-8"))
    needed = [c for c in form["components"] if c.get("validate", {}).get("required")]
    of_agents = {"agent_name", "agent_relation", "agent_authorised"}
    assert {c["key"] for c in needed if "by_agent" in c.get("conditional", {}).get("hide", "")} == of_agents
    mandatory = [c["key"] for c in needed if c["key"] not in of_agents]
    # the handler only where it is registered on his or her behalf
    assert mandatory == ["channel", "first_contact", "handler", "name", "phone", "matter"]


def test_names_and_phones_are_personal_and_nothing_else_is() -> None:
    form = json.loads((ROOT / "forms/intake/register.form").read_text("utf-8"))
    personal = {c["key"]: c["properties"]["personal"] for c in form["components"] if "properties" in c}
    assert personal == {"name": "name", "phone": "phone", "agent_name": "name", "agent_phone": "phone"}


@pytest.mark.parametrize("path", FORMS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_fields_of_a_form_are_named_once_and_labelled_in_chinese(path: Path) -> None:
    form = json.loads(path.read_text("utf-8"))
    assert (form["type"], form["schemaVersion"]) == ("default", 19)

    def fields(components: list[dict[str, object]]) -> Iterator[dict[str, object]]:
        for component in components:
            yield component
            yield from fields(component.get("components", []))  # type: ignore[arg-type]

    found = list(fields(form["components"]))
    assert len({field["id"] for field in found}) == len(found)
    for field in found:
        words = str(field.get("label") or field.get("text"))
        assert any("\u4e00" <= sign <= "\u9fff" for sign in words), field["id"]
