"""P06: more time only before the deadline, decided above the handler, told to the client (R2.4.3)."""

from __future__ import annotations

import io
import re

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.processes.conftest import at
from workflow.engine import history
from workflow.engine.forms import InvalidForm
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.station import clocks, contacts, documents, extensions, owners
from workflow.station.deadline_words import stamp
from workflow.station.outbox import Outbox

ASK = {
    "reason": "outside",
    "days": 3,
    "explanation": "计量所排期延后一周。",
    "work_done": "样品已送检，已催两次。",
}
TOLD = {"channel": "phone", "outcome": "reached", "content": "本人接听，已同意。"}


@pytest.fixture
def handled(liting):
    """JL01, accepted 2026-03-02 09:00, ten working days (until 03-16), in the technician's hands."""
    case = liting.registers()
    liting.classifies(case, "JL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-13")
    return case


def asks(person, case, **changed):
    instance = owners.begin_beside(
        person.station.engine, "extension_approval", case, by=person.actor, data={**ASK, **changed}
    )
    person.station.session.commit()
    person.station.session.expire_all()
    return instance


def deadline(station, case):
    return stamp(clocks.of(station.session, case.key, "item").deadline_at)


def request_of(station, case):
    return extensions.of(station.session, case)[-1]


def words_of(station, case, kind):
    (paper,) = [one for one in documents.of(station.session, case.key) if one.kind == kind]
    pages = PdfReader(io.BytesIO(documents.pdf(station.session, paper))).pages
    return re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in pages))


def open_steps(station, case):
    found = select(TaskRow.element).join(TaskRow.__table__.metadata.tables["instance"])
    rows = station.session.scalars(
        found.where(
            TaskRow.status == OPEN, TaskRow.__table__.metadata.tables["instance"].c.business_key == case.key
        )
    )
    return sorted(rows)


def test_r2_4_3b_the_head_decides_and_the_date_moves_with_all_that_hangs_on_it(
    station, zhangwei, head, handled
):
    before = {
        t.rung: t.due_at for t in station.session.scalars(select(TimerRow).where(TimerRow.rung.is_not(None)))
    }
    asks(zhangwei, handled)
    assert any("申请延期 3 个工作日" in text for text in head.told())
    head.does(handled, "approve", {"decision": "grant"})
    assert deadline(station, handled) == "2026-03-19 17:30"
    after = {
        t.rung: t.due_at for t in station.session.scalars(select(TimerRow).where(TimerRow.rung.is_not(None)))
    }
    assert after["late"] == at("2026-03-19 17:30") and after["superior"] == at("2026-03-20 17:30")
    assert all(after[rung] > before[rung] for rung in before)
    assert zhangwei.task(handled, "handle").due_at == at("2026-03-19 17:30")
    line = clocks.of(station.session, handled.key, "item").events[-1]
    notice = station.session.get(documents.Document, line.document_id)
    assert (line.kind, line.days, line.actor, notice.kind) == ("extend", 3, head.row.key, "extension_notice")
    assert history.verify(station.session) == []


def test_r2_4_3b_the_heads_own_request_goes_to_the_superior(station, head, superior, handled):
    task = station.person("zhangwei").task(handled, "handle")
    station.engine.reassign(task.id, by=station.person("zhangwei").actor, to=head.actor)
    asks(head, handled)
    assert request_of(station, handled).position == "superior"
    approval = superior.task(handled, "approve")
    for barred in (head, station.person("sunlihua")):
        with pytest.raises(NotFound):
            station.engine.complete(approval.id, by=barred.actor, data={"decision": "grant"})
    superior.does(handled, "approve", {"decision": "grant"})
    assert deadline(station, handled) == "2026-03-19 17:30"


def test_r2_4_3b_nobody_decides_his_own_request_or_that_of_his_twin(station, zhangwei, handled):
    asks(zhangwei, handled)
    approval = station.session.scalars(select(TaskRow).where(TaskRow.element == "approve")).one()
    assert {station.person(one).row.key for one in ("zhangwei", "chenzhiqiang")} == set(approval.excluded)
    for barred in ("zhangwei", "chenzhiqiang", "liting"):
        with pytest.raises(NotFound):
            station.engine.complete(approval.id, by=station.person(barred).actor, data={"decision": "grant"})


def test_r2_4_3b_where_only_the_twin_would_be_left_the_superior_decides_in_person(
    station, liting, superior, handled
):
    """孙丽华 acts for the head who is away; she asks herself, so nobody of the duty is left."""
    from workflow.station import absences

    sun, head = station.person("sunlihua"), station.person("zhoujianguo")
    absences.record(
        station.session,
        head.row,
        cause="出差",
        from_at=at("2026-03-02 08:00"),
        to_at=at("2026-03-20 18:00"),
        substitute=sun.row,
    )
    asks(sun, handled)
    request = request_of(station, handled)
    assert request.by_head and request.position == superior.row.key, "吴敏 and 孙丽华 are A and B of one post"
    assert {sun.row.key, head.row.key} <= set(request.excluded)
    superior.does(handled, "approve", {"decision": "grant"})
    assert deadline(station, handled) == "2026-03-19 17:30"


