"""Arranging positions: who is A and B from which day on, new positions, in and out of use (R1.3a).

Nothing is overwritten: earlier posts end, and every change leaves a line that says who made it. Changes
follow one another, never side by side. Each verb flushes and is refused to whoever may not arrange.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.engine.tasks import OPEN, TaskRow
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.schema import Base
from workflow.station import arrangements, notices, positions
from workflow.station.arrangements import People
from workflow.station.calendar import ZONE
from workflow.station.items import ItemVersion, ServiceItem
from workflow.station.permissions import can, visible
from workflow.station.positions import ADMIN, DUTIES, HEAD, SUPERIOR, Position, PositionPost
from workflow.station.staff import Staff
from workflow.station.written import refuse_invisible
from workflow.texts import T, Text, listed

CODE = re.compile("[a-z][a-z0-9_]{1,30}")
LONGEST_NAME = 20
FURTHEST = timedelta(days=366)  # ahead: a date beyond is a slip of the year
LEADING = frozenset({HEAD, SUPERIOR, ADMIN})
CREATE, DESCRIBE, APPOINT, WITHDRAW = "create", "describe", "appoint", "withdraw"
ACTIVATE, DEACTIVATE = "activate", "deactivate"
KINDS = {
    CREATE: T("新设岗位"),
    DESCRIBE: T("修改名称、职责"),
    APPOINT: T("调整A角、B角"),
    WITHDRAW: T("撤销以后的安排"),
    ACTIVATE: T("启用"),
    DEACTIVATE: T("停用"),
}
CHANGES = 0x79_7A_70_6F  # the advisory lock under which positions are arranged


class PositionChange(Base):
    """One change: who, when (business time), from which local day on, what stood before and after.

    ``before`` and ``after``: A and B by key, A first; of a ``describe`` the name and the codes of the duties.
    """

    __tablename__ = "position_change"
    __table_args__ = (
        CheckConstraint(
            "kind IN ('create', 'describe', 'appoint', 'withdraw', 'activate', 'deactivate')", name="kind"
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    position_id: Mapped[int] = mapped_column(ForeignKey("position.id"), index=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    kind: Mapped[str]
    since: Mapped[date]
    before: Mapped[list[Any]]
    after: Mapped[list[Any]]


# --- verbs -------------------------------------------------------------------------------------------------


def establish(
    session: Session, *, code: str, name: str, duties: Sequence[str], by: Actor, moment: datetime
) -> Position:
    """A new position, not yet in use. Refused: a code or name that is taken or no code, no or unknown duties.

    A code shares its space with duties: one that is a duty's would hand out that duty's rights.
    """
    _alone(session, by)
    name, duties = _name(session, name), _duties(duties)
    if not CODE.fullmatch(code) or code in DUTIES:
        raise Refused(T("岗位代码由小写字母、数字和下划线组成，且不能与职责代码相同。"), field="code")
    position = positions.create(session, code=code, name=name, duties=duties)
    _note(session, position, CREATE, _day(moment), by, moment)
    return position


def describe(
    session: Session,
    position: Position,
    *,
    name: str,
    duties: Sequence[str],
    version: str,
    by: Actor,
    moment: datetime,
) -> bool:
    """Another name, other duties, from now on; its code stays. False: nothing changed.

    AlreadyDone: changed since ``version`` was read. Refused: a name that is taken or none, no or unknown
    duties, a duty of a position in use that nobody else has.
    """
    _alone(session, by)
    session.refresh(position)
    must_be_at(session, position, version)
    name, duties = _name(session, name, of=position), _duties(duties)
    before, after = [position.name, *position.duties], [name, *duties]
    if before == after:
        return False
    if position.active:
        _refuse_left_alone(session, position, set(position.duties) - set(duties), field="duties")
    _tell_superior(session, position, by, moment, duties)
    positions.describe(session, position, name=name, duties=duties)
    _note(session, position, DESCRIBE, _day(moment), by, moment, before=before, after=after)
    return True


def arrange(
    session: Session,
    position: Position,
    *,
    a: Staff | None,
    b: Sequence[Staff],
    since: date,
    version: str,
    by: Actor,
    moment: datetime,
) -> bool:
    """From a local day on A and the B stand so; everybody concerned is told. False: nothing changed.

    AlreadyDone: changed since ``version`` was read. Refused: a day that is past or too far, nobody or
    somebody inactive, A as B, an active position without B (R1.3a), a later arrangement stands already.
    """
    _alone(session, by)
    session.refresh(position)
    must_be_at(session, position, version)
    today = _day(moment)
    if not today <= since <= today + FURTHEST:
        raise Refused(T("生效日期应在今天起的一年内。"), field="since")
    if a is None:
        raise Refused(T("岗位“%(name)s”未设置A角。", name=position.name), field="a")
    for person in (a, *b):
        if not person.active:
            raise Refused(T("%(name)s已停用，不能安排岗位。", name=person.name), field="a")
    known = arrangements.of_position(session, position, today)
    before = _keys(known.later[-1] if known.later else known.now)
    after = [person.key for person in (a, *b)]
    if before == after:
        return False
    _tell_superior(session, position, by, moment)
    positions.appoint(session, position, a=a, b=b, on=since)
    _tell(session, position, before, after, since, by, moment)
    _note(session, position, APPOINT, since, by, moment, before=before, after=after)
    return True


def withdraw_later(
    session: Session, position: Position, *, version: str, by: Actor, moment: datetime
) -> None:
    """Take back the last arrangement that has not begun; what held before goes on. Refused: there is none."""
    _alone(session, by)
    must_be_at(session, position, version)
    known = arrangements.of_position(session, position, _day(moment))
    if not known.later:
        raise Refused(T("岗位“%(name)s”没有以后的安排。", name=position.name))
    dropped = known.later[-1]
    goes_on = known.later[-2] if len(known.later) > 1 else known.now
    posts = session.scalars(select(PositionPost).where(PositionPost.position_id == position.id)).all()
    for post in posts:
        if post.valid_to is None:
            post.valid_to = post.valid_from  # it never held
    session.flush()
    for post in posts:
        if post.valid_from < dropped.since == post.valid_to:
            post.valid_to = None
    session.flush()
    before, after = _keys(dropped), _keys(goes_on)
    _tell(session, position, before, after, dropped.since, by, moment)
    _note(session, position, WITHDRAW, dropped.since, by, moment, before=before, after=after)


def activate(session: Session, position: Position, *, by: Actor, moment: datetime) -> None:
    """From now on tasks reach it. AlreadyDone; Refused: no A or no B today (R1.3a)."""
    _alone(session, by)
    session.refresh(position)
    if position.active:
        raise AlreadyDone(T("岗位“%(name)s”已经启用。", name=position.name), state="active")
    if any(not later.b for later in arrangements.of_position(session, position, _day(moment)).later):
        raise Refused(T("岗位“%(name)s”以后的安排未设置B角。", name=position.name), field="b")
    _tell_superior(session, position, by, moment)
    positions.activate(session, position, on=_day(moment))
    _note(session, position, ACTIVATE, _day(moment), by, moment)


def deactivate(session: Session, position: Position, *, by: Actor, moment: datetime) -> None:
    """From now on nothing reaches it. AlreadyDone; Refused: work would reach nobody (R1.3d), because tasks
    wait for it, items are handled by it, or nobody else has one of its duties."""
    _alone(session, by)
    session.refresh(position)
    if not position.active:
        raise AlreadyDone(T("岗位“%(name)s”没有启用。", name=position.name), state="inactive")
    waiting = select(func.count(TaskRow.id)).where(TaskRow.status == OPEN, TaskRow.candidate == position.code)
    if count := session.scalar(waiting):
        raise Refused(T("还有 %(count)s 件任务等待这个岗位办理，不能停用。", count=count))
    if items := session.scalars(_items(position, _day(moment))).all():
        raise Refused(T("服务事项 %(items)s 由这个岗位办理，不能停用。", items=listed(items)))
    _refuse_left_alone(session, position, set(position.duties))
    _tell_superior(session, position, by, moment)
    position.active = False
    _note(session, position, DEACTIVATE, _day(moment), by, moment)


# --- questions ---------------------------------------------------------------------------------------------


def find(session: Session, by: Actor, position_id: int) -> Position:
    """NotFound; NotAllowed."""
    position = session.scalar(select(Position).where(Position.id == position_id, visible(by, Position)))
    if position is None:
        raise NotFound
    if not can(by, "arrange_positions"):
        raise NotAllowed
    return position


def version(session: Session, position: Position) -> str:
    """Changes whenever anything of the position is arranged."""
    last = select(func.max(PositionChange.id)).where(PositionChange.position_id == position.id)
    return str(session.scalar(last) or 0)


def must_be_at(session: Session, position: Position, seen: str) -> None:
    """AlreadyDone."""
    if version(session, position) != seen:
        raise AlreadyDone(T("这个岗位刚刚被别人调整过，请核对后再保存。"), state="changed")


def changes(session: Session, position: Position) -> list[PositionChange]:
    """Newest first."""
    found = select(PositionChange).where(PositionChange.position_id == position.id)
    return list(session.scalars(found.order_by(PositionChange.id.desc())))


# --- below -------------------------------------------------------------------------------------------------


def _alone(session: Session, by: Actor) -> None:
    """Until the transaction ends nobody else arranges anything. NotAllowed."""
    if not can(by, "arrange_positions"):
        raise NotAllowed
    session.execute(select(func.pg_advisory_xact_lock(CHANGES)))


def _name(session: Session, name: str, *, of: Position | None = None) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME:
        raise Refused(T("请填写岗位名称，最多 %(count)s 个字。", count=LONGEST_NAME), field="name")
    refuse_invisible(name, field="name")
    known = session.scalar(select(Position.id).where(Position.name == name))
    if known is not None and (of is None or known != of.id):
        raise Refused(T("已有名为“%(name)s”的岗位。", name=name), field="name")
    return name


def _duties(duties: Sequence[str]) -> list[str]:
    if not duties:
        raise Refused(T("请至少选择一项职责。"), field="duties")
    return list(dict.fromkeys(duties))


def _refuse_left_alone(
    session: Session, position: Position, leaving: Collection[str], *, field: str | None = None
) -> None:
    """No duty of the station's may be left with nobody in use."""
    others = select(Position.duties).where(Position.active, Position.id != position.id)
    left = {duty for duties in session.scalars(others) for duty in duties}
    if alone := [DUTIES[duty] for duty in position.duties if duty in leaving and duty not in left]:
        raise Refused(T("没有别的启用岗位承担“%(duties)s”。", duties=listed(alone)), field=field)


