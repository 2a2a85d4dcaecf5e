"""The discussion of a case, and who is looking at it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import DBAPIError

from tests.processes.conftest import head, liting, station, wangfang, zhangwei
from workflow.errors import NotFound, Refused
from workflow.station import discussion, looking, staff
from workflow.station.discussion import Comment
from workflow.station.looking import EXPIRES, Looking

__all__ = ["head", "liting", "station", "wangfang", "zhangwei"]


@pytest.fixture
def case(liting):
    return liting.registers()


def says(station, person, case, words, **more):
    comment = discussion.add(
        station.session, person.row, person.actor, case, words, moment=station.clock.now(), **more
    )
    station.session.commit()
    return comment


def test_who_is_named_is_told_with_a_link_and_nobody_else(station, liting, wangfang, zhangwei, case):
    comment = says(station, liting, case, "@王芳 请看第二份材料，@王芳")
    (words,) = wangfang.told()
    assert words.startswith("李婷 在") and "提到您" in words
    assert "第二份" not in words  # what was said stays with the case
    assert comment.mentioned == [wangfang.row.key]
    assert zhangwei.told() == liting.told() == []


def test_who_names_himself_is_not_told(station, liting, case):
    assert says(station, liting, case, "@李婷 记一下").mentioned == []
    assert liting.told() == []


def test_of_names_that_begin_alike_the_longest_counts(station, liting, case):
    long = staff.create(station.session, login="wangfangfang", name="王芳芳")
    assert says(station, liting, case, "请@王芳芳看").mentioned == [long.key]


def test_who_may_not_see_the_case_cannot_be_named(station, liting, case):
    with pytest.raises(Refused, match="郭磊"):
        says(station, liting, case, "@郭磊 看一下")
    assert station.session.scalars(select(Comment)).all() == []


@pytest.mark.parametrize("words", ["", "  \n ", "长" * 2001, "藏‮起来", "铃\x07"])
def test_what_says_nothing_or_hides_something_is_refused(station, liting, case, words):
    with pytest.raises(Refused):
        says(station, liting, case, words)


def test_a_comment_is_put_right_by_another_and_stays(station, liting, wangfang, case):
    first = says(station, liting, case, "材料三份。")
    says(station, liting, case, "是四份。", corrects_id=first.id)
    found = discussion.of(station.session, liting.actor, case)
    assert [one.text for one in found] == ["材料三份。", "是四份。"]
    assert discussion.latest(station.session, liting.actor, case).text == "是四份。"
    with pytest.raises(NotFound):
        says(station, wangfang, case, "别人的话", corrects_id=first.id)
    with pytest.raises(NotFound):
        says(station, liting, liting.registers(), "别的办件", corrects_id=first.id)


@pytest.mark.parametrize("act", ["UPDATE comment SET text = 'x'", "DELETE FROM comment"])
def test_comments_are_only_added_to(station, liting, case, act):
    says(station, liting, case, "写下了")
    with pytest.raises(DBAPIError):
        station.session.execute(text(act))
    station.session.rollback()


def test_who_may_not_see_cases_reads_no_discussion(station, liting, case):
    says(station, liting, case, "内部意见")
    assert discussion.of(station.session, station.person("admin").actor, case) == []


def looks(station, person, case):
    looking.look(station.session, person.row, case)


def others(station, person, case):
    return looking.others(station.session, person.actor, person.row, case)


def test_who_looks_is_seen_by_the_others_and_not_by_himself(station, liting, wangfang, zhangwei, case):
    looks(station, liting, case)
    looks(station, zhangwei, case)
    assert others(station, wangfang, case) == ["李婷", "张伟"]
    assert others(station, liting, case) == ["张伟"]
    assert others(station, wangfang, liting.registers()) == []
    assert others(station, station.person("admin"), case) == []


def test_who_went_away_is_looking_no_longer_after_45_seconds(station, liting, wangfang, case):
    looks(station, liting, case)
    for ago, seen in ((EXPIRES - timedelta(seconds=5), ["李婷"]), (EXPIRES, [])):
        station.session.execute(update(Looking).values(at=func.clock_timestamp() - ago))
        assert others(station, wangfang, case) == seen


def test_the_table_of_looks_stays_small(station, liting, case):
    looks(station, liting, case)
    station.session.execute(update(Looking).values(at=func.clock_timestamp() - EXPIRES * 2))
    looks(station, liting, liting.registers())
    assert station.session.scalar(select(func.count()).select_from(Looking)) == 1


def test_looks_are_of_the_machines_clock_not_of_the_business(station, liting, wangfang, case):
    looks(station, liting, case)
    station.clock.shift(days=3)
    assert others(station, wangfang, case) == ["李婷"]
