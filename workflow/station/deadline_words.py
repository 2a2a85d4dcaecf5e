"""How a deadline is told: why it is this day, and how much is left. Sentences only, no arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from workflow.station.calendar import LOCAL, ZONE, Calendar, Day, dates
from workflow.station.limits import HALF, Limit, Stop, amount
from workflow.texts import T, Text

ONE_DAY = timedelta(days=1)
MONTHS = (
    T("1月"),
    T("2月"),
    T("3月"),
    T("4月"),
    T("5月"),
    T("6月"),
    T("7月"),
    T("8月"),
    T("9月"),
    T("10月"),
    T("11月"),
    T("12月"),
)
WEEKEND = {5: T("周六"), 6: T("周日")}


@dataclass(frozen=True)
class Remaining:
    """What is left, in words: ``ok``, ``soon`` (due within one working day) or ``late``."""

    text: Text
    level: Literal["ok", "soon", "late"]


def day_text(day: date, *, year: int | None = None) -> Text:
    """3月5日; with its year when that is not ``year``."""
    if year is not None and day.year != year:
        return T("%(year)s年%(month)s%(day)s日", year=day.year, month=MONTHS[day.month - 1], day=day.day)
    return T("%(month)s%(day)s日", month=MONTHS[day.month - 1], day=day.day)


def moment_text(moment: datetime, *, year: int | None = None) -> Text:
    local = moment.astimezone(ZONE)
    return T("%(day)s %(time)s", day=day_text(local.date(), year=year), time=f"{local:%H:%M}")


def stamp(moment: datetime) -> str:
    """'2026-03-16 17:30' in the station's zone."""
    return f"{moment.astimezone(ZONE):%Y-%m-%d %H:%M}"


def joined(parts: Sequence[Text]) -> Text:
    """One sentence out of several parts."""
    sentence = parts[-1]
    for part in reversed(parts[:-1]):
        sentence = T("%(first)s；%(rest)s", first=part, rest=sentence)
    return sentence


def days_off(calendar: Calendar, first: date, last: date, *, without: Iterable[date] = ()) -> list[Text]:
    """Every holiday, closure and worked weekend in first..last, ordinary weekends unsaid."""
    stopped = set(without)
    return [
        _run_text(run, year=first.year)
        for run in _runs(calendar.day(day) for day in dates(first, last) if day not in stopped)
    ]


def _runs(days: Iterable[Day]) -> Iterator[list[Day]]:
    """Neighbouring days with one thing to say about them."""
    run: list[Day] = []
    for day in days:
        if run and (_said(run[-1]) != _said(day) or day.date - run[-1].date != ONE_DAY):
            yield run
            run = []
        if _said(day) is not None:
            run.append(day)
    if run:
        yield run


def _said(day: Day) -> tuple[str, ...] | None:
    if day.is_worked_weekend and day.source != LOCAL:
        return ("worked", day.date.isoformat())
    if not day.is_work:
        return ("off", day.name, day.source if day.source == LOCAL else "") if day.name else None
    if day.am != day.pm:
        return ("half", day.date.isoformat())
    return None


def _run_text(run: Sequence[Day], *, year: int) -> Text:
    first, last, name = run[0], run[-1], run[0].label or T("闭站")
    when = day_text(first.date, year=year)
    if len(run) > 1:
        when = T("%(first)s至%(last)s", first=when, last=day_text(last.date, year=year))
    if not first.is_work and first.source == LOCAL:
        return T("%(when)s因“%(name)s”闭站不计", when=when, name=name)
    if not first.is_work:
        return T("%(when)s%(name)s放假不计", when=when, name=name)
    if first.am != first.pm and first.am:
        return T("%(when)s下午因“%(name)s”闭站", when=when, name=name)
    if first.am != first.pm:
        return T("%(when)s上午因“%(name)s”闭站", when=when, name=name)
    return T("%(when)s（%(weekday)s）调休上班，计入", when=when, weekday=WEEKEND[first.date.weekday()])


def beginning(begun: datetime, limit: Limit, calendar: Calendar, event: Text) -> list[Text]:
    day, clock = begun.date(), f"{begun:%Y-%m-%d %H:%M}"
    if limit.unit in ("hour", "working-hour"):
        first = T("%(when)s %(event)s，自当时起算 %(limit)s", when=clock, event=event, limit=limit.text)
        if limit.unit == "hour":
            return [first]
        return [first, T("只计工作时间（8:30–12:00、13:30–17:30）")]
    if limit.value == HALF:
        return [T("%(when)s %(event)s，期限 %(limit)s", when=clock, event=event, limit=limit.text)]
    following = day + ONE_DAY if limit.unit == "day" else calendar.next_work(day)
    return [
        T("%(when)s %(event)s，当天不计", when=day.isoformat(), event=event),
        T("自 %(day)s起算 %(limit)s", day=day_text(following, year=day.year), limit=limit.text),
    ]


def calendar_words(
    begun: datetime, due: datetime, limit: Limit, calendar: Calendar, stops: Sequence[Stop]
) -> list[Text]:
    if limit.unit == "hour":
        return []
    if limit.unit == "day":
        first = due.date()
        while not calendar.is_work(first - ONE_DAY):
            first -= ONE_DAY
        off = days_off(calendar, max(first, begun.date()), due.date() - ONE_DAY)
        return [*off, T("期满遇休息日的，顺延至其后第一个工作日")] if first < due.date() else off
    first = begun.date() if limit.unit == "working-hour" or limit.value == HALF else begun.date() + ONE_DAY
    return days_off(calendar, first, due.date(), without=_stopped_days(stops))


def _stopped_days(stops: Sequence[Stop]) -> Iterator[date]:
    for stop in stops:
        yield from dates(stop.start.date() + ONE_DAY, stop.ended.date() - ONE_DAY)


def stop_words(stop: Stop, limit: Limit, calendar: Calendar, year: int) -> Text:
    first, last = stop.start.date(), stop.ended.date()
    if limit.unit in ("hour", "working-hour"):
        start, end = moment_text(stop.start, year=year), moment_text(stop.ended, year=year)
        return T("%(start)s至%(end)s暂停计时，不计", start=start, end=end)
    days = (last - first).days if limit.unit == "day" else calendar.count(first, last)
    return T(
        "%(start)s至%(end)s暂停计时，%(days)s不计",
        start=day_text(first, year=year),
        end=day_text(last, year=year),
        days=amount(days, limit.unit),
    )


def extension_words(days: int, limit: Limit) -> Text:
    unit = "day" if limit.unit == "day" else "working-day"
    if days < 0:
        return T("已告知的日期不因工作日历调整推后（%(days)s）", days=amount(-days, unit))
    return T("延期 %(days)s", days=amount(days, unit))


def remaining(moment: datetime, deadline: datetime, calendar: Calendar) -> Remaining:
    """What a person reads beside a task: working days left, due today, or late."""
    now, due = moment.astimezone(ZONE), deadline.astimezone(ZONE)
    if now > due:
        late = calendar.count(due.date(), now.date())
        text = T("超期 %(count)s 个工作日", count=late) if late else T("已超期")
        return Remaining(text, "late")
    if now.date() == due.date():
        return Remaining(T("今天 %(time)s 到期", time=f"{due:%H:%M}"), "soon")
    left = calendar.count(now.date(), due.date())
    if left == 0:
        return Remaining(T("%(when)s 到期", when=moment_text(due, year=now.year)), "soon")
    return Remaining(T("剩 %(count)s 个工作日", count=left), "soon" if left == 1 else "ok")
