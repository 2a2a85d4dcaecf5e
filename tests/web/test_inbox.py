"""The inbox and the page of a task."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from flask import Flask
from sqlalchemy import func, select

from tests.conftest import Database
from tests.web.conftest import Browser, case_of, registration
from workflow.engine.tasks import TaskRow
from workflow.station.cases import Case
from workflow.station.staff import Staff


def test_a_new_case_is_in_the_inbox_of_the_intake(
    liting: Browser, wangfang: Browser, registered: int
) -> None:
    for browser in (liting, wangfang):
        page = browser.get("/").text
        assert f'id="task-{registered}"' in page
        assert "判类" in page


def test_a_technician_neither_sees_nor_opens_it(signed_in: Callable[[str], Browser], registered: int) -> None:
    zhangwei = signed_in("zhangwei")
    assert f'id="task-{registered}"' not in zhangwei.get("/").text
    for address in (f"/tasks/{registered}", f"/tasks/{registered}/pane", f"/tasks/{registered}/form.json"):
        assert zhangwei.get(address).status_code == 404


def test_who_only_administers_the_system_sees_no_case(
    signed_in: Callable[[str], Browser], registered: int, database: Database
) -> None:
    admin = signed_in("admin")
    assert admin.get(f"/cases/{case_of(database).id}").status_code == 404
    assert "马立新" not in admin.get("/cases").text
    assert admin.get("/cases/new").status_code == 403


def test_search_finds_by_words_and_by_initials(liting: Browser, registered: int) -> None:
    assert f'id="task-{registered}"' in liting.get("/worklist?q=自我声明").text
    assert f'id="task-{registered}"' not in liting.get("/worklist?q=没有这样的词").text


def test_a_claimed_task_leaves_the_colleagues_list(
    liting: Browser, wangfang: Browser, registered: int
) -> None:
    assert liting.post(f"/tasks/{registered}/claim").status_code == 302
    assert f'id="task-{registered}"' not in wangfang.get("/worklist").text
    assert wangfang.post(f"/tasks/{registered}/claim").status_code == 409


def test_what_is_given_back_is_offered_again(liting: Browser, wangfang: Browser, registered: int) -> None:
    liting.post(f"/tasks/{registered}/claim")
    assert liting.post(f"/tasks/{registered}/give-back").status_code == 302
    assert f'id="task-{registered}"' in wangfang.get("/worklist").text


def test_a_task_handed_over_is_the_colleagues_and_he_is_told(
    liting: Browser, signed_in: Callable[[str], Browser], registered: int, database: Database
) -> None:
    with database.sessions() as session:
        to = session.scalars(select(Staff).where(Staff.login == "zhaomin")).one().key
    liting.post(f"/tasks/{registered}/claim")
    assert liting.post(f"/tasks/{registered}/hand-over", to=to).status_code == 302
    zhaomin = signed_in("zhaomin")
    assert f'id="task-{registered}"' in zhaomin.get("/").text
    assert "转交给您" in zhaomin.get("/notices").text


def test_the_form_comes_with_choices_and_in_the_readers_language(liting: Browser, registered: int) -> None:
    form = liting.get(f"/tasks/{registered}/form.json").json
    assert form is not None
    assert "事项" in [component.get("label") for component in form["schema"]["components"]]
    assert {"BZ01", "JL01"} <= {choice["value"] for choice in form["data"]["items"]}
    liting.post("/language", language="en")
    english = liting.get(f"/tasks/{registered}/form.json").json
    assert english is not None
    assert "Item" in [component.get("label") for component in english["schema"]["components"]]


def test_a_form_that_does_not_fit_is_sent_back_by_field(
    liting: Browser, registered: int, database: Database
) -> None:
    answer = liting.send("/cases/new", registration(database, name="", phone="12"))
    assert answer.status_code == 422
    assert answer.json is not None
    assert set(answer.json["errors"]) == {"name", "phone"}


def test_a_completed_task_moves_the_case_on(liting: Browser, registered: int, database: Database) -> None:
    answer = liting.send(f"/tasks/{registered}/complete", {"item": "BZ02", "note": ""})
    assert answer.status_code == 200
    assert case_of(database).no == "SL2026-00001"
    assert "审核材料" in liting.get("/").text
    assert liting.send(f"/tasks/{registered}/complete", {"item": "BZ02"}).status_code == 409


def test_the_same_key_gets_the_same_answer_and_one_effect(
    liting: Browser, registered: int, database: Database
) -> None:
    path, key = f"/tasks/{registered}/complete", {"Idempotency-Key": "a1b2"}
    first = liting.send(path, {"item": "BZ02"}, **key)
    again = liting.send(path, {"item": "BZ02"}, **key)
    assert first.status_code == again.status_code == 200
    assert first.json == again.json
    assert liting.send(path, {"item": "JL01"}, **key).status_code == 422
    with database.sessions() as session:
        assert session.scalar(select(func.count()).where(TaskRow.element == "check_materials")) == 1


def test_of_many_who_complete_at_once_one_succeeds(app: Flask, registered: int) -> None:
    browsers = [Browser(app) for _ in range(6)]
    for browser in browsers:
        assert browser.sign_in("liting").status_code == 302
    together = Barrier(len(browsers))

    def complete(browser: Browser) -> int:
        together.wait()
        return browser.send(f"/tasks/{registered}/complete", {"item": "BZ02"}).status_code

    with ThreadPoolExecutor(len(browsers)) as pool:
        answers = sorted(pool.map(complete, browsers))
    assert answers == [200, *[409] * (len(browsers) - 1)]


def test_a_second_click_on_register_makes_no_second_case(liting: Browser, database: Database) -> None:
    form, key = registration(database), {"Idempotency-Key": "once"}
    liting.get("/cases/new")
    first, second = (liting.send("/cases/new", form, **key) for _ in range(2))
    assert first.json == second.json
    with database.sessions() as session:
        assert session.scalar(select(func.count(Case.id))) == 1
