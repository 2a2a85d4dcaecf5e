"""Chinese first, English one click away: from the person's choice, else the cookie's, else Chinese."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from flask import Flask, current_app, g
from flask import request as http
from flask_babel import Babel, gettext

from workflow.texts import CATALOGUE, CHINESE, ENGLISH, Text

COOKIE = "yizhan-language"
LANGUAGES = {CHINESE: "中文", ENGLISH: "English"}
ZONE = ZoneInfo("Asia/Shanghai")


def install(app: Flask) -> None:
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(CATALOGUE)
    app.config["BABEL_DEFAULT_LOCALE"] = CHINESE
    Babel(app, locale_selector=language)
    app.jinja_env.filters.update(say=say, day=day, hour=hour, minute=minute)
    app.context_processor(lambda: {"language": language(), "languages": LANGUAGES})


def language() -> str:
    """'zh' or 'en' for this request."""
    if (chosen := http.cookies.get(COOKIE)) in LANGUAGES:
        return chosen
    person = g.get("me")
    return person.staff.language if person is not None and person.staff.language in LANGUAGES else CHINESE


def say(text: Text | str | None) -> str:
    """A text in the reader's language. A plain string is looked up too: names from diagrams and forms."""
    if text is None:
        return ""
    if isinstance(text, Text):
        return text.say(language())
    return gettext(text) if text and language() != CHINESE else text


def day(moment: datetime | None) -> str:
    """'2026-03-09 周一' in the station's zone."""
    if moment is None:
        return "—"
    local = moment.astimezone(ZONE)
    return f"{local:%Y-%m-%d} {weekdays()[local.weekday()]}"


def hour(moment: datetime | None) -> str:
    return f"{moment.astimezone(ZONE):%H:%M}" if moment is not None else "—"


def minute(moment: datetime | None) -> str:
    """'03-09 17:30'; with the year when it is not this one's is not needed: lists are of the last months."""
    return f"{moment.astimezone(ZONE):%m-%d %H:%M}" if moment is not None else "—"


def weekdays() -> tuple[str, ...]:
    return (
        gettext("周一"),
        gettext("周二"),
        gettext("周三"),
        gettext("周四"),
        gettext("周五"),
        gettext("周六"),
        gettext("周日"),
    )


def set_cookie(answer: object, chosen: str) -> None:
    """Keep the choice for a year; it is no secret, but it is only ours."""
    answer.set_cookie(  # type: ignore[attr-defined]
        COOKIE,
        chosen,
        max_age=31_536_000,
        samesite="Lax",
        httponly=True,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
    )
