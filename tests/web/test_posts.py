"""Positions and absences on pages: who reads what, who registers whom, what a stranger does not get."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from threading import Barrier, Thread
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select, text

from tests.conftest import Clock, Database
from tests.web.conftest import Browser
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station.absences import Absence
from workflow.station.access_log import AccessLog
from workflow.station.positions import Position, PositionPost
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
    assert "陈志强 " in row.split('data-label="现在谁在岗"')[1] and "代 张伟" in row
    assert "离岗中" in page and "突发" in page and "代岗 陈志强" in page
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
    labels = {one["value"]: one["label"] for one in body["data"]["absentees"]}
    assert labels[str(them)] == "张伟 工程师（B角：陈志强）"
    assert "seconds" not in body["data"], "it would be the head's own"
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


# --- the roster --------------------------------------------------------------------------------------------


def cells(page: str, position: str) -> list[str]:
    """The week's seven cells of a position as words."""
    return [
        " ".join(re.sub(r"<[^>]+>", " ", cell).split())
        for cell in re.findall(r"<td.*?</td>", row_of(page, position), re.DOTALL)
    ]


def test_the_week_shows_halves_where_the_day_changes_hands_and_greys_days_off(
    liting: Browser, database: Database
) -> None:
    registers(liting, database, "liting", cause="培训", from_at="2026-03-04T13:30", to_at="2026-03-05T10:00")
    page = liting.get("/posts/roster").text
    assert "2026-03-02 至 2026-03-08" in page
    assert cells(page, "接待受理一") == [
        "李婷",
        "李婷",
        "上午 李婷 下午 王芳 代 李婷",
        "上午 王芳 代 李婷 10:00 起 李婷",
        "李婷",
        "周末",
        "周末",
    ]
    assert cells(page, "计量技术") == ["张伟"] * 5 + ["周末", "周末"]


def test_the_month_greys_the_spring_festival_and_keeps_the_worked_saturday(liting: Browser) -> None:
    page = liting.get("/posts/roster?view=month&day=2026-02-10").text
    assert "2026 年 2月" in page
    lines = {
        found[1]: found[0]
        for found in re.findall(r'(<tr class=.*?datetime="([^"]+)".*?</tr>)', page, re.DOTALL)
    }
    assert len(lines) == 28
    assert "春节" in lines["2026-02-17"] and "李婷" not in lines["2026-02-17"]
    assert "李婷" in lines["2026-02-14"] and "调休上班" in lines["2026-02-14"]
    assert 'dayoff"' in lines["2026-02-01"]


def test_one_goes_from_week_to_week_and_month_to_month(liting: Browser) -> None:
    page = liting.get("/posts/roster?day=2026-03-11").text
    assert "view=week&amp;day=2026-03-08" in page and "view=week&amp;day=2026-03-16" in page
    page = liting.get("/posts/roster?view=month&day=2026-01-31").text
    assert "day=2025-12-31" in page and "day=2026-02-01" in page


def test_what_is_no_day_is_today_and_what_is_beyond_is_not_found(liting: Browser) -> None:
    for address in ("?day=gestern", "?day=2026-02-30", "?view=year", "?day="):
        assert "2026-03-02 至 2026-03-08" in liting.get(f"/posts/roster{address}").text, address
    for day in ("0001-01-01", "9999-12-31", "2003-12-31", "2100-12-31"):
        assert liting.get(f"/posts/roster?day={day}").status_code == 404, day


def test_the_roster_leaves_the_house_as_a_table(liting: Browser, database: Database) -> None:
    registers(liting, database, "liting", from_at="2026-03-04T13:30", to_at="2026-03-04T17:30")
    answer = liting.get("/posts/roster.csv?view=week&day=2026-03-04")
    assert answer.mimetype == "text/csv"
    head, *lines = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    assert head[:4] == ["日期", "星期", "说明", "接待受理一"] and len(lines) == 7
    assert lines[2][:4] == ["2026-03-04", "周三", "", "上午 李婷；下午 王芳（代 李婷）"]
    assert lines[5][2:5] == ["周末", "", ""]


