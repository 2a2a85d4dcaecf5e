"""Once a year somebody must import the State Council's notice (rulebook §4.8): who is told, and from when.

Both days stand in the one row of ``calendar_reminder``. Told is in the digest of a working morning: once from
``remind_from`` on, then from ``warn_from`` on every working morning until the next year is known; at once and
every morning when even the current year is not.
"""

from __future__ import annotations

import re
from datetime import date, datetime

from sqlalchemy import CheckConstraint, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.errors import Refused
from workflow.schema import Base
from workflow.station import calendar, notices, positions
from workflow.station.calendar import ZONE
from workflow.texts import T

MONTH_DAY = re.compile(r"(\d{1,2})-(\d{1,2})")


class CalendarReminder(Base):
    """``remind_from`` and ``warn_from`` as 'MM-DD' (local days); ``told_for``: the digest told last."""

    __tablename__ = "calendar_reminder"
    __table_args__ = (CheckConstraint("id", name="one_row"),)

    id: Mapped[bool] = mapped_column(primary_key=True, default=True, server_default="true")
    remind_from: Mapped[str] = mapped_column(server_default="11-15")
    warn_from: Mapped[str] = mapped_column(server_default="12-01")
    told_for: Mapped[date | None]


def settings(session: Session, *, lock: bool = False) -> CalendarReminder:
    """The one row, made when it is first asked for."""
    found = select(CalendarReminder).execution_options(populate_existing=True)
    if lock:
        found = found.with_for_update()
    row = session.scalars(found).first()
    if row is None:
        session.execute(insert(CalendarReminder).values(id=True).on_conflict_do_nothing())
        row = session.scalars(found).one()
    return row


def arrange(session: Session, *, remind_from: str, warn_from: str) -> None:
    """Set the two days. Flushes. Refused: no days, or the warning before the reminder."""
    row = settings(session, lock=True)
    row.remind_from = _checked(remind_from, field="remind_from")
    row.warn_from = _checked(warn_from, field="warn_from")
    if row.warn_from < row.remind_from:
        raise Refused(T("警告起始日不能早于提醒日。"), field="warn_from")
    session.flush()


def missing(session: Session, today: date) -> int | None:
    """The year whose notice is lacking: this one, or the next from the day of the reminder on."""
    known = calendar.load(session)
    if not known.covers(today.year):
        return today.year
    if today < _in(today.year, settings(session).remind_from) or known.covers(today.year + 1):
        return None
    return today.year + 1


def remind(session: Session, moment: datetime) -> list[str]:
    """Tell the head and the administrators what is missing; the keys of those told now. Flushes.

    Each morning's digest is told at most once, whoever asks and however often.
    """
    row = settings(session, lock=True)
    today = moment.astimezone(ZONE).date()
    year = missing(session, today)
    digest = notices.next_digest(session, moment).astimezone(ZONE).date()
    if year is None or row.told_for == digest or _told_before_warning(row, today, digest):
        return []
    sentence = T(
        "%(year)s 年的放假安排还没有录入工作日历，跨年的期限都是暂估。请在“工作日历”中录入放假通知。",
        year=year,
    )
    people = {
        person.id: person
        for duty in (positions.HEAD, positions.ADMIN)
        for person, _ in positions.holders_of(session, duty, moment)
    }
    for person in people.values():
        notices.tell_in_digest(session, person, sentence, f"/calendar/{year}", moment=moment)
    row.told_for = digest
    session.flush()
    return [person.key for person in people.values()]


def _told_before_warning(row: CalendarReminder, today: date, digest: date) -> bool:
    """Between reminder and warning once is enough."""
    first, warned = _in(today.year, row.remind_from), _in(today.year, row.warn_from)
    return first <= today < warned and row.told_for is not None and first <= row.told_for <= digest


def _in(year: int, month_day: str) -> date:
    return date.fromisoformat(f"{year}-{month_day}")


def _checked(text: str, *, field: str) -> str:
    found = MONTH_DAY.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError(text)
        day = date(2001, int(found[1]), int(found[2]))  # no leap year: the day exists in every year
    except ValueError:
        raise Refused(T("请写成 11-15 这样的月-日。"), field=field) from None
    return f"{day:%m-%d}"
