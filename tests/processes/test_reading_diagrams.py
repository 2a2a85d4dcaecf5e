"""A new version of a diagram is read by everybody; the head sees who has not (R2.2.6b)."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from tests.processes.conftest import Person, Station
from workflow.bpmn.parsing import Bundle, load_folder
from workflow.engine import definitions
from workflow.engine.definitions import DefinitionRow
from workflow.errors import NotFound, Refused
from workflow.station import diagram_reading, positions, running, staff
from workflow.station.diagram_reading import Published
from workflow.station.positions import Position


def publishes(station: Station, name: str = "申请延期（新）") -> DefinitionRow:
    """The next version of 延期审批."""
    known = load_folder("extension_approval", running.ROOT / "processes", running.ROOT / "forms")
    files = dict(known.files)
    old = files["extension_approval.bpmn"].decode()
    files["extension_approval.bpmn"] = old.replace('name="申请延期"', f'name="{name}"').encode()
    moment = station.clock.now()
    bundle = Bundle("extension_approval", files)
    row = definitions.deploy(station.session, bundle, actor="system", moment=moment)
    diagram_reading.ask_everybody(station.session, row, moment)
    station.session.commit()
    return row


def of(who: Person, row: DefinitionRow) -> Published:
    found = diagram_reading.published(who.station.session, who.actor)
    return next(one for one in found if one.row.key == row.key)


def reads(who: Person, row: DefinitionRow) -> None:
    diagram_reading.confirm(who.station.session, who.actor, row.id, who.station.clock.now())
    who.station.session.commit()


def asked(who: Person) -> int:
    return diagram_reading.waiting(who.station.session, who.actor)


@pytest.fixture
def new(station: Station) -> DefinitionRow:
    station.clock.move_to("2026-03-03 10:00")
    return publishes(station)


def test_r2_2_6b_the_first_installation_asks_nobody(station, liting, head):
    found = diagram_reading.published(station.session, liting.actor)
    assert len(found) == len(running.SHIPPED) and not any(one.asked or one.news for one in found)
    assert asked(liting) == 0 and not any("流程图" in sentence for sentence in liting.told())


def test_r2_2_6b_a_new_version_asks_every_member_of_staff_once(station, liting, head, new):
    assert new.version == 2 and of(liting, new).row.id == new.id
    for login in ("liting", "zhangwei", "zhoujianguo", "admin"):
        person = station.person(login)
        assert asked(person) == 1 and of(person, new).asked
        said = [sentence for sentence in person.told() if "新版流程图" in sentence]
        assert said == ["新版流程图《延期审批》（第 2 版）已生效，请阅读。"]
    reads(liting, new)
    reads(liting, new)
    assert asked(liting) == 0 and of(liting, new).read_at == station.clock.now()


def test_r2_2_6b_the_head_sees_who_has_not_read_it(station, liting, zhangwei, head, new):
    reads(liting, new)
    unread = [person.name for person in of(head, new).unread]
    assert "李婷" not in unread and "张伟" in unread and len(unread) == 9
    assert of(zhangwei, new).unread == [zhangwei.row], "colleagues are nobody's business"


def test_r2_2_6b_what_was_published_before_somebody_came_is_not_asked_of_him(station, liting, new):
    late = staff.create(station.session, login="late", name="新来")
    desk = station.session.scalars(select(Position).where(Position.code == "intake_1")).one()
    positions.appoint(station.session, desk, a=liting.row, b=[late], on=date(2026, 3, 4))
    station.session.commit()
    person = station.person("late")
    assert asked(person) == 0 and not of(person, new).asked
    station.clock.move_to("2026-03-04 10:00")
    publishes(station, "延期申请")
    assert asked(person) == 1


def test_r2_2_6b_of_two_new_versions_only_the_newest_is_to_be_read(station, liting, new):
    newest = publishes(station, "延期申请")
    assert asked(liting) == 1 and of(liting, new).row.id == newest.id
    with pytest.raises(Refused):
        reads(liting, new)
    station.session.rollback()
    assert diagram_reading.find(station.session, liting.actor, new.id) == new, "cases still run on it"


def test_r2_2_6b_a_release_asks_to_read_what_is_new_in_it_and_nothing_else(station, liting):
    """A station that began without 延期审批: with the next release its diagram is news."""
    session = station.session
    old = session.scalars(select(DefinitionRow).where(DefinitionRow.key == "extension_approval")).one()
    session.delete(old)
    session.flush()
    station.clock.move_to("2026-03-03 10:00")
    running.deploy_shipped(session, actor="system", moment=station.clock.now())
    session.commit()
    assert asked(liting) == 1
    assert [sentence for sentence in liting.told() if "流程图" in sentence] == [
        "新版流程图《延期审批》（第 1 版）已生效，请阅读。"
    ]


def test_r2_2_6b_who_has_read_what_is_only_added_to_and_a_diagram_that_is_not_there_is_not_found(
    station, liting, new
):
    reads(liting, new)
    with pytest.raises(NotFound):
        diagram_reading.confirm(station.session, liting.actor, 9999, station.clock.now())
    with pytest.raises(DBAPIError):
        station.session.execute(text("DELETE FROM diagram_reading"))
