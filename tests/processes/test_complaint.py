"""投诉处理 (P07, R4): from the first word to the answer, by nobody whom it concerns."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.processes.conftest import Person, Station, at
from workflow.engine.instances import InstanceRow
from workflow.errors import InvalidForm, NotFound, Refused
from workflow.station import clocks, complaint_outcome, complaint_progress, complaints, documents
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.complaints import Complaint

DEMANDS = [{"demand": "当面道歉", "about": "service"}, {"demand": "尽快办好", "about": "process"}]
SAID = {"channel": "phone", "outcome": "reached", "content": "已说明。"}


def registers(who: Person, *, about: list[Person] | None = None, **changed: Any) -> Complaint:
    form = {
        "channel": "visit",
        "kind": "service",
        "name": "王小明",
        "phone": "000-12345678",
        "targets": [str(one.row.id) for one in about or []],
        "matter": "上午来办事，窗口人员态度生硬。",
        "demands": DEMANDS,
        **changed,
    }
    station = who.station
    given = {key: value for key, value in form.items() if value is not None}
    instance = station.engine.start("complaint", by=who.actor, data=given)
    station.session.commit()
    station.session.expire_all()
    found = select(Complaint).where(Complaint.instance_id == instance)
    return station.session.scalars(found).one()


def steps(who: Person, complaint: Complaint) -> dict[str, int]:
    """Step -> task, of those in this person's inbox."""
    return {one.element: one.task_id for one in who.inbox() if one.case_no == complaint.no}


def does(who: Person, complaint: Complaint, element: str, **data: Any) -> None:
    station = who.station
    station.engine.complete(steps(who, complaint)[element], by=who.actor, data=data)
    station.session.commit()
    station.session.expire_all()


def assesses(who: Person, complaint: Complaint, **changed: Any) -> None:
    form = {"verdict": "accept", "severity": "normal", "complexity": "simple", **changed}
    does(who, complaint, "assess", **form)


def tells(who: Person, complaint: Complaint, element: str = "tell_accepted", **changed: Any) -> None:
    now = f"{who.station.clock.now().astimezone(at('2026-03-02').tzinfo):%Y-%m-%dT%H:%M}"
    does(who, complaint, element, **{**SAID, "at": now, **changed})


def assigns(who: Person, complaint: Complaint, to: Person) -> None:
    does(who, complaint, "assign", handler=to.row.key)


def investigates(who: Person, complaint: Complaint, **changed: Any) -> None:
    station = who.station
    form = station.engine.task_form(steps(who, complaint)["investigate"], by=who.actor)
    assert form is not None
    said = [{**row, "how": "talk", "words": "当时窗口排队，说话急了。"} for row in form.values["statements"]]
    data = {
        "complainant_statement": "说话不耐烦，还催我快点。",
        "statements": said,
        "evidence": "窗口录像。",
        "facts": "录像显示言语生硬。",
        **changed,
    }
    does(who, complaint, "investigate", **data)


def proposes(who: Person, complaint: Complaint, **changed: Any) -> None:
    answers = [{"answer": "已当面致歉。", "remedy": "apologise"}, {"answer": "已办好。", "remedy": "redo"}]
    data = {
        "answers": answers,
        "finding": "投诉属实。",
        "responsible": complaints.NOBODY,
        "cause": "attitude",
        **changed,
    }
    does(who, complaint, "propose", **data)


def feeds_back(who: Person, complaint: Complaint, **changed: Any) -> None:
    tells(who, complaint, "feed_back", **{"satisfied": "yes", "content": "接受道歉。", **changed})


@pytest.fixture
def sunlihua(station: Station) -> Person:
    """投诉处理, A; B of head and superior."""
    return station.person("sunlihua")


@pytest.fixture
def zhaomin(station: Station) -> Person:
    return station.person("zhaomin")


@pytest.fixture
def complaint(wangfang: Person, liting: Person) -> Complaint:
    """王芳 takes down what somebody says of 李婷."""
    return registers(wangfang, about=[liting])


def accepted(station: Station, complaint: Complaint, **changed: Any) -> None:
    sunlihua = station.person("sunlihua")
    assesses(sunlihua, complaint, **changed)
    tells(sunlihua, complaint)


def decided(station: Station, complaint: Complaint, **proposal: Any) -> None:
    sunlihua, head = station.person("sunlihua"), station.person("zhoujianguo")
    accepted(station, complaint)
    assigns(head, complaint, sunlihua)
    investigates(sunlihua, complaint)
    proposes(sunlihua, complaint, **proposal)
    does(head, complaint, "decide", approval="yes")


