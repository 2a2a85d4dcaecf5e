"""岗位替补 as the people live it: registering, confirming, handing over, acting, coming back (R1.3, P04)."""

from __future__ import annotations

import io
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.processes.conftest import OPEN, Person, Station, at
from workflow.engine import history
from workflow.engine.instances import InstanceRow
from workflow.engine.submissions import SubmissionRow
from workflow.engine.tasks import TaskRow
from workflow.errors import AlreadyDone, InvalidForm, NotFound, Refused
from workflow.station import absences, delegation, documents, positions
from workflow.station.absences import Absence
from workflow.station.documents import Document
from workflow.station.permissions import visible

PHONE = "000-12345678"


def number(person: Person) -> str:
    return str(person.row.id)


def registers(who: Person, *, absent: Person | None = None, **changed: Any) -> Absence:
    """An absence registered by ``who``, by default one's own: 张伟's of rulebook §8."""
    form = {
        "who": number(absent or who),
        "kind": "planned",
        "cause": "出差",
        "from_at": "2026-03-09T08:30",
        "to_at": "2026-03-11T17:30",
        "emergency_phone": PHONE,
        **changed,
    }
    given = {key: value for key, value in form.items() if value is not None}
    station = who.station
    instance = station.engine.start("delegation", by=who.actor, data=given)
    station.session.commit()
    row = station.session.get_one(InstanceRow, instance)
    return absences.by_key(station.session, row.business_key)


def task(person: Person, absence: Absence, element: str) -> TaskRow:
    """The open task of this step in the person's inbox."""
    mine = [
        line.task_id for line in person.inbox() if line.element == element and line.absence_id == absence.id
    ]
    assert len(mine) == 1, f"{person.row.name} has {len(mine)} tasks {element}"
    return person.station.session.get_one(TaskRow, mine[0])


def does(person: Person, absence: Absence, element: str, **data: Any) -> None:
    station = person.station
    station.engine.complete(task(person, absence, element).id, by=person.actor, data=data)
    station.session.commit()
    station.session.expire_all()


def opens(person: Person, absence: Absence, element: str) -> dict[str, Any]:
    """What the form of a step opens with."""
    form = person.station.engine.task_form(task(person, absence, element).id, by=person.actor)
    assert form is not None
    return dict(form.values)


def open_steps(station: Station, absence: Absence) -> set[str]:
    found = select(TaskRow.element).join(InstanceRow, InstanceRow.id == TaskRow.instance_id)
    return set(
        station.session.scalars(found.where(InstanceRow.business_key == absence.key, TaskRow.status == OPEN))
    )


def ended(station: Station, absence: Absence) -> bool:
    found = select(InstanceRow.status).where(InstanceRow.business_key == absence.key)
    return station.session.scalars(found).one() == "ended"


def time_goes_on(station: Station, text: str) -> list[str]:
    station.clock.move_to(text)
    return station.fire_due()


def hands_over(person: Person, absence: Absence, **changed: Any) -> None:
    work = [{"note": "证书周三到，请通知企业。"} for _ in opens(person, absence, "hand_over")["work"]]
    form: dict[str, Any] = {
        "work": work,
        "equipment": [{"name": "量块 SB-012", "note": "二楼恒温间"}],
        "keys": [{"name": "恒温间钥匙", "note": "一把"}],
        "note": "企业来电请先记下。",
        **changed,
    }
    does(person, absence, "hand_over", **form)


@pytest.fixture
def planned(zhangwei: Person) -> Absence:
    return registers(zhangwei)


@pytest.fixture
def case(liting: Person) -> Any:
    """JL01 on 张伟's desk."""
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    return case


@pytest.fixture(autouse=True)
def _nobody_away(station: Station) -> None:
    """The demo's own two absences are told anew here."""
    for absence in station.session.scalars(select(Absence)):
        station.session.delete(absence)
    station.session.commit()


# the whole story


