"""The catalogue: what an item needs, and its one-time notice pressed from its page (R2.3.1a)."""

from __future__ import annotations

import re

from sqlalchemy import select

from tests.conftest import Database
from tests.web.conftest import Browser
from workflow.station.documents import Document


def test_items_are_found_by_name_material_or_initials(liting: Browser) -> None:
    assert "ZS01" in liting.get("/items").text
    for q in ("计量器具", "jlqj", "委托单"):
        found = liting.get(f"/items?q={q}").text
        assert "JL01" in found and "ZS01" not in found, q
    assert "没有找到" in liting.get("/items?q=没有这样的事项").text


def test_a_notice_pressed_twice_is_one_paper_and_is_seen_on_the_page(
    liting: Browser, database: Database
) -> None:
    page = liting.get("/items/JL01").text
    key = re.search(r'name="key" value="(\w+)"', page)
    assert key is not None
    for _ in range(2):
        assert liting.post("/items/JL01/notice", key=key[1]).status_code == 302
    with database.sessions() as session:
        paper = session.scalars(select(Document)).one()
    assert (paper.no, paper.owner) == ("GZ2026-00001", "item:JL01")
    assert paper.no in liting.get("/items/JL01").text
    assert liting.get(f"/documents/{paper.id}.pdf").mimetype == "application/pdf"
    assert paper.no in liting.get(f"/v/{paper.verify_token}").text


def test_who_only_administers_reads_the_catalogue_and_gives_nothing(signed_in) -> None:
    admin = signed_in("admin")
    assert "出具一次性告知书" not in admin.get("/items/JL01").text
    assert admin.post("/items/JL01/notice").status_code == 403


def test_an_item_nobody_offers_does_not_exist(liting: Browser) -> None:
    assert liting.get("/items/XX99").status_code == 404


def test_a_notice_of_a_case_is_pressed_on_its_page(
    liting: Browser, registered: int, database: Database
) -> None:
    liting.get("/")
    assert liting.send(f"/tasks/{registered}/complete", {"item": "BZ02"}).status_code == 200
    page = liting.get("/cases/1").text
    key = re.search(r'name="key" value="(\w+)"', page)
    assert key is not None
    for _ in range(2):
        assert liting.post("/cases/1/one-time-notice", key=key[1]).status_code == 302
    with database.sessions() as session:
        assert session.scalars(select(Document.no)).all() == ["GZ2026-00001"]
