"""Several bodies on one case: a part for each, one who leads, no end while one is open (R2.3.4b)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from tests.processes.conftest import Person, at
from workflow.engine import history
from workflow.engine.instances import InstanceRow
from workflow.engine.submissions import SubmissionRow
from workflow.errors import AlreadyDone, InvalidForm, NotAllowed, NotFound, Refused
from workflow.station import ending, joint_handling, notices, owners
from workflow.station.cases import Case
from workflow.station.joint_handling import JointPart

UNITS = ("示例市应急局", "示例市住建局", "示例市税务局")


def asks(who: Person, case: Case, unit: str = UNITS[0], **changed: Any) -> JointPart:
    """Ask a department for its part; it is led and looked after by whoever asks unless others are named."""
    station = who.station
    form = {
        "lead": case.lead.key if case.lead else who.row.key,
        "unit": unit,
        "asked": "出具意见。",
        "due": "2026-03-05",
        "looks_after": who.row.key,
        **changed,
    }
    data = {key: value for key, value in form.items() if value is not None}
    instance = owners.begin_beside(station.engine, joint_handling.PROCESS, case, by=who.actor, data=data)
    station.session.commit()
    station.session.expire_all()
    return station.session.scalars(select(JointPart).where(JointPart.instance_id == instance)).one()


def answers(who: Person, case: Case, unit: str) -> None:
    for line in who.inbox():
        if line.element == "follow_joint" and line.case_id == case.id:
            form = who.station.engine.task_form(line.task_id, by=who.actor)
            if form is not None and form.values["unit"] == unit:
                who.station.engine.complete(line.task_id, by=who.actor, data={"answer": "已出具意见。"})
                who.station.session.commit()
                who.station.session.expire_all()
                return
    raise AssertionError(f"{who.row.login} does not look after {unit}")


def close_form(who: Person, case: Case) -> Any:
    form = who.station.engine.task_form(who.task(case, "close").id, by=who.actor)
    assert form is not None
    return form.values["open_joint"]


@pytest.fixture
def case(liting: Person, zhangwei: Person) -> Case:
    """Handled: only the closing is left."""
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    zhangwei.handles(case)
    return case


def test_r2_3_4b_with_three_departments_and_one_open_the_case_is_not_closed(station, liting, case):
    for unit in UNITS:
        asks(liting, case, unit)
    assert case.lead.key == liting.row.key
    answers(liting, case, UNITS[0])
    answers(liting, case, UNITS[2])
    found = joint_handling.of_case(station.session, case)
    assert [(part.unit, part.state) for part in found] == [
        (UNITS[0], "answered"),
        (UNITS[1], "open"),
        (UNITS[2], "answered"),
    ]
    assert found[0].words == "已出具意见。"
    assert close_form(liting, case) == UNITS[1], "said before one types"
    with pytest.raises(Refused, match=UNITS[1]) as refused:
        liting.closes(case)
    assert UNITS[0] not in str(refused.value.text)
    station.session.rollback()
    answers(liting, case, UNITS[1])
    assert close_form(liting, case) == ""
    liting.closes(case)
    assert case.state == "closed"


def test_r2_3_4b_whoever_looks_after_it_is_reminded_on_the_day_and_the_head_hears_when_it_is_over(
    station, liting, zhangwei, head, case
):
    asks(liting, case, looks_after=zhangwei.row.key)
    task = zhangwei.task(case, "follow_joint")
    assert (task.name, task.due_at) == ("跟进协办", at("2026-03-05 17:30"))
    station.clock.move_to("2026-03-05 08:30")
    station.fire_due()
    assert any(f"{case.no} “{UNITS[0]}”的协办今天到期" in text for text in zhangwei.told())
    assert not any("协办" in text for text in head.told())
    station.clock.move_to("2026-03-05 17:30")
    station.fire_due()
    station.clock.move_to("2026-03-06 08:30")
    late = f"{case.no} “{UNITS[0]}”的协办到期未办复"
    assert any(late in text for text in head.told()) and any(late in text for text in liting.told())
    answers(zhangwei, case, UNITS[0])
    assert any("已办复" in text for text in liting.told()), "who leads hears the answer"


def test_r2_3_4b_one_leads_is_told_and_passes_it_on(station, liting, zhangwei, wangfang, head, case):
    asks(liting, case, lead=zhangwei.row.key)
    assert any(f"您是 {case.no} 的牵头人" in text for text in zhangwei.told())
    with pytest.raises(Refused) as refused:
        asks(liting, case, UNITS[1], lead=liting.row.key)
    assert refused.value.field == "lead"
    station.session.rollback()
    asks(zhangwei, case, UNITS[1], lead=wangfang.row.key)
    assert case.lead.key == wangfang.row.key
    asks(head, case, UNITS[2], lead=liting.row.key)
    assert case.lead.key == liting.row.key


def test_r2_3_4b_the_lead_takes_a_part_back_with_a_reason(station, liting, zhangwei, case):
    part = asks(liting, case, looks_after=zhangwei.row.key)
    engine = station.engine
    with pytest.raises(Refused) as refused:
        joint_handling.withdraw(engine, part.id, case, reason=" ", by=liting.actor)
    assert refused.value.field == "reason"
    with pytest.raises(NotAllowed):
        joint_handling.withdraw(engine, part.id, case, reason="不需要了。", by=zhangwei.actor)
    with pytest.raises(NotFound):
        joint_handling.withdraw(engine, part.id + 9, case, reason="不需要了。", by=liting.actor)
    joint_handling.withdraw(engine, part.id, case, reason="企业另行解决。", by=liting.actor)
    station.session.commit()
    assert (part.state, part.words, part.ended_by) == ("withdrawn", "企业另行解决。", liting.row.key)
    assert any("的协办已撤回：企业另行解决。" in text for text in zhangwei.told())
    assert "follow_joint" not in [line.element for line in zhangwei.inbox()]
    with pytest.raises(AlreadyDone):
        joint_handling.withdraw(engine, part.id, case, reason="再撤一次。", by=liting.actor)
    station.session.rollback()
    liting.closes(case)


def test_r2_3_4b_whoever_acts_for_the_lead_takes_it_back_in_that_name(
    station, liting, zhangwei, chenzhiqiang, case
):
    part = asks(liting, case, lead=zhangwei.row.key, due="2026-03-12")
    station.clock.move_to("2026-03-10 09:00")  # 张伟 is away, 陈志强 acts
    joint_handling.withdraw(station.engine, part.id, case, reason="不需要了。", by=chenzhiqiang.actor)
    station.session.commit()
    assert (part.ended_by, part.ended_for) == (chenzhiqiang.row.key, zhangwei.row.key)
    line = history.of(station.session, part.instance_id)[-1]
    assert (line.actor, line.on_behalf_of) == (chenzhiqiang.row.key, zhangwei.row.key)


def test_r2_3_4b_a_case_that_is_withdrawn_ends_its_parts_and_takes_no_more(station, liting, case):
    part = asks(liting, case)
    ending.withdraw(
        station.engine,
        case,
        reason="不办了。",
        confirmed="phone",
        by=liting.actor,
        moment=station.clock.now(),
    )
    station.session.commit()
    station.session.refresh(part)
    assert part.state == "ended"
    with pytest.raises(Refused, match="已撤件"):
        asks(liting, case, UNITS[1])


def test_r2_3_4b_who_has_no_part_in_the_case_asks_nobody(station, case):
    with pytest.raises(NotAllowed):
        asks(station.person("liuyang"), case)


def test_r2_3_4b_the_first_contact_asks_also_while_a_colleague_handles_it(station, liting):
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    assert owners.post_of(station.session, liting.actor, case) is None
    assert asks(liting, case).state == "open"


def test_r2_3_4b_another_cases_part_is_not_found(station, liting, case):
    part, other = asks(liting, case), liting.registers()
    with pytest.raises(NotFound):
        joint_handling.withdraw(station.engine, part.id, other, reason="不需要了。", by=liting.actor)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"due": "2026-03-01"}, "due"),
        ({"unit": "应急\u200b局"}, "unit"),
        ({"phone": "000-81240009"}, "name"),
        ({"lead": "admin"}, "lead"),
        ({"looks_after": "admin"}, "looks_after"),
    ],
)
def test_r2_3_4b_what_cannot_be_so_is_refused(station, liting, case, changed, field):
    people = {key: station.person(who).row.key for key, who in changed.items() if who == "admin"}
    with pytest.raises(Refused) as refused:
        asks(liting, case, **{**changed, **people})
    assert refused.value.field == field


@pytest.mark.parametrize("lacking", ["lead", "unit", "asked", "due", "looks_after"])
def test_r2_3_4b_a_part_says_who_what_when_and_who_looks_after_it(liting, case, lacking):
    with pytest.raises(InvalidForm):
        asks(liting, case, **{lacking: None})


def test_r2_3_4b_the_contacts_name_and_phone_stay_out_of_forms_history_and_state(station, liting, case):
    part = asks(liting, case, name="韩敏", phone="000-81240009")
    assert part.contact == "韩敏 *******0009"
    answers(liting, case, UNITS[0])
    kept = station.session.scalars(select(SubmissionRow.data)).all()
    told = station.session.scalars(select(notices.Notice.lines)).all()
    lines = [line.detail for line in history.of(station.session, part.instance_id)]
    state = station.session.scalars(select(InstanceRow.state)).all()
    for secret in ("81240009", "韩敏"):
        assert secret not in str([kept, told, lines])
        assert all(secret.encode() not in one for one in state)
