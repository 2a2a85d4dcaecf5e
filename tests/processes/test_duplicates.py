"""Possible duplicates (R1.2.2a2): offered, never acted on silently; linked, merged, or two matters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.processes.conftest import Person
from tests.processes.test_ending import still_open
from workflow.engine import history
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.station import cases, duplicates, ending, outbox
from workflow.station.cases import Case
from workflow.station.duplicates import DISTINCT, LINKED, MERGED
from workflow.station.enterprises import Enterprise


def comes(clerk: Person, item: str = "JL01", **changed: Any) -> Case:
    """Registered and classified; two of them are alike unless something is changed."""
    case = clerk.registers(**changed)
    clerk.classifies(case, item)
    return case


def offered(who: Person, case: Case) -> list[Case]:
    return duplicates.offers(who.station.session, who.actor, case)


def decides(who: Person, case: Case, other: Case, kind: str) -> Case:
    station = who.station
    goes_on = duplicates.decide(station.engine, case, other, kind, by=who.actor, moment=station.clock.now())
    station.session.commit()
    station.session.expire_all()
    return goes_on


@pytest.fixture
def two(liting: Person) -> tuple[Case, Case]:
    earlier = comes(liting)
    return earlier, comes(liting)


def test_r1_2_2a2_the_same_phone_or_enterprise_with_the_same_item_is_offered(station, liting, two):
    earlier, later = two
    assert offered(liting, later) == [earlier] and offered(liting, earlier) == [later]
    assert any(f"{later.no} 疑似与 {earlier.no} 重复" in told for told in liting.told())
    other = station.session.query(Enterprise).order_by(Enterprise.file_no.desc()).first()
    by_phone = comes(liting, enterprise=None, name="另一个名字")
    by_enterprise = comes(liting, phone="000-87654321")
    assert offered(liting, by_phone) == [later, earlier]
    assert offered(liting, by_enterprise) == [later, earlier]
    assert offered(liting, comes(liting, enterprise=str(other.id), phone="000-87654322")) == []
    assert offered(liting, comes(liting, "BZ01")) == [], "another item"
    assert offered(liting, liting.registers()) == [], "the item is not known yet"
    assert {case.state for case in two} == {cases.CHECKING}, "nothing happened by itself"


def test_r1_2_2a2_only_within_ten_working_days(station, liting):
    comes(liting)
    station.clock.move_to("2026-03-16 17:00")
    within = comes(liting)
    station.clock.move_to("2026-03-31 09:00")
    assert len(offered(liting, within)) == 1
    assert offered(liting, comes(liting)) == []


def test_r1_2_2a2_the_window_is_a_setting(station, liting, two, monkeypatch):
    station.clock.move_to("2026-03-05 09:00")
    third = comes(liting)
    assert len(offered(liting, third)) == 2
    monkeypatch.setenv("YIZHAN_DUPLICATE_DAYS", "2")
    assert offered(liting, third) == []
    monkeypatch.setenv("YIZHAN_DUPLICATE_DAYS", "0")
    assert offered(liting, two[1]) == [], "switched off"


def test_r1_2_2a2_two_that_belong_together_are_linked(station, liting, two):
    earlier, later = two
    assert decides(liting, later, earlier, LINKED) is later
    assert duplicates.related(station.session, liting.actor, earlier) == [(LINKED, later)]
    assert duplicates.related(station.session, liting.actor, later) == [(LINKED, earlier)]
    assert offered(liting, later) == [] and not later.ended


def test_r1_2_2a2_no_duplicate_is_remembered(station, liting, two):
    earlier, later = two
    decides(liting, earlier, later, DISTINCT)
    assert offered(liting, later) == [] and offered(liting, earlier) == []
    assert duplicates.related(station.session, liting.actor, later) == []
    with pytest.raises(AlreadyDone, match="已经处理过"):
        decides(liting, later, earlier, MERGED)


def test_r1_2_2a2_the_later_one_ends_as_merged_into_the_earlier_and_keeps_its_number(station, liting, two):
    earlier, later = two
    number = later.no
    assert decides(liting, earlier, later, MERGED) is earlier
    assert (later.state, later.no, later.merged_into_id) == (cases.MERGED, number, earlier.id)
    assert later.end_reason == earlier.no and later.result is None
    assert still_open(station, later) == [] and not earlier.ended
    assert duplicates.related(station.session, liting.actor, earlier) == [(MERGED, later)]
    assert history.verify(station.session) == []
    (told, *_) = outbox.call_list(station.session, liting.actor)
    assert f"已并入 {earlier.no}" in told.text and told.case_id == later.id


def test_r1_2_2a2_nothing_is_merged_into_a_case_that_has_ended(station, liting, zhangwei, two):
    earlier, later = two
    liting.accepts(earlier)
    liting.answers(earlier, "2026-03-13")
    zhangwei.handles(earlier)
    liting.closes(earlier)
    with pytest.raises(Refused, match="已经结束"):
        decides(liting, later, earlier, MERGED)
    station.session.rollback()
    decides(liting, later, earlier, LINKED)


def test_r1_2_2a2_after_the_receipt_only_a_leader_merges(station, liting, head, two):
    earlier, later = two
    liting.accepts(later)
    with pytest.raises(NotAllowed, match="受理后由站长合并"):
        decides(liting, later, earlier, MERGED)
    station.session.rollback()
    decides(head, later, earlier, MERGED)
    assert later.state == cases.MERGED
    with pytest.raises(AlreadyDone, match="已经结束"):
        ending.merge(station.engine, later, earlier, by=head.actor, moment=station.clock.now())


def test_r1_2_2a2_strangers_to_a_case_and_unknown_answers_change_nothing(station, liting, two):
    earlier, later = two
    with pytest.raises(NotAllowed):
        decides(station.person("liuyang"), later, earlier, DISTINCT)
    station.session.rollback()
    with pytest.raises(Refused) as refused:
        decides(liting, later, earlier, "perhaps")
    assert refused.value.field == "kind"
    station.session.rollback()
    assert offered(liting, later) == [earlier]


def test_r1_2_2a2_what_is_registered_is_counted_by_kind_each_week(station, liting, head):
    comes(liting)
    station.clock.move_to("2026-03-09 08:31")
    comes(liting)
    comes(liting, "BZ01")
    liting.registers()
    voided = comes(liting)
    ending.void(station.engine, voided, reason="记错了。", by=head.actor, moment=station.clock.now())
    now = station.clock.now() + timedelta(minutes=1)
    assert duplicates.weekly(station.session, head.actor, now) == {
        "计量": (1, 1),
        "标准": (0, 1),
        duplicates.UNCLASSIFIED: (0, 1),
    }


def test_r1_2_2a_what_nobody_classifies_ages_and_warns(station, liting, head):
    case = liting.registers(channel="web")
    station.clock.move_to("2026-03-02 11:00")
    fired = station.fire_due()
    assert "classify_waits" in fired
    station.clock.move_to("2026-03-02 17:00")
    station.fire_due()
    assert any("判类" in told for told in liting.told()), liting.told()
    assert any("判类" in told for told in head.told()), head.told()
    assert case.state == cases.REGISTERED
