"""Changing the calendar: the library's years, the yearly notice, the station's own closures (rulebook §4.7).

Each change has a version, and a line that says who made it, why, and which days it changed: the calendar of
any earlier version can be had again, because dates that were reckoned by it must stay explainable. Changes
follow one another, never side by side. Whoever commits one defers the job that recomputes the clocks.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import CheckConstraint, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.database import business_now
from workflow.engine.actors import SYSTEM
from workflow.errors import AlreadyDone, Refused
from workflow.schema import Base
from workflow.station.calendar import (
    ESTIMATE,
    LIBRARY,
    LOCAL,
    NOTICE,
    Calendar,
    CalendarDay,
    Day,
    built,
    closure,
    dates,
    last_published_year,
    load,
)
from workflow.texts import T

CLOSE, REOPEN = "close", "reopen"
KINDS = {
    CLOSE: T("安排闭站"),
    REOPEN: T("恢复开放"),
    NOTICE: T("录入放假通知"),
    LIBRARY: T("导入日历数据"),
}
MOST_CLOSED = 31  # days in one act: more is a slip of the year, not a closure
LONGEST_NAME = 40
RISKY = ("=", "+", "-", "@", "＝", "＋", "－", "＠")  # a spreadsheet would take such a name for a formula
CHANGES = 0x79_7A_63_61  # the advisory lock under which the calendar is changed


class CalendarChange(Base):
    """One change of the calendar: who, when (business time), why, each changed day before and after."""

    __tablename__ = "calendar_change"
    __table_args__ = (CheckConstraint("kind IN ('close', 'reopen', 'notice', 'library')", name="kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(unique=True)
    at: Mapped[datetime]
    actor: Mapped[str]
    on_behalf_of: Mapped[str | None]
    kind: Mapped[str]
    reason: Mapped[str]
    days: Mapped[list[Any]]

    @property
    def pairs(self) -> list[tuple[Day, Day]]:
        """Each changed day before and after."""
        return [(_unpacked(entry["before"]), _unpacked(entry["after"])) for entry in self.days]


@dataclass(frozen=True)
class Author:
    """Who changes the calendar, and why."""

    actor: str = SYSTEM.key
    on_behalf_of: str | None = None
    reason: str = ""


STATION = Author()


@dataclass(frozen=True)
class Closing:
    """What a closure of one day is: its name, and which half stays open."""

    name: str
    am: bool = False
    pm: bool = False


def checked_name(text: str, *, field: str = "name") -> str:
    """The name of a holiday or closure as it may stand in the calendar. Refused."""
    name = " ".join(text.split())
    if not name:
        raise Refused(T("请填写名称或原因。"), field=field)
    if len(name) > LONGEST_NAME:
        raise Refused(T("名称或原因最多 %(count)s 个字。", count=LONGEST_NAME), field=field)
    if not name.isprintable() or name.startswith(RISKY):
        raise Refused(T("名称或原因不能以 = + - @ 开头，也不能含有控制字符。"), field=field)
    return name


# --- verbs -----------------------------------------------------------------------------------------------


def import_library(session: Session, author: Author = STATION) -> Calendar:
    """Write the library's years into the table; notices entered by hand and closures stay. Flushes."""
    _alone(session)
    rows = []
    stored = _stored(session)
    for day in built().days.values():
        row = stored.get(day.date)
        if row is None or row.source in (LIBRARY, ESTIMATE):
            rows.append(_row(day, is_work=day.is_work, holiday=day.name))
        elif row.source == LOCAL and row.provisional:
            rows.append(_kept(row, day))
    return _write(session, rows, stored, LIBRARY, author)


