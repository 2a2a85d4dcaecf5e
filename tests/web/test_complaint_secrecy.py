"""Whoever is complained of finds nothing, anywhere (R4.2, decisions 39): every page is what it was before."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

import pytest
from flask import Flask
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from tests.conftest import Clock, Database
from tests.processes import test_complaint as complaining
from tests.processes.conftest import Station
from tests.web.conftest import Browser
from workflow.engine.history import HistoryRow
from workflow.engine.tasks import TaskRow
from workflow.station import complaint_extensions, conflicts, running
from workflow.station.complaints import Complaint
from workflow.station.documents import Document
from workflow.station.permissions import ROWS, visible

MARK = "绝密窗口事由"
RANDOM = re.compile(r"[\w-]{20,}\.[\w-]{4,10}\.[\w-]{20,}|[0-9a-f-]{32,36}|nonce-[\w+/=-]+")  # tokens, keys
SEARCHES = ("/", "/worklist", "/cases", "/complaints", "/posts/directory")
NUMBERS = {"task_id": range(1, 8), "document_id": range(1, 4)}  # of all else there is at most one
NO_PAGES = ("/static", "/health", "/sign-in", "/v/")  # files, or open to anybody by a secret of their own


def addresses(app: Flask) -> Iterator[str]:
    """Every address that can be opened, with every id that exists here, and every search."""
    for rule in app.url_map.iter_rules():
        path = str(rule.rule)
        if "GET" not in (rule.methods or ()) or path.startswith(NO_PAGES):
            continue
        if "<any(" in path:
            whats = re.search(r"<any\(([^)]*)\):\w+>", path)
            assert whats is not None
            paths = [path.replace(whats[0], one.strip()) for one in whats[1].split(",")]
        else:
            paths = [path]
        for one in paths:
            if which := re.search(r"<int:(\w+)>", one):
                yield from (one.replace(which[0], str(number)) for number in NUMBERS.get(which[1], (1,)))
            elif "<" not in one:
                yield one
    for path in SEARCHES:
        yield from (f"{path}?q={words}" for words in (MARK, "TS2026", "%E6%8A%95%E8%AF%89"))
    yield from ("/complaints?show=all", "/?view=everybody", "/?view=handed_out", "/?view=position")


def seen(browser: Browser, app: Flask) -> Mapping[str, tuple[int, str]]:
    """What each page answers, without what is new on every page."""
    found = {}
    for address in addresses(app):
        answer = browser.get(address)
        assert answer.status_code < 500, address
        body = (
            answer.text
            if answer.mimetype.startswith(("text/", "application/json"))
            else str(len(answer.data))
        )
        found[address] = (answer.status_code, RANDOM.sub("", body))
    return found


def in_full_swing(station: Station, login: str) -> Complaint:
    """A complaint about this person with everything that can hang on one: tasks, papers, statements,
    a request for more time, a trouble with its diagram."""
    clerk = station.person("liting" if login != "liting" else "zhangwei")
    target = station.person(login)
    complaint = complaining.registers(clerk, about=[target], matter=f"{MARK}，当面推诿。", safety=True)
    complaining.accepted_by_whoever(station, complaint)
    chief = next(
        one for one in complaining.everybody(station) if "assign" in complaining.steps(one, complaint)
    )
    free = conflicts.handlers(station.session, complaint.key, station.clock.now())
    handler = station.person(free[0].login)
    complaining.assigns(chief, complaint, handler)
    complaining.investigates(handler, complaint)
    station.engine.start(
        complaint_extensions.PROCESS,
        by=handler.actor,
        data={"days": 2, "reason": f"{MARK}，等待复核录像。"},
        business_key=complaint.key,
    )
    running.report(station.session, complaint.instance_id, code="refused", message=MARK)
    station.session.commit()
    return complaint


@pytest.fixture
def station(database: Database, clock: Clock, app: Flask) -> Iterator[Station]:
    with database.sessions() as session:
        yield Station(session, clock)


@pytest.mark.parametrize("login", complaining.STAFF)
def test_r4_2_whoever_is_complained_of_finds_every_page_as_it_was_before(
    station: Station, app: Flask, signed_in: Callable[[str], Browser], login: str
) -> None:
    browser = signed_in(login)
    before = seen(browser, app)
    complaint = in_full_swing(station, login)
    after = seen(browser, app)
    changed = {address for address in before if before[address] != after[address]}
    assert changed == set(), (complaint.no, sorted(changed))
    _no_rows(station.session, station, login, complaint)


def _no_rows(session: Session, station: Station, login: str, complaint: Complaint) -> None:
    """Nor does any table give a row away, whatever page may come to ask it."""
    session.expire_all()
    actor = station.person(login).actor
    from workflow.schema import Base

    models = {mapper.class_.__tablename__: mapper.class_ for mapper in Base.registry.mappers}
    for name in ROWS:
        columns = models[name].__table__.columns.keys()
        mine = select(func.count()).select_from(models[name]).where(visible(actor, models[name]))
        if "owner" in columns:
            mine = mine.where(models[name].owner == complaint.key)
        elif "instance_id" in columns and name not in ("case",):
            mine = mine.where(models[name].instance_id == complaint.instance_id)
        elif "business_key" in columns:
            mine = mine.where(models[name].business_key == complaint.key)
        elif "object" in columns:
            mine = mine.where(models[name].object == complaint.key)
        elif "clock_id" in columns:
            mine = mine.where(text("clock_id IN (SELECT id FROM clock WHERE owner LIKE 'complaint:%')"))
        else:
            continue
        assert session.scalar(mine) == 0, name


def test_r4_2_its_handler_and_who_decides_find_it(
    station: Station, app: Flask, signed_in: Callable[[str], Browser]
) -> None:
    complaint = in_full_swing(station, "liting")
    for login in ("sunlihua", "zhoujianguo", "zhangwei"):
        browser = signed_in(login)
        assert complaint.no in browser.get("/complaints").text, login
        page = browser.get(f"/complaints/{complaint.id}")
        assert page.status_code == 200 and MARK in page.text
    paper = station.session.scalars(select(Document.id).where(Document.owner == complaint.key)).first()
    assert signed_in("sunlihua").get(f"/documents/{paper}.pdf").status_code == 200
    assert signed_in("liuyang").get(f"/documents/{paper}.pdf").status_code == 404, "no part in it"
    rows = select(func.count()).select_from(HistoryRow).where(HistoryRow.instance_id == complaint.instance_id)
    handler = station.person("sunlihua").actor
    assert station.session.scalar(rows.where(visible(handler, HistoryRow)))


def test_r4_2_a_complaint_is_handed_over_to_nobody_it_concerns(
    station: Station, app: Flask, signed_in: Callable[[str], Browser]
) -> None:
    complaint = in_full_swing(station, "liting")
    task = station.session.scalars(
        select(TaskRow).where(TaskRow.instance_id == complaint.instance_id, TaskRow.status == "open")
    ).one()
    handler = signed_in("sunlihua")
    handler.get("/")
    handler.post(f"/tasks/{task.id}/claim")
    for login, status in (("liting", 422), ("wangfang", 422), ("zhaomin", 302)):
        to = station.person(login).row.key
        assert handler.post(f"/tasks/{task.id}/hand-over", to=to).status_code == status, login


def test_r4_2_who_takes_down_a_complaint_about_himself_gets_number_and_code_once(
    station: Station, signed_in: Callable[[str], Browser]
) -> None:
    browser = signed_in("liting")
    browser.get("/complaints/new")
    data = {
        "channel": "visit",
        "kind": "service",
        "name": "王小明",
        "phone": "000-12345678",
        "targets": [str(station.person("liting").row.id)],
        "matter": f"{MARK}，当面推诿。",
        "demands": [{"demand": "道歉", "about": "service"}],
    }
    answer = browser.send("/complaints/new", data)
    assert answer.status_code == 200 and answer.json["next"] == "/"
    page = browser.get("/").text
    assert "TS2026-00001" in page and "查询码" in page
    assert "TS2026-00001" not in browser.get("/complaints").text
    assert browser.get("/complaints/1").status_code == 404
