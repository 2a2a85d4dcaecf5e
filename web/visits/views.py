"""来访登记 (R1.1b): write a visit down, find one, take back a mistake."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web.language import ZONE, say
from web.policies import signed_in
from web.request import actor, db, moment
from workflow.errors import NotAllowed, Refused
from workflow.station import staff, visits
from workflow.station.permissions import can
from workflow.station.visits import LONGEST, LONGEST_NAME, Visit

bp = Blueprint("visits", __name__, template_folder="templates", url_prefix="/visits")
FIELDS = ("about", "name", "phone", "enterprise")


@dataclass(frozen=True)
class Line:
    """One visit as the list shows it; ``case`` is (id, what it is called)."""

    id: int
    no: str
    about: str
    who: str
    phone: str
    enterprise: str
    at: datetime
    clerk: str
    today: bool
    void: str
    case: tuple[int, str] | None
    can_void: bool


@bp.get("")
@signed_in
def show() -> str:
    return _page()


@bp.post("")
@signed_in
def write() -> ResponseReturnValue:
    """Type, Enter, done; what was typed stays when it is refused."""
    given = {name: http.form.get(name, "") for name in FIELDS}
    try:
        visit = visits.write(db(), **given, by=actor(), moment=moment())
    except Refused as refused:
        db().rollback()
        return _page(given, say(refused.text), refused.field or ""), 422
    db().commit()
    flash(_("已记下 %(no)s。", no=visit.no), "good")
    return redirect(url_for("visits.show"))


@bp.post("/<int:visit_id>/void")
@signed_in
def void(visit_id: int) -> ResponseReturnValue:
    visit = visits.find(db(), actor(), visit_id, held=True)
    try:
        visits.void(db(), visit, reason=http.form.get("reason", ""), by=actor(), moment=moment())
    except Refused as refused:
        db().rollback()
        return _page(problem=say(refused.text)), 422
    db().commit()
    flash(_("%(no)s 已作废，编号保留。", no=visit.no), "good")
    return redirect(url_for("visits.show"))


def _page(given: dict[str, str] | None = None, problem: str = "", field: str = "") -> str:
    if not can(actor(), "see_cases"):
        raise NotAllowed
    q = http.args.get("q", "").strip()[:80]
    lines = _lines(q)
    return render_template(
        "visits/list.html",
        lines=lines,
        today=sum(line.today and not line.void for line in lines),
        q=q,
        given=given or {},
        problem=problem,
        field=field,
        longest=LONGEST,
        longest_name=LONGEST_NAME,
    )


def _lines(q: str) -> list[Line]:
    found = visits.found(db(), actor(), q)
    people = staff.names(db(), {visit.actor for visit in found})
    day = moment().astimezone(ZONE).date()
    return [_line(visit, people, visit.at.astimezone(ZONE).date() == day) for visit in found]


def _line(visit: Visit, people: dict[str, str], today: bool) -> Line:
    case, person = visit.case, visit.person
    return Line(
        id=visit.id,
        no=visit.no,
        about=visit.about,
        who=person.shown_name if person else "",
        phone=say(person.shown_phone) if person else "",
        enterprise=visit.enterprise,
        at=visit.at,
        clerk=people.get(visit.actor, ""),
        today=today,
        void=visit.void_reason or "",
        case=(case.id, case.no or _("未编号")) if case else None,
        can_void=case is None and not visit.is_void and can(actor(), "void_visit", visit),
    )
