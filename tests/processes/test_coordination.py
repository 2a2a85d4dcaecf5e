"""沟通协调: with whom what was agreed and by when (R1.1d); the units that an item names (R2.1a2)."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, select

from tests.processes.conftest import Person, Station, at
from workflow.engine import history
from workflow.engine.instances import InstanceRow
from workflow.engine.submissions import SubmissionRow
from workflow.errors import AlreadyDone, InvalidForm, NotAllowed, NotFound, Refused
from workflow.station import co_handling, coordination, demo, ending, items, notices, owners, reassignment
from workflow.station.cases import Case
from workflow.station.co_handling import CoHandlingUnit, Unit
from workflow.station.coordination import Coordination, Matter

UNIT = {"party": "unit", "unit": "示例市计量检定测试所", "about": "两台卡尺的检定", "agreed": "周五前排期。"}
PERSON = {
    "party": "person",
    "name": "韩敏",
    "phone": "000-81240009",
    "about": "检定",
    "agreed": "周五前排期。",
}


def records(who: Person, case: Case | None = None, **changed: Any) -> Coordination:
    """Write down what was agreed, on a case or alone; the first line of the matter."""
    station, form = who.station, {**UNIT, "due": "2026-03-06", **changed}
    data = {key: value for key, value in form.items() if value is not None}
    if case is None:
        instance = station.engine.start(coordination.PROCESS, by=who.actor, data=data)
    else:
        instance = owners.begin_beside(station.engine, coordination.PROCESS, case, by=who.actor, data=data)
    station.session.commit()
    station.session.expire_all()
    return station.session.scalars(select(Coordination).where(Coordination.instance_id == instance)).one()


def matter(station: Station, first: Coordination) -> Matter:
    (found,) = coordination.matters(station.session, [first])
    return found


def settles(who: Person, first: Coordination, **form: Any) -> None:
    (task,) = [
        line.task_id for line in who.inbox() if line.element == "settle" and line.title in task_of(first)
    ]
    who.station.engine.complete(task, by=who.actor, data=form)
    who.station.session.commit()
    who.station.session.expire_all()


def task_of(first: Coordination) -> tuple[str, ...]:
    """How the inbox calls what is about this matter: the case's item, or what it is about itself."""
    return (first.about, "计量器具检定/校准代办")


def steps(who: Person) -> list[str]:
    return [line.element for line in who.inbox()]


@pytest.fixture
def case(liting: Person) -> Case:
    case = liting.registers()
    liting.classifies(case, "JL01")
    return case


def names_units(station: Station) -> None:
    """JL01 names its units, as in the demo; in the tests' template nobody is to be contacted."""
    (item,) = (one for one in demo.ITEMS if one.code == "JL01")
    version = items.current(station.session, "JL01", date(2026, 3, 2))
    named = [{**asdict(unit), "item_version_id": version.id} for unit in item.units]
    station.session.execute(insert(CoHandlingUnit), named)
    station.session.commit()


@pytest.fixture
def accepted(station: Station, liting: Person, case: Case) -> Case:
    names_units(station)
    liting.accepts(case)
    return case


def test_r1_1d_what_two_units_agreed_is_on_record_and_comes_back_at_its_day(station, liting, case):
    first = records(liting, case)
    records(liting, case, unit="示例市衡器检定站", due="2026-03-09")
    found = coordination.of_case(station.session, case)
    assert [one.first.with_whom for one in found] == ["示例市衡器检定站", "示例市计量检定测试所"]
    assert [(one.due_on, one.state.say()) for one in found] == [
        (date(2026, 3, 9), "待落实"),
        (date(2026, 3, 6), "待落实"),
    ]
    assert "settle" not in steps(liting)
    station.clock.move_to("2026-03-06 08:30")
    assert "due" in station.fire_due()
    assert any("今天到约定时限：示例市计量检定测试所，两台卡尺的检定" in text for text in liting.told())
    task = liting.task(case, "settle")
    assert (task.name, task.due_at) == ("落实约定", at("2026-03-06 17:30"))
    form = station.engine.task_form(task.id, by=liting.actor)
    assert form is not None
    assert (form.values["was_agreed"], form.values["due_on"]) == ("周五前排期。", "2026-03-06")
    liting.does(case, "settle", {"outcome": "kept", "words": "已排在下周一。"})
    assert matter(station, first).state.say() == "已落实"
    assert [line.words for line in matter(station, first).lines] == ["周五前排期。", "已排在下周一。"]


