"""FEEL in the isolate: values, warnings, the station's clock, limits, reading of names."""

import os
import threading
from datetime import UTC, datetime

import pytest

from workflow.bpmn import expressions
from workflow.bpmn.expressions import (
    FeelError,
    FeelMemory,
    FeelSyntax,
    FeelTimeout,
    evaluate,
    evaluate_many,
    names,
    problems,
)

NINE_IN_SHANGHAI = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
SEVEN_IN_SHANGHAI = datetime(2026, 3, 1, 23, 0, tzinfo=UTC)


def value(expression, moment=NINE_IN_SHANGHAI, **data):
    return evaluate(expression, data, moment=moment).value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("= a + 1", 4),
        ("rows[n > 2].n", [5]),
        ('if a > 2 then "many" else "few"', "many"),
        ('duration("P40D")', "P40D"),
        ('date("2026-03-02") + duration("P1D")', "2026-03-03"),
        ('time("10:00:00")', "10:00:00+08:00"),
        ("1 / 0", None),
        ("function(x) x", None),
        ("{b: a, c: [a, null]}", {"b": 3, "c": [3, None]}),
        ("事项 = null", True),
    ],
)
def test_a_result_is_plain_json(expression, expected):
    assert value(expression, a=3, rows=[{"n": 1}, {"n": 5}], 事项=None) == expected


def test_now_and_today_are_the_given_moment_in_shanghai():
    assert value("now()", SEVEN_IN_SHANGHAI) == "2026-03-02T07:00:00+08:00"
    assert value("today()", SEVEN_IN_SHANGHAI) == "2026-03-02"
    assert value("date(now()) = today()", SEVEN_IN_SHANGHAI) is True
    assert value('today() = date("2026-03-02")', SEVEN_IN_SHANGHAI) is True
    assert value('now() = date and time("2026-03-02T07:00:00")', SEVEN_IN_SHANGHAI) is True
    assert value('now() - date and time("2026-03-01T00:00:00")', NINE_IN_SHANGHAI) == "P1DT9H"


def test_an_unknown_name_is_null_beside_a_warning():
    result = evaluate("stauts = oter", {}, moment=NINE_IN_SHANGHAI)
    assert result.value is True
    assert [warning.kind for warning in result.warnings] == ["NO_VARIABLE_FOUND"] * 2


def test_a_batch_crosses_once_and_keeps_its_order():
    before = expressions.counted()
    data = {"a": 2}
    results = evaluate_many(
        [("a * 2", data), ("a * b", {"a": 3, "b": 5}), ("a", data)], moment=NINE_IN_SHANGHAI
    )
    assert [result.value for result in results] == [4, 15, 2]
    assert expressions.counted() == before + 3


def test_cells_of_a_table_are_unary_tests():
    cells = [
        ("> 3", 5, {}),
        ("[1..4)", 4, {}),
        ('"a", "b"', "b", {}),
        ("-", 1, {}),
        ("not(<= lim)", 6, {"lim": 5}),
    ]
    assert expressions.unary_tests(cells, moment=NINE_IN_SHANGHAI) == [True, False, True, True, True]


def test_what_is_no_feel_is_refused():
    with pytest.raises(FeelSyntax):
        value("a +", a=1)


def test_nothing_of_the_host_is_reachable():
    for name in ("globalThis", "constructor", "__proto__", "yz_run", "Function"):
        assert value(name) is None
    assert value("{a: 1}.constructor") is None


@pytest.mark.parametrize(
    "runaway",
    [
        "for i in 1..100000, j in 1..100000 return i",
        'matches("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "^(a+)+$")',
    ],
)
def test_a_runaway_is_stopped_and_the_next_question_answered(runaway):
    with pytest.raises((FeelTimeout, FeelMemory)):  # whichever limit it meets first: the loop also grows
        value(runaway)
    assert value("1 + 1") == 2


def test_a_memory_bomb_is_stopped_and_the_next_question_answered():
    bomb = "for i in 1..1000000 return for j in 1..1000 return i * j"
    with pytest.raises(FeelError):
        value(bomb)
    assert value("1 + 1") == 2


def test_an_answer_too_large_is_refused():
    with pytest.raises(expressions.FeelMemory):
        value('for i in 1..20000 return "%s"' % ("x" * 100))
    assert value("1 + 1") == 2


def test_many_threads_get_their_own_answers():
    wrong = []

    def ask(number):
        wrong.extend(i for i in range(50) if value("a * 1000 + b", a=number, b=i) != number * 1000 + i)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_forked_child_has_its_own_isolate():
    assert value("1 + 1") == 2
    child = os.fork()
    if child == 0:
        os._exit(0 if value("20 + 2") == 22 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert value("1 + 1") == 2


def test_memory_does_not_grow_over_many_questions():
    for i in range(3000):
        assert value(f"a + {i}", a=1) == 1 + i


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a.b + c", {"a", "c"}),
        ("for x in rows return x.pages * k", {"rows", "k"}),
        ("some r in rows satisfies r.n = k", {"rows", "k"}),
        ("count(rows[pages > lim])", {"rows", "pages", "lim"}),
        ("{a: 1, b: a + c}.b", {"c"}),
        ("list contains(a, string length(b))", {"a", "b"}),
        ("today() > date(due)", {"due"}),
    ],
)
def test_the_names_of_an_expression_are_its_free_variables(expression, expected):
    assert names(expression) == expected


@pytest.mark.parametrize(
    ("expression", "kind", "name", "position"),
    [
        ("a + b", "unknown_name", "b", 4),
        ("= a + b", "unknown_name", "b", 6),
        ("foo(a)", "unknown_function", "foo", 0),
        ("a +", "syntax", "", 3),
        ("${a}", "syntax", "$", 0),
        ("a == 3", "syntax", "==", 2),
        ("a > 6e4", "syntax", "6e4", 4),
        ("a instance of number", "syntax", "instance of", 0),
        ("", "syntax", "", 0),
    ],
)
def test_a_problem_is_found_with_its_place(expression, kind, name, position):
    (found,) = problems(expression, known={"a"})
    assert (found.kind, found.name, found.position) == (kind, name, position)
    assert str(found)


def test_a_sound_expression_has_no_problem():
    assert problems("count(rows[n > a]) > 0 and date(a) < today()", known={"a", "rows"}) == []
    assert problems('not("x", b)', known={"b"}, unary=True) == []