def test_r1_3c_a_planned_absence_from_registering_to_handing_back(station, zhangwei, chenzhiqiang, case):
    absence = registers(zhangwei, handed_over="示例市计量所周三来电。")
    assert absence.substitute.name == "陈志强", "the first B, where nobody was named"
    assert any("请您确认替补" in text for text in chenzhiqiang.told())
    assert opens(chenzhiqiang, absence, "confirm")["handed_over"] == "示例市计量所周三来电。"
    does(chenzhiqiang, absence, "confirm", answer="accept")

    rows = opens(zhangwei, absence, "hand_over")["work"]
    assert [(row["case_no"], row["step"]) for row in rows] == [(case.no, "办理")]
    hands_over(zhangwei, absence)
    assert opens(chenzhiqiang, absence, "take_over")["equipment"][0]["name"] == "量块 SB-012"
    does(chenzhiqiang, absence, "take_over", accepted="yes")
    (paper,) = documents.of(station.session, absence.key)
    assert paper.no == "JJ2026-00001" and paper.actor == chenzhiqiang.row.key

    assert time_goes_on(station, "2026-03-09 08:31") == ["at_from"]
    assert any("您开始为张伟代岗" in text and "现有待办 1 件" in text for text in chenzhiqiang.told())
    handling = chenzhiqiang.task(case, "handle")
    line = next(line for line in chenzhiqiang.inbox() if line.task_id == handling.id)
    assert line.acting_for == zhangwei.row.key
    assert not [line for line in zhangwei.inbox() if line.case_id == case.id]
    chenzhiqiang.handles(case)
    done = station.session.get_one(TaskRow, handling.id)
    assert (done.actor, done.on_behalf_of) == (chenzhiqiang.row.key, zhangwei.row.key)
    last = history.of(station.session, case.instance_id)[-1]
    assert (last.actor, last.on_behalf_of) == (chenzhiqiang.row.key, zhangwei.row.key)

    assert "near_end" in time_goes_on(station, "2026-03-11 13:46")
    for person in (zhangwei, chenzhiqiang):
        assert any("请准备返岗交接" in text for text in person.told())

    station.clock.move_to("2026-03-11 16:00")
    does(zhangwei, absence, "come_back", outcome="returned")
    assert absence.to_at == absence.returned_at < at("2026-03-11 16:05")
    assert positions.holders_of(station.session, "metrology", station.clock.now())[0][0] == zhangwei.row

    given = opens(chenzhiqiang, absence, "hand_back")
    assert [row["case_no"] for row in given["done"]] == [case.no]
    assert "办理（陈志强）" in given["done"][0]["what"]
    does(chenzhiqiang, absence, "hand_back", open=[], note="企业已通知取证。")
    assert opens(zhangwei, absence, "acknowledge")["note"] == "企业已通知取证。"
    does(zhangwei, absence, "acknowledge", acknowledged=True)
    assert ended(station, absence)
    assert absence.state(station.clock.now()) == absences.BACK
    assert history.verify(station.session) == []


def test_r1_3c_while_a_is_away_what_falls_due_is_in_bs_inbox_and_new_work_reaches_b(
    station, liting, zhangwei, chenzhiqiang, planned
):
    time_goes_on(station, "2026-03-09 09:00")
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    station.clock.move_to("2026-03-09 09:05")
    liting.answers(case, "2026-03-13")
    mine = [line for line in chenzhiqiang.inbox() if line.case_id == case.id]
    assert [(line.element, line.acting_for) for line in mine] == [("handle", zhangwei.row.key)]
    with pytest.raises(NotFound):
        station.engine.complete(mine[0].task_id, by=zhangwei.actor, data={})


def test_r1_3c_what_a_had_claimed_is_done_by_b_in_as_name(station, zhangwei, chenzhiqiang, case, planned):
    station.engine.claim(zhangwei.task(case, "handle").id, by=zhangwei.actor)
    time_goes_on(station, "2026-03-09 09:00")
    chenzhiqiang.handles(case)
    (done,) = station.session.scalars(
        select(TaskRow).where(TaskRow.element == "handle", TaskRow.status == "done")
    )
    assert (done.actor, done.on_behalf_of) == (chenzhiqiang.row.key, zhangwei.row.key)


