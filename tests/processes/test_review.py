"""Review by sample before closing (R1.2.1c, decision 32)."""

from __future__ import annotations

import pytest

from tests.processes.conftest import OPEN
from workflow.errors import InvalidForm, NotFound
from workflow.station import cases, review
from workflow.station.review import ReviewBlock


@pytest.fixture
def drawn(station, liting, zhangwei):
    """JL01, handled by 张伟; the next one of the block is the one that is drawn."""
    station.session.merge(ReviewBlock(size=5, used=1, chosen=2))
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    zhangwei.handles(case)
    return case


def test_r1_2_1c_of_ten_cases_two_are_reviewed_one_of_each_block(station):
    station.session.merge(ReviewBlock(size=5, used=5, chosen=1))  # a block has just been filled
    found = [review.draw(station.session, 5) for _ in range(50)]
    assert [sum(found[first : first + 5]) for first in range(0, 50, 5)] == [1] * 10


def test_r1_2_1c_a_drawn_case_is_reviewed_by_the_head_before_it_is_closed(liting, head, drawn):
    assert "close" not in {line.element for line in liting.inbox()}
    head.does(drawn, "review", {"verdict": "pass"})
    liting.closes(drawn)
    assert drawn.state == cases.CLOSED


def test_r1_2_1c_what_is_sent_back_is_handled_and_reviewed_again(station, liting, zhangwei, head, drawn):
    head.does(drawn, "review", {"verdict": "return", "opinion": "证书编号没有写。"})
    task = zhangwei.task(drawn, "handle")
    form = station.engine.task_form(task.id, by=zhangwei.actor)
    assert form is not None and form.values["review_opinion"] == "证书编号没有写。"
    zhangwei.handles(drawn)
    assert head.task(drawn, "review").status == OPEN


def test_r1_2_1c_sending_back_says_why(head, drawn):
    with pytest.raises(InvalidForm):
        head.does(drawn, "review", {"verdict": "return"})


def test_r1_2_1c_nobody_reviews_what_he_has_handled(station, liting, head, superior):
    station.session.merge(ReviewBlock(size=5, used=1, chosen=2))
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    (line,) = [line for line in station.person("zhangwei").inbox() if line.case_id == case.id]
    station.engine.complete(
        line.task_id, by=head.actor, data={"progress": "站长代为办理完毕。", "needs_more": False}
    )
    station.session.commit()
    task = superior.task(case, "review")
    with pytest.raises(NotFound):
        station.engine.complete(task.id, by=head.actor, data={"verdict": "pass"})
    station.session.rollback()
    superior.does(case, "review", {"verdict": "pass"})


def test_r1_2_1c_an_item_of_one_day_is_not_drawn(station, liting):
    station.session.merge(ReviewBlock(size=5, used=1, chosen=2))
    case = liting.registers()
    liting.classifies(case, "BZ01")
    liting.accepts(case)
    station.session.expire_all()
    assert station.session.get_one(ReviewBlock, 5).used == 1
