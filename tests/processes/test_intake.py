"""P01, line by line: a matter comes in, is promised a date, is handled in time, and ends."""

from __future__ import annotations

import re
from datetime import date
from io import BytesIO

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select

from tests.processes.conftest import at
from workflow.engine import history
from workflow.engine.instances import ENDED, InstanceRow
from workflow.engine.submissions import SubmissionRow
from workflow.engine.tasks import TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import InvalidForm, NotFound, Refused
from workflow.station import cases, clocks, documents, items
from workflow.station.cases import Case
from workflow.station.items import Material
from workflow.station.outbox import Outbox
from workflow.station.persons import Person as Client

BLOCKS = ("basis", "fee", "procedure", "conditions", "refusals", "place", "phone")


@pytest.fixture
def accepted(liting):
    """JL01, ten working days, accepted on 2026-03-02."""
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    return case


def test_a_matter_goes_from_the_counter_to_its_end(station, liting, zhangwei):
    case = liting.registers()
    assert (case.state, case.no) == (cases.REGISTERED, None)
    liting.classifies(case, "JL01")
    assert (case.state, case.no) == (cases.CHECKING, "SL2026-00001")
    liting.accepts(case)
    assert case.state == cases.HANDLING
    liting.answers(case, "2026-03-10")
    zhangwei.handles(case)
    liting.closes(case, pickup="mail")
    assert (case.state, case.result) == (cases.CLOSED, "completed")
    assert station.session.get_one(InstanceRow, case.instance_id).status == ENDED
    assert station.session.scalars(select(TimerRow)).all() == []
    assert history.verify(station.session) == []


def test_r2_2_0_the_first_contact_is_oneself_unless_somebody_else_is_named(station, liting, wangfang):
    form = station.engine.start_form("intake", by=liting.actor)
    assert form.values["first_contact"] == str(liting.row.id)
    assert liting.registers(first_contact=str(wangfang.row.id)).first_contact_id == wangfang.row.id


def test_registering_asks_for_at_most_eight_things(station, liting):
    form = station.engine.start_form("intake", by=liting.actor)
    asked = [c for c in form.schema["components"] if "by_agent" not in str(c.get("conditional"))]
    required = [c["key"] for c in asked if c.get("validate", {}).get("required")]
    assert 4 <= len(required) <= 8


def test_r1_2_2a_a_matter_without_words_is_refused(liting):
    with pytest.raises(InvalidForm) as caught:
        liting.registers(matter="")
    assert list(caught.value.errors) == ["matter"]


def test_the_number_comes_with_the_item_and_leaves_no_gap(station, liting):
    first, second, third = (liting.registers() for _ in range(3))
    liting.classifies(third, "BZ01")
    liting.classifies(first, "JL01")
    assert (third.no, first.no, second.no) == ("SL2026-00001", "SL2026-00002", None)


def test_r2_4_2_the_receipt_holds_its_mandatory_words(station, accepted, liting):
    (receipt,) = documents.of(station.session, accepted.key)
    assert receipt.no == "HZ2026-00001"
    pages = PdfReader(BytesIO(documents.pdf(station.session, receipt))).pages
    text = re.sub(r"\s", "", "".join(page.extract_text() for page in pages))
    for material in accepted.materials:
        assert material.name in text
    for word in ("HZ2026-00001", "SL2026-00001", "2026年3月16日", liting.row.name, "10个工作日"):
        assert word in text


def test_r2_1c_the_promised_date_is_reckoned_in_working_days(station, accepted):
    clock = clocks.of(station.session, accepted.key, "item")
    assert clock.deadline_at == at("2026-03-16 17:30") == accepted.receipt_due_at


