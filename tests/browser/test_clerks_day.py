"""The clerk's day: a visitor becomes a case, a duplicate is found, a client is called, a result is collected.

In English at a desk and in Chinese on a phone of 360 px.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.browser.conftest import PHONE
from tests.browser.desk import Seats, seats
from tests.browser.in_motion import handled
from tests.browser.test_counter import SitsDown
from tests.conftest import Clock, Database
from tests.processes.conftest import Station


@pytest.fixture(params=[("zh", PHONE)], ids=["zh-phone"])
def sits(request: pytest.FixtureRequest, sits_down: SitsDown) -> Seats:
    return seats(sits_down, *request.param)


@pytest.fixture
def station(app: Flask, database: Database, clock: Clock) -> Iterator[Station]:
    """One case is closed, its result lies at the window; another like it is being checked."""
    with database.sessions() as session:
        station = Station(session, clock)
        liting, zhangwei = station.person("liting"), station.person("zhangwei")
        case = handled(liting)
        zhangwei.handles(case)
        liting.closes(case)
        liting.classifies(liting.registers(), "JL01")
        yield station


def test_r1_1b_r1_2_2a2_r2_1d_a_clerks_day(sits: Seats, station: Station) -> None:
    clerk = sits("liting")
    page = clerk.page

    clerk.goes_to("/visits")
    expect(clerk.field("来访事由")).to_be_focused()
    page.keyboard.type("问企业标准怎么公开。")
    page.keyboard.press("Enter")
    clerk.sees("已记下 %(no)s。", no="LF2026-00001")
    clerk.fill("来访事由", "两台游标卡尺需要送检。")
    clerk.fill("称呼（可不填）", "马立新")
    clerk.fill("联系电话（可不填）", "000-12345678")
    clerk.press("记下")
    clerk.sees("已记下 %(no)s。", no="LF2026-00002")
    page.locator("summary", has_text=clerk.say("作废")).last.click()
    expect(clerk.field("作废原因", 1)).to_be_visible()
    clerk.keep("day-1-visits")
    clerk.press("办理登记 %(no)s", no="LF2026-00002")
    page.wait_for_url("**/cases/new?visit=2")
    expect(clerk.field("姓名")).to_have_value("马立新")
    clerk.check("由受托人来办")
    clerk.fill("受托人姓名", "钱多多")
    clerk.fill("与服务对象的关系", "同事")
    clerk.check("已出示")
    clerk.keep("day-2-register")
    page.locator("[data-send]").click()
    page.wait_for_url(re.compile(r"/cases/\d+$"))

    clerk.works_on("判类")
    clerk.choose("事项", "JL01")
    clerk.send()
    clerk.goes_to("/notices")
    expect(page.get_by_text("SL2026-00003").first).to_be_visible()
    clerk.works_on("审核材料")
    clerk.sees("这件办件疑似重复，请先核对。")
    clerk.keep("day-3-doubtful")
    clerk.goes_to("/cases/3")
    related = page.get_by_role("region", name=clerk.say("相关办件"))
    expect(related.get_by_text("SL2026-00002").first).to_be_visible()
    clerk.keep("day-4-related")
    clerk.press("并入 %(no)s", no="SL2026-00002")
    clerk.sees("已合并，编号和记录保留。")
    page.wait_for_url("**/cases/2")
    page.get_by_text(clerk.say("记一次联系"), exact=True).click()
    clerk.keep("day-5-earlier")
    clerk.goes_to("/cases/3")
    expect(page.locator(".top .chip", has_text=clerk.say("已并入"))).to_be_visible()
    page.get_by_text(clerk.say("更多办理"), exact=True).click()
    clerk.keep("day-6-merged")

    clerk.goes_to("/calls")
    clerk.press("显示号码")
    expect(page.get_by_text("00012345678")).to_be_visible()
    expect(clerk.field("通话情况（可不填）")).to_be_focused()
    clerk.keep("day-7-calls")
    page.keyboard.type("本人接听。")
    page.keyboard.press("Enter")
    clerk.sees("已记下，告知完成。")
    clerk.press("未接通")
    clerk.sees("已记下：%(outcome)s，稍后再打。", outcome=clerk.say("未接通"))

    clerk.goes_to("/cases/1")
    expect(page.locator(".top .chip", has_text=clerk.say("待取件"))).to_be_visible()
    clerk.works_on("取件签收")
    clerk.check("他人代领")
    clerk.choose("核对了什么", "授权委托书")
    clerk.fill("代领人姓名", "孙代领")
    clerk.fill("与服务对象的关系", "家人")
    clerk.keep("day-8-collect")
    clerk.send()
    clerk.goes_to("/cases/1")
    expect(page.locator(".top .chip", has_text=clerk.say("已取件"))).to_be_visible()
    clerk.keep("day-9-collected")
