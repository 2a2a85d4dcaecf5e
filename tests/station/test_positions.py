from datetime import date, datetime
from types import SimpleNamespace

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from tests.station.moments import local
from workflow.errors import Refused
from workflow.station import absences, positions, staff
from workflow.station.staff import Staff

MORNING = local("2026-03-09 09:00")
DAY = date(2026, 1, 1)


def away(session: Session, person: Staff, substitute: Staff | None, **more: object) -> absences.Absence:
    """Away on Monday 9 March, all day."""
    words = {"cause": "出差", "from_at": local("2026-03-09 00:00"), "to_at": local("2026-03-10 00:00")}
    return absences.record(session, person, substitute=substitute, **(words | more))


def held(session: Session, code: str, moment: datetime = MORNING) -> list[tuple[str, str | None]]:
    return [
        (person.name, acting_for.name if acting_for else None)
        for person, acting_for in positions.holders(session, moment)[code]
    ]


# whose turn it is


def test_a_present_holds_the_position(session: Session, people: SimpleNamespace) -> None:
    assert held(session, "metrology") == [("张伟", None)]
    assert positions.offers(session, people.zhang, MORNING) == {"metrology": None, "technician": None}


def test_while_a_is_away_b_acts_for_a_and_a_is_offered_nothing(
    session: Session, people: SimpleNamespace
) -> None:
    away(session, people.zhang, people.chen)
    assert held(session, "metrology") == [("陈志强", "张伟")]
    assert positions.offers(session, people.zhang, MORNING) == {}
    assert positions.offers(session, people.chen, MORNING) == {
        "metrology": people.zhang.key,
        "technician": None,
        "testing": None,
        "equipment": None,
    }


def test_a_duty_nobody_else_gives_is_offered_on_behalf_of_the_one_away(
    session: Session, people: SimpleNamespace
) -> None:
    away(session, people.chen, people.zhang)
    offered = positions.offers(session, people.zhang, MORNING)
    assert offered["equipment"] == people.chen.key
    assert offered["technician"] is None


def test_the_absence_begins_and_ends_by_the_minute(session: Session, people: SimpleNamespace) -> None:
    away(
        session, people.zhang, people.chen, from_at=local("2026-03-09 13:30"), to_at=local("2026-03-09 17:30")
    )
    assert held(session, "metrology", local("2026-03-09 13:29")) == [("张伟", None)]
    assert held(session, "metrology", local("2026-03-09 13:30")) == [("陈志强", "张伟")]
    assert held(session, "metrology", local("2026-03-09 17:29")) == [("陈志强", "张伟")]
    assert held(session, "metrology", local("2026-03-09 17:30")) == [("张伟", None)]


def test_the_substitute_named_in_the_absence_goes_before_b(session: Session, people: SimpleNamespace) -> None:
    away(session, people.zhang, people.li)
    assert held(session, "metrology") == [("李婷", "张伟")]


def test_of_several_b_the_first_present_acts(session: Session, people: SimpleNamespace) -> None:
    desk = positions.create(session, code="desk_3", name="接待受理三", duties=["intake"])
    positions.appoint(session, desk, a=people.li, b=[people.wang, people.zhang], on=DAY)
    positions.activate(session, desk, on=DAY)
    away(session, people.li, None, sudden=True)
    away(session, people.wang, None, sudden=True)
    assert held(session, "desk_3") == [("张伟", "李婷")]


def test_with_a_and_b_away_the_head_acts_and_without_head_and_deputy_the_superior(
    session: Session, people: SimpleNamespace
) -> None:
    for person in (people.zhang, people.chen):
        away(session, person, None, sudden=True)
    assert held(session, "metrology") == [("周建国", "张伟")]
    away(session, people.zhou, None, sudden=True)
    assert held(session, "metrology") == [("孙丽华", "张伟")]
    away(session, people.sun, None, sudden=True)
    assert held(session, "metrology") == [("吴敏", "张伟")]
    assert held(session, "station_head") == [("吴敏", "周建国")]
    away(session, people.wu, None, sudden=True)
    assert held(session, "metrology") == []


def test_a_duty_is_asked_of_everybody_who_holds_it_now(session: Session, people: SimpleNamespace) -> None:
    def asked() -> set[tuple[str, str | None]]:
        found = positions.holders_of(session, "technician", MORNING)
        return {(person.name, acting_for.name if acting_for else None) for person, acting_for in found}

    assert asked() == {("张伟", None), ("陈志强", None)}
    away(session, people.zhang, people.chen)
    assert asked() == {("陈志强", None)}


