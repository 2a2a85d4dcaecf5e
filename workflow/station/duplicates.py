"""Possible duplicates (疑似重复, R1.2.2a2): the same phone or enterprise with the same item within some days.

They are offered once the item is known, never acted on silently: a person links the two, merges the later one
into the earlier, or says that they are two matters; each answer is remembered. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint, and_, exists, func, or_, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from workflow.engine import instances
from workflow.engine.actions import ActionContext
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.schema import Base
from workflow.settings import Settings
from workflow.station import calendar, cases, ending, notices, staff
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.deadlines import Limit, deadline
from workflow.station.items import ItemVersion, ServiceItem
from workflow.station.permissions import visible
from workflow.station.persons import Person
from workflow.texts import T

LINKED, MERGED, DISTINCT = "linked", "merged", "distinct"
KINDS = {LINKED: T("关联"), MERGED: T("并入"), DISTINCT: T("不是重复")}
MOST = 20  # shown of one case
UNCLASSIFIED = ""


class CaseRelation(Base):
    """What somebody found of two cases; lines are only added."""

    __tablename__ = "case_relation"
    __table_args__ = (
        UniqueConstraint("earlier_id", "later_id"),
        CheckConstraint("earlier_id <> later_id", name="two"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    earlier_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    later_id: Mapped[int] = mapped_column(ForeignKey("case.id"), index=True)
    kind: Mapped[str]
    at: Mapped[datetime]
    actor: Mapped[str]


def offers(session: Session, actor: Actor, case: Case) -> list[Case]:
    """Cases that may be the same matter and about which nobody has said anything yet; the newest first."""
    days = Settings.from_environment().duplicate_days
    gone = case.state in (cases.WITHDRAWN, cases.VOIDED, cases.MERGED)
    if days < 1 or gone or case.item_version_id is None:
        return []
    me = session.get_one(Person, case.applicant_id)
    same = [and_(Case.enterprise_id.is_not(None), Case.enterprise_id == case.enterprise_id)]
    if me.phone_index is not None:
        same.append(Person.phone_index == me.phone_index)
    item = select(ItemVersion.item_id).where(ItemVersion.id == case.item_version_id).scalar_subquery()
    pair = or_(
        and_(CaseRelation.earlier_id == Case.id, CaseRelation.later_id == case.id),
        and_(CaseRelation.later_id == Case.id, CaseRelation.earlier_id == case.id),
    )
    wanted = (
        select(Case)
        .join(Person, Person.id == Case.applicant_id)
        .join(ItemVersion, ItemVersion.id == Case.item_version_id)
        .where(
            visible(actor, Case),
            Case.id != case.id,
            ItemVersion.item_id == item,
            Case.state.not_in((cases.WITHDRAWN, cases.VOIDED, cases.MERGED)),
            or_(*same),
            ~exists().where(pair),
        )
        .order_by(Case.id.desc())
        .limit(MOST)
    )
    return [one for one in session.scalars(wanted) if _near(session, days, *_in_order(case, one))]


def related(session: Session, actor: Actor, case: Case) -> list[tuple[str, Case]]:
    """(kind, case) of those linked or merged with it, in either direction; the oldest first."""
    other = aliased(Case)
    wanted = (
        select(CaseRelation.kind, other)
        .join(
            other,
            or_(
                and_(CaseRelation.earlier_id == case.id, CaseRelation.later_id == other.id),
                and_(CaseRelation.later_id == case.id, CaseRelation.earlier_id == other.id),
            ),
        )
        .where(CaseRelation.kind != DISTINCT, visible(actor, other))
        .order_by(other.id)
    )
    return [(kind, one) for kind, one in session.execute(wanted)]


def may_decide(session: Session, by: Actor, case: Case) -> bool:
    """Who works on the case, its first contact, who leads; while it goes on."""
    return ending.withdraws_as(session, by, case) is not None


def decide(engine: Engine, case: Case, other: Case, kind: str, *, by: Actor, moment: datetime) -> Case:
    """Link the two, merge the later one into the earlier, or remember that they are two. Flushes.

    The case that goes on. NotAllowed; Refused: an unknown answer, or as ``ending.merge``; AlreadyDone:
    somebody has answered.
    """
    session = engine.session
    for one in sorted((case, other), key=lambda each: each.id):
        instances.lock_case(session.connection(), one.key)
        session.refresh(one)
    if not may_decide(session, by, case):
        raise NotAllowed(T("只有这件办件的办理人员、首问人或站长可以处理疑似重复。"))
    if kind not in KINDS:
        raise Refused(T("请选择怎样处理。"), field="kind")
    if other not in offers(session, by, case):
        raise AlreadyDone(T("这两件办件已经处理过，或不再是疑似重复。"), state="related")
    earlier, later = _in_order(case, other)
    if kind == MERGED:
        ending.merge(engine, later, earlier, by=by, moment=moment)
    session.add(CaseRelation(earlier_id=earlier.id, later_id=later.id, kind=kind, at=moment, actor=by.key))
    session.flush()
    return earlier if kind == MERGED else case


def tell(context: ActionContext, case: Case) -> None:
    """The item is known now: say what may be the same to whoever classified, beside the case's page."""
    found = offers(context.session, context.actor, case)
    person = staff.by_key(context.session, context.actor.key)
    if not found or person is None:
        return
    sentence = T(
        "%(no)s 疑似与 %(others)s 重复，请核对：关联、合并或标为不是重复。",
        no=case.no,
        others="、".join(one.no or one.title for one in found),
    )
    notices.tell(context.session, person, sentence, f"/cases/{case.id}#related", moment=context.moment)


def weekly(session: Session, actor: Actor, moment: datetime) -> Mapping[str, tuple[int, int]]:
    """Domain of the item -> cases registered (last week, this week until now); UNCLASSIFIED for the rest."""
    local = moment.astimezone(ZONE)
    monday = (local - timedelta(days=local.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    before = monday - timedelta(days=7)
    kind = func.coalesce(ServiceItem.domain, UNCLASSIFIED)
    this = func.count().filter(Case.received_at >= monday)
    rows = session.execute(
        select(kind, func.count() - this, this)
        .select_from(Case)
        .outerjoin(ItemVersion, ItemVersion.id == Case.item_version_id)
        .outerjoin(ServiceItem, ServiceItem.id == ItemVersion.item_id)
        .where(
            visible(actor, Case),
            Case.received_at >= before,
            Case.received_at <= moment,
            Case.state != cases.VOIDED,
        )
        .group_by(kind)
    )
    return {domain: (last, now) for domain, last, now in rows}


def _near(session: Session, days: int, earlier: Case, later: Case) -> bool:
    """Was the later one registered within so many working days?"""
    return later.received_at <= deadline(earlier.received_at, Limit(days), calendar.load(session)).at


def _in_order(one: Case, other: Case) -> tuple[Case, Case]:
    earlier, later = sorted((one, other), key=lambda case: (case.received_at, case.id))
    return earlier, later
