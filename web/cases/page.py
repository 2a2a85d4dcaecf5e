"""Everything the page of a case shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from flask_babel import gettext as _
from sqlalchemy import select

from web.cases import first_contact
from web.cases.events import Event, events, of_case
from web.cases.joint import Joint, joint_of
from web.cases.ledger import Contact, Doors, Ledger, contacts_of, doors, ledger_of
from web.cases.related import Related, related
from web.coordination.page import Row, rows
from web.deadlines import NONE, PAUSED, Deadline
from web.inbox.pane import Fact
from web.inbox.worklist import Line, shown
from web.language import ZONE, day, hour, say
from web.request import actor, db, moment
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station import (
    cases,
    clock_ledger,
    clock_reckoning,
    clocks,
    collection,
    consultations,
    coordination,
    documents,
    inbox,
    material_check,
)
from workflow.station.cases import CaseMaterial
from workflow.station.permissions import can
from workflow.station.visits import Visit
from workflow.texts import Text


@dataclass(frozen=True)
class Material:
    name: str
    note: str
    state: str
    tone: str
    sign: str


@dataclass(frozen=True)
class Paper:
    id: int
    title: Text
    no: str
    at: datetime
    is_void: bool


@dataclass(frozen=True)
class Typed:
    """What was filled in to end a case early, and why that was refused."""

    what: str = ""
    reason: str = ""
    confirmed: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Page:
    """``deadline_at`` moves with the clock; ``receipt_due_at`` was printed, ``planned_on`` answered."""

    id: int
    no: str | None
    item: str
    state: Text | str
    deadline: Deadline
    deadline_at: datetime | None
    provisional: bool
    share: int | None
    used: str
    receipt_due_at: datetime | None
    planned_on: date | None
    planned: tuple[str, str]
    why: Text | str
    now: list[str]
    tasks: list[Line]
    events: list[Event]
    facts: list[Fact]
    documents: list[Paper]
    materials: list[Material]
    can_supervise: bool
    ledger: Ledger | None
    contacts: list[Contact]
    joint: Joint
    coordination: list[Row]
    can_coordinate: bool
    doors: Doors
    first: first_contact.Card
    ended_early: str
    collection: Text | str
    related: Related
    confirmations: Mapping[str, Text]
    typed: Typed


def page(case_id: int, typed: Typed | None = None, *, first: dict[str, str] | None = None) -> Page:
    """NotFound. ``typed``: what was filled in to end the case, ``first`` about its first contact, when that
    was refused."""
    by, now = actor(), moment()
    case = cases.find(db(), by, case_id)
    clock = clocks.of(db(), case.key, clock_ledger.ITEM_CLOCK)
    open_tasks = shown(inbox.of_case(db(), by, now, case.id))
    instances = of_case(case)
    steps = select(TaskRow.name).where(TaskRow.instance_id.in_(instances), TaskRow.status == OPEN)
    due = clock.deadline_at if clock else None
    used = round(clock_reckoning.used(db(), clock, now) * 100) if clock else None
    return Page(
        id=case.id,
        no=case.no,
        item=case.title,
        state=cases.STATES[case.state],
        deadline=left_of(case, clock),
        deadline_at=due,
        provisional=bool(clock and clock.provisional),
        share=used,
        used=_("时限已用 %(share)s%%", share=used) if used is not None else "",
        receipt_due_at=case.receipt_due_at,
        planned_on=case.planned_on,
        planned=_planned(case.planned_on, due),
        why=clock_reckoning.why(db(), clock) if clock else "",
        now=list(db().scalars(steps.order_by(TaskRow.id))),
        tasks=open_tasks,
        events=events(db(), instances),
        facts=_facts(case),
        documents=papers_of(case.key),
        materials=[_material(one) for one in case.materials],
        can_supervise=not case.ended and can(by, "supervise"),
        ledger=ledger_of(clock) if clock else None,
        contacts=contacts_of(case),
        joint=joint_of(case),
        coordination=rows(coordination.of_case(db(), case)),
        can_coordinate=coordination.may_record(by),
        doors=doors(case),
        first=first_contact.card(case, first),
        ended_early=_ended_early(case),
        collection=cases.COLLECTIONS.get(case.collection or "", ""),
        related=related(case),
        confirmations=cases.CONFIRMATIONS,
        typed=typed or Typed(),
    )


def papers_of(owner: str) -> list[Paper]:
    """All papers of a case or of something else with a key, oldest first."""
    return [Paper(one.id, one.name, one.no, one.issued_at, one.is_void) for one in documents.of(db(), owner)]


def _ended_early(case: cases.Case) -> str:
    """Why it ended without being completed; nothing of one that goes on or was completed."""
    if case.end_reason is None:
        return ""
    state, how = say(cases.STATES[case.state]), cases.CONFIRMATIONS.get(case.end_confirmed or "")
    why = _("%(reason)s（%(how)s）", reason=case.end_reason, how=say(how)) if how else case.end_reason
    at = f"{day(case.closed_at)} {hour(case.closed_at)}"
    return str(_("%(at)s %(state)s：%(why)s", at=at, state=state, why=why))


def _planned(day: date | None, deadline_at: datetime | None) -> tuple[str, str]:
    """What the planned date is called and means: after the deadline it is a supervision's new promise."""
    if day is not None and deadline_at is not None and day > deadline_at.astimezone(ZONE).date():
        return _("督办后的新承诺"), _("已超期，期限不变")
    return _("答复的计划时间"), _("不晚于办理期限")


