"""The check before deployment: each bad snippet has its code, its mended twin has no finding at all."""

import json
import random
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from workflow.bpmn.problems import CODES, find
from workflow.engine.forms import check_form

ROOT = Path(__file__).parents[2]
DUTIES = ("intake", "technician", "head", "superior", "complaints", "archive", "equipment", "admin")
ACTIONS = {"issue": SimpleNamespace(inputs={"case_id": "number"}, outputs={"receipt_no": "string"})}
FORM = json.dumps({"components": [{"id": "d", "type": "number", "key": "days"}]}).encode()
DMN = b"""<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="n">
<decision id="care" name="care"><decisionTable id="t"><input id="i"><inputExpression id="e"><text>days</text>
</inputExpression></input><output id="o" name="plan"/><rule id="r"><inputEntry><text>> 1</text></inputEntry>
<outputEntry><text>"full"</text></outputEntry></rule></decisionTable></decision></definitions>"""
NAMESPACES = (
    'xmlns:b="http://www.omg.org/spec/BPMN/20100524/MODEL" xmlns:yz="urn:yizhan:bpmn:1" id="defs" '
    'targetNamespace="urn:t"'
)


def flow(source, target, condition="", key=""):
    inner = f"<b:conditionExpression>{condition}</b:conditionExpression>" if condition else ""
    key = key or f"{source}_{target}"
    return f'<b:sequenceFlow id="{key}" sourceRef="{source}" targetRef="{target}">{inner}</b:sequenceFlow>'


def diagram(body, top="", process='id="p" name="办事" isExecutable="true"'):
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<b:definitions {NAMESPACES}>{top}\n<b:process {process}>\n'
        f"{body}\n</b:process></b:definitions>"
    ).encode()


def found(files):
    if isinstance(files, bytes):
        files = {"p.bpmn": files, "care.dmn": DMN, "intake/a.form": FORM}
    return find(files, actions=ACTIONS, duties=DUTIES, read_form=check_form)


START, END = '<b:startEvent id="s"/>', '<b:endEvent id="e"/>'
USER = '<b:userTask id="u" yz:position="intake" yz:form="intake/a"/>'
LINE = START + USER + END + flow("s", "u") + flow("u", "e")
TIMER = "<b:timerEventDefinition>%s</b:timerEventDefinition>"
WORDS = "<b:timerEventDefinition %s/>"


def line(node, more=""):
    """start -> a node called x -> end."""
    return diagram(START + node + END + flow("s", "x") + flow("x", "e") + more)


def catching(inner, top=""):
    body = f'<b:intermediateCatchEvent id="x">{inner}</b:intermediateCatchEvent>'
    return diagram(START + body + END + flow("s", "x") + flow("x", "e"), top)


def choosing(condition, gateway='default="g_e"', more="", condition_of_end=""):
    gate = f'<b:exclusiveGateway id="g" {gateway}/>'
    flows = flow("s", "u") + flow("u", "g") + flow("g", "u", condition, "back")
    flows += flow("g", "e", condition_of_end)
    return diagram(START + USER + gate + END + flows + more)


def script(text):
    return line(f'<b:scriptTask id="x"><b:script>{text}</b:script></b:scriptTask>')


def user(attributes):
    return line(f'<b:userTask id="x" {attributes}/>')


def looping(inner):
    loop = f"<b:multiInstanceLoopCharacteristics>{inner}</b:multiInstanceLoopCharacteristics>"
    return line(f'<b:userTask id="x" yz:position="head" yz:form="intake/a">{loop}</b:userTask>')


GOOD_USER = 'yz:position="head" yz:form="intake/a"'
MESSAGE = '<b:message id="m" name="补正"/>'
BOUNDARY = (
    '<b:boundaryEvent id="late" attachedToRef="%s">'
    + WORDS % 'yz:limit="1 working-day"'
    + "</b:boundaryEvent>"
)
CALLED = '<b:process id="q" isExecutable="true"><b:startEvent id="qs"/><b:endEvent id="qe"/>%s%s</b:process>'

FORK = '<b:parallelGateway id="g"/><b:endEvent id="e2"/>'

