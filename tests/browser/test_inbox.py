"""The inbox under the fingers: keys, several at once, drafts, mentions, new work while somebody types."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import DESK, PHONE, keep
from tests.browser.test_counter import register

SitsDown = Callable[..., Page]


def poll(page: Page) -> None:
    with page.expect_response(re.compile(r"/worklist\?")):
        page.evaluate("document.querySelector('#worklist').dispatchEvent(new Event('refresh'))")


def test_several_are_ticked_by_keyboard_and_claimed_at_once(sits_down: SitsDown) -> None:
    page = sits_down("liting")
    for _ in range(3):
        register(page)
    page.goto("/")
    several = page.get_by_role("form", name="批量处理")
    expect(several).not_to_be_visible()
    page.keyboard.press("x")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.get_by_text("已选 2 件")).to_be_visible()
    keep(page, "several")
    several.get_by_role("button", name="签收", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="已签收 2 件")).to_be_visible()
    page.get_by_role("link", name=re.compile("我签收的")).click()
    expect(page.locator("[data-row]")).to_have_count(2)


def test_what_a_colleague_took_meanwhile_is_said_line_by_line(sits_down: SitsDown) -> None:
    page, other = sits_down("liting"), sits_down("wangfang")
    for _ in range(2):
        register(page)
    page.goto("/")
    other.goto("/")
    other.keyboard.press("c")
    expect(other.get_by_role("button", name="退回签收").first).to_be_visible()
    for box in page.locator(".pick").all():
        box.check()
    page.get_by_role("form", name="批量处理").get_by_role("button", name="签收", exact=True).click()
    expect(page.get_by_role("heading", name="批量处理结果")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("已签收 1 件")
    expect(page.get_by_role("alert")).to_contain_text("这个任务已由同事签收")
    keep(page, "several-refused")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/\?view=mine"))


def test_keys_lead_through_the_house(sits_down: SitsDown) -> None:
    page = sits_down("liting")
    register(page)
    page.goto("/")
    page.keyboard.press("g")
    page.keyboard.press("c")
    page.wait_for_url("**/cases")
    page.keyboard.press("g")
    page.keyboard.press("i")
    page.wait_for_url(re.compile(r"/$"))
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="快捷键")
    expect(help_).to_be_visible()
    page.keyboard.press("Escape")
    expect(help_).not_to_be_visible()
    page.keyboard.press("c")
    expect(page.get_by_role("button", name="退回签收").first).to_be_visible()
    search = page.get_by_role("searchbox", name="搜索待办")
    search.fill("xjc?")  # letters typed into a field are letters
    expect(help_).not_to_be_visible()
    expect(search).to_have_value("xjc?")


def test_new_work_moves_neither_ticks_nor_focus_nor_the_page(sits_down: SitsDown) -> None:
    page, other = sits_down("wangfang", {"width": 1360, "height": 420}), sits_down("liting")
    for _ in range(6):
        register(other)
    page.goto("/")
    rows = page.locator("[data-row]")
    expect(rows).to_have_count(6)
    rows.nth(4).locator(".pick").check()
    rows.nth(4).locator("a[data-open]").focus()
    name = rows.nth(4).get_attribute("id")
    page.evaluate("scrollTo(0, 150)")
    with page.expect_response(re.compile(r"/worklist\?")) as nothing:
        page.evaluate("document.querySelector('#worklist').dispatchEvent(new Event('refresh'))")
    assert nothing.value.status == 204
    register(other)
    poll(page)
    expect(rows).to_have_count(7)
    expect(page.locator(f"#{name} .pick")).to_be_checked()
    expect(page.locator(f"#{name} a[data-open]")).to_be_focused()
    assert page.evaluate("scrollY") == 150
    expect(page.get_by_text("有 1 件新待办")).to_have_count(1)
    expect(page.locator("#count-inbox")).to_have_text("7")


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_what_was_written_is_there_again_after_the_page_was_closed(
    sits_down: SitsDown, screen: dict[str, int], request: pytest.FixtureRequest
) -> None:
    page = sits_down("liting", screen)
    page.goto("/cases/new")
    page.get_by_label("姓名").fill("马立新")
    page.get_by_label("诉求").fill("两台卡尺送检。")
    expect(page.get_by_text(re.compile("草稿已保存"))).to_be_visible()
    page.goto("about:blank")
    page.goto("/cases/new")
    expect(page.get_by_text(re.compile(r"已恢复 \d\d:\d\d 的草稿"))).to_be_visible()
    expect(page.get_by_label("姓名")).to_have_value("马立新")
    expect(page.get_by_label("诉求")).to_have_value("两台卡尺送检。")
    keep(page, f"draft-{request.node.callspec.id}")
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    page.get_by_role("button", name="丢弃草稿").click()
    expect(page.get_by_label("姓名")).to_have_value("")
    page.reload()
    expect(page.get_by_label("诉求")).to_have_value("")
    expect(page.get_by_role("button", name="丢弃草稿")).not_to_be_visible()


def test_leaving_at_once_keeps_the_draft_and_sending_removes_it(sits_down: SitsDown) -> None:
    page = sits_down("liting")
    page.goto("/cases/new")
    page.get_by_label("姓名").fill("马立新")
    page.get_by_label("联系电话").fill("000-12345678")
    page.get_by_label("诉求").fill("马上走。")
    page.get_by_label("姓名").focus()
    page.get_by_role("link", name="办件", exact=True).click()
    page.wait_for_url("**/cases")
    page.goto("/cases/new")
    expect(page.get_by_label("诉求")).to_have_value("马上走。")
    page.get_by_role("button", name="登记", exact=True).click()
    page.wait_for_url(re.compile(r"/cases/\d+$"))
    page.goto("/cases/new")
    expect(page.get_by_label("诉求")).to_have_value("")


def test_a_colleague_is_named_by_initials_and_told(sits_down: SitsDown) -> None:
    page, other = sits_down("liting"), sits_down("wangfang")
    register(page)
    other.goto(page.url)
    expect(other.get_by_text("李婷正在看这件")).to_be_visible()
    field = page.get_by_role("combobox", name="写给同事")
    field.press_sequentially("请 @wf")
    expect(page.get_by_role("option", name=re.compile("王芳"))).to_be_visible()
    field.press("Enter")
    expect(field).to_have_value("请 @王芳 ")
    field.press_sequentially("看一下")
    page.get_by_role("button", name="发表").click()
    expect(page.locator(".mention", has_text="@王芳")).to_be_visible()
    keep(page, "discussion")
    other.goto("/notices")
    other.get_by_role("link", name=re.compile("提到您")).click()
    expect(other.get_by_text("看一下")).to_be_visible()


@pytest.mark.parametrize("screen", [DESK, PHONE], ids=["desk", "phone"])
def test_a_filter_is_set_saved_and_used(
    sits_down: SitsDown, screen: dict[str, int], request: pytest.FixtureRequest
) -> None:
    page = sits_down("liting", screen)
    register(page)
    page.goto("/")
    page.get_by_text("筛选", exact=True).click()
    page.get_by_label("时限", exact=True).first.select_option("late")
    page.wait_for_url(re.compile("due=late"))
    expect(page.get_by_text("没有符合这些条件的待办")).to_be_visible()
    page.get_by_text("我的筛选", exact=True).click()
    keep(page, f"filters-{request.node.callspec.id}")
    page.get_by_label("保存现在的条件和列").fill("超期的")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="已保存筛选")).to_be_visible()
    page.goto("/")
    expect(page.locator("[data-row]")).to_have_count(1)
    page.get_by_text("我的筛选", exact=True).click()
    page.get_by_role("link", name="超期的").click()
    page.wait_for_url(re.compile("due=late"))
    expect(page.locator("[data-row]")).to_have_count(0)
    page.get_by_title("去掉这个条件").click()
    expect(page.locator("[data-row]")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