# causes and times


def test_r1_3b_the_five_causes_by_the_hour(station, liting, wangfang):
    """李婷, 2026-02-13 afternoon, 培训: 王芳 acts."""
    station.clock.move_to("2026-02-12 09:00")
    absence = registers(liting, cause="培训", from_at="2026-02-13T12:00", to_at="2026-02-13T17:30")
    assert (absence.cause, absence.substitute) == ("培训", wangfang.row)
    held = [
        positions.holders_of(station.session, "intake_1", at(f"2026-02-13 {time}"))[0][0].name
        for time in ("11:59", "12:00", "17:29", "17:30")
    ]
    assert held == ["李婷", "王芳", "王芳", "李婷"]
    assert list(absences.CAUSES) == ["出差", "开会", "培训", "请假", "其他"]


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"cause": "其他"}, "cause_text"),
        ({"cause": "其他", "cause_text": "   "}, "cause_text"),
        ({"cause": "散步"}, "cause"),
        ({"to_at": None}, "to_at"),
        ({"kind": None}, "kind"),
    ],
)
def test_r1_3b_without_a_listed_cause_or_times_it_is_refused(zhangwei, changed, field):
    with pytest.raises(InvalidForm) as refused:
        registers(zhangwei, **changed)
    assert field in refused.value.errors


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"to_at": "2026-03-09T08:30"}, "to_at"),
        ({"from_at": "2026-03-02T08:30"}, "from_at"),
        ({"from_at": "2026-02-26T08:30", "to_at": "2026-02-27T08:30"}, "to_at"),
        ({"emergency_phone": None}, "emergency_phone"),
    ],
)
def test_r1_3b_a_planned_absence_is_registered_before_it_begins_with_a_phone(zhangwei, changed, field):
    with pytest.raises(Refused) as refused:
        registers(zhangwei, **changed)
    assert refused.value.field == field


def test_r1_3b_other_causes_are_said_in_words(zhangwei):
    assert registers(zhangwei, cause="其他", cause_text="献血").cause_text == "献血"


# never both away


def test_r1_3d_the_substitute_cannot_plan_to_be_away_on_the_same_days(zhangwei, chenzhiqiang, planned):
    with pytest.raises(Refused, match="陈志强在这段时间替张伟顶岗"):
        registers(chenzhiqiang, from_at="2026-03-10T08:30", to_at="2026-03-10T17:30")


def test_r1_3d_with_b_away_a_third_person_must_be_named(station, zhangwei, chenzhiqiang):
    registers(chenzhiqiang, substitute=number(station.person("liuyang")))
    with pytest.raises(Refused, match="请指定离岗期间的替补人员") as refused:
        registers(zhangwei)
    assert refused.value.field == "substitute"
    with pytest.raises(Refused, match="陈志强在这段时间也不在岗"):
        registers(zhangwei, substitute=number(chenzhiqiang))
    third = station.person("zhaomin")
    absence = registers(zhangwei, substitute=number(third))
    assert absence.substitute == third.row
    time_goes_on(station, "2026-03-09 09:00")
    assert positions.holders_of(station.session, "metrology", station.clock.now()) == [
        (third.row, zhangwei.row)
    ]


def test_r1_3d_nobody_is_away_twice_at_once(zhangwei, planned):
    with pytest.raises(Refused, match="张伟在这段时间已登记离岗"):
        registers(zhangwei, from_at="2026-03-11T08:30", to_at="2026-03-12T17:30")
    later = registers(zhangwei, from_at="2026-03-11T17:30", to_at="2026-03-12T17:30")
    assert later.id != planned.id