def import_notice(
    session: Session,
    year: int,
    off: Mapping[date, str],
    worked: Mapping[date, str],
    closed: Mapping[date, Closing] | None = None,
    author: Author = STATION,
) -> Calendar:
    """Enter the yearly notice: its days off and worked weekends with their names. Flushes.

    It may also change, and then settles, the last week of the December before. Closures stay; ``closed``
    adds some.
    """
    _alone(session)
    first, last = date(year - 1, 12, 25), date(year, 12, 31)
    stored, rows = _stored(session, first, last), []
    for day in dates(first, last):
        if day.year < year and day not in off and day not in worked:
            continue
        works = day in worked or (day.weekday() < 5 and day not in off)
        official = Day(day, works, works, off.get(day) or worked.get(day) or "", NOTICE)
        row = stored.get(day)
        rows.append(
            _kept(row, official)
            if row is not None and row.source == LOCAL
            else _row(official, is_work=works, holiday=official.name)
        )
    known = load(session).with_days(
        (Day(row["date"], row["is_work"], row["is_work"], row["holiday"], NOTICE) for row in rows),
        version="with the notice",
    )
    for day, closing in (closed or {}).items():
        if not known.is_work(day):
            raise Refused(T("%(day)s 本来就不上班，不必闭站。", day=day.isoformat()), field="day")
        rows = [row for row in rows if row["date"] != day]
        rows.append(_closed(known.day(day), closing))
    return _write(session, rows, stored, NOTICE, author)


def close(
    session: Session,
    day: date,
    name: str,
    *,
    until: date | None = None,
    am: bool = False,
    pm: bool = False,
    author: Author = STATION,
) -> Calendar:
    """Close the station on a day, or day..until, or half of it (``am=True``: the morning stays open).

    Flushes. Refused: no name, no working day among them, too many at once.
    """
    last = until or day
    closing = Closing(checked_name(name), am, pm)
    if am and pm:
        raise Refused(T("请选择闭站的时段。"), field="half")
    if not day <= last <= day + timedelta(days=MOST_CLOSED - 1):
        raise Refused(T("一次闭站最多 %(count)s 天，止日不能早于起日。", count=MOST_CLOSED), field="until")
    _alone(session)
    known, stored = load(session), _stored(session, day, last)
    officials = [_official(known, stored.get(one), one) for one in dates(day, last)]
    rows = [_closed(official, closing) for official in officials if official.is_work]
    if not rows:
        raise Refused(T("%(day)s 本来就不上班，不必闭站。", day=day.isoformat()), field="day")
    return _write(session, rows, stored, CLOSE, replace(author, reason=author.reason or closing.name))


def reopen(
    session: Session,
    day: date,
    *,
    until: date | None = None,
    author: Author = STATION,
) -> Calendar:
    """Take local closures back: the days are again what the State Council says. Flushes. Refused: none."""
    _alone(session)
    known, stored = load(session), _stored(session, day, until or day)
    rows = [
        _row(official, is_work=official.is_work, holiday=official.name)
        for row in stored.values()
        if row.source == LOCAL
        for official in [_official(known, row, row.date)]
    ]
    if not rows:
        raise Refused(T("%(day)s 没有闭站安排。", day=day.isoformat()), field="day")
    return _write(session, rows, stored, REOPEN, author)


# --- questions -------------------------------------------------------------------------------------------


def change_of(session: Session, version: str) -> CalendarChange | None:
    return session.scalars(select(CalendarChange).where(CalendarChange.version == version)).first()


def changes(session: Session, *, limit: int = 50) -> list[CalendarChange]:
    """The latest changes that changed a day, newest first."""
    found = select(CalendarChange).where(func.jsonb_array_length(CalendarChange.days) > 0)
    return list(session.scalars(found.order_by(CalendarChange.id.desc()).limit(limit)))


def as_of(session: Session, version: str) -> Calendar:
    """The calendar as it stood at a version, so that a date reckoned by it can be explained."""
    known = load(session)
    if version == known.version:
        return known
    since = "" if version.startswith(LIBRARY) else version
    later = select(CalendarChange).where(CalendarChange.version > since)
    days: dict[date, Day] = {}
    for change in session.scalars(later.order_by(CalendarChange.version.desc())):
        days.update({before.date: before for before, _ in change.pairs})
    return known.with_days(days.values(), version=version) if days else known


def must_be_at(session: Session, version: str) -> None:
    """AlreadyDone when the calendar has been changed since; from here on nobody else changes it."""
    _alone(session)
    if load(session).version != version:
        raise AlreadyDone(T("工作日历刚刚被修改过，请重新预览后再保存。"), state="changed")