def papers(station: Station, complaint: Complaint) -> list[str]:
    return [one.kind for one in documents.of(station.session, complaint.key)]


def handled(clerk: Person) -> Any:
    """A case at its technician's desk."""
    case = clerk.registers()
    clerk.classifies(case, "JL01")
    clerk.accepts(case)
    clerk.answers(case, "2026-03-13")
    return case


def accepted_by_whoever(station: Station, complaint: Complaint) -> None:
    """By whoever is asked to assess it."""
    for one in everybody(station):
        if "assess" in steps(one, complaint):
            assesses(one, complaint)
            break
    for one in everybody(station):
        if "tell_accepted" in steps(one, complaint):
            tells(one, complaint)
            return
    raise AssertionError("nobody can tell that it was accepted")


STAFF = (
    *("zhoujianguo", "sunlihua", "liting", "wangfang", "zhangwei", "chenzhiqiang", "liuyang", "zhaomin"),
    *("wumin", "admin"),
)


def everybody(station: Station) -> list[Person]:
    return [station.person(login) for login in STAFF]


# --- the ordinary case -----------------------------------------------------------------------------------


def test_r4_4a_a_complaint_goes_through_every_phase_until_the_complainant_is_content(
    station, wangfang, liting, sunlihua, head, complaint
):
    assert (complaint.no, complaint.state) == ("TS2026-00001", complaints.REGISTERED)
    assesses(sunlihua, complaint)
    assert complaint.state == complaints.ACCEPTED
    tells(sunlihua, complaint)
    assigns(head, complaint, sunlihua)
    investigates(sunlihua, complaint)
    proposes(sunlihua, complaint, responsible=liting.row.key)
    does(head, complaint, "decide", approval="yes")
    assert (complaint.decided_by, complaint.responsible) == (head.row.key, liting.row.key)
    feeds_back(sunlihua, complaint)
    assert (complaint.state, complaint.satisfied) == (complaints.CLOSED, "yes")
    running = select(InstanceRow.status).where(InstanceRow.business_key == complaint.key)
    assert set(station.session.scalars(running)) == {"ended"}
    assert papers(station, complaint) == ["complaint_receipt", "complaint_acceptance", "complaint_result"]


def test_r4_3a2_the_receipt_exists_at_once_and_the_notice_with_the_acceptance(station, sunlihua, complaint):
    assert papers(station, complaint) == ["complaint_receipt"]
    assesses(sunlihua, complaint)
    assert papers(station, complaint) == ["complaint_receipt", "complaint_acceptance"]


def test_r4_4a_a_complaint_that_is_sent_back_comes_to_its_handler_with_the_reason(
    station, sunlihua, head, complaint
):
    accepted(station, complaint)
    assigns(head, complaint, sunlihua)
    investigates(sunlihua, complaint)
    proposes(sunlihua, complaint)
    does(head, complaint, "decide", approval="no", opinion="答复太笼统。")
    form = station.engine.task_form(steps(sunlihua, complaint)["propose"], by=sunlihua.actor)
    assert form is not None and form.values["opinion"] == "答复太笼统。"
    assert [row["answer"] for row in form.values["answers"]] == ["已当面致歉。", "已办好。"]
    assert complaint.decided_at is None and "complaint_result" not in papers(station, complaint)


def said(station: Station, complaint: Complaint, kind: str) -> str:
    """The text of its last paper of this kind, without spaces."""
    paper = [one for one in documents.of(station.session, complaint.key) if one.kind == kind][-1]
    pages = PdfReader(io.BytesIO(documents.pdf(station.session, paper))).pages
    return re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in pages))


def test_r4_3a2_the_papers_say_all_that_a_complainant_must_know(station, complaint):
    decided(station, complaint)
    always = ("TS2026-00001", "王小明", "服务投诉", "上午来办事，窗口人员态度生硬。", "监督电话")
    must = {
        "complaint_receipt": ("TD2026-00001", complaint.code, "当面道歉", "尽快办好", "2026年3月2日"),
        "complaint_acceptance": (
            "TG2026-00001",
            "2026年3月9日（星期一）17:30",
            "每3个工作日",
            "复核",
            complaint.code,
        ),
        "complaint_result": (
            "TC2026-00001",
            "投诉属实。",
            "已当面致歉。",
            "已办好。",
            "周建国",
            "孙丽华",
            "12345",
        ),
    }
    for kind, words in must.items():
        text = said(station, complaint, kind)
        assert [one for one in (*always, *words) if one not in text] == [], kind
        assert "李婷" not in text, "a paper names nobody who is complained of"


