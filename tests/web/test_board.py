"""The pages of the board: who gets them, what they show, what the buttons do."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable

import pytest
from sqlalchemy import func, select

from tests.conftest import Clock, Database
from tests.web.conftest import Browser, case_of
from tests.web.test_cases import accepted
from web.board.tables import cell
from workflow.engine.incidents import IncidentRow
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station.running import report
from workflow.station.targets import Target

PAGES = ("/board", "/board/live", "/board/people", "/board/targets", "/board/screen", "/board/screen/live")
TABLES = ("/board/cases.csv", "/board/people.csv", "/board/targets.csv")


@pytest.fixture
def head(signed_in: Callable[[str], Browser]) -> Browser:
    return signed_in("zhoujianguo")


@pytest.fixture
def running(liting: Browser, registered: int, database: Database) -> int:
    """BZ02 accepted on 2 March, five working days: the case's id."""
    accepted(liting, database, registered)
    return case_of(database).id


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))


def supervisions(database: Database) -> list[TaskRow]:
    with database.sessions() as session:
        wanted = select(TaskRow).where(TaskRow.element == "supervise", TaskRow.status == OPEN)
        return list(session.scalars(wanted))


# --- who gets them -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [*PAGES, *TABLES])
def test_the_board_is_for_who_leads(path: str, head: Browser, liting: Browser, stranger: Browser) -> None:
    assert head.get(path).status_code == 200
    assert liting.get(path).status_code == 403
    assert stranger.get(path).status_code == 302


def test_the_deputy_leads_only_while_the_head_is_away(
    signed_in: Callable[[str], Browser], database: Database
) -> None:
    deputy, superior = signed_in("sunlihua"), signed_in("wumin")
    assert superior.get("/board").status_code == 200
    assert deputy.get("/board").status_code == 403
    assert 'href="/board"' not in deputy.get("/").text


# --- the board ---------------------------------------------------------------------------------------------


def test_a_case_stands_with_light_owner_step_and_share(head: Browser, running: int, clock: Clock) -> None:
    clock.move_to("2026-03-06 17:00")
    page = head.get("/board").text
    for words in ("预警", "SL2026-00001", "企业标准自我声明公开指导", "李婷", "剩 1 个工作日", "督办"):
        assert words in page, words
    assert 80 <= int(re.findall(r'class="num small">(\d+)%', page)[0]) < 100
    assert "马立新" not in page.replace("马*", ""), "the client is masked"
    assert "bline is-soon" in page


def test_filters_stand_in_the_address(head: Browser, running: int) -> None:
    assert "SL2026-00001" in head.get("/board?light=green&domain=标准&item=BZ02").text
    for other in ("light=red", "domain=计量", "item=JL01", "due=2026-03-02", "person=0"):
        page = head.get(f"/board?{other}").text
        assert "SL2026-00001" not in page, other
        assert "清除筛选" in page
    assert "SL2026-00001" in head.get("/board?due=2026-03-09&sort=item&group=domain").text


@pytest.mark.parametrize(
    "query",
    [
        "light=x",
        "person=x",
        "due=2026-99-99",
        "due=x",
        "sort=x",
        "group=x",
        "page=0",
        "page=9999999",
        "item='",
    ],
)
def test_an_address_that_means_nothing_is_harmless(head: Browser, running: int, query: str) -> None:
    assert head.get(f"/board?{query}").status_code == 200


def test_many_cases_come_in_pages(
    head: Browser, running: int, monkeypatch: pytest.MonkeyPatch, liting: Browser, database: Database
) -> None:
    from tests.web.conftest import registration
    from web.board import page

    monkeypatch.setattr(page, "PAGE", 1)
    liting.get("/cases/new")
    assert liting.send("/cases/new", registration(database, matter="第二件。")).status_code == 200
    first, second = head.get("/board").text, head.get("/board?page=2").text
    assert "SL2026-00001" in first and "第二件" not in first and "下一页" in first
    assert "第二件" in second and "上一页" in second and "下一页" not in second


# --- supervision -------------------------------------------------------------------------------------------