def _items(position: Position, today: date) -> Any:
    return (
        select(ServiceItem.code)
        .join(ItemVersion, ItemVersion.item_id == ServiceItem.id)
        .where(
            ItemVersion.handler_position == position.code,
            ItemVersion.published,
            or_(ItemVersion.effective_to.is_(None), ItemVersion.effective_to > today),
        )
        .order_by(ServiceItem.code)
        .distinct()
    )


def _note(
    session: Session,
    position: Position,
    kind: str,
    since: date,
    by: Actor,
    moment: datetime,
    *,
    before: Sequence[str] = (),
    after: Sequence[str] = (),
) -> None:
    session.add(
        PositionChange(
            position_id=position.id,
            at=moment,
            actor=by.key,
            on_behalf_of=_on_behalf_of(by),
            kind=kind,
            since=since,
            before=list(before),
            after=list(after),
        )
    )
    session.flush()


def _on_behalf_of(by: Actor) -> str | None:
    """Whose right it is, where none of those that allow this is one's own (R1.3c)."""
    rights = [by.offers[code] for code in (HEAD, SUPERIOR, ADMIN) if code in by.offers]
    return None if None in rights or not rights else rights[0]


def _tell_superior(
    session: Session, position: Position, by: Actor, moment: datetime, new: Sequence[str] = ()
) -> None:
    """Whoever arranges a position that leads or administers, or shall, does it before the superior's eyes."""
    if not LEADING & {*position.duties, *new}:
        return
    sentence = T("%(who)s调整了岗位“%(position)s”。", who=by.name, position=Text(position.name))
    for leader, _ in positions.holders_of(session, SUPERIOR, moment):
        if leader.key != by.key:
            notices.tell(session, leader, sentence, "/posts", moment=moment)


