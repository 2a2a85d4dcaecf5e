"""咨询 over HTTP: registered, answered, found; the library; who may not see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from tests.conftest import Database
from tests.web.conftest import Browser
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station.answers import Answer
from workflow.station.consultations import Consultation
from workflow.station.documents import Document

ASKED: dict[str, Any] = {
    "channel": "visit",
    "topic": "送检时间",
    "question": "两台游标卡尺送检要多久？",
    "name": "马立新",
    "phone": "000-12345678",
    "difficulty": "at_once",
}
ANSWER = {
    "decision": "answer",
    "answer": "一般十个工作日。",
    "basis": "服务事项目录",
    "told": "written",
    "contact": "visit",
    "outcome": "reached",
}
LIBRARY = {"topic": "检定多久", "words": "十个工作日。", "basis": "目录", "item": "JL01"}


@pytest.fixture
def task(liting: Browser, database: Database) -> int:
    """A question asked at the counter; its answer is the next page."""
    liting.get("/consultations/new")
    answer = liting.send("/consultations/new", ASKED)
    with database.sessions() as session:
        number = session.scalars(select(TaskRow.id).where(TaskRow.status == OPEN)).one()
    assert answer.json == {"next": f"/tasks/{number}", "no": "ZX2026-00001"}
    return number


def test_a_question_is_registered_answered_and_stands_on_its_page(
    liting: Browser, task: int, database: Database
) -> None:
    assert "送检时间" in liting.get(f"/tasks/{task}").text
    assert "/consultations/1" in liting.get(f"/tasks/{task}/pane").text
    assert "ZX2026-00001" in liting.get("/consultations").text
    assert liting.send(f"/tasks/{task}/complete", ANSWER).status_code == 200
    page = liting.get("/consultations/1").text
    assert "一般十个工作日。" in page and "书面答复 DF2026-00001" in page and "按时答复" in page
    assert "没有待答复的咨询" in liting.get("/consultations").text
    assert "ZX2026-00001" in liting.get("/consultations?show=ended").text
    with database.sessions() as session:
        paper = session.scalars(select(Document)).one()
    assert liting.get(f"/documents/{paper.id}.pdf").status_code == 200
    assert "咨询编号" in liting.get(f"/v/{paper.verify_token}").text
    assert liting.get("/consultations/1/diagram.json").json["tokens"] == []


def test_the_same_registration_sent_twice_is_one_question(liting: Browser, database: Database) -> None:
    liting.get("/consultations/new")
    both = [liting.send("/consultations/new", ASKED, **{"Idempotency-Key": "k1"}).json for _ in range(2)]
    assert both[0] == both[1]
    with database.sessions() as session:
        assert len(session.scalars(select(Consultation.id)).all()) == 1


def test_what_takes_longer_is_seen_on_its_page(liting: Browser) -> None:
    liting.get("/consultations/new")
    assert (
        liting.send("/consultations/new", ASKED | {"difficulty": "simple"}).json["next"] == "/consultations/1"
    )
    assert "不再计时" not in liting.get("/consultations/1").text


def test_the_draft_of_a_registration_comes_back(liting: Browser) -> None:
    liting.get("/consultations/new")
    assert liting.send("/consultations/new/draft", {"topic": "设备"}).status_code == 200
    assert liting.get("/consultations/new/form.json").json["draft"]["data"]["topic"] == "设备"
    assert liting.send("/consultations/new/draft/discard", {}).status_code == 200
    assert "draft" not in liting.get("/consultations/new/form.json").json


def test_a_question_is_handed_over_to_a_colleague(liting: Browser, task: int, database: Database) -> None:
    liting.post(f"/tasks/{task}/claim")
    with database.sessions() as session:
        other = session.scalars(select(Consultation)).one().first_contact_id + 1
    assert liting.post(f"/tasks/{task}/hand-over", to=f"staff:{other}").status_code == 302


def test_a_case_says_which_question_it_grew_out_of(liting: Browser, task: int) -> None:
    assert liting.send(f"/tasks/{task}/complete", {"decision": "case"}).status_code == 200
    assert "ZX2026-00001 送检时间" in liting.get("/cases/1").text
    page = liting.get("/consultations/1").text
    assert "/cases/1" in page and "不再计时" in page


def test_who_sees_no_cases_gets_none_of_it(signed_in: Callable[[str], Browser], task: int) -> None:
    admin = signed_in("admin")
    assert "ZX2026" not in admin.get("/consultations").text
    for path in ("/consultations/1", "/consultations/1/diagram.json"):
        assert admin.get(path).status_code == 404
    for path in ("/consultations/new", "/consultations/new/form.json"):
        assert admin.get(path).status_code == 403
    for path in ("/consultations/new", "/consultations/new/draft"):
        assert admin.send(path, ASKED).status_code == 403


def test_the_head_keeps_the_library_and_everybody_finds_it(
    liting: Browser, signed_in: Callable[[str], Browser], database: Database
) -> None:
    head = signed_in("zhoujianguo")
    head.get("/consultations/answers/new")
    assert head.post("/consultations/answers/new", **LIBRARY).status_code == 302
    assert "十个工作日。" in liting.get("/consultations/answers?q=检定").text
    assert "没有找到" in liting.get("/consultations/answers?q=专利").text
    assert "十个工作日。" in head.get("/consultations/answers/1").text
    assert head.post("/consultations/answers/1", **LIBRARY | {"words": "八个工作日。"}).status_code == 302
    assert head.post("/consultations/answers/1", **LIBRARY).status_code == 404, "it was replaced"
    assert "第 1 版" in head.get("/consultations/answers/2").text
    assert head.post("/consultations/answers/2/withdraw").status_code == 302
    assert "八个" not in liting.get("/consultations/answers").text
    with database.sessions() as session:
        assert len(session.scalars(select(Answer.id)).all()) == 2


@pytest.mark.parametrize("wrong", [{"basis": " "}, {"item": "XX99"}])
def test_a_refused_answer_keeps_what_was_written(
    signed_in: Callable[[str], Browser], wrong: dict[str, str]
) -> None:
    head = signed_in("zhoujianguo")
    head.get("/consultations/answers/new")
    answer = head.post("/consultations/answers/new", **LIBRARY | wrong)
    assert answer.status_code == 422 and "十个工作日。" in answer.text and 'role="alert"' in answer.text


def test_a_clerk_changes_no_answer(liting: Browser) -> None:
    assert liting.get("/consultations/answers/new").status_code == 403
    assert liting.post("/consultations/answers/new", **LIBRARY).status_code == 403