def test_r1_3d_deadlines_do_not_stop_for_an_absence(station, zhangwei, case, planned):
    from workflow.station import clocks

    before = clocks.of(station.session, case.key, "item").deadline_at
    time_goes_on(station, "2026-03-11 09:00")
    station.session.expire_all()
    clock = clocks.of(station.session, case.key, "item")
    assert (clock.deadline_at, clock.state) == (before, "running")


def test_r1_3d_a_sudden_absence_is_saved_at_once_and_the_work_reaches_b(
    station, zhangwei, chenzhiqiang, head, case
):
    absence = registers(
        head, absent=zhangwei, kind="sudden", cause="请假", from_at="2026-03-02T08:30",
        to_at="2026-03-03T17:30", emergency_phone=None,
    )  # fmt: skip
    assert open_steps(station, absence) == {"hand_over", "come_back"}
    assert any("您开始为张伟代岗" in text for text in chenzhiqiang.told())
    assert any("张伟突发离岗" in text and "代岗：陈志强" in text for text in head.told())
    assert chenzhiqiang.task(case, "handle")
    hands_over(chenzhiqiang, absence)
    assert open_steps(station, absence) == {"come_back"}, "who acts made the list up: nobody else accepts it"
    (paper,) = documents.of(station.session, absence.key)
    assert paper.data["sudden"] and paper.data["receiver"] == "陈志强"


def test_r1_3d_both_suddenly_away_goes_to_the_head_at_once_and_stands_red(
    station, zhangwei, chenzhiqiang, head, case
):
    sudden = {"kind": "sudden", "from_at": "2026-03-02T09:00", "to_at": "2026-03-02T17:30"}
    registers(head, absent=zhangwei, **sudden)
    assert positions.uncovered(station.session, station.clock.now()) == []
    registers(head, absent=chenzhiqiang, **sudden)
    red = positions.uncovered(station.session, station.clock.now())
    assert {one.name for one in red} == {"计量技术", "检测技术"}
    assert {one.acting for one in red} == {head.row}
    assert any("A角、B角都不在岗" in text and "周建国" in text for text in head.told())
    assert [line.acting_for for line in head.inbox() if line.case_id == case.id] == [zhangwei.row.key]


def test_r1_3d_unclaimed_work_returns_when_the_time_is_over(station, zhangwei, chenzhiqiang, case, planned):
    time_goes_on(station, "2026-03-11 17:29")
    assert chenzhiqiang.task(case, "handle")
    station.clock.move_to("2026-03-11 17:31")
    assert zhangwei.task(case, "handle")
    assert not [line for line in chenzhiqiang.inbox() if line.case_id == case.id]


# B confirms, or the head names somebody


def test_r1_3a_who_does_not_confirm_in_two_working_hours_is_replaced_by_the_head(
    station, zhangwei, chenzhiqiang, head, planned
):
    assert time_goes_on(station, "2026-03-02 10:59") == []
    assert time_goes_on(station, "2026-03-02 11:01") == ["unconfirmed"]
    assert open_steps(station, planned) == {"name_substitute"}
    third = station.person("liuyang")
    given = opens(head, planned, "name_substitute")
    assert (given["asked"], given["why"]) == ("陈志强", "逾时没有确认")
    does(head, planned, "name_substitute", substitute=number(third))
    assert planned.substitute == third.row
    assert any("被指定" in text for text in third.told())
    assert open_steps(station, planned) == {"hand_over"}
    hands_over(zhangwei, planned)
    does(third, planned, "take_over", accepted="yes")


def test_r1_3a_who_declines_says_why_and_the_head_decides(station, chenzhiqiang, head, planned):
    with pytest.raises(InvalidForm):
        does(chenzhiqiang, planned, "confirm", answer="decline")
    does(chenzhiqiang, planned, "confirm", answer="decline", reason="那几天要去现场检测。")
    assert opens(head, planned, "name_substitute")["why"] == "那几天要去现场检测。"


