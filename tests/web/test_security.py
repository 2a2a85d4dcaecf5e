"""What an attacker sends: every answer is one of ours, and nobody gets further than the rules let him."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from tests.conftest import Clock, Database
from tests.web.conftest import Browser, case_of, registration
from web import request
from web.cli import read_move
from workflow.database import make_engine, set_business_clock, shift
from workflow.engine.tasks import TaskRow
from workflow.errors import Refused
from workflow.station import inbox
from workflow.station.staff import Staff

TOO_LARGE = "9" * 23  # no row's id: beyond bigint
LONGEST = "9" * 5000  # beyond what Python reads as a number


def key_of(database: Database, login: str) -> str:
    with database.sessions() as session:
        return session.scalars(select(Staff).where(Staff.login == login)).one().key


@pytest.mark.parametrize("number", [TOO_LARGE, LONGEST, "-1", "²", "٣"])
@pytest.mark.parametrize(
    "address", ["/tasks/%s", "/tasks/%s/pane", "/tasks/%s/form.json", "/cases/%s", "/documents/%s.pdf"]
)
def test_an_id_that_no_row_can_have_is_not_found(liting: Browser, address: str, number: str) -> None:
    assert liting.get(address % number).status_code == 404


def test_an_impossible_task_beside_the_inbox_shows_the_inbox(liting: Browser) -> None:
    assert liting.get(f"/?task={TOO_LARGE}").status_code == 200


@pytest.mark.parametrize("address", ["/cases?q=%00", "/?q=%00", "/worklist?q=%00", "/v/%00", "/v/a%00b"])
def test_nul_in_an_address_is_refused(liting: Browser, address: str) -> None:
    answer = liting.get(address)
    assert answer.status_code == 400
    assert "Content-Security-Policy" in answer.headers


def test_nul_in_a_login_is_refused(stranger: Browser) -> None:
    assert stranger.sign_in("liting\0").status_code == 400


@pytest.mark.parametrize(
    "body", ["[1]", '"abc"', "5", "true", "null", "NaN", "[" * 100_000, '{"a":' * 50_000, "9" * 5000]
)
def test_a_form_is_an_object_or_nothing(liting: Browser, registered: int, body: str) -> None:
    for address in ("/cases/new", f"/tasks/{registered}/complete"):
        answer = liting.client.post(
            address, data=body, content_type="application/json", headers={"X-CSRFToken": liting.token}
        )
        assert answer.status_code == 400, (address, answer.text)


def test_thousands_of_unknown_fields_get_a_short_answer(liting: Browser) -> None:
    answer = liting.send("/cases/new", {f"field_{number}": 1 for number in range(20_000)})
    assert answer.status_code == 422
    assert len(answer.data) < 20_000


@pytest.mark.parametrize("to", [f"staff:{TOO_LARGE}", "staff:²", "staff:", "nobody", ""])
def test_a_task_goes_to_nobody_who_is_nobody(liting: Browser, registered: int, to: str) -> None:
    liting.post(f"/tasks/{registered}/claim")
    assert liting.post(f"/tasks/{registered}/hand-over", to=to).status_code == 422


def test_no_case_reaches_an_administrator_by_handing_over(
    liting: Browser, signed_in: Callable[[str], Browser], registered: int, database: Database
) -> None:
    liting.post(f"/tasks/{registered}/claim")
    assert liting.post(f"/tasks/{registered}/hand-over", to=key_of(database, "admin")).status_code == 422
    admin = signed_in("admin")
    assert admin.get(f"/tasks/{registered}/form.json").status_code == 404
    assert admin.get(f"/cases/{case_of(database).id}").status_code == 404
    assert "企业标准" not in admin.get("/notices").text


def test_only_who_holds_a_task_hands_it_over(liting: Browser, registered: int, database: Database) -> None:
    to = key_of(database, "zhaomin")
    assert liting.post(f"/tasks/{registered}/hand-over", to=to).status_code == 403
    with database.sessions() as session:
        assert session.get_one(TaskRow, registered).assignee is None


def test_signing_in_again_ends_what_was_open_in_this_browser(stranger: Browser, app: Flask) -> None:
    stranger.sign_in("liting")
    earlier = Browser(app)
    cookie = stranger.client.get_cookie("yizhan-demo")
    earlier.client.set_cookie("yizhan-demo", cookie.value)
    assert earlier.get("/").status_code == 200
    stranger.post("/sign-in", login="wangfang", password="yizhan-demo")
    assert stranger.get("/").status_code == 200
    assert earlier.get("/").status_code == 302


def test_a_failed_transaction_still_gets_a_page_of_the_house(
    liting: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        request.db().execute(select(1 / func.length("")))

    monkeypatch.setattr("web.inbox.views.notices.unread", broken)
    answer = liting.get("/notices")
    assert answer.status_code == 500
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert "系统出错了" in answer.text


def test_a_database_that_is_gone_still_gets_a_page_of_the_house(
    liting: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    monkeypatch.setattr(inbox, "figures", gone)
    for address in ("/", "/nothing-here"):
        answer = liting.get(address)
        assert answer.status_code == 500
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_an_error_in_the_log_does_not_say_what_people_told_us(
    liting: Browser, database: Database, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, name: str, **more: object) -> None:
        request.db().execute(select(func.length(name) / 0))

    monkeypatch.setattr("workflow.station.persons.remember", broken)
    with caplog.at_level(logging.ERROR):
        answer = liting.send("/cases/new", registration(database))
    assert answer.status_code == 500
    assert "division by zero" in caplog.text
    assert "马立新" not in caplog.text


def test_every_engine_hides_what_it_sends(database: Database) -> None:
    engine = make_engine(database.url, connections=1)
    assert engine.hide_parameters
    engine.dispose()


@pytest.mark.parametrize(
    "beyond",
    ["0001-01-01", "2003-12-31", "2100-01-02", "9999-12-31", "+999999d", "-999999d", "+99999999999d"],
)
def test_the_demo_clock_is_not_moved_out_of_the_calendar(
    database: Database, clock: Clock, beyond: str
) -> None:
    before = clock.now()
    with pytest.raises(Refused), database.sessions.begin() as session:
        move = read_move(beyond)
        if isinstance(move, timedelta):
            shift(session, move)
        else:
            set_business_clock(session, move)
    assert clock.now() - before < timedelta(minutes=5)


@pytest.mark.parametrize("sign", ["\u200b", "\u202e", "\ue000", "\x07", "\U000e0041"])
@pytest.mark.parametrize("field", ["name", "new_enterprise"])
def test_a_name_with_signs_nobody_sees_is_refused_at_the_counter(
    liting: Browser, database: Database, field: str, sign: str
) -> None:
    answer = liting.send("/cases/new", registration(database, **{field: f"甲{sign}乙"}))
    assert answer.status_code == 422
    assert answer.json is not None
    assert list(answer.json["errors"]) == [field]


def test_a_name_with_rare_signs_and_a_wide_space_is_taken(liting: Browser, database: Database) -> None:
    answer = liting.send("/cases/new", registration(database, name="𠮷野\u3000太郎·ʼe\u0301"))
    assert answer.status_code == 200