def test_r2_1b_an_item_edited_later_leaves_the_old_cases_list(station, liting):
    session = station.session
    case = liting.registers()
    liting.classifies(case, "JL01")
    old = [material.name for material in case.materials]
    version = items.current(session, "JL01", date(2026, 3, 2))
    again = items.draft(
        session,
        version.item,
        effective_from=date(2026, 3, 3),
        handler_position=version.handler_position,
        limit_value=version.limit_value,
        materials=[Material("新的委托单")],
        **{name: getattr(version, name) for name in BLOCKS},
    )
    items.publish(session, again)
    session.commit()
    station.clock.move_to("2026-03-03 09:00")
    form = station.engine.task_form(liting.task(case, "check_materials").id, by=liting.actor)
    assert form is not None and [row["name"] for row in form.values["materials"]] == old
    newer = liting.registers()
    liting.classifies(newer, "JL01")
    assert [material.name for material in newer.materials] == ["新的委托单"]


def test_r2_1b_the_list_of_a_published_item_is_not_changed(station):
    version = items.current(station.session, "JL01", date(2026, 3, 2))
    version.materials[0].name = "别的材料"
    with pytest.raises(Refused, match="已发布"):
        station.session.flush()


def test_a_material_that_is_missing_keeps_the_case_waiting(station, liting):
    case = liting.registers()
    liting.classifies(case, "JL01")
    missing = case.materials[1].name
    liting.accepts(case, missing=missing)
    assert case.state == cases.WAITING
    assert [paper.kind for paper in documents.of(station.session, case.key)] == ["deficiency_notice"]
    liting.does(case, "receive_materials", {"delivery": "visit", "brought": "补交了清单。"})
    form = station.engine.task_form(liting.task(case, "check_materials").id, by=liting.actor)
    assert form.values["materials"][0]["state"] == "ok"
    assert form.values["materials"][1]["reason"] == "请补一份盖章的原件。"
    liting.accepts(case)
    assert case.state == cases.HANDLING


def test_a_case_is_not_accepted_while_a_required_material_is_missing(station, liting):
    case = liting.registers()
    liting.classifies(case, "JL01")
    rows = [{"name": m.name, "state": "missing", "reason": "没有带来。"} for m in case.materials]
    with pytest.raises(Refused) as caught:
        liting.does(case, "check_materials", {"materials": rows, "decision": "accept"})
    assert caught.value.field == "decision"
    station.session.rollback()
    assert documents.of(station.session, case.key) == []


@pytest.mark.parametrize(
    ("planned_on", "why"),
    [("2026-03-17", "晚于"), ("2026-02-27", "早于"), ("2026-03-14", "不是工作日")],
)
def test_r1_2_2c_a_date_that_cannot_be_kept_is_refused(station, liting, accepted, planned_on, why):
    with pytest.raises(Refused, match=why) as caught:
        liting.answers(accepted, planned_on)
    assert caught.value.field == "planned_on"
    station.session.rollback()
    assert accepted.planned_on is None


def test_r1_2_2c_an_answer_without_a_date_is_refused(liting, accepted):
    with pytest.raises(InvalidForm) as caught:
        liting.does(accepted, "answer", {"solution": "由计量所上门取样检定。", "planned_on": ""})
    assert list(caught.value.errors) == ["planned_on"]


def test_r1_2_3b_the_summary_is_filed_with_the_case_and_shown_there(station, liting, zhangwei, accepted):
    liting.answers(accepted, "2026-03-10")
    zhangwei.handles(accepted)
    liting.closes(accepted, summary="检定合格，证书已交付。")
    assert (accepted.state, accepted.summary) == (cases.CLOSED, "检定合格，证书已交付。")
    kept = station.session.scalars(
        select(SubmissionRow.data).where(SubmissionRow.form == "intake/close")
    ).one()
    assert kept["summary"] == accepted.summary
    assert history.of(station.session, accepted.instance_id)[-1].detail["result"] == "completed"
    assert history.verify(station.session) == []


def test_r1_2_3b_a_case_is_not_closed_without_a_summary(station, liting, zhangwei, accepted):
    liting.answers(accepted, "2026-03-10")
    zhangwei.handles(accepted)
    with pytest.raises(InvalidForm) as caught:
        liting.closes(accepted, summary="")
    assert list(caught.value.errors) == ["summary"]


