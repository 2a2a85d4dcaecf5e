"""Nothing waits in silence (R1.2.2a, R2.1d, R2.4.1–R2.4.3d): limits, first acts, reasons, apologies, news."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import select

from tests.processes.conftest import at
from workflow.engine import history
from workflow.engine.timers import TimerRow
from workflow.errors import InvalidForm, NotAllowed, NotFound, Refused
from workflow.station import (
    cases,
    clock_ledger,
    clocks,
    contacts,
    items,
    notices,
    outbox,
    owners,
    positions,
    supervision,
    unlisted,
)
from workflow.station.items import ItemVersion, ServiceItem
from workflow.station.outbox import Outbox

SUPERVISE = {"reason": "检定机构排期已满。", "measures": "改送另一家机构。", "new_date": "2026-03-18"}
REACHED = {
    "channel": "phone",
    "outcome": "reached",
    "at": "2026-03-17T09:00",
    "content": "已致歉并说明新日期。",
}


@pytest.fixture
def accepted(liting):
    """JL01 (ten working days), accepted Monday 2026-03-02 09:00; nobody has done anything since."""
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    return case


@pytest.fixture
def handled(liting, accepted):
    """The same, promised at once and waiting for the technician."""
    liting.answers(accepted, "2026-03-13")
    return accepted


@pytest.fixture
def late(station, handled):
    """The same, late since Monday 2026-03-16 17:30."""
    station.clock.move_to("2026-03-16 17:31")
    station.fire_due()
    return handled


def told(person, words):
    return [text for text in person.told() if words in text]


def messages(station, case):
    rows = select(Outbox.text).where(Outbox.case_id == case.id).order_by(Outbox.id)
    return list(station.session.scalars(rows))


# --- before acceptance: R1.2.2a ----------------------------------------------------------------------------


def test_r1_2_2a_unclassified_after_two_working_hours_the_counter_is_reminded_then_the_head(
    station, liting, head
):
    case = liting.registers()
    station.clock.move_to("2026-03-02 11:01")
    assert station.fire_due() == ["classify_waits"]
    assert told(liting, "“判类”已到规定时间") and not told(head, "判类")
    station.clock.move_to("2026-03-02 14:31")
    assert station.fire_due() == ["classify_waits_on"]
    assert told(head, "“判类”提醒后仍未处理")
    liting.classifies(case, "JL01")
    assert case.state == cases.CHECKING, "nothing was completed by itself"


def test_r1_2_2a_what_is_classified_in_time_reminds_nobody(station, liting, head):
    case = liting.registers()
    liting.classifies(case, "JL01")
    station.clock.move_to("2026-03-02 15:00")
    assert station.fire_due() == [] and liting.told() == head.told() == []


# --- the limit: R2.4.1 -------------------------------------------------------------------------------------


def test_r2_4_1_a_case_keeps_the_limit_of_the_version_it_was_accepted_under(station, liting, accepted):
    changed = another_version(station, limit=Decimal(3))
    items.publish(station.session, changed)
    station.session.commit()
    station.clock.move_to("2026-03-04 09:00")
    later = liting.registers(phone="000-87654321")
    liting.classifies(later, "JL01")
    liting.accepts(later)
    assert station.session.get(ItemVersion, accepted.item_version_id).limit_value == 10
    assert clocks.of(station.session, accepted.key, "item").deadline_at == at("2026-03-16 17:30")
    assert clocks.of(station.session, later.key, "item").deadline_at == at("2026-03-09 17:30")


def test_r2_4_1_an_item_without_a_limit_or_with_a_date_before_the_last_is_not_published(station):
    no_limit = another_version(station, limit=None)
    with pytest.raises(Refused) as refused:
        items.publish(station.session, no_limit)
    assert refused.value.field == "limit_value"
    station.session.rollback()
    early = another_version(station, limit=Decimal(3), effective_from=date(2020, 1, 1))
    with pytest.raises(Refused, match="晚于现行版本"):
        items.publish(station.session, early)


@pytest.mark.parametrize("field", ["conditions", "refusals"])
def test_r2_4_1b_an_item_without_conditions_or_grounds_for_declining_is_not_published(station, field):
    version = another_version(station, **{field: "" if field == "conditions" else []})
    with pytest.raises(Refused) as refused:
        items.publish(station.session, version)
    assert refused.value.field == field


def another_version(station, *, limit=Decimal(10), effective_from=date(2026, 3, 3), **changed):
    """A draft of JL01 that begins on Tuesday."""
    found = station.session.scalars(
        select(ItemVersion).join(ServiceItem).where(ServiceItem.code == "JL01")
    ).one()
    kept = ("basis", "conditions", "refusals", "procedure", "fee", "place", "phone", "handler_position")
    return items.draft(
        station.session,
        found.item,
        effective_from=effective_from,
        limit_value=limit,
        limit_unit="working-day",
        materials=[items.Material("申请表")],
        **({name: getattr(found, name) for name in kept} | changed),
    )


# --- begun at once: R2.4.2b --------------------------------------------------------------------------------


def test_r2_4_2b_half_a_working_day_after_the_receipt_owner_and_head_are_warned(
    station, liting, head, accepted
):
    station.clock.move_to("2026-03-02 17:31")  # the half day after that of the receipt
    assert "idle_due" in station.fire_due()
    station.clock.move_to("2026-03-03 08:31")
    for person in (liting, head):
        assert told(person, "至今没有办理动作"), person.row.name
    assert accepted.state == cases.HANDLING and accepted.planned_on is None, "nothing was done by itself"


@pytest.mark.parametrize("act", ["answers", "calls"])
def test_r2_4_2b_whoever_began_is_not_warned(station, liting, head, accepted, act):
    station.clock.move_to("2026-03-02 10:00")
    if act == "answers":
        liting.answers(accepted, "2026-03-13")
    else:
        says(station, liting, accepted)
    station.clock.move_to("2026-03-03 08:31")
    station.fire_due()
    assert not told(liting, "办理动作") and not told(head, "办理动作")


def test_r2_4_2b_work_that_was_begun_without_a_plan_is_not_warned_of(station, liting, head):
    case = liting.registers()
    liting.classifies(case, "BZ01")
    liting.accepts(case)
    liuyang = station.person("liuyang")
    liuyang.does(
        case, "handle", {"progress": "已检索标准。", "needs_more": True, "next_step": "核对有效性。"}
    )
    station.clock.move_to("2026-03-02 17:31")
    assert "idle_due" in station.fire_due()
    station.clock.move_to("2026-03-03 08:31")
    assert not told(liuyang, "办理动作") and not told(head, "办理动作")


def test_r2_4_2b_a_call_that_reached_nobody_is_no_act(station, liting, head, accepted):
    station.clock.move_to("2026-03-02 10:00")
    says(station, liting, accepted, outcome="no_answer")
    station.clock.move_to("2026-03-03 08:31")
    station.fire_due()
    assert told(head, "至今没有办理动作")


def says(station, person, case, *, outcome="reached", subject=""):
    contacts.record(
        station.session,
        case,
        engine=station.engine,
        channel="phone",
        outcome=outcome,
        content="说明办理安排。",
        at=station.clock.now(),
        moment=station.clock.now(),
        actor=person.actor.key,
        subject=subject,
    )
    station.session.commit()


# --- a reason for being late: R2.4.3a ----------------------------------------------------------------------


def test_r2_4_3a_who_is_late_owes_a_reason_by_the_end_of_the_working_day(station, zhangwei, late):
    task = zhangwei.task(late, "explain")
    assert task.due_at == at("2026-03-17 17:30"), "17:31 belongs to the next working day"
    zhangwei.does(late, "explain", {"late_code": "institution", "words": "送检的机构排期已满。"})
    assert (late.late_code, late.late_words) == ("institution", "送检的机构排期已满。")
    begin, end = at("2026-03-01 00:00"), at("2026-04-01 00:00")
    assert supervision.late_reasons(station.session, begin, end) == {"institution": 1}
    assert history.verify(station.session) == []


def test_r2_4_3a_without_a_reason_the_head_hears_of_it_and_it_counts_as_unexplained(
    station, head, zhangwei, late
):
    station.clock.move_to("2026-03-17 17:31")
    station.fire_due()
    station.clock.move_to("2026-03-18 08:31")
    assert told(head, "经办人未按时说明原因")
    begin, end = at("2026-03-01 00:00"), at("2026-04-01 00:00")
    assert supervision.late_reasons(station.session, begin, end) == {None: 1}
    assert zhangwei.task(late, "explain"), "the reason is still owed"


@pytest.mark.parametrize("given", [{"words": "忙。"}, {"late_code": "mood", "words": "没有心情办。"}])
def test_r2_4_3a_a_reason_is_one_of_the_list_and_in_words(zhangwei, late, given):
    with pytest.raises(InvalidForm):
        zhangwei.does(late, "explain", given)


def test_decision_31_a_late_case_may_be_worked_on_at_once(liting, zhangwei, late):
    zhangwei.handles(late)
    liting.closes(late)
    assert late.state == cases.CLOSED and late.late_at is not None


# --- supervision and apology: R1.2.1a, R2.4.3d -------------------------------------------------------------


def test_r1_2_1a_supervision_names_reason_measures_and_a_new_date_and_is_reported_done(
    station, head, zhangwei, late
):
    head.does(late, "supervise", SUPERVISE)
    follow = zhangwei.task(late, "follow")
    assert follow.due_at == at("2026-03-18 17:30")
    station.clock.move_to("2026-03-17 09:00")
    zhangwei.does(late, "follow", {"done": "已送到另一家机构。"})
    assert told(head, "已送到另一家机构")


@pytest.mark.parametrize("lacking", ["reason", "measures", "new_date"])
def test_r1_2_1a_supervision_without_reason_measures_or_date_is_refused(head, late, lacking):
    with pytest.raises(InvalidForm):
        head.does(late, "supervise", {**SUPERVISE, lacking: None})


def test_r1_2_1a_a_new_promise_does_not_lie_in_the_past(head, late):
    with pytest.raises(Refused, match="不能早于今天"):
        head.does(late, "supervise", {**SUPERVISE, "new_date": "2026-03-13"})


def test_r1_2_1a_only_leaders_begin_a_supervision_by_hand_and_not_of_a_closed_case(
    station, liting, zhangwei, head, handled
):
    def begin(by):
        station.engine.start(
            "supervision",
            by=by.actor,
            data={"case_id": handled.id, "rung": "manual"},
            business_key=handled.key,
        )

    with pytest.raises(NotAllowed):
        begin(liting)
    station.session.rollback()
    zhangwei.handles(handled)
    liting.closes(handled)
    with pytest.raises(Refused, match="已办结"):
        begin(head)


def test_r1_2_1a_what_the_head_handles_is_supervised_by_the_superior(station, head, superior, handled):
    station.engine.claim(head_task(station, handled), by=head.actor)
    station.session.commit()
    station.clock.move_to("2026-03-16 17:31")
    station.fire_due()
    assert "supervise" not in {line.element for line in head.inbox()}
    superior.does(handled, "supervise", SUPERVISE)


def head_task(station, case):
    from workflow.engine.tasks import OPEN, TaskRow

    found = select(TaskRow.id).where(TaskRow.instance_id == case.instance_id, TaskRow.status == OPEN)
    return station.session.scalars(found).one()


def test_r2_4_3d_the_client_of_a_late_case_hears_apology_reason_and_new_date_by_telephone(
    station, head, zhangwei, late
):
    head.does(late, "supervise", SUPERVISE)
    text = messages(station, late)[-1]
    assert text.startswith("很抱歉") and "检定机构排期已满" in text and "2026-03-18" in text
    station.clock.move_to("2026-03-17 09:00")
    zhangwei.does(late, "apologise", REACHED)
    assert contacts.last_contact(station.session, late, subject="late") == at("2026-03-17 09:00")
    row = station.session.scalars(select(Outbox).where(Outbox.subject == "late")).one()
    assert row.state == outbox.SENT, "the call list has one call less"
    station.clock.move_to("2026-03-17 14:00")
    station.fire_due()
    assert not told(head, "尚未向服务对象致歉")


def test_r2_4_3d_half_a_working_day_without_contact_and_the_head_is_alerted(station, head, zhangwei, late):
    head.does(late, "supervise", SUPERVISE)
    station.clock.move_to("2026-03-17 13:46")
    station.fire_due()
    assert told(head, "尚未向服务对象致歉说明")


def test_r2_4_3d_a_call_that_reached_nobody_brings_the_task_back_and_does_not_count(
    station, head, zhangwei, late
):
    head.does(late, "supervise", SUPERVISE)
    station.clock.move_to("2026-03-17 09:00")
    zhangwei.does(late, "apologise", {**REACHED, "outcome": "no_answer"})
    assert zhangwei.task(late, "apologise")
    station.clock.move_to("2026-03-17 13:46")
    station.fire_due()
    assert told(head, "尚未向服务对象致歉说明")


def test_r2_4_3d_whoever_told_the_client_otherwise_need_not_call_again(station, head, zhangwei, late):
    head.does(late, "supervise", SUPERVISE)
    station.clock.move_to("2026-03-17 09:00")
    says(station, zhangwei, late, subject="late")
    assert "apologise" not in {line.element for line in zhangwei.inbox()}


# --- news at least every five working days: R2.1d ----------------------------------------------------------


def test_r2_1d_five_working_days_without_contact_bring_a_task_to_tell(station, zhangwei, handled):
    # the receipt of Monday 2026-03-02 was the first contact
    station.clock.move_to("2026-03-09 17:31")
    assert "interval_over" in station.fire_due()
    station.clock.move_to("2026-03-12 09:00")  # 张伟 is back
    news = {**REACHED, "at": "2026-03-12T09:00", "content": "样品已送检，预计周五出结果。"}
    zhangwei.does(handled, "tell", news)
    watch = clocks.of(station.session, handled.key, "progress")
    assert watch.deadline_at == at("2026-03-19 17:30"), "the interval begins anew"


def test_r2_1d_any_contact_begins_the_interval_anew(station, zhangwei, handled):
    station.clock.move_to("2026-03-06 10:00")
    says(station, zhangwei, handled)
    station.clock.move_to("2026-03-09 17:31")
    assert "interval_over" not in station.fire_due()
    station.clock.move_to("2026-03-13 17:31")
    assert "interval_over" in station.fire_due()


def test_r2_1d_who_was_not_reached_is_told_again(station, zhangwei, handled):
    station.clock.move_to("2026-03-12 09:00")
    station.fire_due()
    zhangwei.does(handled, "tell", {**REACHED, "at": "2026-03-12T09:00", "outcome": "no_answer"})
    assert zhangwei.task(handled, "tell")


def test_r2_1d_the_watch_ends_when_the_case_is_closed(station, liting, zhangwei, handled):
    zhangwei.handles(handled)
    liting.closes(handled, pickup="mail")
    assert clocks.of(station.session, handled.key, "progress").state == clock_ledger.FINISHED
    assert station.session.scalars(select(TimerRow)).all() == []


# --- the superior's digest ---------------------------------------------------------------------------------


def test_r2_4_3a_the_superior_reads_it_with_everything_else_in_one_digest(station, superior, liting, handled):
    second = liting.registers(phone="000-87654321")
    liting.classifies(second, "JL01")
    liting.accepts(second)
    liting.answers(second, "2026-03-13")
    station.clock.move_to("2026-03-17 17:31")
    station.fire_due()
    station.clock.move_to("2026-03-18 08:31")
    unread = notices.unread(station.session, superior.actor, station.clock.now())
    digest = [notice for notice in unread if len(notice.lines) > 1]
    assert len(digest) == 1 and len(told(superior, "超期一个工作日仍未办结")) == 2


# --- outside the list: R2.4.3a2 ----------------------------------------------------------------------------


ASKED = {
    "material": "上一次的检定证书",
    "original": "copy",
    "why": "要核对两次检定之间的变化。",
    "basis": "《计量器具检定管理办法》第十二条。",
}


@pytest.fixture
def checking(liting):
    case = liting.registers()
    liting.classifies(case, "JL01")
    return case


def asks(station, person, case, **changed):
    data = {key: value for key, value in (ASKED | changed).items() if value is not None}
    station.engine.start("unlisted_material", by=person.actor, data=data, business_key=case.key)
    station.session.commit()
    station.session.expire_all()


def test_r2_4_3a2_a_material_outside_the_list_needs_the_heads_approval_and_is_counted(
    station, liting, head, checking
):
    asks(station, liting, checking)
    assert len(checking.materials) == len(checking.item.materials), "not asked before it is approved"
    head.does(checking, "decide", {"approved": "yes"})
    added = checking.materials[-1]
    assert added.name == "上一次的检定证书（清单外要件）" and added.basis == ASKED["basis"]
    text = messages(station, checking)[-1]
    assert ASKED["basis"] in text and "如有异议，可拨打监督电话" in text
    assert unlisted.count(station.session, at("2026-03-01 00:00"), at("2026-04-01 00:00")) == 1
    assert told(liting, "已批准")


def test_r2_4_3a2_what_the_head_refuses_is_not_asked_for(station, liting, head, checking):
    asks(station, liting, checking)
    head.does(checking, "decide", {"approved": "no", "opinion": "清单已经够用。"})
    assert len(checking.materials) == len(checking.item.materials)
    assert told(liting, "未获批准") and messages(station, checking) == []
    assert unlisted.count(station.session, at("2026-03-01 00:00"), at("2026-04-01 00:00")) == 0


def test_r2_4_3a2_whoever_asks_never_decides(station, head, superior, checking):
    asks(station, head, checking)
    assert "decide" not in {line.element for line in head.inbox()}
    superior.does(checking, "decide", {"approved": "yes"})
    assert len(checking.materials) == len(checking.item.materials) + 1


@pytest.mark.parametrize("lacking", ["basis", "why", "material"])
def test_r2_4_3a2_without_basis_reason_or_name_nothing_is_asked(station, liting, checking, lacking):
    with pytest.raises(InvalidForm):
        asks(station, liting, checking, **{lacking: None})


def test_r2_4_3a2_what_is_on_the_list_is_no_exception(station, liting, checking):
    with pytest.raises(Refused, match="已在本件的材料清单中"):
        asks(station, liting, checking, material=checking.materials[0].name)


def test_r2_4_3a2_after_acceptance_nothing_more_is_asked(station, liting, head, checking):
    asks(station, liting, checking)
    liting.accepts(checking)
    with pytest.raises(Refused, match="已受理"):
        head.does(checking, "decide", {"approved": "yes"})
    with pytest.raises(Refused, match="受理之后不得再要求"):
        asks(station, liting, checking)


def test_r2_4_3a2_a_stranger_to_the_case_asks_for_nothing(station, zhangwei, checking):
    with pytest.raises((NotAllowed, NotFound)):
        asks(station, zhangwei, checking)


def test_r1_2_1a_where_one_of_two_heads_handles_it_the_superior_oversees_it(station, head, superior, handled):
    second = positions.create(station.session, code="head_2", name="站长二", duties=["head"])
    deputy = station.person("sunlihua").row
    positions.appoint(
        station.session, second, a=deputy, b=[station.person("zhaomin").row], on=date(2026, 3, 1)
    )
    positions.activate(station.session, second, on=date(2026, 3, 1))
    station.engine.claim(head_task(station, handled), by=head.actor)
    station.session.commit()
    above = owners.overseer(station.session, handled, station.clock.now())
    assert above.candidate == "superior" and above.people == [superior.row]


def test_r2_4_3d_for_a_supervision_begun_in_time_no_apology_is_owed(station, head, handled):
    station.engine.start(
        "supervision", by=head.actor, data={"case_id": handled.id, "rung": "manual"}, business_key=handled.key
    )
    station.session.commit()
    station.clock.move_to("2026-03-03 08:31")
    assert "untold_due" in station.fire_due()
    assert not told(head, "致歉")
