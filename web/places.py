"""The bar on top: where one can go, what waits there, who is signed in, the demo's clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Flask
from flask import request as http
from flask_babel import gettext as _

from web.inbox.worklist import counted
from web.request import actor, db, me, moment, settings
from workflow.station import diagram_reading, notices, outbox
from workflow.station.permissions import can


@dataclass(frozen=True)
class Place:
    key: str
    label: str
    href: str
    here: bool
    count: int | None = None


@dataclass(frozen=True)
class Nav:
    places: list[Place]
    more: list[Place]
    person: str
    title: str
    moment: datetime
    demo: list[tuple[str, str]]


def install(app: Flask) -> None:
    app.context_processor(lambda: {"nav": nav()})


def nav() -> Nav | None:
    """Nothing for whoever is not signed in; nor for a fragment, which has no bar."""
    person = me() if http.endpoint != "static" and "HX-Request" not in http.headers else None
    if person is None:
        return None
    places, more = _places(http.blueprint or "", http.path)
    return Nav(
        places=places,
        more=more,
        person=person.staff.name,
        title=person.staff.title,
        moment=moment(),
        demo=_steps() if settings().demo else [],
    )


def _places(blueprint: str, path: str) -> tuple[list[Place], list[Place]]:
    """What stands in the bar, and what stands in its menu: rarer, or looked up."""
    unread = notices.count_unread(db(), actor(), moment()) or None
    asked = diagram_reading.waiting(db(), actor()) or None
    bar = [Place("inbox", _("待办"), "/", blueprint == "inbox" and path != "/notices", counted().open)]
    more = []
    if can(actor(), "see_cases"):
        here, calls = path == "/cases/new", outbox.count_calls(db(), actor()) or None
        bar += [
            Place("new", _("办理登记"), "/cases/new", here),
            Place("cases", _("办件"), "/cases", blueprint.startswith("cases") and not here),
            Place("asking", _("咨询"), "/consultations", _asking(blueprint)),
            Place("complaints", _("投诉"), "/complaints", blueprint == "complaints"),
            Place("calls", _("电话告知"), "/calls", blueprint == "calls", calls),
        ]
        more += [
            Place("visits", _("来访登记"), "/visits", blueprint == "visits"),
            Place("first", _("首问登记簿"), "/first-contacts", blueprint == "first_contact"),
            Place("coordination", _("沟通协调"), "/coordination", blueprint == "coordination"),
        ]
    if can(actor(), "supervise"):
        bar.append(Place("board", _("看板"), "/board", blueprint == "board"))
    elif can(actor(), "retry"):
        bar.append(Place("incidents", _("运行异常"), "/incidents", blueprint == "incidents"))
    bar.append(Place("posts", _("岗位"), "/posts", blueprint.startswith("posts")))
    bar.append(Place("notices", _("提醒"), "/notices", path == "/notices", unread))
    more.append(Place("calendar", _("工作日历"), "/calendar", blueprint == "calendar"))
    more.append(Place("diagrams", _("流程图"), "/diagrams", blueprint == "diagrams", asked))
    return bar, more


def _asking(blueprint: str) -> bool:
    return blueprint.startswith("consultations") or blueprint == "items"


def _steps() -> list[tuple[str, str]]:
    return [("hour", _("+1 小时")), ("half-day", _("+半天")), ("day", _("+1 天")), ("week", _("+1 周"))]
