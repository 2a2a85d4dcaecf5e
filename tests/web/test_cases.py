"""The page of a case, its diagram and its papers."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import select

from tests.conftest import Database
from tests.web.conftest import Browser, case_of
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station.documents import Document


def accepted(liting: Browser, database: Database, task: int) -> None:
    """Classify and accept over the wire."""
    assert liting.send(f"/tasks/{task}/complete", {"item": "BZ02"}).status_code == 200
    with database.sessions() as session:
        check = session.scalars(select(TaskRow.id).where(TaskRow.status == OPEN)).one()
    form = liting.get(f"/tasks/{check}/form.json").json
    assert form is not None
    rows = [
        {**row, "state": "ok", "pages": 2, "copies": 1, "original": "original"}
        for row in form["data"]["materials"]
    ]
    answer = liting.send(f"/tasks/{check}/complete", {"materials": rows, "decision": "accept"})
    assert answer.status_code == 200, answer.text


def test_the_page_shows_how_the_case_stands(liting: Browser, registered: int, database: Database) -> None:
    accepted(liting, database, registered)
    page = liting.get(f"/cases/{case_of(database).id}").text
    for words in ("SL2026-00001", "2026-03-09", "为什么是这个日期", "当天不计", "收件回执单", "马立新"):
        assert words in page
    assert "12345678" not in page, "a phone number is never on a page"


def test_the_diagram_tells_where_the_case_is(liting: Browser, registered: int, database: Database) -> None:
    accepted(liting, database, registered)
    live = liting.get(f"/cases/{case_of(database).id}/diagram.json").json
    assert live is not None
    assert [token["id"] for token in live["tokens"]] == ["answer"]
    assert {"register", "classify", "check_materials", "receipt"} <= set(live["path"])
    assert {"warn_due", "late_due"} <= {timer["id"] for timer in live["timers"]}
    assert live["names"] == {}


def test_the_diagram_is_translated_for_an_english_reader(
    liting: Browser, registered: int, database: Database
) -> None:
    liting.post("/language", language="en")
    live = liting.get(f"/cases/{case_of(database).id}/diagram.json").json
    assert live is not None
    assert live["names"]["classify"] == "Classify"


def test_staff_open_the_receipt_and_anybody_verifies_it(
    liting: Browser, stranger: Browser, registered: int, database: Database
) -> None:
    accepted(liting, database, registered)
    with database.sessions() as session:
        paper = session.scalars(select(Document)).one()
    pdf = liting.get(f"/documents/{paper.id}.pdf")
    assert pdf.mimetype == "application/pdf"
    assert pdf.data.startswith(b"%PDF")
    assert stranger.get(f"/documents/{paper.id}.pdf").status_code == 302
    verified = stranger.get(f"/v/{paper.verify_token}")
    assert verified.status_code == 200
    assert paper.no in verified.text
    assert "马立新" not in verified.text, "whom it is about is not told to a stranger"


def test_an_unknown_code_verifies_nothing(stranger: Browser) -> None:
    answer = stranger.get("/v/made-up")
    assert answer.status_code == 404
    assert "没有查到这份文书" in answer.text


def test_the_list_finds_a_case(liting: Browser, registered: int) -> None:
    assert "自我声明" in liting.get("/cases").text
    assert "自我声明" in liting.get("/cases?q=自我声明").text
    assert "data-row" not in liting.get("/cases?q=没有这样的词").text


def test_a_case_is_withdrawn_on_its_page_and_what_was_refused_stays_filled_in(
    liting: Browser, registered: int, database: Database
) -> None:
    case = case_of(database).id
    assert "撤件、作废" in liting.get(f"/cases/{case}").text
    refused = liting.post(f"/cases/{case}/withdraw", reason="不办了。", confirmed="")
    assert refused.status_code == 422 and "请选择服务对象怎样确认撤件" in refused.text
    assert 'value="不办了。"' in refused.text
    done = liting.post(f"/cases/{case}/withdraw", reason="不办了。", confirmed="in_person")
    assert done.status_code == 302
    page = liting.get(f"/cases/{case}").text
    assert "已撤件：不办了。（本人到场）" in page and "撤件、作废" not in page
    assert "withdrawn" not in page
    again = liting.post(f"/cases/{case}/void", reason="再来一次。")
    assert again.status_code == 409


def test_who_did_not_register_a_case_voids_nothing(
    liting: Browser, signed_in: Callable[[str], Browser], registered: int, database: Database
) -> None:
    case = case_of(database).id
    other = signed_in("liuyang")
    assert "作废原因" not in other.get(f"/cases/{case}").text
    assert other.post(f"/cases/{case}/void", reason="不该登记。").status_code == 403
    assert case_of(database).state == "registered"
