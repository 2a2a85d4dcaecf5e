"""Incidents (运行异常): work that cannot go on by itself and waits for somebody to look and retry."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import ForeignKey, Index, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.bpmn.data import InvalidData
from workflow.bpmn.decisions import DecisionError
from workflow.bpmn.execution import BpmnError, ConditionFailed, StepTooLong, Stuck
from workflow.bpmn.isolate import FeelError
from workflow.bpmn.loops import BadLoop
from workflow.bpmn.timers import BadTimer
from workflow.errors import NotFound, YizhanError
from workflow.schema import Base
from workflow.texts import T


class IncidentRow(Base):
    """Why an instance stands still. Machine times; ``timer_id`` when a timer gave up."""

    __tablename__ = "incident"
    __table_args__ = (Index(None, "instance_id", postgresql_where=text("resolved_at is null")),)

    id: Mapped[int] = mapped_column(primary_key=True)
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"))
    timer_id: Mapped[int | None]
    element: Mapped[str | None]
    code: Mapped[str]
    message: Mapped[str]
    occurred_at: Mapped[datetime] = mapped_column(server_default=func.clock_timestamp())
    times: Mapped[int] = mapped_column(server_default="1")
    resolved_at: Mapped[datetime | None]
    resolved_by: Mapped[str | None]


DIAGRAM_ERRORS = (
    BadLoop,
    BadTimer,
    BpmnError,
    ConditionFailed,
    DecisionError,
    FeelError,
    InvalidData,
    StepTooLong,
    Stuck,
)


class StepFailed(YizhanError):
    """The diagram could not go on from here: the case rests where it was, and somebody has to look."""

    def __init__(self, instance_id: int, element: str | None, cause: Exception) -> None:
        super().__init__(
            T(
                "流程无法继续，这一步没有执行；您填写的内容已保留，已通知管理人员。原因：%(cause)s",
                cause=str(cause),
            )
        )
        self.instance_id = instance_id
        self.element = element
        self.code = type(cause).__name__
        self.message = str(cause)


@contextmanager
def told_apart(instance_id: int, element: str | None) -> Iterator[None]:
    """What the diagram itself did wrong becomes StepFailed; refusals of the station pass."""
    try:
        yield
    except DIAGRAM_ERRORS as error:
        raise StepFailed(instance_id, element, error) from error


def record(
    session: Session,
    instance_id: int,
    *,
    code: str,
    message: str,
    element: str | None = None,
    timer_id: int | None = None,
) -> IncidentRow:
    """Open an incident, or count it again while the same one is open. Flushes."""
    same = session.scalars(
        select(IncidentRow)
        .where(
            IncidentRow.instance_id == instance_id,
            IncidentRow.resolved_at.is_(None),
            IncidentRow.code == code,
            IncidentRow.element == element,
            IncidentRow.timer_id == timer_id,
        )
        .with_for_update()
    ).first()
    if same is not None:
        same.times += 1
        same.message = message
        session.flush()
        return same
    row = IncidentRow(
        instance_id=instance_id, timer_id=timer_id, element=element, code=code, message=message[:2000]
    )
    session.add(row)
    session.flush()
    return row


def get(session: Session, incident_id: int) -> IncidentRow:
    """NotFound."""
    row = session.get(IncidentRow, incident_id, with_for_update=True)
    if row is None:
        raise NotFound
    return row


def open_ones(session: Session) -> list[IncidentRow]:
    """All that wait for somebody, oldest first."""
    return list(
        session.scalars(
            select(IncidentRow).where(IncidentRow.resolved_at.is_(None)).order_by(IncidentRow.occurred_at)
        )
    )
