"""首问负责 on the page of a case: who answers to the client, what was handed over, passed on or told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web.language import say
from web.policies import signed_in
from web.request import actor, db, moment
from workflow.errors import Refused, YizhanError
from workflow.station import (
    cases,
    first_contact,
    guidance,
    handovers,
    outside_bodies,
    owners,
    staff,
    transfers,
)
from workflow.station.cases import Case
from workflow.station.outside_bodies import OutsideBody
from workflow.station.permissions import can
from workflow.station.staff import Staff

bp = Blueprint("first_contact_card", __name__)
TONES = {
    handovers.ACCEPTED: "ok",
    handovers.WAITING: "soon",
    transfers.ANSWERED: "ok",
    transfers.RETURNED: "late",
}
SIGNS = {"ok": "check", "soon": "clock", "late": "alert", "none": "dash"}


@dataclass(frozen=True)
class Step:
    """One thing that happened: what, how it stands, and a paper where there is one."""

    at: datetime
    what: str
    note: str = ""
    state: str = ""
    tone: str = "none"
    paper: str = ""

    @property
    def sign(self) -> str:
        return SIGNS[self.tone]


@dataclass(frozen=True)
class Card:
    """``responsible``: who accepted the last hand-over. A door only where its verb would succeed."""

    case_id: int
    name: str
    responsible: str
    steps: list[Step]
    hand_over: bool
    transfer: bool
    guide: bool
    change: bool
    bodies: list[OutsideBody]
    people: list[Staff]
    typed: dict[str, str] = field(default_factory=dict)


def card(case: Case, typed: dict[str, str] | None = None) -> Card:
    """``typed``: what was filled in ('what', 'body', 'to', 'reason', 'matter') and the 'problem' with it."""
    by = actor()
    change, guide = first_contact.may_change(by, case), can(by, "register")
    everybody = select(Staff).where(Staff.active, Staff.id != case.first_contact_id)
    answers = handovers.responsible(db(), case)
    return Card(
        case_id=case.id,
        name=case.first_contact.name,
        responsible=staff.names(db(), [answers])[answers],
        steps=_steps(case),
        hand_over=_would(lambda: handovers.may_hand_over(db(), by, case)),
        transfer=_would(lambda: transfers.may_transfer(db(), by, case)),
        guide=guide,
        change=change,
        bodies=outside_bodies.search(db(), by) if guide else [],
        people=list(db().scalars(everybody.order_by(Staff.name_pinyin))) if change else [],
        typed=typed or {},
    )


@bp.post("/<int:case_id>/first-contact")
@signed_in
def change(case_id: int) -> ResponseReturnValue:
    """The head names another first contact (R2.2.0)."""

    def act(case: Case) -> str:
        to = http.form.get("to", "")
        first_contact.change(
            db(),
            case,
            to=staff.by_key(db(), to),
            reason=http.form.get("reason", ""),
            by=actor(),
            moment=moment(),
        )
        return str(_("已更换首问人，原首问人和新首问人都已收到提醒。"))

    return _done(case_id, "change", act)


@bp.post("/<int:case_id>/guidance")
@signed_in
def guide(case_id: int) -> ResponseReturnValue:
    """The client was told which other body does it (R2.2.4b)."""

    def act(case: Case) -> str:
        post = owners.post_of(db(), actor(), case)
        line = guidance.guide(
            db(),
            body=http.form.get("body", ""),
            case=case,
            by=actor(),
            moment=moment(),
            on_behalf_of=post.on_behalf_of if post else None,
        )
        return str(_("已记下引导：%(body)s，电话 %(phone)s。", body=line.body.name, phone=line.phone))

    return _done(case_id, "guide", act)


def _done(case_id: int, what: str, act: Callable[[Case], str]) -> ResponseReturnValue:
    """Do it and come back to the case; refused, the page says why and keeps what was filled in."""
    case = cases.find(db(), actor(), case_id)
    try:
        said = act(case)
    except Refused as refused:
        from web.cases.page import page
        from web.discussion.card import card as talk

        db().rollback()
        typed = {**http.form, "what": what, "problem": say(refused.text)}
        shown = page(case_id, first=typed)
        return render_template("cases/show.html", page=shown, talk=talk(case_id)), 422
    db().commit()
    flash(said, "good")
    return redirect(url_for("cases.show", case_id=case_id) + "#first-contact")


def _steps(case: Case) -> list[Step]:
    """Changes, hand-overs, guidance and slips, the newest first."""
    changed, handed = first_contact.changes(db(), case), handovers.of(db(), [case.id])
    guided, slips = guidance.of(db(), case), transfers.of(db(), case)
    keys = {f"staff:{number}" for one in changed for number in (one.from_id, one.to_id)}
    keys |= (
        {one.actor for one in changed}
        | {one.actor for one in guided}
        | {f"staff:{one.from_id}" for one in handed}
    )
    people = staff.names(db(), keys | {one.accepted_by for one in handed if one.accepted_by})
    called = handovers.called(db(), [one.receiver for one in handed])
    found = [
        Step(
            one.at,
            _(
                "首问人由 %(old)s 改为 %(new)s",
                old=people[f"staff:{one.from_id}"],
                new=people[f"staff:{one.to_id}"],
            ),
            _("%(who)s：%(why)s", who=people[one.actor], why=one.reason),
        )
        for one in changed
    ]
    found += [
        Step(
            one.begun_at,
            _("%(who)s 转交给 %(to)s", who=people[f"staff:{one.from_id}"], to=called.get(one.receiver, "")),
            _("%(who)s 接收", who=people[one.accepted_by]) if one.accepted_by else "",
            say(handovers.STATES[one.state]),
            TONES.get(one.state, "late"),
        )
        for one in handed
    ]
    found += [
        Step(
            one.at,
            _("引导到 %(body)s", body=one.body.name),
            _("%(who)s 告知电话 %(phone)s", who=people.get(one.actor, ""), phone=one.phone),
            paper=f"/first-contacts/guidance/{one.id}.pdf",
        )
        for one in guided
    ]
    found += [
        Step(
            one.made_at,
            _("转办到 %(body)s（%(phone)s）", body=one.body_name, phone=one.body_phone),
            " · ".join(filter(None, (one.no, one.return_reason, one.answer))),
            say(transfers.STATES[one.state]),
            TONES.get(one.state, "soon"),
            f"/documents/{one.document_id}.pdf",
        )
        for one in slips
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _would(verb: Callable[[], object]) -> bool:
    try:
        verb()
    except YizhanError:
        return False
    return True
