"""Pages of first contact, other bodies and published diagrams: who sees them, what they keep when refused."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from sqlalchemy import select

from tests.conftest import Clock, Database
from tests.processes import test_first_contact as handing
from tests.processes import test_transfer as passing
from tests.processes.conftest import Station
from tests.web.conftest import Browser
from workflow.station.guidance import Guidance
from workflow.station.outside_bodies import OutsideBody

SignIn = Callable[[str], Browser]


@pytest.fixture
def case(database: Database, clock: Clock, liting: Browser) -> int:
    """Handed over and accepted, guided, and transferred; one visitor without a case."""
    with database.sessions() as session:
        station = Station(session, clock)
        clerk, technician = station.person("liting"), station.person("zhangwei")
        case = clerk.registers(matter="营业执照地址要变更，找谁办？")
        handing.hands_over(clerk, case)
        technician.does(case, "accept", {"answer": "accept"})
        passing.guides(clerk, case)
        passing.guides(clerk, matter="发票在哪里领？")
        passing.transfers_it(technician, case)
        return case.id


def test_r2_2_1_the_register_tells_who_came_and_who_accepted(liting: Browser, case: int) -> None:
    page = liting.get("/first-contacts").text
    for words in (
        "王小明",
        "营业执照地址要变更",
        "李婷",
        "计量技术",
        "已接收 张伟",
        "ZB2026-00001",
        "发票在哪里领？",
    ):
        assert words in page
    assert "5678" not in page, "no phones in the register"
    for q, found in (("王小明", True), ("李婷", True), ("地址要变更", True), ("没有这样的人", False)):
        assert ("营业执照地址要变更" in liting.get(f"/first-contacts?q={q}").text) is found
    assert "营业执照" not in liting.get("/first-contacts?from=2026-02-01&to=2026-02-02").text
    assert "发票" in liting.get("/first-contacts?q=发票").text


def test_r2_2_1_the_register_leaves_the_house_without_the_clients(liting: Browser, case: int) -> None:
    answer = liting.get("/first-contacts/register.csv?from=nonsense")
    rows = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert len(rows) == 3 and "王小明" not in answer.text and "地址要变更" not in answer.text
    assert rows[2][5:9] == ["李婷", "计量技术", "张伟", "2026-03-02 周一 09:00"]
    assert "ZB2026-00001" in rows[2][9]


def test_r2_2_4b_a_visitor_is_guided_and_takes_a_slip_along(
    liting: Browser, case: int, database: Database
) -> None:
    with database.sessions() as session:
        body = session.scalars(select(OutsideBody.id).limit(1)).one()
        known = session.scalars(select(Guidance.id).limit(1)).one()
    answer = liting.post("/first-contacts/guidance", body=str(body), matter="")
    assert answer.status_code == 422 and "请写明对方要办什么" in answer.text
    answer = liting.post("/first-contacts/guidance", body=str(body), matter="社保卡在哪里补？")
    assert answer.status_code == 302 and "社保卡在哪里补？" in liting.get("/first-contacts").text
    paper = liting.get(f"/first-contacts/guidance/{known}.pdf")
    assert paper.mimetype == "application/pdf" and paper.data.startswith(b"%PDF")


def test_r2_2_0_the_head_changes_the_first_contact_on_the_page_of_a_case(
    liting: Browser, case: int, signed_in: SignIn
) -> None:
    head = signed_in("zhoujianguo")
    page = head.get(f"/cases/{case}").text
    assert "更换首问人" in page and "更换首问人" not in liting.get(f"/cases/{case}").text
    answer = head.post(f"/cases/{case}/first-contact", to="staff:2", reason=" ")
    assert answer.status_code == 422 and "请写明原因" in answer.text
    assert head.post(f"/cases/{case}/first-contact", to="staff:2", reason="李婷调离窗口。").status_code == 302
    page = head.get(f"/cases/{case}").text
    assert "首问人由 李婷 改为" in page and "李婷调离窗口。" in page
    assert liting.post(f"/cases/{case}/first-contact", to="staff:2", reason="不想办。").status_code == 403


def test_r2_2_4b_guidance_on_a_case_is_shown_there(liting: Browser, case: int) -> None:
    assert liting.post(f"/cases/{case}/guidance", body="").status_code == 422
    assert "引导到 示例市市场监督管理局登记注册科" in liting.get(f"/cases/{case}").text
    assert "ZB2026-00001" in liting.get("/first-contacts/transfers?q=登记注册").text


def test_r2_2_4b_the_head_keeps_the_directory(liting: Browser, signed_in: SignIn, database: Database) -> None:
    assert liting.get("/first-contacts/bodies/new").status_code == 403
    head = signed_in("zhoujianguo")
    words = {
        "name": "示例市消防救援支队",
        "scope": "建设工程消防验收。",
        "phone": "无",
        "address": "",
        "keywords": "",
    }
    head.get("/first-contacts/bodies/new")
    answer = head.post("/first-contacts/bodies/new", **words)
    assert answer.status_code == 422 and "示例市消防救援支队" in answer.text and "联系电话应为" in answer.text
    assert head.post("/first-contacts/bodies/new", **{**words, "phone": "000-81231009"}).status_code == 302
    assert "示例市消防救援支队" in liting.get("/first-contacts/bodies?q=消防").text
    with database.sessions() as session:
        number = session.scalars(select(OutsideBody.id).where(OutsideBody.name == words["name"])).one()
    assert "示例市消防救援支队" in head.get(f"/first-contacts/bodies/{number}").text
    assert head.post(f"/first-contacts/bodies/{number}", **words).status_code == 422
    out_of_use = {**words, "phone": "000-81231009"}
    assert head.post(f"/first-contacts/bodies/{number}", **out_of_use).status_code == 302
    assert "消防" not in liting.get("/first-contacts/bodies").text.replace("查承办部门", "")
    assert "已停用" in head.get("/first-contacts/bodies").text


def test_r2_2_6b_every_diagram_can_be_read_by_everybody(liting: Browser, signed_in: SignIn) -> None:
    page = liting.get("/diagrams").text
    assert "受理办理" in page and "谁还没有阅读" not in page
    assert "受理办理" in liting.get("/diagrams/1").text
    drawn = liting.get("/diagrams/1/diagram.json").json
    assert drawn is not None and drawn["xml"].startswith("<?xml") and drawn["tokens"] == []
    assert liting.get("/diagrams/9999").status_code == 404
    assert liting.post("/diagrams/1/read").status_code == 302
    assert "已阅" in liting.get("/diagrams/1").text
    assert "谁还没有阅读" in signed_in("zhoujianguo").get("/diagrams").text


def test_who_only_keeps_the_system_sees_the_diagrams_and_no_client(signed_in: SignIn) -> None:
    admin = signed_in("admin")
    assert admin.get("/diagrams").status_code == 200
    for path in ("/first-contacts", "/first-contacts/register.csv", "/first-contacts/transfers"):
        assert admin.get(path).status_code == 403