def test_one_click_opens_the_form_of_a_supervision(head: Browser, running: int, database: Database) -> None:
    head.get("/board")
    answer = head.post(f"/board/cases/{running}/supervise")
    (task,) = supervisions(database)
    assert answer.status_code == 302 and answer.headers["Location"] == f"/tasks/{task.id}"
    assert head.get(answer.headers["Location"]).status_code == 200
    assert "督办中" in head.get("/board").text
    assert head.post(f"/board/cases/{running}/supervise").headers["Location"] == f"/tasks/{task.id}"
    assert len(supervisions(database)) == 1


def test_the_page_of_a_case_has_the_same_button_for_leaders_only(
    head: Browser, liting: Browser, running: int
) -> None:
    action = f"/board/cases/{running}/supervise"
    assert action in head.get(f"/cases/{running}").text
    assert action not in liting.get(f"/cases/{running}").text


def test_others_start_no_supervision(
    liting: Browser, head: Browser, stranger: Browser, running: int, database: Database
) -> None:
    liting.get("/")
    assert liting.post(f"/board/cases/{running}/supervise").status_code == 403
    stranger.get("/sign-in")
    assert stranger.post(f"/board/cases/{running}/supervise").status_code == 401
    assert head.client.post(f"/board/cases/{running}/supervise").status_code == 403, "without its token"
    assert supervisions(database) == []


def test_a_case_that_does_not_exist_is_not_supervised(head: Browser, database: Database) -> None:
    head.get("/board")
    assert head.post("/board/cases/999999/supervise").status_code == 404
    assert supervisions(database) == []


# --- people, screen ----------------------------------------------------------------------------------------


def test_people_shows_who_is_away_and_who_acts(head: Browser, clock: Clock) -> None:
    clock.move_to("2026-03-10 09:00")
    page = head.get("/board/people").text
    for words in ("张伟", "出差", "陈志强 代岗", "代 张伟", "计量技术"):
        assert words in page, words
    assert "郭磊" in page and "系统管理员" not in page, "the administrator has a post, but no workload here"


def test_the_screen_names_no_client(head: Browser, running: int, clock: Clock) -> None:
    clock.move_to("2026-03-10 09:00")  # late: it is among the urgent ones
    for path in ("/board/screen", "/board/screen/live"):
        page = head.get(path).text
        assert "SL2026-00001" in page and "企业标准自我声明公开指导" in page and "超期" in page
        for personal in ("马立新", "马**", "马*", "晨光", "想办企业标准"):
            assert personal not in page, personal


def test_an_unclassified_matter_is_not_on_the_wall(head: Browser, registered: int, clock: Clock) -> None:
    clock.move_to("2026-03-10 09:00")
    assert "想办企业标准" in head.get("/board").text
    assert "想办企业标准" not in head.get("/board/screen").text


# --- targets -----------------------------------------------------------------------------------------------


def target(**changed: str) -> dict[str, str]:
    return {"period": "month", "month": "2026-03", "scope": "", "quantity": "40", "quality": "95", **changed}


def test_a_target_is_set_shown_and_withdrawn(head: Browser, database: Database) -> None:
    head.get("/board/targets")
    assert head.post("/board/targets", **target(scope="domain:标准")).status_code == 302
    assert "<b>0</b>/40" in head.get("/board").text
    assert "<b>0</b>/40" in head.get("/board/targets").text
    with database.sessions() as session:
        number = session.scalars(select(Target.id)).one()
    assert head.post(f"/board/targets/{number}/withdraw").status_code == 302
    assert "/40" not in head.get("/board").text
    assert head.post(f"/board/targets/{number}/withdraw").status_code == 409


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"quantity": "0"}, "正整数"),
        ({"quantity": "-4"}, "正整数"),
        ({"quantity": "viele"}, "请填写整数"),
        ({"quantity": "9" * 30}, "请填写整数"),
        ({"quality": "101"}, "1 到 100"),
        ({"month": "2026-13"}, "请填写年月"),
        ({"period": "week"}, "周期"),
        ({"scope": "item:XX"}, "范围"),
        ({"scope": "x"}, "范围"),
    ],
)
def test_a_refused_target_says_why_and_keeps_what_was_filled_in(
    head: Browser, database: Database, changed: dict[str, str], said: str
) -> None:
    head.get("/board/targets")
    answer = head.post("/board/targets", **target(**changed))
    assert answer.status_code == 422
    assert said in answer.text
    assert 'value="95"' in answer.text or 'value="101"' in answer.text
    with database.sessions() as session:
        assert session.scalar(select(func.count(Target.id))) == 0


