"""一次性补正告知: everything told at once, free reminders, a second notice only with approval, never ended
silently (R2.3.2c, R2.3.2d, decision 29)."""

from __future__ import annotations

import re
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.processes.conftest import Person, at
from tests.processes.test_delegation import registers as goes_away
from tests.processes.test_follow_up_reminder import sets
from tests.processes.test_no_delay import asks
from workflow.engine import history
from workflow.engine.tasks import TaskRow
from workflow.errors import InvalidForm, Refused
from workflow.station import cases, clocks, deficiency_papers, documents, positions
from workflow.station.cases import Case
from workflow.station.outbox import Outbox

CLOCK = "deficiency"
MEND = "请补一份盖章的原件。"


def checks(
    who: Person, case: Case, *lacking: str, decision: str = "wait", asked: Person | None = None
) -> None:
    """Everything in order but what is named; ``asked``: whose task it is, where a leader steps in."""
    rows = [
        {"name": one.name, "state": "missing", "reason": MEND}
        if one.name in lacking
        else {"name": one.name, "state": "ok", "pages": 2, "copies": 1, "original": "original"}
        for one in case.materials
    ]
    submits(who, case, {"materials": rows, "decision": decision}, asked)


def submits(who: Person, case: Case, form: dict[str, Any], asked: Person | None = None) -> None:
    """The form of the check."""
    station = who.station
    task = (asked or who).task(case, "check_materials")
    station.engine.complete(task.id, by=who.actor, data=form)
    station.session.commit()
    station.session.expire_all()


def brings(who: Person, case: Case, delivery: str = "visit") -> None:
    who.does(case, "receive_materials", {"delivery": delivery, "brought": "补交了材料。"})


def said(station, case: Case) -> list[str]:
    rows = select(Outbox.text).where(Outbox.case_id == case.id, Outbox.subject == CLOCK).order_by(Outbox.id)
    return list(station.session.scalars(rows))


def notices_of(station, case: Case) -> list[documents.Document]:
    return deficiency_papers.of(station.session, case)


def clock_of(station, case: Case) -> clocks.Clock:
    clock = clocks.of(station.session, case.key, CLOCK)
    assert clock is not None
    return clock


def words(station, paper: documents.Document) -> str:
    pages = PdfReader(BytesIO(documents.pdf(station.session, paper))).pages
    return re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in pages))


@pytest.fixture
def case(liting: Person) -> Case:
    case = liting.registers()
    liting.classifies(case, "JL01")
    return case


@pytest.fixture
def names(case: Case) -> list[str]:
    return [material.name for material in case.materials]


@pytest.fixture
def noticed(liting: Person, case: Case, names: list[str]) -> Case:
    checks(liting, case, names[0], names[1])
    return case


@pytest.fixture
def run_out(station, noticed: Case) -> Case:
    station.clock.move_to("2026-03-16 17:31")
    assert "expired" in station.fire_due()
    return noticed


# --- the notice ------------------------------------------------------------------------------------------


def test_r2_3_2c_all_defects_are_told_at_once_in_writing_and_the_clients_time_starts(
    station, liting, noticed, names
):
    (notice,) = notices_of(station, noticed)
    assert notice.no == "BZ2026-00001" and noticed.state == cases.WAITING
    text = words(station, notice)
    for said_there in (
        *(re.sub(r"\s", "", name) for name in names[:2]),
        MEND,
        "2026年3月16日（星期一）17:30前",
        "10个工作日",
        noticed.item.phone,
        "监督电话",
        liting.row.name,
        "一式两份",
    ):
        assert said_there in text, said_there
    assert re.sub(r"\s", "", names[2]) not in text
    assert re.sub(r"\s", "", noticed.item.basis) in text
    (message,) = said(station, noticed)
    assert all(
        part in message for part in (*names[:2], "2026-03-16 17:30", "BZ2026-00001", noticed.item.phone)
    )
    assert clock_of(station, noticed).deadline_at == at("2026-03-16 17:30")
    assert liting.task(noticed, "receive_materials").due_at == at("2026-03-16 17:30")


def test_r2_3_2c_a_notice_without_a_defect_is_refused(station, liting, case):
    with pytest.raises(Refused, match="不能要求补正") as refused:
        checks(liting, case)
    assert refused.value.field == "decision"
    station.session.rollback()
    assert notices_of(station, case) == []


