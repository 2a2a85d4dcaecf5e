"""Targets of quantity and quality (R1.2.1d): how many cases of what are to be closed in a period, and how
many of a hundred in time.

A target stands until it is withdrawn; it is not changed, a new one is set in its place. What it has reached
is counted from closed cases when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, Date, ForeignKey, Index, and_, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.schema import Base
from workflow.station.calendar import ZONE, Calendar
from workflow.station.cases import CLOSED, Case
from workflow.station.clock_ledger import ITEM_CLOCK, Clock
from workflow.station.items import DOMAINS, ItemVersion, ServiceItem
from workflow.station.permissions import can, visible
from workflow.texts import T, Text

MONTH, QUARTER, YEAR = "month", "quarter", "year"
PERIODS = {MONTH: T("月度"), QUARTER: T("季度"), YEAR: T("年度")}
MONTHS = {MONTH: 1, QUARTER: 3, YEAR: 12}
WHOLE = 100  # percent


class Target(Base):
    """For the local days ``first``..``last``. ``item_id`` or ``domain`` narrow it, neither = the station.

    ``quality``: the share that is to be closed in time, in percent; None where only the number counts.
    """

    __tablename__ = "target"
    __table_args__ = (
        CheckConstraint("period IN ('month', 'quarter', 'year')", name="period"),
        CheckConstraint("last > first", name="days"),
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("quality BETWEEN 1 AND 100", name="quality"),
        CheckConstraint("num_nonnulls(item_id, domain) <= 1", name="scope"),
        Index("ix_target_standing", "first", "last", postgresql_where=text("withdrawn_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    period: Mapped[str]
    first: Mapped[date] = mapped_column(Date)
    last: Mapped[date] = mapped_column(Date)
    item_id: Mapped[int | None] = mapped_column(ForeignKey("service_item.id"))
    domain: Mapped[str | None]
    quantity: Mapped[int]
    quality: Mapped[int | None]
    set_by: Mapped[str]
    set_at: Mapped[datetime]
    withdrawn_by: Mapped[str | None]
    withdrawn_at: Mapped[datetime | None]

    item: Mapped[ServiceItem | None] = relationship(lazy="joined")

    @property
    def scope(self) -> Text | str:
        """What is counted, for people."""
        if self.item is not None:
            return self.item.name
        return DOMAINS[self.domain] if self.domain else T("全站")


@dataclass(frozen=True)
class Progress:
    """A target beside what was reached: ``done`` cases closed, ``in_time`` of them.

    ``passed``: the share of the period's working days that are over or running, in percent.
    """

    target: Target
    done: int
    in_time: int
    passed: int

    @property
    def share(self) -> int:
        """Percent of the quantity, at most 100."""
        return min(WHOLE, WHOLE * self.done // self.target.quantity)

    @property
    def quality(self) -> int | None:
        """Percent closed in time, rounded down; None while nothing is closed."""
        return WHOLE * self.in_time // self.done if self.done else None

    @property
    def reached(self) -> bool:
        good = self.target.quality is None or (self.quality or 0) >= self.target.quality
        return self.done >= self.target.quantity and good


def days_of(period: str, day: date) -> tuple[date, date]:
    """The first and the last day of the month, quarter or year around ``day``. Refused: another period."""
    if period not in PERIODS:
        raise Refused(T("请选择目标的周期：月度、季度或年度。"), field="period")
    length = MONTHS[period]
    month = (day.month - 1) // length * length + 1
    after = month + length
    following = date(day.year + (after > 12), (after - 1) % 12 + 1, 1)
    return date(day.year, month, 1), following - timedelta(days=1)


def set_target(
    session: Session,
    *,
    period: str,
    day: date,
    quantity: int,
    quality: int | None,
    item: ServiceItem | None = None,
    domain: str | None = None,
    by: Actor,
    moment: datetime,
) -> Target:
    """A target for the period around ``day``. Flushes. NotAllowed: not by who leads.

    Refused: no whole positive quantity, a share outside 1..100, an unknown domain, item and domain both, or
    another target of the same scope for any of these days.
    """
    if not can(by, "set_targets"):
        raise NotAllowed
    first, last = days_of(period, day)
    if quantity < 1:
        raise Refused(T("目标数量应为正整数，不能是“%(quantity)s”。", quantity=quantity), field="quantity")
    if quality is not None and not 1 <= quality <= WHOLE:
        raise Refused(T("按时办结率应在 1 到 100 之间。"), field="quality")
    if domain is not None and domain not in DOMAINS:
        raise Refused(T("请选择业务领域。"), field="domain")
    if item is not None and domain is not None:
        raise Refused(T("目标要么针对一个事项，要么针对一个领域。"), field="domain")
    session.execute(text("LOCK TABLE target IN SHARE ROW EXCLUSIVE MODE"))  # two heads at the same moment
    standing = session.scalars(_same_scope(item, domain, first, last)).first()
    if standing is not None:
        raise Refused(
            T(
                "%(scope)s在 %(first)s 至 %(last)s 已有目标，请先撤销。",
                scope=standing.scope,
                first=standing.first.isoformat(),
                last=standing.last.isoformat(),
            ),
            field="period",
        )
    target = Target(
        period=period,
        first=first,
        last=last,
        item=item,
        domain=domain,
        quantity=quantity,
        quality=quality,
        set_by=by.key,
        set_at=moment,
    )
    session.add(target)
    session.flush()
    return target


def withdraw(session: Session, target_id: int, *, by: Actor, moment: datetime) -> Target:
    """Take a target back; the row stays. Flushes. NotFound (also for who does not lead), AlreadyDone."""
    found = session.scalars(
        select(Target).where(Target.id == target_id, visible(by, Target)).with_for_update(of=Target)
    ).first()
    if found is None:
        raise NotFound
    if found.withdrawn_at is not None:
        raise AlreadyDone(T("这个目标已经撤销。"), state="withdrawn")
    found.withdrawn_by, found.withdrawn_at = by.key, moment
    session.flush()
    return found


def running(session: Session, actor: Actor, moment: datetime, calendar: Calendar) -> list[Progress]:
    """The targets of today's periods with what they have reached. Two statements."""
    today = moment.astimezone(ZONE).date()
    found = _standing(actor).where(Target.first <= today, Target.last >= today)
    return _progress(session, actor, session.scalars(found).all(), today, calendar)