# code -> (bad, mended)
SNIPPETS = {
    "no_process": (f"<b:definitions {NAMESPACES}/>".encode(), diagram(LINE)),
    "wrong_root": (b"<b:other xmlns:b='http://www.omg.org/spec/BPMN/20100524/MODEL'/>", diagram(LINE)),
    "not_executable": (diagram(LINE, process='id="p"'), diagram(LINE)),
    "no_start": (diagram(USER + END + flow("u", "e")), diagram(LINE)),
    "many_starts": (diagram(LINE + '<b:startEvent id="s2"/>' + flow("s2", "u")), diagram(LINE)),
    "no_end": (diagram(START + USER + flow("s", "u")), diagram(LINE)),
    "dead_end": (diagram(LINE + '<b:task id="t"/>' + flow("s", "t")), diagram(LINE)),
    "unreachable": (diagram(LINE + '<b:task id="t"/>' + flow("t", "e")), diagram(LINE)),
    "dangling_flow": (diagram(LINE + flow("u", "nowhere")), diagram(LINE)),
    "duplicate_id": (diagram(LINE + flow("u", "e", key="s")), diagram(LINE)),
    "missing_id": (diagram(LINE + "<b:task/>"), diagram(LINE)),
    "reserved_id": (
        diagram(LINE.replace('"s"', '"Start"')),
        diagram(LINE.replace('"s"', '"Starts"')),
    ),
    "duplicate_process": (
        diagram(LINE, CALLED.replace('"q"', '"p"') % (flow("qs", "qe"), "")),
        diagram(LINE, CALLED % (flow("qs", "qe"), "")),
    ),
    "missing_condition": (choosing(""), choosing("= days &gt; 1")),
    "no_default": (
        choosing("days &gt; 1", "", condition_of_end="days &lt;= 1"),
        choosing("days &gt; 1"),
    ),
    "bad_default": (choosing("days &gt; 1", 'default="s_u"'), choosing("days &gt; 1")),
    "bad_expression": (choosing("days &gt;"), choosing("days &gt; 0")),
    "unknown_name": (choosing("dayz &gt; 1"), choosing("days &gt; 1")),
    "unknown_function": (choosing("cuont(days) &gt; 1"), choosing("count(days) &gt; 1")),
    "bad_timer": (
        catching(TIMER % "<b:timeDuration>3 days</b:timeDuration>"),
        catching(TIMER % "<b:timeDuration>P3D</b:timeDuration>"),
    ),
    "unsupported_element": (
        catching("<b:conditionalEventDefinition/>"),
        catching(WORDS % 'yz:limit="2 working-hour"'),
    ),
    "unknown_decision": (
        line('<b:businessRuleTask id="x" yz:decision="cares"/>'),
        line('<b:businessRuleTask id="x" yz:decision="care"/>'),
    ),
    "unknown_form": (user('yz:position="head" yz:form="intake/b"'), user(GOOD_USER)),
    "no_form": (user('yz:position="head"'), user(GOOD_USER)),
    "unknown_role": (user('yz:position="boss" yz:form="intake/a"'), user(GOOD_USER)),
    "missing_role": (user('yz:form="intake/a"'), user(GOOD_USER)),
    "unknown_action": (
        line('<b:serviceTask id="x" yz:action="isue"/>'),
        line('<b:serviceTask id="x" yz:action="issue"/>'),
    ),
    "boundary_on_nothing": (
        diagram(LINE + BOUNDARY % "ghost" + flow("late", "e")),
        diagram(LINE + BOUNDARY % "u" + flow("late", "e")),
    ),
    "missing_event": (
        diagram(LINE + '<b:boundaryEvent id="late" attachedToRef="u"/>' + flow("late", "e")),
        diagram(LINE + BOUNDARY % "u" + flow("late", "e")),
    ),
    "missing_message_reference": (
        catching('<b:messageEventDefinition messageRef="n"/>', MESSAGE),
        catching('<b:messageEventDefinition messageRef="m"/>', MESSAGE),
    ),
    "bad_loop": (
        looping("<b:loopCardinality>1000000</b:loopCardinality>"),
        looping("<b:loopCardinality>3</b:loopCardinality>"),
    ),
    "busy_loop": (
        choosing("days &gt; 1").replace(b"b:userTask", b"b:sendTask").replace(b'yz:position="intake"', b""),
        choosing("days &gt; 1"),
    ),
    "implicit_fork": (
        diagram(LINE + '<b:endEvent id="e2"/>' + flow("u", "e2")),
        diagram(LINE.replace('targetRef="e"', 'targetRef="g"') + FORK + flow("g", "e") + flow("g", "e2")),
    ),
    "bad_declaration": (
        diagram('<b:extensionElements><yz:in name="a" type="text"/></b:extensionElements>' + LINE),
        diagram('<b:extensionElements><yz:in name="a" type="string"/></b:extensionElements>' + LINE),
    ),
    "unknown_call": (
        line('<b:callActivity id="x" calledElement="r"/>'),
        diagram(START + '<b:callActivity id="x" calledElement="q"/>' + END + flow("s", "x") + flow("x", "e"),
                CALLED % (flow("qs", "qe"), "")),
    ),
    "call_cycle": (
        line('<b:callActivity id="x" calledElement="p"/>'),
        diagram(START + '<b:callActivity id="x" calledElement="q"/>' + END + flow("s", "x") + flow("x", "e"),
                CALLED % (flow("qs", "qe"), "")),
    ),
}  # fmt: skip


