"""督办看板: the board, supervision in one click, people, targets, and the view for the wall."""

from __future__ import annotations

from datetime import date

from flask import Blueprint, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web.board import page
from web.board.people import loads, people
from web.board.query import Query
from web.board.screen import screen as wall
from web.board.tables import table
from web.incoming import row_id
from web.language import ZONE, day, hour, say, weekdays
from web.policies import leader
from web.request import actor, db, engine, moment
from workflow.errors import Refused
from workflow.station import board, calendar, items, targets
from workflow.station.items import DOMAINS, ServiceItem
from workflow.station.lights import ORDERS
from workflow.texts import T

bp = Blueprint("board", __name__, template_folder="templates", url_prefix="/board")


@bp.context_processor
def words_of_the_board() -> dict[str, object]:
    """What the templates of the board ask for beside their page."""
    return {"lamps": page.lamps(), "percent": page.percent, "periods": targets.PERIODS}


@bp.get("")
@leader
def show() -> str:
    return render_template("board/show.html", page=page.page(Query.from_address()), side=page.side())


@bp.get("/live")
@leader
def live() -> str:
    """The same without its frame, for the poll."""
    return render_template("board/_live.html", page=page.page(Query.from_address()), side=page.side())


@bp.get("/cases.csv")
@leader
def cases_table() -> ResponseReturnValue:
    query = Query.from_address()
    kept = [mark for mark in page.marks() if query.filters.keeps(mark)]
    lines = board.lines(db(), sorted(kept, key=ORDERS[query.sort]), moment())
    said = page.words()
    head = [_("编号"), _("事项"), _("服务对象"), _("灯"), _("经办人"), _("环节"), _("时限已用百分比")]
    head += [_("期限"), _("剩余"), _("暂估"), _("登记时间")]
    rows = (
        [
            line.mark.no or _("未编号"),
            say(line.title),
            line.client,
            said[line.mark.light],
            page.owners(line.mark),
            _("、").join(say(step) for step in line.mark.steps),
            page.percent(line.share),
            f"{day(line.mark.due_at)} {hour(line.mark.due_at)}" if line.mark.due_at else "",
            say(line.left.text) if line.left else "",
            _("暂估") if line.provisional else "",
            f"{day(line.mark.received_at)} {hour(line.mark.received_at)}",
        ]
        for line in lines
    )
    return table(f"board-{_today()}", head, rows)


@bp.post("/cases/<int:case_id>/supervise")
@leader
def supervise(case_id: int) -> ResponseReturnValue:
    task = board.supervise(engine(), case_id, by=actor())
    db().commit()
    return redirect(url_for("inbox.task", task_id=task))


@bp.get("/people")
@leader
def people_page() -> str:
    return render_template("board/people.html", people=people(), weekdays=weekdays())


@bp.get("/people.csv")
@leader
def people_table() -> ResponseReturnValue:
    head = [_("姓名"), _("职务"), _("待办任务"), _("已签收"), _("今日到期"), _("已超期")]
    head += [_("在手办件"), _("本月完成"), _("其中代岗")]
    rows = (
        [
            load.staff.name,
            say(load.staff.title),
            load.open,
            load.claimed,
            load.due_today,
            load.late,
            load.cases,
            load.done,
            load.for_others,
        ]
        for load in loads()
    )
    return table(f"workload-{_today()}", head, rows)


@bp.get("/targets")
@leader
def targets_page() -> str:
    return _targets(None, 200)[0]


@bp.get("/targets.csv")
@leader
def targets_table() -> ResponseReturnValue:
    head = [_("周期"), _("起"), _("止"), _("范围"), _("目标数量"), _("已办结"), _("目标按时率百分比")]
    head += [_("实际按时率百分比")]
    rows = (
        [
            say(targets.PERIODS[one.target.period]),
            one.target.first.isoformat(),
            one.target.last.isoformat(),
            say(one.target.scope),
            one.target.quantity,
            one.done,
            one.target.quality,
            one.quality,
        ]
        for one in targets.every(db(), actor(), moment(), calendar.load(db()))
    )
    return table(f"targets-{_today()}", head, rows)


@bp.post("/targets")
@leader
def set_target() -> ResponseReturnValue:
    """What is refused is said above the form, which keeps what was filled in."""
    try:
        _set_target()
    except Refused as refused:
        db().rollback()
        return _targets(refused, 422)
    db().commit()
    flash(_("目标已设定。"), "good")
    return redirect(url_for("board.targets_page"))


@bp.post("/targets/<int:target_id>/withdraw")
@leader
def withdraw_target(target_id: int) -> ResponseReturnValue:
    targets.withdraw(db(), target_id, by=actor(), moment=moment())
    db().commit()
    flash(_("目标已撤销。"), "good")
    return redirect(url_for("board.targets_page"))


@bp.get("/screen")
@leader
def screen() -> str:
    return render_template("board/screen.html", wall=wall())


@bp.get("/screen/live")
@leader
def screen_live() -> str:
    return render_template("board/_screen.html", wall=wall())


def _set_target() -> None:
    kind, _colon, key = http.form.get("scope", "").partition(":")
    item = (
        db().scalars(select(ServiceItem).where(ServiceItem.code == key)).first() if kind == "item" else None
    )
    if kind not in ("", "item", "domain") or (kind == "item" and item is None):
        raise Refused(T("请选择目标的范围。"), field="scope")
    targets.set_target(
        db(),
        period=http.form.get("period", ""),
        day=_month(http.form.get("month", "")),
        quantity=_number(http.form.get("quantity", ""), "quantity"),
        quality=_number(http.form["quality"], "quality") if http.form.get("quality", "").strip() else None,
        item=item,
        domain=key if kind == "domain" else None,
        by=actor(),
        moment=moment(),
    )


def _targets(refused: Refused | None, status: int) -> tuple[str, int]:
    today = moment().astimezone(ZONE).date()
    return render_template(
        "board/targets.html",
        progress=targets.every(db(), actor(), moment(), calendar.load(db())),
        domains=DOMAINS,
        catalogue=[version.item for version in items.catalogue(db(), today)],
        given=http.form if refused else {"month": f"{today:%Y-%m}", "period": targets.MONTH},
        refused=refused,
    ), status


def _month(text: str) -> date:
    """'2026-03' -> its first day."""
    try:
        return date.fromisoformat(f"{text.strip()}-01")
    except ValueError:
        raise Refused(T("请填写年月，例如 2026-03。"), field="month") from None


def _number(text: str, field: str) -> int:
    """Digits, perhaps with a sign: what is too small is refused with the reason of the rule."""
    digits = text.strip().removeprefix("-")
    if row_id(digits) is None or len(digits) > 6:
        raise Refused(T("请填写整数。"), field=field)
    return int(text)


def _today() -> str:
    return f"{moment().astimezone(ZONE):%Y%m%d}"
