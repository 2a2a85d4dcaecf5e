"""Signing in and out, and what a stranger gets."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from tests.conftest import Database
from tests.web.conftest import Browser
from web import create_app
from web.sign_in.sessions import WebSession
from workflow.settings import Settings


def test_a_person_signs_in_and_finds_the_inbox(stranger: Browser) -> None:
    answer = stranger.sign_in("liting")
    assert answer.status_code == 302
    assert answer.location == "/"
    assert "李婷" in stranger.get("/").text


def test_a_wrong_password_and_an_unknown_login_get_the_same_answer(stranger: Browser) -> None:
    wrong = stranger.sign_in("liting", "not the password")
    unknown = stranger.sign_in("nobody-at-all", "not the password")
    assert wrong.status_code == unknown.status_code == 401
    assert "登录名或密码不正确" in wrong.text
    assert "登录名或密码不正确" in unknown.text


def test_after_several_failures_one_has_to_wait_and_then_gets_in(
    stranger: Browser, database: Database
) -> None:
    for _ in range(4):
        assert stranger.sign_in("liting", "wrong").status_code == 401
    refused = stranger.sign_in("liting")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 30
    with database.sessions.begin() as session:
        from web.sign_in.failures import LoginFailure

        session.execute(update(LoginFailure).values(last_at=func.now() - timedelta(minutes=1)))
    assert stranger.sign_in("liting").status_code == 302


def test_signing_out_ends_the_session_on_the_server(liting: Browser, app: Flask) -> None:
    with liting.client.session_transaction() as cookie:
        key = cookie["key"]
    assert liting.post("/sign-out").status_code == 302
    thief = Browser(app)
    with thief.client.session_transaction() as cookie:
        cookie["key"] = key
    assert thief.get("/").location.startswith("/sign-in")


def test_the_database_holds_no_token_only_its_hash(liting: Browser, database: Database) -> None:
    with liting.client.session_transaction() as cookie:
        key = cookie["key"]
    with database.sessions() as session:
        assert key not in session.scalars(select(WebSession.id)).all()


def test_every_login_is_a_new_session_with_a_new_token(stranger: Browser) -> None:
    keys = set()
    for _ in range(2):
        stranger.sign_in("liting")
        with stranger.client.session_transaction() as cookie:
            keys.add(cookie["key"])
        stranger.post("/sign-out")
    assert len(keys) == 2


@pytest.mark.parametrize(("column", "hours"), [("seen_at", 9), ("created_at", 25)])
def test_a_session_ends_when_idle_or_old(
    liting: Browser, database: Database, column: str, hours: int
) -> None:
    with database.sessions.begin() as session:
        session.execute(update(WebSession).values({column: func.now() - timedelta(hours=hours)}))
    assert liting.get("/").location.startswith("/sign-in")


def test_a_page_in_use_keeps_its_session_alive(liting: Browser, database: Database) -> None:
    with database.sessions.begin() as session:
        session.execute(update(WebSession).values(seen_at=func.now() - timedelta(hours=7)))
    assert liting.get("/").status_code == 200
    with database.sessions() as session:
        idle = session.scalars(select(func.now() - WebSession.seen_at)).one()
    assert idle < timedelta(minutes=1)


def test_somebody_who_left_the_station_is_out_at_once(liting: Browser, database: Database) -> None:
    from workflow.station.staff import Staff

    with database.sessions.begin() as session:
        session.execute(update(Staff).where(Staff.login == "liting").values(active=False))
    assert liting.get("/").location.startswith("/sign-in")


def test_after_signing_in_one_returns_to_the_page_asked_for(stranger: Browser) -> None:
    assert stranger.get("/cases/new").location == "/sign-in?next=/cases/new"
    assert stranger.sign_in("liting", next="/cases/new").location == "/cases/new"


@pytest.mark.parametrize(
    "elsewhere", ["https://example.com/", "//example.com", "/\\example.com", "javascript:x"]
)
def test_the_way_back_never_leads_to_another_host(stranger: Browser, elsewhere: str) -> None:
    assert stranger.sign_in("liting", next=elsewhere).location == "/"


def test_a_change_without_the_token_is_refused(liting: Browser) -> None:
    liting.token = "forged"
    assert liting.post("/language", language="en").status_code == 403
    assert liting.send("/cases/new", {}).status_code == 403


def test_the_language_is_one_click_and_stays(stranger: Browser) -> None:
    stranger.get("/sign-in")
    stranger.post("/language", language="en", next="/sign-in")
    page = stranger.get("/sign-in").text
    assert '<html lang="en">' in page
    assert "Sign in to Yizhan" in page


def test_cookies_are_locked_where_there_is_https(settings: Settings, database: Database) -> None:
    secure = replace(settings, public_url="https://yizhan.example")
    answer = create_app(secure, sessions=database.sessions).test_client().get("/sign-in")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-yizhan=")
    for word in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert word in cookie
    assert "max-age" in answer.headers["Strict-Transport-Security"]


def test_the_logins_are_offered_only_in_the_demo(
    settings: Settings, database: Database, stranger: Browser
) -> None:
    assert 'data-fill="liting"' in stranger.get("/sign-in").text
    real = create_app(replace(settings, demo=False), sessions=database.sessions).test_client()
    assert "data-fill" not in real.get("/sign-in").text


def test_the_demo_clock_does_not_exist_elsewhere(
    settings: Settings, database: Database, signed_in: Callable[[str], Browser]
) -> None:
    assert signed_in("liting").post("/demo/clock", by="day").status_code == 302
    real = Browser(create_app(replace(settings, demo=False), sessions=database.sessions))
    real.sign_in("liting")
    assert real.post("/demo/clock", by="day").status_code == 404