def test_r1_1d_what_is_no_cases_stands_alone_and_may_be_agreed_anew(station, liting):
    first = records(liting, about="借用会议室")
    assert (first.case_id, first.key) == (None, f"coordination:{first.id}")
    station.clock.move_to("2026-03-06 08:30")
    station.fire_due()
    (line,) = [line for line in liting.inbox() if line.element == "settle"]
    assert (line.title, line.case_id, line.matter.key) == ("借用会议室", None, first.key)
    settles(liting, first, outcome="agreed", words="改到周二。", due="2026-03-10")
    assert matter(station, first).due_on == date(2026, 3, 10)
    station.clock.move_to("2026-03-10 08:30")
    station.fire_due()
    settles(liting, first, outcome="not_kept", words="对方不借了。")
    assert matter(station, first).state.say() == "没有落实"
    assert [one.first.id for one in coordination.listed(station.session, liting.actor, everything=True)] == [
        first.id
    ]
    assert coordination.listed(station.session, liting.actor, everything=False) == []


def test_r1_1d_without_a_day_it_is_only_written_down(station, liting, case):
    first = records(liting, case, due=None)
    assert matter(station, first).state.say() == "已记录"
    assert station.session.get_one(InstanceRow, first.instance_id).status == "ended"
    with pytest.raises(AlreadyDone):
        coordination.settle_early(station.engine, first, by=liting.actor)


def test_r1_1d_a_weekend_is_reminded_of_on_the_working_day_before(station, liting):
    records(liting, due="2026-03-08")  # a Sunday
    station.clock.move_to("2026-03-06 08:30")
    assert "due" in station.fire_due()


def test_r1_1d_agreed_on_a_sunday_for_that_day_it_comes_on_monday(station, liting):
    station.clock.move_to("2026-03-08 10:00")
    records(liting, due="2026-03-08")
    assert "due" not in station.fire_due()
    station.clock.move_to("2026-03-09 08:30")
    assert "due" in station.fire_due()


def test_r1_1d_an_outcome_known_before_its_day_is_written_down_at_once(station, liting, zhangwei, case):
    first = records(liting, case)
    with pytest.raises(NotAllowed):
        coordination.settle_early(station.engine, first, by=zhangwei.actor)
    coordination.settle_early(station.engine, first, by=liting.actor)
    station.session.commit()
    with pytest.raises(AlreadyDone):
        coordination.settle_early(station.engine, first, by=liting.actor)
    station.session.rollback()
    liting.does(case, "settle", {"outcome": "kept", "words": "当天就排好了。"})
    station.clock.move_to("2026-03-06 08:30")
    assert "due" not in station.fire_due()


def test_r1_1d_a_correction_stands_after_what_it_corrects(station, liting, zhangwei, case):
    first = records(liting, case)
    now = station.clock.now()
    with pytest.raises(NotAllowed):
        coordination.correct(station.session, first, "是周四。", by=zhangwei.actor, moment=now)
    with pytest.raises(Refused) as refused:
        coordination.correct(station.session, first, " ", by=liting.actor, moment=now)
    assert refused.value.field == "words"
    coordination.correct(station.session, first, "是周四。", by=liting.actor, moment=now)
    found = matter(station, first)
    assert [line.words for line in found.lines] == ["周五前排期。", "是周四。"]
    assert (found.state.say(), found.last.words) == ("待落实", "周五前排期。")


def test_r1_1d_whoever_acts_for_its_author_corrects_in_that_name(
    station, liting, chenzhiqiang, zhangwei, case
):
    first = records(zhangwei, case, due="2026-03-12")
    station.clock.move_to("2026-03-10 09:00")  # 张伟 is away, 陈志强 acts
    coordination.correct(
        station.session, first, "是周四。", by=chenzhiqiang.actor, moment=station.clock.now()
    )
    line = matter(station, first).lines[-1]
    assert (line.actor, line.on_behalf_of) == (chenzhiqiang.row.key, zhangwei.row.key)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"due": "2026-03-01"}, "due"),
        ({"due": "2027-03-04"}, "due"),
        ({"unit": "计量\u200b所"}, "unit"),
        ({**PERSON, "name": None, "phone": None}, "name"),
        ({**PERSON, "name": None}, "name"),
        ({"party": "colleague", "colleague": "liting"}, "colleague"),
        ({"party": "colleague", "colleague": "admin"}, "colleague"),
    ],
)
def test_r1_1d_what_cannot_be_so_is_refused(station, liting, case, changed, field):
    if "colleague" in changed:
        changed = {**changed, "colleague": station.person(changed["colleague"]).row.key}
    with pytest.raises(Refused) as refused:
        records(liting, case, **changed)
    assert refused.value.field == field