def left_of(case: cases.Case, clock: clock_ledger.Clock | None) -> Deadline:
    """What is left of a case's clock, or how it ended; of one that ended early nothing was kept or missed."""
    if case.end_reason is not None:
        return Deadline(NONE, _("不再计时"), None)
    if clock is None:
        return Deadline(NONE, _("未开始计时"), None)
    left = clock_reckoning.remaining(db(), clock, moment())
    tone = PAUSED if clock.state == clock_ledger.STOPPED else left.level
    return Deadline(tone, say(left.text), clock.deadline_at)


def _facts(case: cases.Case) -> list[Fact]:
    facts = [
        Fact(_("服务对象"), case.applicant.shown_name),
        Fact(_("联系电话"), say(case.applicant.shown_phone) or "—"),
        Fact(_("来办渠道"), say(cases.CHANNELS[case.channel])),
        Fact(_("首问人"), case.first_contact.name),
        Fact(_("登记时间"), _at(case.received_at)),
        Fact(_("诉求"), case.matter),
    ]
    if case.enterprise:
        facts.insert(1, Fact(_("企业"), case.enterprise.name))
        facts.insert(2, Fact(_("信用代码"), case.enterprise.code18 or _("待核实")))
    if case.state == cases.WAITING:
        mending = clocks.of(db(), case.key, material_check.DEFICIENCY_CLOCK)
        facts += [Fact(_("补正期限"), _at(mending.deadline_at))] if mending else []
    if case.check_minutes is not None:
        took = _("%(count)s 分钟（%(at)s 审完）", count=case.check_minutes, at=_at(case.checked_at))
        facts.append(Fact(_("审核材料用时"), took))
    if case.taken_back and case.answer_by:
        why = _("%(reason)s（答应 %(at)s 前答复）", reason=case.taken_back, at=_at(case.answer_by))
        facts.append(Fact(_("带回审核"), why))
    if case.deemed:
        facts.append(Fact(_("视为受理"), _("逾期未告知，自收到之日起受理")))
    if case.agent:
        agent = f"{case.agent.shown_name} {say(case.agent.shown_phone)}".strip()
        facts.insert(-1, Fact(_("受托人"), f"{agent}（{say(documents.agent_words(case))}）"))
    if case.visit_id:
        facts.append(Fact(_("来访编号"), db().get_one(Visit, case.visit_id).no))
    if case.lead:
        facts.append(Fact(_("牵头人"), case.lead.name))
    if asked := consultations.of_case(db(), actor(), case):
        facts.append(Fact(_("来自咨询"), f"{asked.no} {asked.topic}"))
    if case.solution:
        facts.append(Fact(_("答复方案"), case.solution))
    if case.result:
        facts.append(Fact(_("办理结果"), say(cases.RESULTS[case.result])))
    if case.summary:
        facts.append(Fact(_("办理总结"), case.summary))
    if case.collected_at:
        facts.append(Fact(_("取件"), _collected(case)))
    return facts


def _at(moment: datetime | None) -> str:
    return f"{day(moment)} {hour(moment)}" if moment else ""


def _collected(case: cases.Case) -> str:
    """'2026-03-02 09:00 孙代领（授权委托书）'."""
    assert case.collected_at is not None
    who = case.collector.shown_name if case.collector else _("本人")
    checked = say(collection.CHECKS[case.collection_check or ""])
    return f"{day(case.collected_at)} {hour(case.collected_at)} {who}（{checked}）"


TONES = {"ok": "ok", "missing": "late", "unfit": "late"}


def _material(material: CaseMaterial) -> Material:
    words = {"ok": _("合格"), "missing": _("缺少"), "unfit": _("不合格"), "none": _("不适用")}
    tone = TONES.get(material.state or "", "none")
    notes = [_("%(pages)s 页", pages=material.pages)] if material.pages else []
    notes += [_("%(copies)s 份", copies=material.copies)] if material.copies else []
    notes += [say(part) for part in (material.original, material.reason) if part]
    return Material(
        name=material.name,
        note=" · ".join(notes) or (_("必需") if material.required else _("视情况")),
        state=words.get(material.state or "", _("待审核")),
        tone=tone,
        sign={"ok": "check", "late": "alert"}.get(tone, "dash"),
    )