def test_r2_4_3b_the_superior_has_nobody_above_to_ask(station, superior, handled):
    with pytest.raises(Refused, match="没有可以审批"):
        asks(superior, handled)


def test_r2_4_3b_a_second_extension_goes_to_the_superior_and_a_third_does_not_exist(
    station, zhangwei, head, superior, handled
):
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant"})
    asks(zhangwei, handled, days=2)
    approval = superior.task(handled, "approve")
    with pytest.raises(NotAllowed):
        station.engine.complete(approval.id, by=head.actor, data={"decision": "grant"})
    station.session.rollback()
    superior.does(handled, "approve", {"decision": "grant"})
    assert deadline(station, handled) == "2026-03-23 17:30"
    with pytest.raises(Refused, match="不能再延期"):
        asks(zhangwei, handled)


@pytest.mark.parametrize("days", [6, 11])
def test_r2_4_3b_more_than_half_of_the_limit_is_refused(station, zhangwei, handled, days):
    with pytest.raises(Refused) as caught:
        asks(zhangwei, handled, days=days)
    assert caught.value.field == "days" and "5 个工作日" in str(caught.value)
    station.session.rollback()
    assert extensions.of(station.session, handled) == []


def test_r2_4_3b_ten_working_days_are_the_most(station, liting, chenzhiqiang):
    case = liting.registers()
    liting.classifies(case, "ZL01")
    liting.accepts(case)
    liting.answers(case, "2026-03-20")
    with pytest.raises(Refused):
        asks(chenzhiqiang, case, days=11)
    station.session.rollback()
    asks(chenzhiqiang, case, days=10)


def test_r2_4_3b_a_limit_of_one_day_has_no_day_to_spare(station, liting):
    case = liting.registers()
    liting.classifies(case, "BZ01")
    liting.accepts(case)
    with pytest.raises(Refused, match="不能再延期"):
        asks(station.person("liuyang"), case, days=1)


def test_r2_4_3b_after_the_deadline_nothing_is_asked_and_nothing_is_granted(station, zhangwei, head, handled):
    station.clock.move_to("2026-03-16 17:00")
    asks(zhangwei, handled)
    station.clock.move_to("2026-03-16 17:31")
    with pytest.raises(Refused, match="期限已过"):
        head.does(handled, "approve", {"decision": "grant"})
    station.session.rollback()
    station.fire_due()
    with pytest.raises(Refused, match="期限已过"):
        asks(zhangwei, handled)
    with pytest.raises(Refused):
        station.engine.start_form("extension_approval", by=zhangwei.actor, business_key=handled.key)
    assert deadline(station, handled) == "2026-03-16 17:30"


def test_r2_4_3b_undecided_after_half_a_day_is_not_granted_and_counts_for_the_approver(
    station, zhangwei, head, superior, handled
):
    asks(zhangwei, handled)
    station.clock.move_to("2026-03-02 17:31")
    assert "decision_late" in station.fire_due()
    request = request_of(station, handled)
    assert (request.state, request.late_approvers) == ("undecided", [head.row.key])
    assert deadline(station, handled) == "2026-03-16 17:30"
    with pytest.raises(AssertionError):
        head.task(handled, "approve")
    assert not any("未按时审批" in text for text in superior.told()), "reminders wait for working hours"
    station.clock.move_to("2026-03-03 08:30")
    assert any("未按时审批（周建国）" in text for text in superior.told())
    assert any("可以再次申请" in text for text in zhangwei.told())
    asks(zhangwei, handled)
    assert request_of(station, handled).state == "open"


def test_r2_4_3b_the_old_deadline_ends_a_request_at_once(station, zhangwei, handled):
    station.clock.move_to("2026-03-16 16:00")
    asks(zhangwei, handled)
    station.clock.move_to("2026-03-16 17:30")
    assert "deadline_reached" in station.fire_due()
    assert request_of(station, handled).state == "undecided"
    station.clock.move_to("2026-03-17 09:00")
    assert any("办理期限不变" in text for text in zhangwei.told())


def test_r2_4_3b_only_one_request_at_a_time(zhangwei, handled):
    asks(zhangwei, handled)
    with pytest.raises(Refused, match="正在审批"):
        asks(zhangwei, handled)


