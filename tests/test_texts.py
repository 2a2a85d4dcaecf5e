"""One catalogue: every sentence of the program has its English, and nothing else stands in it."""

from __future__ import annotations

import re

import pytest
from babel.messages.catalog import Catalog

from workflow.station import demo
from workflow.texts import T
from workflow.translations import __main__ as translations

HAN = re.compile(r"[\u3400-\u9fff\u3001\u3002\uff01-\uff5e]")
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}|%%")
HALF_WIDTH = re.compile(r"[\u3400-\u9fff”）][,;:?!(]|[,;:?!)][\u3400-\u9fff“（]")


@pytest.fixture(scope="module")
def said() -> list[str]:
    """Every sentence of code, pages, forms, diagrams and tables, read afresh."""
    return [str(one.id) for one in translations.found() if one.id]


@pytest.fixture(scope="module")
def english() -> Catalog:
    return translations.read()


def test_the_extraction_sees_code_pages_forms_diagrams_tables_and_islands(said: list[str]) -> None:
    wanted = {
        "登录名或密码不正确。",  # a T() of a module
        "登录一站",  # a template
        "请填写 11 位手机号，或带区号的固定电话，例如 000-12345678。",  # a form's own message
        "承诺办结日期",  # the label of a form's date
        "材料齐全？",  # a gateway of a diagram
        "见判定表《办理要求》：一个工作日内的事项不必另写方案，也不抽样复核。",  # a note in one
        "办件时限提醒",  # a table
        "没有符合的选项",  # what an island says
    }
    assert wanted - set(said) == set()


def test_every_sentence_has_an_english_one(said: list[str], english: Catalog) -> None:
    lacking = [one for one in said if not (known := english.get(one)) or not known.string or known.fuzzy]
    assert lacking == [], "python -m workflow.translations update, then fill in messages.po"


def test_the_catalogue_holds_no_sentence_that_nobody_says(said: list[str], english: Catalog) -> None:
    assert {str(one.id) for one in english if one.id} - set(said) == set()


def test_placeholders_are_the_same_in_both_languages(english: Catalog) -> None:
    different = [
        one.id
        for one in english
        if one.id and sorted(PLACEHOLDER.findall(str(one.id))) != sorted(PLACEHOLDER.findall(str(one.string)))
    ]
    assert different == []


def test_the_english_is_english(english: Catalog) -> None:
    assert [one.string for one in english if one.id and HAN.search(str(one.string))] == []


def test_the_sentences_are_written_in_chinese(said: list[str]) -> None:
    foreign = [one for one in said if not HAN.search(one) and re.search("[A-Za-z]", PLACEHOLDER.sub("", one))]
    assert foreign == [], "the id of a sentence is Chinese"


def test_chinese_sentences_have_chinese_punctuation(said: list[str]) -> None:
    bare = [(one, re.sub(r"%\(\w+\)s", "中", one)) for one in said]
    assert [one for one, filled in bare if HALF_WIDTH.search(filled)] == []


def test_titles_of_the_demo_are_said_in_english_too() -> None:
    titles = {login.title for login in demo.LOGINS}
    assert [title for title in titles if HAN.search(T(title).say("en"))] == []


def test_a_sentence_with_sentences_inside_is_english_all_through() -> None:
    told = T("应于 %(when)s 前%(act)s", when=T("%(month)s%(day)s日", month=T("3月"), day=5), act=T("办结"))
    assert told.say("en") == "Completion due by 5 March"
    assert told.say("zh") == "应于 3月5日 前办结"


def test_one_is_no_plural_in_english() -> None:
    left = [T("剩 %(count)s 个工作日", count=count).say("en") for count in (1, "0.5", 11)]
    assert left == ["1 working day left", "0.5 working days left", "11 working days left"]