def test_a_withdrawn_absence_takes_nobody_off_the_roster(zhangwei: Browser, database: Database) -> None:
    landed = registers(zhangwei, database, "zhangwei")
    assert "陈志强 代 张伟" in cells(zhangwei.get("/posts/roster?day=2026-03-09").text, "计量技术")
    zhangwei.post(f"{landed}/withdraw")
    assert cells(zhangwei.get("/posts/roster?day=2026-03-09").text, "计量技术") == ["张伟"] * 5 + ["周末"] * 2


# --- the board for the window ------------------------------------------------------------------------------


def printed(browser: Browser) -> str:
    answer = browser.get("/posts/notice-board.pdf")
    assert answer.status_code == 200 and answer.mimetype == "application/pdf"
    assert "inline" in answer.headers["Content-Disposition"]
    reader = PdfReader(io.BytesIO(answer.data))
    return re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in reader.pages))


@pytest.mark.parametrize(
    "said",
    [
        "岗位公示牌",
        "示例市质量基础设施“一站式”服务站",
        "监督电话Complaints000-12345699",
        "截至2026年3月2日09:00",
        "接待受理一接待受理李婷办事员王芳办事员李婷",
        "技术办理、设备管理",
        "计量器具检定/校准代办",
        "张伟工程师陈志强工程师张伟",
        "站长周建国站长孙丽华副站长周建国",
        "分管领导吴敏分管领导",
        "第1页，共1页",
    ],
)
def test_the_board_for_the_window_says_everything_that_it_must(liting: Browser, said: str) -> None:
    assert said in printed(liting)


def test_the_board_says_who_acts_today_and_never_why(zhangwei: Browser, database: Database) -> None:
    registers(
        zhangwei,
        database,
        "zhangwei",
        kind="sudden",
        cause="其他",
        cause_text="牙疼",
        from_at="2026-03-02T13:30",
        to_at="2026-03-02T17:30",
    )
    words = printed(zhangwei)
    assert "上午张伟下午陈志强（代张伟）" in words
    assert "牙疼" not in words and PHONE not in words


def test_the_board_is_for_staff_to_print(stranger: Browser) -> None:
    for address in ("/posts/notice-board.pdf", "/posts/roster", "/posts/roster.csv"):
        assert stranger.get(address).status_code == 302


def test_a_name_without_a_glyph_is_refused_not_dropped(liting: Browser, database: Database) -> None:
    with database.sessions.begin() as session:
        session.execute(text("update staff set name = '张\ue000' where login = 'zhangwei'"))
    answer = liting.get("/posts/notice-board.pdf")
    assert answer.status_code == 422 and "无法打印" in answer.text


# --- arranging ---------------------------------------------------------------------------------------------


def post_id(database: Database, code: str) -> int:
    with database.sessions() as session:
        return session.scalars(select(Position.id).where(Position.code == code)).one()


def people(
    database: Database, a: str, *b: str, since: str = "2026-03-02", version: str = "0"
) -> dict[str, Any]:
    chosen = [str(number(database, login)) for login in b]
    return {"a": str(number(database, a)), "b": [*chosen, ""], "since": since, "version": version}


def shown_version(page: str) -> str:
    found = re.search(r'name="version" value="(\d+)"', page)
    assert found is not None
    return found[1]


