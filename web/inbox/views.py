"""The inbox and the page of a task."""

from __future__ import annotations

from flask import Blueprint, Response, flash, jsonify, make_response, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web import idempotency
from web.cases.ledger import can_extend
from web.cases.related import related
from web.forms import opened
from web.headers import style_attributes
from web.inbox import worklist
from web.inbox.drafts import of_task
from web.inbox.pane import pane
from web.inbox.worklist import Line
from web.incoming import row_id, submitted
from web.language import say
from web.policies import signed_in
from web.request import actor, db, engine, moment
from web.wants import wants_json
from workflow.engine.tasks import TaskRow
from workflow.errors import NotFound
from workflow.station import cases, drafts, filters, inbox, material_check, notices, reassignment, staff
from workflow.station import wanted as asked
from workflow.station.permissions import can
from workflow.texts import T

bp = Blueprint("inbox", __name__, template_folder="templates")


@bp.get("/")
@signed_in
def show() -> str:
    saved = filters.seen_by(db(), actor())
    wanted = worklist.asks(saved)
    choices = inbox.choices(db(), actor(), moment(), wanted)
    return render_template(
        "inbox/show.html",
        opened=_task() is not None,
        tabs=worklist.tabs(wanted),
        choices=choices,
        narrowed=worklist.narrowed(wanted, choices),
        saved=[(one, one.asks(actor()), one.owner.key == actor().key) for one in saved],
        share_with=filters.to_share_with(db(), actor()),
        asked=asked,
        key=idempotency.new_key(),
        **_list(wanted),
    )


@bp.get("/worklist")
@signed_in
def fragment() -> ResponseReturnValue:
    """The lines alone, for search and for the poll; figures and counts come along out of band.

    204 for a poll that would bring what the page shows already: nothing on it moves.
    """
    wanted = worklist.asks([])
    polled = "X-Yizhan-Poll" in http.headers
    if polled and http.args.get("mark") == worklist.mark(wanted):
        return Response(status=204)
    answer = make_response(render_template("inbox/_refresh.html", **_list(wanted)))
    if not polled:
        answer.headers["HX-Replace-Url"] = worklist.address(wanted)
    return answer


@bp.get("/tasks/<int:task_id>/pane")
@signed_in
def beside(task_id: int) -> str:
    return render_template("inbox/_pane.html", pane=pane(task_id) or _gone(), chosen=True)


@bp.get("/tasks/<int:task_id>")
@signed_in
@style_attributes
def task(task_id: int) -> str:
    line = _line(task_id)
    has_form = engine().task_form(task_id, by=actor()) is not None
    task = db().get_one(TaskRow, task_id)
    extend = bool(line.case_id) and can_extend(task, cases.find(db(), actor(), line.case_id or 0))
    doubtful = bool(line.case_id) and bool(related(cases.find(db(), actor(), line.case_id or 0)).offers)
    return render_template("inbox/task.html", line=line, has_form=has_form, extend=extend, doubtful=doubtful)


@bp.get("/tasks/<int:task_id>/form.json")
@signed_in
def form(task_id: int) -> ResponseReturnValue:
    found = engine().task_form(task_id, by=actor())
    if found is None:
        raise NotFound
    if material_check.opened(db(), task_id, by=actor(), moment=moment()):
        db().commit()
    return jsonify(opened(found, of_task(task_id)))


@bp.post("/tasks/<int:task_id>/complete")
@signed_in
def complete(task_id: int) -> ResponseReturnValue:
    key = http.headers.get("Idempotency-Key")
    answer = idempotency.begin(db(), actor().key, key, http.path.encode() + http.get_data())
    if answer is None:
        line = worklist.line(task_id)
        engine().complete(task_id, by=actor(), data=submitted() if http.is_json else {})
        drafts.done(db(), task_id)
        answer = {"next": url_for("inbox.show"), "said": _done(line)}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(answer["said"], "good")
    if not wants_json():
        return redirect(answer["next"])
    return jsonify(answer)


@bp.post("/tasks/<int:task_id>/claim")
@signed_in
def claim(task_id: int) -> ResponseReturnValue:
    engine().claim(task_id, by=actor())
    db().commit()
    return redirect(url_for("inbox.show", task=task_id))


@bp.post("/tasks/<int:task_id>/give-back")
@signed_in
def give_back(task_id: int) -> ResponseReturnValue:
    engine().unclaim(task_id, by=actor())
    db().commit()
    flash(_("已退回，同岗位的同事可以签收。"), "good")
    return redirect(url_for("inbox.show", task=task_id))


@bp.post("/tasks/<int:task_id>/hand-over")
@signed_in
def hand_over(task_id: int) -> ResponseReturnValue:
    colleague = staff.by_key(db(), http.form.get("to"))
    warning = reassignment.hand_over(db(), engine(), task_id, by=actor(), to=colleague, moment=moment())
    db().commit()
    assert colleague is not None
    flash(_("已转交给 %(name)s。", name=colleague.name), "good")
    if warning is not None:
        flash(_("请注意：%(warning)s。", warning=say(warning)), "warn")
    return redirect(url_for("inbox.show"))


@bp.get("/notices")
@signed_in
def reminders() -> str:
    return render_template("inbox/notices.html", notices=notices.unread(db(), actor(), moment()))


@bp.post("/notices/read")
@signed_in
def mark_read() -> ResponseReturnValue:
    notices.mark_read(db(), actor(), moment())
    db().commit()
    return redirect(url_for("inbox.reminders"))


def _list(wanted: asked.Wanted) -> dict[str, object]:
    found = worklist.listing(wanted)
    number = _task()
    shown = pane(number) if number is not None else None
    if shown is None and found.lines and not wanted.q and number is None:
        shown = pane(found.lines[0].id)
    return {
        "figures": worklist.figures(wanted),
        "waiting": worklist.counted().open,
        "listing": found,
        "wanted": wanted,
        "address": worklist.address,
        "pane": shown,
        "chosen": number is not None,
        "may_register": can(actor(), "register"),
    }


def _task() -> int | None:
    return row_id(http.args.get("task"))


def _line(task_id: int) -> Line:
    """NotFound when the task is done, gone, or not for this person."""
    return worklist.line(task_id) or _gone()


def _gone() -> Line:
    raise NotFound(T("这件待办已经办完、被收回，或您无权查看。"))


def _done(line: Line | None) -> str:
    words: str = (
        _("已提交：%(step)s · %(item)s", step=say(line.step), item=say(line.item)) if line else _("已提交。")
    )
    return words
