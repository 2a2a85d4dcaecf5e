"""Time and posts as people click them: an absence, more time, a stop, a closing, supervision, handing over.

Each in Chinese at a desk, in English at a desk, and in Chinese on a phone of 360 px.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import expect
from sqlalchemy import select

from tests.browser.conftest import PHONE
from tests.browser.desk import Seats, seats
from tests.browser.in_motion import handled
from tests.browser.test_counter import SitsDown
from tests.conftest import Clock, Database
from tests.processes.conftest import Station
from workflow.station.absences import Absence

TOLD = "2026-03-16"  # the deadline of a case of ten working days that was accepted on 2026-03-02


@pytest.fixture(params=[("zh", PHONE)], ids=["zh-phone"])
def sits(request: pytest.FixtureRequest, sits_down: SitsDown) -> Seats:
    return seats(sits_down, *request.param)


@pytest.fixture
def station(app: Flask, database: Database, clock: Clock) -> Iterator[Station]:
    """Nobody is away; one case of ten working days waits for 张伟."""
    with database.sessions() as session:
        for absence in session.scalars(select(Absence)):
            session.delete(absence)
        session.commit()
        station = Station(session, clock)
        handled(station.person("liting"))
        yield station


def goes_on(station: Station, moment: str) -> None:
    station.session.rollback()
    station.clock.move_to(moment)
    station.fire_due()


def test_r1_3c_an_absence_from_registering_to_handing_back(sits: Seats, station: Station) -> None:
    away, deputy = sits("zhangwei"), sits("chenzhiqiang")
    away.goes_to("/posts")
    away.press("离岗登记")
    away.page.wait_for_url("**/absences/new")
    away.choose("离岗事由", "出差")
    away.moment("离岗开始", "2026-03-09", "08:30")
    away.moment("预计返岗", "2026-03-11", "17:30")
    away.fill("需要交接的事项", "示例市计量所周三来电。")
    away.fill("紧急联系电话", "000-12345678")
    away.keep("absence-1-register")
    away.press("登记离岗")
    away.page.wait_for_url(re.compile(r"/absences/\d+$"))
    away.keep("absence-2-registered")

    deputy.works_on("确认替补")
    expect(deputy.field("需要交接的事项")).to_have_value("示例市计量所周三来电。")
    deputy.check("同意替补")
    deputy.keep("absence-3-confirm")
    deputy.send()

    away.works_on("填写交接清单")
    away.fill("交代", "证书周三到，请通知企业。")
    away.keep("absence-4-hand-over")
    away.send()
    deputy.works_on("接收交接")
    expect(deputy.field("交代")).to_have_value("证书周三到，请通知企业。")
    deputy.check("已接收，交接清楚")
    deputy.keep("absence-5-take-over")
    deputy.send()

    goes_on(station, "2026-03-09 09:00")
    deputy.works_on("办理")
    deputy.sees("代 %(name)s", name="张伟")
    deputy.fill("办理情况", "样品已送检，证书已取回。")
    deputy.keep("absence-6-acting")
    deputy.send()
    deputy.goes_to("/cases/1")
    deputy.sees("代 %(name)s", name="张伟")
    away.goes_to("/posts")
    expect(away.page.locator(".acting", has_text="陈志强").first).to_be_visible()
    away.keep("absence-7-who-acts")

    goes_on(station, "2026-03-11 16:00")
    away.works_on("返岗登记")
    away.check("已返岗")
    away.send()
    deputy.works_on("返岗交接")
    deputy.fill("交接说明", "企业已通知取证。")
    deputy.keep("absence-8-hand-back")
    deputy.send()
    away.works_on("确认返岗交接")
    away.check("已清楚代岗期间的情况，接回工作")
    away.keep("absence-9-acknowledge")
    away.send()
    away.goes_to("/posts?show=past")
    away.page.get_by_role("link", name="张伟").first.click()
    away.sees("返岗交接")
    away.keep("absence-10-over")


def test_r2_4_3b_more_time_is_asked_for_and_granted(sits: Seats, station: Station) -> None:
    technician, head = sits("zhangwei"), sits("zhoujianguo")
    technician.begins("申请延期", "extension")
    technician.choose("延期理由", "专家或承检机构排期延后")
    technician.fill("延期天数", "3")
    technician.fill("情况说明", "计量所排期延后一周。")
    technician.fill("已做工作", "样品已送检，已催两次。")
    expect(technician.page.locator("#preview")).to_contain_text("2026-03-19")
    technician.keep("extension-1-request")
    technician.page.locator("[data-send]").click()
    technician.page.wait_for_url("**/cases/1")
    technician.keep("extension-2-asked")

    head.works_on("审批延期")
    head.keep("extension-3-approve")
    head.check("同意")
    head.send()
    technician.goes_to("/cases/1")
    expect(technician.page.get_by_role("region", name=technician.say("期限"))).to_contain_text("2026-03-19")
    technician.page.locator("details.why").first.evaluate("one => { one.open = true }")
    technician.keep("extension-4-granted")
    technician.works_on("告知服务对象")
    technician.choose("联系方式", "电话")
    technician.choose("联系结果", "已告知")
    technician.keep("extension-5-tell")
    technician.send()


def test_a_clock_stands_and_runs_again(sits: Seats, station: Station) -> None:
    technician = sits("zhangwei")
    technician.begins("暂停计时", "suspension")
    technician.choose("暂停理由", "检验、检测或听证")
    technician.moment("预计恢复日期", "2026-03-06")
    technician.fill("具体情况", "送省院检测，约需四天。")
    technician.keep("stop-1-begin")
    technician.page.locator("[data-send]").click()
    technician.page.wait_for_url("**/cases/1")
    technician.keep("stop-2-stands")
    goes_on(station, "2026-03-06 15:00")
    technician.works_on("恢复计时")
    expect(technician.field("现在恢复，新的办理期限")).to_have_value("2026-03-20 17:30")
    technician.fill("等到了什么", "检测报告已收到，合格。")
    technician.keep("stop-3-resume")
    technician.send()
    technician.goes_to("/cases/1")
    expect(technician.page.get_by_role("region", name=technician.say("期限"))).to_contain_text("2026-03-20")
    technician.keep("stop-4-runs-again")


def test_a_closing_shows_whose_dates_it_touches_before_it_is_saved(sits: Seats, station: Station) -> None:
    head = sits("zhoujianguo")
    limit = head.page.get_by_role("region", name=head.say("期限"))
    head.goes_to("/calendar/2026")
    head.keep("calendar-1-year")
    closing = head.page.locator("#edit")
    closing.get_by_label(head.say("日期")).first.fill("2026-03-12")
    closing.get_by_label(head.say("原因")).fill("停电检修")
    closing.get_by_role("button").click()
    head.page.wait_for_url("**/preview")
    head.sees("不变")
    head.keep("calendar-2-preview")
    head.press("确认保存")
    head.page.wait_for_url("**/changes/*")
    head.keep("calendar-3-saved")
    head.goes_to("/cases/1")
    expect(limit).to_contain_text(TOLD)
    head.page.locator("details.why").first.evaluate("one => { one.open = true }")
    head.keep("calendar-4-the-told-date-stays")
    head.goes_to("/calendar/2026")
    head.page.locator(".rows li", has_text="停电检修").get_by_role("button").click()
    head.page.wait_for_url("**/preview")
    head.press("确认保存")
    head.page.wait_for_url("**/changes/*")
    head.goes_to("/cases/1")
    expect(limit).to_contain_text(TOLD)


def test_r1_2_1a_the_head_supervises_from_the_board(sits: Seats, station: Station) -> None:
    head, technician = sits("zhoujianguo"), sits("zhangwei")
    head.goes_to("/board")
    head.keep("board-1")
    head.page.locator(".b-act button").first.click()
    head.page.wait_for_url("**/tasks/*")
    head.page.locator("[aria-busy=true]").wait_for(state="detached")
    head.fill("原因", "检定机构排期已满。")
    head.fill("督办措施", "改送另一家机构。")
    head.moment("新承诺日期", "2026-03-10")
    head.keep("board-2-supervise")
    head.send()
    technician.works_on("落实督办")
    expect(technician.field("督办措施")).to_have_value("改送另一家机构。")
    technician.fill("落实情况", "已送到另一家机构。")
    technician.keep("board-3-follow")
    technician.send()
    head.goes_to("/notices")
    expect(head.page.get_by_text("已送到另一家机构").first).to_be_visible()


def test_several_are_handed_over_at_once(sits: Seats, station: Station) -> None:
    handled(station.person("liting"))
    technician, colleague = sits("zhangwei"), sits("chenzhiqiang")
    technician.goes_to("/")
    several = technician.page.get_by_role("form", name=technician.say("批量处理"))

    def tick_all() -> None:
        for box in technician.page.locator(".pick").all():
            box.check()

    tick_all()
    several.get_by_role("button", name=technician.say("签收"), exact=True).click()
    technician.sees("已签收 %(count)s 件。", count=2)
    technician.goes_to("/")
    tick_all()
    several.locator("summary").click()
    to = several.locator("option", has_text="陈志强")
    to.wait_for(state="attached")
    several.get_by_label(technician.say("转交给")).select_option(to.get_attribute("value"))
    technician.keep("hand-over-1-several")
    several.locator("button[value=hand_over]").click()
    expect(technician.page.locator("[data-row]")).to_have_count(0)
    technician.keep("hand-over-2-done")
    colleague.goes_to("/")
    expect(colleague.page.locator("[data-row]")).to_have_count(2)
    colleague.keep("hand-over-3-with-the-colleague")


def test_r3_6_a_client_withdraws_the_case(sits: Seats, station: Station) -> None:
    clerk = sits("liting")
    clerk.goes_to("/cases/1")
    clerk.page.get_by_text(clerk.say("撤件、作废"), exact=True).click()
    sheet = clerk.page.locator("details[open] > .sheet")
    box = sheet.bounding_box()
    assert box is not None and box["x"] >= 0
    assert box["x"] + box["width"] <= clerk.page.evaluate("window.innerWidth"), "the whole form can be seen"
    sheet.get_by_label(clerk.say("怎样确认")).select_option("phone")
    sheet.get_by_label(clerk.say("撤件原因")).fill("器具已在别处送检。")
    clerk.keep("withdrawal-1-form")
    clerk.press("确认撤件")
    clerk.sees("已撤件，编号和记录保留。")
    expect(clerk.page.get_by_text("器具已在别处送检。").first).to_be_visible()
    expect(clerk.page.locator(".top .chip", has_text=clerk.say("不再计时"))).to_be_visible()
    clerk.keep("withdrawal-2-ended")


def test_r1_1c_a_reminder_is_set_on_a_case_and_comes_at_its_time(sits: Seats, station: Station) -> None:
    clerk = sits("liting")
    clerk.begins("跟进提醒", "reminder")
    clerk.moment("提醒日期", "2026-03-04", "10:00")
    clerk.fill("跟进什么", "问企业样品何时送来。")
    clerk.keep("reminder-1-set")
    clerk.page.locator("[data-send]").click()
    clerk.page.wait_for_url("**/cases/1")
    goes_on(station, "2026-03-04 10:00")
    clerk.works_on("跟进")
    expect(clerk.field("跟进什么")).to_have_value("问企业样品何时送来。")
    clerk.fill("跟进情况", "周五送来。")
    clerk.check("不用了")
    clerk.keep("reminder-2-follow-up")
    clerk.send()


def test_r2_2_6_who_does_what_is_found_by_initials(sits: Seats, station: Station) -> None:
    clerk = sits("liting")
    clerk.goes_to("/posts/directory")
    clerk.page.get_by_role("searchbox").fill("jlqj")
    clerk.press("查找")
    expect(clerk.page.locator("tbody tr")).to_have_count(1)
    expect(clerk.page.get_by_text("计量器具检定/校准代办")).to_be_visible()
    clerk.keep("directory")