@pytest.mark.parametrize("lacking", ["party", "unit", "about", "agreed"])
def test_r1_1d_a_record_says_with_whom_about_what_and_what_was_agreed(liting, case, lacking):
    with pytest.raises(InvalidForm):
        records(liting, case, **{lacking: None})


def test_r1_1d_who_sees_no_cases_writes_none_down_and_reads_none(station, liting):
    admin = station.person("admin")
    with pytest.raises(NotAllowed):
        records(admin)
    station.session.rollback()
    first = records(liting)
    with pytest.raises(NotFound):
        coordination.find(station.session, admin.actor, first.id)
    assert coordination.find(station.session, liting.actor, first.id) is first


def test_r1_1d_with_a_colleague_too(station, liting, zhangwei):
    first = records(liting, party="colleague", colleague=zhangwei.row.key)
    assert first.with_whom == "张伟"


def test_r1_1d_names_and_phones_stay_out_of_forms_history_state_and_notices(station, liting, case):
    first = records(liting, case, **PERSON)
    assert first.with_whom == "韩敏 *******0009"
    station.clock.move_to("2026-03-06 08:30")
    station.fire_due()
    form = station.engine.task_form(liting.task(case, "settle").id, by=liting.actor)
    assert form is not None and form.values["with_whom"] == "韩敏 *******0009"
    liting.does(case, "settle", {"outcome": "kept", "words": "已排期。"})
    kept = station.session.scalars(select(SubmissionRow.data)).all()
    told = station.session.scalars(select(notices.Notice.lines)).all()
    lines = [line.detail for line in history.of(station.session, first.instance_id)]
    state = station.session.scalars(select(InstanceRow.state)).all()
    for secret in ("81240009", "韩敏"):
        assert secret not in str([kept, told, lines])
        assert all(secret.encode() not in one for one in state)


def test_r1_1d_it_gives_no_right_on_the_case_and_ends_with_one_that_is_withdrawn(station, liting, case):
    liuyang = station.person("liuyang")
    first = records(liuyang, case)
    coordination.settle_early(station.engine, first, by=liuyang.actor)
    assert owners.post_of(station.session, liuyang.actor, case) is None
    ending.withdraw(
        station.engine,
        case,
        reason="不办了。",
        confirmed="phone",
        by=liting.actor,
        moment=station.clock.now(),
    )
    assert matter(station, first).state.say() == "随办件结束"


def test_r1_1d_a_task_that_stands_alone_is_handed_over_to_a_colleague(station, liting, wangfang):
    first = records(liting, about="借用会议室")
    coordination.settle_early(station.engine, first, by=liting.actor)
    (task,) = [line.task_id for line in liting.inbox() if line.element == "settle"]
    station.engine.claim(task, by=liting.actor)
    reassignment.hand_over(
        station.session,
        station.engine,
        task,
        by=liting.actor,
        to=wangfang.row,
        moment=station.clock.now(),
    )
    assert "李婷 把“落实约定”转交给您：借用会议室" in wangfang.told()
    settles(wangfang, first, outcome="kept", words="借到了。")


# the units that an item names


def contacts(who: Person, case: Case, unit: str, **form: Any) -> None:
    session, engine = who.station.session, who.station.engine
    for line in who.inbox():
        if line.element == "contact_unit" and line.case_id == case.id:
            found = engine.task_form(line.task_id, by=who.actor)
            if found is not None and found.values["unit"] == unit:
                engine.complete(line.task_id, by=who.actor, data={"about": "检定", **form})
                session.commit()
                session.expire_all()
                return
    raise AssertionError(f"{who.row.login} is not asked to contact {unit}")