def test_head_and_administrator_find_the_way_to_arrange_and_a_clerk_does_not(
    head: Browser, admin: Browser, liting: Browser, database: Database
) -> None:
    address = f"/posts/positions/{post_id(database, 'metrology')}"
    for leader in (head, admin):
        assert f'href="{address}"' in leader.get("/posts").text
        page = leader.get(address)
        assert page.status_code == 200 and "还没有调整过" in page.text and "2026-03-02" in page.text
    assert "/posts/positions" not in liting.get("/posts").text
    assert liting.get(address).status_code == 403
    assert liting.get("/posts/positions/new").status_code == 403
    assert liting.post("/posts/positions/new", code="x1", name="x", duties="intake").status_code == 403
    for act in ("people", "activate", "deactivate", "withdraw-later"):
        assert liting.post(f"{address}/{act}", **people(database, "liting", "wangfang")).status_code == 403
    assert head.get("/posts/positions/999").status_code == 404


def test_a_forged_arrangement_is_refused(head: Browser, database: Database) -> None:
    head.token = "forged"
    address = f"/posts/positions/{post_id(database, 'metrology')}"
    for act in ("people", "activate", "deactivate", "withdraw-later"):
        assert head.post(f"{address}/{act}").status_code == 403


def test_a_change_of_a_and_b_stands_on_the_pages(head: Browser, database: Database) -> None:
    address = f"/posts/positions/{post_id(database, 'metrology')}"
    answer = head.post(f"{address}/people", **people(database, "chenzhiqiang", "zhangwei", "liuyang"))
    assert answer.status_code == 302
    page = head.get(address).text
    assert "张伟、陈志强" in page and "陈志强、张伟、刘洋" in page and "周建国" in page
    row = row_of(head.get("/posts").text, "计量技术")
    assert row.index("陈志强") < row.index("张伟") < row.index("刘洋")
    answer = head.post(
        f"{address}/people",
        **people(database, "zhangwei", "liuyang", since="2026-03-09", version=shown_version(page)),
    )
    assert answer.status_code == 302
    assert "自 2026-03-09 起：张伟" in row_of(head.get("/posts").text, "计量技术")
    assert cells(head.get("/posts/roster?day=2026-03-09").text, "计量技术")[0] == "张伟"
    assert cells(head.get("/posts/roster?day=2026-03-02").text, "计量技术")[0] == "陈志强"
    page = head.get(address).text
    assert "撤销这项安排" in page
    head.post(f"{address}/withdraw-later", version=shown_version(page))
    assert "撤销这项安排" not in head.get(address).text


def test_what_is_refused_is_said_and_what_was_chosen_stays(head: Browser, database: Database) -> None:
    address = f"/posts/positions/{post_id(database, 'metrology')}"
    good = people(database, "zhangwei", "liuyang")
    chosen = f'value="{number(database, "liuyang")}" selected'
    for changed, said in (
        ({"b": ["", ""]}, "未设置B角"),
        ({"a": ""}, "未设置A角"),
        ({"b": [good["a"]]}, "不能是同一人"),
        ({"since": "gestern"}, "请填写日期"),
        ({"since": "2026-02-01"}, "生效日期应在今天起的一年内"),
        ({"a": "999999"}, "请从名单中选择人员"),
        ({"a": "x; drop table staff"}, "请从名单中选择人员"),
    ):
        answer = head.post(f"{address}/people", **{**good, **changed})
        assert answer.status_code == 422 and said in answer.text, said
        if "b" not in changed:
            assert chosen in answer.text
    stale = head.post(f"{address}/people", **{**good, "version": "17"})
    assert stale.status_code == 409 and "刚刚被别人调整过" in stale.text
    with database.sessions() as session:
        assert (
            session.scalar(select(func.count(PositionPost.id)).where(PositionPost.valid_to.is_not(None))) == 0
        )


