"""Which days and minutes the station works (rulebook §4.1, §4.7, §4.8).

A ``Calendar`` is immutable and lives in memory: the State Council's days from chinesecalendar for the years
its data really covers, over them what the table says (notices entered by hand, local closures), and for
every other year an estimate marked ``provisional``. Days are dates in Asia/Shanghai; moments that come in are
aware in any zone, moments that go out are aware in Asia/Shanghai. Opening hours of the window are not
working days: opening on a Saturday changes nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import chinese_calendar
from sqlalchemy import Identity, and_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.errors import YizhanError
from workflow.schema import Base
from workflow.texts import T, Text

ZONE = ZoneInfo("Asia/Shanghai")
MORNING = (time(8, 30), time(12, 0))
AFTERNOON = (time(13, 30), time(17, 30))
OPENS, NOON, CLOSES = MORNING[0], MORNING[1], AFTERNOON[1]
WORKING_DAY = timedelta(hours=7, minutes=30)  # of both halves
ONE_DAY = timedelta(days=1)

LIBRARY, NOTICE, LOCAL, ESTIMATE = "library", "notice", "local", "estimate"

# The holiday's Chinese name is its message id; rows of the table hold it.
HOLIDAY_NAMES = {
    "New Year's Day": T("元旦"),
    "Spring Festival": T("春节"),
    "Tomb-sweeping Day": T("清明节"),
    "Labour Day": T("劳动节"),
    "Dragon Boat Festival": T("端午节"),
    "National Day": T("国庆节"),
    "Mid-autumn Festival": T("中秋节"),
    "Anti-Fascist 70th Day": T("抗战胜利纪念日"),
}
FIXED_HOLIDAYS = {
    (1, 1): "New Year's Day",
    (5, 1): "Labour Day",
    (5, 2): "Labour Day",
    (10, 1): "National Day",
    (10, 2): "National Day",
    (10, 3): "National Day",
}


class CalendarEnds(YizhanError):
    """No working day within a year of the day asked for: the calendar is wrong or the date absurd."""

    def __init__(self, day: date) -> None:
        super().__init__(T("%(day)s 前后一年内没有工作日，请检查工作日历。", day=day.isoformat()))


@dataclass(frozen=True, slots=True)
class Day:
    """One date: is the station at work in the morning, in the afternoon; ``name`` of holiday or closure."""

    date: date
    am: bool
    pm: bool
    name: str = ""
    source: str = LIBRARY
    provisional: bool = False

    @property
    def is_work(self) -> bool:
        """A day of which only one half is closed still counts as a working day."""
        return self.am or self.pm

    @property
    def is_worked_weekend(self) -> bool:
        return self.is_work and self.date.weekday() >= 5

    @property
    def label(self) -> Text | None:
        return Text(self.name) if self.name else None


@dataclass(frozen=True)
class Calendar:
    """Working days and working time. ``version`` changes whenever any day of it changes."""

    version: str
    days: Mapping[date, Day] = field(repr=False, hash=False)

    def day(self, day: date) -> Day:
        return self.days.get(day) or _estimated(day)

    def is_work(self, day: date) -> bool:
        return self.day(day).is_work

    def next_work(self, day: date) -> date:
        """The first working day after ``day``."""
        return self.shift(day, 1)

    def on_or_after(self, day: date) -> date:
        return day if self.is_work(day) else self.next_work(day)

    def shift(self, day: date, count: int) -> date:
        """D_count(day): the count-th working day after ``day``, before it if negative, itself if 0."""
        step = ONE_DAY if count > 0 else -ONE_DAY
        for _ in range(abs(count)):
            day = self._neighbour(day, step)
        return day

    def count(self, after: date, until: date) -> int:
        """Working days in (after, until]."""
        return sum(self.is_work(day) for day in dates(after + ONE_DAY, until))

    def closes(self, day: date) -> datetime:
        """Closing time of a working day: 17:30, or noon where the afternoon is closed."""
        return at(day, CLOSES if self.day(day).pm or not self.day(day).am else NOON)

    def half(self, day: date) -> datetime:
        """The end of the first open half of a working day: noon, or 17:30 where the morning is closed."""
        return at(day, NOON if self.day(day).am or not self.day(day).pm else CLOSES)

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """The working time of one day."""
        known = self.day(day)
        halves = ((known.am, MORNING), (known.pm, AFTERNOON))
        return [(at(day, opens), at(day, closes)) for is_open, (opens, closes) in halves if is_open]

    def working_time(self, start: datetime, end: datetime) -> timedelta:
        """Working time between two moments; nothing if ``end`` is not after ``start``."""
        start, end = start.astimezone(ZONE), end.astimezone(ZONE)
        total = timedelta()
        for day in dates(start.date(), end.date()):
            for opens, closes in self.spans(day):
                total += max(min(closes, end) - max(opens, start), timedelta())
        return total

    def add_working_time(self, start: datetime, amount: timedelta) -> datetime:
        """The first moment by which ``amount`` of working time has passed since ``start``."""
        moment, left = start.astimezone(ZONE), amount
        if left <= timedelta():
            return moment
        day = moment.date()
        while True:
            for opens, closes in self.spans(day):
                free = closes - max(opens, moment)
                if free >= left:
                    return max(opens, moment) + left
                left -= max(free, timedelta())
            day = self.next_work(day)

    def working(self, moment: datetime) -> datetime:
        """The moment itself if the station works then, else when it next opens."""
        local = moment.astimezone(ZONE)
        day = self.on_or_after(local.date())
        while True:
            for opens, closes in self.spans(day):
                if local < closes:
                    return max(local, opens)
            day = self.next_work(day)

    def working_days_before(self, end: datetime, days: float) -> datetime:
        """So much working time before a moment; half a day is half of a whole day's hours."""
        left, day = WORKING_DAY * days, end.astimezone(ZONE).date()
        while True:
            for opens, closes in reversed(self.spans(day)):
                free = max(min(closes, end) - opens, timedelta())
                if free >= left:
                    return min(closes, end) - left
                left -= free
            day = self.shift(day, -1)

    def working_minutes(self, start: datetime, end: datetime) -> int:
        """Whole working minutes between two moments."""
        return self.working_time(start, end) // timedelta(minutes=1)

    def add_working_minutes(self, start: datetime, minutes: int) -> datetime:
        return self.add_working_time(start, timedelta(minutes=minutes))

    def is_provisional(self, first: date, last: date) -> bool:
        """Is any day of first..last only estimated, or subject to a notice still to come?"""
        return any(self.day(day).provisional for day in dates(first, last))

    def covers(self, year: int) -> bool:
        """Is the year's notice known, from the library or entered by hand?"""
        days = dates(date(year, 1, 1), date(year, 12, 31))
        return any(self.day(day).source in (LIBRARY, NOTICE) for day in days)

    def with_days(self, days: Iterable[Day], *, version: str) -> Calendar:
        """The same calendar with these days instead of its own."""
        return _assembled({**self.days, **{day.date: day for day in days}}, version=version)

    def _neighbour(self, day: date, step: timedelta) -> date:
        asked = day
        for _ in range(366):
            day += step
            if self.is_work(day):
                return day
        raise CalendarEnds(asked)


