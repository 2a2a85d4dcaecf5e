"""When the window is open to clients (窗口开放时间). Not working days: they shift no deadline (decisions 6).

Each weekday has its hours, a single date may have others; what nobody set is the station's working time,
Monday to Friday. On a day the station does not work the window is closed, unless that very date, or on a
plain weekend its weekday, says otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from typing import Any

from sqlalchemy import CheckConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.errors import NotFound, Refused
from workflow.schema import Base
from workflow.station.calendar import AFTERNOON, LOCAL, MORNING, Calendar, load
from workflow.station.calendar_days import checked_name
from workflow.texts import T

Span = tuple[time, time]
MONDAY = 0
MOST_SPANS = 4
SPAN = re.compile(r"(\d{1,2})[:：](\d{2})\s*[-–—~至]\s*(\d{1,2})[:：](\d{2})")
SIGNS = re.compile(r"[\s,，;；、和]*")


class WindowHours(Base):
    """The hours of one weekday (0 = Monday) or of one date; ``spans`` [["08:30", "12:00"]], empty: shut."""

    __tablename__ = "window_hours"
    __table_args__ = (
        CheckConstraint("num_nonnulls(weekday, day) = 1", name="one"),
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    weekday: Mapped[int | None] = mapped_column(unique=True)
    day: Mapped[date | None] = mapped_column(unique=True)
    spans: Mapped[list[Any]]
    reason: Mapped[str] = mapped_column(default="")
    set_by: Mapped[str]
    set_at: Mapped[datetime]

    @property
    def hours(self) -> list[Span]:
        return [(time.fromisoformat(opens), time.fromisoformat(closes)) for opens, closes in self.spans]


@dataclass(frozen=True)
class Opening:
    """A date on which the window's hours are its own, and why."""

    id: int
    day: date
    hours: list[Span]
    reason: str


# --- asking ----------------------------------------------------------------------------------------------


def of_week(session: Session) -> list[list[Span]]:
    """The hours of Monday … Sunday."""
    rows = session.scalars(select(WindowHours).where(WindowHours.weekday.is_not(None)))
    known = {row.weekday: row.hours for row in rows}
    return [known.get(weekday, _usual(weekday)) for weekday in range(7)]


def exceptions(session: Session, year: int) -> list[Opening]:
    rows = session.scalars(
        select(WindowHours)
        .where(WindowHours.day.between(date(year, 1, 1), date(year, 12, 31)))
        .order_by(WindowHours.day)
    )
    return [Opening(row.id, row.day, row.hours, row.reason) for row in rows if row.day is not None]


def on(session: Session, day: date) -> list[Span]:
    """When the window is open on this date."""
    own = session.scalars(select(WindowHours).where(WindowHours.day == day)).first()
    if own is not None:
        return own.hours
    calendar, week = load(session), of_week(session)
    known = calendar.day(day)
    if not known.is_work:
        return [] if known.name else week[day.weekday()] if day.weekday() >= 5 else []
    hours = week[MONDAY if known.is_worked_weekend else day.weekday()]
    return _within(hours, calendar, day) if known.source == LOCAL else hours


def words(hours: Sequence[Span]) -> str:
    """'08:30–12:00 13:30–17:30'; nothing when shut."""
    return " ".join(f"{opens:%H:%M}–{closes:%H:%M}" for opens, closes in hours)


# --- setting ---------------------------------------------------------------------------------------------


def set_weekday(session: Session, weekday: int, text: str, *, by: str, moment: datetime) -> None:
    """Flushes. Refused: no times that can be read."""
    if weekday not in range(7):
        raise NotFound
    row = session.scalars(select(WindowHours).where(WindowHours.weekday == weekday)).first()
    _put(session, row or WindowHours(weekday=weekday), text, by=by, moment=moment)


def set_day(session: Session, day: date, text: str, reason: str, *, by: str, moment: datetime) -> None:
    """Flushes. Refused: no times that can be read, no reason."""
    row = session.scalars(select(WindowHours).where(WindowHours.day == day)).first()
    row = row or WindowHours(day=day)
    row.reason = checked_name(reason, field="reason")
    _put(session, row, text, by=by, moment=moment)


def drop_day(session: Session, day: date) -> None:
    """The date has its weekday's hours again. Flushes. NotFound."""
    row = session.scalars(select(WindowHours).where(WindowHours.day == day)).first()
    if row is None:
        raise NotFound
    session.delete(row)
    session.flush()


def read(text: str) -> list[Span]:
    """'8:30-12:00 13:30-17:30' as spans; empty text = shut. Refused."""
    if SIGNS.sub("", SPAN.sub("", text)):
        raise Refused(T("请写成 08:30-12:00 13:30-17:30；不开放请留空。"), field="hours")
    try:
        spans = [
            (time(int(h), int(m)), time(int(to_h), int(to_m))) for h, m, to_h, to_m in SPAN.findall(text)
        ]
    except ValueError:
        raise Refused(T("“%(text)s”中有不存在的时刻。", text=text.strip()[:40]), field="hours") from None
    ends = [moment for span in spans for moment in span]
    if any(later <= earlier for earlier, later in pairwise(ends)):
        raise Refused(T("开放时段须从早到晚，不能重叠。"), field="hours")
    if len(spans) > MOST_SPANS:
        raise Refused(T("一天最多 %(count)s 个开放时段。", count=MOST_SPANS), field="hours")
    return spans


def _put(session: Session, row: WindowHours, text: str, *, by: str, moment: datetime) -> None:
    row.spans = [[f"{opens:%H:%M}", f"{closes:%H:%M}"] for opens, closes in read(text)]
    row.set_by, row.set_at = by, moment
    session.add(row)
    session.flush()


def _usual(weekday: int) -> list[Span]:
    return [MORNING, AFTERNOON] if weekday < 5 else []


def _within(hours: Sequence[Span], calendar: Calendar, day: date) -> list[Span]:
    """Of the hours those in the halves that a half closure leaves open."""
    known, noon = calendar.day(day), MORNING[1]
    return [span for span in hours if (known.am if span[0] < noon else known.pm)]
