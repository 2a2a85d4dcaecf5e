"""一次性告知 (R2.3.1, R2.2.2b): all that an item asks for, said once, on a paper with a number."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy.orm import Session

from tests.processes.conftest import Person, Station
from tests.processes.test_no_delay import asks
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.station import documents, one_time_notices
from workflow.station.cases import Case
from workflow.station.documents import Document
from workflow.station.one_time_notices import Teller


def words(session: Session, paper: Document) -> str:
    """The text of the PDF without spaces."""
    pages = PdfReader(io.BytesIO(documents.pdf(session, paper))).pages
    return re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in pages))


def gives(who: Person, code: str = "JL01") -> Document:
    station = who.station
    return one_time_notices.for_item(station.session, code, Teller(who.actor, station.clock.now()))


def gives_for(who: Person, case: Case) -> Document:
    station = who.station
    return one_time_notices.for_case(station.session, case, by=who.actor, moment=station.clock.now())


@pytest.fixture
def case(liting: Person) -> Case:
    case = liting.registers()
    liting.classifies(case, "JL01")
    return case


@pytest.mark.parametrize(
    "said",
    [
        "一次性告知书",
        "GZ2026-00001",
        "2026年3月2日",
        "JL01计量器具检定/校准代办",
        "服务事项目录(2026年版)》JL01",
        "委托单位在本市登记；器具外观完好、铭牌清晰、可正常通电或操作。",
        "登记与判类→审核材料→出具收件回执",
        "10个工作日",
        "服务免费；检定、校准费由承检机构按公示标准收取。",
        "一楼服务大厅",
        "000-81230000",
        "监督电话Complaints000-12345699",
        "告知人Informedby李婷",
        "1检定/校准委托单1原件必需窗口领取或网上下载",
        "3计量器具样品1原件现场检定的大型器具可不送样申请人自备",
        "4营业执照1复印件必需市场监督管理部门核发",
        "共4项",
        "经办人签字",
        "申请人签收",
        "签收日期",
        "业务专用章",
        "一式两份",
    ],
)
def test_r2_3_1b_the_notice_holds_everything_that_it_must(liting: Person, said: str) -> None:
    assert said in words(liting.station.session, gives(liting))


def test_r2_3_1b_what_is_free_says_so_and_what_is_done_at_once_too(liting: Person) -> None:
    said = words(liting.station.session, gives(liting, "JL02"))
    assert "收费情况Fee免费。" in said and "即办事项，0.5个工作日" in said


@pytest.mark.parametrize("lacking", sorted(documents.KINDS[one_time_notices.PAPER].mandatory))
def test_r2_3_1b_a_notice_without_one_of_its_blocks_is_refused(liting: Person, lacking: str) -> None:
    session = liting.station.session
    facts: dict[str, Any] = gives(liting).data
    with pytest.raises(Refused, match=lacking):
        documents.issue(
            session,
            one_time_notices.PAPER,
            {**facts, lacking: ""},
            owner="item:JL01",
            actor=liting.row.key,
            on_behalf_of=None,
            moment=liting.station.clock.now(),
            public_url="",
        )


def test_r2_3_1a_a_notice_is_given_straight_from_the_catalogue(station: Station, liting: Person) -> None:
    paper = gives(liting)
    assert [one.no for one in documents.of(station.session, "item:JL01")] == [paper.no]
    with pytest.raises(NotFound):
        gives(liting, "XX99")
    with pytest.raises(NotAllowed):
        gives(station.person("admin"))


def test_r2_3_1a_a_notice_of_a_case_is_for_its_client_and_lists_what_was_approved(
    station: Station, liting: Person, head: Person, case: Case
) -> None:
    asks(station, liting, case)
    head.does(case, "decide", {"approved": "yes"})
    paper = gives_for(liting, case)
    said = words(station.session, paper)
    assert "王小明" in said and f"办件编号Caseno.{case.no}" in said and "共5项" in said
    assert "清单外要件" in said and "依据：" in said
    assert "王小明" not in str(paper.data) and paper.personal == {"applicant": "王小明"}


def test_r2_3_1a_who_has_no_part_in_the_case_gives_none(station: Station, case: Case) -> None:
    with pytest.raises(NotAllowed):
        gives_for(station.person("liuyang"), case)
    assert not one_time_notices.may_give(station.session, station.person("liuyang").actor, case)


def test_r2_3_1a_before_the_item_is_known_there_is_nothing_to_tell(liting: Person) -> None:
    case = liting.registers()
    assert not one_time_notices.may_give(liting.station.session, liting.actor, case)
    with pytest.raises(Refused, match="先确定办理事项"):
        gives_for(liting, case)


def test_r2_3_1a_a_case_that_has_ended_gets_none(
    station: Station, liting: Person, zhangwei: Person, head: Person, case: Case
) -> None:
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    zhangwei.handles(case)
    liting.closes(case)
    with pytest.raises(Refused, match="已经结束"):
        gives_for(head, case)


def void_all(who: Person, case: Case) -> None:
    session = who.station.session
    for paper in documents.of(session, case.key):
        documents.void(session, paper, reason="写错。", actor=who.row.key, moment=who.station.clock.now())
    session.commit()


def test_r2_2_2b_what_cannot_be_done_at_once_goes_on_only_with_a_paper_in_the_clients_hand(
    station: Station, liting: Person, case: Case
) -> None:
    liting.accepts(case)
    assert [one.kind for one in documents.of(station.session, case.key)] == ["receipt"]
    void_all(liting, case)
    with pytest.raises(Refused, match="书面告知服务对象"):
        liting.answers(case, "2026-03-13")
    station.session.rollback()
    gives_for(liting, case)
    station.session.commit()
    liting.answers(case, "2026-03-13")
    assert case.planned_on is not None


def test_r2_2_2b_acceptance_itself_gives_the_paper_also_where_no_plan_is_asked_for(
    station: Station, liting: Person
) -> None:
    case = liting.registers()
    liting.classifies(case, "BZ01")
    liting.accepts(case)
    assert [one.kind for one in documents.of(station.session, case.key)] == ["receipt"]
