"""电话告知 (R2.1d, decision 33): what to say, to whom; said or not, then the next."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web.incoming import row_id
from web.language import say
from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.errors import NotAllowed, Refused
from workflow.station import contacts, outbox, owners, persons
from workflow.station.cases import Case
from workflow.station.outbox import Outbox
from workflow.station.permissions import can
from workflow.station.persons import Person
from workflow.texts import T

bp = Blueprint("calls", __name__, template_folder="templates", url_prefix="/calls")
LONGEST = 400


@dataclass(frozen=True)
class Call:
    """``tried`` says how the last call ended, where there was one; ``phone`` is masked."""

    id: int
    case_id: int | None
    no: str
    item: str
    client: str
    phone: str
    text: str
    since: datetime
    tried_at: datetime | None
    tried: str


@bp.get("")
@signed_in
def show() -> str:
    return _page(row_id(http.args.get("call")))


@bp.post("/<int:call_id>/phone")
@signed_in
def phone(call_id: int) -> ResponseReturnValue:
    """The number, on this answer alone; the look is on record before it is sent."""
    row = outbox.find(db(), actor(), call_id)
    case = db().get(Case, row.case_id) if row.case_id else None
    number = persons.reveal(
        db(),
        actor(),
        db().get_one(Person, row.person_id),
        purpose=T("电话告知 %(no)s", no=(case.no or case.key) if case else row.id).say(),
        moment=moment(),
    )
    db().commit()
    return _page(call_id, phone=number)


@bp.post("/<int:call_id>")
@signed_in
def log(call_id: int) -> ResponseReturnValue:
    """How the call ended; the next one comes by itself."""
    row = outbox.find(db(), actor(), call_id)
    case = db().get(Case, row.case_id) if row.case_id else None
    post = owners.post_of(db(), actor(), case) if case else None
    outcome, words = http.form.get("outcome", ""), http.form.get("words", "")[:LONGEST]
    try:
        contacts.log_call(
            db(),
            actor(),
            row,
            engine=engine(),
            outcome=outcome,
            words=words,
            moment=moment(),
            on_behalf_of=post.on_behalf_of if post else None,
        )
    except Refused as refused:
        db().rollback()
        return _page(call_id, words=words, problem=say(refused.text)), 422
    db().commit()
    if outcome == contacts.REACHED:
        flash(_("已记下，告知完成。"), "good")
    else:
        flash(_("已记下：%(outcome)s，稍后再打。", outcome=say(contacts.OUTCOMES[outcome])), "good")
    return redirect(url_for("calls.show"))


def _page(chosen: int | None, *, phone: str = "", words: str = "", problem: str = "") -> str:
    if not can(actor(), "see_cases"):
        raise NotAllowed
    calls = [_call(row) for row in outbox.call_list(db(), actor())]
    call = next((one for one in calls if one.id == chosen), calls[0] if calls else None)
    return render_template(
        "calls/list.html",
        calls=calls,
        call=call,
        waiting=outbox.count_calls(db(), actor()),
        phone=phone if call and call.id == chosen else "",
        words=words,
        problem=problem,
        outcomes=contacts.OUTCOMES,
        longest=LONGEST,
    )


def _call(row: Outbox) -> Call:
    person = db().get_one(Person, row.person_id)
    case = db().get(Case, row.case_id) if row.case_id else None
    return Call(
        id=row.id,
        case_id=row.case_id,
        no=(case.no or _("未编号")) if case else "",
        item=case.title if case else "",
        client=person.shown_name,
        phone=say(person.shown_phone),
        text=row.text,
        since=row.created_at,
        tried_at=row.tried_at,
        tried=row.outcome,
    )
