"""Materials at the counter as people click them: a notice, a second one, declining, taking back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from playwright.sync_api import expect

from tests.browser.conftest import DESK
from tests.browser.desk import Desk, seats
from tests.browser.in_motion import checked
from tests.browser.test_counter import SitsDown
from tests.conftest import Clock, Database
from tests.processes.conftest import Station
from tests.processes.test_deficiencies import brings, checks


@pytest.fixture
def station(app: Flask, database: Database, clock: Clock) -> Iterator[Station]:
    with database.sessions() as session:
        yield Station(session, clock)


@pytest.mark.parametrize(("language", "screen"), [("en", DESK)], ids=["en-desk"])
def test_r2_3_2_materials_are_checked_told_and_decided_on(
    sits_down: SitsDown, station: Station, language: str, screen: dict[str, int]
) -> None:
    sits = seats(sits_down, language, screen)  # type: ignore[arg-type]
    liting = station.person("liting")
    raised, declined = checked(liting), checked(liting)
    names = [material.name for material in raised.materials]
    clerk, head = sits("liting"), sits("zhoujianguo")

    open_check(clerk, declined.id)
    clerk.check("不予受理（报站长确认）")
    expect(clerk.field("材料名称")).to_have_count(0)
    clerk.choose("不予受理情形", declined.item.refusals[0])
    clerk.fill("告知服务对象的话", "请到市计量所窗口直接送检。")
    clerk.keep("check-1-declining")
    clerk.send()
    head.works_on("确认不予受理")
    expect(head.field("告知服务对象的话")).to_have_value("请到市计量所窗口直接送检。")
    head.check("确认不予受理")
    head.keep("check-2-confirm-declining")
    head.send()
    head.goes_to(f"/cases/{declined.id}")
    expect(head.page.get_by_text("BY2026-00001").first).to_be_visible()
    head.keep("check-3-declined")

    open_check(clerk, raised.id)
    for number in range(len(names)):
        clerk.field("合格" if number else "缺少", number).check()
        if number:
            clerk.fill("页数", "2", number - 1)
        else:
            clerk.fill("缺陷与补正办法", "请补一份盖章的原件。")
    clerk.check("一次性告知补正")
    clerk.keep("check-4-notice")
    clerk.send()
    clerk.goes_to(f"/cases/{raised.id}")
    expect(clerk.page.get_by_text("BZ2026-00001").first).to_be_visible()
    expect(clerk.page.locator('[data-element-id="deficiencies"].now')).to_have_count(1)
    clerk.sees("审核材料用时")
    clerk.sees("补正期限")
    clerk.keep("check-5-waiting")

    station.session.rollback()
    station.session.expire_all()
    brings(liting, raised)
    checks(liting, raised, names[1])
    head.works_on("审批再次补正告知")
    expect(head.field("现在新提出的问题")).to_have_value(f"{names[1]} · 请补一份盖章的原件。")
    head.keep("check-6-second-notice")


def open_check(desk: Desk, case: int) -> None:
    desk.goes_to(f"/cases/{case}")
    desk.page.get_by_role("link", name=desk.say("办理：%(step)s", step=desk.say("审核材料"))).click()
    desk.page.wait_for_url("**/tasks/*")
    desk.page.locator("[aria-busy=true]").wait_for(state="detached")
