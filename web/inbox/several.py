"""Several tasks at once: each in a transaction of its own; what could not be done is said line by line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flask import Blueprint, flash, redirect, render_template
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web import idempotency
from web.errors import reason
from web.inbox import worklist
from web.inbox.pane import named
from web.inbox.worklist import Line
from web.incoming import row_id
from web.language import say
from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.engine.tasks import TaskRow
from workflow.errors import NotFound, Refused
from workflow.station import drafts, reassignment, staff
from workflow.station.permissions import visible
from workflow.station.staff import Staff
from workflow.texts import T

bp = Blueprint("several", __name__, url_prefix="/tasks/several")

MOST = 100
ACTS = ("claim", "give_back", "complete", "hand_over")


@dataclass(frozen=True)
class Outcome:
    """What became of one task; ``reason`` says why nothing did, ``warning`` what to mind although it did."""

    name: str
    reason: str = ""
    warning: str = ""


@bp.post("")
@signed_in
def act() -> ResponseReturnValue:
    """Claim, give back, complete or hand over each of the chosen tasks."""
    verb, numbers = http.form.get("act", ""), _chosen()
    if verb not in ACTS:
        raise Refused(T("请选择要进行的操作。"))
    if not numbers:
        raise Refused(T("请先勾选要处理的待办。"))
    to = staff.by_key(db(), http.form.get("to")) if verb == "hand_over" else None
    if verb == "hand_over" and to is None:
        raise Refused(T("请选择要转交的同事。"), field="to")
    key = http.headers.get("Idempotency-Key") or http.form.get("key")
    outcomes = [_one(verb, number, to, f"{key}/{number}" if key else None) for number in numbers]
    refused = [one for one in outcomes if one.reason]
    warned = list(dict.fromkeys(one.warning for one in outcomes if one.warning))
    said = _said(verb, len(outcomes) - len(refused))
    back = worklist.address(worklist.asks([]))
    if refused:
        return render_template(
            "inbox/several.html", said=said, refused=refused, warned=warned, total=len(outcomes), back=back
        )
    flash(said, "good")
    for sentence in warned[:5]:
        flash(_("请注意：%(warning)s。", warning=sentence), "warn")
    return redirect(back)


@bp.get("/colleagues")
@signed_in
def colleagues() -> str:
    """Who the chosen tasks can be given to, and who is away on one of their deadlines."""
    dues = db().scalars(
        select(TaskRow.due_at).where(TaskRow.id.in_(_chosen()), visible(actor(), TaskRow)).distinct()
    )
    found = reassignment.colleagues(db(), actor(), [due for due in dues if due], moment())
    return render_template(
        "inbox/_colleagues.html", colleagues=[(one.person.key, named(one)) for one in found]
    )


def _one(verb: str, task_id: int, to: Staff | None, key: str | None) -> Outcome:
    """One task, whole or not at all. A defect of ours is caught too: what was done before stays done."""
    name = str(task_id)
    try:
        line = worklist.line(task_id)
        name = _named(line) if line else _("待办 %(number)s", number=task_id)
        kept = idempotency.begin(db(), actor().key, key, f"{verb} {to.key if to else ''}".encode())
        if kept is not None:
            db().rollback()
            return Outcome(name, warning=str(kept.get("warning", "")))
        warning = VERBS[verb](task_id, to)
        idempotency.keep(db(), actor().key, key, {"warning": warning})
        db().commit()
    except Exception as error:
        return Outcome(name, reason(error))
    return Outcome(name, warning=warning)


def _claim(task_id: int, to: Staff | None) -> str:
    engine().claim(task_id, by=actor())
    return ""


def _give_back(task_id: int, to: Staff | None) -> str:
    engine().unclaim(task_id, by=actor())
    return ""


def _complete(task_id: int, to: Staff | None) -> str:
    """Only what asks for nothing: a form is filled in by somebody who reads it."""
    found = db().execute(select(TaskRow.form).where(TaskRow.id == task_id, visible(actor(), TaskRow))).first()
    if found is None:
        raise NotFound
    if found.form is not None:
        raise Refused(T("这个环节需要填写表单，请逐件办理。"))
    engine().complete(task_id, by=actor(), data={})
    drafts.done(db(), task_id)
    return ""


def _hand_over(task_id: int, to: Staff | None) -> str:
    warning = reassignment.hand_over(db(), engine(), task_id, by=actor(), to=to, moment=moment())
    return say(warning) if warning else ""


VERBS: dict[str, Callable[[int, Staff | None], str]] = {
    "claim": _claim,
    "give_back": _give_back,
    "complete": _complete,
    "hand_over": _hand_over,
}


def _said(verb: str, count: int) -> str:
    sentences = {
        "claim": T("已签收 %(count)s 件。", count=count),
        "give_back": T("已退回 %(count)s 件。", count=count),
        "complete": T("已完成 %(count)s 件。", count=count),
        "hand_over": T("已转交 %(count)s 件。", count=count),
    }
    return say(sentences[verb])


def _chosen() -> list[int]:
    """The chosen tasks, each once, in the order of the list. Refused: too many."""
    found = [number for text in http.values.getlist("task") if (number := row_id(text)) is not None]
    numbers = list(dict.fromkeys(found))
    if len(numbers) > MOST:
        raise Refused(T("一次最多处理 %(count)s 件。", count=MOST))
    return numbers


def _named(line: Line) -> str:
    return f"{line.case_no or _('未编号')} {say(line.item)} · {say(line.step)}"
