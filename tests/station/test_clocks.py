"""Clocks and their ledger on a real database; the business clock stands where each sentence says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import pytest
from sqlalchemy.orm import Session

from workflow.errors import AlreadyDone, Refused
from workflow.schema import Json
from workflow.station import calendar_days, clock_reckoning, clocks, rungs
from workflow.station.calendar import ZONE
from workflow.station.clock_ledger import Clock
from workflow.station.deadlines import Limit

CLERK = "staff:7"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def due(clock: Clock) -> str:
    return f"{clock.deadline_at.astimezone(ZONE):%Y-%m-%d %H:%M}"


def started(
    session: Session, limit: Limit | None = None, on: str = "2026-03-02 09:00", kind: str = "item"
) -> Clock:
    return clocks.start(
        session,
        owner="case:12",
        kind=kind,
        started_at=at(on),
        limit=limit or Limit(10),
        actor=CLERK,
    )


def table(facts: Mapping[str, Json]) -> Mapping[str, Json]:
    """The shipped ladder in short."""
    days = float(facts["limit_days"])  # type: ignore[arg-type]
    return {
        "remind": {"share": 0.5 if days > 3 else None},
        "warn": {"share": 0.8},
        "late": {"share": 1},
        "superior": {"plus_days": 1 if days > 1 else None},
    }[str(facts["rung"])]


def recomputed(session: Session, moment: datetime) -> list[Clock]:
    """What the job does after a change of the calendar; the clocks that moved."""
    live = session.scalars(clocks.outdated(session, moment)).all()
    return [clock for clock in live if clocks.recompute(session, clock, moment, actor="system")]


def rung(session: Session, clock: Clock, name: str) -> str | None:
    moment = rungs.due(session, clock, name, table)
    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M}" if moment else None


def test_a_started_clock_knows_its_deadline_and_can_be_found(session: Session) -> None:
    clock = started(session)
    assert clocks.of(session, "case:12", "item") is clock
    assert (due(clock), clock.state, clock.provisional) == ("2026-03-16 17:30", "running", False)
    assert clocks.of(session, "case:12", "notice") is None


def test_only_one_clock_of_a_kind_runs_at_a_time(session: Session) -> None:
    first = started(session)
    with pytest.raises(AlreadyDone):
        started(session)
    clocks.finish(session, first, at("2026-03-04 10:00"), actor=CLERK)
    second = started(session, on="2026-03-05 09:00")
    assert clocks.of(session, "case:12", "item") is second


def test_a_stop_moves_nothing_until_the_clock_runs_again(session: Session) -> None:
    clock = started(session)
    clocks.stop(session, clock, at("2026-03-04 10:00"), reason="correction", actor=CLERK)
    assert (clock.state, due(clock)) == ("stopped", "2026-03-16 17:30")
    clocks.resume(session, clock, at("2026-03-09 15:00"), actor=CLERK)
    assert (clock.state, due(clock)) == ("running", "2026-03-19 17:30")


def test_several_stops_and_an_extension_are_reckoned_from_the_whole_ledger(session: Session) -> None:
    clock = started(session)
    clocks.stop(session, clock, at("2026-03-03 10:00"), reason="correction", actor=CLERK)
    clocks.resume(session, clock, at("2026-03-05 10:00"), actor=CLERK)
    clocks.extend(session, clock, 5, at("2026-03-06 10:00"), reason="专家未到", actor="staff:1")
    clocks.stop(session, clock, at("2026-03-23 10:00"), reason="expert", actor=CLERK)
    clocks.resume(session, clock, at("2026-03-25 10:00"), actor=CLERK)
    assert due(clock) == "2026-03-27 17:30"
    assert [(line.kind, line.days) for line in clock.events] == [
        ("start", None),
        ("stop", None),
        ("resume", None),
        ("extend", 5),
        ("stop", None),
        ("resume", None),
    ]


def test_nothing_can_be_stopped_or_extended_after_the_deadline(session: Session) -> None:
    clock = started(session)
    with pytest.raises(Refused):
        clocks.stop(session, clock, at("2026-03-16 17:31"), reason="correction", actor=CLERK)
    with pytest.raises(Refused):
        clocks.extend(session, clock, 1, at("2026-03-16 17:31"), reason="忘了", actor="staff:1")
    assert due(clock) == "2026-03-16 17:30"


def test_an_extension_is_still_possible_in_the_last_minute(session: Session) -> None:
    clock = started(session)
    clocks.extend(session, clock, 1, at("2026-03-16 17:30"), reason="专家未到", actor="staff:1")
    assert due(clock) == "2026-03-17 17:30"


def test_a_clock_stopped_in_time_can_be_extended_after_its_old_deadline(session: Session) -> None:
    clock = started(session)
    clocks.stop(session, clock, at("2026-03-13 10:00"), reason="expert", actor=CLERK)
    clocks.extend(session, clock, 2, at("2026-03-18 10:00"), reason="专家推迟", actor="staff:1")
    clocks.resume(session, clock, at("2026-03-20 10:00"), actor=CLERK)
    assert due(clock) == "2026-03-25 17:30"


@pytest.mark.parametrize("days", [0, -1])
def test_an_extension_adds_at_least_a_day(session: Session, days: int) -> None:
    with pytest.raises(Refused):
        clocks.extend(session, started(session), days, at("2026-03-03 09:00"), reason="x", actor=CLERK)


def test_absence_is_no_reason_to_stop(session: Session) -> None:
    with pytest.raises(Refused):
        clocks.stop(session, started(session), at("2026-03-03 09:00"), reason="absence", actor=CLERK)


def test_before_acceptance_only_force_majeure_stops_a_clock(session: Session) -> None:
    clock = started(session, Limit(5), kind="notice")
    with pytest.raises(Refused):
        clocks.stop(session, clock, at("2026-03-03 09:00"), reason="correction", actor=CLERK)
    clocks.stop(session, clock, at("2026-03-03 09:00"), reason="force_majeure", actor=CLERK)
    assert clock.state == "stopped"


def test_what_is_stopped_cannot_be_stopped_again_nor_what_runs_resumed(session: Session) -> None:
    clock = started(session)
    with pytest.raises(AlreadyDone):
        clocks.resume(session, clock, at("2026-03-03 09:00"), actor=CLERK)
    clocks.stop(session, clock, at("2026-03-03 09:00"), reason="expert", actor=CLERK)
    with pytest.raises(AlreadyDone):
        clocks.stop(session, clock, at("2026-03-03 09:30"), reason="expert", actor=CLERK)


def test_the_ledger_is_written_forward_only(session: Session) -> None:
    clock = started(session)
    clocks.stop(session, clock, at("2026-03-04 10:00"), reason="expert", actor=CLERK)
    with pytest.raises(Refused, match="早于该计时的上一条记录"):
        clocks.resume(session, clock, at("2026-03-03 10:00"), actor=CLERK)


def test_a_line_of_the_ledger_cannot_be_changed(session: Session) -> None:
    clock = started(session)
    clock.events[0].actor = "staff:9"
    with pytest.raises(AssertionError):
        session.flush()
    session.rollback()


def test_a_finished_clock_does_nothing_more(session: Session) -> None:
    clock = started(session)
    clocks.finish(session, clock, at("2026-03-05 10:00"), actor=CLERK)
    with pytest.raises(AlreadyDone):
        clocks.finish(session, clock, at("2026-03-05 10:01"), actor=CLERK)
    with pytest.raises(AlreadyDone):
        clocks.extend(session, clock, 1, at("2026-03-05 10:01"), reason="x", actor=CLERK)
    assert rung(session, clock, "late") is None
    assert str(clock_reckoning.remaining(session, clock, at("2026-04-01 09:00")).text) == "已按期办结"


def test_who_acted_and_for_whom_stands_in_the_ledger(session: Session) -> None:
    clock = started(session)
    clocks.stop(
        session,
        clock,
        at("2026-03-04 10:00"),
        reason="expert",
        actor="staff:8",
        on_behalf_of=CLERK,
        document_id=5,
    )
    line = clock.events[-1]
    assert (line.actor, line.on_behalf_of, line.reason, line.document_id) == ("staff:8", CLERK, "expert", 5)


def test_why_tells_the_reckoning_and_the_reasons(session: Session) -> None:
    clock = started(session)
    clocks.stop(session, clock, at("2026-03-04 10:00"), reason="correction", actor=CLERK)
    clocks.resume(session, clock, at("2026-03-09 15:00"), actor=CLERK)
    assert str(clock_reckoning.why(session, clock)) == (
        "2026-03-02 受理，当天不计；自 3月3日起算 10 个工作日；3月4日至3月9日暂停计时，3 个工作日不计；"
        "应于 3月19日 17:30 前办结；3月4日 10:00起暂停：等待补正材料"
    )


# --- the ladder ------------------------------------------------------------------------------------------


def test_the_rungs_of_ten_working_days(session: Session) -> None:
    clock = started(session)
    assert rung(session, clock, "remind") == "2026-03-09 14:00"
    assert rung(session, clock, "warn") == "2026-03-12 16:06"
    assert rung(session, clock, "late") == "2026-03-16 17:30"
    assert rung(session, clock, "superior") == "2026-03-17 17:30"


def test_three_working_days_have_no_half_way_reminder_and_one_has_no_superior(session: Session) -> None:
    assert rung(session, started(session, Limit(3)), "remind") is None
    short = started(session, Limit("0.5"), kind="notice")
    assert rung(session, short, "superior") is None
    assert rung(session, short, "warn") == "2026-03-02 16:06"
    assert rung(session, short, "late") == "2026-03-02 17:30"


def test_eight_working_hours_are_a_day_to_the_ladder(session: Session) -> None:
    clock = started(session, Limit(8, "working-hour"))
    assert rung(session, clock, "superior") is None
    assert rung(session, clock, "warn") == "2026-03-02 16:54"


def test_a_stopped_clock_reaches_no_rung_and_later_ones_move_with_it(session: Session) -> None:
    clock = started(session)
    clocks.stop(session, clock, at("2026-03-04 10:00"), reason="expert", actor=CLERK)
    assert rung(session, clock, "warn") is None
    clocks.resume(session, clock, at("2026-03-06 10:00"), actor=CLERK)
    assert rung(session, clock, "warn") == "2026-03-16 16:06"
    assert rung(session, clock, "late") == "2026-03-18 17:30"


def test_a_rung_is_reached_once_even_if_the_clock_moves_back(session: Session) -> None:
    clock = started(session)
    moment = at("2026-03-12 15:06")
    assert rungs.record(session, clock, "warn", told=[CLERK], moment=moment)
    assert not rungs.record(session, clock, "warn", told=[CLERK], moment=moment)
    clocks.extend(session, clock, 5, at("2026-03-13 09:00"), reason="专家未到", actor="staff:1")
    assert rung(session, clock, "warn") is None
    assert clock.rungs_fired == ["warn"]


def test_the_used_share_stands_still_with_the_clock(session: Session) -> None:
    clock = started(session, Limit(2), on="2026-03-02 08:30")
    assert clock_reckoning.used(session, clock, at("2026-03-02 08:30")) == 0
    assert clock_reckoning.used(session, clock, at("2026-03-03 12:00")) == pytest.approx(660 / 1350)
    clocks.stop(session, clock, at("2026-03-03 12:00"), reason="expert", actor=CLERK)
    before = clock_reckoning.used(session, clock, at("2026-03-04 12:00"))
    assert clock_reckoning.used(session, clock, at("2026-03-20 12:00")) == before
    clocks.resume(session, clock, at("2026-03-20 12:00"), actor=CLERK)
    assert clock_reckoning.used(session, clock, at("2026-04-20 12:00")) == 1


def test_remaining_says_when_a_clock_stands(session: Session) -> None:
    clock = started(session)
    assert str(clock_reckoning.remaining(session, clock, at("2026-03-12 09:00")).text) == "剩 2 个工作日"
    clocks.stop(session, clock, at("2026-03-12 10:00"), reason="expert", actor=CLERK)
    assert str(clock_reckoning.remaining(session, clock, at("2026-03-30 09:00")).text) == "暂停计时"


# --- when the calendar changes ---------------------------------------------------------------------------


def test_a_deadline_in_an_unpublished_year_is_provisional_until_the_notice_comes(session: Session) -> None:
    clock = started(session, Limit(10), on="2026-12-20 09:00")
    assert (due(clock), clock.provisional) == ("2027-01-04 17:30", True)
    off = {date(2027, 1, day): "元旦" for day in (1, 2, 3)}
    calendar_days.import_notice(session, 2027, off, worked={})
    moved = recomputed(session, at("2026-12-22 09:00"))
    assert (moved, due(clock), clock.provisional) == ([], "2027-01-04 17:30", False)


def test_a_told_date_moves_only_off_a_new_day_off(session: Session) -> None:
    clock = started(session, Limit(10), on="2026-12-20 09:00")
    off = {date(2027, 1, day): "元旦" for day in (1, 2, 3, 4)}
    calendar_days.import_notice(session, 2027, off, worked={})
    assert recomputed(session, at("2026-12-22 09:00")) == [clock]
    assert due(clock) == "2027-01-05 17:30"


def test_a_holiday_before_the_told_date_does_not_move_it_later(session: Session) -> None:
    clock = started(session, Limit(10))
    calendar_days.close(session, date(2026, 3, 10), "停电检修")
    assert recomputed(session, at("2026-03-03 09:00")) == []
    assert due(clock) == "2026-03-16 17:30"
    assert clock.events[-1].kind == "recompute" and clock.events[-1].days == -1
    clocks.stop(session, clock, at("2026-03-04 09:00"), reason="expert", actor=CLERK)
    clocks.resume(session, clock, at("2026-03-05 09:00"), actor=CLERK)
    assert due(clock) == "2026-03-17 17:30"


def test_an_earlier_date_becomes_the_new_target(session: Session) -> None:
    calendar_days.close(session, date(2026, 3, 10), "停电检修")
    clock = started(session, Limit(10))
    assert due(clock) == "2026-03-17 17:30"
    calendar_days.reopen(session, date(2026, 3, 10))
    assert recomputed(session, at("2026-03-03 09:00")) == [clock]
    assert due(clock) == "2026-03-16 17:30"


def test_a_late_clock_is_not_saved_by_a_new_calendar(session: Session) -> None:
    clock = started(session, Limit(1))
    calendar_days.close(session, date(2026, 3, 3), "停电检修")
    assert recomputed(session, at("2026-03-04 09:00")) == []
    assert due(clock) == "2026-03-03 17:30"
    with pytest.raises(Refused):
        clocks.extend(session, clock, 1, at("2026-03-04 09:00"), reason="x", actor="staff:1")


def test_what_was_held_back_is_free_again_when_the_calendar_is_corrected(session: Session) -> None:
    clock = started(session, Limit(10))
    calendar_days.close(session, date(2026, 3, 10), "停电检修")
    recomputed(session, at("2026-03-03 09:00"))
    calendar_days.reopen(session, date(2026, 3, 10))
    assert recomputed(session, at("2026-03-03 10:00")) == []
    assert due(clock) == "2026-03-16 17:30"
    assert [(line.kind, line.days) for line in clock.events[1:]] == [("recompute", -1), ("recompute", None)]


def test_an_earlier_target_may_return_to_the_date_that_was_told(session: Session) -> None:
    calendar_days.close(session, date(2026, 3, 10), "停电检修")
    clock = started(session, Limit(10))
    calendar_days.reopen(session, date(2026, 3, 10))
    recomputed(session, at("2026-03-03 09:00"))
    calendar_days.close(session, date(2026, 3, 11), "停电检修")
    assert recomputed(session, at("2026-03-03 10:00")) == [clock]
    assert due(clock) == "2026-03-17 17:30", "the receipt says 17 March"
    calendar_days.close(session, date(2026, 3, 12), "停电检修")
    assert recomputed(session, at("2026-03-03 11:00")) == []


def test_a_late_or_finished_clock_is_explained_by_the_calendar_of_its_date(session: Session) -> None:
    clock = started(session, Limit(2))
    said = str(clock_reckoning.why(session, clock))
    clocks.finish(session, clock, at("2026-03-03 10:00"), actor=CLERK)
    calendar_days.close(session, date(2026, 3, 3), "停电检修")
    recomputed(session, at("2026-03-05 09:00"))
    assert str(clock_reckoning.why(session, clock)) == said
    assert "3月4日 17:30" in said


def test_a_limit_in_hours_that_runs_at_night_is_used_by_plain_time(session: Session) -> None:
    clock = started(session, Limit(2, "hour"), on="2026-03-02 20:00")
    assert clock_reckoning.used(session, clock, at("2026-03-02 20:30")) == pytest.approx(0.25)
    assert clock_reckoning.used(session, clock, at("2026-03-02 19:00")) == 0
    assert clock_reckoning.used(session, clock, at("2026-03-02 23:00")) == 1


def test_a_clock_that_ended_or_is_late_is_not_reckoned_anew(session: Session) -> None:
    ended, late = started(session, Limit(3)), started(session, Limit(1), kind="notice")
    clocks.finish(session, ended, at("2026-03-04 10:00"), actor=CLERK)
    calendar_days.close(session, date(2026, 3, 3), "停电检修")
    for clock in (ended, late):
        before = due(clock)
        assert not clocks.recompute(session, clock, at("2026-03-04 10:00"), actor="system")
        assert due(clock) == before and clock.events[-1].kind != "recompute"


def test_a_date_that_is_held_back_for_the_client_says_so(session: Session) -> None:
    clock = started(session)
    calendar_days.close(session, date(2026, 3, 3), "停电检修")
    recomputed(session, at("2026-03-02 10:00"))
    assert due(clock) == "2026-03-16 17:30"
    said = str(clock_reckoning.why(session, clock))
    assert "已告知的日期不因工作日历调整推后（1 个工作日）" in said and "延期" not in said
