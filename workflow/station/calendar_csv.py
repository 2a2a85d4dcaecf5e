"""A year of the calendar as a CSV file: what is exported can be edited and imported again.

Three columns, date, kind, name. Only exceptions stand in it: days off, worked weekends, closures. Files come
from spreadsheets, so UTF-8 and GBK are read, commas and tabs, and dates in the usual ways. A file with any
fault is refused whole; each fault names its line.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from workflow.errors import InvalidForm, Refused
from workflow.station.calendar import LOCAL, Calendar, Day, dates
from workflow.station.calendar_days import Closing, checked_name
from workflow.texts import T, Text

LARGEST = 256 * 1024  # bytes; a year has some forty lines
MOST_LINES = 400
LONGEST_LINE = 1000
MOST_FAULTS = 20
HEADER = ("日期", "类型", "名称")
OFF, WORK, CLOSED, CLOSED_AM, CLOSED_PM = "放假", "上班", "闭站", "上午闭站", "下午闭站"
KINDS = {
    **{kind: kind for kind in (OFF, WORK, CLOSED, CLOSED_AM, CLOSED_PM)},
    "调休上班": WORK,
    "调休": WORK,
    "休": OFF,
    "班": WORK,
    "off": OFF,
    "holiday": OFF,
    "work": WORK,
    "closed": CLOSED,
    "closed-am": CLOSED_AM,
    "closed-pm": CLOSED_PM,
}
HALVES = {CLOSED: (False, False), CLOSED_AM: (False, True), CLOSED_PM: (True, False)}  # what stays open
DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?")


@dataclass
class Notice:
    """What a file says of a year, as ``calendar_days.import_notice`` takes it."""

    off: dict[date, str] = field(default_factory=dict)
    worked: dict[date, str] = field(default_factory=dict)
    closed: dict[date, Closing] = field(default_factory=dict)

    def add(self, day: date, kind: str, name: str) -> None:
        if kind == OFF:
            self.off[day] = name
        elif kind == WORK:
            self.worked[day] = name
        else:
            self.closed[day] = Closing(name, *HALVES[kind])


def decoded(data: bytes) -> str:
    """The text of an uploaded file, UTF-8 or GBK. Refused: too large, or neither."""
    if len(data) > LARGEST:
        raise Refused(T("文件太大：一年的日历不会超过 %(size)s KB。", size=LARGEST // 1024), field="file")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise Refused(T("读不出文字：请另存为 CSV（UTF-8 或 GBK）再上传。"), field="file")


def read(text: str, year: int) -> Notice:
    """The notice of a year. InvalidForm: every faulty line, by its number; nothing is half read."""
    if len(text.encode("utf-8", "replace")) > LARGEST:
        raise Refused(T("文件太大：一年的日历不会超过 %(size)s KB。", size=LARGEST // 1024), field="file")
    notice, faults, seen = Notice(), dict[str, list[Text]](), dict[date, int]()
    for number, cells in _lines(text):
        try:
            day, kind, name = _line(cells, year)
            if day in seen:
                raise Refused(T("%(day)s 与第 %(line)s 行重复", day=day.isoformat(), line=seen[day]))
            seen[day] = number
            notice.add(day, kind, name)
        except Refused as refusal:
            faults[str(number)] = [T("第 %(line)s 行：%(why)s", line=number, why=refusal.text)]
        if len(faults) >= MOST_FAULTS:
            break
    if not faults and not notice.off:
        faults["0"] = [T("没有一天放假：请粘贴完整的放假安排。")]
    if faults:
        raise InvalidForm(faults)
    return notice


def written(calendar: Calendar, year: int) -> str:
    """The exceptions of a year, for a spreadsheet (with a byte order mark, lines end CR LF)."""
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow(HEADER)
    for day in dates(date(year, 1, 1), date(year, 12, 31)):
        known = calendar.day(day)
        if (kind := _kind(known)) is not None:
            write.writerow([day.isoformat(), kind, known.name or kind])
    return "\ufeff" + out.getvalue()


def _kind(day: Day) -> str | None:
    if day.source == LOCAL:
        return CLOSED if not day.is_work else CLOSED_PM if day.am else CLOSED_AM
    if day.is_worked_weekend:
        return WORK
    return OFF if not day.is_work and (day.name or day.date.weekday() < 5) else None


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each line that says something with its number, without a header."""
    lines = text.lstrip("\ufeff").splitlines()
    if len(lines) > MOST_LINES:
        raise Refused(T("超过 %(count)s 行：请只保留一年的放假安排。", count=MOST_LINES), field="file")
    tab = next(("\t" in line for line in lines if line.strip()), False)
    for number, line in enumerate(lines, start=1):
        if len(line) > LONGEST_LINE:
            raise Refused(T("第 %(line)s 行太长", line=number), field="file")
        cells = [cell.strip() for cell in next(iter(csv.reader([line], delimiter="\t" if tab else ",")), [])]
        if any(cells) and cells[0].lower() not in ("date", HEADER[0]):
            yield number, cells


def _line(cells: Sequence[str], year: int) -> tuple[date, str, str]:
    if len(cells) < 3 or any(cells[3:]):
        raise Refused(T("应有三列：日期、类型、名称"))
    day, kind = _date(cells[0]), KINDS.get(cells[1].lower())
    if day.year != year and not (day.year == year - 1 and day >= date(year - 1, 12, 25)):
        raise Refused(T("%(day)s 不在 %(year)s 年", day=day.isoformat(), year=year))
    if kind is None:
        raise Refused(
            T(
                "类型“%(kind)s”不认识，应为 %(kinds)s",
                kind=cells[1][:20],
                kinds="、".join((OFF, WORK, *HALVES)),
            )
        )
    if kind == WORK and day.weekday() < 5:
        raise Refused(T("%(day)s 是周一至周五，本来就上班", day=day.isoformat()))
    return day, kind, checked_name(cells[2])


def _date(text: str) -> date:
    found = DATE.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        return date(*(int(part) for part in found.groups()))
    except ValueError:
        raise Refused(T("“%(text)s”不是日期，请写成 2027-01-01", text=text[:20])) from None
