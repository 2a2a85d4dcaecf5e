"""First contact as people click it: registered on behalf, handed over, passed on to another body, read."""

from __future__ import annotations

import re

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.browser.conftest import DESK
from tests.browser.desk import seats
from tests.browser.test_counter import SitsDown
from tests.conftest import Clock, Database
from tests.processes.conftest import Station
from tests.processes.test_reading_diagrams import publishes

NO_PHONE = "经办人不在时请留下联系电话，否则无法答复对方；不愿留的，请当场受理，或约定再来的时间。"


@pytest.mark.parametrize(("language", "screen"), [("zh", DESK)], ids=["zh-desk"])
def test_r2_2_a_client_is_never_left_between_two_desks(
    sits_down: SitsDown, app: Flask, database: Database, clock: Clock, language: str, screen: dict[str, int]
) -> None:
    clock.move_to("2026-03-09 09:00")
    with database.sessions() as session:
        publishes(Station(session, clock))
    head = seats(sits_down, language, screen)("zhoujianguo")

    head.goes_to("/cases/new")
    head.fill("姓名", "王小明")
    head.fill("诉求", "营业执照地址要变更。")
    head.check("经办人不在，代为登记")
    head.choose("代谁登记", "张伟")
    head.check("对方不愿留电话（拒留）")
    head.page.locator("[data-send]").click()
    expect(head.page.locator("#form-errors")).to_contain_text(head.say(NO_PHONE))
    head.keep("first-contact-1-on-behalf")
    head.field("对方不愿留电话（拒留）").uncheck()
    head.fill("联系电话", "000-12345678")
    head.page.locator("[data-send]").click()
    head.page.wait_for_url(re.compile(r"/cases/\d+$"))

    card = head.page.locator("#first-contact")
    expect(card).to_contain_text("张伟")
    card.get_by_text(head.say("引导"), exact=True).click()
    card.locator("[name=body]").select_option(index=1)
    card.get_by_role("button", name=head.say("记下引导")).click()
    expect(card.locator("a[href$='.pdf']")).to_be_visible()
    card.get_by_text(head.say("更换首问人"), exact=True).click()
    card.locator("[name=to]").select_option(label=f"王芳 {head.say('办事员')}")
    card.locator("[name=reason]").fill("周建国只是代为登记。")
    card.get_by_role("button", name=head.say("更换"), exact=True).click()
    expect(card).to_contain_text("周建国只是代为登记。")
    head.keep("first-contact-2-case")
    head.goes_to("/first-contacts")
    head.sees("未编号")
    head.keep("first-contact-3-register")

    head.goes_to("/diagrams")
    head.keep("first-contact-4-diagrams")
    head.page.locator("a.chip").click()
    head.page.locator("[aria-busy=true]").wait_for(state="detached")
    head.keep("first-contact-5-diagram")
    head.press("已阅")
    expect(head.page.locator(".chip.ok").first).to_be_visible()
