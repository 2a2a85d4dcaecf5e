"""On the spot (R2.3.2a, R2.3.2b): how long the check took, what is taken back, who waits, and what silence
means (decision 5)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from tests.processes.conftest import Person, at
from tests.processes.test_deficiencies import checks
from tests.processes.test_no_delay import another_version
from workflow.errors import InvalidForm, Refused
from workflow.station import cases, clocks, items, material_check
from workflow.station.cases import Case
from workflow.station.outbox import Outbox


@pytest.fixture
def case(liting: Person) -> Case:
    case = liting.registers()
    liting.classifies(case, "JL01")
    return case


def opens(station, who: Person, case: Case, asked: Person | None = None) -> bool:
    task = (asked or who).task(case, "check_materials")
    return material_check.opened(station.session, task.id, by=who.actor, moment=station.clock.now())


def takes_back(who: Person, case: Case, **changed: Any) -> None:
    form = {
        "decision": "take_back",
        "take_back_reason": "需要与计量所核对规程。",
        "answer_at": "2026-03-03T15:00",
        **changed,
    }
    who.does(case, "check_materials", {key: value for key, value in form.items() if value is not None})


def test_r2_3_2a_the_time_of_the_check_is_kept_from_opening_to_conclusion(station, liting, head, case):
    station.clock.move_to("2026-03-02 09:10")
    assert not opens(station, head, case, asked=liting), "a leader who only looks does not begin it"
    station.clock.move_to("2026-03-02 09:12")
    assert opens(station, liting, case)
    station.clock.move_to("2026-03-02 09:20")
    assert not opens(station, liting, case), "the first time counts"
    station.clock.move_to("2026-03-02 09:25")
    liting.accepts(case)
    assert (
        case.check_started_at is not None and abs(case.check_started_at - at("2026-03-02 09:12")).seconds < 60
    )
    assert case.checked_at is not None and case.check_minutes in (13, 14)


def test_r2_3_2a_claiming_begins_it_too_and_other_steps_do_not(station, liting):
    case = liting.registers()
    task = liting.task(case, "classify")
    assert not material_check.opened(station.session, task.id, by=liting.actor, moment=station.clock.now())
    liting.classifies(case, "JL01")
    station.clock.move_to("2026-03-02 09:30")
    station.engine.claim(liting.task(case, "check_materials").id, by=liting.actor)
    station.clock.move_to("2026-03-02 09:35")
    liting.accepts(case)
    assert case.check_minutes in (5, 6)


def test_r2_3_2a_a_check_after_mending_is_timed_anew(station, liting, case):
    opens(station, liting, case)
    checks(liting, case, case.materials[0].name)
    station.clock.move_to("2026-03-04 09:00")
    liting.does(case, "receive_materials", {"delivery": "visit", "brought": "补交了委托单。"})
    assert case.check_started_at is None
    opens(station, liting, case)
    station.clock.move_to("2026-03-04 09:07")
    checks(liting, case, decision="accept")
    assert case.check_minutes in (7, 8)


def test_r2_3_2a2_who_waits_at_the_counter_over_thirty_minutes_turns_red(station, liting, case):
    (line,) = (one for one in liting.inbox() if one.case_id == case.id)
    assert not line.late
    station.clock.move_to("2026-03-02 09:31")
    (line,) = (one for one in liting.inbox() if one.case_id == case.id)
    assert line.late
    by_web = liting.registers(channel="web")
    liting.classifies(by_web, "JL01")
    assert liting.task(by_web, "check_materials").due_at == at("2026-03-03 17:30")


def test_r2_3_2a2_taking_back_needs_a_reason_and_an_answer_time_and_the_client_is_told(
    station, liting, head, case
):
    for lacking in ("take_back_reason", "answer_at"):
        with pytest.raises(InvalidForm) as invalid:
            takes_back(liting, case, **{lacking: None})
        assert list(invalid.value.errors) == [lacking]
        station.session.rollback()
    takes_back(liting, case)
    (text,) = station.session.scalars(select(Outbox.text).where(Outbox.case_id == case.id))
    assert "带回审核" in text and "2026-03-03 15:00" in text and "核对规程" in text
    task = liting.task(case, "check_materials")
    assert (task.due_at, case.answer_by) == (at("2026-03-03 15:00"), at("2026-03-03 15:00"))
    station.clock.move_to("2026-03-03 15:01")
    assert {"check_materials_waits", "check_materials_waits_on"} <= set(station.fire_due())
    liting.accepts(case)
    assert case.state == cases.HANDLING and case.taken_back == "需要与计量所核对规程。"


@pytest.mark.parametrize(
    ("answer_at", "why"),
    [("2026-03-02T08:00", "晚于现在"), ("2026-03-07T10:00", "不是工作日"), ("2026-03-10T10:00", "不能晚于")],
)
def test_r2_3_2a2_an_answer_time_that_cannot_be_promised_is_refused(station, liting, case, answer_at, why):
    with pytest.raises(Refused, match=why) as refused:
        takes_back(liting, case, answer_at=answer_at)
    assert refused.value.field == "answer_at"


def test_r2_3_2a2_only_what_was_brought_in_person_is_taken_back(station, liting):
    case = liting.registers(channel="letter")
    liting.classifies(case, "JL01")
    with pytest.raises(Refused, match="只有来访") as refused:
        takes_back(liting, case)
    assert refused.value.field == "decision"


def test_a_required_material_is_never_not_needed_and_a_conditional_one_may_be(station, liting):
    case = liting.registers()
    liting.classifies(case, "JL02")
    assert [one.required for one in case.materials] == [False]
    liting.does(
        case,
        "check_materials",
        {"materials": [{"name": case.materials[0].name, "state": "none"}], "decision": "accept"},
    )
    assert case.state == cases.HANDLING
    other = liting.registers()
    liting.classifies(other, "JL01")
    rows = [{"name": one.name, "state": "none"} for one in other.materials]
    with pytest.raises(Refused, match="不适用") as refused:
        liting.does(other, "check_materials", {"materials": rows, "decision": "accept"})
    assert refused.value.field == "materials"


def test_r2_3_2b_an_immediate_matter_whose_materials_are_in_order_is_closed_the_same_day(station, liting):
    case = liting.registers()
    liting.classifies(case, "JL02")
    assert case.item.immediate
    station.clock.move_to("2026-03-02 09:10")
    liting.accepts(case)
    holders = [station.person(login) for login in ("zhangwei", "liting")]
    (handler,) = (one for one in holders if any(line.element == "handle" for line in one.inbox()))
    handler.handles(case)
    station.clock.move_to("2026-03-02 09:30")
    liting.closes(case, pickup="none")
    assert case.state == cases.CLOSED and case.closed_at is not None
    assert case.closed_at.date() == case.received_at.date()


# --- silence: decision 5 ---------------------------------------------------------------------------------


@pytest.fixture
def deeming(station) -> None:
    """A version of JL01 with 20 working days, from Tuesday on, that silence accepts."""
    version = another_version(
        station, limit=Decimal(20), deemed_acceptance=True, effective_from=date(2026, 3, 3)
    )
    items.publish(station.session, version)
    station.session.commit()


def received(station, liting: Person) -> Case:
    station.clock.move_to("2026-09-17 10:00")
    case = liting.registers(channel="letter")
    liting.classifies(case, "JL01")
    return case


def test_vector_13_silence_of_five_working_days_accepts_from_the_day_of_receipt(
    station, liting, head, deeming
):
    case = received(station, liting)
    notice = clocks.of(station.session, case.key, "notice")
    assert notice is not None and notice.deadline_at == at("2026-09-23 17:30")
    station.clock.move_to("2026-09-23 17:31")
    assert "silence" in station.fire_due()
    assert case.state == cases.HANDLING and case.deemed
    assert clocks.of(station.session, case.key, "item").deadline_at == at("2026-10-21 17:30")
    assert case.accepted_at == case.received_at and case.receipt_due_at == at("2026-10-21 17:30")
    assert clocks.of(station.session, case.key, "notice").state == "finished"
    station.clock.move_to("2026-09-24 08:31")
    for person in (liting, head):
        assert any("视为自收到之日起受理" in text for text in person.told()), person.row.name


@pytest.mark.parametrize("told", ["accepted", "noticed"])
def test_who_was_accepted_or_told_in_time_is_not_deemed_accepted(station, liting, deeming, told):
    case = received(station, liting)
    checks(
        liting,
        case,
        *([case.materials[0].name] if told == "noticed" else []),
        decision="wait" if told == "noticed" else "accept",
    )
    station.clock.move_to("2026-09-23 17:31")
    assert "silence" not in station.fire_due()
    assert not case.deemed and clocks.of(station.session, case.key, "notice").state == "finished"


def test_decision_5_without_the_switch_silence_warns_after_half_a_day_and_alerts_the_head_after_one(
    station, liting, head
):
    case = liting.registers(channel="letter")
    liting.classifies(case, "JL01")
    station.clock.move_to("2026-03-02 17:31")
    assert "check_materials_waits" in station.fire_due()
    station.clock.move_to("2026-03-03 17:31")
    assert "check_materials_waits_on" in station.fire_due()
    station.clock.move_to("2026-03-04 08:31")
    assert any("已到规定时间" in text for text in liting.told())
    assert any("请督促" in text for text in head.told())
    station.clock.move_to("2026-03-20 10:00")
    station.fire_due()
    assert case.state == cases.CHECKING and not case.deemed
