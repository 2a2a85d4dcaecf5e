"""Every page in both languages: in English only data is Chinese, in Chinese only codes are not."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page
from sqlalchemy import select

from tests.conftest import Clock, Database
from workflow.engine.tasks import OPEN, TaskRow
from workflow.schema import Base
from workflow.station import demo_cases
from workflow.station.cases import Case
from workflow.station.documents import Document

SitsDown = Callable[..., Page]

HAN = re.compile(r"[\u3400-\u9fff\u3001\u3002\uff01-\uff5e]+")
ENGLISH = re.compile(r"[A-Za-z]{3,}")
PLACEHOLDER = re.compile(r"\{\w+\}")
# Codes, file kinds, the mark of the diagram's maker, the keys of a keyboard, algorithms, numbers of papers.
ALLOWED = re.compile(
    r"PDF|Powered by bpmn\.io|BPMN|\bEnter\b|SHA-256"
    r"|\b[0-9a-f]{16,}\b|\b[A-Z]{2}\d{2,}[\w-]*|\b\d[0-9A-Z]{17}\b"
)
# What people of the station have written or are called: it is shown as it is.
DATA = {
    "staff": ["login", "name"],
    "enterprise": ["name", "initials"],
    "person": ["name"],
    "service_item": ["name"],
    "position": ["name"],
    "item_material": ["name", "condition", "source"],
    "case": ["matter", "solution", "summary"],
    "case_material": ["name", "reason"],
}
WORDS = """
() => {
  const said = [document.title]
  const quiet = (element) => element.closest('script, style, [lang]:not(html)')
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
def week(app: Flask, database: Database, clock: Clock) -> Database:
    """A week of real cases: every step is waited at by some, one of them is late."""
    with database.sessions.begin() as session:
        demo_cases.play(session, clock.now())
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
    return sorted(found, key=len, reverse=True)


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


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_page_speaks_one_language(
    sits_down: SitsDown, week: Database, written: list[str], language: str
) -> None:
    with week.sessions() as session:
        cases = {case.state: case.id for case in session.scalars(select(Case).order_by(Case.id.desc()))}
        tasks = session.scalars(select(TaskRow.id).where(TaskRow.status == OPEN).order_by(TaskRow.id)).all()
        token = session.scalars(select(Document.verify_token).order_by(Document.id).limit(1)).one()
    walk = Walk(sits_down("zhoujianguo"), language, written)
    page = walk.page
    for path in ("/", "/?show=late", "/notices", "/cases", "/cases?q=~", "/cases?show=closed"):
        walk.to(path)
    for task in tasks:
        walk.to(f"/?task={task}")
        walk.to(f"/tasks/{task}")
        walk.form(f"/tasks/{task}/form.json")
    for case in cases.values():
        page.goto(f"/cases/{case}")
        page.locator("details.why").evaluate_all("all => all.forEach((one) => { one.open = true })")
        walk.look()
    walk.to("/cases/new")
    walk.form("/cases/new/form.json")
    page.locator("[data-send]").click()
    walk.look()
    for path in (f"/v/{token}", "/v/unknown", "/nowhere", "/tasks/999999", "/cases/999999"):
        walk.to(path)
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
