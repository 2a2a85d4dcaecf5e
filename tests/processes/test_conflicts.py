"""回避: whom a complaint concerns neither handles, nor decides, nor hears of it (R4.2, decision 39)."""

from __future__ import annotations

import pytest

from tests.processes.test_complaint import (
    STAFF,
    accepted,
    accepted_by_whoever,
    assesses,
    assigns,
    complaint,
    does,
    everybody,
    feeds_back,
    handled,
    investigates,
    proposes,
    registers,
    steps,
    sunlihua,
    tells,
    zhaomin,
)
from workflow.errors import InvalidForm, NotFound, Refused
from workflow.station import complaints, conflicts

__all__ = ["complaint", "sunlihua", "zhaomin"]


@pytest.mark.parametrize("who", ["liting", "wangfang", "zhangwei"])
def test_r4_2_neither_the_person_nor_a_twin_nor_the_cases_handler_handles_it(
    station, head, liting, wangfang, zhangwei, who
):
    """李婷 is complained of; 王芳 is her B; 张伟 handled the case."""
    case = handled(wangfang)
    zhangwei.handles(case)
    complaint = registers(station.person("liuyang"), about=[liting], case_no=case.no)
    accepted_by_whoever(station, complaint)
    with pytest.raises((Refused, InvalidForm)):
        assigns(head, complaint, station.person(who))


@pytest.mark.parametrize("login", STAFF)
def test_r4_2b_a_handler_and_another_approver_are_found_whoever_is_complained_of(station, login):
    target = station.person(login)
    clerk = station.person("liting" if login != "liting" else "zhangwei")
    complaint = registers(clerk, about=[target])
    accepted_by_whoever(station, complaint)
    chief = next(one for one in everybody(station) if "assign" in steps(one, complaint))
    free = conflicts.handlers(station.session, complaint.key, station.clock.now())
    handler = station.person(free[0].login)
    assigns(chief, complaint, handler)
    investigates(handler, complaint)
    proposes(handler, complaint)
    deciders = [one.row.login for one in everybody(station) if "decide" in steps(one, complaint)]
    assert deciders and handler.row.login not in deciders and login not in deciders
    does(station.person(deciders[0]), complaint, "decide", approval="yes")
    feeds_back(handler, complaint)
    assert complaint.state == complaints.CLOSED


def test_r4_2b_who_handles_does_not_decide_while_acting_for_the_head(
    station, sunlihua, superior, head, complaint
):
    from tests.processes.test_delegation import registers as leaves

    accepted(station, complaint)
    assigns(head, complaint, sunlihua)
    investigates(sunlihua, complaint)
    leaves(head, kind="sudden", cause="请假", from_at="2026-03-02T09:00", to_at="2026-03-02T17:30")
    proposes(sunlihua, complaint)
    assert "decide" not in steps(sunlihua, complaint), "孙丽华 acts for the head now"
    does(superior, complaint, "decide", approval="yes")
    assert complaint.decided_by == superior.row.key


def test_r4_2c_what_concerns_the_head_goes_to_the_superior_in_every_rung(
    station, liting, head, superior, zhaomin
):
    complaint = registers(liting, about=[head], safety=True)
    assert any("涉及安全" in text for text in superior.told())
    assesses(zhaomin, complaint, severity="serious")
    station.clock.move_to("2026-03-02 11:00")
    station.fire_due()
    tells(zhaomin, complaint)
    assigns(superior, complaint, zhaomin)
    for moment in (
        "2026-03-04 12:30",
        "2026-03-06 12:30",
        "2026-03-09 17:31",
        "2026-03-10 17:31",
        "2026-03-11 09:00",
    ):
        station.clock.move_to(moment)
        station.fire_due()
    assert complaint.late_at is not None
    told = superior.told()
    for words in ("评审为严重", "受理后至今", "预警", "已超过答复时限", "超期一个工作日"):
        assert any(words in text for text in told), words
    assert not any(complaint.no in text for text in head.told() + station.person("sunlihua").told())


def test_r4_2_a_complaint_about_a_case_that_names_nobody_is_kept_from_who_worked_on_it(
    station, head, wangfang, zhangwei, superior
):
    from tests.processes import test_extension as extending

    case = handled(wangfang)
    extending.asks(zhangwei, case)
    head.does(case, "approve", {"decision": "grant"})
    complaint = registers(station.person("liuyang"), case_no=case.no)
    session = station.session
    assert {
        one.row.login for one in everybody(station) if one.row.id in conflicts.of(session, complaint.key)
    } >= {
        *("wangfang", "zhangwei", "zhoujianguo"),
    }
    accepted_by_whoever(station, complaint)
    assert "assign" in steps(superior, complaint), "the head decided something of the case"
    for one in (wangfang, zhangwei, head):
        with pytest.raises(NotFound):
            complaints.find(session, one.actor, complaint.id)
