"""The week that a new demo begins with is real: cases, receipts, reminders, and one that is late."""

from __future__ import annotations

from collections import Counter

import pytest
from sqlalchemy import func, select

from tests.processes.conftest import at
from workflow.engine import history
from workflow.station import demo_cases
from workflow.station.cases import CLOSED, Case
from workflow.station.clock_ledger import Escalation
from workflow.station.documents import Document


@pytest.fixture
def week(station):
    demo_cases.play(station.session, at("2026-03-02 09:00"))
    station.session.commit()
    return station


def test_every_scene_is_a_case_that_rests_where_the_scene_says(week):
    resting = {}
    for login in ("liting", "wangfang", "zhangwei", "chenzhiqiang", "liuyang", "zhaomin"):
        for line in week.person(login).inbox():
            if line.element != "explain":  # beside the case: the reason of the one that is late
                resting[line.case_id] = line.element
    wanted = Counter(scene.until for scene in demo_cases.SCENES if scene.until)
    assert Counter(resting.values()) == wanted
    closed = week.session.scalar(select(func.count(Case.id)).where(Case.state == CLOSED))
    assert closed == len(demo_cases.SCENES) - wanted.total()


def test_numbers_and_papers_of_the_week_have_no_gap(week):
    numbers = sorted(week.session.scalars(select(Case.no).where(Case.no.is_not(None))))
    assert numbers == [f"SL2026-{n:05}" for n in range(1, len(numbers) + 1)]
    receipts = sorted(week.session.scalars(select(Document.no).where(Document.kind == "receipt")))
    assert receipts == [f"HZ2026-{n:05}" for n in range(1, len(receipts) + 1)]
    (notice,) = week.session.scalars(select(Document).where(Document.kind != "receipt"))
    assert (notice.no, notice.kind) == ("BZ2026-00001", "deficiency_notice")


def test_one_case_is_late_and_stands_before_the_head(week):
    late = week.session.scalars(select(Case).where(Case.late_at.is_not(None))).one()
    assert [line.case_id for line in week.person("zhoujianguo").inbox()] == [late.id]
    fired = week.session.scalars(select(Escalation.fired_at).where(Escalation.rung == "late")).all()
    assert fired == [at("2026-02-28 17:30")]


def test_the_weeks_history_holds_and_the_clock_is_back_where_it_was(week):
    assert history.verify(week.session) == []
    assert abs((week.clock.now() - at("2026-03-02 09:00")).total_seconds()) < 60


def test_played_twice_it_is_still_one_week(week):
    before = week.session.scalar(select(func.count(Case.id)))
    demo_cases.play(week.session, at("2026-03-02 09:00"))
    assert week.session.scalar(select(func.count(Case.id))) == before
