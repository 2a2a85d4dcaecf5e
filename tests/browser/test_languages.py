"""Every page in both languages: in English only data is Chinese, in Chinese only codes are not."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.conftest import Database
from workflow.engine.instances import InstanceRow
from workflow.engine.submissions import SubmissionRow
from workflow.engine.tasks import OPEN, TaskRow
from workflow.schema import Base
from workflow.station import demo_cases, documents
from workflow.station.absences import Absence
from workflow.station.answers import Answer
from workflow.station.cases import CLOSED, Case
from workflow.station.complaints import Complaint
from workflow.station.consultations import Consultation
from workflow.station.coordination import Coordination
from workflow.station.documents import Document
from workflow.station.items import ItemVersion
from workflow.station.persons import Person, mask_name
from workflow.station.positions import Position

SitsDown = Callable[..., Page]

LETTERHEAD = Path(documents.__file__).parent / "templates" / "letterhead.json"
HAN = re.compile(r"[\u3400-\u9fff\u3001\u3002\uff01-\uff5e]+")
ENGLISH = re.compile(r"[A-Za-z]{3,}")
PLACEHOLDER = re.compile(r"\{\w+\}")
# Codes, file kinds, the mark of the diagram's maker, the keys of a keyboard, algorithms, numbers of papers.
ALLOWED = re.compile(
    r"PDF|CSV|GBK|UTF-8|Powered by bpmn\.io|BPMN|\bEnter\b|SHA-256|reception_3"
    r"|\b[0-9a-f]{16,}\b|\b[A-Z]{2}\d{2,}[\w-]*|\b\d[0-9A-Z]{17}\b"
)
# What people of the station have written or are called: it is shown as it is.
DATA = {
    "staff": ["login", "name"],
    "enterprise": ["name", "initials"],
    "person": ["name"],
    "service_item": ["name"],
    "position": ["code", "name"],
    "item_material": ["name", "condition", "source"],
    "case": ["matter", "solution", "summary", "agent_relation"],
    "visit": ["about", "enterprise", "void_reason"],
    "outbox": ["text"],
    "contact": ["content", "unit"],
    "co_handling_unit": ["name", "contact"],
    "case_material": ["name", "reason"],
    "complaint": ["matter", "code"],
    "outside_body": ["name", "scope", "address", "keywords"],
    "guidance": ["matter"],
    "first_contact_change": ["reason"],
    "item_version": ["basis", "fee", "procedure", "conditions", "place"],
    "consultation": ["topic", "question", "answer", "basis"],
    "library_answer": ["topic", "words", "basis"],
}
WORDS = """
() => {
  const said = [document.title]
  const quiet = (element) => element.closest('script, style, noscript, [lang]:not(html)')
  const texts = document.createTreeWalker(document.documentElement, NodeFilter.SHOW_TEXT)
  while (texts.nextNode()) if (!quiet(texts.currentNode.parentElement)) said.push(texts.currentNode.data)
  for (const name of ['title', 'aria-label', 'aria-description', 'placeholder', 'alt', 'data-words']) {
    for (const element of document.querySelectorAll(`[${name}]`)) {
      if (!quiet(element)) said.push(element.getAttribute(name))
    }
  }
  return said.map((text) => text.trim()).filter(Boolean)
}
"""


@pytest.fixture
def week(in_motion: None, database: Database, app: Flask) -> Database:
    """A week of real cases and absences: somebody waits at every step of every diagram."""
    return database


@pytest.fixture
def written(week: Database) -> list[str]:
    """The values of ``DATA``, the longest first."""
    with week.sessions() as session:
        found = {
            value
            for name, columns in DATA.items()
            for column in columns
            for value in session.scalars(select(Base.metadata.tables[name].c[column]))
            if value
        }
        found |= set(people_words(list(session.scalars(select(ItemVersion.refusals)))))
        found |= set(people_words(json.loads(LETTERHEAD.read_text("utf-8"))))
        found |= {mask_name(name) for name in session.scalars(select(Person.name))}
        found |= {one for grounds in session.scalars(select(ItemVersion.refusals)) for one in grounds}
        found |= {one for form in session.scalars(select(SubmissionRow.data)) for one in people_words(form)}
    return sorted(found, key=len, reverse=True)


def people_words(part: Any) -> Iterator[str]:
    """What somebody has written into a form, in Chinese."""
    parts = part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    for value in parts:
        yield from people_words(value)
    if isinstance(part, str) and HAN.search(part):
        yield part


class Walk:
    """Opens pages in one language and gathers the words that should not stand there."""

    def __init__(self, page: Page, language: str, written: list[str]) -> None:
        self.page = page
        self.strange = HAN if language == "en" else ENGLISH
        self.written = written
        self.faults: list[str] = []
        if language == "en":
            page.get_by_role("button", name="English").click()
            page.locator("html[lang=en]").wait_for()

    def to(self, path: str) -> None:
        self.page.goto(path)
        self.look()

    def look(self) -> None:
        """Everything on the page as it stands, once its islands have drawn themselves."""
        self.page.locator("[aria-busy=true]").wait_for(state="detached")
        where = self.page.evaluate("location.pathname + location.search")
        for text in self.page.evaluate(WORDS):
            self.check(where, text)

    def check(self, where: str, text: str) -> None:
        left = PLACEHOLDER.sub("", text)
        for one in self.written:
            left = left.replace(one, "")
        if self.strange.search(ALLOWED.sub("", left)):
            self.faults.append(f"{where}: {text}")

    def form(self, path: str) -> None:
        """All that a form can show, its closed lists of choices too."""
        answer = self.page.request.get(path)
        assert answer.ok, path
        body = answer.json()
        for text in shown(body["schema"]):
            self.check(path, text)
        for choices in body["data"].values():
            for choice in choices if isinstance(choices, list) else ():
                self.check(path, str(choice.get("label", "")))

    def begun(self, path: str) -> None:
        """A form that begins something: its page, all it can show, and what it says to nothing filled in."""
        self.to(path)
        self.form(f"{path}/form.json")
        self.page.locator("[data-send]").click()
        self.page.locator("#form-errors").wait_for()
        self.look()


def shown(part: Any) -> Iterator[str]:
    """Strings of a form's schema that have words in them: not ids, keys, kinds and expressions."""
    if isinstance(part, dict):
        for name, value in part.items():
            if isinstance(value, str) and name in {"label", "description", "text", "dateLabel", "timeLabel"}:
                yield value
            elif isinstance(value, dict | list):
                yield from shown(value)
    elif isinstance(part, list):
        for value in part:
            yield from shown(value)


