"""Twenty people, two web processes, one task: security.md's second promise as it is met over HTTP."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex

import httpx
import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.conftest import TEMPLATE, run_as_owner
from tests.running import Browser, Process, free_port, install_demo, until
from web.idempotency import Idempotency
from workflow.cluster import OWNER
from workflow.database import make_engine
from workflow.engine import history
from workflow.engine.submissions import SubmissionRow
from workflow.engine.tasks import DONE, OPEN, TaskRow
from workflow.keeper import Keeper
from workflow.station.cases import Case
from workflow.station.enterprises import Enterprise
from workflow.station.numbering import NumberSequence
from workflow.station.staff import Staff

CLIENTS = 20
CLASSIFIED = {"item": "JL01"}


class Counter:
    """Two web processes on one database, and the people in front of them."""

    def __init__(self, url: str, home: Path) -> None:
        self.engine = make_engine(url, connections=2)
        self.webs = [Process("web", url=url, home=home, port=free_port()) for _ in range(2)]
        for web in self.webs:
            until(web.answers, 30, web.log.read_text)
        people = [Browser(self.webs[0].address, login) for login in ("liting", "wangfang")]
        self.browsers = [people[n // 2 % 2].another(self.webs[n % 2].address) for n in range(CLIENTS)]
        for person in people:
            person.close()

    def close(self) -> None:
        for browser in self.browsers:
            browser.close()
        for web in self.webs:
            web.kill()
        self.engine.dispose()

    def session(self) -> Session:
        return Session(self.engine, expire_on_commit=False)

    def register(self) -> Case:
        """A matter that waits to be classified."""
        with self.session() as session:
            enterprise = session.scalars(select(Enterprise.id).order_by(Enterprise.id)).first()
            clerk = session.scalars(select(Staff.id).where(Staff.login == "liting")).one()
        form = {
            "channel": "visit",
            "name": "王小明",
            "phone": "000-12345678",
            "enterprise": str(enterprise),
            "matter": "两台游标卡尺需要送检。",
            "first_contact": str(clerk),
        }
        answer = self.browsers[0].post("/cases/new", form, token_hex(8))
        assert answer.status_code == 200, answer.text
        with self.session() as session:
            return session.get_one(Case, int(answer.json()["next"].rsplit("/", 1)[1]))

    def all_at_once(self, task: int, keys: list[str], browsers: list[Browser]) -> list[httpx.Response]:
        barrier = threading.Barrier(len(browsers))

        def complete(number: int) -> httpx.Response:
            barrier.wait(10)
            return browsers[number].post(f"/tasks/{task}/complete", CLASSIFIED, keys[number])

        with ThreadPoolExecutor(len(browsers)) as threads:
            return list(threads.map(complete, range(len(browsers))))


@pytest.fixture(scope="module")
def counter(server: Keeper, open_folder: Path) -> Iterator[Counter]:
    name, home = "clone_barrier", open_folder / "barrier"
    run_as_owner(server, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    install_demo(server.url(name, role=OWNER), home)
    counter = Counter(server.url(name), home)
    yield counter
    counter.close()
    run_as_owner(server, f"DROP DATABASE {name} WITH (FORCE)")


def waiting_task(session: Session, case: Case) -> int:
    found = select(TaskRow.id).where(TaskRow.instance_id == case.instance_id, TaskRow.status == OPEN)
    return session.scalars(found).one()


def assert_done_once(session: Session, case: Case, task: int) -> None:
    """One submission, one line of history, one number, one next task; all seals hold."""
    of_task = select(func.count()).select_from(SubmissionRow).where(SubmissionRow.task_id == task)
    assert session.scalar(of_task) == 1
    assert [line.kind for line in history.of(session, case.instance_id)] == ["start", "complete"]
    assert history.verify(session) == []
    given = session.scalars(select(Case.no).where(Case.no.is_not(None)).order_by(Case.no)).all()
    assert given == [f"SL2026-{number:05d}" for number in range(1, len(given) + 1)]
    assert session.get_one(Case, case.id).no == given[-1]
    assert session.scalars(select(NumberSequence.last).where(NumberSequence.prefix == "SL")).one() == len(
        given
    )
    assert session.get_one(TaskRow, task).status == DONE
    assert waiting_task(session, case) != task


def test_of_twenty_who_complete_a_task_one_does_and_nineteen_hear_that_it_is_done(counter: Counter) -> None:
    case = counter.register()
    with counter.session() as session:
        task = waiting_task(session, case)
    keys = [f"own-{number}" for number in range(CLIENTS)]
    answers = counter.all_at_once(task, keys, counter.browsers)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * (CLIENTS - 1)
    assert {answer.json()["state"] for answer in answers if answer.status_code == 409} == {DONE}
    with counter.session() as session:
        assert_done_once(session, case, task)
        kept = session.scalars(select(Idempotency.key).where(Idempotency.key.like("own-%"))).all()
        assert kept == [keys[[answer.status_code for answer in answers].index(200)]]


def test_twenty_with_one_key_get_one_answer_for_one_effect(counter: Counter) -> None:
    case = counter.register()
    with counter.session() as session:
        task = waiting_task(session, case)
    mine = [browser for browser in counter.browsers if browser.login == "liting"]
    assert {browser.http.base_url.port for browser in mine} == {web.port for web in counter.webs}
    answers = counter.all_at_once(task, ["shared"] * CLIENTS, mine * 2)
    assert [answer.status_code for answer in answers] == [200] * CLIENTS
    assert len({answer.content for answer in answers}) == 1
    with counter.session() as session:
        assert_done_once(session, case, task)
        assert session.scalar(select(func.count()).where(Idempotency.key == "shared")) == 1