def test_an_item_done_at_once_needs_no_plan(station, liting):
    case = liting.registers()
    liting.classifies(case, "BZ01")
    liting.accepts(case)
    open_now = select(TaskRow.element).where(
        TaskRow.instance_id == case.instance_id, TaskRow.status == "open"
    )
    assert station.session.scalars(open_now).all() == ["handle"]


def test_work_that_is_not_finished_comes_back_to_the_technician(station, liting, zhangwei, accepted):
    liting.answers(accepted, "2026-03-10")
    zhangwei.does(
        accepted, "handle", {"progress": "样品已送出。", "needs_more": True, "next_step": "等检定结果。"}
    )
    zhangwei.handles(accepted)
    assert liting.task(accepted, "close").name == "办结"


def test_r1_3c_the_deputy_has_the_task_while_the_technician_is_away(station, liting, chenzhiqiang, accepted):
    liting.answers(accepted, "2026-03-13")
    assert [line for line in chenzhiqiang.inbox() if line.element == "handle"] == []
    station.clock.move_to("2026-03-10 09:00")
    chenzhiqiang.handles(accepted)
    done = station.session.scalars(select(TaskRow).where(TaskRow.element == "handle")).one()
    zhangwei = station.person("zhangwei").row
    assert (done.actor, done.on_behalf_of) == (chenzhiqiang.row.key, zhangwei.key)


def test_decision_34_an_enterprise_without_its_code_holds_up_the_closing(station, liting, zhangwei):
    case = liting.registers(enterprise=None, new_enterprise="示例市新开办五金店")
    liting.classifies(case, "BZ01")
    liting.accepts(case)
    assert case.enterprise.status == "待核实"
    station.person(station_login(station, case)).handles(case)
    with pytest.raises(Refused, match="统一社会信用代码"):
        liting.closes(case)


def station_login(station, case):
    """Who has the handling of this case."""
    from workflow.station import positions

    (who, _), *_ = positions.holders_of(station.session, case.handler_position, station.clock.now())
    return who.login


def test_a_clients_phone_and_name_stay_out_of_forms_and_history(station, liting, accepted):
    kept = station.session.scalars(select(SubmissionRow.data)).all()
    lines = [line.detail for line in history.of(station.session, accepted.instance_id)]
    state = station.session.scalars(select(InstanceRow.state)).all()
    for secret in ("12345678", "王小明"):
        assert secret not in str(kept) + str(lines)
        assert all(secret.encode() not in one for one in state)
    client = station.session.get_one(Client, accepted.applicant_id)
    assert b"12345678" not in client.phone_enc


def test_a_client_who_leaves_no_phone_is_registered_all_the_same(station, liting):
    case = liting.registers(phone=None, refused=True)
    assert case.applicant.refused_phone
    liting.classifies(case, "JL01")
    liting.accepts(case)
    assert station.session.scalar(select(func.count(Outbox.id))) == 0


def test_the_client_is_told_when_accepted_when_promised_and_when_closed(station, liting, zhangwei, accepted):
    liting.answers(accepted, "2026-03-10")
    zhangwei.handles(accepted)
    liting.closes(accepted)
    texts = station.session.scalars(select(Outbox.text).order_by(Outbox.id)).all()
    assert ["已受理" in texts[0], "2026-03-10" in texts[1], "已办结" in texts[2]] == [True] * 3


def test_an_enterprise_known_already_is_not_filed_twice(station, liting):
    known = station.session.get_one(Case, liting.registers().id).enterprise.name
    with pytest.raises(Refused) as caught:
        liting.registers(enterprise=None, new_enterprise=known)
    assert caught.value.field == "new_enterprise"


def test_what_is_no_case_is_not_found(station):
    with pytest.raises(NotFound):
        cases.by_key(station.session, "case:999999")
    with pytest.raises(NotFound):
        cases.of_instance(station.session, 999999)
