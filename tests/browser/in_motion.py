"""A station at which every step of every diagram waits for somebody: what a walk over all pages opens."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from tests.conftest import SHANGHAI
from tests.processes import test_complaint as complaining
from tests.processes import test_complaint_progress as hearing
from tests.processes import test_consultation as asking
from tests.processes import test_coordination as coordinating
from tests.processes import test_declining as declining
from tests.processes import test_deficiencies as mending
from tests.processes import test_delegation as leaving
from tests.processes import test_extension as extending
from tests.processes import test_first_contact as handing
from tests.processes import test_follow_up_reminder as reminding
from tests.processes import test_joint_handling as joining
from tests.processes import test_no_delay as hurrying
from tests.processes import test_suspension as stopping
from tests.processes import test_transfer as passing
from tests.processes import test_visits as visiting
from tests.processes.conftest import Person, Station
from workflow.station import coordination, demo_cases, visits
from workflow.station.absences import Absence
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.complaints import Complaint
from workflow.station.review import ReviewBlock


def put_in_motion(station: Station) -> None:
    """The demo's week, and on its last day absences, extensions, stops and supervision at every step."""
    session = station.session
    _complaints(station)
    demo_cases.play(session, station.clock.now())
    for absence in session.scalars(select(Absence)):
        session.delete(absence)
    session.commit()
    _checks(station)
    _visits(station)
    _consultations(station)
    _cases(station)
    _handed_on(station)
    _absences(station)


def _visits(station: Station) -> None:
    """One that may become a case, one that has, one that was a mistake."""
    liting = station.person("liting")
    visiting.writes(liting, name="马立新", phone="000-12345678", enterprise="新来的厂")
    visits.becomes(station.session, visiting.writes(liting, "送检两台卡尺。"), liting.registers())
    visiting.voids(liting, visiting.writes(liting, "记重了的。"))


def _consultations(station: Station) -> None:
    liting = station.person("liting")
    asking.asked(liting, difficulty="complex", adviser="metrology")
    asking.asked(liting, item="JL01")
    answered = asking.asked(liting, channel="phone")
    asking.does(liting, answered, "answer", asking.ORAL)
    first = asking.approves(station.person("zhoujianguo"))
    asking.approves(station.person("zhoujianguo"), words="八个工作日。", replaces=first)
    station.session.commit()


def _cases(station: Station) -> None:
    liting, zhangwei, head = (station.person(one) for one in ("liting", "zhangwei", "zhoujianguo"))
    extending.asks(zhangwei, handled(liting))
    granted = handled(liting)
    extending.asks(zhangwei, granted)
    head.does(granted, "approve", {"decision": "grant"})
    stopping.stops(zhangwei, handled(liting))
    _supervise(station, head, handled(liting))
    followed = handled(liting)
    _supervise(station, head, followed)
    head.does(followed, "supervise", hurrying.SUPERVISE)
    lacking = checked(liting)
    hurrying.asks(station, liting, lacking)
    reminding.sets(liting, lacking, at="2026-03-02T10:00")
    collected = handled(liting)
    zhangwei.handles(collected)
    liting.closes(collected)
    _others(station, liting, lacking)
    drawn = handled(liting)
    station.session.merge(ReviewBlock(size=5, used=1, chosen=2))
    zhangwei.handles(drawn)


def _checks(station: Station) -> None:
    """What the head must decide before a case is accepted, and one that he has declined."""
    liting, head = station.person("liting"), station.person("zhoujianguo")
    now = f"{station.clock.now().astimezone(ZONE):%Y-%m-%d %H:%M}"
    station.clock.move_to("2026-02-06 10:00")
    run_out = checked(liting)
    mending.checks(liting, run_out, run_out.materials[0].name)
    station.clock.move_to(now)
    station.fire_due()
    raised = checked(liting)
    first, second, *_ = (material.name for material in raised.materials)
    mending.checks(liting, raised, first)
    mending.brings(liting, raised)
    mending.checks(liting, raised, second)
    declining.declines(liting, checked(liting))
    declined = checked(liting)
    declining.declines(liting, declined)
    head.does(declined, "confirm_decline", {"declined": "yes"})


def _handed_on(station: Station) -> None:
    """From the first contact to a colleague, and to other bodies."""
    liting, chenzhiqiang, head = (station.person(one) for one in ("liting", "chenzhiqiang", "zhoujianguo"))
    taken, declined = liting.registers(), liting.registers(on_behalf=True, handler="testing")
    handing.changes(head, taken, station.person("wangfang"))
    handing.hands_over(liting, taken)
    passing.guides(liting, taken)
    passing.guides(liting, matter="发票在哪里领？")
    chenzhiqiang.does(declined, "accept", {"answer": "decline", "why": "不是检测，是标准。"})
    passing.transfers_it(liting, liting.registers())
    confirmed, returned, tracked = (liting.registers() for _ in range(3))
    for one in (confirmed, returned, tracked):
        passing.transfers_it(liting, one)
        passing.sends(liting, one)
    passing.comes_back(liting, returned)
    passing.is_received(liting, tracked)
    station.session.commit()


