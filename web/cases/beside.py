"""What can be begun beside a case (more time, a stop of its clock), and what was said to its client."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, flash, jsonify, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from web import idempotency
from web.cases.page import page
from web.discussion.card import card
from web.forms import opened
from web.headers import style_attributes
from web.incoming import submitted
from web.language import day, hour, say
from web.policies import signed_in
from web.request import actor, db, engine, moment
from workflow.errors import NotAllowed, NotFound, Refused
from workflow.station import (
    cases,
    clock_reckoning,
    contacts,
    coordination,
    extensions,
    follow_up_reminders,
    handovers,
    joint_handling,
    one_time_notices,
    owners,
    suspensions,
    telling,
    transfers,
    unlisted,
)
from workflow.texts import T, Text

bp = Blueprint("beside", __name__)
MOST_DAYS = 9999  # typed: what is beyond is no number of days


@dataclass(frozen=True)
class Beside:
    """A process that is begun from the page of a case, and its words there."""

    process: str
    title: Text
    hint: Text
    button: Text
    done: Text


BESIDE = {
    "extension": Beside(
        extensions.PROCESS,
        T("申请延期"),
        T("只能在办理期限届满前申请，由上级审批；半个工作日内未审批视为不同意。"),
        T("提交申请"),
        T("已提交延期申请。"),
    ),
    "suspension": Beside(
        suspensions.PROCESS,
        T("暂停计时"),
        T("暂停期间不计入办理时限，并书面告知服务对象。"),
        T("暂停计时"),
        T("已暂停计时，并出具告知书。"),
    ),
    "unlisted": Beside(
        unlisted.PROCESS,
        T("申请清单外要件"),
        T("清单以外的材料须有依据并经站长批准；未经批准不得要求服务对象提交。"),
        T("提交申请"),
        T("已提交清单外要件申请。"),
    ),
    "reminder": Beside(
        follow_up_reminders.PROCESS,
        T("跟进提醒"),
        T("到时间会收到提醒和一件“跟进”待办；办结之后也可以设定。"),
        T("设定提醒"),
        T("已设定跟进提醒。"),
    ),
    "handover": Beside(
        handovers.PROCESS,
        T("转交经办人"),
        T("对方接收之前由首问人负责；未按时接收的由对方的B角接收，同时报站长。"),
        T("转交"),
        T("已转交，等待对方接收。"),
    ),
    "transfer": Beside(
        transfers.PROCESS,
        T("转办"),
        T("不属本站职责、经服务对象同意的，出具转办单转给承办部门；只需告知去处的用“引导”。"),
        T("出具转办单"),
        T("已出具转办单，请送出并确认对方接收。"),
    ),
    "coordination": Beside(
        coordination.PROCESS,
        T("沟通协调"),
        T("记下与外单位、外部人员或同事谈定的事；写了约定时限的，到当天会收到提醒和待办。"),
        T("记下"),
        T("已记下沟通情况。"),
    ),
    "joint": Beside(
        joint_handling.PROCESS,
        T("请部门协办"),
        T("涉及其他部门的，一个部门一件；全部办复或撤回后才能办结。"),
        T("请其协办"),
        T("已记下协办事项，跟进人会收到待办。"),
    ),
}
PLACE = f"/<int:case_id>/<any({', '.join(BESIDE)}):what>"


@bp.get(PLACE)
@signed_in
@style_attributes
def begin(case_id: int, what: str) -> str:
    """Its start form; a page that says why where nothing can be begun."""
    case = cases.find(db(), actor(), case_id)
    beside = BESIDE[what]
    engine().start_form(beside.process, by=actor(), business_key=case.key)
    return render_template("cases/beside.html", case=case, what=what, beside=beside)


@bp.get(f"{PLACE}/form.json")
@signed_in
def form(case_id: int, what: str) -> ResponseReturnValue:
    case = cases.find(db(), actor(), case_id)
    found = engine().start_form(BESIDE[what].process, by=actor(), business_key=case.key)
    if found is None:
        raise NotFound
    return jsonify(opened(found))


@bp.post(PLACE)
@signed_in
def start(case_id: int, what: str) -> ResponseReturnValue:
    case, beside = cases.find(db(), actor(), case_id), BESIDE[what]
    key = http.headers.get("Idempotency-Key")
    answer = idempotency.begin(db(), actor().key, key, http.path.encode() + http.get_data())
    if answer is None:
        owners.begin_beside(engine(), beside.process, case, by=actor(), data=submitted())
        answer = {"next": url_for("cases.show", case_id=case.id)}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(say(beside.done), "good")
    return jsonify(answer)


@bp.get("/<int:case_id>/extension/preview.json")
@signed_in
def preview(case_id: int) -> ResponseReturnValue:
    """Where so many days would move the deadline, while they are typed. Refused: they cannot be had."""
    case = cases.find(db(), actor(), case_id)
    typed = http.args.get("days", "")
    days = int(typed) if typed.isascii() and typed.isdecimal() and len(typed) <= len(str(MOST_DAYS)) else 0
    clock = extensions.may_ask(db(), actor(), case, moment())
    known = extensions.facts(db(), actor(), case, clock, moment())
    extensions.within(extensions.ceiling(db(), known, moment()), days, extensions.unit_of(clock))
    new = clock_reckoning.extended(db(), clock, days, moment())
    sentence = _("延期后的办理期限：%(at)s", at=f"{day(new)} {hour(new)}")
    return jsonify(deadline=new.isoformat(), said=sentence)


@bp.post("/<int:case_id>/one-time-notice")
@signed_in
def give_notice(case_id: int) -> ResponseReturnValue:
    """出具一次性告知书 (R2.3.1a): pressed twice on one page, it is one paper."""
    case, key = cases.find(db(), actor(), case_id), http.form.get("key")
    answer = idempotency.begin(db(), actor().key, key, http.path.encode())
    if answer is None:
        answer = {"no": one_time_notices.for_case(db(), case, by=actor(), moment=moment()).no}
        idempotency.keep(db(), actor().key, key, answer)
        db().commit()
    flash(_("已出具一次性告知书 %(no)s，请打印一式两份并请对方签收。", no=answer["no"]), "good")
    return redirect(url_for("cases.show", case_id=case_id))


@bp.post("/<int:case_id>/contacts")
@signed_in
def add_contact(case_id: int) -> ResponseReturnValue:
    """Write down a contact with the client or an outside body (R1.2.2b); refused, what was typed stays."""
    case = cases.find(db(), actor(), case_id)
    post = owners.post_of(db(), actor(), case)
    if post is None:
        raise NotAllowed(T("只有这件办件的办理人员或站长可以添加联系记录。"))
    given = {
        name: http.form.get(name, "").strip() for name in ("channel", "outcome", "content", "at", "unit")
    }
    given["party"] = http.form.get("party", contacts.CLIENT)
    try:
        contacts.record(
            db(),
            case,
            engine=engine(),
            channel=given["channel"],
            outcome=given["outcome"],
            party=given["party"],
            unit=given["unit"],
            content=given["content"],
            at=telling.local_moment(given["at"]),
            moment=moment(),
            actor=actor().key,
            on_behalf_of=post.on_behalf_of,
        )
    except Refused as refused:
        db().rollback()
        shown = page(case_id)
        said = {"typed": given, "refused": say(refused.text), "talk": card(case_id)}
        return render_template("cases/show.html", page=shown, **said), 422
    db().commit()
    flash(_("已记入联系记录。"), "good")
    return redirect(url_for("cases.show", case_id=case_id) + "#contacts")
