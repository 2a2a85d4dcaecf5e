"""P02 咨询: answered on a basis, in writing unless by phone; a colleague asked on the client's behalf."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import select

from tests.processes.conftest import Person, Station, at
from tests.processes.test_one_time_notice import words
from workflow.engine.history import HistoryRow
from workflow.engine.instances import InstanceRow
from workflow.engine.submissions import SubmissionRow
from workflow.engine.tasks import TaskRow
from workflow.errors import InvalidForm, NotFound, Refused
from workflow.station import access_log, answers, consultation_steps, consultations, documents, inbox
from workflow.station.consultations import Consultation
from workflow.station.persons import Person as Client

ASKED = {
    "channel": "visit",
    "topic": "送检时间",
    "question": "两台游标卡尺送检要多久？",
    "name": "王小明",
    "phone": "000-12345678",
    "difficulty": "at_once",
}
ANSWER = {
    "decision": "answer",
    "answer": "一般十个工作日，大型器具可以现场检定。",
    "basis": "服务事项目录(2026年版)",
    "told": "written",
    "contact": "visit",
    "outcome": "reached",
}
ORAL = {**ANSWER, "told": "oral", "contact": None}
ASK = {
    "decision": "ask",
    "adviser": "metrology",
    "difficulty": "simple",
    "to_adviser": "大型器具能不能现场检定？",
}
ADVICE = {"advice": "可以现场检定。", "advice_basis": "JJF 1001"}


def asked(clerk: Person, **changed: Any) -> Consultation:
    station = clerk.station
    form = {name: value for name, value in (ASKED | changed).items() if value is not None}
    instance = station.engine.start(consultation_steps.PROCESS, by=clerk.actor, data=form)
    station.session.commit()
    station.session.expire_all()
    return station.session.scalars(select(Consultation).where(Consultation.instance_id == instance)).one()


def task(who: Person, one: Consultation, element: str) -> TaskRow:
    found = inbox.of_matter(who.station.session, who.actor, who.station.clock.now(), one.key)
    mine = [line.task_id for line in found if line.element == element]
    assert mine, f"{who.row.login} has no task {element}"
    return who.station.session.get_one(TaskRow, mine[0])


def does(who: Person, one: Consultation, element: str, form: dict[str, Any], **changed: Any) -> None:
    given = {name: value for name, value in (form | changed).items() if value is not None}
    who.station.engine.complete(task(who, one, element).id, by=who.actor, data=given)
    who.station.session.commit()
    who.station.session.expire_all()


def papers(station: Station, one: Consultation) -> list[documents.Document]:
    return documents.of(station.session, one.key)


def ended(station: Station, one: Consultation) -> bool:
    return station.session.get_one(InstanceRow, one.instance_id).status == "ended"


def approves(head: Person, **changed: Any) -> answers.Answer:
    whole = {"topic": "检定多久", "words": "十个工作日。", "basis": "目录 JL01", **changed}
    return answers.approve(head.station.session, by=head.actor, moment=head.station.clock.now(), **whole)


# asked and answered on the spot


def test_r2_2_3_what_is_asked_at_the_counter_is_numbered_answered_and_kept_with_its_basis(station, liting):
    one = asked(liting)
    assert (one.no, one.state, one.first_contact_id) == ("ZX2026-00001", "open", liting.row.id)
    assert one.due_at == at("2026-03-02 11:00"), "at once: the table says within two working hours"
    does(liting, one, "answer", ANSWER)
    assert (one.state, one.answer, one.basis) == ("answered", ANSWER["answer"], ANSWER["basis"])
    assert (one.answered_by, one.answered_at, one.oral) == (liting.row.key, at("2026-03-02 09:00"), False)
    assert ended(station, one)


@pytest.mark.parametrize("lacking", ["answer", "basis", "told", "contact", "outcome"])
def test_r2_2_3_an_answer_without_words_or_basis_is_refused(station, liting, lacking):
    one = asked(liting)
    with pytest.raises(InvalidForm) as refused:
        does(liting, one, "answer", ANSWER, **{lacking: None})
    assert lacking in refused.value.errors
    station.session.rollback()
    assert one.state == "open" and not papers(station, one)


def test_r2_2_3_polite_words_stand_beside_the_answer(station, liting):
    form = station.engine.task_form(task(liting, asked(liting), "answer").id, by=liting.actor)
    assert any("文明用语" in part.get("text", "") for part in form.schema["components"])


@pytest.mark.parametrize("lacking", ["channel", "topic", "question", "name", "phone", "difficulty"])
def test_p02_a_question_says_who_asks_what(liting, lacking):
    with pytest.raises(InvalidForm):
        asked(liting, **{lacking: None})


def test_p02_whoever_asks_may_stay_nameless_or_leave_no_phone(station, liting):
    nameless = asked(liting, anonymous=True, name=None, phone=None)
    assert nameless.person is None and str(nameless.client) == "匿名"
    assert asked(liting, refused=True, phone=None).person.refused_phone


def test_p02_names_and_phones_stay_out_of_forms_variables_and_history(station, liting):
    one = asked(liting)
    form = station.engine.task_form(task(liting, one, "answer").id, by=liting.actor)
    assert form.values["client"] == "王小明 *******5678"
    does(liting, one, "answer", ANSWER)
    session = station.session
    rows = session.scalars(select(SubmissionRow.data)).all()
    told = session.scalars(select(HistoryRow.detail)).all()
    kept = json.dumps([*rows, *told], ensure_ascii=False)
    assert "王小明" not in kept and "12345678" not in kept
    assert "王小明".encode() not in session.get_one(InstanceRow, one.instance_id).state


# in writing, unless by phone


def test_r2_3_1a_a_question_about_an_item_is_answered_on_its_one_time_notice(station, liting):
    one = asked(liting, item="JL01")
    does(liting, one, "answer", ANSWER)
    [paper] = papers(station, one)
    assert (paper.kind, paper.no) == ("one_time_notice", "GZ2026-00001")
    said = words(station.session, paper)
    for part in ("王小明", "咨询编号Enquiryno.ZX2026-00001", ANSWER["answer"], "10个工作日", "共4项"):
        assert part in said, part
    assert (one.contacts[0].paper_no, one.contacts[0].content) == (paper.no, ANSWER["answer"])


@pytest.mark.parametrize(
    "said",
    [
        "咨询答复书",
        "DF2026-00001",
        "ZX2026-00001",
        "王小明",
        "送检时间",
        "2026年3月2日（星期一）09:00",
        "两台游标卡尺送检要多久？",
        "一般十个工作日，大型器具可以现场检定。",
        "服务事项目录(2026年版)",
        "答复人Answeredby李婷",
        "监督电话Complaints000-12345699",
        "申请人签收",
        "本答复书一式两份",
    ],
)
def test_r2_3_3_any_other_answer_is_a_numbered_letter(station, liting, said):
    one = asked(liting)
    does(liting, one, "answer", ANSWER)
    [paper] = papers(station, one)
    assert said in words(station.session, paper)


@pytest.mark.parametrize("lacking", sorted(documents.KINDS["consultation_answer"].mandatory))
def test_r2_3_3_a_letter_without_one_of_its_parts_is_refused(station, liting, lacking):
    one = asked(liting)
    does(liting, one, "answer", ANSWER)
    [paper] = papers(station, one)
    with pytest.raises(Refused, match=lacking):
        documents.issue(
            station.session,
            paper.kind,
            {**paper.data, lacking: ""},
            owner=one.key,
            actor=liting.row.key,
            on_behalf_of=None,
            moment=station.clock.now(),
            public_url="",
        )


@pytest.mark.parametrize("channel", ["visit", "web", "letter"])
def test_r2_3_3_who_did_not_call_is_not_answered_by_word_of_mouth(station, liting, channel):
    one = asked(liting, channel=channel)
    with pytest.raises(Refused) as refused:
        does(liting, one, "answer", ORAL)
    assert refused.value.field == "told"
    station.session.rollback()
    assert one.state == "open" and not one.contacts


def test_r2_3_3_a_caller_is_answered_on_the_phone_and_a_call_note_is_filed(station, liting):
    one = asked(liting, channel="phone", anonymous=True, name=None, phone=None)
    does(liting, one, "answer", ORAL)
    assert one.oral and one.state == "answered" and not papers(station, one)
    [note] = one.contacts
    assert (note.channel, note.outcome, note.content, note.actor) == (
        "phone",
        "reached",
        ANSWER["answer"],
        liting.row.key,
    )


def test_p02_whom_nobody_reached_is_not_answered_and_what_was_written_is_not_lost(station, liting):
    one = asked(liting, channel="phone", difficulty="simple")
    does(liting, one, "answer", ORAL, outcome="no_answer")
    assert (one.state, one.answered_at) == ("open", None) and not papers(station, one)
    form = station.engine.task_form(task(liting, one, "answer").id, by=liting.actor)
    assert (form.values["answer"], form.values["outcome"]) == (ANSWER["answer"], "reached")
    does(liting, one, "answer", ORAL)
    assert [note.outcome for note in one.contacts] == ["reached", "no_answer"]


# a limit, reminders


@pytest.mark.parametrize(
    ("difficulty", "due"), [("simple", "2026-03-03 17:30"), ("complex", "2026-03-05 17:30")]
)
def test_p02_what_is_not_answered_at_once_has_a_limit_from_the_table(liting, difficulty, due):
    one = asked(liting, difficulty=difficulty)
    assert one.due_at == task(liting, one, "answer").due_at == at(due)


def test_p02_a_late_answer_is_reminded_of_reported_once_and_never_given_by_itself(station, liting, head):
    one = asked(liting, difficulty="simple")
    station.clock.move_to("2026-03-03 17:00")
    assert station.fire_due() == ["answer_warn"]
    assert any("将于 2026-03-03 17:30 到答复期限" in text for text in liting.told())
    assert not any(one.no in text for text in head.told())
    station.clock.move_to("2026-03-04 08:30")
    assert station.fire_due() == ["answer_late"]
    assert all(any("已过答复期限" in text for text in who.told()) for who in (liting, head))
    assert one.late_at is not None and one.state == "open"
    does(liting, one, "answer", ANSWER, outcome="no_answer", contact="phone")
    station.fire_due()
    assert len([text for text in (*liting.told(), *head.told()) if one.no in text]) == 3, "each once"


def test_p02_what_the_head_does_not_answer_the_superior_hears(station, head, superior):
    one = asked(head)
    station.clock.move_to("2026-03-02 11:00")
    station.fire_due()
    assert any(one.no in text for text in superior.told())


def test_r1_3c_who_is_away_is_answered_for_by_whoever_acts(station, zhangwei, chenzhiqiang):
    one = asked(zhangwei, difficulty="complex")
    station.clock.move_to("2026-03-09 09:00")
    station.fire_due()
    does(chenzhiqiang, one, "answer", ANSWER)
    assert (one.answered_by, one.on_behalf_of) == (chenzhiqiang.row.key, zhangwei.row.key)
    assert "陈志强（代张伟）" in words(station.session, papers(station, one)[0])


# a colleague is asked


def test_r2_3_4a_a_colleague_is_asked_and_the_client_is_told_what_he_answered(station, liting, zhangwei):
    one = asked(liting, difficulty="simple", adviser="metrology")
    assert one.state == "advice"
    assert task(zhangwei, one, "advise").due_at == at("2026-03-02 17:30")
    does(zhangwei, one, "advise", ADVICE)
    assert one.state == "open" and any("代为咨询已有答复" in text for text in liting.told())
    form = station.engine.task_form(task(liting, one, "answer").id, by=liting.actor)
    assert (form.values["advice"], form.values["advice_basis"]) == ("可以现场检定。", "JJF 1001")
    does(liting, one, "answer", ANSWER)
    assert [note.actor for note in one.contacts] == [liting.row.key]


def test_r2_3_4a_who_finds_that_it_cannot_be_answered_asks_then_and_has_the_time_for_it(
    station, liting, zhangwei
):
    one = asked(liting)
    does(liting, one, "answer", ASK)
    assert one.due_at == at("2026-03-03 17:30")
    form = station.engine.task_form(task(zhangwei, one, "advise").id, by=zhangwei.actor)
    assert form.values["to_adviser"] == ASK["to_adviser"]
    does(zhangwei, one, "advise", ADVICE)
    does(liting, one, "answer", ASK, adviser="testing", difficulty="complex")
    assert one.due_at == at("2026-03-05 17:30") and one.state == "advice"


@pytest.mark.parametrize("lacking", ["adviser", "to_adviser"])
def test_r2_3_4a_asking_says_whom_and_what(liting, lacking):
    one = asked(liting)
    with pytest.raises(InvalidForm):
        does(liting, one, "answer", ASK, **{lacking: None})


@pytest.mark.parametrize("lacking", ["advice", "advice_basis"])
def test_r2_3_4a_advice_has_words_and_a_basis(zhangwei, liting, lacking):
    one = asked(liting, difficulty="simple", adviser="metrology")
    with pytest.raises(InvalidForm):
        does(zhangwei, one, "advise", ADVICE, **{lacking: None})


def test_r2_3_4a_advice_that_does_not_come_keeps_nobody_waiting(station, liting):
    one = asked(liting, difficulty="simple", adviser="metrology")
    station.clock.move_to("2026-03-02 17:30")
    assert "advise_missed" in station.fire_due()
    assert one.state == "open" and task(liting, one, "answer")
    station.clock.move_to("2026-03-03 08:30")
    assert any("未按时得到答复" in text for text in liting.told())
    does(liting, one, "answer", ANSWER)


def test_r2_3_4a_who_waits_for_a_colleague_is_late_all_the_same(station, liting, zhangwei, head):
    one = asked(liting, difficulty="simple")
    station.clock.move_to("2026-03-03 16:30")
    does(liting, one, "answer", ASK)
    station.clock.move_to("2026-03-04 08:30")
    assert "advise_late" in station.fire_due()
    assert one.late_at is not None and any("已过答复期限" in text for text in head.told())
    assert task(zhangwei, one, "advise")


# more than a question


def test_p02_a_question_becomes_a_case_and_both_keep_the_link(station, liting):
    one = asked(liting)
    does(liting, one, "answer", {"decision": "case"})
    assert one.state == "became_case" and one.case is not None and ended(station, one)
    assert (one.case.matter, one.case.channel) == (one.question, "visit")
    assert one.case.applicant_id == one.person_id and one.case.first_contact_id == liting.row.id
    assert consultations.of_case(station.session, liting.actor, one.case) is one
    [look] = station.session.scalars(select(access_log.AccessLog))
    assert look.purpose == "ZX2026-00001 转为办件"
    liting.classifies(one.case, "JL01")


def test_p02_who_was_nameless_gives_a_name_for_a_case(station, liting):
    one = asked(liting, anonymous=True, name=None, phone=None)
    with pytest.raises(InvalidForm) as refused:
        does(liting, one, "answer", {"decision": "case"})
    assert {"name", "phone"} <= set(refused.value.errors)
    station.session.rollback()
    does(liting, one, "answer", {"decision": "case", "name": "李四", "refused": True})
    assert one.case.applicant.name == "李四" and one.case.applicant.refused_phone
    assert station.session.scalar(select(Client.id).where(Client.name == "李四")) is not None


# seen


def test_p02_a_question_is_found_by_number_word_or_name_and_in_the_inbox(station, liting, wangfang):
    one = asked(liting, item="JL01")
    other = asked(liting, topic="设备共享")
    session, by = station.session, liting.actor
    for q in (one.no, "送检", "游标"):
        assert one in consultations.search(session, by, q)
    assert consultations.search(session, by, "送检时间") == [one]
    assert consultations.search(session, by, "王小明") == [other, one]
    assert consultations.search(session, by) == [other, one]
    [line] = liting.inbox(q=one.no)
    assert (line.case_no, line.title, line.client, line.matter.href) == (
        one.no,
        "送检时间",
        "王**",
        f"/consultations/{one.id}",
    )
    assert not wangfang.inbox(q=one.no), "whoever was asked first answers"
    does(liting, one, "answer", ANSWER)
    assert consultations.search(session, by) == [other]
    assert consultations.search(session, by, ended=True) == [one]


def test_p02_who_sees_no_cases_sees_no_questions(station, liting):
    one, admin = asked(liting), station.person("admin")
    with pytest.raises(NotFound):
        consultations.find(station.session, admin.actor, one.id)
    with pytest.raises(NotFound):
        consultations.by_key(station.session, "consultation:999")


# the library


def test_p02_an_approved_answer_is_offered_first_for_its_item_and_known_afterwards(station, liting, head):
    general = approves(head, topic="工作时间")
    one = asked(liting, item="JL01")
    own = approves(head, item=one.item)
    form = station.engine.task_form(task(liting, one, "answer").id, by=liting.actor)
    assert [choice["value"] for choice in form.choices["library_answers"]] == [str(own.id), str(general.id)]
    assert form.choices["library_answers"][0]["fills"] == {"answer": "十个工作日。", "basis": "目录 JL01"}
    does(liting, one, "answer", ANSWER, library=str(own.id))
    assert one.library_answer_id == own.id and one.answer == ANSWER["answer"], "offered, never forced"


def test_p02_an_answer_withdrawn_meanwhile_is_offered_no_more(station, liting, head):
    old, one = approves(head), asked(liting)
    answers.withdraw(station.session, old, by=head.actor, moment=station.clock.now())
    with pytest.raises(InvalidForm) as refused:
        does(liting, one, "answer", ANSWER, library=str(old.id))
    assert "library" in refused.value.errors
