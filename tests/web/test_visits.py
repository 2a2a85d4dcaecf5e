"""Visits at their page (R1.1b): quick entry, what is refused, the way to a case."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from tests.conftest import Database
from tests.web.conftest import Browser, case_of, registration
from workflow.station.access_log import AccessLog
from workflow.station.visits import Visit


def test_a_visit_is_noted_and_becomes_a_case_with_what_is_known(liting: Browser, database: Database) -> None:
    liting.get("/visits")
    answer = liting.post(
        "/visits", about="问企业标准。", name="马立新", phone="000-12345678", enterprise="新厂"
    )
    assert answer.headers["Location"] == "/visits"
    page = liting.get("/visits").text
    for words in ("LF2026-00001", "问企业标准。", "马立新", "*******5678", "新厂", "/cases/new?visit=1"):
        assert words in page, words
    assert "LF2026-00001" in liting.get("/cases/new?visit=1").text
    data = liting.get("/cases/new/form.json?visit=1").json["data"]
    assert (data["name"], data["phone"], data["new_enterprise"]) == ("马立新", "00012345678", "新厂")
    with database.sessions() as session:
        assert session.scalars(select(AccessLog.purpose)).all() == ["来访转办理登记"]
    assert liting.send("/cases/new?visit=1", registration(database)).status_code == 200
    assert case_of(database).visit_id == 1
    assert "LF2026-00001" in liting.get("/cases/1").text
    assert "/cases/new?visit=1" not in liting.get("/visits").text
    again = liting.send("/cases/new?visit=1", registration(database))
    assert again.status_code == 409 and "已经办理登记" in again.json["message"]


def test_what_was_typed_stays_when_it_is_refused(liting: Browser, database: Database) -> None:
    liting.get("/visits")
    answer = liting.post("/visits", about="来看看<b>", phone="000-12345678")
    assert answer.status_code == 422 and "请同时填写称呼" in answer.text
    assert "来看看&lt;b&gt;" in answer.text and 'value="000-12345678"' in answer.text
    assert liting.post("/visits").status_code == 422
    assert liting.post("/visits", about="有\0空").status_code == 400
    with database.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Visit)) == 0


def test_a_mistake_is_voided_at_its_line(liting: Browser) -> None:
    liting.get("/visits")
    liting.post("/visits", about="记重了的。")
    assert liting.post("/visits/1/void", reason=" ").status_code == 422
    assert liting.post("/visits/1/void", reason="记重了。").status_code == 302
    page = liting.get("/visits?q=LF2026-00001").text
    assert "已作废" in page and "记重了。" in page and "/visits/1/void" not in page
    assert "没有找到" in liting.get("/visits?q=nothing").text


@pytest.mark.parametrize(
    "path", ["/cases/new?visit=99", "/cases/new?visit=x", "/cases/new/form.json?visit=99"]
)
def test_a_visit_that_does_not_exist_is_none(liting: Browser, path: str) -> None:
    assert liting.get(path).status_code == 404


def test_who_sees_no_cases_sees_no_visits(signed_in: Callable[[str], Browser]) -> None:
    admin = signed_in("admin")
    assert admin.get("/visits").status_code == 403
    assert admin.post("/visits", about="不该有。").status_code == 403
    assert admin.post("/visits/1/void", reason="不该有。").status_code == 404
    assert 'href="/visits"' not in admin.get("/").text