def test_r1_3a_the_absent_person_never_decides_who_stands_in(station, head, superior):
    deputy = station.person("sunlihua")
    absence = registers(head)
    assert absence.substitute == deputy.row
    time_goes_on(station, "2026-03-02 11:01")
    (asked,) = station.session.scalars(
        select(TaskRow).where(TaskRow.element == "name_substitute", TaskRow.status == OPEN)
    )
    assert (asked.candidate, asked.excluded) == ("superior", [head.row.key])
    with pytest.raises(NotFound):
        station.engine.complete(asked.id, by=head.actor, data={"substitute": number(deputy)})
    does(superior, absence, "name_substitute", substitute=number(deputy))


def test_r1_3a_the_superior_goes_by_the_heads_word(station, head, superior):
    absence = registers(superior, substitute=number(station.person("sunlihua")))
    time_goes_on(station, "2026-03-02 11:01")
    assert task(head, absence, "name_substitute").candidate == "head"


def test_r1_3a_nobody_confirms_for_oneself_while_acting_for_the_substitute(
    station, zhangwei, chenzhiqiang, head
):
    """陈志强 is away today and 张伟 acts for him: 张伟's own request is not his to confirm."""
    registers(head, absent=chenzhiqiang, kind="sudden", from_at="2026-03-02T09:00", to_at="2026-03-02T17:30")
    assert chenzhiqiang.row.key in zhangwei.actor.selves
    absence = registers(zhangwei)
    assert not [line for line in zhangwei.inbox() if line.absence_id == absence.id]
    assert [line.element for line in chenzhiqiang.inbox() if line.absence_id == absence.id] == ["confirm"]


def test_r1_3a_a_position_without_b_cannot_be_activated(station, zhangwei):
    desk = positions.create(station.session, code="lab", name="实验室", duties=["technician"])
    day = at("2026-03-02 09:00").date()
    positions.appoint(station.session, desk, a=zhangwei.row, b=[], on=day)
    with pytest.raises(Refused, match="未设置B角"):
        positions.activate(station.session, desk, on=day)
    positions.appoint(station.session, desk, a=zhangwei.row, b=[station.person("liuyang").row], on=day)
    positions.activate(station.session, desk, on=day)
    assert desk.active


# handing over


def test_what_is_not_clear_goes_back_and_comes_again(station, zhangwei, chenzhiqiang, case, planned):
    does(chenzhiqiang, planned, "confirm", answer="accept")
    hands_over(zhangwei, planned)
    with pytest.raises(InvalidForm):
        does(chenzhiqiang, planned, "take_over", accepted="no")
    does(chenzhiqiang, planned, "take_over", accepted="no", lacking="证书放在哪里？")
    given = opens(zhangwei, planned, "hand_over")
    assert given["lacking"] == "证书放在哪里？"
    assert given["work"][0]["note"] == "证书周三到，请通知企业。"
    assert given["keys"] == [{"name": "恒温间钥匙", "note": "一把"}]
    assert documents.of(station.session, planned.key) == []


def test_the_sheet_says_all_that_it_must(station, zhangwei, chenzhiqiang, case):
    absence = registers(zhangwei, handed_over="示例市计量所周三来电。")
    does(chenzhiqiang, absence, "confirm", answer="accept")
    hands_over(zhangwei, absence)
    does(chenzhiqiang, absence, "take_over", accepted="yes")
    (paper,) = documents.of(station.session, absence.key)
    text = "".join(
        page.extract_text() for page in PdfReader(io.BytesIO(documents.pdf(station.session, paper))).pages
    )
    said = "".join(text.split())
    for words in (
        "工作交接单", "JJ2026-00001", "张伟", "陈志强", "计量技术", "出差", "2026-03-0908:30",
        "2026-03-1117:30", case.no, "计量器具检定/校准代办", "证书周三到", "量块SB-012", "恒温间钥匙",
        "企业来电请先记下。",
        "示例市计量所周三来电。", "移交人签字", "接收人签字", "监督电话", "日期",
    ):  # fmt: skip
        assert words in said, words
    assert PHONE.replace("-", "") not in said and PHONE not in said