# --- registering -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("lacking", ["name", "phone", "matter", "demands", "kind", "channel"])
def test_r2_2_5_without_name_or_phone_it_is_refused_unless_anonymous(station, wangfang, liting, lacking):
    with pytest.raises((InvalidForm, Refused)):
        registers(wangfang, about=[liting], **{lacking: None})


def test_r2_2_5_an_anonymous_complaint_is_taken_with_a_code_to_ask_by(station, wangfang, liting):
    complaint = registers(wangfang, about=[liting], anonymous=True, name=None, phone=None)
    assert complaint.anonymous and complaints.complainant(complaint).phone == ""
    assert complaints.track(station.session, complaint.no, complaint.code).id == complaint.id


def test_r2_2_5_who_complains_is_sealed_and_stands_in_no_list_of_clients(station, complaint):
    from workflow.engine.submissions import SubmissionRow
    from workflow.station.persons import Person as Client

    assert complaint.complainant_enc is not None and "王小明".encode() not in complaint.complainant_enc
    assert complaints.complainant(complaint) == complaints.Complainant("王小明", "00012345678")
    assert station.session.scalars(select(Client).where(Client.name == "王小明")).first() is None
    kept = [str(row.data) for row in station.session.scalars(select(SubmissionRow))]
    assert kept and not any("王小明" in one or "12345678" in one for one in kept)


def test_r2_2_5_a_report_shows_who_made_it_only_to_its_handler_and_to_who_decides(
    station, wangfang, sunlihua, head, zhaomin, zhangwei
):
    complaint = registers(wangfang, about=[zhangwei], kind="report")
    assert str(complaints.shown_complainant(complaint, wangfang.actor)) == "已保密"
    assert "王小明" in str(complaints.shown_complainant(complaint, head.actor))
    assesses(sunlihua, complaint)
    assigns(head, complaint, zhaomin)
    assert "王小明" in str(complaints.shown_complainant(complaint, zhaomin.actor))
    with pytest.raises(NotFound):
        complaints.reveal(
            station.session, wangfang.actor, complaint, purpose="核对", moment=station.clock.now()
        )
    found = complaints.reveal(
        station.session, zhaomin.actor, complaint, purpose="核对", moment=station.clock.now()
    )
    assert found == "00012345678"


@pytest.mark.parametrize("channel", list(complaints.CHANNELS))
def test_r4_1_a_complaint_is_taken_over_every_channel(wangfang, liting, channel):
    assert registers(wangfang, about=[liting], channel=channel).channel == channel


def test_r4_1_a_case_that_does_not_exist_is_refused_with_words(wangfang, liting):
    with pytest.raises(Refused) as refused:
        registers(wangfang, about=[liting], case_no="SL2026-99999")
    assert refused.value.field == "case_no"


def test_r4_3b_the_code_shows_how_it_stands_and_a_wrong_one_shows_nothing(station, sunlihua, complaint):
    session = station.session
    assert complaints.track(session, complaint.no, complaint.code).state == complaints.REGISTERED
    assesses(sunlihua, complaint)
    found = complaints.track(session, complaint.no, complaint.code)
    assert found.state == complaints.ACCEPTED
    assert complaint_progress.next_due(session, found.key) == at("2026-03-05 17:30")
    tells(sunlihua, complaint)
    assert complaint_progress.last_told(session, found.key) == station.clock.now().replace(
        second=0, microsecond=0
    )
    for no, code in ((complaint.no, "AAAAAAAA"), ("TS2026-00002", complaint.code)):
        with pytest.raises(NotFound):
            complaints.track(session, no, code)


# --- telling ---------------------------------------------------------------------------------------------


def test_r4_3a_two_hours_after_acceptance_without_contact_the_head_is_alerted(
    station, sunlihua, head, complaint
):
    assesses(sunlihua, complaint)
    tells(sunlihua, complaint, outcome="no_answer")
    station.clock.move_to("2026-03-02 11:00")
    assert "accepted_untold" in station.fire_due()
    assert any("受理后至今未告知" in text for text in head.told())


def test_r4_3a_whoever_was_told_at_once_needs_no_alert(station, sunlihua, head, complaint):
    accepted(station, complaint)
    station.clock.move_to("2026-03-02 11:30")
    assert "accepted_untold" not in station.fire_due()
    assert "tell_accepted" not in steps(sunlihua, complaint)


