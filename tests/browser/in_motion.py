"""A station at which every step of every diagram waits for somebody: what a walk over all pages opens."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from tests.processes import test_consultation as asking
from tests.processes import test_delegation as leaving
from tests.processes import test_extension as extending
from tests.processes import test_follow_up_reminder as reminding
from tests.processes import test_no_delay as hurrying
from tests.processes import test_suspension as stopping
from tests.processes.conftest import Person, Station
from workflow.station import demo_cases
from workflow.station.absences import Absence
from workflow.station.cases import Case
from workflow.station.review import ReviewBlock


def put_in_motion(station: Station) -> None:
    """The demo's week, and on its last day absences, extensions, stops and supervision at every step."""
    session = station.session
    demo_cases.play(session, station.clock.now())
    for absence in session.scalars(select(Absence)):
        session.delete(absence)
    session.commit()
    _cases(station)
    _consultations(station)
    _absences(station)


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
    checked = liting.registers()
    liting.classifies(checked, "JL01")
    hurrying.asks(station, liting, checked)
    reminding.sets(liting, checked, at="2026-03-02T10:00")
    drawn = handled(liting)
    station.session.merge(ReviewBlock(size=5, used=1, chosen=2))
    zhangwei.handles(drawn)


def handled(clerk: Person) -> Case:
    case = clerk.registers()
    clerk.classifies(case, "JL01")
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