@pytest.mark.parametrize("code", SNIPPETS)
def test_a_bad_snippet_is_found(code):
    findings = [finding for finding in found(SNIPPETS[code][0]) if finding.code == code]
    assert findings, [finding.as_dict() for finding in found(SNIPPETS[code][0])]
    assert findings[0].severity == CODES[code][0]
    assert findings[0].line
    assert findings[0].as_dict()["message"].endswith("。")


@pytest.mark.parametrize("code", SNIPPETS)
def test_its_mended_twin_has_no_finding(code):
    assert [finding.as_dict() for finding in found(SNIPPETS[code][1])] == []


OTHER_BAD = [
    ("bad_timer", catching(TIMER % "<b:timeDuration>P99999999999Y</b:timeDuration>")),
    ("bad_timer", catching(TIMER % "<b:timeCycle>R/PT0S</b:timeCycle>")),
    ("bad_timer", catching(TIMER % "<b:timeDate>tomorrow</b:timeDate>")),
    ("bad_timer", catching(TIMER % "")),
    ("bad_timer", catching(WORDS % 'yz:limit="2 fortnights"')),
    ("bad_timer", catching(WORDS % 'yz:clock="item" yz:rung="late"')),
    ("bad_timer", user(GOOD_USER + ' yz:due="soon"')),
    ("bad_expression", catching(TIMER % "<b:timeDuration>= P3D +</b:timeDuration>")),
    ("unknown_name", catching(TIMER % "<b:timeDuration>= P3D</b:timeDuration>")),
    ("unknown_name", user('yz:position="= boss" yz:form="intake/a"')),
    ("unknown_decision", catching(WORDS % 'yz:clock="item" yz:rung="late" yz:table="none"')),
    ("bad_expression", script("import os")),
    ("bad_expression", script("")),
    ("unknown_name", script("a = other")),
    ("bad_loop", looping("")),
    ("missing_message_reference", catching("<b:signalEventDefinition/>")),
    ("unsupported_element", line('<b:complexGateway id="x"/>')),
    ("bad_declaration", diagram('<b:extensionElements><yz:in name="a b"/></b:extensionElements>' + LINE)),
    ("unsupported_element", catching("<b:linkEventDefinition/>")),
]


@pytest.mark.parametrize(("code", "bad"), OTHER_BAD)
def test_more_bad_snippets_are_found(code, bad):
    assert code in [finding.code for finding in found(bad)]


@pytest.mark.parametrize(
    "good",
    [
        script("a = days + 1\nb = a * 2"),
        choosing(
            "receipt_no = null",
            more='<b:serviceTask id="t" yz:action="issue"/>' + flow("u", "t") + flow("t", "e"),
        ),
        catching(TIMER % "<b:timeDate>= date(today())</b:timeDate>"),
        catching(TIMER % "<b:timeCycle>R3/PT1H</b:timeCycle>"),
        user(GOOD_USER + ' yz:due="clock:item"'),
    ],
)
def test_good_snippets_have_no_error(good):
    assert [finding.as_dict() for finding in found(good) if finding.severity == "error"] == []


