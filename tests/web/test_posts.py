"""Positions and absences on pages: who reads what, who registers whom, what a stranger does not get."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text

from tests.conftest import Clock, Database
from tests.web.conftest import Browser
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station.absences import Absence
from workflow.station.access_log import AccessLog
from workflow.station.staff import Staff

PHONE = "000-12345678"
Signed = Callable[[str], Browser]


@pytest.fixture
def head(signed_in: Signed) -> Browser:
    return signed_in("zhoujianguo")


@pytest.fixture
def admin(signed_in: Signed) -> Browser:
    return signed_in("admin")


@pytest.fixture
def zhangwei(signed_in: Signed) -> Browser:
    return signed_in("zhangwei")


@pytest.fixture
def chenzhiqiang(signed_in: Signed) -> Browser:
    return signed_in("chenzhiqiang")


@pytest.fixture(autouse=True)
def _nobody_away(app: Any, database: Database) -> None:
    with database.sessions.begin() as session:
        session.execute(text("delete from absence"))


def number(database: Database, login: str) -> int:
    with database.sessions() as session:
        return session.scalars(select(Staff.id).where(Staff.login == login)).one()


def leave(database: Database, login: str, **changed: Any) -> dict[str, Any]:
    form = {
        "who": str(number(database, login)),
        "kind": "planned",
        "cause": "出差",
        "from_at": "2026-03-09T08:30",
        "to_at": "2026-03-11T17:30",
        "emergency_phone": PHONE,
        **changed,
    }
    return {name: value for name, value in form.items() if value is not None}


def registers(browser: Browser, database: Database, login: str, **changed: Any) -> str:
    """Where one lands after registering."""
    browser.get("/posts/absences/new")
    answer = browser.send("/posts/absences/new", leave(database, login, **changed))
    assert answer.status_code == 200, answer.text
    assert answer.json is not None
    return str(answer.json["next"])


def the_absence(database: Database) -> Absence:
    with database.sessions() as session:
        return session.scalars(select(Absence)).one()


def row_of(page: str, position: str) -> str:
    found = re.search(rf'<tr>\s*<th scope="row">{position}.*?</tr>', page, re.DOTALL)
    assert found is not None, position
    return found[0]


def steps(database: Database) -> dict[str, int]:
    with database.sessions() as session:
        found = session.execute(select(TaskRow.element, TaskRow.id).where(TaskRow.status == OPEN))
        return {row.element: row.id for row in found}


# --- the page of positions ---------------------------------------------------------------------------------


def test_everybody_reads_who_is_a_and_b_and_who_is_there_now(liting: Browser, admin: Browser) -> None:
    for reader in (liting, admin):
        page = reader.get("/posts")
        assert page.status_code == 200
        row = row_of(page.text, "计量技术")
        assert "张伟" in row and "陈志强" in row and "技术办理" in row
        assert 'href="/posts" aria-current="page">岗位' in page.text
        assert "现在没有人离岗" in page.text


def test_a_stranger_reads_nothing(stranger: Browser) -> None:
    for address in ("/posts", "/posts/absences/new", "/posts/absences/1", "/posts/absences/new/form.json"):
        assert stranger.get(address).status_code == 302, address


def test_who_acts_and_for_whom_stands_on_the_page(
    zhangwei: Browser, liting: Browser, database: Database
) -> None:
    registers(
        zhangwei,
        database,
        "zhangwei",
        kind="sudden",
        from_at="2026-03-02T08:30",
        to_at="2026-03-02T17:30",
        emergency_phone=None,
    )
    page = liting.get("/posts").text
    row = row_of(page, "计量技术")
    assert "陈志强 " in row.split('data-label="现在"')[1] and "代 张伟" in row
    assert "离岗中" in page and "突发" in page and "陈志强 代岗" in page
    assert "不在岗" not in page, "B is there"


def test_a_position_that_nobody_of_its_own_is_there_for_stands_red(
    zhangwei: Browser, chenzhiqiang: Browser, liting: Browser, database: Database
) -> None:
    for browser, login in ((zhangwei, "zhangwei"), (chenzhiqiang, "chenzhiqiang")):
        registers(
            browser,
            database,
            login,
            kind="sudden",
            from_at="2026-03-02T08:30",
            to_at="2026-03-02T17:30",
            emergency_phone=None,
        )
    page = liting.get("/posts").text
    assert "计量技术的A角、B角都不在岗，任务由周建国承接" in page
    row = row_of(page, "计量技术")
    assert 'class="gap"' in row and "周建国" in row and "非本岗B角" in row
    assert 'class="gap"' not in row_of(page, "标准认证技术")


# --- registering -------------------------------------------------------------------------------------------


def test_one_registers_ones_own_absence_and_lands_on_its_page(
    zhangwei: Browser, chenzhiqiang: Browser, database: Database
) -> None:
    body = zhangwei.get("/posts/absences/new/form.json").json
    assert body is not None
    assert body["data"]["who"] == str(number(database, "zhangwei"))
    assert [one["label"] for one in body["data"]["absentees"]] == ["张伟 工程师"]
    landed = registers(zhangwei, database, "zhangwei", handed_over="计量所周三来电。")
    page = zhangwei.get(landed).text
    for words in ("离岗已登记", "2026-03-09 周一 08:30", "2026-03-11 周三 17:30", "陈志强", "未开始"):
        assert words in page, words
    assert "等待 陈志强" in page and "计量所周三来电。" in page and "撤销离岗" in page
    assert "出差" in zhangwei.get("/posts").text
    other = chenzhiqiang.get(landed).text
    assert "办理：确认替补" in other and "确定撤销" not in other


def test_the_same_sending_registers_once(zhangwei: Browser, database: Database) -> None:
    zhangwei.get("/posts/absences/new")
    form = leave(database, "zhangwei")
    answers = [
        zhangwei.send("/posts/absences/new", form, **{"Idempotency-Key": "once"}).json for _ in range(2)
    ]
    assert answers[0] == answers[1]
    the_absence(database)


def test_a_draft_of_an_absence_is_kept_until_it_is_registered(zhangwei: Browser, database: Database) -> None:
    zhangwei.get("/posts/absences/new")
    assert zhangwei.send("/posts/absences/new/draft", {"cause": "培训"}).status_code == 200
    body = zhangwei.get("/posts/absences/new/form.json").json
    assert body is not None and body["draft"]["data"] == {"cause": "培训"}
    assert zhangwei.get("/cases/new/form.json").json.get("draft") is None, "the place is its own"
    registers(zhangwei, database, "zhangwei")
    assert "draft" not in zhangwei.get("/posts/absences/new/form.json").json
    zhangwei.send("/posts/absences/new/draft", {"cause": "开会"})
    assert zhangwei.send("/posts/absences/new/draft/discard", {}).status_code == 200
    assert "draft" not in zhangwei.get("/posts/absences/new/form.json").json


def test_the_head_registers_a_colleague_by_name(head: Browser, database: Database) -> None:
    them = number(database, "zhangwei")
    body = head.get(f"/posts/absences/new/form.json?person=staff:{them}").json
    assert body is not None and body["data"]["who"] == str(them)
    landed = registers(head, database, "zhangwei")
    assert "周建国" in head.get(landed).text


def test_a_clerk_registers_nobody_else(liting: Browser, database: Database) -> None:
    them = number(database, "zhangwei")
    body = liting.get(f"/posts/absences/new/form.json?person=staff:{them}").json
    assert body is not None and body["data"]["who"] == str(number(database, "liting"))
    liting.get("/posts/absences/new")
    answer = liting.send("/posts/absences/new", leave(database, "zhangwei"))
    assert answer.status_code == 422 and "who" in answer.json["errors"]
    with database.sessions() as session:
        assert session.scalar(select(func.count(Absence.id))) == 0


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"cause": "其他"}, "cause_text"),
        ({"to_at": "2026-03-09T08:00"}, "to_at"),
        ({"from_at": "2026-03-01T08:00"}, "from_at"),
        ({"from_at": "gestern"}, "from_at"),
        ({"emergency_phone": None}, "emergency_phone"),
        ({"emergency_phone": "ring me"}, "emergency_phone"),
        ({"substitute": "999999"}, "substitute"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    zhangwei: Browser, database: Database, changed: dict[str, Any], field: str
) -> None:
    zhangwei.get("/posts/absences/new")
    answer = zhangwei.send("/posts/absences/new", leave(database, "zhangwei", **changed))
    assert answer.status_code == 422
    assert field in answer.json["errors"]


def test_a_forged_registration_is_refused(zhangwei: Browser, database: Database) -> None:
    zhangwei.token = "forged"
    assert zhangwei.send("/posts/absences/new", leave(database, "zhangwei")).status_code == 403


# --- the page of an absence --------------------------------------------------------------------------------


def test_an_absence_that_does_not_exist_is_not_found(liting: Browser) -> None:
    for address in ("/posts/absences/999", "/posts/absences/99999999999999999999"):
        assert liting.get(address).status_code == 404
    for act in ("withdraw", "phone"):
        assert liting.post(f"/posts/absences/999/{act}", purpose="x").status_code == 404


def test_only_the_person_the_registrar_and_leaders_withdraw_and_only_before_it_begins(
    zhangwei: Browser, chenzhiqiang: Browser, liting: Browser, database: Database, clock: Clock
) -> None:
    landed = registers(zhangwei, database, "zhangwei")
    for somebody in (chenzhiqiang, liting):
        assert somebody.post(f"{landed}/withdraw").status_code == 403
    assert the_absence(database).withdrawn_at is None
    assert zhangwei.post(f"{landed}/withdraw").status_code == 302
    page = zhangwei.get(landed).text
    assert "已撤销" in page and "确定撤销" not in page and steps(database) == {}
    assert zhangwei.post(f"{landed}/withdraw").status_code == 409
    assert "现在没有人离岗" in liting.get("/posts").text
    assert "已撤销" in liting.get("/posts?show=past").text


def test_a_leader_withdraws_for_somebody(zhangwei: Browser, head: Browser, database: Database) -> None:
    landed = registers(zhangwei, database, "zhangwei")
    assert "确定撤销" in head.get(landed).text
    assert head.post(f"{landed}/withdraw").status_code == 302
    assert the_absence(database).withdrawn_at is not None


def test_what_has_begun_is_not_withdrawn_but_returned_from(
    zhangwei: Browser, database: Database, clock: Clock
) -> None:
    landed = registers(
        zhangwei, database, "zhangwei", kind="sudden", from_at="2026-03-02T08:30", to_at="2026-03-03T17:30"
    )
    page = zhangwei.get(landed).text
    assert "确定撤销" not in page and "办理：返岗登记" in page, "prolonging stands in that form too"
    assert zhangwei.post(f"{landed}/withdraw").status_code in (409, 422)


def test_the_emergency_phone_is_for_few_and_each_look_is_on_record(
    zhangwei: Browser, liting: Browser, head: Browser, admin: Browser, database: Database
) -> None:
    landed = registers(zhangwei, database, "zhangwei")
    for somebody in (liting, admin):
        page = somebody.get(landed).text
        assert PHONE not in page and "查看紧急联系电话" not in page
        assert somebody.post(f"{landed}/phone", purpose="好奇").status_code == 403
    page = head.get(landed).text
    assert PHONE not in page and "查看紧急联系电话" in page
    assert head.post(f"{landed}/phone", purpose="  ").status_code == 422
    with database.sessions() as session:
        assert session.scalar(select(func.count(AccessLog.id))) == 0
    shown = head.post(f"{landed}/phone", purpose="客户等他回话")
    assert shown.status_code == 200 and PHONE in shown.text
    with database.sessions() as session:
        look = session.scalars(select(AccessLog)).one()
    assert (look.actor, look.field, look.purpose) == (
        f"staff:{number(database, 'zhoujianguo')}",
        "emergency_phone",
        "客户等他回话",
    )
    assert look.object == the_absence(database).key


def test_whoever_acts_sees_the_phone(zhangwei: Browser, chenzhiqiang: Browser, database: Database) -> None:
    landed = registers(
        zhangwei, database, "zhangwei", kind="sudden", from_at="2026-03-02T08:30", to_at="2026-03-03T17:30"
    )
    assert PHONE in chenzhiqiang.post(f"{landed}/phone", purpose="问钥匙").text


def test_lists_and_papers_of_the_hand_over_stand_on_the_page(
    zhangwei: Browser, chenzhiqiang: Browser, admin: Browser, database: Database
) -> None:
    landed = registers(zhangwei, database, "zhangwei")
    assert "还没有填写交接清单" in zhangwei.get(landed).text
    chenzhiqiang.send(f"/tasks/{steps(database)['confirm']}/complete", {"answer": "accept"})
    filled = {
        "work": [],
        "equipment": [{"name": "量块 SB-012", "note": "<b>恒温间</b>"}],
        "keys": [{"name": "恒温间钥匙", "note": "一把"}],
        "note": "来电请先记下。",
    }
    zhangwei.send(f"/tasks/{steps(database)['hand_over']}/complete", filled)
    chenzhiqiang.send(f"/tasks/{steps(database)['take_over']}/complete", {"accepted": "yes"})
    page = chenzhiqiang.get(landed).text
    for words in (
        "量块 SB-012",
        "&lt;b&gt;恒温间",
        "恒温间钥匙",
        "来电请先记下。",
        "JJ2026-00001",
        "工作交接单",
    ):
        assert words in page, words
    assert "完成“接收交接”" in page and "<b>恒温间" not in page
    other = admin.get(landed).text
    assert "量块" not in other and "完成“" not in other, "who only administers sees no work"
