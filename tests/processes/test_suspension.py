"""停表: a clock stands only for listed reasons, told in writing, and everything moves with it (§4.4)."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from tests.processes.conftest import at
from tests.processes.test_extension import deadline, handled, open_steps, words_of
from workflow.engine import history
from workflow.engine.forms import InvalidForm
from workflow.engine.timers import TimerRow
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.station import (
    cases,
    clock_ledger,
    clock_reckoning,
    clocks,
    documents,
    extensions,
    owners,
    suspensions,
)
from workflow.station.outbox import Outbox

__all__ = ["handled"]

STOP = {"reason": "inspection", "expected_until": "2026-03-06", "explanation": "送省院检测，约需四天。"}
RESUME = {"outcome": "检测报告已收到，合格。"}


def stops(person, case, **changed):
    instance = owners.begin_beside(
        person.station.engine, suspensions.PROCESS, case, by=person.actor, data={**STOP, **changed}
    )
    person.station.session.commit()
    person.station.session.expire_all()
    return instance


def clock_of(station, case):
    return clocks.of(station.session, case.key, "item")


def rungs(station):
    return [timer.rung for timer in station.session.scalars(select(TimerRow)) if timer.rung]


def test_a_stopped_clock_lets_everything_rest_and_tells_the_client_in_writing(station, zhangwei, handled):
    stops(zhangwei, handled)
    assert clock_of(station, handled).state == clock_ledger.STOPPED
    assert rungs(station) == [] and zhangwei.task(handled, "handle").due_at is None
    told = station.session.scalars(select(Outbox.text).order_by(Outbox.id.desc())).first()
    assert "检验、检测或听证" in told and "预计 2026-03-06 恢复" in told
    line = clock_of(station, handled).events[-1]
    assert station.session.get(documents.Document, line.document_id).kind == "suspension_notice"
    assert zhangwei.task(handled, "resume").due_at == at("2026-03-06 17:30")


def test_the_deadline_moves_by_what_was_stopped_and_the_client_hears_the_new_one(station, zhangwei, handled):
    station.clock.move_to("2026-03-03 10:00")
    stops(zhangwei, handled)
    station.clock.move_to("2026-03-06 15:00")
    zhangwei.does(handled, "resume", RESUME)
    assert deadline(station, handled) == "2026-03-19 17:30", "three working days in (03-03, 03-06]"
    assert zhangwei.task(handled, "handle").due_at == at("2026-03-19 17:30")
    assert sorted(rungs(station)) == ["late", "remind", "superior", "warn"]
    told = station.session.scalars(select(Outbox.text).order_by(Outbox.id.desc())).first()
    assert "已恢复计时，新的办理期限为 2026-03-19 17:30" in told
    assert open_steps(station, handled) == ["handle"] and history.verify(station.session) == []


def test_nothing_is_late_while_the_clock_stands(station, zhangwei, handled):
    stops(zhangwei, handled, expected_until="2026-03-31")
    station.clock.move_to("2026-03-20 09:00")
    assert station.fire_due() == ["interval_over"], "who waits is told how it stands all the same (R2.1d)"
    assert handled.late_at is None


@pytest.mark.parametrize(
    "said",
    [
        "暂停计时告知书",
        "ZT2026-00001",
        "王小明",
        "SL2026-00001",
        "JL01计量器具检定/校准代办",
        "检验、检测或听证",
        "送省院检测，约需四天。",
        "2026年3月2日（星期一）09:00",
        "2026年3月6日（星期五）",
        "2026年3月16日（星期一）17:30",
        "按暂停的工作日数顺延",
        "经办人Handledby张伟",
        "监督电话000-12345699",
    ],
)
def test_the_notice_of_suspension_says(station, zhangwei, handled, said):
    stops(zhangwei, handled)
    assert said in words_of(station, handled, "suspension_notice")


def test_waiting_for_materials_after_acceptance_is_for_a_leader_to_decide(station, zhangwei, head, handled):
    with pytest.raises(NotAllowed, match="须由站长办理"):
        stops(zhangwei, handled, reason="correction")
    station.session.rollback()
    stops(head, handled, reason="correction")
    assert zhangwei.task(handled, "resume"), "whoever has the work starts the clock again"


def test_r1_3d_absence_is_no_reason_to_stop_a_clock(station, zhangwei, handled):
    for reason in ("absence", "请假", None):
        with pytest.raises(InvalidForm):
            stops(zhangwei, handled, reason=reason)
        station.session.rollback()
    station.clock.move_to("2026-03-09 09:00")  # 张伟 is away: the clock runs on
    assert clock_of(station, handled).state == clock_ledger.RUNNING
    assert deadline(station, handled) == "2026-03-16 17:30"


def test_after_the_deadline_or_while_it_stands_nothing_is_stopped(station, zhangwei, handled):
    stops(zhangwei, handled)
    with pytest.raises(AlreadyDone, match="已经暂停"):
        suspensions.may_stop(station.session, zhangwei.actor, handled, station.clock.now())
    with pytest.raises(AlreadyDone, match="已经暂停"):
        stops(zhangwei, handled)
    station.session.rollback()
    zhangwei.does(handled, "resume", RESUME)
    station.clock.move_to("2026-03-16 17:30")
    with pytest.raises(Refused, match="期限届满"):
        stops(zhangwei, handled)
    assert len(documents.of(station.session, handled.key)) == 2, "a refused stop leaves no paper"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"explanation": "  "}, InvalidForm),
        ({"expected_until": None}, InvalidForm),
        ({"expected_until": "2026-03-01"}, Refused),
    ],
)
def test_a_stop_without_words_or_with_an_end_in_the_past_is_refused(
    station, zhangwei, handled, changed, error
):
    with pytest.raises(error):
        stops(zhangwei, handled, **changed)


def test_only_whoever_works_on_the_case_or_leads_may_stop_it(station, liting, handled):
    for stranger in (liting, station.person("liuyang")):
        with pytest.raises(NotAllowed):
            stops(stranger, handled)
        station.session.rollback()


def test_an_expected_end_that_passes_reminds_the_owner_in_working_hours(station, zhangwei, handled):
    stops(zhangwei, handled)
    station.clock.move_to("2026-03-06 17:31")
    assert station.fire_due() == ["expected"]
    assert not any("预计恢复日期" in text for text in zhangwei.told())
    station.clock.move_to("2026-03-07 10:00")
    assert not any("预计恢复日期" in text for text in zhangwei.told()), "not on a Saturday"
    station.clock.move_to("2026-03-09 08:30")
    chen = station.person("chenzhiqiang")
    assert any("预计恢复日期" in text for text in zhangwei.told() + chen.told())
    assert clock_of(station, handled).state == clock_ledger.STOPPED, "it is never resumed by itself"


def test_a_case_completed_while_its_clock_stands_was_in_time(station, liting, zhangwei, handled):
    stops(zhangwei, handled, expected_until="2026-03-31")
    station.clock.move_to("2026-03-20 10:00")
    zhangwei = station.person("zhangwei")
    zhangwei.handles(handled)
    liting.closes(handled, pickup="mail")
    clock = clock_of(station, handled)
    assert [line.kind for line in clock.events] == ["start", "stop", "resume", "finish"]
    assert str(clock_reckoning.remaining(station.session, clock, station.clock.now()).text) == "已按期办结"
    assert handled.state == cases.CLOSED and open_steps(station, handled) == []


def test_an_extension_of_a_stopped_clock_counts_from_where_it_would_run_again(
    station, zhangwei, head, handled
):
    from tests.processes.test_extension import asks

    stops(zhangwei, handled)
    station.clock.move_to("2026-03-04 10:00")
    asks(zhangwei, handled)
    head.does(handled, "approve", {"decision": "grant"})
    (request,) = extensions.of(station.session, handled)
    assert request.new_deadline_at == at("2026-03-23 17:30"), "two days stopped, three days more"
    assert rungs(station) == [] and zhangwei.task(handled, "handle").due_at is None
    zhangwei.does(handled, "resume", RESUME)
    assert deadline(station, handled) == "2026-03-23 17:30"