def test_r2_3_2c_the_client_is_reminded_at_half_and_two_working_days_before(station, noticed):
    station.clock.move_to("2026-03-09 17:31")
    assert "half" in station.fire_due() and len(said(station, noticed)) == 2
    station.clock.move_to("2026-03-12 17:31")
    assert "last" in station.fire_due()
    reminder = said(station, noticed)[-1]
    assert "提醒" in reminder and "BZ2026-00001" in reminder and "2026-03-16 17:30" in reminder
    assert len(said(station, noticed)) == 3 and len(notices_of(station, noticed)) == 1


def test_r2_3_2d_what_is_brought_goes_back_to_whoever_checked(station, liting, wangfang, noticed):
    assert all(line.case_id != noticed.id for line in wangfang.inbox())
    brings(liting, noticed)
    assert noticed.state == cases.CHECKING
    assert liting.task(noticed, "check_materials").candidate == liting.row.key
    assert all(line.case_id != noticed.id for line in wangfang.inbox())
    checks(liting, noticed, decision="accept")
    assert noticed.state == cases.HANDLING and noticed.no == "SL2026-00001"
    assert clock_of(station, noticed).state == "finished"
    assert clocks.of(station.session, noticed.key, "item").deadline_at == noticed.receipt_due_at


def test_r2_3_2d_who_acts_for_the_checker_takes_it_in_and_checks_it(station, liting, noticed):
    goes_away(liting, kind="sudden", cause="请假", from_at="2026-03-02T09:00", to_at="2026-03-03T17:30")
    ((deputy, absent),) = positions.holders_of(station.session, liting.row.key, station.clock.now())
    assert absent == liting.row
    acting = station.person(deputy.login)
    brings(acting, noticed)
    task = acting.task(noticed, "check_materials")
    checks(acting, noticed, decision="accept")
    done = station.session.get_one(TaskRow, task.id)
    assert (done.actor, done.on_behalf_of) == (deputy.key, liting.row.key)


def test_decision_29_bringing_a_part_gives_a_free_reminder_under_the_same_number(
    station, liting, noticed, names
):
    brings(liting, noticed)
    before = clock_of(station, noticed)
    checks(liting, noticed, names[0])
    assert [paper.no for paper in notices_of(station, noticed)] == ["BZ2026-00001"]
    assert names[0] in said(station, noticed)[-1] and names[1] not in said(station, noticed)[-1]
    assert clock_of(station, noticed) is before and before.deadline_at == at("2026-03-16 17:30")
    assert liting.task(noticed, "receive_materials").due_at == before.deadline_at
    station.clock.move_to("2026-03-09 17:31")
    station.fire_due()
    assert len(said(station, noticed)) == 3, "each reminder once"


def test_what_waits_to_be_told_by_phone_need_not_be_told_once_it_was_brought(station, liting, noticed):
    brings(liting, noticed)
    states = set(station.session.scalars(select(Outbox.state).where(Outbox.subject == CLOCK)))
    assert states == {"sent"}


# --- a second notice -------------------------------------------------------------------------------------


@pytest.fixture
def raised(liting: Person, noticed: Case, names: list[str]) -> Case:
    """The second check finds something that was in order at the first."""
    brings(liting, noticed)
    checks(liting, noticed, names[0], names[2])
    return noticed


def test_r2_3_2c_newly_raised_defects_need_the_heads_approval_and_are_counted(
    station, liting, head, raised, names
):
    assert len(notices_of(station, raised)) == 1 and len(said(station, raised)) == 1
    task = head.task(raised, "approve_more")
    assert task.due_at == at("2026-03-02 17:30")
    form = station.engine.task_form(task.id, by=head.actor)
    assert names[2] in form.values["raised"] and names[0] not in form.values["raised"]
    assert "BZ2026-00001" in form.values["earlier"] and form.values["asked_by"] == liting.row.name
    station.clock.move_to("2026-03-02 11:00")
    head.does(raised, "approve_more", {"approved": "yes"})
    _first, second = notices_of(station, raised)
    assert second.no == "BZ2026-00002" and "BZ2026-00001" in words(station, second)
    assert second.data["handler"] == liting.row.name and second.actor == head.row.key
    count = deficiency_papers.repeated
    assert count(station.session, at("2026-03-02 00:00"), at("2026-03-03 00:00")) == 1
    assert count(station.session, at("2026-03-02 00:00"), at("2026-03-02 11:00")) == 0
    assert liting.task(raised, "receive_materials")