def _tell(
    session: Session,
    position: Position,
    before: Sequence[str],
    after: Sequence[str],
    since: date,
    by: Actor,
    moment: datetime,
) -> None:
    """Everybody whose place changed, but whoever changed it."""
    facts: Mapping[str, object] = {"day": since.isoformat(), "position": Text(position.name)}
    for key in dict.fromkeys([*before, *after]):
        rank = after.index(key) if key in after else None
        if key == by.key or (key in before and rank == before.index(key)):
            continue
        if rank is None:
            sentence = T("自 %(day)s 起，您不再承担岗位“%(position)s”。", **facts)
        elif rank == 0:
            sentence = T("自 %(day)s 起，您是岗位“%(position)s”的A角。", **facts)
        else:
            sentence = T("自 %(day)s 起，您是岗位“%(position)s”的第 %(rank)s 位B角。", rank=rank, **facts)
        notices.tell(session, session.get_one(Staff, _number(key)), sentence, "/posts", moment=moment)


def _number(key: str) -> int:
    return int(key.removeprefix("staff:"))


def _keys(people: People | None) -> list[str]:
    if people is None:
        return []
    return [person.key for person in ([people.a] if people.a else []) + people.b]


def _day(moment: datetime) -> date:
    return moment.astimezone(ZONE).date()