def test_r4_4c_a_result_that_is_not_told_within_a_working_day_alerts_the_head(
    station, sunlihua, head, complaint
):
    decided(station, complaint)
    station.clock.move_to("2026-03-03 17:30")
    assert "untold" in station.fire_due()
    station.clock.move_to("2026-03-04 08:30")
    assert any("至今未反馈投诉人" in text for text in head.told()), "reminders come in working hours"
    feeds_back(sunlihua, complaint, outcome="no_answer", satisfied=None)
    assert complaint.told_at is None and "feed_back" in steps(sunlihua, complaint)
    feeds_back(sunlihua, complaint)
    assert complaint.state == complaints.CLOSED


# --- both sides, every demand ---------------------------------------------------------------------------


def test_r4_2_both_sides_are_heard(station, sunlihua, head, complaint):
    accepted(station, complaint)
    assigns(head, complaint, sunlihua)
    for lacking in ({"complainant_statement": ""}, {"statements": []}):
        with pytest.raises((InvalidForm, Refused)):
            investigates(sunlihua, complaint, **lacking)
        station.session.rollback()
    investigates(sunlihua, complaint)
    assert [one.side for one in complaint.statements] == ["complainant", "other"]


def test_r4_4b_it_names_who_is_responsible_or_says_nobody(station, sunlihua, head, zhangwei, complaint):
    accepted(station, complaint)
    assigns(head, complaint, sunlihua)
    investigates(sunlihua, complaint)
    with pytest.raises(InvalidForm):
        proposes(sunlihua, complaint, responsible="")
    station.session.rollback()
    with pytest.raises(Refused) as refused:
        proposes(sunlihua, complaint, responsible=zhangwei.row.key)
    assert refused.value.field == "responsible", "张伟 was not heard"
    station.session.rollback()
    proposes(sunlihua, complaint, responsible=complaints.NOBODY)
    assert complaint.responsible == complaints.NOBODY


def test_r4_4c2_three_demands_with_two_answers_are_refused(station, wangfang, liting, sunlihua, head):
    three = [*DEMANDS, {"demand": "退还费用", "about": "product"}]
    complaint = registers(wangfang, about=[liting], demands=three)
    accepted(station, complaint)
    assigns(head, complaint, sunlihua)
    investigates(sunlihua, complaint)
    answer = {"answer": "已办。", "remedy": "explain"}
    for answers in ([answer, answer], [answer, answer, {"answer": "", "remedy": "none"}]):
        with pytest.raises((InvalidForm, Refused)):
            proposes(sunlihua, complaint, answers=answers)
        station.session.rollback()
    proposes(sunlihua, complaint, answers=[answer, answer, answer])
    assert [one.answer for one in complaint.demands] == ["已办。"] * 3


# --- review, disputes, improvement -----------------------------------------------------------------------


def test_r4_4a_who_is_not_content_gets_a_review_by_somebody_else(station, sunlihua, zhaomin, head, complaint):
    decided(station, complaint)
    feeds_back(sunlihua, complaint, satisfied="no", content="不接受。")
    assert complaint.state == complaints.ANSWERED
    station.clock.move_to("2026-03-10 10:00")
    station.fire_due()
    complaint_outcome.appeal(
        station.engine, complaint, reason="没有说清楚。", by=sunlihua.actor, moment=station.clock.now()
    )
    station.session.commit()
    station.session.expire_all()
    with pytest.raises((Refused, InvalidForm)):
        assigns(head, complaint, sunlihua)
    station.session.rollback()
    assigns(head, complaint, zhaomin)
    clock = clocks.of(station.session, complaint.key, ITEM_CLOCK)
    assert clock is not None and (clock.state, clock.deadline_at) == ("running", at("2026-03-17 17:30"))
    investigates(zhaomin, complaint)
    proposes(zhaomin, complaint)
    does(head, complaint, "decide", approval="yes")
    feeds_back(zhaomin, complaint)
    assert (complaint.state, complaint.round) == (complaints.CLOSED, 2)


def test_r4_4a_a_review_can_be_asked_for_at_once(station, sunlihua, head, complaint):
    decided(station, complaint)
    feeds_back(sunlihua, complaint, satisfied="no", wants_review=True, review_reason="不接受。")
    assert complaint.round == 2 and "assign" in steps(head, complaint)


def test_r4_4a_after_fifteen_working_days_it_is_closed_and_no_review_is_opened(station, sunlihua, complaint):
    decided(station, complaint)
    feeds_back(sunlihua, complaint, satisfied="silent")
    station.clock.move_to("2026-03-23 17:30")
    assert "appeal_over" in station.fire_due()
    assert complaint.state == complaints.CLOSED
    with pytest.raises(complaint_outcome.AlreadyDone):
        complaint_outcome.appeal(
            station.engine, complaint, reason="还是不满意。", by=sunlihua.actor, moment=station.clock.now()
        )


