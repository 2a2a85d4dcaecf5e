"""Who does what and who acts today, found by item, post, duty or person (R2.2.6)."""

from __future__ import annotations

import pytest

from tests.processes.conftest import at
from workflow.station import directory


def found(station, q="", moment=None):
    return directory.entries(station.session, moment or station.clock.now(), q)


def names(entries):
    return [entry.arrangement.position.name for entry in entries]


def test_r2_2_6_the_item_leads_to_its_handler_and_to_who_acts_today(station, zhangwei, chenzhiqiang):
    (entry,) = found(station, "校准")
    assert names([entry]) == ["计量技术"] and [one.item.code for one in entry.items] == ["JL01"]
    assert (entry.turn.person, entry.turn.acting_for) == (zhangwei.row, None)
    assert entry.phone == zhangwei.row.phone
    # 张伟 is away from the 9th to the 11th
    (entry,) = found(station, "校准", at("2026-03-10 09:00"))
    assert (entry.turn.person, entry.turn.acting_for) == (chenzhiqiang.row, zhangwei.row)
    assert entry.phone == chenzhiqiang.row.phone


@pytest.mark.parametrize(
    ("q", "expected"),
    [
        ("JL01", ["计量技术"]),
        ("jl01", ["计量技术"]),
        ("jljd", []),
        ("jlqj", ["计量技术"]),
        ("知识产权", ["标准认证技术"]),
        ("投诉", ["投诉处理"]),
        ("complaint", ["投诉处理"]),
        ("赵敏", ["标准认证技术", "投诉处理", "档案统计", "系统管理"]),
        ("没有这样的事", []),
    ],
)
def test_r2_2_6_it_is_found_by_code_initials_domain_duty_or_person(station, q, expected):
    assert names(found(station, q)) == expected


def test_r2_2_6_without_a_question_every_post_in_use_stands_there_with_its_items(station):
    entries = {entry.arrangement.position.code: entry for entry in found(station)}
    assert len(entries) == 10
    assert [one.item.code for one in entries["metrology"].items] == ["JL01", "JL02"]
    assert entries["records"].items == []


def test_r2_2_6_an_item_that_is_not_offered_yet_and_a_post_out_of_use_are_not_found(station):
    post = found(station, "投诉")[0].arrangement.position
    post.active = False
    station.session.flush()
    assert found(station, "投诉") == []
    assert found(station, "JL01", at("2025-12-31 09:00")) == []
