from datetime import date, datetime
from decimal import Decimal

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.station.moments import local
from workflow.errors import Refused
from workflow.station import absences, co_handling, demo, items, positions, staff
from workflow.station.absences import Absence
from workflow.station.enterprises import Enterprise, is_valid_code
from workflow.station.persons import Person
from workflow.station.positions import Position
from workflow.station.staff import Staff

EVERYTHING = (
    Staff, Position, positions.PositionPost, Absence, items.ServiceItem, items.ItemVersion,
    items.ItemMaterial, Enterprise, Person,
)  # fmt: skip


@pytest.fixture
def filled(session: Session, moment: datetime) -> Session:
    demo.fill(session, moment)
    return session


def counts(session: Session) -> list[int | None]:
    return [session.scalar(select(func.count()).select_from(table)) for table in EVERYTHING]


def test_filling_twice_changes_nothing(filled: Session, moment: datetime) -> None:
    once = counts(filled)
    demo.fill(filled, moment)
    assert counts(filled) == once
    assert all(once)


def test_everybody_signs_in_with_the_one_demo_password(filled: Session) -> None:
    people = list(filled.scalars(select(Staff)))
    assert {person.login for person in people} == {login.login for login in demo.LOGINS}
    assert len({person.password_hash for person in people}) == 1
    admin = staff.check_password(filled, "admin", demo.PASSWORD)
    assert admin is not None and admin.name == "郭磊"


@pytest.mark.parametrize(
    ("login", "offered", "may"),
    [
        ("liting", {"intake"}, {"cases"}),
        ("wangfang", {"intake"}, {"cases"}),
        ("zhangwei", {"technician", "metrology"}, {"cases"}),
        ("chenzhiqiang", {"technician", "equipment", "testing"}, {"cases"}),
        ("liuyang", {"technician", "standards"}, {"cases"}),
        ("zhaomin", {"archive"}, {"cases"}),
        ("zhoujianguo", {"head"}, {"cases", "lead"}),
        ("sunlihua", {"complaints"}, {"cases"}),
        ("wumin", {"superior"}, {"cases", "lead"}),
        ("admin", {"admin"}, {"admin"}),
    ],
)
def test_each_login_is_offered_the_work_of_its_post(
    filled: Session, moment: datetime, login: str, offered: set[str], may: set[str]
) -> None:
    person = filled.scalars(select(Staff).where(Staff.login == login)).one()
    actor = staff.actor(filled, person, moment)
    assert offered <= set(actor.offers)
    assert actor.may == may


def test_every_position_is_active_with_an_a_and_a_b(filled: Session, moment: datetime) -> None:
    assert all(filled.scalars(select(Position.active)))
    assert all(holding for holding in positions.holders(filled, moment).values())
    duties = set(filled.scalars(select(func.unnest(Position.duties))))
    assert duties == set(positions.DUTIES)


def test_the_two_absences_of_the_rulebook_send_the_work_to_b(filled: Session) -> None:
    def holder(code: str, when: str) -> tuple[str, str | None]:
        ((person, acting_for),) = positions.holders(filled, local(when))[code]
        return person.name, acting_for.name if acting_for else None

    assert holder("intake_1", "2026-02-13 11:59") == ("李婷", None)
    assert holder("intake_1", "2026-02-13 15:00") == ("王芳", "李婷")
    assert holder("metrology", "2026-03-09 09:00") == ("陈志强", "张伟")
    assert holder("metrology", "2026-03-11 17:00") == ("陈志强", "张伟")
    assert holder("metrology", "2026-03-12 08:30") == ("张伟", None)


def test_the_stand_in_cannot_be_away_on_the_same_days(filled: Session) -> None:
    chen = filled.scalars(select(Staff).where(Staff.login == "chenzhiqiang")).one()
    zhang = filled.scalars(select(Staff).where(Staff.login == "zhangwei")).one()
    with pytest.raises(Refused):
        absences.record(
            filled,
            chen,
            cause="请假",
            from_at=local("2026-03-10 00:00"),
            to_at=local("2026-03-11 00:00"),
            substitute=zhang,
        )


@pytest.mark.parametrize(
    ("code", "limit", "materials", "expert", "immediate"),
    [
        ("JL01", "10", 4, True, False),
        ("JL02", "0.5", 1, False, True),
        ("BZ01", "1", 1, False, False),
        ("BZ02", "5", 3, False, False),
        ("JC01", "15", 4, True, False),
        ("JC02", "0.5", 2, False, False),
        ("RZ01", "5", 3, False, False),
        ("RZ02", "3", 3, False, False),
        ("ZL01", "20", 3, True, False),
        ("ZS01", "2", 3, False, False),
        ("ZS02", "5", 2, False, False),
        ("ZC01", "7", 2, False, False),
    ],
)
def test_the_catalogue_is_the_rulebooks(
    filled: Session, code: str, limit: str, materials: int, expert: bool, immediate: bool
) -> None:
    version = items.current(filled, code, date(2026, 3, 2))
    assert version.limit_value == Decimal(limit)
    assert (len(version.materials), version.needs_expert, version.immediate) == (materials, expert, immediate)


def test_r2_1a2_two_items_name_whom_to_coordinate_with(filled: Session) -> None:
    named = {
        version.item.code: units
        for version in items.catalogue(filled, date(2026, 3, 2))
        if (units := co_handling.units_of(filled, version))
    }
    assert {code: len(units) for code, units in named.items()} == {"JC01": 1, "JL01": 2}
    assert all(one.contact and one.phone.startswith("000") for units in named.values() for one in units)


def test_nothing_in_the_demo_can_reach_a_real_phone_or_enterprise(filled: Session) -> None:
    assert all(person.phone and person.phone.startswith("000") for person in filled.scalars(select(Staff)))
    assert all(phone.startswith("000") for *_, phone in demo.ENTERPRISES)
    codes = list(filled.scalars(select(Enterprise.code18)))
    assert len(codes) == 10
    assert all(code and is_valid_code(code) and code[2:8] == "000000" for code in codes)
