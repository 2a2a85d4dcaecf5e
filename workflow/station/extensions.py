"""Requests for more time (延期, R2.4.3b, P06): who may ask, up to how much, who decides, what came of it.

Before the deadline only: afterwards no extension exists, in no page and no diagram (decisions 4). How many
days there may be and who decides stands in the table ``ceilings`` beside the diagram. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, func, select, text
from sqlalchemy import Text as Words
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column, relationship

from workflow.bpmn.decisions import decide
from workflow.engine import definitions
from workflow.engine.actions import registry
from workflow.engine.actors import Actor
from workflow.errors import NotAllowed, Refused, YizhanError
from workflow.schema import Base, Json
from workflow.station import calendar, clock_ledger, clocks, owners, positions
from workflow.station.cases import Case
from workflow.station.clock_ledger import ITEM_CLOCK, Clock
from workflow.station.limits import amount
from workflow.station.positions import HEAD, SUPERIOR, PositionPost
from workflow.station.staff import Staff
from workflow.texts import T, Text

PROCESS, CEILINGS = "extension_approval", "ceilings"
OPEN, GRANTED, REFUSED, UNDECIDED, MOOT = "open", "granted", "refused", "undecided", "moot"
STATES = {
    OPEN: T("待审批"),
    GRANTED: T("已同意"),
    REFUSED: T("不同意"),
    UNDECIDED: T("未按时审批，视为不同意"),
    MOOT: T("办件已先办结"),
}
# Why more time may be needed; nobody's absence is a reason (R1.3d).
REASONS = {
    "complex": T("情况复杂，需进一步核实"),
    "outside": T("专家或承检机构排期延后"),
    "redo": T("检验检测或技术处理需要重做"),
    "equipment": T("设备故障或维护"),
    "client": T("应服务对象请求"),
    "other": T("其他正当理由"),
}


class ExtensionRequest(Base):
    """One request for more time, and what became of it.

    ``days`` are asked for, ``granted_days`` given: working days, calendar days to a limit in days.
    ``position`` is whom it was laid before (a duty or a person); ``late_approvers`` the keys of those who let
    it lapse; it counts for them (decisions 36). ``by_head``: the head is concerned: the superior hears of it.
    """

    __tablename__ = "extension_request"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'granted', 'refused', 'undecided', 'moot')", name="state"),
        CheckConstraint("(state = 'open') = (closed_at IS NULL)", name="closed"),
        CheckConstraint("(state = 'granted') = (granted_days IS NOT NULL)", name="granted"),
        Index("uq_extension_request_open", "case_id", unique=True, postgresql_where=text("state = 'open'")),
        Index(None, "case_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[int] = mapped_column(ForeignKey("case.id"))
    instance_id: Mapped[int] = mapped_column(ForeignKey("instance.id"), unique=True)
    nth: Mapped[int]
    reason: Mapped[str]
    explanation: Mapped[str]
    work_done: Mapped[str]
    days: Mapped[int]
    max_days: Mapped[int]
    unit: Mapped[str]
    old_deadline_at: Mapped[datetime]
    asked_deadline_at: Mapped[datetime]
    asked_at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    by_head: Mapped[bool]
    position: Mapped[str]
    excluded: Mapped[list[str]] = mapped_column(ARRAY(Words))
    state: Mapped[str] = mapped_column(default=OPEN)
    closed_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    decided_for: Mapped[str | None]
    granted_days: Mapped[int | None]
    new_deadline_at: Mapped[datetime | None]
    opinion: Mapped[str] = mapped_column(default="")
    late_approvers: Mapped[list[str] | None] = mapped_column(ARRAY(Words))

    case: Mapped[Case] = relationship()


@dataclass(frozen=True)
class Ceiling:
    """What the table says: how many days at most, laid before whom, and whether at all."""

    max_days: int
    approver: str
    permitted: bool


# --- questions -------------------------------------------------------------------------------------------


def of(session: Session, case: Case) -> list[ExtensionRequest]:
    """All requests of a case, oldest first."""
    return list(
        session.scalars(
            select(ExtensionRequest).where(ExtensionRequest.case_id == case.id).order_by(ExtensionRequest.id)
        )
    )


def of_instance(session: Session, instance_id: int) -> ExtensionRequest:
    return session.scalars(select(ExtensionRequest).where(ExtensionRequest.instance_id == instance_id)).one()


def may_ask(session: Session, actor: Actor, case: Case, moment: datetime) -> Clock:
    """The clock that could be extended. NotAllowed: no work on the case; Refused: there is nothing to extend.

    The same for the button, the page and the diagram.
    """
    if owners.post_of(session, actor, case) is None:
        raise NotAllowed(T("只有这件办件的办理人员或站长可以申请延期。"))
    clock = clocks.of(session, case.key, ITEM_CLOCK)
    if clock is None:
        raise Refused(T("办件受理后才有办理期限，现在不能申请延期。"))
    if clock.state == clock_ledger.FINISHED:
        raise Refused(T("办件已经办结，不能申请延期。"))
    if clocks.is_over(session, clock, moment):
        raise Refused(T("办理期限已过，不能再申请延期。"))
    if any(request.state == OPEN for request in of(session, case)):
        raise Refused(T("已有一件延期申请正在审批。"))
    return clock


def facts(session: Session, actor: Actor, case: Case, clock: Clock, moment: datetime) -> dict[str, Json]:
    """What the table ``ceilings`` asks: the limit as accepted, which extension it would be, who asks."""
    return {
        "limit_days": float(clock.limit.days),
        "limit_unit": clock.limit_unit,
        "nth": 1 + sum(line.kind == "extend" for line in clock.events),
        "by_head": _concerns_head(session, _asking(session, actor, case), moment),
    }


def ceiling(session: Session, known: Mapping[str, Json], moment: datetime) -> Ceiling:
    """By the table of the diagram that a request begun now would follow."""
    row = definitions.newest(session, PROCESS)
    table = definitions.parsed(session, row.id, row.hash, registry).decisions[CEILINGS]
    answer = decide(table, known, moment=moment)
    assert isinstance(answer, dict), "ceilings gives one answer"
    return Ceiling(int(answer["max_days"] or 0), str(answer["approver"]), answer["permitted"] is True)  # type: ignore[arg-type]


def within(most: Ceiling, days: int, unit: str) -> None:
    """Refused: no extension is left, fewer than one day, more than the ceiling."""
    if not most.permitted:
        raise Refused(T("这件办件按规定不能再延期。"), field="days")
    _no_more(days, most.max_days, unit, field="days")


def can_ask(session: Session, actor: Actor, case: Case, moment: datetime) -> bool:
    """Would a request of a day be taken now? The same questions as the diagram's, for a button."""
    try:
        clock = may_ask(session, actor, case, moment)
        known = facts(session, actor, case, clock, moment)
        most = ceiling(session, known, moment)
        within(most, 1, unit_of(clock))
        laid_before(session, actor, case, most.approver, moment)
    except YizhanError:
        return False
    return True


