"""The shipped intake as a station lives it: real engine, real tables, the demo's people and items."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.database import business_now
from workflow.engine.actors import Actor
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import Refused
from workflow.station import demo, documents, running
from workflow.station.cases import Case
from workflow.station.positions import actor
from workflow.station.staff import Staff

REGISTRATION = {
    "channel": "visit",
    "name": "马立新",
    "phone": "000-62210001",
    "refused": False,
    "enterprise": None,
    "new_enterprise": "",
    "matter": "十二把卡尺要在月底前检定。",
}
FOUND = {"state": "ok", "pages": 2, "copies": 1, "original": "original"}
CLOSING = {"result": "completed", "summary": "已送检并取回证书。", "pickup": "window"}


class Desk:
    """One case and the people around it: ``does`` finishes the case's open task as somebody."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.engine = running.engine_for(session)
        self.case: Case

    def person(self, login: str) -> Actor:
        staff = self.session.scalars(select(Staff).where(Staff.login == login)).one()
        return actor(self.session, staff, business_now(self.session))

    def registers(self, login: str, item: str) -> None:
        clerk = self.person(login)
        form = {**REGISTRATION, "first_contact": clerk.key.removeprefix("staff:")}
        instance = self.engine.start("intake", by=clerk, data=form)
        self.case = self.session.scalars(select(Case).where(Case.instance_id == instance)).one()
        self.does(login, "classify", {"item": item, "note": ""})

    def task(self) -> TaskRow:
        rows = select(TaskRow).where(TaskRow.instance_id == self.case.instance_id, TaskRow.status == OPEN)
        return self.session.scalars(rows).one()

    def does(self, login: str, element: str, form: Mapping[str, Any]) -> None:
        task = self.task()
        assert task.element == element
        self.engine.complete(task.id, by=self.person(login), data=form)
        self.session.refresh(self.case)

    def fires(self) -> list[str]:
        """Let everything that is due have its effect, as the worker would; the rungs that fired."""
        now = business_now(self.session)
        due = select(TimerRow.id, TimerRow.rung).where(TimerRow.due_at <= now).order_by(TimerRow.due_at)
        fired = [rung for timer, rung in self.session.execute(due).all() if self.engine.fire(timer)]
        self.session.refresh(self.case)
        return fired

    def checks(self, login: str, decision: str, **other: Mapping[str, Any]) -> None:
        listed = [one.name for one in self.case.materials]
        assert set(other) <= set(listed)
        rows = [{"name": name, **(other.get(name) or FOUND)} for name in listed]
        self.does(login, "check_materials", {"materials": rows, "decision": decision})


@pytest.fixture
def desk(session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setenv("YIZHAN_HOME", str(tmp_path))
    moment = business_now(session)
    demo.fill(session, moment)
    running.deploy_shipped(session, actor="system", moment=moment)
    return Desk(session)


def test_a_matter_is_received_promised_handled_and_closed(desk: Desk) -> None:
    desk.registers("liting", "JL01")
    assert desk.case.no == "SL2026-00001"
    desk.checks("liting", "accept")
    desk.does("liting", "answer", {"solution": "送市计量所检定。", "planned_on": "2026-03-12"})
    desk.does(
        "zhangwei", "handle", {"progress": "已送检，等证书。", "needs_more": True, "next_step": "取证书"}
    )
    desk.does("zhangwei", "handle", {"progress": "证书已取回。", "needs_more": False})
    desk.does("liting", "close", CLOSING)
    assert (desk.case.state, desk.case.result) == ("closed", "completed")


def test_an_immediate_item_is_done_the_same_day_without_a_plan(desk: Desk) -> None:
    desk.registers("liting", "JL02")
    desk.checks("liting", "accept")
    desk.does("zhangwei", "handle", {"progress": "当场解答送检办法。", "needs_more": False})
    desk.does("liting", "close", CLOSING)
    assert desk.case.closed_at == desk.case.accepted_at


def test_a_lacking_material_waits_and_is_checked_again(desk: Desk) -> None:
    desk.registers("liting", "JL01")
    desk.checks("liting", "wait", 计量器具样品={"state": "missing", "reason": "请带样品。"})
    assert desk.case.state == "waiting"
    desk.does("liting", "receive_materials", {"delivery": "visit", "brought": "样品一件"})
    desk.checks("liting", "accept")
    assert desk.task().element == "answer"


def test_a_case_with_a_lacking_material_is_not_accepted_and_uses_no_number(desk: Desk) -> None:
    desk.registers("liting", "JL01")
    with pytest.raises(Refused), desk.session.begin_nested():
        desk.checks("liting", "accept", 计量器具样品={"state": "missing", "reason": "请带样品。"})
    desk.checks("liting", "accept")
    assert [paper.no for paper in documents.of(desk.session, desk.case.key)] == ["HZ2026-00001"]


def test_reminders_come_once_and_a_late_case_gets_a_supervision_but_stays_open(
    desk: Desk, clock: Any
) -> None:
    desk.registers("liting", "JL01")
    desk.checks("liting", "accept")
    told = {}
    for moment in (
        *("2026-03-09 13:59", "2026-03-09 14:01", "2026-03-12 16:05", "2026-03-12 16:07"),
        *("2026-03-16 17:29", "2026-03-16 17:31", "2026-03-17 17:29", "2026-03-17 17:31"),
    ):
        clock.move_to(moment)
        if rungs := desk.fires():
            told[moment] = rungs
    assert told == {
        "2026-03-09 14:01": ["remind"],
        "2026-03-12 16:07": ["warn"],
        "2026-03-16 17:31": ["late"],
        "2026-03-17 17:31": ["superior"],
    }
    assert desk.fires() == []
    assert desk.case.late_at is not None and desk.task().element == "answer"
    supervision = desk.session.scalars(
        select(TaskRow).where(TaskRow.element == "supervise", TaskRow.status == OPEN)
    ).one()
    form = {"reason": "等候样品。", "measures": "今日送检。", "new_date": "2026-03-20"}
    desk.engine.complete(supervision.id, by=desk.person("zhoujianguo"), data=form)
    desk.session.refresh(desk.case)
    assert f"{desk.case.planned_on}" == "2026-03-20" and desk.task().element == "answer"


@pytest.mark.parametrize(
    "said",
    [
        "HZ2026-00001",
        "SL2026-00001",
        "马立新",
        "*******0001",
        "JL01计量器具检定/校准代办",
        "2026年3月16日（星期一）17:30前",
        "办理时限10个工作日",
        "李婷",
        "计量技术",
        "检定/校准委托单21原件",
        "4营业执照21原件",
    ],
)
def test_the_receipt_of_a_real_case_says(desk: Desk, said: str) -> None:
    desk.registers("liting", "JL01")
    desk.checks("liting", "accept")
    (receipt,) = documents.of(desk.session, desk.case.key)
    page = PdfReader(io.BytesIO(documents.pdf(desk.session, receipt))).pages[0].extract_text()
    assert said in re.sub(r"[\s\u200b]", "", page)
