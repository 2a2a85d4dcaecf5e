"""Drafts of half-filled forms: the form's island keeps them while somebody writes, and throws them away."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue

from web.incoming import submitted
from web.language import ZONE, hour
from web.policies import signed_in
from web.request import actor, db, me, moment
from workflow.errors import NotAllowed
from workflow.station import drafts
from workflow.station.drafts import Opened
from workflow.station.permissions import can
from workflow.station.staff import Staff

bp = Blueprint("drafts", __name__)

START = "intake"


@bp.post("/tasks/<int:task_id>/draft")
@signed_in
def keep(task_id: int) -> ResponseReturnValue:
    drafts.keep(db(), actor(), _person(), submitted(), moment=moment(), task_id=task_id)
    return _kept()


@bp.post("/tasks/<int:task_id>/draft/discard")
@signed_in
def discard(task_id: int) -> ResponseReturnValue:
    drafts.discard(db(), _person(), task_id=task_id)
    db().commit()
    return jsonify({})


@bp.post("/cases/new/draft")
@signed_in
def keep_start() -> ResponseReturnValue:
    if not can(actor(), "register"):
        raise NotAllowed
    return keep_of_start()


@bp.post("/cases/new/draft/discard")
@signed_in
def discard_start() -> ResponseReturnValue:
    return discard_of_start()


def keep_of_start(start: str = START) -> ResponseReturnValue:
    """What is filled into a form that begins a process; the view has asked whether it may be begun."""
    drafts.keep(db(), actor(), _person(), submitted(), moment=moment(), start=start)
    return _kept()


def discard_of_start(start: str = START) -> ResponseReturnValue:
    started(start)
    db().commit()
    return jsonify({})


def of_task(task_id: int) -> Opened | None:
    return drafts.find(db(), _person(), task_id=task_id)


def of_start(start: str = START) -> Opened | None:
    return drafts.find(db(), _person(), start=start)


def started(start: str = START) -> None:
    """The start was sent: its draft goes in that transaction."""
    drafts.discard(db(), _person(), start=start)


def when(opened: Opened) -> str:
    """'10:32'; of another day '03-02 10:32'."""
    local = opened.saved_at.astimezone(ZONE)
    same = local.date() == moment().astimezone(ZONE).date()
    return hour(opened.saved_at) if same else f"{local:%m-%d %H:%M}"


def _kept() -> ResponseReturnValue:
    db().commit()
    return jsonify(saved=hour(moment()))


def _person() -> Staff:
    person = me()
    assert person is not None
    return person.staff