def test_r2_4_3b_only_whoever_works_on_the_case_or_leads_may_ask(station, liting, handled):
    for stranger in (liting, station.person("liuyang"), station.person("admin")):
        with pytest.raises(NotAllowed):
            asks(stranger, handled)
        station.session.rollback()
    asks(station.person("zhoujianguo"), handled)


def test_r2_4_3b_before_acceptance_and_after_completion_there_is_nothing_to_extend(
    station, liting, zhangwei, handled
):
    fresh = liting.registers()
    with pytest.raises(Refused, match="受理后"):
        asks(liting, fresh)
    station.session.rollback()
    zhangwei.handles(handled)
    liting.closes(handled)
    with pytest.raises(Refused, match="已经办结"):
        asks(station.person("zhoujianguo"), handled)


def test_r2_4_3b_the_approver_may_grant_other_days_up_to_the_ceiling(station, zhangwei, head, handled):
    asks(zhangwei, handled)
    with pytest.raises(Refused) as caught:
        head.does(handled, "approve", {"decision": "grant_other", "granted_days": 6})
    assert caught.value.field == "granted_days"
    station.session.rollback()
    head.does(handled, "approve", {"decision": "grant_other", "granted_days": 1, "opinion": "先延一天。"})
    assert deadline(station, handled) == "2026-03-17 17:30"


def test_r2_4_3b_a_refusal_says_why(station, zhangwei, head, handled):
    asks(zhangwei, handled)
    with pytest.raises(Refused) as caught:
        head.does(handled, "approve", {"decision": "refuse"})
    assert caught.value.field == "opinion"
    station.session.rollback()
    head.does(handled, "approve", {"decision": "refuse", "opinion": "改送另一家机构，按期办结。"})
    assert any("改送另一家机构" in text for text in zhangwei.told())
    assert (request_of(station, handled).state, deadline(station, handled)) == ("refused", "2026-03-16 17:30")
    assert "审批结论Decision不同意" in words_of(station, handled, "extension_approval")


def test_r2_4_3b_without_reason_explanation_or_work_done_nothing_is_asked(station, zhangwei, handled):
    for lacking in ("reason", "explanation", "work_done", "days"):
        with pytest.raises(InvalidForm):
            asks(zhangwei, handled, **{lacking: None})
        station.session.rollback()


def test_r2_4_3b_the_form_shows_all_that_is_needed_to_decide(station, zhangwei, head, handled):
    asks(zhangwei, handled)
    form = station.engine.task_form(head.task(handled, "approve").id, by=head.actor)
    assert form.values["dates"] == "2026-03-16 17:30 → 2026-03-19 17:30"
    assert form.values["applicant"] == "张伟" and form.values["why"] == "专家或承检机构排期延后"
    assert (
        form.values["days_asked"] == "3 个工作日"
        and "第 1 次延期，最多 5 个工作日" in form.values["standing"]
    )


def test_r2_4_3b_b_who_acts_asks_for_a_and_both_are_kept_from_deciding(station, chenzhiqiang, head, handled):
    """From the 9th 张伟 is away and 陈志强 acts for him."""
    station.clock.move_to("2026-03-09 09:00")
    station.fire_due()
    asks(chenzhiqiang, handled)
    request = request_of(station, handled)
    assert request.on_behalf_of == station.person("zhangwei").row.key
    head.does(handled, "approve", {"decision": "grant"})
    assert "陈志强（代张伟）" in words_of(station, handled, "extension_notice")


@pytest.mark.parametrize(
    "said",
    [
        "延期告知书",
        "YQ2026-00001",
        "王小明",
        "SL2026-00001",
        "JL01计量器具检定/校准代办",
        "2026年3月16日（星期一）17:30",
        "2026年3月19日（星期四）17:30",
        "延期天数Extendedby3个工作日",
        "专家或承检机构排期延后",
        "批准人Approvedby周建国",
        "经办人Handledby张伟",
        "监督电话000-12345699",
    ],
)
def test_r2_4_3c_the_notice_of_extension_says(station, zhangwei, head, handled, said):
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant"})
    assert said in words_of(station, handled, "extension_notice")


@pytest.mark.parametrize(
    "said",
    [
        "延期审批单",
        "YS2026-00001",
        "提出人Requestedby张伟",
        "第1次",
        "计量所排期延后一周。",
        "样品已送检，已催两次。",
        "2026年3月2日（星期一）09:00",
        "审批结论Decision已同意",
        "批准天数Daysgranted3个工作日",
        "审批人Decidedby周建国",
        "2026年3月19日（星期四）17:30",
        "同意，尽快办。",
    ],
)
def test_r2_4_3c_the_approval_sheet_says(station, zhangwei, head, handled, said):
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant", "opinion": "同意，尽快办。"})
    assert said in words_of(station, handled, "extension_approval")