def test_all_findings_come_at_once_with_file_element_and_line():
    bad = diagram(
        LINE.replace("intake/a", "intake/z").replace('"intake"', '"boss"') + "\n" + flow("u", "ghost")
    )
    findings = found({"p.bpmn": bad, "care.dmn": DMN.replace(b"> 1", b"> 1 >"), "intake/a.form": b"{}"})
    assert [(f.file, f.code, f.element, f.line) for f in findings] == [
        ("care.dmn", "bad_expression", "care", 3),
        ("intake/a.form", "bad_form", None, None),
        ("p.bpmn", "unknown_form", "u", 4),
        ("p.bpmn", "unknown_role", "u", 4),
        ("p.bpmn", "dangling_flow", "u_ghost", 5),
    ]


DEEP = b"<a>" * 61 + b"</a>" * 61
LAUGHS = b"<!DOCTYPE a [<!ENTITY l 'lol'><!ENTITY m '&l;&l;&l;&l;&l;'>]><a>&m;</a>"


@pytest.mark.parametrize(
    ("code", "hostile"),
    [
        ("doctype", LAUGHS),
        ("doctype", b"<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"),
        ("too_large", b"<a>" + b" " * 2 * 1024 * 1024 + b"</a>"),
        ("too_large", b"<a>" + b"<b/>" * 20_001 + b"</a>"),
        ("too_deep", DEEP),
        ("not_utf8", "<?xml version='1.0' encoding='GBK'?><a>中</a>".encode("gbk")),
        ("not_utf8", "<a>中</a>".encode("utf-16")),
        ("not_xml", b""),
        ("not_xml", b"\x00\x01\x02"),
        ("not_xml", b"<a><b></a>"),
        ("not_xml", b"<a>&nope;</a>"),
        ("wrong_root", b"<definitions/>"),
    ],
)
def test_hostile_bytes_give_a_finding_within_a_second(code, hostile):
    started = time.perf_counter()
    assert [finding.code for finding in found(hostile)][:1] == [code]
    assert time.perf_counter() - started < 1


def test_a_huge_diagram_is_checked_in_time():
    tasks = "".join(
        f'<b:task id="t{i}"/>' + flow(f"t{i - 1}" if i else "s", f"t{i}", f"days &gt; {i}")
        for i in range(6000)
    )
    started = time.perf_counter()
    findings = found(diagram(START + tasks + END + flow("t5999", "e")))
    assert [finding.code for finding in findings] == []
    assert time.perf_counter() - started < 5


def test_a_flood_of_expressions_is_refused_within_a_second():
    texts = ("(" * 200 + "days" + ")" * 200 + f" = {i}" for i in range(3000))
    flood = "".join(f'<b:task id="t{i}"/>' + flow("s", f"t{i}", text) for i, text in enumerate(texts))
    started = time.perf_counter()
    assert "too_large" in [finding.code for finding in found(diagram(START + flood))]
    assert time.perf_counter() - started < 1


def test_a_mangled_diagram_never_gives_a_traceback():
    bundle = (ROOT / "processes/intake/intake.bpmn").read_bytes()
    dice = random.Random(7)
    for _ in range(60):
        lines = bundle.split(b"\n")
        for _ in range(4):
            place = dice.randrange(3, len(lines))
            words = lines[place].split(b'"')
            words[dice.randrange(len(words))] = dice.choice(
                [b"", b"s", b"=1 +", b"Start", b"\xe4\xb8\xad", b"p"]
            )
            lines[place] = b'"'.join(words)
        assert all(str(finding.message) for finding in found({"intake.bpmn": b"\n".join(lines)}))


@pytest.mark.parametrize(
    "path", sorted((Path(__file__).parent / "diagrams").glob("*.bpmn")), ids=lambda p: p.stem
)
def test_diagrams_that_run_have_no_structural_error(path):
    class Whatever(dict):
        def __contains__(self, key):
            return True

    files = {path.name: path.read_bytes(), "care.dmn": (path.parent / "care.dmn").read_bytes()}
    absent = {"missing_role", "unknown_form", "unknown_decision"}  # these small diagrams come without them
    errors = [
        finding.as_dict()
        for finding in find(files, actions=Whatever(), duties=Whatever())
        if finding.severity == "error" and finding.code not in absent
    ]
    assert errors == []