def test_a_new_position_is_set_up_arranged_and_put_into_use(
    head: Browser, liting: Browser, database: Database
) -> None:
    head.get("/posts/positions/new")
    refused = head.post("/posts/positions/new", code="HEAD", name="<b>三号窗</b>", duties="intake")
    assert refused.status_code == 422 and "岗位代码由" in refused.text
    assert 'value="&lt;b&gt;三号窗' in refused.text and 'value="intake" checked' in refused.text
    made = head.post("/posts/positions/new", code="reception_3", name="<b>三号窗</b>", duties="intake")
    address = str(made.location)
    assert "岗位已设立" in head.get(address).text
    assert "三号窗" in head.get("/posts").text and "三号窗" not in liting.get("/posts").text
    assert head.post(f"{address}/activate").status_code == 422
    version = shown_version(head.get(address).text)
    head.post(f"{address}/people", **people(database, "wangfang", "liting", version=version))
    assert head.post(f"{address}/activate").status_code == 302
    page = liting.get("/posts").text
    assert "&lt;b&gt;三号窗" in page and "<b>三号窗" not in page
    assert head.post(f"{address}/deactivate").status_code == 302
    assert "三号窗" not in liting.get("/posts").text


def test_a_position_that_items_need_stays_in_use(head: Browser, database: Database) -> None:
    address = f"/posts/positions/{post_id(database, 'metrology')}"
    answer = head.post(f"{address}/deactivate")
    assert answer.status_code == 422 and "JL01" in answer.text
    assert "确定停用" in head.get(address).text


def both(*acts: Callable[[], Any]) -> list[int]:
    """The answers of acts that are sent at one moment."""
    barrier, answers = Barrier(len(acts)), []

    def one(act: Callable[[], Any]) -> None:
        barrier.wait()
        answers.append(act().status_code)

    threads = [Thread(target=one, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(answers)


def test_of_two_who_arrange_at_once_one_is_told(head: Browser, admin: Browser, database: Database) -> None:
    address = f"/posts/positions/{post_id(database, 'metrology')}/people"
    first, second = people(database, "zhangwei", "liuyang"), people(database, "zhangwei", "zhaomin")
    assert both(lambda: head.post(address, **first), lambda: admin.post(address, **second)) == [302, 409]


def test_of_two_positions_with_one_duty_only_one_is_put_out_of_use(
    head: Browser, admin: Browser, database: Database
) -> None:
    one, two = (f"/posts/positions/{post_id(database, code)}/deactivate" for code in ("intake_1", "intake_2"))
    assert both(lambda: head.post(one), lambda: admin.post(two)) == [302, 422]


# --- both languages, and what every page is made of --------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    ["/posts", "/posts?show=past", "/posts/roster", "/posts/roster?view=month", "/posts/absences/new"],
)
def test_no_page_has_an_inline_script_or_style(head: Browser, address: str) -> None:
    page = head.get(address).text
    assert not re.search(r"<script(?![^>]*(\bsrc=|application/json))", page)
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)


def test_a_position_is_described_anew_and_what_was_refused_stays_filled_in(
    head: Browser, liting: Browser
) -> None:
    page = head.get("/posts/positions/3").text
    version = re.search(r'name="version" value="(\d+)"', page)
    assert version is not None
    told = {"name": "计量检定", "version": version[1]}
    refused = head.post("/posts/positions/3/describe", **told | {"name": "检测技术"}, duties="technician")
    assert refused.status_code == 422 and "已有名为“检测技术”的岗位" in refused.text
    assert 'name="name" maxlength="20" value="检测技术"' in refused.text
    done = head.post("/posts/positions/3/describe", **told, duties="technician")
    assert done.status_code == 302
    page = head.get("/posts/positions/3").text
    assert "岗位的名称和职责已修改" in page and "计量技术、技术办理" in page and "计量检定、技术办理" in page
    liting.get("/posts")
    assert liting.post("/posts/positions/3/describe", **told, duties="head").status_code == 403


def test_the_directory_answers_who_does_what_and_who_acts_now(liting: Browser, stranger: Browser) -> None:
    page = liting.get("/posts/directory?q=校准").text
    assert "JL01" in page and "计量技术" in page and "tel:00081230003" in page and "JC01" not in page
    assert "没有找到" in liting.get("/posts/directory?q=<script>").text
    assert stranger.get("/posts/directory").status_code == 302
