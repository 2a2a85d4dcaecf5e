"""What the station's tests share: a home for keys, and a small station with A and B posts."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.orm import Session

from tests.station.moments import local
from workflow.station import positions, staff


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("YIZHAN_HOME", str(tmp_path / "家"))
    return tmp_path / "家"


@pytest.fixture
def moment() -> datetime:
    return local("2026-03-02 09:00")


@pytest.fixture
def people(session: Session) -> SimpleNamespace:
    """li/wang at the desks, zhang/chen technicians, zhou/sun leading, wu above them, root for the system."""
    people = SimpleNamespace(
        **{
            login: staff.create(session, login=login, name=name)
            for login, name in {
                "li": "李婷",
                "wang": "王芳",
                "zhang": "张伟",
                "chen": "陈志强",
                "zhou": "周建国",
                "sun": "孙丽华",
                "wu": "吴敏",
                "root": "郭磊",
            }.items()
        }
    )
    for code, duties, a, b in [
        ("desk_1", ["intake"], people.li, people.wang),
        ("desk_2", ["intake"], people.wang, people.li),
        ("metrology", ["technician"], people.zhang, people.chen),
        ("testing", ["technician", "equipment"], people.chen, people.zhang),
        ("station_head", ["head"], people.zhou, people.sun),
        ("leadership", ["superior"], people.wu, people.sun),
        ("systems", ["admin"], people.root, people.chen),
    ]:
        position = positions.create(session, code=code, name=code, duties=duties)
        positions.appoint(session, position, a=a, b=[b], on=date(2026, 1, 1))
        positions.activate(session, position, on=date(2026, 1, 1))
    return people