def test_r2_3_2c_what_the_head_does_not_approve_goes_back_with_his_words(station, liting, head, raised):
    with pytest.raises(InvalidForm) as invalid:
        head.does(raised, "approve_more", {"approved": "no"})
    assert list(invalid.value.errors) == ["opinion"]
    station.session.rollback()
    head.does(raised, "approve_more", {"approved": "no", "opinion": "第一次已审合格，不得再要求。"})
    assert len(notices_of(station, raised)) == 1
    task = liting.task(raised, "check_materials")
    form = station.engine.task_form(task.id, by=liting.actor)
    assert form.values["head_words"] == "第一次已审合格，不得再要求。"
    checks(liting, raised, decision="accept")
    assert raised.state == cases.HANDLING


def test_r2_3_2c_whoever_checked_never_approves(station, liting, head, superior, names, case):
    checks(liting, case, names[0])
    brings(liting, case)
    checks(head, case, names[1], asked=liting)  # the head steps in: then the superior decides
    assert not [line for line in head.inbox() if line.element == "approve_more"]
    superior.does(case, "approve_more", {"approved": "yes"})
    assert len(notices_of(station, case)) == 2


def test_a_material_outside_the_list_that_the_head_approved_needs_no_second_approval(
    station, liting, head, noticed
):
    asks(station, liting, noticed)
    head.does(noticed, "decide", {"approved": "yes"})
    brings(liting, noticed)
    checks(liting, noticed, noticed.materials[-1].name)
    assert not [line for line in head.inbox() if line.element == "approve_more"]
    assert len(notices_of(station, noticed)) == 1 and noticed.materials[-1].name in said(station, noticed)[-1]


# --- the client's time is over ---------------------------------------------------------------------------


def test_r2_3_2c_a_case_whose_time_ran_out_is_ended_only_by_the_head_and_in_writing(
    station, liting, head, run_out
):
    assert run_out.state == cases.WAITING, "never silently"
    sets(liting, run_out, at="2026-03-20T10:00")
    task = head.task(run_out, "confirm_ending")
    form = station.engine.task_form(task.id, by=head.actor)
    assert form.values["notice_no"] == "BZ2026-00001" and form.values["due"] == "2026-03-16 17:30"
    head.does(run_out, "confirm_ending", {"ending": "end", "words": "两次电话提醒，仍未补交。"})
    assert run_out.state == cases.TERMINATED and run_out.ended and run_out.no == "SL2026-00001"
    assert "两次电话提醒" in (run_out.end_reason or "")
    paper = documents.of(station.session, run_out.key)[-1]
    assert paper.no == "ZZ2026-00001" and "重新申请" in words(station, paper)
    assert "重新申请" in said(station, run_out)[-1]
    assert not [line for line in liting.inbox() if line.case_id == run_out.id], "what ran beside it ended too"
    assert clock_of(station, run_out).state == "finished"
    station.clock.move_to("2026-04-20 10:00")
    station.fire_due()
    assert history.verify(station.session) == []


def test_r2_3_2c_more_time_is_granted_once(station, liting, head, run_out):
    head.does(run_out, "confirm_ending", {"ending": "more", "more_days": 3})
    assert clock_of(station, run_out).deadline_at == at("2026-03-19 17:30")
    assert "2026-03-19 17:30" in said(station, run_out)[-1]
    assert liting.task(run_out, "receive_materials").due_at == at("2026-03-19 17:30")
    station.clock.move_to("2026-03-19 17:31")
    assert "more_over" in station.fire_due()
    task = head.task(run_out, "confirm_ending")
    assert station.engine.task_form(task.id, by=head.actor).values["granted_before"] == "2026-03-16 17:31"
    with pytest.raises(Refused, match="宽限过一次"):
        head.does(run_out, "confirm_ending", {"ending": "more", "more_days": 3})
    station.session.rollback()
    head.does(run_out, "confirm_ending", {"ending": "end", "words": "宽限后仍未补交。"})
    assert run_out.state == cases.TERMINATED


def test_what_comes_late_but_before_the_decision_is_taken_and_the_question_is_gone(
    station, liting, head, run_out
):
    brings(liting, run_out)
    assert not [line for line in head.inbox() if line.element == "confirm_ending"]
    checks(liting, run_out, decision="accept")
    assert run_out.state == cases.HANDLING


def test_a_case_that_waits_to_be_mended_can_be_withdrawn(station, liting, noticed):
    from workflow.station import ending

    ending.withdraw(
        station.engine,
        noticed,
        reason="不办了。",
        confirmed="phone",
        by=liting.actor,
        moment=station.clock.now(),
    )
    station.session.commit()
    assert noticed.state == cases.WITHDRAWN and clock_of(station, noticed).state == "finished"