def test_the_sheet_names_cases_and_is_nothing_for_who_only_administers(
    station, zhangwei, chenzhiqiang, case, planned
):
    does(chenzhiqiang, planned, "confirm", answer="accept")
    hands_over(zhangwei, planned)
    does(chenzhiqiang, planned, "take_over", accepted="yes")

    def seen_by(login):
        found = select(Document.id).where(
            Document.owner == planned.key, visible(station.person(login).actor, Document)
        )
        return len(station.session.scalars(found).all())

    assert (seen_by("liting"), seen_by("admin")) == (1, 0)


def test_the_emergency_phone_is_sealed_and_nowhere_in_the_clear(station, zhangwei, planned):
    assert planned.emergency_phone == PHONE
    assert PHONE.encode() not in planned.emergency_phone_enc
    for kept in station.session.scalars(select(SubmissionRow.data)):
        assert PHONE not in str(kept)
    for row in station.session.scalars(select(InstanceRow)):
        assert PHONE.encode() not in row.state
        assert all(PHONE not in str(line.detail) for line in history.of(station.session, row.id))


def test_an_absence_begins_although_nothing_was_handed_over(station, zhangwei, chenzhiqiang, case, planned):
    does(chenzhiqiang, planned, "confirm", answer="accept")
    assert time_goes_on(station, "2026-03-09 08:31") == ["at_from"]
    assert open_steps(station, planned) == {"hand_over", "come_back"}
    assert chenzhiqiang.task(case, "handle")
    hands_over(chenzhiqiang, planned)  # B steps in, in A's name
    does(chenzhiqiang, planned, "take_over", accepted="yes")
    assert open_steps(station, planned) == {"come_back"}


def test_what_was_not_handed_over_when_a_is_back_is_over(station, zhangwei, planned):
    time_goes_on(station, "2026-03-09 09:00")
    assert open_steps(station, planned) == {"name_substitute", "come_back"}
    does(zhangwei, planned, "come_back", outcome="returned")
    assert open_steps(station, planned) == {"hand_back"}


# coming back


def test_an_absence_is_prolonged_and_its_reminders_move(station, zhangwei, chenzhiqiang, case, planned):
    time_goes_on(station, "2026-03-11 14:00")
    for wrong, field in (("2026-03-11T17:30", "new_to"), ("2026-03-10T09:00", "new_to")):
        with pytest.raises(Refused) as refused:
            does(chenzhiqiang, planned, "come_back", outcome="prolong", new_to=wrong, reason="会议延期")
        assert refused.value.field == field
        station.session.rollback()
    does(chenzhiqiang, planned, "come_back", outcome="prolong", new_to="2026-03-13T17:30", reason="会议延期")
    assert planned.to_at == at("2026-03-13 17:30")
    assert time_goes_on(station, "2026-03-12 09:00") == []
    assert chenzhiqiang.task(case, "handle")
    assert "near_end" in time_goes_on(station, "2026-03-13 13:46")
    assert "overdue" in time_goes_on(station, "2026-03-16 10:31")


def test_nobody_prolongs_into_days_on_which_he_stands_in_for_another(
    station, zhangwei, chenzhiqiang, planned
):
    registers(chenzhiqiang, from_at="2026-03-12T08:30", to_at="2026-03-12T17:30")
    time_goes_on(station, "2026-03-11 09:00")
    words = {"outcome": "prolong", "new_to": "2026-03-12T17:30", "reason": "会议延期"}
    with pytest.raises(Refused) as refused:
        does(zhangwei, planned, "come_back", **words)
    assert refused.value.field == "new_to", "he has promised to stand in for 陈志强 then"
    station.session.rollback()


