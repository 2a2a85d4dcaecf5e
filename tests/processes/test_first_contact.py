"""首问负责: who receives a client stays responsible until somebody has accepted (R2.2.0, R2.2.1, R2.2.4a)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from tests.processes.conftest import Person, Station, at
from tests.processes.test_ending import withdraws
from workflow.engine import history
from workflow.errors import AlreadyDone, InvalidForm, NotAllowed, Refused
from workflow.station import first_contact, handovers, owners
from workflow.station.cases import Case

AWAY = "2026-03-09 09:00"  # 张伟 is on a journey, 陈志强 acts for him


@pytest.fixture
def case(liting: Person) -> Case:
    return liting.registers()


def changes(by: Person, case: Case, to: Person | None, reason: str = "李婷调离窗口。") -> None:
    station = by.station
    first_contact.change(
        station.session,
        case,
        to=to.row if to else None,
        reason=reason,
        by=by.actor,
        moment=station.clock.now(),
    )
    station.session.commit()
    station.session.expire_all()


def hands_over(who: Person, case: Case, to: str = "metrology", **changed: Any) -> None:
    data = {"to": to, "note": "已告知今天回电。", **changed}
    owners.begin_beside(who.station.engine, handovers.PROCESS, case, by=who.actor, data=data)
    who.station.session.commit()
    who.station.session.expire_all()


def answers_for(station: Station, case: Case) -> str:
    return handovers.responsible(station.session, case)


def only(station: Station, case: Case) -> handovers.Handover:
    (row,) = handovers.of(station.session, [case.id])
    return row


# --- the first contact (R2.2.0) --------------------------------------------------------------------------


def test_r2_2_0_whoever_registers_is_the_first_contact_unless_another_is_named(liting, wangfang):
    assert liting.registers().first_contact == liting.row
    assert liting.registers(first_contact=str(wangfang.row.id)).first_contact == wangfang.row
    with pytest.raises(InvalidForm):
        liting.registers(first_contact=None)


def test_r2_2_0_the_head_names_another_and_both_are_told_why(station, liting, wangfang, head, case):
    changes(head, case, wangfang)
    assert case.first_contact == wangfang.row
    (line,) = first_contact.changes(station.session, case)
    assert (line.from_id, line.to_id, line.actor) == (liting.row.id, wangfang.row.id, head.row.key)
    assert (line.reason, line.at) == ("李婷调离窗口。", station.clock.now())
    assert any("首问人由 周建国 改为 王芳：李婷调离窗口。" in text for text in liting.told())
    assert any("周建国 指定您为" in text for text in wangfang.told())


def test_r2_2_0_a_change_says_for_whom_the_head_is_acted_for(station, head, wangfang, case):
    deputy = station.person("sunlihua")
    station.session.add(away := _absent(head))
    station.session.commit()
    changes(deputy, case, wangfang)
    (line,) = first_contact.changes(station.session, case)
    assert (line.actor, line.on_behalf_of) == (deputy.row.key, head.row.key), away


def _absent(who: Person) -> Any:
    from workflow.station.absences import Absence

    return Absence(
        staff_id=who.row.id,
        cause="开会",
        cause_text="",
        from_at=at("2026-03-02 08:30"),
        to_at=at("2026-03-02 17:30"),
    )


def test_r2_2_0_nobody_but_the_head_changes_it(liting, wangfang, case):
    with pytest.raises(NotAllowed):
        changes(liting, case, wangfang)


@pytest.mark.parametrize(
    ("login", "reason", "field"),
    [
        (None, "李婷调离窗口。", "to"),
        ("admin", "李婷调离窗口。", "to"),
        ("wangfang", " ", "reason"),
        ("wangfang", "改\u202e正", "reason"),
    ],
)
def test_r2_2_0_a_change_names_a_colleague_and_a_reason(station, head, case, login, reason, field):
    with pytest.raises(Refused) as refused:
        changes(head, case, station.person(login) if login else None, reason)
    assert refused.value.field == field


def test_r2_2_0_the_same_person_and_an_ended_case_are_no_change(liting, wangfang, head, case):
    with pytest.raises(AlreadyDone, match="已经是"):
        changes(head, case, liting)
    head.station.session.rollback()
    withdraws(liting, case)
    with pytest.raises(AlreadyDone, match="已经结束"):
        changes(head, case, wangfang)


def test_r2_2_0_the_history_of_changes_only_grows(station, head, wangfang, case):
    changes(head, case, wangfang)
    with pytest.raises(DBAPIError):
        station.session.execute(text("UPDATE first_contact_change SET reason = ''"))


# --- handing over, with acceptance (R2.2.1) --------------------------------------------------------------


def test_r2_2_1_the_first_contact_is_responsible_until_the_hand_over_is_accepted(
    station, liting, zhangwei, case
):
    hands_over(liting, case)
    task = zhangwei.task(case, "accept")
    assert task.due_at == at("2026-03-02 17:30")
    form = station.engine.task_form(task.id, by=zhangwei.actor)
    assert form.values["first_contact"] == "李婷" and form.values["note"] == "已告知今天回电。"
    assert form.values["client"] == "王小明 *******5678"
    assert answers_for(station, case) == liting.row.key
    zhangwei.does(case, "accept", {"answer": "accept"})
    assert answers_for(station, case) == zhangwei.row.key
    row = only(station, case)
    assert (row.state, row.accepted_at) == (handovers.ACCEPTED, station.clock.now())
    assert any("张伟 已接收" in text for text in liting.told())
    assert history.verify(station.session) == []


def test_r2_2_1_what_is_not_accepted_in_half_a_day_stays_with_b_and_the_head_is_alerted(
    station, liting, zhangwei, chenzhiqiang, head, case
):
    hands_over(liting, case)
    station.clock.move_to("2026-03-02 17:30")
    assert "not_accepted" in station.fire_due()
    station.clock.move_to("2026-03-03 08:30")
    said = "计量技术 未按时接收“两台游标卡尺需要送检。”的首问转交，已转由 陈志强 接收。"
    assert said in liting.told() and said in head.told()
    assert answers_for(station, case) == liting.row.key
    assert not [line for line in zhangwei.inbox() if line.element.startswith("accept")]
    chenzhiqiang.does(case, "accept_by_deputy", {"answer": "accept"})
    assert answers_for(station, case) == chenzhiqiang.row.key
    assert only(station, case).passed_at == at("2026-03-02 17:30")


def test_r2_2_1_where_the_only_b_is_who_hands_over_the_head_is_asked(station, liting, wangfang, head, case):
    hands_over(liting, case, to=wangfang.row.key)
    station.clock.move_to("2026-03-02 17:30")
    station.fire_due()
    assert head.task(case, "accept_by_deputy")


def test_r2_2_1_who_does_not_accept_says_why_and_the_head_names_another(
    station, liting, zhangwei, chenzhiqiang, head, case
):
    hands_over(liting, case)
    with pytest.raises(InvalidForm):
        zhangwei.does(case, "accept", {"answer": "decline"})
    station.session.rollback()
    zhangwei.does(case, "accept", {"answer": "decline", "why": "属于检测，不是计量。"})
    said = "张伟 没有接收“两台游标卡尺需要送检。”的首问转交：属于检测，不是计量。"
    assert said in liting.told() and said in head.told()
    assert answers_for(station, case) == liting.row.key
    assert only(station, case).state == handovers.DECLINED
    with pytest.raises(AlreadyDone):
        hands_over(liting, case, to="testing")
    station.session.rollback()
    head.does(case, "name_handler", {"to": "testing"})
    chenzhiqiang.does(case, "accept", {"answer": "accept"})
    assert answers_for(station, case) == chenzhiqiang.row.key


@pytest.mark.parametrize("to", ["liting", "admin"])
def test_r2_2_1_nothing_is_handed_to_oneself_or_to_who_sees_no_cases(station, liting, case, to):
    with pytest.raises(Refused) as refused:
        hands_over(liting, case, to=station.person(to).row.key)
    assert refused.value.field == "to"


def test_r2_2_1_who_has_nothing_to_do_with_it_hands_nothing_over(station, case):
    with pytest.raises(NotAllowed):
        hands_over(station.person("zhaomin"), case)


def test_r2_2_1_with_the_end_of_the_case_nobody_is_asked_any_more(station, liting, zhangwei, case):
    hands_over(liting, case)
    withdraws(liting, case)
    assert not [line for line in zhangwei.inbox() if line.element == "accept"]
    with pytest.raises(AlreadyDone, match="已经结束"):
        hands_over(liting, case)


@pytest.mark.parametrize("step", ["accept", "accept_by_deputy", "name_handler"])
def test_r2_2_1_a_completed_case_ends_the_hand_over_at_every_step(
    station, liting, zhangwei, chenzhiqiang, head, step
):
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    hands_over(liting, case, to=chenzhiqiang.row.key)
    if step == "name_handler":
        chenzhiqiang.does(case, "accept", {"answer": "decline", "why": "不是我的职责。"})
    if step == "accept_by_deputy":
        station.clock.move_to("2026-03-02 17:30")
        station.fire_due()
    zhangwei.handles(case)
    liting.closes(case)
    everybody = (liting, zhangwei, chenzhiqiang, head)
    assert not [line for who in everybody for line in who.inbox() if line.element == step]


# --- registering on behalf (R2.2.4a) ---------------------------------------------------------------------


def test_r2_2_4a_who_registers_for_an_absent_handler_notes_a_phone_and_the_acting_b_gets_the_task(
    station, liting, zhangwei, chenzhiqiang
):
    station.clock.move_to(AWAY)
    case = liting.registers(on_behalf=True, handler=zhangwei.row.key)
    task = chenzhiqiang.task(case, "accept")
    assert task.candidate == zhangwei.row.key
    assert any("李婷 把“两台游标卡尺需要送检。”转交给您" in text for text in chenzhiqiang.told())
    chenzhiqiang.does(case, "accept", {"answer": "accept"})
    row = only(station, case)
    assert (row.accepted_by, row.accepted_for) == (chenzhiqiang.row.key, zhangwei.row.key)
    assert answers_for(station, case) == chenzhiqiang.row.key


def test_r2_2_4a_without_a_phone_nothing_is_registered_for_somebody_who_is_away(station, liting, zhangwei):
    station.clock.move_to(AWAY)
    with pytest.raises(InvalidForm):
        liting.registers(on_behalf=True, handler=zhangwei.row.key, phone=None)
    station.session.rollback()
    with pytest.raises(Refused, match="请留下联系电话") as refused:
        liting.registers(on_behalf=True, handler=zhangwei.row.key, phone=None, refused=True)
    assert refused.value.field == "refused"


def test_r2_2_4a_for_whom_it_is_registered_is_said(liting):
    with pytest.raises(InvalidForm):
        liting.registers(on_behalf=True)
