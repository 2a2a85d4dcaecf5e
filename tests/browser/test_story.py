"""The whole story in Chinese, as a client would tell it: from the counter to the end, and one case late."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from io import BytesIO

import pytest
from flask import Flask
from playwright.sync_api import Page, expect
from pypdf import PdfReader

from tests.browser.conftest import PHONE, keep
from tests.browser.test_counter import SitsDown, choose, register
from workflow.station.running import engine_for
from workflow.worker import Worker


@pytest.fixture
def worker(app: Flask) -> Iterator[Worker]:
    """A worker beside the pages, as the supervisor starts it."""
    running = Worker(app.extensions["yizhan_sessions"], engine_for)
    thread = threading.Thread(target=running.run)
    thread.start()
    yield running
    running.stopping.set()
    thread.join(10)
    assert not thread.is_alive()


def work_on(page: Page, step: str) -> None:
    """Open the task of this step from the inbox."""
    page.goto("/")
    page.locator("[data-row]", has_text=step).first.click()
    page.get_by_role("region", name="所选待办").get_by_role("link", name="办理", exact=True).click()
    page.wait_for_url("**/tasks/*")


def send(page: Page) -> None:
    page.get_by_role("button", name="提交").click()
    page.wait_for_url("/")


def accept(page: Page, item: str, materials: int) -> None:
    """Register, classify, check each material and accept."""
    register(page)
    page.get_by_role("link", name="办理：判类").click()
    choose(page, "事项", item)
    send(page)
    work_on(page, "审核材料")
    for number in range(materials):
        page.get_by_label("合格", exact=True).nth(number).check()
        page.get_by_label("页数").nth(number).fill("2")
        page.get_by_label("份数").nth(number).fill("1")
    page.get_by_label("材料齐全，受理").check()
    send(page)


def answer(page: Page, day: str) -> None:
    work_on(page, "答复方案与时间")
    page.get_by_label("解决方案").fill("由计量所上门取样，检定后送回。")
    page.get_by_label("承诺办结日期").fill(day)


def test_from_the_counter_to_the_end(sits_down: SitsDown) -> None:
    clerk, technician = sits_down("liting"), sits_down("zhangwei")
    accept(clerk, "JL01", 4)
    answer(clerk, "2026-03-27")
    clerk.get_by_role("button", name="提交").click()
    expect(clerk.get_by_role("alert")).to_contain_text("不能晚于办结期限 2026-03-16")
    expect(clerk.get_by_label("解决方案")).to_have_value("由计量所上门取样，检定后送回。")
    keep(clerk, "story-1-a-date-too-late")
    clerk.get_by_label("承诺办结日期").fill("2026-03-12")
    send(clerk)

    work_on(technician, "办理")
    technician.get_by_label("办理情况").fill("样品已送检，证书已取回。")
    keep(technician, "story-2-handling")
    send(technician)

    work_on(clerk, "办结")
    clerk.get_by_label("已办成").check()
    clerk.get_by_label("办理总结").fill("检定合格，证书已交付。")
    clerk.get_by_label("窗口自取").check()
    keep(clerk, "story-3-closing")
    send(clerk)

    clerk.goto("/cases/1")
    expect(clerk.get_by_text("已办结").first).to_be_visible()
    timeline = clerk.locator("section", has=clerk.get_by_role("heading", name="办理经过"))
    for words in ("完成“办结”", "完成“办理”", "张伟", "完成“答复方案与时间”", "完成“审核材料”", "完成“判类”"):
        expect(timeline.get_by_text(words).first).to_be_visible()
    keep(clerk, "story-4-closed")


def test_the_receipt_can_be_read_and_verified_by_a_stranger(sits_down: SitsDown) -> None:
    clerk = sits_down("liting")
    accept(clerk, "JL01", 4)
    clerk.goto("/cases/1")
    link = clerk.get_by_role("link", name="PDF").get_attribute("href")
    assert link
    answered = clerk.context.request.get(link)
    assert answered.headers["content-type"] == "application/pdf"
    read = PdfReader(BytesIO(answered.body()))
    text = re.sub(r"\s", "", "".join(page.extract_text() for page in read.pages))
    for words in (
        "收件回执单",
        "HZ2026-00001",
        "SL2026-00001",
        "马立新",
        "2026年3月16日",
        "10个工作日",
        "李婷",
    ):
        assert words in text, words
    code = re.search(r"/v/([\w-]{22})", text)
    assert code, "the address behind the QR code stands on the paper"
    stranger = clerk.context.browser.new_context(viewport=PHONE, base_url=clerk.url.split("/cases")[0])  # type: ignore[union-attr]
    page = stranger.new_page()
    page.goto(f"/v/{code[1]}")
    expect(page.get_by_text("HZ2026-00001")).to_be_visible()
    expect(page.get_by_text("马立新")).to_have_count(0)
    keep(page, "story-5-verified")
    page.goto("/v/nothing-of-ours")
    expect(page.get_by_text("HZ2026")).to_have_count(0)
    stranger.close()


def test_a_limit_that_passes_is_reminded_warned_and_supervised(sits_down: SitsDown, worker: Worker) -> None:
    clerk, head = sits_down("liting"), sits_down("zhoujianguo")
    accept(clerk, "JL01", 4)
    answer(clerk, "2026-03-12")
    send(clerk)
    for _ in range(2):
        clerk.get_by_role("button", name="+1 周").click()
    clerk.get_by_role("button", name="+1 天").click()
    head.goto("/")
    expect(head.locator("[data-row]", has_text="提出督办意见")).to_be_visible(timeout=15_000)
    keep(head, "story-6-the-head-is-asked")
    work_on(head, "提出督办意见")
    head.get_by_label(re.compile("^原因")).fill("检定机构排期已满。")
    head.get_by_label("督办措施").fill("改送另一家机构。")
    head.get_by_label("新承诺日期").fill("2026-03-20")
    keep(head, "story-7-supervision")
    send(head)
    technician = sits_down("zhangwei")
    technician.goto("/notices")
    expect(technician.get_by_text("改送另一家机构").first).to_be_visible()
    keep(technician, "story-8-notices")
    technician.goto("/cases/1")
    keep(technician, "story-9-late-case")
    expect(technician.get_by_text("超期").first).to_be_visible()