def test_nobody_prolongs_into_the_substitutes_absence(station, zhangwei, chenzhiqiang, planned):
    third = station.person("liuyang")
    registers(chenzhiqiang, from_at="2026-03-12T08:30", to_at="2026-03-12T17:30", substitute=number(third))
    time_goes_on(station, "2026-03-11 09:00")
    words = {"outcome": "prolong", "new_to": "2026-03-12T17:30", "reason": "会议延期"}
    with pytest.raises(Refused, match="陈志强在这段时间也不在岗") as refused:
        does(zhangwei, planned, "come_back", **words)
    assert refused.value.field == "substitute"
    station.session.rollback()
    does(zhangwei, planned, "come_back", **words, substitute=number(station.person("zhaomin")))
    assert planned.substitute.name == "赵敏"


def test_who_says_nothing_two_working_hours_after_the_time_is_the_heads_business(
    station, zhangwei, head, planned
):
    assert time_goes_on(station, "2026-03-12 10:29")[-1] != "overdue"
    assert time_goes_on(station, "2026-03-12 10:31") == ["overdue"]
    assert "come_back" not in open_steps(station, planned)
    with pytest.raises(AssertionError):
        task(zhangwei, planned, "not_returned")
    given = opens(head, planned, "not_returned")
    assert (given["acting"], given["phone"]) == ("陈志强", "000*****5678"), "a look in the clear is logged"
    does(head, planned, "not_returned", outcome="prolong", new_to="2026-03-13T17:30", reason="航班取消")
    assert "come_back" in open_steps(station, planned)
    assert positions.is_away(station.session, zhangwei.row, station.clock.now())
    time_goes_on(station, "2026-03-16 10:31")
    does(head, planned, "not_returned", outcome="returned")
    assert planned.to_at == at("2026-03-13 17:30"), "the time that was registered stays"
    assert "hand_back" in open_steps(station, planned)


def test_the_head_who_does_not_come_back_is_the_superiors_business(station, head, superior):
    absence = registers(head)
    time_goes_on(station, "2026-03-12 10:31")
    assert task(superior, absence, "not_returned").excluded == [head.row.key]


def test_a_acknowledges_and_nobody_does_it_for_oneself(station, zhangwei, chenzhiqiang, head, planned):
    time_goes_on(station, "2026-03-10 09:00")
    does(zhangwei, planned, "come_back", outcome="returned")
    does(chenzhiqiang, planned, "hand_back", open=[])
    with pytest.raises(InvalidForm):
        does(zhangwei, planned, "acknowledge", acknowledged=False)
    registers(head, absent=zhangwei, kind="sudden", from_at="2026-03-10T09:00", to_at="2026-03-10T17:30")
    assert zhangwei.row.key in chenzhiqiang.actor.selves
    with pytest.raises(AssertionError):
        task(chenzhiqiang, planned, "acknowledge")
    does(zhangwei, planned, "acknowledge", acknowledged=True)


# withdrawing


def test_an_absence_may_be_withdrawn_before_it_begins(station, zhangwei, chenzhiqiang, planned):
    delegation.withdraw(station.session, station.engine, planned, by=zhangwei.actor)
    station.session.commit()
    assert ended(station, planned) and open_steps(station, planned) == set()
    assert planned.state(at("2026-03-09 09:00")) == absences.WITHDRAWN
    assert any("已撤销" in text for text in chenzhiqiang.told())
    assert time_goes_on(station, "2026-03-09 09:00") == []
    assert not positions.is_away(station.session, zhangwei.row, station.clock.now())
    assert registers(zhangwei, from_at="2026-03-10T08:30", to_at="2026-03-10T17:30")


def test_once_begun_it_is_not_withdrawn_but_ended(station, zhangwei, planned):
    time_goes_on(station, "2026-03-09 09:00")
    with pytest.raises(Refused, match="已经开始"):
        delegation.withdraw(station.session, station.engine, planned, by=zhangwei.actor)


def test_a_stranger_withdraws_nothing(station, liting, planned):
    from workflow.errors import NotAllowed

    with pytest.raises(NotAllowed):
        delegation.withdraw(station.session, station.engine, planned, by=liting.actor)


# who may register


