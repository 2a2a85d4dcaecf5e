"""转办、引导: what is not the station's duty finds the body that has it (R2.2.4b, P05)."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.processes.conftest import Person, Station, at
from tests.processes.test_ending import still_open, withdraws
from tests.processes.test_extension import words_of
from workflow.engine import history
from workflow.engine.instances import RUNNING, InstanceRow
from workflow.errors import AlreadyDone, InvalidForm, NotAllowed, NotFound, Refused
from workflow.station import (
    access_log,
    board,
    cases,
    contacts,
    documents,
    ending,
    guidance,
    outside_bodies,
    owners,
    transfers,
)
from workflow.station.cases import Case
from workflow.station.outbox import Outbox
from workflow.station.outside_bodies import OutsideBody
from workflow.station.transfers import Transfer

TOLD = {"channel": "phone", "outcome": "reached", "content": "本人接听。", "at": "2026-03-02T09:00"}


def body(station: Station, q: str = "营业执照") -> OutsideBody:
    (found,) = outside_bodies.search(station.session, station.person("liting").actor, q)
    return found


def transfers_it(who: Person, case: Case, **changed: Any) -> int:
    form = {
        "body": str(body(who.station).id),
        "reply_by": "2026-03-16",
        "why": "营业执照变更由登记机关办理。",
        "matter": "营业执照地址变更。",
        "materials": "变更申请书 1 份。",
        "consent": "in_person",
        **changed,
    }
    given = {name: value for name, value in form.items() if value is not None}
    station = who.station
    instance = owners.begin_beside(station.engine, transfers.PROCESS, case, by=who.actor, data=given)
    station.session.commit()
    station.session.expire_all()
    return instance


def sends(who: Person, case: Case) -> None:
    who.does(case, "send", {"channel": "network"})


def is_received(who: Person, case: Case, **changed: Any) -> None:
    form = {"outcome": "received", "received_by": "登记注册科窗口", "end_case": "yes", **changed}
    who.does(case, "confirm", form)


def comes_back(who: Person, case: Case) -> None:
    who.does(case, "confirm", {"outcome": "returned", "reason": "住所在邻区，应由邻区登记机关办理。"})


def slip(station: Station, case: Case) -> Transfer:
    return transfers.of(station.session, case)[0]


def messages(station: Station, case: Case) -> list[str]:
    found = select(Outbox.text).where(Outbox.case_id == case.id).order_by(Outbox.id)
    return list(station.session.scalars(found))


def elements(who: Person) -> list[str]:
    return [line.element for line in who.inbox()]


@pytest.fixture
def case(liting: Person) -> Case:
    return liting.registers(matter="营业执照地址要变更，找谁办？")


# --- the slip and its way --------------------------------------------------------------------------------


def test_r2_2_4b_a_matter_goes_to_the_body_that_has_it_and_the_client_hears_the_answer(
    station, liting, head, case
):
    instance = transfers_it(liting, case)
    assert slip(station, case).no == "ZB2026-00001"
    assert liting.task(case, "send").due_at == at("2026-03-03 17:30")
    sends(liting, case)
    assert liting.task(case, "confirm").due_at == at("2026-03-04 17:30")
    assert case.state == cases.REGISTERED, "nothing is transferred before it is received"
    is_received(liting, case)
    assert (case.state, case.ended) == (cases.TRANSFERRED, True)
    assert case.end_reason == "示例市市场监督管理局登记注册科 000-81231001 ZB2026-00001"
    assert board.overview(station.session, head.actor, station.clock.now()) == []
    told = messages(station, case)[-1]
    assert "示例市市场监督管理局登记注册科" in told and "000-81231001" in told and "ZB2026-00001" in told
    assert any("不属于本站职责" in sentence for sentence in head.told())

    assert liting.task(case, "track").due_at == at("2026-03-09 17:30")
    station.clock.move_to("2026-03-09 17:30")
    assert "week" in station.fire_due()
    station.clock.move_to("2026-03-10 09:00")
    assert any("跟踪转办单 ZB2026-00001" in sentence for sentence in liting.told())
    liting.does(case, "track", {"outcome": "working", "note": "正在审核。"})
    liting.does(case, "track", {"outcome": "answered", "note": "已核准变更，请带旧照领取。"})
    assert slip(station, case).answer == "已核准变更，请带旧照领取。"
    task = liting.task(case, "tell")
    what = station.engine.task_form(task.id, by=liting.actor).values["what"]
    assert "答复：已核准变更，请带旧照领取。" in what
    liting.does(case, "tell", {**TOLD, "outcome": "no_answer"})
    liting.does(case, "tell", TOLD)
    assert contacts.last_contact(station.session, case, subject="transfer") == station.clock.now()
    assert station.session.get_one(InstanceRow, instance).status == "ended"
    assert still_open(station, case) == [] and history.verify(station.session) == []


@pytest.mark.parametrize(
    "said",
    [
        "转办单",
        "ZB2026-00001",
        "示例市质量基础设施“一站式”服务站",
        "示例市市场监督管理局登记注册科",
        "000-81231001",
        "王小明",
        "00012345678",
        "未编号",
        "营业执照地址变更。",
        "营业执照变更由登记机关办理。",
        "变更申请书1份。",
        "2026年3月16日（星期一）前",
        "同意转交其姓名、联系方式和诉求（本人到场）",
        "李婷",
        "回执",
        "接收人签字",
        "退回，理由",
    ],
)
def test_r2_2_4b_the_slip_says(station, liting, case, said):
    transfers_it(liting, case)
    assert said in words_of(station, case, "transfer_slip")


def test_r2_2_4b_the_phone_is_on_the_slip_only_and_the_look_at_it_is_logged(station, liting, case):
    transfers_it(liting, case)
    (paper,) = documents.of(station.session, case.key)
    assert "12345678" not in str(paper.data) and paper.personal["contact"] == "00012345678"
    looked = station.session.scalars(select(access_log.AccessLog)).all()
    assert [(one.actor, one.field) for one in looked] == [(liting.row.key, "phone")]
    assert looked[0].purpose == "转办给示例市市场监督管理局登记注册科"


def test_r2_2_4b_who_left_no_phone_is_reached_through_the_station(station, liting):
    case = liting.registers(phone=None, refused=True)
    transfers_it(liting, case, materials=None)
    said = words_of(station, case, "transfer_slip")
    assert "未留电话，请经服务站转达" in said and "随附材料Materials无" in said


@pytest.mark.parametrize("lacking", ["body", "reply_by", "why", "matter", "consent"])
def test_r2_2_4b_no_slip_without_body_reason_matter_day_and_the_clients_consent(liting, case, lacking):
    with pytest.raises(InvalidForm):
        transfers_it(liting, case, **{lacking: None})


def test_r2_2_4b_an_answer_is_asked_for_a_day_to_come(liting, case):
    with pytest.raises(Refused) as refused:
        transfers_it(liting, case, reply_by="2026-03-02")
    assert refused.value.field == "reply_by"


def test_r2_2_4b_what_is_not_confirmed_in_two_days_is_told_to_the_head(station, liting, head, case):
    transfers_it(liting, case)
    sends(liting, case)
    station.clock.move_to("2026-03-04 17:30")
    assert "unconfirmed" in station.fire_due()
    station.clock.move_to("2026-03-05 08:30")
    for who in (liting, head):
        assert any("ZB2026-00001 未按时得到对方确认" in sentence for sentence in who.told())
    is_received(liting, case)
    assert slip(station, case).received_by == "登记注册科窗口"


# --- it comes back ---------------------------------------------------------------------------------------


def test_r2_2_4b_what_comes_back_goes_to_another_body_that_the_head_names(station, liting, head, case):
    transfers_it(liting, case)
    sends(liting, case)
    comes_back(liting, case)
    assert any("退回转办单 ZB2026-00001：住所在邻区" in sentence for sentence in head.told())
    assert slip(station, case).state == transfers.RETURNED and not case.ended
    with pytest.raises(Refused, match="刚刚退回"):
        again = {"choice": "another", "body": str(body(station).id), "reply_by": "2026-03-20"}
        head.does(case, "name_another", again)
    station.session.rollback()
    again["body"] = str(body(station, "12345").id)
    head.does(case, "name_another", again)
    second = slip(station, case)
    assert (second.no, second.body_name) == ("ZB2026-00002", "示例市政务服务便民热线")
    sends(liting, case)
    is_received(liting, case)
    assert case.end_reason == "示例市政务服务便民热线 000-12345 ZB2026-00002"


def test_r2_2_4b_or_the_station_goes_on_with_it(station, liting, head, case):
    instance = transfers_it(liting, case)
    sends(liting, case)
    comes_back(liting, case)
    head.does(case, "name_another", {"choice": "take_back", "why": "可由本站指导填报。"})
    assert any("不再转办，由本站继续办理：可由本站指导填报。" in sentence for sentence in liting.told())
    assert station.session.get_one(InstanceRow, instance).status == "ended" and not case.ended
    transfers_it(liting, case)


# --- ending the case -------------------------------------------------------------------------------------


def test_r2_2_4b_a_part_can_go_while_the_station_goes_on(station, liting, case):
    transfers_it(liting, case)
    sends(liting, case)
    is_received(liting, case, end_case="no")
    assert case.state == cases.REGISTERED and "classify" in elements(liting)
    assert liting.task(case, "track")


@pytest.mark.parametrize(
    ("to", "received"),
    [
        (("", "000-12345", "ZB2026-00001"), "2026-03-02 09:00"),
        (("热线", "", "ZB2026-00001"), "2026-03-02 09:00"),
        (("热线", "000-12345", ""), "2026-03-02 09:00"),
        (("热线", "000-12345", "ZB2026-00001"), None),
    ],
)
def test_r2_2_4b_without_name_phone_slip_and_confirmation_nothing_is_transferred(
    station, liting, case, to, received
):
    with pytest.raises(Refused):
        ending.transfer_out(
            station.engine,
            case,
            to=to,
            received_at=at(received) if received else None,
            by=liting.actor,
            moment=station.clock.now(),
        )
    assert not case.ended


def test_r2_2_4b_a_case_that_ended_cannot_be_transferred_nor_twice_at_once(station, liting, case):
    transfers_it(liting, case)
    with pytest.raises(AlreadyDone, match="正在转办"):
        transfers_it(liting, case)
    station.session.rollback()
    withdraws(liting, case)
    running = select(InstanceRow).where(InstanceRow.business_key == case.key, InstanceRow.status == RUNNING)
    assert station.session.scalars(running).all() == []
    with pytest.raises(AlreadyDone, match="已经结束"):
        transfers_it(liting, case)


def test_r2_2_4b_who_has_nothing_to_do_with_a_case_does_not_transfer_it(station, case):
    with pytest.raises(NotAllowed):
        transfers_it(station.person("zhaomin"), case)


def test_r2_2_4b_an_accepted_case_is_transferred_by_the_head_only(station, liting, head):
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    with pytest.raises(NotAllowed):
        transfers_it(liting, case)
    station.session.rollback()
    transfers_it(head, case)
    assert "计量器具检定/校准代办" in words_of(station, case, "transfer_slip")


def test_r2_2_4b_the_register_of_transfers_finds_a_slip_by_number_body_or_matter(station, liting, case):
    transfers_it(liting, case)
    for q in ("", "ZB2026-00001", "登记注册", "地址要变更"):
        assert [one.no for one in transfers.register(station.session, liting.actor, q)] == ["ZB2026-00001"]
    assert transfers.register(station.session, liting.actor, "税务") == []


# --- the directory and guidance --------------------------------------------------------------------------


def saves(who: Person, known: OutsideBody | None = None, **changed: Any) -> OutsideBody:
    words = {
        "name": "示例市消防救援支队",
        "scope": "建设工程消防验收。",
        "phone": "000-81231009",
        "address": "",
        "keywords": "消防",
        **changed,
    }
    station = who.station
    return outside_bodies.save(station.session, known, **words, by=who.actor, moment=station.clock.now())


def test_r2_2_4b_the_directory_is_searched_by_name_initials_scope_and_keyword(station, liting, head):
    for q in ("税务", "swj", "纳税申报", "发票"):
        assert body(station, q).name == "示例市税务局第一税务所"
    known = saves(head)
    saves(head, known, phone="000-81231010", active=False)
    assert outside_bodies.search(station.session, liting.actor, "消防") == []
    (found,) = outside_bodies.search(station.session, liting.actor, "消防", all_=True)
    assert found.phone == "000-81231010" and outside_bodies.find(station.session, liting.actor, found.id)


def test_r2_2_4b_only_who_leads_keeps_the_directory(liting):
    with pytest.raises(NotAllowed):
        saves(liting)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "示例市税务局第一税务所"}, "name"),
        ({"name": "消防\u202e支队"}, "name"),
        ({"scope": ""}, "scope"),
        ({"phone": "无"}, "phone"),
        ({"keywords": "消" * 201}, "keywords"),
    ],
)
def test_r2_2_4b_a_body_has_a_name_of_its_own_a_scope_and_a_phone(head, changed, field):
    with pytest.raises(Refused) as refused:
        saves(head, **changed)
    assert refused.value.field == field


def test_r2_2_4b_a_body_that_is_not_there_is_not_found(station, liting):
    with pytest.raises(NotFound):
        outside_bodies.find(station.session, liting.actor, 9999)


def guides(who: Person, case: Case | None = None, **changed: Any) -> guidance.Guidance:
    words = {"body": str(body(who.station).id), "matter": "", **changed}
    return guidance.guide(
        who.station.session, **words, case=case, by=who.actor, moment=who.station.clock.now()
    )


def test_r2_2_4b_guidance_is_one_tap_and_says_who_told_which_phone(station, liting, case):
    line = guides(liting, case)
    assert guidance.of(station.session, case) == [line]
    assert (line.body.name, line.phone) == ("示例市市场监督管理局登记注册科", "000-81231001")
    assert (line.actor, line.at) == (liting.row.key, station.clock.now())
    assert not case.ended and "send" not in elements(liting)
    with pytest.raises(DBAPIError):
        station.session.execute(text("UPDATE guidance SET phone = ''"))


def test_r2_2_4b_its_slip_says_where_to_go(station, liting):
    line = guides(liting, matter="营业执照换地址。")
    pages = PdfReader(io.BytesIO(guidance.slip(line))).pages
    said = re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in pages))
    assert len(pages) == 1
    for words in (
        "引导单",
        "营业执照换地址。",
        "登记注册科",
        "000-81231001",
        "政务服务中心1楼",
        "000-12345600",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"body": ""}, "body"),
        ({"body": "9999"}, "body"),
        ({"matter": ""}, "matter"),
        ({"matter": "办\u202e事"}, "matter"),
    ],
)
def test_r2_2_4b_guidance_names_a_body_of_the_directory_and_the_matter(station, liting, changed, field):
    with pytest.raises(Refused) as refused:
        guides(liting, **{"matter": "营业执照换地址。", **changed})
    assert refused.value.field == field


def test_r2_2_4b_who_receives_nobody_guides_nobody_and_sees_no_line(station, liting):
    admin = station.person("admin")
    with pytest.raises(NotAllowed):
        guides(admin, matter="营业执照换地址。")
    line = guides(liting, matter="营业执照换地址。")
    assert guidance.find(station.session, liting.actor, line.id) == line
    with pytest.raises(NotFound):
        guidance.find(station.session, admin.actor, line.id)