def checked(clerk: Person) -> Case:
    """Somebody's materials wait to be checked."""
    case = clerk.registers()
    clerk.classifies(case, "JL01")
    return case


def _others(station: Station, clerk: Person, case: Case) -> None:
    """With other bodies: something agreed on a case and alone, units to contact, departments asked."""
    for first in (coordinating.records(clerk, case), coordinating.records(clerk, due=None)):
        if first.due_on:
            coordination.settle_early(station.engine, first, by=clerk.actor)
    coordinating.records(clerk, **coordinating.PERSON)
    coordinating.names_units(station)
    joined = handled(clerk)
    for unit in joining.UNITS:
        joining.asks(clerk, joined, unit)
    joining.answers(clerk, joined, joining.UNITS[0])


def handled(clerk: Person) -> Case:
    case = checked(clerk)
    clerk.accepts(case)
    clerk.answers(case, "2026-03-13")
    return case


def _supervise(station: Station, by: Person, case: Case) -> None:
    station.engine.start(
        "supervision", by=by.actor, data={"case_id": case.id, "rung": "manual"}, business_key=case.key
    )
    station.session.commit()


def _absences(station: Station) -> None:
    def person(login: str) -> Person:
        return station.person(login)

    def planned(login: str, day: str, **changed: Any) -> Absence:
        return leaving.registers(person(login), from_at=f"{day}T08:30", to_at=f"{day}T17:30", **changed)

    def sudden(login: str, since: str, until: str) -> Absence:
        times = {"from_at": f"2026-03-02T{since}", "to_at": f"2026-03-02T{until}"}
        return leaving.registers(person(login), kind="sudden", cause="请假", **times)

    def accepts(absence: Absence) -> None:
        assert absence.substitute is not None
        leaving.does(person(absence.substitute.login), absence, "confirm", answer="accept")

    declined = planned("chenzhiqiang", "2026-03-16")
    leaving.does(person("zhangwei"), declined, "confirm", answer="decline", reason="当天也要外出。")
    accepts(planned("zhangwei", "2026-03-18"))
    sheet = planned("liting", "2026-03-20")
    accepts(sheet)
    leaving.hands_over(person("liting"), sheet)

    sudden("wangfang", "09:00", "09:30")
    back, acknowledged = sudden("liuyang", "09:00", "17:30"), sudden("sunlihua", "09:00", "17:30")
    station.clock.move_to("2026-03-02 13:30")
    station.fire_due()
    for login, absence in (("liuyang", back), ("sunlihua", acknowledged)):
        leaving.does(person(login), absence, "come_back", outcome="returned")
    leaving.does(person("zhaomin"), acknowledged, "hand_back", open=[])
    sudden("chenzhiqiang", "13:30", "17:30")
    planned("admin", "2026-03-10")


def _complaints(station: Station) -> None:
    """About 陈志强, at every step; an agreement of last week whose day has come."""
    beginning = station.clock.now()
    clerk, handler, head = (station.person(one) for one in ("wangfang", "sunlihua", "zhoujianguo"))

    def registered(**changed: Any) -> Complaint:
        return complaining.registers(clerk, about=[station.person("chenzhiqiang")], **changed)

    def assigned(**changed: Any) -> Complaint:
        complaint = registered(**changed)
        complaining.assesses(handler, complaint)
        complaining.tells(handler, complaint)
        complaining.assigns(head, complaint, handler)
        return complaint

    def investigated(**changed: Any) -> Complaint:
        complaint = assigned(**changed)
        complaining.investigates(handler, complaint)
        return complaint

    def decided(**proposal: Any) -> Complaint:
        complaint = investigated()
        complaining.proposes(handler, complaint, **proposal)
        complaining.does(head, complaint, "decide", approval="yes")
        return complaint

    station.clock.move_to("2026-02-27 09:00")
    agreed = {"outcome": "agreed", "agreement": "重新出具报告。", "fulfil_on": "2026-02-27", "signed": True}
    complaining.does(handler, investigated(kind="dispute"), "mediate", **agreed)
    station.clock.move_to(f"{beginning.astimezone(SHANGHAI):%Y-%m-%d %H:%M}")
    station.fire_due()

    registered(anonymous=True, name=None, phone=None)
    complaining.assesses(handler, registered(interval=2))
    hearing.asks(handler, assigned())
    investigated(kind="dispute")
    investigated()
    complaining.proposes(handler, investigated())
    decided()
    improvement = {"needs_improvement": True, "improvement": "窗口增设提示。", "improver": clerk.row.key}
    complaining.feeds_back(handler, decided(**improvement))
    improved = decided(**improvement)
    complaining.feeds_back(handler, improved)
    complaining.does(clerk, improved, "improve", done="已装电子屏。")
