"""The discussion of a case on its page, and who is looking."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from tests.conftest import Database
from tests.web.conftest import Browser, case_of
from workflow.station.discussion import Comment

People = Callable[[str], Browser]


def says(browser: Browser, case: int, text: str, **more: str) -> int:
    browser.get(f"/cases/{case}")
    return int(browser.post(f"/cases/{case}/comments", text=text, **more).status_code)


def test_a_comment_stands_on_the_case_and_the_named_colleague_is_led_to_it(
    liting: Browser, wangfang: Browser, registered: int, database: Database
) -> None:
    case = case_of(database).id
    assert says(liting, case, "@王芳 请核对第二份") == 302
    assert "提到您" in wangfang.get("/notices").text
    assert f'href="/cases/{case}#comment-' in wangfang.get("/notices").text
    page = wangfang.get(f"/cases/{case}").text
    assert '<b class="mention">@王芳</b>' in page and "请核对第二份" in page
    assert "请核对第二份" in wangfang.get(f"/tasks/{registered}/pane").text


def test_what_is_said_is_text_and_never_a_page(liting: Browser, registered: int, database: Database) -> None:
    case = case_of(database).id
    says(liting, case, '<img src=x onerror=alert(1)> @王芳"><b>')
    for page in (liting.get(f"/cases/{case}").text, liting.get(f"/tasks/{registered}/pane").text):
        assert "<img src=x" not in page
        assert "&lt;img src=x onerror=alert(1)&gt;" in page
        assert '<b class="mention">@王芳</b>&#34;&gt;&lt;b&gt;' in page


def test_a_correction_names_what_it_corrects(liting: Browser, registered: int, database: Database) -> None:
    case = case_of(database).id
    says(liting, case, "三份")
    with database.sessions() as session:
        first = session.scalars(select(Comment.id)).one()
    assert f'name="corrects" value="{first}"' in liting.get(f"/cases/{case}?corrects={first}").text
    assert says(liting, case, "四份", corrects=str(first)) == 302
    assert "已更正，见下文" in liting.get(f"/cases/{case}").text


def test_a_second_click_says_nothing_twice(liting: Browser, registered: int, database: Database) -> None:
    case = case_of(database).id
    assert says(liting, case, "一次", key="k") == says(liting, case, "一次", key="k") == 302
    with database.sessions() as session:
        assert len(session.scalars(select(Comment)).all()) == 1


def test_who_may_not_see_the_case_neither_says_nor_looks(
    signed_in: People, registered: int, database: Database
) -> None:
    admin, case = signed_in("admin"), case_of(database).id
    assert admin.post(f"/cases/{case}/comments", text="x").status_code == 404
    assert admin.post(f"/cases/{case}/looking").status_code == 404
    assert admin.post("/cases/999/looking").status_code == 404


def test_an_empty_comment_or_one_without_the_token_is_refused(
    liting: Browser, registered: int, database: Database
) -> None:
    case = case_of(database).id
    assert says(liting, case, "  ") == 422
    assert liting.client.post(f"/cases/{case}/comments", data={"text": "x"}).status_code == 403


def test_two_who_have_it_open_see_each_other(
    liting: Browser, wangfang: Browser, registered: int, database: Database
) -> None:
    case = case_of(database).id
    assert liting.post(f"/cases/{case}/looking").text.strip() == ""
    assert "李婷正在看这件" in wangfang.post(f"/cases/{case}/looking").text
    assert "王芳正在看这件" in liting.post(f"/cases/{case}/looking").text
