"""运行异常: leaders see which case stands still; administrators see what is broken, and no case."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web.board.tables import table
from web.cases.diagrams import names_of
from web.language import minute, say
from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.engine.definitions import DefinitionRow
from workflow.engine.incidents import IncidentRow
from workflow.engine.instances import InstanceRow
from workflow.errors import NotAllowed, NotFound
from workflow.station.cases import Case
from workflow.station.permissions import can, visible

bp = Blueprint("incidents", __name__, template_folder="templates", url_prefix="/incidents")


@dataclass(frozen=True)
class Line:
    """``since`` is the machine's time. ``case_id`` None: no case, or none that this person may see."""

    id: int
    process: str
    step: str
    case_id: int | None
    case_no: str
    since: datetime
    times: int
    code: str
    message: str


@bp.get("")
@signed_in
def browse() -> str:
    _may_look()
    return render_template("incidents/list.html", lines=_lines(), leads=can(actor(), "supervise"))


@bp.get("/list.csv")
@signed_in
def exported() -> ResponseReturnValue:
    _may_look()
    head = [_("流程"), _("环节"), _("办件"), _("开始（机器时间）"), _("次数"), _("类别"), _("说明")]
    rows = (
        [say(o.process), say(o.step), o.case_no, minute(o.since), o.times, o.code, o.message]
        for o in _lines()
    )
    return table(f"incidents-{moment():%Y%m%d}", head, rows)


@bp.post("/<int:incident_id>/retry")
@signed_in
def retry(incident_id: int) -> ResponseReturnValue:
    _may_look()
    seen = select(IncidentRow.id).where(IncidentRow.id == incident_id, visible(actor(), IncidentRow))
    if db().scalar(seen) is None:
        raise NotFound
    engine().retry(incident_id, by=actor())
    db().commit()
    flash(_("已安排重试。仍不成功时，这里会再次出现。"), "good")
    return redirect(url_for("incidents.browse"))


def _may_look() -> None:
    if not can(actor(), "retry"):
        raise NotAllowed


def _lines() -> list[Line]:
    """The oldest first. Of a message an administrator reads the first line: what follows may quote data."""
    rows = (
        db()
        .execute(
            select(IncidentRow, DefinitionRow.name, Case.id, Case.no)
            .join(InstanceRow, InstanceRow.id == IncidentRow.instance_id)
            .join(DefinitionRow, DefinitionRow.id == InstanceRow.definition_id)
            .outerjoin(Case, (Case.key == InstanceRow.business_key) & visible(actor(), Case))
            .where(IncidentRow.resolved_at.is_(None), visible(actor(), IncidentRow))
            .order_by(IncidentRow.occurred_at, IncidentRow.id)
        )
        .all()
    )
    whole = can(actor(), "see_cases")
    return [
        Line(
            id=one.id,
            process=name,
            step=names_of(db(), one.instance_id).get(one.element or "", one.element or ""),
            case_id=case_id,
            case_no=(no or _("未编号")) if case_id else "",
            since=one.occurred_at,
            times=one.times,
            code=one.code,
            message=one.message if whole else one.message.partition("\n")[0],
        )
        for one, name, case_id, no in rows
    ]
