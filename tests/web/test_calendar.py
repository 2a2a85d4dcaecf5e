"""The calendar page: who reads, who edits, what a file may hold, and that nothing is half done."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from sqlalchemy import func, select, text

from tests.conftest import Clock, Database
from tests.web.conftest import Browser
from tests.web.test_cases import accepted
from workflow import jobs
from workflow.station import calendar as calendars
from workflow.station import window_hours
from workflow.station.calendar_days import CalendarChange
from workflow.station.window_hours import WindowHours

CLOSURE = {"what": "close", "day": "2026-03-09", "half": "day", "name": "停电检修"}
EDITS = ["preview", "save", "window/week", "window/day", "reminder"]
NOTICE = "\r\n".join(
    [
        "日期,类型,名称",
        "2027-01-01,放假,元旦",
        "2027/1/2,放假,元旦",
        "2027年1月10日,上班,元旦",
        "2026-12-31,放假,元旦",
        "",
    ]
)


@pytest.fixture
def head(signed_in: Callable[[str], Browser]) -> Browser:
    return signed_in("zhoujianguo")


@pytest.fixture
def admin(signed_in: Callable[[str], Browser]) -> Browser:
    return signed_in("admin")


def version(database: Database) -> str:
    with database.sessions() as session:
        return calendars.load(session).version


def works(database: Database, day: str) -> bool:
    with database.sessions() as session:
        return calendars.load(session).is_work(date.fromisoformat(day))


def saved(browser: Browser, database: Database, year: int = 2026, **form: str) -> str:
    """Preview, then save; where one lands."""
    assert browser.post(f"/calendar/{year}/preview", **form).status_code == 200
    answer = browser.post(f"/calendar/{year}/save", version=version(database), **form)
    assert answer.status_code == 302, answer.text
    return str(answer.location)


def previewed(browser: Browser, pasted: str = "", file: bytes | None = None) -> Any:
    fields: dict[str, Any] = {"csrf_token": browser.token, "what": "notice", "text": pasted}
    if file is not None:
        fields["file"] = (io.BytesIO(file), "放假.csv")
    return browser.client.post("/calendar/2027/preview", data=fields, content_type="multipart/form-data")


# --- reading ---------------------------------------------------------------------------------------------


def test_everybody_reads_the_year_in_signs_and_words(liting: Browser) -> None:
    page = liting.get("/calendar", follow_redirects=True)
    assert page.status_code == 200 and "2026 年工作日历" in page.text
    for words in (
        "2026-02-16 周一 放假 · 春节",
        "2026-02-14 周六 调休上班 · 春节",
        "2026-12-31 周四 上班 · 暂估",
        "248",
    ):
        assert words in page.text
    assert "2月15日至2月23日，9 天" in page.text
    assert 'aria-current="date">2<' in page.text
    assert "看看会影响什么" not in page.text, "who may not edit is offered nothing to edit"
    assert "暂估" in liting.get("/calendar/2027").text


def test_the_week_begins_on_monday(liting: Browser) -> None:
    head = liting.get("/calendar/2026").text.split("<thead>")[1].split("</thead>")[0]
    assert head.index("周一") < head.index("周二") < head.index("周日")


def test_the_page_is_read_in_english_too(liting: Browser) -> None:
    liting.post("/language", language="en")
    page = liting.get("/calendar/2026").text
    assert "Working calendar 2026" in page and "Make-up working day · Spring Festival" in page


def test_a_year_beyond_the_calendar_is_not_found(liting: Browser) -> None:
    for year in ("1900", "2003", "2101", "99999999999"):
        assert liting.get(f"/calendar/{year}").status_code == 404
        assert liting.get(f"/calendar/{year}.csv").status_code == 404


def test_a_stranger_is_asked_to_sign_in(stranger: Browser) -> None:
    for address in ("/calendar", "/calendar/2026", "/calendar/2026.csv", "/calendar/changes"):
        assert stranger.get(address).status_code == 302


# --- who edits -------------------------------------------------------------------------------------------


def test_a_clerk_cannot_edit(liting: Browser, database: Database) -> None:
    before = version(database)
    for act in EDITS:
        assert liting.post(f"/calendar/2026/{act}", version=before, **CLOSURE).status_code == 403, act
    assert version(database) == before


def test_a_forged_edit_is_refused(head: Browser, database: Database) -> None:
    before, head.token = version(database), "forged"
    for act in EDITS:
        assert head.post(f"/calendar/2026/{act}", version=before, **CLOSURE).status_code == 403, act
    assert version(database) == before


def test_head_and_administrator_close_a_day_after_a_preview(
    head: Browser, admin: Browser, database: Database
) -> None:
    seen = head.post("/calendar/2026/preview", **CLOSURE)
    assert "2026-03-09 周一" in seen.text and "全天闭站 · 停电检修" in seen.text
    assert works(database, "2026-03-09"), "a preview changes nothing"
    assert saved(head, database, **CLOSURE).startswith("/calendar/changes/")
    assert not works(database, "2026-03-09")
    saved(admin, database, what="reopen", day="2026-03-09")
    assert works(database, "2026-03-09")


def test_a_save_after_somebody_elses_change_asks_for_a_new_preview(
    head: Browser, admin: Browser, database: Database
) -> None:
    seen = version(database)
    saved(admin, database, **{**CLOSURE, "day": "2026-03-10"})
    answer = head.post("/calendar/2026/save", version=seen, **CLOSURE)
    assert answer.status_code == 409 and "重新预览" in answer.text
    assert works(database, "2026-03-09")


def test_a_refused_closure_keeps_what_was_filled_in(head: Browser, database: Database) -> None:
    for changed, said in (
        ({"day": "2026-03-08"}, "本来就不上班"),
        ({"day": "gestern"}, "请填写日期"),
        ({"day": "1999-01-04"}, "只能计算"),
        ({"name": " "}, "请填写名称或原因"),
        ({"name": "=HYPERLINK(1)"}, "不能以"),
        ({"until": "2026-12-31"}, "最多 31 天"),
        ({"what": "explode"}, "请选择"),
        ({"what": "reopen"}, "没有闭站安排"),
    ):
        form = {**CLOSURE, **changed}
        answer = head.post("/calendar/2026/preview", **form)
        assert answer.status_code == 422
        assert said in answer.text and "没有保存，日历没有改动" in answer.text
        if form["what"] == "close":
            assert f'value="{form["day"]}"' in answer.text
    assert works(database, "2026-03-09")


def test_hostile_text_stays_text(head: Browser, database: Database) -> None:
    name = "<script>alert(1)</script>%(x)s{{7*7}}"
    landed = saved(head, database, **{**CLOSURE, "name": name})
    for address in ("/calendar/2026", landed, "/calendar/changes"):
        page = head.get(address).text
        assert "<script>alert" not in page and "&lt;script&gt;alert(1)" in page, address


# --- what it does to cases -------------------------------------------------------------------------------


def test_the_preview_names_the_cases_and_the_list_is_kept(
    head: Browser, admin: Browser, liting: Browser, registered: int, database: Database
) -> None:
    accepted(liting, database, registered)
    seen = head.post("/calendar/2026/preview", **CLOSURE).text
    for words in ("SL2026-00001", "2026-03-09 周一 17:30", "2026-03-10 周二 17:30", "顺延并告知"):
        assert words in seen
    landed = saved(head, database, **CLOSURE)
    assert "还有 1 件正在重算" in head.get(landed).text
    assert jobs.recompute_clocks(database.sessions) == 1
    after = head.get(landed).text
    for words in ("全部重算完毕", "SL2026-00001", "2026-03-10 周二 17:30", "停电检修", "周建国"):
        assert words in after
    assert "SL2026-00001" in liting.get(landed).text, "whoever sees cases reads the list"
    other = admin.get(landed).text
    assert "SL2026-00001" not in other and "正在重算" not in other and "您的岗位不查看办件" in other
    assert "SL2026-00001" not in admin.post("/calendar/2026/preview", **{**CLOSURE, "day": "2026-03-10"}).text


def test_saving_defers_the_job_with_the_change(head: Browser, database: Database) -> None:
    saved(head, database, **CLOSURE)
    with database.sessions() as session:
        tasks = session.scalars(text("select task_name from queue.procrastinate_jobs")).all()
    assert tasks == [jobs.RECOMPUTE]


def test_what_changes_nothing_is_said_and_makes_no_change(head: Browser, database: Database) -> None:
    saved(head, database, **CLOSURE)
    assert "没有任何变化" in head.post("/calendar/2026/preview", **CLOSURE).text
    head.post("/calendar/2026/save", version=version(database), **CLOSURE)
    with database.sessions() as session:
        assert session.scalar(select(func.count(CalendarChange.id))) == 1


# --- the notice as a file --------------------------------------------------------------------------------


def test_a_notice_is_uploaded_as_a_spreadsheet_writes_it(head: Browser, database: Database) -> None:
    seen = previewed(head, file=NOTICE.encode("gbk"))
    assert seen.status_code == 200, seen.text
    assert "2027-01-10 周日" in seen.text and "调休上班 · 元旦" in seen.text
    assert "2026-12-31 周四" in seen.text
    saved(head, database, 2027, what="notice", text=NOTICE)
    assert works(database, "2027-01-10") and not works(database, "2026-12-31")
    with database.sessions() as session:
        assert calendars.load(session).covers(2027)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("2027-02-30,放假,春节", "第 2 行：“2027-02-30”不是日期"),
        ("2027-02-05,放假,=cmd|'/c calc'!A1", "第 2 行：名称或原因不能以"),
        ("2027-02-06,闭站,搬迁", "2027-02-06 本来就不上班"),
    ],
)
def test_a_fault_in_a_line_refuses_the_whole_file(
    head: Browser, database: Database, line: str, said: str
) -> None:
    pasted = "2027-01-01,放假,元旦\n" + line
    answer = previewed(head, pasted)
    assert answer.status_code == 422 and said in answer.text
    assert "2027-01-01,放假,元旦" in answer.text, "what was pasted is still there"
    refused = head.post("/calendar/2027/save", what="notice", version=version(database), text=pasted)
    assert refused.status_code == 422
    with database.sessions() as session:
        assert not calendars.load(session).covers(2027)


def test_a_file_that_is_no_calendar_is_refused(head: Browser) -> None:
    for file, said in ((b"\x89PNG\r\n\x1a\n\0\0\0\r", "读不出文字"), (b"x" * (256 * 1024 + 1), "文件太大")):
        answer = previewed(head, file=file)
        assert answer.status_code == 422 and said in answer.text


def test_a_file_beyond_all_measure_is_not_even_read(head: Browser) -> None:
    body, kind = b"x" * (3 * 1024 * 1024), "multipart/form-data; boundary=x"
    assert head.client.post("/calendar/2027/preview", data=body, content_type=kind).status_code == 413


def test_a_downloaded_year_can_be_uploaded_again_and_changes_nothing(
    head: Browser, database: Database
) -> None:
    saved(head, database, 2027, what="notice", text=NOTICE)
    saved(head, database, 2027, what="close", day="2027-03-08", half="pm", name="妇女节,半天")
    answer = head.get("/calendar/2027.csv")
    assert answer.mimetype == "text/csv" and "calendar-2027.csv" in answer.headers["Content-Disposition"]
    assert answer.data.startswith(b"\xef\xbb\xbf") and '2027-03-08,下午闭站,"妇女节,半天"' in answer.text
    again = previewed(head, file=answer.data)
    assert again.status_code == 200, again.text
    assert "没有任何变化" in again.text


def test_the_template_of_an_unpublished_year_is_completed_and_uploaded(head: Browser) -> None:
    template = head.get("/calendar/2027.csv").text
    assert "2027-05-01,放假,劳动节" in template
    assert previewed(head, template + "2027-02-05,放假,春节\r\n").status_code == 200


def test_the_librarys_years_are_imported_over_what_is_not_entered_by_hand(
    head: Browser, database: Database
) -> None:
    assert head.post("/calendar/2026/preview", what="library").status_code == 200
    answer = head.post("/calendar/2026/save", what="library", version=version(database))
    assert answer.status_code == 302
    with database.sessions() as session:
        assert session.scalar(select(func.count(calendars.CalendarDay.id))) == 8401


# --- window hours and the reminder -----------------------------------------------------------------------


def week(**changed: str) -> dict[str, str]:
    usual = {f"weekday-{number}": "08:30-12:00 13:30-17:30" if number < 5 else "" for number in range(7)}
    return {**usual, **changed}


def test_window_hours_are_set_by_weekday_and_by_date(
    head: Browser, liting: Browser, database: Database
) -> None:
    before = version(database)
    assert head.post("/calendar/2026/window/week", **week(**{"weekday-5": "9:00—12:00"})).status_code == 302
    day = {"day": "2026-03-09", "hours": "", "reason": "盘点"}
    assert head.post("/calendar/2026/window/day", **day).status_code == 302
    page = liting.get("/calendar/2026").text
    assert "09:00–12:00" in page and "盘点" in page
    assert version(database) == before, "opening hours are no working days"
    with database.sessions() as session:
        found = [
            window_hours.words(window_hours.on(session, date(2026, month, number)))
            for month, number in ((3, 6), (3, 7), (3, 9), (2, 14), (2, 21), (5, 1))
        ]
    usual = "08:30–12:00 13:30–17:30"
    assert found == [usual, "09:00–12:00", "", usual, "", ""]
    assert head.post("/calendar/2026/window/day", day="2026-03-09", drop="1").status_code == 302
    assert head.post("/calendar/2026/window/day", day="2026-03-09", drop="1").status_code == 404


def test_hours_that_cannot_be_are_refused_and_nothing_of_the_week_is_set(
    head: Browser, database: Database
) -> None:
    for hours in ("morgens", "9:00-8:00", "25:00-26:00", "8:00-12:00 11:00-13:00", "8:00"):
        answer = head.post("/calendar/2026/window/week", **week(**{"weekday-3": hours}))
        assert answer.status_code == 422, hours
    with database.sessions() as session:
        assert session.scalars(select(WindowHours)).all() == []


def test_the_days_of_the_reminder_can_be_changed(head: Browser) -> None:
    assert head.post("/calendar/2026/reminder", remind_from="11-1", warn_from="11-20").status_code == 302
    assert 'value="11-01"' in head.get("/calendar/2026").text
    assert head.post("/calendar/2026/reminder", remind_from="13-1", warn_from="11-20").status_code == 422


def test_from_the_day_of_the_reminder_the_page_says_what_is_missing(head: Browser, clock: Clock) -> None:
    assert "现在录入" not in head.get("/calendar/2026").text
    clock.move_to("2026-11-16 09:00")
    assert "2027 年的放假安排还没有录入" in head.get("/calendar/2026").text
