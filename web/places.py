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
    waiting = counted().open
    places = [Place("inbox", _("待办"), "/", http.blueprint == "inbox" and http.path != "/notices", waiting)]
    if can(actor(), "see_cases"):
        here, calls = http.path == "/cases/new", outbox.count_calls(db(), actor())
        places += [
            Place("visits", _("来访登记"), "/visits", http.blueprint == "visits"),
            Place("new", _("办理登记"), "/cases/new", here),
            Place("asking", _("咨询"), "/consultations", _asking(http.blueprint or "")),
            Place("cases", _("办件"), "/cases", (http.blueprint or "").startswith("cases") and not here),
            Place("complaints", _("投诉"), "/complaints", http.blueprint == "complaints"),
            Place("first", _("首问"), "/first-contacts", http.blueprint == "first_contact"),
            Place("calls", _("电话告知"), "/calls", http.blueprint == "calls", calls or None),
            Place("coordination", _("沟通协调"), "/coordination", http.blueprint == "coordination"),
        ]
    if can(actor(), "supervise"):
        places.append(Place("board", _("看板"), "/board", http.blueprint == "board"))
    elif can(actor(), "retry"):
        places.append(Place("incidents", _("运行异常"), "/incidents", http.blueprint == "incidents"))
    places.append(Place("posts", _("岗位"), "/posts", (http.blueprint or "").startswith("posts")))
    places.append(Place("calendar", _("工作日历"), "/calendar", http.blueprint == "calendar"))
    asked = diagram_reading.waiting(db(), actor())
    places.append(Place("diagrams", _("流程图"), "/diagrams", http.blueprint == "diagrams", asked or None))
    unread = notices.count_unread(db(), actor(), moment())
    places.append(Place("notices", _("提醒"), "/notices", http.path == "/notices", unread or None))
    return Nav(
        places=places,
        person=person.staff.name,
        title=person.staff.title,
        moment=moment(),
        demo=_steps() if settings().demo else [],
    )


def _asking(blueprint: str) -> bool:
    return blueprint.startswith("consultations") or blueprint == "items"


def _steps() -> list[tuple[str, str]]:
    return [("hour", _("+1 小时")), ("half-day", _("+半天")), ("day", _("+1 天")), ("week", _("+1 周"))]