def unit_of(clock: Clock) -> str:
    """What the days of an extension are to this clock."""
    return "day" if clock.limit_unit == "day" else "working-day"


def laid_before(
    session: Session, actor: Actor, case: Case, level: str, moment: datetime
) -> tuple[str, list[str]]:
    """Whom a request is laid before, and the keys of those who must not decide it (R1.3, P06).

    Kept from it are the one who asks, whoever he or she acts for, and their A/B twins. Where by that nobody
    of the duty is left, it is the superior in person, be it a twin. Refused: that is the one who asks.
    """
    asking = _asking(session, actor, case)
    kept = asking | _twins(session, asking, moment)
    if {one.key for one, _ in positions.holders_of(session, level, moment)} - kept:
        return level, sorted(kept)
    superior = next((key for key in positions.first_of(session, SUPERIOR, moment) if key not in asking), None)
    if superior is None:
        raise Refused(T("没有可以审批这件申请的上级，请先由分管领导指定。"))
    return superior, sorted(kept - {superior})


def asked(session: Session, request: ExtensionRequest, moment: datetime) -> list[Staff]:
    """Who has a request before him or her now."""
    people = [one for one, _ in positions.holders_of(session, request.position, moment)]
    return [one for one in people if one.key not in request.excluded]


def days_words(days: int, unit: str) -> Text:
    return amount(days, unit)


# --- filing ----------------------------------------------------------------------------------------------


def file(session: Session, request: ExtensionRequest) -> ExtensionRequest:
    """Keep a request within its ceiling. Flushes."""
    request.state = OPEN
    session.add(request)
    session.flush()
    return request


def grant(session: Session, request: ExtensionRequest, days: int, new: datetime, moment: datetime) -> None:
    """Write down what was given. Flushes. Refused: fewer than one day, more than the ceiling."""
    _no_more(days, request.max_days, request.unit, field="granted_days")
    request.granted_days, request.new_deadline_at = days, new
    close(session, request, GRANTED, moment)


def close(session: Session, request: ExtensionRequest, state: str, moment: datetime) -> None:
    """Write down what became of it. Flushes."""
    request.state, request.closed_at = state, moment
    session.flush()


def _no_more(days: int, most: int, unit: str, *, field: str) -> None:
    if not 1 <= days <= most:
        raise Refused(T("延期天数须在 1 天以上，最多 %(most)s。", most=days_words(most, unit)), field=field)


# --- who is who ------------------------------------------------------------------------------------------


def _asking(session: Session, actor: Actor, case: Case) -> set[str]:
    post = owners.post_of(session, actor, case)
    return {key for key in (actor.key, post.on_behalf_of if post else None) if key}


def _concerns_head(session: Session, people: Collection[str], moment: datetime) -> bool:
    """Is one of them the head, or somebody above, or acting for one? Then only the superior is above them."""
    pairs = [pair for duty in (HEAD, SUPERIOR) for pair in positions.holders_of(session, duty, moment)]
    heads = {one.key for pair in pairs for one in pair if one is not None}
    return bool(heads & set(people))


def _twins(session: Session, people: Collection[str], moment: datetime) -> set[str]:
    """Everybody who stands in one position with one of them, as A or as B."""
    mine, other = aliased(PositionPost), aliased(PositionPost)
    day = moment.astimezone(calendar.ZONE).date()
    rows = session.scalars(
        select(other.staff_id)
        .join(mine, mine.position_id == other.position_id)
        .where(
            func.concat("staff:", mine.staff_id).in_(list(people)),
            *(
                (post.valid_from <= day) & (post.valid_to.is_(None) | (post.valid_to > day))
                for post in (mine, other)
            ),
        )
    )
    return {f"staff:{number}" for number in rows} - set(people)