def every(session: Session, actor: Actor, moment: datetime, calendar: Calendar) -> list[Progress]:
    """All targets that were not withdrawn, the newest period first. Two statements."""
    targets = session.scalars(_standing(actor)).all()
    return _progress(session, actor, targets, moment.astimezone(ZONE).date(), calendar)


def _standing(actor: Actor) -> Any:
    return (
        select(Target)
        .where(Target.withdrawn_at.is_(None), visible(actor, Target))
        .order_by(
            Target.last.desc(),
            Target.item_id.nulls_first(),
            Target.domain.nulls_first(),
            Target.first.desc(),
        )
    )


def _same_scope(item: ServiceItem | None, domain: str | None, first: date, last: date) -> Any:
    return select(Target).where(
        Target.withdrawn_at.is_(None),
        Target.item_id.is_not_distinct_from(item.id if item else None),
        Target.domain.is_not_distinct_from(domain),
        Target.first <= last,
        Target.last >= first,
    )


def _progress(
    session: Session, actor: Actor, targets: Sequence[Target], today: date, calendar: Calendar
) -> list[Progress]:
    """Closed cases by the local day of closing; in time: not after the deadline as it then stood (§6)."""
    closed_on = func.date(func.timezone("Asia/Shanghai", Case.closed_at))
    in_time = func.coalesce(Case.closed_at <= Clock.deadline_at, True)
    counted = (
        select(Target.id, func.count(Case.id), func.count(Case.id).filter(in_time))
        .join(Case, and_(Case.state == CLOSED, closed_on.between(Target.first, Target.last)))
        .outerjoin(ItemVersion, ItemVersion.id == Case.item_version_id)
        .outerjoin(ServiceItem, ServiceItem.id == ItemVersion.item_id)
        .outerjoin(Clock, and_(Clock.owner == Case.key, Clock.kind == ITEM_CLOCK))
        .where(
            Target.id.in_([target.id for target in targets]),
            or_(Target.item_id.is_(None), Target.item_id == ServiceItem.id),
            or_(Target.domain.is_(None), Target.domain == ServiceItem.domain),
            visible(actor, Case),
        )
        .group_by(Target.id)
    )
    reached = {number: (done, good) for number, done, good in session.execute(counted)}
    return [
        Progress(one, *reached.get(one.id, (0, 0)), _passed(one.first, one.last, today, calendar))
        for one in targets
    ]


def _passed(first: date, last: date, today: date, calendar: Calendar) -> int:
    before = first - timedelta(days=1)
    whole = calendar.count(before, last)
    return WHOLE * calendar.count(before, min(max(today, before), last)) // whole if whole else WHOLE
