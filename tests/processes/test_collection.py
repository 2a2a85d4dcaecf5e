"""Agents (受托人) at registration, and collection at the window by the client or somebody else (代领)."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.processes.conftest import Person, Station
from workflow.engine.history import HistoryRow
from workflow.engine.instances import RUNNING, InstanceRow
from workflow.engine.submissions import SubmissionRow
from workflow.errors import InvalidForm, Refused
from workflow.station import cases, clocks, documents, outbox
from workflow.station.cases import Case

AGENT = {
    "by_agent": True,
    "agent_name": "钱多多",
    "agent_phone": "000-55556666",
    "agent_relation": "同事",
    "agent_authorised": "yes",
}
OTHER = {"who": "other", "collector": "孙代领", "relation": "家人", "checked": "authorisation"}


def closed(liting: Person, zhangwei: Person, **changed: Any) -> Case:
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    zhangwei.handles(case)
    liting.closes(case, **changed)
    return case


@pytest.fixture
def case(liting: Person, zhangwei: Person) -> Case:
    """Closed, its result lies at the window."""
    return closed(liting, zhangwei)


def signs(clerk: Person, case: Case, **changed: Any) -> None:
    form = {"who": "client", "checked": "identity", **changed}
    clerk.does(case, "sign", form)


def paper_text(station: Station, case: Case, kind: str) -> str:
    (paper,) = [one for one in documents.of(station.session, case.key) if one.kind == kind]
    read = PdfReader(BytesIO(documents.pdf(station.session, paper)))
    return re.sub(r"\s", "", "".join(page.extract_text() for page in read.pages))


def test_what_is_closed_for_the_window_awaits_collection_and_is_signed_for(station, liting, wangfang, case):
    assert (case.state, case.collection) == (cases.CLOSED, cases.AWAITING)
    assert clocks.of(station.session, case.key, "item").state == "finished", "completed, not waiting"
    signs(wangfang, case, checked="code", code=case.pickup_code.lower())
    assert (case.collection, case.collected_at) == (cases.COLLECTED, station.clock.now())
    assert (case.collector, case.collection_check) == (None, "code")
    text = paper_text(station, case, "collection_slip")
    for words in ("取件签收单", "QJ2026-00001", case.no, "王小明", "本人", "取件码", "已办成", "王芳"):
        assert words in text, words
    running = select(InstanceRow.id).where(
        InstanceRow.business_key == case.key, InstanceRow.status == RUNNING
    )
    assert station.session.scalars(running).all() == []


def test_somebody_else_collects_with_an_authorisation(station, liting, case):
    signs(liting, case, **OTHER, collector_phone="000-77778888")
    assert case.collector is not None and case.collector.name == "孙代领"
    text = paper_text(station, case, "collection_slip")
    assert all(words in text for words in ("孙代领", "家人", "授权委托书"))
    kept = [
        *station.session.scalars(select(SubmissionRow.data)),
        *station.session.scalars(select(HistoryRow.detail)),
    ]
    assert not any("孙代领" in str(one) or "77778888" in str(one) for one in kept)
    paper = documents.of(station.session, case.key)[-1]
    assert "孙代领" not in str(paper.data) and paper.personal["collector"] == "孙代领"


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({**OTHER, "checked": "identity"}, "checked"),
        ({**OTHER, "checked": "code", "code": "AAAAAAAA"}, "code"),
        ({"checked": "code", "code": "错误"}, "code"),
    ],
)
def test_nothing_is_handed_out_without_its_proof(station, liting, case, changed, field):
    with pytest.raises(Refused) as refused:
        signs(liting, case, **changed)
    assert refused.value.field == field
    station.session.rollback()
    assert case.collection == cases.AWAITING


def test_who_collects_for_another_is_named(liting, case):
    with pytest.raises(InvalidForm):
        signs(liting, case, who="other", checked="authorisation")


def test_after_thirty_days_the_client_is_reminded_once(station, liting, case):
    before = len(outbox.call_list(station.session, liting.actor))
    station.clock.move_to("2026-03-31 09:00")
    assert "waits" not in station.fire_due()
    station.clock.move_to("2026-04-02 09:00")
    assert "waits" in station.fire_due()
    *_, told = outbox.call_list(station.session, liting.actor)
    assert "还在窗口" in told.text and case.no in told.text
    assert len(outbox.call_list(station.session, liting.actor)) == before + 1
    signs(liting, case)
    assert told.state == outbox.SENT, "said when it was handed over"


def test_a_client_without_a_phone_is_the_clerks_to_find(station, liting, zhangwei):
    case = liting.registers(phone=None, refused=True)
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    zhangwei.handles(case)
    liting.closes(case)
    station.clock.move_to("2026-04-02 09:00")
    station.fire_due()
    assert any("没有留电话" in told and case.no in told for told in liting.told())


def test_what_is_sent_or_needs_no_collecting_waits_for_nobody(station, liting, zhangwei):
    case = closed(liting, zhangwei, pickup="mail")
    assert case.collection is None and liting.inbox() == []


def test_an_agent_registers_with_an_authorisation_and_stands_on_the_receipt(station, liting):
    case = liting.registers(**AGENT)
    assert case.agent is not None and case.agent.name == "钱多多" and case.agent.phone_tail4 == "6666"
    assert (case.agent_relation, case.agent_authorised) == ("同事", True)
    liting.classifies(case, "JL01")
    liting.accepts(case)
    text = paper_text(station, case, "receipt")
    assert "钱多多" in text and "同事，已出示授权委托书" in text and "王小明" in text
    kept = station.session.scalars(select(SubmissionRow.data))
    assert not any("钱多多" in str(one) or "55556666" in str(one) for one in kept)


def test_an_agent_without_paper_or_phone_is_noted_as_such(station, liting):
    case = liting.registers(**{**AGENT, "agent_phone": None, "agent_authorised": "no"})
    assert case.agent_authorised is False and case.agent.phone_enc is None
    assert documents.agent_words(case).say() == "同事，未出示授权委托书"


def test_what_was_hidden_of_an_agent_is_not_kept(liting):
    case = liting.registers(**{**AGENT, "by_agent": False})
    assert (case.agent, case.agent_relation, case.agent_authorised) == (None, None, None)


def test_an_agent_is_named(liting):
    with pytest.raises(InvalidForm):
        liting.registers(**{**AGENT, "agent_name": None})
