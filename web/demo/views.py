"""Move the demo's business clock from the page (decisions 1). Only where YIZHAN_DEMO=1."""

from __future__ import annotations

from datetime import timedelta

from flask import Blueprint, redirect
from flask import request as http
from flask.typing import ResponseReturnValue

from web.policies import demo_only
from web.request import db
from web.sign_in.views import inside
from workflow.database import shift
from workflow.errors import Refused
from workflow.texts import T

bp = Blueprint("demo", __name__)

STEPS = {
    "hour": timedelta(hours=1),
    "half-day": timedelta(hours=4),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


@bp.post("/demo/clock")
@demo_only
def move() -> ResponseReturnValue:
    step = STEPS.get(http.form.get("by", ""))
    if step is None:
        raise Refused(T("演示时钟只能前进一小时、半天、一天或一周。"))
    shift(db(), step)
    db().commit()
    return redirect(inside(http.form.get("next")))
