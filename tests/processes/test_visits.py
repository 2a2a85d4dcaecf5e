"""Visits (R1.1b): one field, a number of its own, and a case that keeps the link."""

from __future__ import annotations

from typing import Any

import pytest

from tests.processes.conftest import Person
from workflow.engine.submissions import SubmissionRow
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.station import visits
from workflow.station.access_log import AccessLog
from workflow.station.visits import Visit


def writes(who: Person, about: str = "问企业标准怎么公开。", **more: Any) -> Visit:
    station = who.station
    visit = visits.write(station.session, about=about, by=who.actor, moment=station.clock.now(), **more)
    station.session.commit()
    return visit


def voids(who: Person, visit: Visit, reason: str = "记重了。") -> None:
    visits.void(who.station.session, visit, reason=reason, by=who.actor, moment=who.station.clock.now())
    who.station.session.commit()


def test_r1_1b_a_visitor_without_a_matter_is_one_line_with_a_number(station, liting):
    first, second = writes(liting), writes(liting, "来看看。")
    assert (first.no, second.no) == ("LF2026-00001", "LF2026-00002")
    assert first.person is None and first.case is None
    assert [one.no for one in visits.found(station.session, liting.actor)] == [second.no, first.no]


def test_r1_1b_make_it_a_case_keeps_the_link(station, liting):
    visit = writes(liting, name="马立新", phone="000-12345678", enterprise="新来的厂")
    values = visits.first_values(station.session, visit, by=liting.actor, moment=station.clock.now())
    assert values == {
        "channel": "visit",
        "matter": "问企业标准怎么公开。",
        "name": "马立新",
        "phone": "00012345678",
        "new_enterprise": "新来的厂",
    }
    look = station.session.query(AccessLog).one()
    assert (look.actor, look.object, look.field) == (liting.row.key, visit.person.key, "phone")
    case = liting.registers(enterprise=None, **values)
    visits.becomes(station.session, visit, case)
    station.session.commit()
    station.session.expire_all()
    assert (case.visit_id, visit.case, case.applicant_id) == (visit.id, case, visit.person_id) or (
        case.applicant.enterprise_id is not None and visit.case is case
    )


def test_r1_1b_a_known_enterprise_is_chosen_from_its_file(station, liting):
    known = liting.registers().enterprise
    visit = writes(liting, enterprise=known.name)
    values = visits.first_values(station.session, visit, by=liting.actor, moment=station.clock.now())
    assert values["enterprise"] == str(known.id) and "new_enterprise" not in values


def test_r1_1b_a_visit_becomes_one_case_only_and_is_no_mistake_then(station, liting):
    visit = writes(liting)
    visits.becomes(station.session, visit, liting.registers())
    with pytest.raises(AlreadyDone, match="已经办理登记"):
        visits.becomes(station.session, visit, liting.registers())
    with pytest.raises(AlreadyDone, match="已经办理登记"):
        voids(liting, visit)


def test_r1_1b_a_mistake_is_voided_and_keeps_its_number(station, liting, wangfang, head):
    wrong, other = writes(liting), writes(liting)
    voids(liting, wrong)
    assert (wrong.is_void, wrong.void_reason, wrong.void_actor) == (True, "记重了。", liting.row.key)
    assert writes(liting).no == "LF2026-00003"
    with pytest.raises(AlreadyDone, match="已经作废"):
        voids(liting, wrong)
    with pytest.raises(AlreadyDone, match="已经作废"):
        visits.first_values(station.session, wrong, by=liting.actor, moment=station.clock.now())
    with pytest.raises(NotAllowed):
        voids(wangfang, other)
    with pytest.raises(Refused) as refused:
        voids(head, other, " ")
    assert refused.value.field == "reason"
    with pytest.raises(Refused):
        voids(head, other, "作\u202e废")
    voids(head, other)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"about": " "}, "about"),
        ({"about": "长" * 401}, "about"),
        ({"about": "看\u202e看"}, "about"),
        ({"enterprise": "厂\u200b名"}, "enterprise"),
        ({"enterprise": "长" * 81}, "enterprise"),
        ({"name": "长" * 81}, "name"),
        ({"phone": "000-12345678"}, "name"),
        ({"name": "马立新", "phone": "12"}, "phone"),
    ],
)
def test_r1_1b_what_cannot_be_kept_is_refused(station, liting, changed, field):
    with pytest.raises(Refused) as refused:
        writes(liting, **changed)
    assert refused.value.field == field


def test_r1_1b_visits_are_found_by_words_number_name_and_phone(station, liting):
    visit = writes(liting, name="马立新", phone="000-12345678", enterprise="晨光五金")
    writes(liting, "问路。")
    for q in ("企业标准", "LF2026-00001", "晨光", "马立新", "mlx", "000-1234 5678", "00012345678"):
        assert visits.found(station.session, liting.actor, q) == [visit], q
    for q in ("%", "马立", "00012345679"):
        assert visits.found(station.session, liting.actor, q) == [], q


def test_r1_1b_names_and_phones_stay_out_of_what_is_kept_in_the_clear(station, liting):
    visit = writes(liting, name="马立新", phone="000-12345678")
    row = {column.name: str(getattr(visit, column.key)) for column in Visit.__table__.columns}
    assert not any("马立新" in text or "12345678" in text for text in row.values())
    assert visit.person.phone_enc and b"12345678" not in visit.person.phone_enc
    assert station.session.query(SubmissionRow).count() == 0


def test_r1_1b_who_sees_no_cases_neither_writes_nor_sees_visits(station, liting):
    admin, visit = station.person("admin"), writes(liting)
    with pytest.raises(NotAllowed):
        writes(admin)
    assert visits.found(station.session, admin.actor) == []
    with pytest.raises(NotFound):
        visits.find(station.session, admin.actor, visit.id, held=True)
    assert visits.find(station.session, liting.actor, visit.id) is visit
