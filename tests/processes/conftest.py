"""The demo station in the words that its people use."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from tests.conftest import Clock
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.station import cases, inbox, notices, staff
from workflow.station.cases import Case
from workflow.station.enterprises import Enterprise
from workflow.station.running import engine_for
from workflow.station.staff import Staff


class Station:
    """Everybody at work: ``station.person("liting").registers(…)``."""

    def __init__(self, session: Session, clock: Clock) -> None:
        self.session, self.clock = session, clock

    @property
    def engine(self) -> Engine:
        return engine_for(self.session)

    def person(self, login: str) -> Person:
        return Person(self, self.session.scalars(select(Staff).where(Staff.login == login)).one())

    def fire_due(self) -> list[str]:
        """Fire what is due now, oldest first; the elements that fired."""
        fired = []
        due = select(TimerRow).where(TimerRow.due_at <= self.clock.now()).order_by(TimerRow.due_at)
        while timer := self.session.scalars(due.limit(1)).first():
            fired.append(timer.element)
            assert self.engine.fire(timer.id)
            self.session.commit()
            self.session.expire_all()
        return fired


class Person:
    """One member of staff, with what he or she does at the counter and the desk."""

    def __init__(self, station: Station, row: Staff) -> None:
        self.station, self.row = station, row

    @property
    def actor(self) -> Actor:
        return staff.actor(self.station.session, self.row, self.station.clock.now())

    def registers(self, **changed: Any) -> Case:
        """A client's matter at the counter; the case, waiting to be classified."""
        first = self.station.session.scalars(select(Enterprise).order_by(Enterprise.file_no)).first()
        assert first is not None
        form = {
            "channel": "visit",
            "name": "王小明",
            "phone": "000-12345678",
            "enterprise": str(first.id),
            "matter": "两台游标卡尺需要送检。",
            "first_contact": str(self.row.id),
            **changed,
        }
        given = {key: value for key, value in form.items() if value is not None}
        instance = self.station.engine.start("intake", by=self.actor, data=given)
        self.station.session.commit()
        return cases.of_instance(self.station.session, instance)

    def task(self, case: Case, element: str) -> TaskRow:
        """The open task of this step that is in this person's inbox."""
        mine = {line.task_id for line in self.inbox() if line.element == element and line.case_id == case.id}
        assert len(mine) == 1, f"{self.row.login} has {len(mine)} tasks {element} of {case.no}"
        return self.station.session.get_one(TaskRow, mine.pop())

    def does(self, case: Case, element: str, data: Mapping[str, Any]) -> None:
        """Fill in the form of a step and send it off."""
        self.station.engine.complete(self.task(case, element).id, by=self.actor, data=data)
        self.station.session.commit()
        self.station.session.expire_all()

    def classifies(self, case: Case, item: str) -> None:
        self.does(case, "classify", {"item": item})

    def accepts(self, case: Case, *, missing: str | None = None) -> None:
        """Check each material; all in order unless one is named."""
        rows = []
        for material in case.materials:
            rows.append(
                {"name": material.name, "state": "ok", "pages": 2, "copies": 1, "original": "original"}
            )
            if material.name == missing:
                rows[-1] = {"name": material.name, "state": "missing", "reason": "请补一份盖章的原件。"}
        self.does(case, "check_materials", {"materials": rows, "decision": "wait" if missing else "accept"})

    def answers(self, case: Case, planned_on: str) -> None:
        self.does(case, "answer", {"solution": "由计量所上门取样检定。", "planned_on": planned_on})

    def handles(self, case: Case) -> None:
        self.does(case, "handle", {"progress": "样品已送检，证书已取回。", "needs_more": False})

    def closes(self, case: Case, **changed: Any) -> None:
        form = {"result": "completed", "summary": "检定合格，证书已交付。", "pickup": "window", **changed}
        self.does(case, "close", form)

    def inbox(self, q: str = "") -> list[inbox.Line]:
        return inbox.lines(self.station.session, self.actor, self.station.clock.now(), q=q)

    def told(self) -> list[str]:
        """The messages this person has not read, newest first, as sentences."""
        found = notices.unread(self.station.session, self.actor, self.station.clock.now())
        return [str(text) for notice in found for text, _ in notice.entries]


@pytest.fixture
def station(filled_home: Path, session: Session, clock: Clock) -> Station:
    return Station(session, clock)


@pytest.fixture
def liting(station: Station) -> Person:
    """接待受理一, A."""
    return station.person("liting")


@pytest.fixture
def wangfang(station: Station) -> Person:
    """接待受理二, A."""
    return station.person("wangfang")


@pytest.fixture
def zhangwei(station: Station) -> Person:
    """计量技术, A."""
    return station.person("zhangwei")


@pytest.fixture
def chenzhiqiang(station: Station) -> Person:
    """检测技术, A; B of 张伟."""
    return station.person("chenzhiqiang")


@pytest.fixture
def head(station: Station) -> Person:
    return station.person("zhoujianguo")


@pytest.fixture
def superior(station: Station) -> Person:
    return station.person("wumin")


def at(text: str) -> datetime:
    from tests.conftest import SHANGHAI

    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


__all__ = ["OPEN", "Person", "Station", "at"]
