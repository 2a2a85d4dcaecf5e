"""Headers, errors, and the shape of what every page is made of."""

from __future__ import annotations

import json
import re

import pytest

from tests.conftest import Clock, Database
from tests.web.conftest import Browser
from web.assets import BUILT
from workflow.translations import __main__ as catalogue

ADDRESSES = ["/", "/cases", "/cases/new", "/notices", "/sign-in", "/v/unknown", "/cases/999", "/health/live"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_carries_the_headers(liting: Browser, address: str) -> None:
    headers = liting.get(address).headers
    csp = headers["Content-Security-Policy"]
    assert "default-src 'none'" in csp
    assert "frame-ancestors 'none'" in csp
    assert "unsafe-eval" not in csp
    assert ("style-src-attr 'unsafe-inline'" in csp) == (address == "/cases/new")
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("address", ["/", "/cases", "/cases/new"])
def test_no_page_has_an_inline_script_or_style(liting: Browser, address: str) -> None:
    page = liting.get(address).text
    assert not re.search(r"<script(?![^>]*(\bsrc=|application/json))", page)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)


def test_built_files_may_be_kept_for_ever(stranger: Browser) -> None:
    for chunk in json.loads((BUILT / "manifest.json").read_text("utf-8")).values():
        answer = stranger.get(f"/static/{chunk['file']}")
        assert answer.status_code == 200
        assert "immutable" in answer.headers["Cache-Control"]
        answer.close()


def test_nothing_outside_the_built_files_is_served(stranger: Browser) -> None:
    assert stranger.get("/static/../../__init__.py").status_code == 404
    assert stranger.get("/static/%2e%2e/%2e%2e/__init__.py").status_code == 404


def test_what_does_not_exist_looks_like_the_house(liting: Browser) -> None:
    answer = liting.get("/cases/999")
    assert answer.status_code == 404
    assert "没有找到" in answer.text
    assert 'class="bar"' in answer.text


def test_an_island_gets_its_errors_as_json(liting: Browser) -> None:
    answer = liting.get("/tasks/999/form.json", headers={"Accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json is not None
    assert answer.json["message"]


def test_a_stranger_is_told_to_sign_in_and_an_island_gets_401(stranger: Browser) -> None:
    assert stranger.get("/cases/1").location == "/sign-in?next=/cases/1"
    assert stranger.get("/cases/1/diagram.json", headers={"Accept": "application/json"}).status_code == 401


def test_too_large_a_request_is_refused(liting: Browser) -> None:
    assert liting.send("/cases/new", {"matter": "长" * 2_000_000}).status_code == 413


def test_a_defect_of_ours_shows_a_number_and_no_trace(
    liting: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    from web.cases import views

    def broken(q: str, *, closed: bool) -> None:
        raise RuntimeError("a secret of the machine room")

    monkeypatch.setattr(views, "lines", broken)
    answer = liting.get("/cases")
    assert answer.status_code == 500
    assert "系统出错了" in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


def test_the_demo_clock_moves_the_station(liting: Browser, clock: Clock) -> None:
    before = clock.now()
    liting.post("/demo/clock", by="week")
    assert 6.9 < (clock.now() - before).total_seconds() / 86400 < 7.1
    assert "2026-03-09" in liting.get("/").text


def test_the_process_says_that_it_lives(stranger: Browser, database: Database) -> None:
    assert stranger.get("/health/live").json == {"live": True}


def test_every_sentence_has_its_english() -> None:
    assert catalogue.untranslated() == []
    assert catalogue.broken() == []
