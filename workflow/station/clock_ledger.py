"""The rows of a clock: the limit, the lines of its ledger, the rungs that it reached."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import CheckConstraint, ForeignKey, Identity, Index, Numeric, UniqueConstraint, event
from sqlalchemy import text as sql
from sqlalchemy.orm import Mapped, mapped_column, relationship

from workflow.schema import Base
from workflow.station.deadlines import Limit
from workflow.texts import T

ITEM_CLOCK = "item"  # the kind of the clock that a case is promised by
RUNNING, STOPPED, FINISHED = "running", "stopped", "finished"

LATE = "late"  # the rung at which a case is late for good: from then on nothing stops or extends its clock

# What a clock of this kind counts from, and what is to be done by its end.
KINDS = {
    "item": (T("受理"), T("办结")),
    "deficiency": (T("送达补正告知"), T("补正")),
    "notice": (T("收到材料"), T("一次性告知")),
    "progress": (T("告知进展"), T("再次告知进展")),
}
PROMISED = ("item", "deficiency")  # whose date a client was told
# The only reasons for which a clock may stand still; nobody's absence is one.
REASONS = {
    "correction": T("等待补正材料"),
    "expert": T("专家评审或鉴定"),
    "inspection": T("检验、检测或听证"),
    "force_majeure": T("不可抗力"),
}
# Before acceptance nothing but force majeure stops the duties that run then.
REASONS_BY_KIND = {"item": frozenset(REASONS)}
ALWAYS = frozenset({"force_majeure"})


class Clock(Base):
    """One limit, from ``started_at``; ``deadline_at`` is reckoned from it and the ledger, never set."""

    __tablename__ = "clock"
    __table_args__ = (
        CheckConstraint("kind IN ('item', 'deficiency', 'notice', 'progress')", name="kind"),
        CheckConstraint("state IN ('running', 'stopped', 'finished')", name="state"),
        Index("uq_clock_live", "owner", "kind", unique=True, postgresql_where=sql("state <> 'finished'")),
        Index("ix_clock_deadline", "deadline_at", postgresql_where=sql("state <> 'finished'")),
        Index("ix_clock_owner", "owner", "kind"),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    owner: Mapped[str]
    kind: Mapped[str]
    started_at: Mapped[datetime]
    limit_value: Mapped[Decimal] = mapped_column(Numeric(8, 1))
    limit_unit: Mapped[str]
    deadline_at: Mapped[datetime]
    provisional: Mapped[bool]
    state: Mapped[str] = mapped_column(default=RUNNING)
    calendar_version: Mapped[str]
    finished_at: Mapped[datetime | None]

    events: Mapped[list[ClockEvent]] = relationship(order_by="ClockEvent.id", back_populates="clock")
    escalations: Mapped[list[Escalation]] = relationship(order_by="Escalation.id", viewonly=True)

    @property
    def limit(self) -> Limit:
        return Limit(self.limit_value, self.limit_unit)

    @property
    def rungs_fired(self) -> list[str]:
        return [line.rung for line in self.escalations]


class ClockEvent(Base):
    """A line of the ledger; only added. ``days``: an extension's; a recompute's, if held back, negative.

    ``calendar_version`` stands on a recompute's line: the change of the calendar that moved the date.
    """

    __tablename__ = "clock_event"
    __table_args__ = (
        CheckConstraint("kind IN ('start', 'stop', 'resume', 'extend', 'recompute', 'finish')", name="kind"),
        Index("ix_clock_event_clock_id", "clock_id"),
        Index(
            "ix_clock_event_calendar_version",
            "calendar_version",
            postgresql_where=sql("calendar_version IS NOT NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("clock.id"))
    kind: Mapped[str]
    at: Mapped[datetime]
    reason: Mapped[str | None]
    days: Mapped[int | None]
    document_id: Mapped[int | None]
    deadline_at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    calendar_version: Mapped[str | None]

    clock: Mapped[Clock] = relationship(back_populates="events")


class Escalation(Base):
    """A rung of the ladder was reached; each rung of a clock once. ``told``: the keys of those told."""

    __tablename__ = "escalation"
    __table_args__ = (UniqueConstraint("clock_id", "rung"),)

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("clock.id"))
    rung: Mapped[str]
    fired_at: Mapped[datetime]
    told: Mapped[list[str]]


@event.listens_for(ClockEvent, "before_update")
@event.listens_for(ClockEvent, "before_delete")
def _only_grows(_mapper: object, _connection: object, line: ClockEvent) -> None:
    raise AssertionError(f"the ledger of a clock only grows: {line.kind} {line.id}")
