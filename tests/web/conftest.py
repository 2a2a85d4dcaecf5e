"""A station behind a web application, and people with browsers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests.conftest import Clock, Database
from web import create_app
from workflow.engine.tasks import OPEN, TaskRow
from workflow.settings import Settings
from workflow.station import demo
from workflow.station.cases import Case

CSRF = re.compile(r'name="csrf-token" content="([^"]+)"')


@dataclass
class Browser:
    """A browser of somebody: keeps cookies, sends the CSRF token of the page it saw last."""

    app: Flask
    token: str = ""
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.app.test_client()

    def get(self, path: str, **more: Any) -> TestResponse:
        answer: TestResponse = self.client.get(path, **more)
        if found := CSRF.search(answer.text) if answer.mimetype == "text/html" else None:
            self.token = found[1]
        return answer

    def post(self, path: str, **fields: str) -> TestResponse:
        answer: TestResponse = self.client.post(path, data={"csrf_token": self.token, **fields})
        return answer

    def send(self, path: str, data: Any, **headers: str) -> TestResponse:
        """What the form's island does."""
        headers = {"X-CSRFToken": self.token, "Accept": "application/json", **headers}
        answer: TestResponse = self.client.post(path, json=data, headers=headers)
        return answer

    def sign_in(self, login: str, password: str = demo.PASSWORD, **fields: str) -> TestResponse:
        self.get("/sign-in")
        answer = self.post("/sign-in", login=login, password=password, **fields)
        if answer.status_code == 302:
            self.get("/")
        return answer


@pytest.fixture
def settings(filled_home: Path) -> Settings:
    return Settings.from_environment({"YIZHAN_HOME": str(filled_home), "YIZHAN_DEMO": "1"})


@pytest.fixture
def app(database: Database, clock: Clock, settings: Settings) -> Flask:
    return create_app(settings, sessions=database.sessions)


@pytest.fixture
def stranger(app: Flask) -> Browser:
    return Browser(app)


@pytest.fixture
def signed_in(app: Flask) -> Callable[[str], Browser]:
    def browser(login: str) -> Browser:
        somebody = Browser(app)
        assert somebody.sign_in(login).status_code == 302
        return somebody

    return browser


@pytest.fixture
def liting(signed_in: Callable[[str], Browser]) -> Browser:
    return signed_in("liting")


@pytest.fixture
def wangfang(signed_in: Callable[[str], Browser]) -> Browser:
    return signed_in("wangfang")


def registration(database: Database, **changed: Any) -> dict[str, Any]:
    with database.sessions() as session:
        me = session.scalar(select(demo.staff.Staff.id).where(demo.staff.Staff.login == "liting"))
    return {
        "channel": "visit",
        "first_contact": str(me),
        "name": "马立新",
        "phone": "000-12345678",
        "refused": False,
        "enterprise": None,
        "new_enterprise": "",
        "matter": "想办企业标准自我声明公开。",
        **changed,
    }


@pytest.fixture
def registered(liting: Browser, database: Database) -> int:
    """A case waiting to be classified; the id of that task."""
    liting.get("/cases/new")
    answer = liting.send("/cases/new", registration(database))
    assert answer.status_code == 200, answer.text
    with database.sessions() as session:
        return session.scalars(select(TaskRow.id).where(TaskRow.status == OPEN)).one()


def case_of(database: Database) -> Case:
    with database.sessions() as session:
        return session.scalars(select(Case)).one()