def test_r2_4_3c_the_client_is_written_to_and_must_be_told_before_the_old_date(
    station, zhangwei, head, handled
):
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant"})
    row = station.session.scalars(select(Outbox).order_by(Outbox.id.desc())).first()
    assert "原定 2026-03-16 17:30" in row.text and "现延至 2026-03-19 17:30" in row.text
    task = zhangwei.task(handled, "tell_client")
    assert task.due_at == at("2026-03-16 17:30")
    zhangwei.does(handled, "tell_client", {**TOLD, "at": "2026-03-02T09:00+08:00"})
    assert contacts.last_contact(station.session, handled, subject="extension") == at("2026-03-02 09:00")
    assert station.session.get(Outbox, row.id).state == "sent", "the call was made: it leaves the call list"
    assert open_steps(station, handled) == ["handle"]
    station.clock.move_to("2026-03-13 12:00")
    assert not {"untold", "untold_at_deadline"} & set(station.fire_due())


def test_r2_4_3c_a_client_not_told_half_a_day_later_warns_owner_and_head(station, zhangwei, head, handled):
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant"})
    station.clock.move_to("2026-03-02 17:31")
    assert station.fire_due() == ["untold"]
    station.clock.move_to("2026-03-03 08:31")
    for person in (zhangwei, head):
        assert any("尚未告知服务对象" in text for text in person.told()), person.row.name
    assert zhangwei.task(handled, "tell_client"), "the warning completes nothing"


def test_r2_4_3c_a_call_that_reached_nobody_brings_the_task_back_until_the_head_hears_again(
    station, zhangwei, head, handled
):
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant"})
    zhangwei.does(
        handled,
        "tell_client",
        {**TOLD, "outcome": "no_answer", "content": "无人接听。", "at": "2026-03-02T09:00+08:00"},
    )
    assert zhangwei.task(handled, "tell_client").due_at == at("2026-03-16 17:30")
    assert contacts.last_contact(station.session, handled, subject="extension") is None
    station.clock.move_to("2026-03-16 17:31")
    assert station.fire_due().count("untold_at_deadline") == 1
    station.clock.move_to("2026-03-17 09:00")
    assert any("原期限已到，仍未把延期告知服务对象" in text for text in head.told())


def test_r2_4_3c_a_contact_that_has_not_happened_is_refused(station, zhangwei, head, handled):
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant"})
    with pytest.raises(Refused) as caught:
        zhangwei.does(handled, "tell_client", {**TOLD, "at": "2026-03-02T10:00+08:00"})
    assert caught.value.field == "at"


def test_a_case_that_is_completed_ends_what_was_asked_for_it(station, liting, zhangwei, head, handled):
    asks(zhangwei, handled)
    approval = head.task(handled, "approve")
    zhangwei.handles(handled)
    liting.closes(handled, pickup="mail")
    assert request_of(station, handled).state == "moot" and open_steps(station, handled) == []
    with pytest.raises(AlreadyDone):
        station.engine.complete(approval.id, by=head.actor, data={"decision": "grant"})


def test_a_case_completed_before_the_client_was_told_of_the_extension_needs_no_call_more(
    station, liting, zhangwei, head, handled
):
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant"})
    zhangwei.handles(handled)
    liting.closes(handled, pickup="mail")
    assert open_steps(station, handled) == []
    station.clock.move_to("2026-03-20 09:00")
    assert station.fire_due() == []


def test_r2_4_3c_the_approval_sheet_is_one_page(station, zhangwei, head, handled):
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant"})
    (sheet,) = [one for one in documents.of(station.session, handled.key) if one.kind == "extension_approval"]
    assert len(PdfReader(io.BytesIO(documents.pdf(station.session, sheet))).pages) == 1


def test_r2_4_3b_even_a_diagram_that_forgets_to_keep_them_out_lets_no_twin_decide(
    station, zhangwei, chenzhiqiang, handled
):
    asks(zhangwei, handled)
    approval = station.session.scalars(select(TaskRow).where(TaskRow.element == "approve")).one()
    for barred, position in ((zhangwei, "metrology"), (chenzhiqiang, "testing")):
        approval.excluded, approval.candidate = None, position
        station.session.commit()
        with pytest.raises(NotAllowed, match="不能审批本人"):
            station.engine.complete(approval.id, by=barred.actor, data={"decision": "grant"})
        station.session.rollback()


def test_a_request_that_was_decided_is_not_decided_again(station, zhangwei, head, handled):
    asks(zhangwei, handled)
    request = request_of(station, handled)
    request.state, request.closed_at = extensions.REFUSED, station.clock.now()
    station.session.commit()
    with pytest.raises(AlreadyDone, match="已经处理"):
        head.does(handled, "approve", {"decision": "grant"})