def at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=ZONE)


def dates(first: date, last: date) -> Iterator[date]:
    """first..last, both included; nothing if reversed."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def last_published_year() -> int:
    """What the installed data really covers; the library's version number has been wrong about it."""
    return int(max(chinese_calendar.holidays).year)


@cache
def built() -> Calendar:
    """The calendar of the installed library alone."""
    first, last = min(chinese_calendar.holidays).year, last_published_year()
    days = {day: _published(day) for day in dates(date(first, 1, 1), date(last, 12, 31))}
    return _assembled(days, version=f"{LIBRARY}-{chinese_calendar.__version__}-{last}")


def closure(known: Day, name: str, *, am: bool = False, pm: bool = False) -> Day:
    """A local closure: ``am``/``pm`` say whether that half stays open. A day off stays off."""
    return replace(known, am=known.am and am, pm=known.pm and pm, name=name, source=LOCAL)


def _published(day: date) -> Day:
    english = chinese_calendar.holidays.get(day) or chinese_calendar.workdays.get(day)
    works = day in chinese_calendar.workdays or (day.weekday() < 5 and day not in chinese_calendar.holidays)
    return Day(day, works, works, HOLIDAY_NAMES[english].msgid if english else "", LIBRARY)


@lru_cache(maxsize=4096)
def _estimated(day: date) -> Day:
    """§4.7: Monday to Friday without the holidays of fixed date; the others are not known beforehand."""
    english = FIXED_HOLIDAYS.get((day.month, day.day))
    if day == _tomb_sweeping(day.year):
        english = "Tomb-sweeping Day"
    works = day.weekday() < 5 and english is None
    return Day(day, works, works, HOLIDAY_NAMES[english].msgid if english else "", ESTIMATE, True)


@cache
def _tomb_sweeping(year: int) -> date | None:
    if not 1900 <= year <= 2100:
        return None
    terms = chinese_calendar.get_solar_terms(date(year, 4, 3), date(year, 4, 7))
    return next((day for day, name in terms if name == "清明"), None)


def _assembled(days: dict[date, Day], *, version: str) -> Calendar:
    """Next year's notice may still change the last week of December; only then is that week certain."""
    covered = {day.year for day, known in days.items() if known.source in (LIBRARY, NOTICE)}
    for year in covered:
        for day in dates(date(year, 12, 25), date(year, 12, 31)):
            if day in days:
                days[day] = replace(days[day], provisional=year + 1 not in covered)
    return Calendar(version, days)


# --- the table -------------------------------------------------------------------------------------------


class CalendarDay(Base):
    """What was imported, entered from the yearly notice, or closed by the station. Rows are never deleted.

    ``is_work`` and ``holiday`` are the State Council's word; ``am``, ``pm`` and ``name`` the station's own.
    What changes them is in ``calendar_days``.
    """

    __tablename__ = "calendar_day"

    id: Mapped[int] = mapped_column(Identity(), primary_key=True)
    date: Mapped[date] = mapped_column(unique=True)
    is_work: Mapped[bool]
    holiday: Mapped[str] = mapped_column(default="", server_default="")
    name: Mapped[str] = mapped_column(default="")
    am: Mapped[bool]
    pm: Mapped[bool]
    source: Mapped[str]
    version: Mapped[str] = mapped_column(index=True)
    provisional: Mapped[bool] = mapped_column(default=False)


def load(session: Session) -> Calendar:
    """The calendar in force; one small query while the version stays the same."""
    version = session.scalar(select(CalendarDay.version).order_by(CalendarDay.version.desc()).limit(1))
    if version is None:
        return built()
    known = _loaded.get(version)
    if known is None:
        rows = session.execute(
            select(
                CalendarDay.date,
                and_(CalendarDay.am, CalendarDay.is_work),  # a closure cannot open what became a holiday
                and_(CalendarDay.pm, CalendarDay.is_work),
                CalendarDay.name,
                CalendarDay.source,
                CalendarDay.provisional,
            )
        )
        known = built().with_days((Day(*row) for row in rows), version=version)
        _loaded.clear()
        _loaded[version] = known
    return known


_loaded: dict[str, Calendar] = {}
