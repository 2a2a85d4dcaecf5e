"""The call list at its page (R2.1d, decision 33): rights, the number behind a look, hostile input."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tests.conftest import Clock, Database
from tests.processes.conftest import Station
from tests.web.conftest import Browser
from workflow.station.access_log import AccessLog
from workflow.station.contacts import Contact
from workflow.station.outbox import Outbox


@pytest.fixture
def call(app: Flask, database: Database, clock: Clock) -> int:
    """Two clients are to be told that their case is accepted; the first call."""
    with database.sessions() as session:
        station = Station(session, clock)
        liting = station.person("liting")
        for phone in ("000-12345678", "000-87654321"):
            case = liting.registers(phone=phone)
            liting.classifies(case, "JL01")
            liting.accepts(case)
        return session.scalars(select(Outbox.id).order_by(Outbox.id)).first() or 0


def test_calls_are_made_one_after_the_other(liting: Browser, database: Database, call: int) -> None:
    page = liting.get("/calls").text
    assert "还有 2 个电话要打" in page and "*******5678" in page and "00012345678" not in page
    assert '<span class="count" id="count-calls">2</span>' in page
    assert liting.post(f"/calls/{call}", outcome="no_answer").headers["Location"] == "/calls"
    page = liting.get("/calls").text
    assert "*******4321" in page and "未接通" in page, "the other one comes first now"
    assert liting.post(f"/calls/{call}", outcome="reached", words="本人接听。").status_code == 302
    assert "还有 1 个电话要打" in liting.get("/calls").text
    assert liting.post(f"/calls/{call}", outcome="reached").status_code == 409
    assert "本人接听。" in liting.get("/cases/1").text


def test_a_number_is_shown_on_one_answer_and_the_look_is_on_record(
    liting: Browser, database: Database, call: int
) -> None:
    liting.get("/calls")
    assert "00012345678" in liting.post(f"/calls/{call}/phone").text
    assert "00012345678" not in liting.get(f"/calls?call={call}").text
    with database.sessions() as session:
        look = session.scalars(select(AccessLog)).one()
    assert (look.field, look.purpose) == ("phone", "电话告知 SL2026-00001")


@pytest.mark.parametrize("outcome", ["", "perhaps", "reached'; drop table"])
def test_an_outcome_nobody_offered_is_refused_and_the_words_stay(
    liting: Browser, database: Database, call: int, outcome: str
) -> None:
    liting.get("/calls")
    answer = liting.post(f"/calls/{call}", outcome=outcome, words="<script>说了")
    assert answer.status_code == 422 and "请选择联系结果" in answer.text
    assert "&lt;script&gt;说了" in answer.text and "<script>说了" not in answer.text
    with database.sessions() as session:
        assert session.scalars(select(Contact)).all() == []


def test_who_sees_no_cases_makes_no_calls(signed_in: Callable[[str], Browser], call: int) -> None:
    admin = signed_in("admin")
    assert admin.get("/calls").status_code == 403
    assert admin.post(f"/calls/{call}", outcome="reached").status_code == 404
    assert admin.post(f"/calls/{call}/phone").status_code == 404


def test_a_stranger_and_a_wrong_address_get_nothing(liting: Browser, stranger: Browser, call: int) -> None:
    assert stranger.get("/calls").headers["Location"].startswith("/sign-in")
    assert liting.client.post(f"/calls/{call}", data={"outcome": "reached"}).status_code == 403, "its token"
    liting.get("/calls")
    assert liting.post("/calls/999999", outcome="reached").status_code == 404
    assert liting.get("/calls?call=999999").status_code == 200


def test_a_contact_with_an_expert_is_written_down_at_the_case(liting: Browser, call: int) -> None:
    liting.get("/cases/1")
    said = {"channel": "phone", "outcome": "reached", "content": "周四上门。", "at": "2026-03-02T08:55"}
    refused = liting.post("/cases/1/contacts", **said, party="expert", unit="")
    assert refused.status_code == 422 and "请写明对方单位" in refused.text and "周四上门。" in refused.text
    assert liting.post("/cases/1/contacts", **said, party="expert", unit="示例市计量所").status_code == 302
    page = liting.get("/cases/1").text
    assert "专家 示例市计量所" in page and "已联系上" in page


def test_a_possible_duplicate_is_answered_on_the_page_of_the_case(liting: Browser, call: int) -> None:
    page = liting.get("/cases/2").text
    assert "疑似重复" in page and "SL2026-00001" in page and "并入" not in page.split('id="related"')[1][:900]
    assert liting.post("/cases/2/related/2", kind="linked").status_code == 404
    assert liting.post("/cases/2/related/99", kind="linked").status_code == 404
    assert liting.post("/cases/2/related/1", kind="merged").status_code == 403, "accepted: the head's"
    assert liting.post("/cases/2/related/1", kind="linked").headers["Location"] == "/cases/2"
    page = liting.get("/cases/1").text
    assert "已关联" in page and "疑似重复" not in page
    assert liting.post("/cases/2/related/1", kind="distinct").status_code == 409