def test_one_registers_oneself_and_the_head_anybody(zhangwei, liting, head):
    with pytest.raises(InvalidForm) as refused:
        registers(liting, absent=zhangwei)
    assert "who" in refused.value.errors
    assert registers(head, absent=zhangwei).person == zhangwei.row


def test_an_overdue_absence_is_prolonged_into_the_future_only(station, zhangwei, chenzhiqiang, planned):
    time_goes_on(station, "2026-03-12 10:00")
    with pytest.raises(Refused, match="应晚于现在"):
        does(zhangwei, planned, "come_back", outcome="prolong", new_to="2026-03-12T09:00", reason="会议延期")


def test_who_acted_hands_back_and_not_who_was_meant_to(station, zhangwei, chenzhiqiang, head, planned):
    does(chenzhiqiang, planned, "confirm", answer="accept")
    time_goes_on(station, "2026-03-10 09:00")
    away = {"kind": "sudden", "from_at": "2026-03-10T09:00", "to_at": "2026-03-13T17:30"}
    registers(head, absent=chenzhiqiang, **away, substitute=number(station.person("liuyang")))
    acting = positions.stand_ins(station.session, zhangwei.row, station.clock.now())
    assert acting and chenzhiqiang.row not in acting
    does(zhangwei, planned, "come_back", outcome="returned")
    assert task(station.person(acting[0].login), planned, "hand_back")


def test_about_the_head_the_superior_decides_also_while_a_deputy_acts(station, head, superior):
    absence = registers(head, kind="sudden", from_at="2026-03-02T09:00", to_at="2026-03-02T17:30")
    now = station.clock.now()
    assert [one.login for one, _ in positions.holders_of(station.session, "head", now)] == ["sunlihua"]
    assert delegation.decider(station.session, head.row, now) == "superior"
    time_goes_on(station, "2026-03-03 10:31")
    assert task(superior, absence, "not_returned")


def test_nobody_stands_in_for_oneself(station, zhangwei, planned):
    with pytest.raises(Refused, match="不能由本人替补本人"):
        absences.name_substitute(station.session, planned, zhangwei.row)


def test_the_phone_of_who_left_none_is_his_own_and_of_who_has_none_is_none(station, zhangwei, head):
    absence = registers(
        head, absent=zhangwei, kind="sudden", from_at="2026-03-02T09:00", to_at="2026-03-02T17:30",
        emergency_phone=None,
    )  # fmt: skip

    def look():
        return absences.reveal_phone(
            station.session, absence, by=head.actor, purpose="联系返岗", moment=station.clock.now()
        )

    assert look() == zhangwei.row.phone
    zhangwei.row.phone_enc = None
    with pytest.raises(Refused, match="没有留下紧急联系电话"):
        look()


def test_what_is_no_absence_or_is_not_run_by_a_diagram_is_said_to_be_so(station, head, zhangwei):
    with pytest.raises(NotFound):
        absences.by_key(station.session, "absence:999999")
    absence = absences.record(
        station.session,
        zhangwei.row,
        cause="出差",
        from_at=at("2026-03-09 08:30"),
        to_at=at("2026-03-09 17:30"),
        substitute=station.person("chenzhiqiang").row,
    )
    with pytest.raises(AlreadyDone, match="没有在运行的流程"):
        delegation.withdraw(station.session, station.engine, absence, by=head.actor)


def test_r1_3d_a_sudden_absence_names_nobody_and_a_free_colleague_is_offered_without_a_note(
    station, head, zhangwei, chenzhiqiang, planned
):
    absence = registers(
        head, absent=chenzhiqiang, kind="sudden", from_at="2026-03-02T09:00", to_at="2026-03-02T17:30"
    )
    assert absence.substitute is None
    form = station.engine.start_form("delegation", by=head.actor)
    offered = {str(one["label"]) for one in form.choices["substitutes"]}
    assert "刘洋 助理工程师" in offered
    assert "张伟（03-09 08:30 – 03-11 17:30不在岗）" in offered