def test_r4_4a_a_review_says_why(station, sunlihua, complaint):
    decided(station, complaint)
    feeds_back(sunlihua, complaint, satisfied="no")
    with pytest.raises(Refused):
        complaint_outcome.appeal(
            station.engine, complaint, reason=" ", by=sunlihua.actor, moment=station.clock.now()
        )


def test_r4_1b_an_agreement_is_filed_and_its_day_is_watched(station, wangfang, liting, sunlihua, head):
    complaint = registers(wangfang, about=[liting], kind="dispute")
    accepted(station, complaint)
    assigns(head, complaint, sunlihua)
    investigates(sunlihua, complaint)
    agreed = {"outcome": "agreed", "agreement": "重新出具报告。", "signed": True}
    with pytest.raises(Refused) as refused:
        does(sunlihua, complaint, "mediate", **agreed, fulfil_on="2026-03-01")
    assert refused.value.field == "fulfil_on"
    station.session.rollback()
    does(sunlihua, complaint, "mediate", **agreed, fulfil_on="2026-03-14")
    assert complaint.state == complaints.CLOSED and "mediation_agreement" in papers(station, complaint)
    station.clock.move_to("2026-03-16 17:29")
    station.fire_due()
    assert "check_fulfilled" not in steps(sunlihua, complaint), "the 14th is a Saturday"
    station.clock.move_to("2026-03-16 17:30")
    station.fire_due()
    does(sunlihua, complaint, "check_fulfilled", fulfilled="no", words="对方未履行，已告知仲裁途径。")
    assert complaint.fulfilled == "no"
    station.clock.move_to("2026-03-17 08:30")
    assert any("调解协议未履行" in text for text in head.told())


def test_r4_1b_without_an_agreement_other_ways_are_told_and_it_is_answered(
    station, wangfang, liting, sunlihua, head
):
    complaint = registers(wangfang, about=[liting], kind="dispute")
    accepted(station, complaint)
    assigns(head, complaint, sunlihua)
    investigates(sunlihua, complaint)
    with pytest.raises(InvalidForm):
        does(sunlihua, complaint, "mediate", outcome="failed")
    station.session.rollback()
    does(sunlihua, complaint, "mediate", outcome="failed", remedies="可申请仲裁或者起诉。")
    assert complaint.words == "可申请仲裁或者起诉。" and "propose" in steps(sunlihua, complaint)


def test_r4_an_improvement_is_carried_out_and_its_effect_looked_at(
    station, sunlihua, head, zhangwei, complaint
):
    decided(
        station,
        complaint,
        needs_improvement=True,
        improvement="窗口增设等候提示。",
        improver=zhangwei.row.key,
    )
    feeds_back(sunlihua, complaint)
    assert complaint.state == complaints.CLOSED
    does(zhangwei, complaint, "improve", done="已装电子屏。")
    does(head, complaint, "check_effect", effective="no", words="提示太小。")
    does(zhangwei, complaint, "improve", done="换成大屏。")
    does(head, complaint, "check_effect", effective="yes", words="有效。")
    assert (complaint.improved, complaint.effective) == ("换成大屏。", "yes")


def test_r4_who_is_complained_of_does_not_carry_out_the_improvement(station, liting, complaint):
    with pytest.raises(InvalidForm):
        decided(station, complaint, needs_improvement=True, improvement="学习礼仪。", improver=liting.row.key)


@pytest.mark.parametrize(
    "words",
    [
        {
            "verdict": "refer",
            "refer_to": "示例市市场监管局",
            "refer_phone": "000-12315",
            "words": "属于违法线索，已电话告知。",
        },
        {"verdict": "settle", "words": "当场致歉，对方认可。"},
    ],
)
def test_r4_4a_it_is_passed_on_or_settled_on_the_spot_with_the_record_of_how(
    station, sunlihua, complaint, words
):
    with pytest.raises(InvalidForm):
        does(sunlihua, complaint, "assess", **{**words, "words": ""})
    station.session.rollback()
    does(sunlihua, complaint, "assess", **words)
    assert complaint.ended and complaint.words == words["words"]
    assert (complaint.referred_to or "").startswith(words.get("refer_to", ""))


def test_p07_a_complaint_that_nobody_assesses_is_reported_to_the_head(station, head, complaint):
    station.clock.move_to("2026-03-03 17:30")
    assert "assess_waits" in station.fire_due()
    station.clock.move_to("2026-03-04 08:30")
    assert any("至今未评审" in text for text in head.told())
