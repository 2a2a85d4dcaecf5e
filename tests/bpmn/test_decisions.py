"""Decision tables: the four hit policies, one crossing, and what is refused when read."""

from datetime import UTC, datetime

import pytest

from workflow.bpmn import expressions
from workflow.bpmn.decisions import DecisionError, decide, parse_dmn, read_dmn

MOMENT = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)


def table(*rules, policy="UNIQUE", inputs=("days",), outputs=("plan",), extra=""):
    columns = "".join(
        f'<input id="i{i}"><inputExpression id="e{i}"><text>{text}</text></inputExpression></input>'
        for i, text in enumerate(inputs)
    )
    columns += "".join(f'<output id="o{i}" name="{name}"/>' for i, name in enumerate(outputs))
    rows = ""
    for n, rule in enumerate(rules):
        cells = "".join(f"<inputEntry><text>{text}</text></inputEntry>" for text in rule[: len(inputs)])
        cells += "".join(f"<outputEntry><text>{text}</text></outputEntry>" for text in rule[len(inputs) :])
        rows += f'<rule id="r{n}">{cells}</rule>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<definitions xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/" id="d" name="d" namespace="n">'
        f'<decision id="care" name="care">{extra}'
        f'<decisionTable id="t" hitPolicy="{policy}">{columns}{rows}</decisionTable></decision></definitions>'
    ).encode()


def decided(xml, **data):
    return decide(parse_dmn(xml)["care"], data, moment=MOMENT)


PLANS = [("&lt;= 1", '"none"'), ("(1..5]", '"short"'), ("> 5", '"full"')]


@pytest.mark.parametrize(("days", "plan"), [(1, "none"), (3, "short"), (9, "full"), (None, None)])
def test_a_unique_table_gives_the_outputs_of_the_rule_that_fits(days, plan):
    assert decided(table(*PLANS), days=days) == {"plan": plan}


def test_two_fitting_rules_of_a_unique_table_are_an_error():
    with pytest.raises(DecisionError, match="rules 1, 2"):
        decided(table(("> 1", "1"), ("> 2", "2")), days=5)


def test_first_takes_the_first_rule_that_fits():
    assert decided(table(("> 1", "1"), ("> 2", "2"), policy="FIRST"), days=5) == {"plan": 1}


def test_any_needs_rules_that_agree():
    assert decided(table(("> 1", "7"), ("> 2", "7"), policy="ANY"), days=5) == {"plan": 7}
    with pytest.raises(DecisionError, match="disagree"):
        decided(table(("> 1", "7"), ("> 2", "8"), policy="ANY"), days=5)


def test_collect_gives_a_list_of_all():
    xml = table(("> 1", "1"), ("> 2", "2"), ("> 9", "3"), policy="COLLECT")
    assert decided(xml, days=5) == [{"plan": 1}, {"plan": 2}]
    assert decided(xml, days=0) == []


def test_several_inputs_and_outputs_empty_cells_and_formulas():
    xml = table(
        ("&gt; limit", "", "days * 2", '"late"'),
        ("-", "true", "null", '"early"'),
        inputs=("days", "urgent"),
        outputs=("planned", "word"),
        policy="FIRST",
    )
    assert decided(xml, days=4, limit=3, urgent=None) == {"planned": 8, "word": "late"}
    assert decided(xml, days=1, limit=3, urgent=True) == {"planned": None, "word": "early"}


def test_a_decision_tells_the_names_it_reads():
    xml = table(("&gt; limit", "days * rate"))
    assert parse_dmn(xml)["care"].inputs_read == {"days", "limit", "rate"}
    assert parse_dmn(xml)["care"].outputs == ("plan",)


def test_a_decision_is_one_isolate_call():
    decision = parse_dmn(table(*PLANS))["care"]
    before = expressions.counted()
    decide(decision, {"days": 3}, moment=MOMENT)
    assert expressions.counted() == before + 1


def test_unknown_names_and_no_fitting_rule_are_told_beside_the_nulls():
    heard = []
    assert decide(parse_dmn(table(*PLANS))["care"], {}, moment=MOMENT, warn=heard.append) == {"plan": None}
    assert heard[0].kind == "NO_VARIABLE_FOUND"
    assert heard[-1].kind == "NO_RULE_MATCHED"


NEEDS_ANOTHER = '<informationRequirement><requiredDecision href="#x"/></informationRequirement>'


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        (table(*PLANS, policy="PRIORITY"), "bad_hit_policy"),
        (table(*PLANS, policy="OUTPUT ORDER"), "bad_hit_policy"),
        (table(*PLANS, policy='COLLECT" aggregation="SUM'), "bad_hit_policy"),
        (table(("> 1 >", "1")), "bad_expression"),
        (table(("> 1", "foo(2)")), "bad_expression"),
        (table(("> 1",)), "bad_decision"),
        (table(*PLANS, outputs=("two words",)), "bad_decision"),
        (table(*PLANS, outputs=("",)).replace(b'id="care"', b""), "missing_id"),
        (table(*PLANS, extra=NEEDS_ANOTHER), "unsupported_element"),
        (b'<decision xmlns="https://www.omg.org/spec/DMN/20191111/MODEL/"/>', "wrong_root"),
        (b"<!DOCTYPE x><x/>", "doctype"),
        (b"\x00\x01garbage", "not_xml"),
    ],
)
def test_a_bad_table_is_refused_when_read(xml, code):
    _, flaws = read_dmn(xml)
    assert code in [flaw.code for flaw in flaws]
    with pytest.raises(DecisionError):
        parse_dmn(xml)