def test_r2_1a2_two_units_two_tasks_at_once_and_their_answers_on_the_case(station, zhangwei, accepted):
    asked = [line for line in zhangwei.inbox() if line.element == "contact_unit"]
    assert [line.due_at for line in asked] == [at("2026-03-03 17:30")] * 2
    form = station.engine.task_form(asked[0].task_id, by=zhangwei.actor)
    assert form is not None
    assert (form.values["contact"], form.values["phone"]) == ("业务受理室 韩敏", "000-81240001")
    contacts(
        zhangwei, accepted, "示例市计量检定测试所", reached="yes", agreed="周三上门取样。", due="2026-03-04"
    )
    contacts(zhangwei, accepted, "示例市衡器检定站", reached="yes", agreed="本所不做卡尺。")
    assert "contact_unit" not in steps(zhangwei)
    found = coordination.of_case(station.session, accepted)
    assert [(one.first.unit, one.last.words) for one in found] == [
        ("示例市衡器检定站", "本所不做卡尺。"),
        ("示例市计量检定测试所", "周三上门取样。"),
    ]
    station.clock.move_to("2026-03-04 08:30")
    station.fire_due()
    assert zhangwei.task(accepted, "settle").due_at == at("2026-03-04 17:30")
    kept = station.session.scalars(select(SubmissionRow.data)).all()
    assert "81240001" not in str(kept) and "韩敏" not in str(kept)


def test_r2_1a2_who_was_not_reached_is_tried_again_and_the_attempt_is_kept(station, zhangwei, accepted):
    unit = "示例市计量检定测试所"
    contacts(zhangwei, accepted, unit, reached="no", tried="两次无人接听。")
    (found,) = coordination.of_case(station.session, accepted)
    assert (found.first.unit, found.state.say(), found.last.words) == (unit, "没有联系上", "两次无人接听。")
    contacts(zhangwei, accepted, unit, reached="yes", agreed="周三上门取样。")
    assert len(coordination.of_case(station.session, accepted)) == 2


@pytest.mark.parametrize("lacking", ["reached", "agreed"])
def test_r2_1a2_an_answer_says_what_was_answered(station, zhangwei, accepted, lacking):
    form = {"reached": "yes", "agreed": "周三上门取样。"}
    with pytest.raises(InvalidForm):
        contacts(zhangwei, accepted, "示例市计量检定测试所", **{**form, lacking: None})


def test_r2_1a2_not_contacted_in_a_working_day_the_owner_hears_of_it_then_the_head(
    station, zhangwei, head, accepted
):
    station.clock.move_to("2026-03-03 17:30")
    station.fire_due()
    station.clock.move_to("2026-03-04 08:30")
    assert any("还没有联系承办单位“示例市衡器检定站”" in text for text in zhangwei.told())
    assert not any("承办单位" in text for text in head.told())
    station.clock.move_to("2026-03-05 08:30")
    station.fire_due()
    assert any("提醒后仍未联系承办单位“示例市衡器检定站”" in text for text in head.told())


def test_r2_1a2_a_case_that_has_ended_asks_for_no_contact(station, liting, zhangwei, accepted):
    liting.answers(accepted, "2026-03-13")
    zhangwei.handles(accepted)
    liting.closes(accepted)
    assert "contact_unit" not in steps(zhangwei)


def test_r2_1a2_an_item_without_units_asks_for_none(station, liting):
    case = liting.registers()
    liting.classifies(case, "BZ01")
    liting.accepts(case)
    assert "contact_unit" not in steps(station.person("liuyang"))


def test_r2_1a2_the_units_of_a_published_version_are_frozen(station):
    names_units(station)
    session = station.session
    version = items.current(session, "JL01", date(2026, 3, 2))
    draft = items.draft(session, version.item, effective_from=date(2026, 4, 1), handler_position="metrology")
    with pytest.raises(Refused):
        co_handling.name_units(session, draft, [Unit("示例市计量检定测试所")] * 2)
    co_handling.name_units(session, draft, [Unit("示例市计量检定测试所")])
    assert [unit.name for unit in co_handling.units_of(session, draft)] == ["示例市计量检定测试所"]
    session.commit()
    with pytest.raises(Refused):
        co_handling.name_units(session, version, [Unit("别的单位")])
    session.rollback()
    session.scalars(select(CoHandlingUnit)).first().phone = "000-1"
    with pytest.raises(Refused):
        session.flush()
