"""A served demo station and a real Chromium. Pictures are kept in tests/browser/pictures."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright
from werkzeug.serving import make_server

from tests.find_browser import find
from tests.web.conftest import app, settings
from workflow.station import demo

__all__ = ["app", "settings"]

PICTURES = Path(__file__).parent / "pictures"
DESK, PHONE = ViewportSize(width=1440, height=900), ViewportSize(width=360, height=740)
QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
LISTEN = """
window.violations = []
document.addEventListener('securitypolicyviolation', (broken) => {
    window.violations.push(broken.violatedDirective)
})
"""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find(), args=[*QUIET, "--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where the station is served."""
    served = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{served.port}"
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def sits_down(chromium: Browser, address: str) -> Iterator[Callable[..., Page]]:
    """Somebody signs in: ``page = sits_down("liting")``. No page may break its own rules or throw."""
    pages: list[Page] = []
    faults: list[str] = []

    def sign_in(login: str, screen: ViewportSize = DESK) -> Page:
        context = chromium.new_context(viewport=screen, base_url=address, locale="zh-CN")
        context.add_init_script(LISTEN)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: faults.append(str(error)))
        pages.append(page)
        page.goto("/sign-in")
        page.get_by_label("登录名").fill(login)
        page.get_by_label("密码").fill(demo.PASSWORD)
        page.get_by_role("button", name="登录", exact=True).click()
        page.wait_for_url("/")
        return page

    yield sign_in
    for page in pages:
        assert page.evaluate("window.violations") == []
        page.context.close()
    assert faults == []


def keep(page: Page, name: str) -> None:
    """A picture for somebody to look at."""
    PICTURES.mkdir(exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png", full_page=True)
