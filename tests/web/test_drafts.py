"""Drafts through the web: kept, restored, thrown away, gone when sent."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from tests.conftest import Database
from tests.web.conftest import Browser, registration
from workflow.station.drafts import Draft


def drafts_in(database: Database) -> int:
    with database.sessions() as session:
        return len(session.scalars(select(Draft)).all())


def test_a_draft_comes_with_the_form_and_only_to_its_person(
    liting: Browser, wangfang: Browser, registered: int
) -> None:
    kept = liting.send(f"/tasks/{registered}/draft", {"item": "BZ02", "note": "先记下"})
    assert kept.status_code == 200 and kept.json == {"saved": "09:00"}
    form = liting.get(f"/tasks/{registered}/form.json").json
    assert form is not None
    assert form["draft"] == {"saved": "09:00", "data": {"item": "BZ02", "note": "先记下"}}
    assert "draft" not in (wangfang.get(f"/tasks/{registered}/form.json").json or {})


def test_a_draft_is_not_submitted_and_goes_when_the_task_is_done(
    liting: Browser, wangfang: Browser, registered: int, database: Database
) -> None:
    liting.send(f"/tasks/{registered}/draft", {"item": "BZ02"})
    wangfang.send(f"/tasks/{registered}/draft", {"item": "JL01"})
    assert liting.send(f"/tasks/{registered}/complete", {}).status_code == 422
    assert drafts_in(database) == 2
    assert liting.send(f"/tasks/{registered}/complete", {"item": "BZ02"}).status_code == 200
    assert drafts_in(database) == 0
    assert liting.send(f"/tasks/{registered}/draft", {"item": "BZ02"}).status_code == 409


def test_a_registration_has_a_draft_too(liting: Browser, database: Database) -> None:
    liting.get("/cases/new")
    liting.send("/cases/new/draft", {"name": "马立新", "phone": "000-1234", "matter": "问一件事"})
    form = liting.get("/cases/new/form.json").json
    assert form is not None and form["draft"]["data"]["name"] == "马立新"
    assert liting.send("/cases/new", registration(database)).status_code == 200
    assert drafts_in(database) == 0
    assert "draft" not in (liting.get("/cases/new/form.json").json or {})


def test_what_is_thrown_away_does_not_come_back(liting: Browser, registered: int, database: Database) -> None:
    for place in (f"/tasks/{registered}/draft", "/cases/new/draft"):
        liting.send(place, {"note": "x"})
        assert liting.send(f"{place}/discard", {}).status_code == 200
    assert drafts_in(database) == 0


def test_what_can_only_be_read_is_not_brought_back_from_a_draft(liting: Browser, registered: int) -> None:
    liting.send(f"/tasks/{registered}/draft", {"items": [{"value": "X", "label": "伪造"}], "item": "BZ02"})
    form = liting.get(f"/tasks/{registered}/form.json").json
    assert form is not None
    assert form["draft"]["data"] == {"item": "BZ02"}


def test_who_does_not_see_the_task_keeps_no_draft_of_it(
    signed_in: Callable[[str], Browser], registered: int, database: Database
) -> None:
    assert signed_in("zhangwei").send(f"/tasks/{registered}/draft", {"item": "x"}).status_code == 404
    assert signed_in("admin").send("/cases/new/draft", {"name": "x"}).status_code == 403
    assert drafts_in(database) == 0


def test_a_draft_that_is_no_object_or_comes_without_the_token_is_refused(
    liting: Browser, registered: int
) -> None:
    assert liting.send(f"/tasks/{registered}/draft", [1, 2]).status_code == 400
    answer = liting.client.post(f"/tasks/{registered}/draft", json={"item": "x"})
    assert answer.status_code == 403