# --- rows ------------------------------------------------------------------------------------------------


def _alone(session: Session) -> None:
    """Until the transaction ends nobody else changes the calendar: versions are read in their order."""
    session.execute(select(func.pg_advisory_xact_lock(CHANGES)))


def _stored(session: Session, first: date | None = None, last: date | None = None) -> dict[date, Any]:
    rows = select(CalendarDay.__table__)
    if first is not None and last is not None:
        rows = rows.where(CalendarDay.date.between(first, last))
    return {row.date: row for row in session.execute(rows)}


def _official(known: Calendar, row: Any, day: date) -> Day:
    """The day without the station's own closure."""
    if row is None or row.source != LOCAL:
        return known.day(day)
    year = day.year
    source = ESTIMATE if not known.covers(year) else LIBRARY if year <= last_published_year() else NOTICE
    return Day(day, row.is_work, row.is_work, row.holiday, source, row.provisional)


def _row(day: Day, *, is_work: bool, holiday: str) -> dict[str, Any]:
    return {
        "date": day.date,
        "is_work": is_work,
        "holiday": holiday,
        "name": day.name,
        "am": day.am,
        "pm": day.pm,
        "source": day.source,
        "provisional": day.provisional,
    }


def _closed(official: Day, closing: Closing) -> dict[str, Any]:
    day = closure(official, closing.name, am=closing.am, pm=closing.pm)
    return _row(day, is_work=official.is_work, holiday=official.name)


def _kept(row: Any, official: Day) -> dict[str, Any]:
    """A closure stays, and learns what the notice says of its day."""
    day = Day(row.date, row.am, row.pm, row.name, LOCAL)
    return _row(day, is_work=official.is_work, holiday=official.name)


def _write(
    session: Session,
    rows: Sequence[Mapping[str, Any]],
    stored: Mapping[date, Any],
    kind: str,
    author: Author,
) -> Calendar:
    """Upsert what differs from the table under one new version, and say what changed."""
    before = load(session)
    new = [row for row in rows if _differs(stored.get(row["date"]), row)]
    if not new:
        return before
    version = _next_version(session)
    upsert = insert(CalendarDay)
    columns = {name: upsert.excluded[name] for name in (*new[0], "version") if name != "date"}
    session.execute(
        upsert.on_conflict_do_update(index_elements=["date"], set_=columns),
        [{**row, "version": version} for row in new],
    )
    after = load(session)
    session.add(
        CalendarChange(
            version=version,
            at=business_now(session),
            actor=author.actor,
            on_behalf_of=author.on_behalf_of,
            kind=kind,
            reason=author.reason,
            days=_changed(before, after, (row["date"] for row in new)),
        )
    )
    session.flush()
    return after


def _differs(stored: Any, row: Mapping[str, Any]) -> bool:
    return stored is None or any(getattr(stored, name) != value for name, value in row.items())


def _changed(before: Calendar, after: Calendar, days: Iterable[date]) -> list[Any]:
    """The days that are now something else, also the Decembers that a notice settles."""
    touched = set(days)
    for year in {day.year for day in touched}:
        touched.update(dates(date(year - 1, 12, 25), date(year - 1, 12, 31)))
    return [
        {"before": _packed(before.day(day)), "after": _packed(after.day(day))}
        for day in sorted(touched)
        if _seen(before.day(day)) != _seen(after.day(day))
    ]


def _seen(day: Day) -> tuple[object, ...]:
    return day.am, day.pm, day.name, day.provisional, day.source == LOCAL


def _packed(day: Day) -> list[Any]:
    return [day.date.isoformat(), day.am, day.pm, day.name, day.source, day.provisional]


def _unpacked(packed: Sequence[Any]) -> Day:
    day, *rest = packed
    return Day(date.fromisoformat(day), *rest)


def _next_version(session: Session) -> str:
    """Sorts after all others; the random end keeps two databases of one process apart."""
    last = session.scalar(select(CalendarDay.version).order_by(CalendarDay.version.desc()).limit(1))
    return f"{int(last[:8]) + 1 if last else 1:08d}-{secrets.token_hex(4)}"
