"""A complaint as people click it: taken down, assessed, assigned, looked into, decided, told (P07)."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.browser.conftest import DESK
from tests.browser.desk import Seats, seats
from tests.browser.test_counter import SitsDown
from tests.conftest import Clock, Database
from tests.processes.conftest import Station


@pytest.fixture(params=[("zh", DESK)], ids=["zh-desk"])
def sits(request: pytest.FixtureRequest, sits_down: SitsDown) -> Seats:
    return seats(sits_down, *request.param)


@pytest.fixture
def station(app: Flask, database: Database, clock: Clock) -> Iterator[Station]:
    with database.sessions() as session:
        yield Station(session, clock)


def test_r4_4a_a_complaint_from_the_counter_to_the_answer(sits: Seats, station: Station) -> None:
    clerk, handler, head, target = (sits(one) for one in ("wangfang", "sunlihua", "zhoujianguo", "zhangwei"))
    clerk.goes_to("/complaints")
    clerk.press("登记投诉")
    clerk.page.wait_for_url("**/complaints/new")
    clerk.page.locator("[aria-busy=true]").wait_for(state="detached")
    clerk.fill("姓名", "王小明")
    clerk.fill("联系电话", "000-12345678")
    box = clerk.page.locator(".fjs-form-field-taglist input")
    box.fill("张伟")
    clerk.page.locator(".fjs-dropdownlist-item", has_text="张伟").first.click()
    clerk.fill("投诉事项", "上周来取报告，技术人员让我等了一个小时。")
    clerk.fill("要求什么", "请说明原因并道歉。")
    clerk.keep("complaint-1-register")
    clerk.page.locator("[data-send]").click()
    clerk.page.wait_for_url(re.compile(r"/complaints/\d+$"))
    clerk.sees("投诉登记回执")
    clerk.keep("complaint-2-registered")

    handler.works_on("初步评审")
    handler.check("受理")
    handler.keep("complaint-3-assess")
    handler.send()
    handler.works_on("告知已受理")
    handler.choose("结果", "已告知")
    handler.fill("告知了什么", "已受理，五个工作日内答复。")
    handler.keep("complaint-4-tell")
    handler.send()
    head.works_on("指派处理人")
    expect(head.field("须回避")).to_have_value(re.compile("张伟"))
    head.keep("complaint-5-assign")
    head.send()
    handler.works_on("调查")
    handler.fill("投诉人陈述", "等了一个小时，没有人解释。")
    handler.choose("怎样取得", "当面谈话")
    handler.fill("陈述内容", "当时在做另一件检定，没有交代同事。")
    handler.fill("证据", "取件登记、录像。")
    handler.fill("查明的事实", "等候 58 分钟，属实。")
    handler.keep("complaint-6-investigate")
    handler.send()
    handler.works_on("拟定处理意见")
    handler.fill("答复", "已当面致歉，说明当时在做检定。")
    handler.choose("处理方式", "致歉")
    handler.fill("结论", "投诉属实，等候过久。")
    handler.choose("责任人", "张伟")
    handler.choose("原因", "办理拖延")
    handler.keep("complaint-7-propose")
    handler.send()
    head.works_on("审定")
    head.check("同意")
    head.keep("complaint-8-decide")
    head.send()
    handler.works_on("反馈结果")
    handler.choose("结果", "已告知")
    handler.fill("投诉人的意见", "接受。")
    handler.check("满意")
    handler.keep("complaint-9-feed-back")
    handler.send()
    handler.goes_to("/complaints/1")
    handler.sees("已办结")
    handler.sees("投诉处理结果告知书")
    handler.keep("complaint-10-closed")
    target.goes_to("/complaints?show=all")
    target.sees("没有您可以查看的投诉。")
    target.keep("complaint-11-nothing-to-see")
