"""What a case has to do with others (R1.2.2a2): possible duplicates, links, what was merged."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, flash, redirect, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.errors import NotFound
from workflow.station import cases, duplicates, ending
from workflow.station.cases import Case
from workflow.station.duplicates import DISTINCT, LINKED, MERGED
from workflow.texts import Text

bp = Blueprint("related", __name__)


@dataclass(frozen=True)
class Other:
    """Another case; ``merge`` are the words of the button where merging would be taken."""

    id: int
    no: str
    item: str
    state: Text
    at: datetime
    kind: str
    merge: str = ""


@dataclass(frozen=True)
class Related:
    offers: list[Other]
    known: list[Other]


def related(case: Case) -> Related:
    offers = duplicates.offers(db(), actor(), case) if duplicates.may_decide(db(), actor(), case) else []
    return Related(
        offers=[_other(one, "", _merge(case, one)) for one in offers],
        known=[_other(one, _kind(kind, case, one)) for kind, one in duplicates.related(db(), actor(), case)],
    )


@bp.post("/<int:case_id>/related/<int:other_id>")
@signed_in
def decide(case_id: int, other_id: int) -> ResponseReturnValue:
    """Two of a kind: link them, merge the later into the earlier, or say that they are two."""
    case, other = (cases.find(db(), actor(), one) for one in (case_id, other_id))
    if case is other:
        raise NotFound
    kind = http.form.get("kind", "")
    goes_on = duplicates.decide(engine(), case, other, kind, by=actor(), moment=moment())
    db().commit()
    said = {
        LINKED: _("两件办件已关联。"),
        MERGED: _("已合并，编号和记录保留。"),
        DISTINCT: _("已记下：不是重复。"),
    }
    flash(said[kind], "good")
    return redirect(url_for("cases.show", case_id=goes_on.id))


def _kind(kind: str, case: Case, other: Case) -> str:
    if kind == LINKED:
        return str(_("已关联"))
    return str(_("本件已并入") if case.merged_into_id == other.id else _("已并入本件"))


def _merge(case: Case, other: Case) -> str:
    """'并入 SL2026-00001' on the later one, '把 SL2026-00002 并入本件' on the earlier."""
    earlier, later = sorted((case, other), key=lambda one: (one.received_at, one.id))
    if earlier.ended or not ending.may_merge(db(), actor(), later):
        return ""
    words: str = _("并入 %(no)s", no=other.no) if later is case else _("把 %(no)s 并入本件", no=other.no)
    return words


def _other(case: Case, kind: str, merge: str = "") -> Other:
    return Other(
        id=case.id,
        no=case.no or _("未编号"),
        item=case.title,
        state=cases.STATES[case.state],
        at=case.received_at,
        kind=kind,
        merge=merge,
    )