def test_who_does_not_lead_sets_no_target(liting: Browser, database: Database) -> None:
    liting.get("/")
    assert liting.post("/board/targets", **target()).status_code == 403
    with database.sessions() as session:
        assert session.scalar(select(func.count(Target.id))) == 0


# --- incidents ---------------------------------------------------------------------------------------------


@pytest.fixture
def incident(running: int, database: Database) -> int:
    with database.sessions.begin() as session:
        case = case_of(database)
        message = "answer: 没有可走的路\nDETAIL: 马立新"
        for _ in range(2):
            row = report(session, case.instance_id, code="Stuck", message=message, element="answer")
        return row.id


def test_the_head_sees_which_case_stands_still_and_lets_it_be_tried_again(
    head: Browser, incident: int, database: Database
) -> None:
    page = head.get("/incidents").text
    for words in ("SL2026-00001", "答复方案与时间", "没有可走的路", "2 次", "Stuck"):
        assert words in page, words
    assert head.post(f"/incidents/{incident}/retry").status_code == 302
    assert head.post(f"/incidents/{incident}/retry").status_code == 409
    with database.sessions() as session:
        assert session.get_one(IncidentRow, incident).resolved_by is not None
    assert "没有运行异常" in head.get("/incidents").text


def test_the_administrator_sees_what_is_broken_but_no_case(
    signed_in: Callable[[str], Browser], incident: int
) -> None:
    admin = signed_in("admin")
    assert 'href="/incidents"' in admin.get("/").text
    for path in ("/incidents", "/incidents/list.csv"):
        text = admin.get(path).text
        assert "没有可走的路" in text and "Stuck" in text
        for fact in ("SL2026-00001", "/cases/", "马立新", "DETAIL"):
            assert fact not in text, fact
    assert admin.post(f"/incidents/{incident}/retry").status_code == 302


def test_others_neither_see_nor_retry_incidents(liting: Browser, incident: int, database: Database) -> None:
    assert liting.get("/incidents").status_code == 403
    assert liting.get("/incidents/list.csv").status_code == 403
    liting.get("/")
    assert liting.post(f"/incidents/{incident}/retry").status_code == 403
    with database.sessions() as session:
        assert session.get_one(IncidentRow, incident).resolved_at is None


def test_an_incident_that_does_not_exist_is_not_retried(head: Browser) -> None:
    head.get("/")
    assert head.post("/incidents/424242/retry").status_code == 404


# --- tables ------------------------------------------------------------------------------------------------


def test_the_board_is_exported_under_its_filters(head: Browser, running: int) -> None:
    table = rows(head.get("/board/cases.csv").text)
    assert [row[0] for row in table] == ["编号", "SL2026-00001"]
    assert table[1][3] == "正常" and "李婷" in table[1][4]
    assert len(rows(head.get("/board/cases.csv?light=red").text)) == 1
    people = rows(head.get("/board/people.csv").text)
    assert "李婷" in {row[0] for row in people}


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", " =1", "＝1"])
def test_what_a_spreadsheet_would_run_stays_text(text: str) -> None:
    assert cell(text) == f"'{text}"


def test_numbers_and_plain_words_stay_as_they_are() -> None:
    assert [cell(value) for value in (-3, 0, None, "李婷", "a=b")] == ["-3", "0", "", "李婷", "a=b"]


def test_a_hostile_matter_arrives_harmless(head: Browser, liting: Browser, database: Database) -> None:
    from tests.web.conftest import registration

    liting.get("/cases/new")
    assert liting.send("/cases/new", registration(database, matter="=HYPERLINK(1)")).status_code == 200
    assert rows(head.get("/board/cases.csv").text)[1][1] == "'=HYPERLINK(1)"
