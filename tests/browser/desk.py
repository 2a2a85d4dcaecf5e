"""Somebody at a page that speaks his language: the words are given in Chinese and looked for in it."""

from __future__ import annotations

import re
from collections.abc import Callable
from re import Pattern
from typing import Literal

from playwright.sync_api import Locator, Page, ViewportSize, expect

from tests.browser.conftest import DESK, keep
from workflow.texts import Text

ROLES: tuple[Literal["button"], Literal["link"]] = ("button", "link")


class Desk:
    """``desk.fill("交代", "…")``; every picture also says that nothing is wider than the screen."""

    def __init__(self, page: Page, language: str, name: str) -> None:
        self.page, self.language, self.name = page, language, name
        if language == "en":
            page.get_by_role("button", name="English").click()
            page.locator("html[lang=en]").wait_for()

    def say(self, words: str, **values: object) -> str:
        return Text(words, values).say(self.language)

    def label(self, words: str) -> Pattern[str]:
        """A field's name; what must be filled in has a star behind it."""
        return re.compile(rf"^{re.escape(self.say(words))}\s*\*?$")

    def field(self, words: str, number: int = 0) -> Locator:
        return self.page.get_by_label(self.label(words)).nth(number)

    def fill(self, words: str, value: str, number: int = 0) -> None:
        self.field(words, number).fill(value)

    def check(self, words: str) -> None:
        self.field(words).check()

    def choose(self, words: str, option: str) -> None:
        """From a list of form-js."""
        name = self.label(words)
        box = self.page.locator(".fjs-form-field-select", has=self.page.locator("label", has_text=name))
        box.locator(".fjs-input-group").click()
        self.page.locator(".fjs-dropdownlist-item", has_text=self.say(option)).first.click()

    def moment(self, words: str, day: str, hour: str | None = None) -> None:
        """A date of form-js, with a time where it asks for one."""
        box = self.page.locator(".fjs-form-field-datetime").filter(has_text=self.say(words)).first
        box.locator("input").first.fill(day)
        box.locator("input").first.press("Tab")
        if hour is not None:
            self.page.wait_for_timeout(300)  # the calendar hands its day over a moment after it is left
            time = box.locator(".fjs-timepicker input")
            time.fill(hour)
            time.press("Tab")
            expect(time).to_have_value(hour)
        expect(box.locator("input").first).to_have_value(day)

    def press(self, words: str, **values: object) -> None:
        """A button or link; one that is inside a closed menu by opening that first."""
        name = self.say(words, **values)

        def found(*, hidden: bool = False) -> Locator:
            button, link = (
                self.page.get_by_role(role, name=name, exact=True, include_hidden=hidden) for role in ROLES
            )
            return button.or_(link)

        menu = self.page.locator("details.menu:not([open])", has=found(hidden=True))
        if menu.count() and not found().first.is_visible():
            menu.first.locator("summary").click()
        found().first.click()

    def sees(self, words: str, **values: object) -> None:
        expect(self.page.get_by_text(self.say(words, **values)).first).to_be_visible()

    def works_on(self, step: str) -> None:
        """Open the task of this step from the inbox."""
        self.page.goto("/")
        self.page.locator("[data-row]", has_text=self.say(step)).first.click()
        self.page.wait_for_url(re.compile(r"/(\?task=|tasks/)\d+"))
        if "/tasks/" not in self.page.url:
            pane = self.page.get_by_role("region", name=self.say("所选待办"))
            pane.get_by_role("link", name=self.say("办理"), exact=True).click()
        self.page.wait_for_url("**/tasks/*")
        self.page.locator("[aria-busy=true]").wait_for(state="detached")

    def send(self) -> None:
        self.press("提交")
        self.page.wait_for_url("/")

    def goes_to(self, path: str) -> None:
        self.page.goto(path)
        self.page.locator("[aria-busy=true]").wait_for(state="detached")

    def begins(self, words: str, place: str) -> None:
        """Something beside the first case, by its button."""
        self.goes_to("/cases/1")
        self.press(words)
        self.page.wait_for_url(f"**/{place}")
        self.page.locator("[aria-busy=true]").wait_for(state="detached")

    def keep(self, name: str) -> None:
        self.page.locator("[aria-busy=true]").wait_for(state="detached")
        keep(self.page, f"{name}-{self.name}")
        assert self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), name


Seats = Callable[..., Desk]


def seats(sits_down: Callable[..., Page], language: str, screen: ViewportSize = DESK) -> Seats:
    """``sits = seats(sits_down, "en", PHONE)``, then ``sits("zhangwei")``."""
    name = f"{language}-{screen['width']}"
    return lambda login: Desk(sits_down(login, screen), language, name)
