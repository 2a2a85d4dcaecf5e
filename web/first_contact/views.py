"""首问登记簿 (R2.2.1), 转办台账, 引导 and the directory of other bodies (R2.2.4b)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web.board.tables import table
from web.language import day, hour, say
from web.policies import leader, signed_in
from web.request import actor, db, moment
from workflow.errors import NotAllowed, Refused
from workflow.station import cases, first_contact_register, guidance, handovers, outside_bodies, transfers
from workflow.station.calendar import ZONE
from workflow.station.documents import PDF
from workflow.station.first_contact_register import Line
from workflow.station.outside_bodies import OutsideBody
from workflow.station.permissions import can

bp = Blueprint("first_contact", __name__, template_folder="templates", url_prefix="/first-contacts")
DAYS = 7  # shown where nothing else is asked for
FIELDS = ("name", "scope", "phone", "address", "keywords")


@dataclass(frozen=True)
class Asked:
    """Which days (local, both included) and which words; no days where words alone are asked for."""

    q: str
    first: date | None
    last: date | None

    @property
    def lines(self) -> list[Line]:
        since = datetime.combine(self.first, time(), ZONE) if self.first else None
        until = datetime.combine(self.last + timedelta(days=1), time(), ZONE) if self.last else None
        return first_contact_register.lines(db(), actor(), since, until, self.q)


@bp.get("")
@signed_in
def register() -> str:
    _see_cases()
    return _register()


@bp.get("/register.csv")
@signed_in
def register_table() -> ResponseReturnValue:
    """Without the clients: names and phones stay in the house (decision 37)."""
    _see_cases()
    asked = _asked()
    head = [_("日期"), _("时间"), _("办件编号"), _("来办渠道"), _("办理事项"), _("首问人")]
    head += [_("转交给"), _("接收人"), _("接收时间"), _("去向")]
    return table(f"first-contacts-{moment().astimezone(ZONE):%Y-%m-%d}", head, map(_row, asked.lines))


@bp.post("/guidance")
@signed_in
def guide() -> ResponseReturnValue:
    """Somebody without a case was told where to go."""
    body, matter = http.form.get("body", ""), http.form.get("matter", "")
    try:
        line = guidance.guide(db(), body=body, matter=matter, by=actor(), moment=moment())
    except Refused as refused:
        db().rollback()
        return _register({"body": body, "matter": matter, "problem": say(refused.text)}), 422
    db().commit()
    flash(_("已记下引导：%(body)s，电话 %(phone)s。", body=line.body.name, phone=line.phone), "good")
    return redirect(url_for("first_contact.register"))


@bp.get("/guidance/<int:number>.pdf")
@signed_in
def guidance_slip(number: int) -> ResponseReturnValue:
    answer = Response(guidance.slip(guidance.find(db(), actor(), number)), mimetype=PDF)
    answer.headers["Content-Disposition"] = f'inline; filename="guidance-{number}.pdf"'
    return answer


@bp.get("/transfers")
@signed_in
def transfer_register() -> str:
    _see_cases()
    q = http.args.get("q", "").strip()[:80]
    found = transfers.register(db(), actor(), q)
    return render_template("first_contact/transfers.html", q=q, lines=found, states=transfers.STATES)


@bp.get("/bodies")
@signed_in
def bodies() -> str:
    q, may = http.args.get("q", "").strip()[:80], can(actor(), "edit_outside_bodies")
    found = outside_bodies.search(db(), actor(), q, all_=may)
    return render_template("first_contact/bodies.html", q=q, bodies=found, may_edit=may)


@bp.get("/bodies/new")
@leader
def new_body() -> str:
    return _body_form(None, {})


@bp.post("/bodies/new")
@leader
def add_body() -> ResponseReturnValue:
    return _save(None)


@bp.get("/bodies/<int:body_id>")
@leader
def body(body_id: int) -> str:
    return _body_form(outside_bodies.find(db(), actor(), body_id), {})


@bp.post("/bodies/<int:body_id>")
@leader
def change_body(body_id: int) -> ResponseReturnValue:
    return _save(outside_bodies.find(db(), actor(), body_id))


def _register(typed: dict[str, str] | None = None) -> str:
    asked = _asked()
    days = [
        (found, list(lines))
        for found, lines in groupby(asked.lines, lambda one: one.at.astimezone(ZONE).date().isoformat())
    ]
    return render_template(
        "first_contact/register.html",
        asked=asked,
        days=days,
        channels=cases.CHANNELS,
        states=handovers.STATES,
        may_guide=can(actor(), "register"),
        bodies=outside_bodies.search(db(), actor()),
        typed=typed or {},
    )


def _asked() -> Asked:
    q = http.args.get("q", "").strip()[:80]
    first, last = _day("from"), _day("to")
    if not q and first is None and last is None:
        last = moment().astimezone(ZONE).date()
        first = last - timedelta(days=DAYS - 1)
    return Asked(q, first, last)


def _day(name: str) -> date | None:
    """What is no date is not asked for."""
    try:
        return date.fromisoformat(http.args.get(name, ""))
    except ValueError:
        return None


def _row(line: Line) -> list[object]:
    handed = line.handed[-1] if line.handed else None
    accepted = handed.accepted_at if handed else None
    gone = [*line.guided, *(f"{one.body_name} {one.no}" for one in line.transferred)]
    case = line.case
    return [
        day(line.at),
        hour(line.at),
        case.no if case else "",
        say(cases.CHANNELS[case.channel]) if case else "",
        say(case.item.item.name) if case and case.item else "",
        line.first_contact,
        say(handed.to) if handed else "",
        handed.accepted_by if handed else "",
        f"{day(accepted)} {hour(accepted)}" if accepted else "",
        _("、").join(gone),
    ]


def _body_form(known: OutsideBody | None, typed: dict[str, str], problem: str = "") -> str:
    shown = typed or {name: getattr(known, name) if known else "" for name in FIELDS}
    offered = bool(typed.get("active")) if typed else known is None or known.active
    return render_template(
        "first_contact/body.html", body=known, shown=shown, offered=offered, problem=problem
    )


def _save(known: OutsideBody | None) -> ResponseReturnValue:
    given = {name: http.form.get(name, "") for name in FIELDS}
    active = known is None or bool(http.form.get("active"))
    number = known.id if known else None
    try:
        outside_bodies.save(db(), known, **given, active=active, by=actor(), moment=moment())
    except Refused as refused:
        db().rollback()
        again = outside_bodies.find(db(), actor(), number) if number else None
        typed = {**given, "active": "1" if active else ""}
        return _body_form(again, typed, say(refused.text)), 422
    db().commit()
    flash(_("已保存。"), "good")
    return redirect(url_for("first_contact.bodies"))


def _see_cases() -> None:
    if not can(actor(), "see_cases"):
        raise NotAllowed
