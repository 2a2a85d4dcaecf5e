"""Working with others as people click it: departments that hold a case up; what was agreed and came back."""

from __future__ import annotations

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy.orm import Session

from tests.browser.conftest import PHONE
from tests.browser.desk import seats
from tests.browser.in_motion import handled
from tests.browser.test_counter import SitsDown
from tests.conftest import Clock, Database
from tests.processes.conftest import Station


def brought_to_the_end(session: Session, clock: Clock) -> Station:
    station = Station(session, clock)
    case = handled(station.person("liting"))
    station.person("zhangwei").handles(case)
    return station


@pytest.mark.parametrize(("language", "screen"), [("en", PHONE)], ids=["en-phone"])
def test_r2_3_4b_a_department_holds_the_case_up_and_r1_1d_what_was_agreed_comes_back(
    sits_down: SitsDown, app: Flask, database: Database, clock: Clock, language: str, screen: dict[str, int]
) -> None:
    with database.sessions() as session:
        brought_to_the_end(session, clock)
    clerk = seats(sits_down, language, screen)("liting")
    clerk.begins("请部门协办", "joint")
    clerk.fill("协办部门", "示例市应急局")
    clerk.fill("联系人", "韩敏")
    clerk.fill("联系电话", "000-81240009")
    clerk.fill("请对方办什么", "出具意见。")
    clerk.moment("要求办复日期", "2026-03-05")
    clerk.keep("joint-1-ask")
    clerk.page.locator("[data-send]").click()
    clerk.page.wait_for_url("**/cases/1")
    part = clerk.page.locator("#joint")
    expect(part).to_contain_text("示例市应急局")
    clerk.keep("joint-2-on-the-case")
    clerk.works_on("办结")
    expect(clerk.field("还没有办复的协办部门")).to_have_value("示例市应急局")
    clerk.check("已办成")
    clerk.fill("办理总结", "检定合格，证书已交付。")
    clerk.check("无需取件")
    clerk.press("提交")
    expect(clerk.page.locator("#form-errors")).to_contain_text("示例市应急局")
    clerk.keep("joint-3-not-closed")
    clerk.goes_to("/cases/1")
    part.locator("summary").click()
    part.get_by_label(clerk.say("为什么不需要了")).fill("企业另行解决。")
    clerk.press("确认撤回")
    clerk.sees("已撤回协办，原因已记下。")
    clerk.keep("joint-4-taken-back")

    clerk.goes_to("/coordination")
    clerk.press("记一次沟通")
    clerk.page.wait_for_url("**/coordination/new")
    clerk.page.locator("[aria-busy=true]").wait_for(state="detached")
    clerk.check("外单位")
    clerk.fill("单位名称", "示例市计量检定测试所")
    clerk.fill("沟通什么", "卡尺的检定")
    clerk.fill("谈定了什么", "周五前排期。")
    clerk.moment("约定时限", "2026-03-06")
    clerk.keep("coordination-1-record")
    clerk.page.locator("[data-send]").click()
    clerk.page.wait_for_url("**/coordination/1")
    clerk.keep("coordination-2-record")
    clerk.press("现在就记落实情况")
    clerk.page.wait_for_url("**/tasks/*")
    clerk.page.locator("[aria-busy=true]").wait_for(state="detached")
    clerk.check("已落实")
    clerk.fill("落实情况", "已排在下周一。")
    clerk.keep("coordination-3-settle")
    clerk.send()
    clerk.goes_to("/coordination?show=all")
    clerk.sees("已落实")
    clerk.keep("coordination-4-list")
