"""Several tasks at once: what can be done is done, the rest is said line by line."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select, update

from tests.conftest import Clock, Database
from tests.web.conftest import Browser, registration
from tests.web.test_inbox_lists import key_of
from workflow.engine.history import HistoryRow
from workflow.engine.tasks import OPEN, TaskRow

People = Callable[[str], Browser]


@pytest.fixture
def three(liting: Browser, database: Database, registered: int) -> list[int]:
    for _ in range(2):
        liting.send("/cases/new", registration(database))
    with database.sessions() as session:
        return list(session.scalars(select(TaskRow.id).where(TaskRow.status == OPEN).order_by(TaskRow.id)))


def post(browser: Browser, act: str, tasks: list[int], **more: str):
    data = {"csrf_token": browser.token, "act": act, "task": [str(one) for one in tasks], **more}
    return browser.client.post("/tasks/several?view=mine", data=data)


def assignees(database: Database) -> list[str | None]:
    with database.sessions() as session:
        return list(session.scalars(select(TaskRow.assignee).order_by(TaskRow.id)))


def test_all_chosen_tasks_are_claimed_and_given_back(
    liting: Browser, database: Database, three: list[int]
) -> None:
    answer = post(liting, "claim", three)
    assert answer.status_code == 302 and answer.location == "/?view=mine"
    assert assignees(database) == [key_of(database, "liting")] * 3
    assert "已签收 3 件" in liting.get("/").text
    post(liting, "give_back", three[:2])
    assert assignees(database) == [None, None, key_of(database, "liting")]


def test_what_a_colleague_was_faster_with_is_said_and_the_rest_is_done(
    liting: Browser, wangfang: Browser, database: Database, three: list[int]
) -> None:
    wangfang.post(f"/tasks/{three[1]}/claim")
    answer = post(liting, "claim", [*three, 999])
    assert answer.status_code == 200
    assert "已签收 2 件" in answer.text and "2 件没有处理" in answer.text
    assert answer.text.count("这个任务已由同事签收") == 1
    liting_key, wangfang_key = key_of(database, "liting"), key_of(database, "wangfang")
    assert assignees(database) == [liting_key, wangfang_key, liting_key]
    with database.sessions() as session:
        claims = session.scalar(select(func.count()).where(HistoryRow.kind == "claim"))
    assert claims == 3


def test_what_one_may_not_see_is_answered_like_what_does_not_exist(
    signed_in: People, database: Database, three: list[int]
) -> None:
    zhangwei = signed_in("zhangwei")
    seen, unknown = post(zhangwei, "claim", [three[0]]).text, post(zhangwei, "claim", [999]).text
    reasons = [text.split("<ul>")[1].split("</ul>")[0] for text in (seen, unknown)]
    assert reasons[0].replace(str(three[0]), "N") == reasons[1].replace("999", "N")
    assert "SL2026" not in seen and "自我声明" not in seen
    assert assignees(database) == [None] * 3


def test_what_has_a_form_is_not_completed_unread(
    liting: Browser, database: Database, three: list[int]
) -> None:
    with database.sessions.begin() as session:  # a step that asks for nothing
        session.execute(update(TaskRow).where(TaskRow.id == three[0]).values(form=None))
    answer = post(liting, "complete", three[1:])
    assert answer.text.count("需要填写表单") == 2
    with database.sessions() as session:
        open_tasks = session.scalars(select(TaskRow.id).where(TaskRow.status == OPEN)).all()
    assert set(three) <= set(open_tasks)


def test_tasks_are_handed_over_with_a_warning_for_each_deadline_of_an_absence(
    liting: Browser, signed_in: People, database: Database, three: list[int], clock: Clock
) -> None:
    post(liting, "claim", three)
    with database.sessions.begin() as session:
        session.execute(
            update(TaskRow).where(TaskRow.id == three[2]).values(due_at=clock.move_to("2026-03-10 17:30"))
        )
    clock.move_to("2026-03-03 09:00")
    chosen = "&".join(f"task={one}" for one in three)
    offered = liting.get(f"/tasks/several/colleagues?{chosen}", headers={"HX-Request": "true"}).text
    assert "张伟 3月10日出差，由陈志强代岗" in offered
    assert offered.count("代岗") == 1
    answer = post(liting, "hand_over", three, to=key_of(database, "zhangwei"))
    assert answer.status_code == 302
    page = liting.get("/").text
    assert "已转交 3 件" in page and page.count("请注意：张伟 3月10日出差，由陈志强代岗") == 1
    assert assignees(database) == [key_of(database, "zhangwei")] * 3
    assert signed_in("zhangwei").get("/notices").text.count("转交给您") == 3
    assert "3月10日出差" in liting.get("/notices").text


def test_the_same_key_does_it_once(liting: Browser, database: Database, three: list[int]) -> None:
    post(liting, "claim", three)
    to = key_of(database, "zhaomin")
    first = post(liting, "hand_over", three, to=to, key="k1")
    again = post(liting, "hand_over", three, to=to, key="k1")
    assert first.status_code == again.status_code == 302
    with database.sessions() as session:
        assert session.scalar(select(func.count()).where(HistoryRow.kind == "reassign")) == 3
    other = post(liting, "hand_over", three, to=key_of(database, "liuyang"), key="k1")
    assert other.text.count("已用于另一项操作") == 3


def test_a_task_named_twice_is_done_once(liting: Browser, three: list[int]) -> None:
    post(liting, "claim", [three[0], three[0]])
    assert "已签收 1 件" in liting.get("/").text


@pytest.mark.parametrize(
    ("act", "count", "to"), [("destroy", 1, ""), ("claim", 0, ""), ("hand_over", 1, ""), ("claim", 101, "")]
)
def test_what_asks_for_nothing_or_too_much_is_refused(liting: Browser, act: str, count: int, to: str) -> None:
    liting.get("/")
    assert post(liting, act, list(range(1, count + 1)), to=to).status_code == 422


def test_it_is_refused_without_the_token_of_a_page(
    liting: Browser, database: Database, three: list[int]
) -> None:
    answer = liting.client.post("/tasks/several", data={"act": "claim", "task": str(three[0])})
    assert answer.status_code == 403
    assert assignees(database) == [None] * 3