def one_of_each(session: Session) -> list[int]:
    """The first case of every state with so many open steps, a closed one first; each step has a walk."""
    waiting = (
        select(func.count(TaskRow.id))
        .join(InstanceRow, InstanceRow.id == TaskRow.instance_id)
        .where(InstanceRow.business_key == Case.key, TaskRow.status == OPEN)
        .scalar_subquery()
    )
    rows = session.execute(
        select(func.min(Case.id), Case.state, waiting)
        .where(Case.id > len(demo_cases.EARLIER))
        .group_by(Case.state, waiting)
    )
    return [number for number, state, _ in sorted(rows, key=lambda row: (row[1] != CLOSED, row[0]))]


@pytest.fixture
def steps(week: Database) -> dict[tuple[str, str | None], int]:
    """One open task of every step, by element and form."""
    with week.sessions() as session:
        rows = session.scalars(select(TaskRow).where(TaskRow.status == OPEN))
        return {(row.element, row.form): row.id for row in rows}


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_step_speaks_one_language(
    sits_down: SitsDown, written: list[str], steps: dict[tuple[str, str | None], int], language: str
) -> None:
    begun_by = {"intake/register", "delegation/register", "extension_approval/request"}
    begun_by |= {"suspension/stop", "unlisted_material/request", "follow_up_reminder/set"}
    begun_by |= {"complaint/register", "complaint_extension/request"}
    begun_by |= {"first_contact_handover/hand_over", "transfer/choose"}
    begun_by |= {"coordination/record", "joint_handling/ask"}
    begun_by |= {"consultation/register"}
    shipped = {f"{form.parent.name}/{form.stem}" for form in Path("forms").glob("*/*.form")}
    assert {form for _, form in steps} | begun_by == shipped, "somebody waits at every form"
    walk = Walk(sits_down("zhoujianguo"), language, written)
    for number, task in enumerate(steps.values()):
        if number % 5 == 0:  # beside the list the same words stand for every step
            walk.to(f"/?task={task}")
        walk.to(f"/tasks/{task}")
        walk.form(f"/tasks/{task}/form.json")
    assert not walk.faults, "\n".join(sorted(set(walk.faults)))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_of_cases_speaks_one_language(
    sits_down: SitsDown, week: Database, written: list[str], language: str
) -> None:
    with week.sessions() as session:
        cases = one_of_each(session)
        agreed = session.scalars(select(Coordination.id).where(Coordination.first_id.is_(None))).all()
        token = session.scalars(select(Document.verify_token).order_by(Document.id).limit(1)).one()
    walk = Walk(sits_down("zhoujianguo"), language, written)
    page = walk.page
    for path in (
        "/",
        "/?show=late",
        "/notices",
        "/cases",
        "/cases?q=~",
        "/cases?show=closed",
        "/visits",
        "/visits?q=~",
        "/calls",
        "/cases/new?visit=1",
    ):
        walk.to(path)
    for case in cases:
        page.goto(f"/cases/{case}")
        page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true })")
        walk.look()
    beside = ("extension", "suspension", "unlisted", "reminder", "handover", "transfer")
    for what in (*beside, "coordination", "joint"):
        paths = [f"/cases/{case}/{what}" for case in cases]
        walk.to(paths[0])  # a closed case: why not
        path = next(path for path in paths if page.request.get(f"{path}/form.json").ok)
        walk.begun(path)
    walk.begun("/cases/new")
    for path in (
        "/first-contacts?from=2026-03-01",
        "/first-contacts?q=~",
        "/first-contacts/transfers",
        "/first-contacts/bodies",
        "/first-contacts/bodies?q=~",
        "/first-contacts/bodies/new",
        "/first-contacts/bodies/1",
        "/diagrams",
        "/diagrams/1",
        "/coordination",
        "/coordination?show=all",
        *(f"/coordination/{one}" for one in agreed),
    ):
        walk.to(path)
    walk.begun("/coordination/new")
    for path in (f"/v/{token}", "/v/unknown", "/nowhere", "/tasks/999999", "/cases/999999"):
        walk.to(path)
    assert not walk.faults, "\n".join(sorted(set(walk.faults)))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_of_complaints_speaks_one_language(
    sits_down: SitsDown, week: Database, written: list[str], language: str
) -> None:
    with week.sessions() as session:
        complaints = session.scalars(select(Complaint.id)).all()
    walk = Walk(sits_down("sunlihua"), language, written)
    for path in ("/complaints", "/complaints?show=all", "/complaints?q=~"):
        walk.to(path)
    for complaint in complaints:
        walk.page.goto(f"/complaints/{complaint}")
        walk.page.locator("details").evaluate_all("all => all.forEach((one) => { one.open = true })")
        walk.look()
    paths = [f"/complaints/{one}/extension" for one in complaints]
    walk.begun(next(path for path in paths if walk.page.request.get(f"{path}/form.json").ok))
    walk.begun("/complaints/new")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_for_whoever_asks_speaks_one_language(
    sits_down: SitsDown, week: Database, written: list[str], language: str
) -> None:
    with week.sessions() as session:
        asked = session.scalars(select(Consultation.id)).all()
        version = session.scalars(select(Answer.id).order_by(Answer.id.desc())).first()
    walk = Walk(sits_down("zhoujianguo"), language, written)
    for path in (
        *(f"/consultations{more}" for more in ("", "?show=ended", "?q=~", "/answers", "/answers?q=~")),
        *(f"/consultations/{one}" for one in asked),
        *(f"/consultations/answers/{one}" for one in ("new", version)),
        *("/items", "/items?q=~", "/items/JL01", "/items/JL02"),
    ):
        walk.to(path)
    walk.begun("/consultations/new")
    assert not walk.faults, "\n".join(sorted(set(walk.faults)))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_of_time_and_posts_speaks_one_language(
    sits_down: SitsDown, week: Database, written: list[str], language: str
) -> None:
    with week.sessions() as session:
        absences = session.scalars(select(Absence.id)).all()
        positions = session.scalars(select(Position.id)).all()
    walk = Walk(sits_down("zhoujianguo"), language, written)
    page = walk.page
    for path in (
        "/board",
        "/board?group=item",
        "/board?q=~",
        "/board/people",
        "/board/targets",
        "/board/screen",
    ):
        walk.to(path)
    for path in ("/calendar", "/calendar/2027", "/calendar/changes"):
        walk.to(path)
    page.goto("/calendar/2026")
    closing = page.locator("#edit")
    closing.locator("[name=day]").fill("2026-03-12")
    closing.locator("[name=name]").fill(next(one for one in written if len(one) <= 20))
    closing.locator("button").click()
    page.wait_for_url("**/preview")
    walk.look()
    page.locator("main button.primary").click()
    page.wait_for_url("**/changes/*")
    walk.look()
    for path in (
        "/posts",
        "/posts?show=past",
        "/posts/roster",
        "/posts/directory",
        "/posts/directory?q=~",
        "/posts/positions/new",
        "/incidents",
    ):
        walk.to(path)
    for path in (
        *(f"/posts/positions/{one}" for one in positions),
        *(f"/posts/absences/{one}" for one in absences),
    ):
        walk.to(path)
    walk.begun("/posts/absences/new")
    assert not walk.faults, "\n".join(sorted(set(walk.faults)))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_answers_to_a_persons_acts_speak_one_language(
    sits_down: SitsDown, week: Database, written: list[str], language: str
) -> None:
    with week.sessions() as session:
        task = session.scalars(
            select(TaskRow.id).where(TaskRow.status == OPEN, TaskRow.element == "classify").limit(1)
        ).one()
    walk = Walk(sits_down("liting"), language, written)
    page = walk.page
    words = {
        "claim": {"zh": "签收", "en": "Claim"},
        "give": {"zh": "退回签收", "en": "Give back"},
        "out": {"zh": "退出", "en": "Sign out"},
    }
    walk.to(f"/?task={task}")
    page.get_by_role("button", name=words["claim"][language], exact=True).click()
    walk.look()
    page.goto(f"/?task={task}")
    page.get_by_role("button", name=words["give"][language], exact=True).click()
    walk.look()
    walk.to(f"/?task={task}")
    page.get_by_role("button", name="+1", exact=False).first.click()
    walk.look()
    page.get_by_role("button", name=words["out"][language], exact=True).click()
    walk.look()
    page.locator("#login").fill("nobody")
    page.locator("#password").fill("wrong")
    page.locator("button.primary").click()
    walk.look()
    assert not walk.faults, "\n".join(sorted(set(walk.faults)))
