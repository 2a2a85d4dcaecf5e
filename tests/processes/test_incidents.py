"""A case whose diagram cannot go on stands before those who can mend it."""

from __future__ import annotations

from workflow.engine import incidents
from workflow.station.running import report


def test_head_and_administrator_hear_once_of_a_case_that_stands_still(station, liting, zhangwei, head):
    case = liting.registers()
    for _ in range(2):
        report(station.session, case.instance_id, code="Stuck", message="停住了", element="classify")
        station.session.commit()
    for person in (head, station.person("admin")):
        assert [text.startswith("运行异常") for text in person.told()] == [True]
    assert zhangwei.told() == []
    (incident,) = incidents.open_ones(station.session)
    assert (incident.instance_id, incident.element, incident.times) == (case.instance_id, "classify", 2)


def test_a_retried_incident_is_settled_and_its_case_says_by_whom(station, liting, head):
    case = liting.registers()
    report(station.session, case.instance_id, code="Stuck", message="停住了", element="classify")
    (incident,) = incidents.open_ones(station.session)
    station.engine.retry(incident.id, by=head.actor)
    station.session.commit()
    assert incidents.open_ones(station.session) == []
    assert incident.resolved_by == head.row.key