def test_the_deputy_of_a_person_is_the_first_other_one_present(
    session: Session, people: SimpleNamespace
) -> None:
    assert positions.deputies(session, people.zhang, MORNING) == [people.chen]
    away(session, people.chen, None, sudden=True)
    assert positions.deputies(session, people.zhang, MORNING) == []


def test_whoever_stands_in_is_found_at_any_moment_and_nobody_while_the_person_is_there(
    session: Session, people: SimpleNamespace
) -> None:
    away(session, people.zhang, people.li)
    assert positions.stand_ins(session, people.zhang, MORNING) == [people.li]
    assert positions.stand_ins(session, people.zhang, local("2026-03-10 09:00")) == []
    assert positions.stand_ins(session, people.chen, MORNING) == []


def test_who_holds_no_position_is_replaced_by_the_substitute_that_was_named(
    session: Session, people: SimpleNamespace
) -> None:
    trainee = staff.create(session, login="new", name="新同事")
    away(session, trainee, people.li)
    assert positions.holders_of(session, trainee.key, MORNING) == [(people.li, trainee)]
    assert trainee.key in staff.actor(session, people.li, MORNING).selves
    assert trainee.key not in staff.actor(session, people.wang, MORNING).selves
    away(session, people.li, None, sudden=True)
    assert positions.holders_of(session, trainee.key, MORNING) == [(trainee, None)]


def test_what_a_colleague_has_claimed_is_done_on_the_colleagues_behalf_even_within_ones_own_duty(
    session: Session, people: SimpleNamespace
) -> None:
    away(session, people.zhang, people.chen)
    chen = staff.actor(session, people.chen, MORNING)
    assert chen.acts_for("technician") is None
    assert chen.acts_for("technician", people.zhang.key) == people.zhang.key
    assert chen.acts_for("technician", people.chen.key) is None
    assert chen.acts_for("technician", people.li.key) is None


def test_twins_stand_in_one_position_as_a_and_b(session: Session, people: SimpleNamespace) -> None:
    assert positions.twins(session, people.zhang, MORNING) == [people.chen]
    assert positions.twins(session, people.sun, MORNING) == [people.zhou, people.wu]
    assert people.sun in positions.twins(session, people.zhou, MORNING)
    assert people.wu not in positions.twins(session, people.zhou, MORNING)


def test_twins_are_who_stands_so_now_and_only_in_active_positions(
    session: Session, people: SimpleNamespace
) -> None:
    desk = positions.create(session, code="desk_3", name="接待受理三", duties=["intake"])
    positions.appoint(session, desk, a=people.zhang, b=[people.wang, people.li], on=DAY)
    assert positions.twins(session, people.zhang, MORNING) == [people.chen]
    positions.activate(session, desk, on=DAY)
    assert positions.twins(session, people.zhang, MORNING) == [people.li, people.wang, people.chen]
    assert people.li not in positions.twins(session, people.chen, MORNING)
    positions.appoint(session, desk, a=people.wang, b=[people.li], on=date(2026, 3, 9))
    assert positions.twins(session, people.zhang, MORNING) == [people.chen]
    before = local("2026-03-08 09:00")
    assert people.wang in positions.twins(session, people.zhang, before)


def test_two_b_of_one_position_are_no_twins(session: Session, people: SimpleNamespace) -> None:
    desk = positions.create(session, code="desk_3", name="接待受理三", duties=["intake"])
    positions.appoint(session, desk, a=people.zhang, b=[people.wu, people.root], on=DAY)
    positions.activate(session, desk, on=DAY)
    assert people.root not in positions.twins(session, people.wu, MORNING)


def test_uncovered_is_what_neither_a_nor_substitute_nor_b_is_there_for(
    session: Session, people: SimpleNamespace
) -> None:
    assert positions.uncovered(session, MORNING) == []
    away(session, people.zhang, people.chen)
    assert positions.uncovered(session, MORNING) == []
    away(session, people.chen, None, sudden=True)
    red = positions.uncovered(session, MORNING)
    assert [(one.code, one.away, one.acting) for one in red] == [
        ("metrology", people.zhang, people.zhou),
        ("testing", people.chen, people.zhou),
    ]
    for person in (people.zhou, people.sun, people.wu):
        away(session, person, None, sudden=True)
    assert {one.acting for one in positions.uncovered(session, MORNING)} == {None}


def test_an_actor_is_found_with_one_statement(session: Session, people: SimpleNamespace) -> None:
    statements: list[str] = []
    connection = session.connection()

    def note(conn: object, cursor: object, statement: str, *rest: object) -> None:
        statements.append(statement)

    event.listen(connection, "before_cursor_execute", note)
    actor = staff.actor(session, people.chen, MORNING)
    event.remove(connection, "before_cursor_execute", note)
    assert "testing" in actor.offers
    assert len(statements) == 1


