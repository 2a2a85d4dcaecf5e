"""The inbox's lists on its page: views, filters in the address, saved filters, pages, the poll."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import event, select

from tests.conftest import Clock, Database
from tests.web.conftest import Browser, registration
from workflow.engine.tasks import TaskRow
from workflow.station import clocks
from workflow.station.cases import CaseMaterial
from workflow.station.filters import SavedFilter

People = Callable[[str], Browser]
POLL = {"HX-Request": "true", "X-Yizhan-Poll": "1"}


def shows(browser: Browser, address: str, task: int) -> bool:
    answer = browser.get(address, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    return f'id="task-{task}"' in answer.text


def mark_of(text: str) -> str:
    found = re.search(r'data-mark="(\w+)"', text)
    assert found
    return found[1]


@contextmanager
def counting(database: Database) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        seen.append(statement)

    event.listen(database.engine, "before_cursor_execute", note)
    yield seen
    event.remove(database.engine, "before_cursor_execute", note)


def test_a_leader_has_a_list_of_everybodys_tasks_and_nobody_else(
    signed_in: People, liting: Browser, registered: int
) -> None:
    head = signed_in("zhoujianguo")
    assert "全部" in head.get("/").text
    assert shows(head, "/worklist?view=everybody", registered)
    assert not shows(head, "/worklist?view=mine", registered)
    for login in ("zhangwei", "admin"):
        other = signed_in(login)
        assert "view=everybody" not in other.get("/").text
        assert not shows(other, "/worklist?view=everybody", registered)


def test_a_handed_out_task_stays_in_a_list_of_its_giver(
    liting: Browser, signed_in: People, registered: int, database: Database
) -> None:
    liting.post(f"/tasks/{registered}/claim")
    liting.post(f"/tasks/{registered}/hand-over", to=key_of(database, "zhaomin"))
    assert not shows(liting, "/worklist?view=mine", registered)
    assert shows(liting, "/worklist?view=handed_out", registered)
    assert not shows(signed_in("zhangwei"), "/worklist?view=handed_out", registered)


def test_the_address_holds_the_whole_list(liting: Browser, registered: int) -> None:
    words = "view=position&step=判类&due=today&sort=number&cols=due,received&q=自我"
    page = liting.get(f"/?{words}").text
    assert f'id="task-{registered}"' in page
    assert "收到时间" in page
    answer = liting.get(f"/worklist?{words}")
    assert answer.headers["HX-Replace-Url"].startswith("/?view=position&q=")
    assert not shows(liting, "/worklist?view=position&due=late", registered)


def test_hostile_words_of_an_address_are_only_words(liting: Browser, registered: int) -> None:
    for words in ("q=%25", "q=<script>alert(1)</script>", "view=%27", "after=~~~", "cols=,,", "sort=x"):
        answer = liting.get(f"/?{words}")
        assert answer.status_code == 200
        assert "<script>alert" not in answer.text


def test_a_poll_with_nothing_new_brings_nothing(liting: Browser, wangfang: Browser, registered: int) -> None:
    first = liting.get("/worklist?view=mine", headers=POLL)
    mark = mark_of(first.text)
    assert liting.get(f"/worklist?view=mine&mark={mark}", headers=POLL).status_code == 204
    wangfang.post(f"/tasks/{registered}/claim")
    again = liting.get(f"/worklist?view=mine&mark={mark}", headers=POLL)
    assert again.status_code == 200
    assert f'id="task-{registered}"' not in again.text


def key_of(database: Database, login: str) -> str:
    from workflow.station.staff import Staff

    with database.sessions() as session:
        return session.scalars(select(Staff).where(Staff.login == login)).one().key


def save(browser: Browser, name: str = "今日判类", **more: str) -> None:
    fields = {"view": "position", "step": "判类", "due": "today", "name": name, **more}
    assert browser.post("/filters", **fields).status_code == 302


def saved_id(database: Database) -> int:
    with database.sessions() as session:
        return session.scalars(select(SavedFilter.id).order_by(SavedFilter.id.desc())).first() or 0


def test_a_saved_filter_opens_its_list(liting: Browser, registered: int, database: Database) -> None:
    save(liting)
    page = liting.get("/").text
    assert "今日判类" in page
    assert f'id="task-{registered}"' in liting.get(f"/?filter={saved_id(database)}").text


def test_another_persons_filter_does_not_exist(
    liting: Browser, wangfang: Browser, signed_in: People, database: Database
) -> None:
    save(liting)
    number = saved_id(database)
    for other in (wangfang, signed_in("zhoujianguo")):
        assert other.get(f"/?filter={number}").status_code == 404
        assert "今日判类" not in other.get("/").text
        for act in ("rename", "delete", "default"):
            assert other.post(f"/filters/{number}/{act}", name="我的", on="1").status_code == 404
    assert "今日判类" in liting.get("/").text


def test_a_shared_filter_is_used_but_not_changed_by_the_others(
    liting: Browser, wangfang: Browser, signed_in: People, database: Database
) -> None:
    save(liting, shared_with="intake")
    number = saved_id(database)
    page = wangfang.get("/").text
    assert "今日判类" in page and "李婷 共享" in page
    assert wangfang.post(f"/filters/{number}/delete").status_code == 403
    assert "今日判类" not in signed_in("zhangwei").get("/").text
    assert liting.post(f"/filters/{number}/rename", name="判类！").status_code == 302
    assert "判类！" in wangfang.get("/").text
    assert liting.post(f"/filters/{number}/delete").status_code == 302
    assert "判类！" not in wangfang.get("/").text


def test_a_filter_cannot_be_shared_with_a_position_one_does_not_hold(liting: Browser) -> None:
    answer = liting.post("/filters", view="mine", name="越权", shared_with="station_head")
    assert answer.status_code == 422


def test_a_name_of_a_filter_is_only_text(liting: Browser) -> None:
    save(liting, name="<b>粗</b>")
    assert "&lt;b&gt;粗&lt;/b&gt;" in liting.get("/").text


def test_the_inbox_opens_with_the_default_and_the_way_to_everything_stays(
    liting: Browser, registered: int
) -> None:
    save(liting, view="own", due="", step="", default="1")
    assert f'id="task-{registered}"' not in liting.get("/").text
    assert f'id="task-{registered}"' in liting.get("/?view=mine").text


def test_filters_are_refused_without_the_token_of_a_page(liting: Browser) -> None:
    assert liting.client.post("/filters", data={"name": "x", "view": "mine"}).status_code == 403


@pytest.fixture
def many(liting: Browser, database: Database, registered: int) -> Callable[[int], None]:
    def register(count: int) -> None:
        for _ in range(count):
            assert liting.send("/cases/new", registration(database)).status_code == 200

    return register


def test_a_hundred_tasks_cost_no_more_statements_than_two(
    liting: Browser, database: Database, many: Callable[[int], None]
) -> None:
    many(1)
    liting.get("/")
    with counting(database) as few:
        liting.get("/")
    many(98)
    with counting(database) as hundred:
        page = liting.get("/").text
    assert page.count("data-row") == 50
    assert 'rel="next"' in page
    assert len(hundred) == len(few) <= 24, "\n".join(hundred)
    mark = mark_of(page)
    with counting(database) as polled:
        assert liting.get(f"/worklist?view=mine&mark={mark}", headers=POLL).status_code == 204
    assert len(polled) <= 6, "\n".join(polled)


def test_the_next_page_goes_on_where_the_first_ended(
    liting: Browser, database: Database, many: Callable[[int], None]
) -> None:
    many(59)
    page = liting.get("/").text
    following = re.search(r'href="([^"]+)" rel="next"', page)
    assert following
    second = liting.get(following[1].replace("&amp;", "&")).text
    rows = [re.findall(r'id="task-(\d+)"', text) for text in (page, second)]
    with database.sessions() as session:
        everything = set(session.scalars(select(TaskRow.id)))
    assert [len(found) for found in rows] == [50, 10]
    assert {int(one) for found in rows for one in found} == everything
    assert "回到第一页" in second


def test_the_pane_says_why_the_date_is_this_one_and_that_the_clock_stands(
    liting: Browser, signed_in: People, database: Database, registered: int, clock: Clock
) -> None:
    def done(element: str, data: dict[str, object]) -> None:
        with database.sessions() as session:
            number = session.scalars(select(TaskRow.id).where(TaskRow.element == element)).one()
        assert liting.send(f"/tasks/{number}/complete", data).status_code == 200

    done("classify", {"item": "BZ02", "note": ""})
    with database.sessions() as session:
        names = session.scalars(select(CaseMaterial.name).order_by(CaseMaterial.seq)).all()
    ok = {"state": "ok", "pages": 1, "copies": 1, "original": "original"}
    done("check_materials", {"materials": [{"name": one, **ok} for one in names], "decision": "accept"})
    done("answer", {"solution": "审读后指导填报。", "planned_on": "2026-03-06"})
    with database.sessions.begin() as session:
        task = session.scalars(select(TaskRow).where(TaskRow.element == "handle")).one()
        limit = clocks.of(session, "case:1", "item")
        assert limit is not None
    liuyang = signed_in("liuyang")
    pane = liuyang.get(f"/tasks/{task.id}/pane").text
    assert "为什么是这个日期" in pane and "当天不计" in pane and "剩 5 个工作日" in pane
    with database.sessions.begin() as session:
        limit = clocks.of(session, "case:1", "item")
        assert limit is not None
        clocks.stop(session, limit, clock.now(), reason="inspection", actor="staff:1")
    for page in (liuyang.get(f"/tasks/{task.id}/pane"), liuyang.get("/?view=mine&due=paused")):
        assert "暂停计时" in page.text and "剩 5 个工作日" not in page.text
