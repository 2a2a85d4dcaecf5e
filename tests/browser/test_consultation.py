"""A question at the counter as people click it: an approved answer from the library, its notice, the list."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.desk import Seats, seats
from tests.browser.test_counter import SitsDown
from tests.conftest import Clock, Database
from tests.processes.conftest import Station
from tests.processes.test_consultation import approves
from workflow.station import items


@pytest.fixture(params=[("zh", PHONE)], ids=["zh-phone"])
def sits(request: pytest.FixtureRequest, sits_down: SitsDown) -> Seats:
    return seats(sits_down, *request.param)


@pytest.fixture
def station(app: Flask, database: Database, clock: Clock) -> Iterator[Station]:
    """With one approved answer about an item."""
    with database.sessions() as session:
        station = Station(session, clock)
        item = items.current(session, "JL01", clock.now().date()).item
        approves(station.person("zhoujianguo"), item=item)
        session.commit()
        yield station


def test_r2_2_3_a_question_is_asked_answered_from_the_library_and_handed_out(
    sits: Seats, station: Station
) -> None:
    desk = sits("liting")
    page = desk.page
    desk.goes_to("/consultations")
    desk.press("咨询登记")
    page.wait_for_url("**/consultations/new")
    page.locator("[aria-busy=true]").wait_for(state="detached")
    desk.choose("有关事项", "JL01")
    desk.fill("咨询主题", "送检时间")
    desk.fill("咨询内容", "两台游标卡尺送检要多久？")
    desk.check("对方不愿留姓名（匿名）")
    desk.keep("asking-1-register")
    page.locator("[data-send]").click()
    page.wait_for_url(re.compile(r"/tasks/\d+$"))
    page.locator("[aria-busy=true]").wait_for(state="detached")
    desk.choose("从答复库取用", "检定多久")
    expect(desk.field("答复")).to_have_value("十个工作日。")
    expect(desk.field("依据")).to_have_value("目录 JL01")
    desk.fill("答复", "十个工作日，大型器具可以现场检定。")
    desk.keep("asking-2-answer")
    desk.send()
    desk.goes_to("/consultations/1")
    desk.sees("已答复")
    expect(page.get_by_text("GZ2026-00001").first).to_be_visible()
    desk.keep("asking-3-answered")
    desk.goes_to("/items/JL01")
    desk.press("出具一次性告知书")
    expect(page.get_by_text("GZ2026-00002").first).to_be_visible()
    desk.keep("asking-4-item")