def test_who_leads_may_lead_also_when_acting_and_who_only_administers_sees_no_cases(
    session: Session, people: SimpleNamespace
) -> None:
    def may(person: Staff) -> frozenset[str]:
        return staff.actor(session, person, MORNING).may

    assert may(people.zhou) == {"cases", "lead"}
    assert may(people.wu) == {"cases", "lead"}
    assert may(people.sun) == {"cases"}
    assert may(people.root) == {"admin"}
    away(session, people.zhou, people.sun)
    away(session, people.root, people.chen)
    assert may(people.zhou) == {"cases"}
    assert may(people.sun) == {"cases", "lead"}
    assert may(people.chen) == {"cases", "admin"}


# arranging


def test_a_position_without_b_cannot_be_activated(session: Session, people: SimpleNamespace) -> None:
    desk = positions.create(session, code="desk_3", name="接待受理三", duties=["intake"])
    with pytest.raises(Refused, match="未设置A角"):
        positions.activate(session, desk, on=DAY)
    positions.appoint(session, desk, a=people.li, b=[], on=DAY)
    with pytest.raises(Refused, match="未设置B角"):
        positions.activate(session, desk, on=DAY)
    assert not desk.active


def test_an_active_position_cannot_lose_its_last_b(session: Session, people: SimpleNamespace) -> None:
    desk = session.query(positions.Position).filter_by(code="desk_1").one()
    with pytest.raises(Refused, match="未设置B角"):
        positions.appoint(session, desk, a=people.li, b=[], on=date(2026, 3, 1))


def test_nobody_is_the_b_of_oneself(session: Session, people: SimpleNamespace) -> None:
    desk = positions.create(session, code="desk_3", name="接待受理三", duties=["intake"])
    with pytest.raises(Refused):
        positions.appoint(session, desk, a=people.li, b=[people.li], on=DAY)


def test_a_new_arrangement_keeps_who_held_it_before(session: Session, people: SimpleNamespace) -> None:
    desk = session.query(positions.Position).filter_by(code="desk_1").one()
    positions.appoint(session, desk, a=people.zhang, b=[people.li], on=date(2026, 3, 9))
    assert held(session, "desk_1", local("2026-03-08 23:59")) == [("李婷", None)]
    assert held(session, "desk_1", local("2026-03-09 00:00")) == [("张伟", None)]


def test_only_listed_duties_exist(session: Session) -> None:
    with pytest.raises(Refused):
        positions.create(session, code="x", name="x", duties=["root"])


# absences


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"cause": "散步"}, "cause"),
        ({"cause": "其他"}, "cause_text"),
        ({"cause": "其他", "cause_text": "  "}, "cause_text"),
        ({"to_at": local("2026-03-09 00:00")}, "to_at"),
    ],
)
def test_an_absence_needs_a_listed_cause_and_times_in_order(
    session: Session, people: SimpleNamespace, words: dict[str, object], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        away(session, people.zhang, people.chen, **words)
    assert refused.value.field == field


def test_other_causes_are_accepted_with_words(session: Session, people: SimpleNamespace) -> None:
    assert away(session, people.zhang, people.chen, cause="其他", cause_text="献血").cause_text == "献血"


def test_a_planned_absence_needs_a_present_substitute(session: Session, people: SimpleNamespace) -> None:
    with pytest.raises(Refused):
        away(session, people.zhang, None)
    with pytest.raises(Refused):
        away(session, people.zhang, people.zhang)
    away(session, people.li, people.wang)
    with pytest.raises(Refused, match="李婷"):
        away(session, people.zhang, people.li)


def test_whoever_acts_for_somebody_cannot_plan_to_be_away_then(
    session: Session, people: SimpleNamespace
) -> None:
    away(session, people.zhang, people.chen)
    with pytest.raises(Refused, match="张伟"):
        away(session, people.chen, people.li)
    later = {"from_at": local("2026-03-10 00:00"), "to_at": local("2026-03-11 00:00")}
    away(session, people.chen, people.zhang, **later)


def test_a_sudden_absence_is_saved_whoever_else_is_away(session: Session, people: SimpleNamespace) -> None:
    away(session, people.zhang, people.chen)
    away(session, people.chen, None, sudden=True)
    assert positions.is_away(session, people.chen, MORNING)
    assert held(session, "metrology") == [("周建国", "张伟")]


def test_who_is_away_on_a_deadline_is_known_before(session: Session, people: SimpleNamespace) -> None:
    absence = away(session, people.zhang, people.chen)
    assert absences.away_on(session, people.zhang, MORNING) is absence
    assert absences.away_on(session, people.zhang, local("2026-03-10 00:00")) is None
    assert absences.away_on(session, people.chen, MORNING) is None
