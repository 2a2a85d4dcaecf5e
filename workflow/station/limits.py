"""What a deadline is reckoned from: a limit in one of four units, and the stops of its clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from workflow.errors import Refused
from workflow.station.calendar import CLOSES, at
from workflow.texts import T, Text

LONGEST = {"working-day": 2500, "day": 3660, "working-hour": 20_000, "hour": 87_840}  # ten years
HALF = Decimal("0.5")


@dataclass(frozen=True)
class Limit:
    """A time limit: ``Limit(10)``, ``Limit("0.5")``, ``Limit(4, "working-hour")``. Refused if nonsense.

    Units: working-day (also n.5), day (calendar), working-hour, hour.
    """

    value: Decimal
    unit: str

    def __init__(self, value: Decimal | int | float | str, unit: str = "working-day") -> None:
        if unit not in LONGEST:
            message = T(
                "期限单位只能是 working-day、day、working-hour 或 hour，不能是“%(unit)s”。", unit=unit
            )
            raise Refused(message, field="unit")
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise Refused(T("期限“%(value)s”不是数字。", value=value), field="limit") from None
        if not number.is_finite() or not 0 < number <= LONGEST[unit]:
            most = LONGEST[unit]
            message = T("期限须大于 0 且不超过 %(most)s，不能是“%(value)s”。", most=most, value=value)
            raise Refused(message, field="limit")
        if number % (HALF if unit == "working-day" else 1):
            message = T("工作日期限以半天为最小单位，其他期限须为整数，不能是“%(value)s”。", value=value)
            raise Refused(message, field="limit")
        whole = number == number.to_integral_value()
        object.__setattr__(self, "value", Decimal(int(number)) if whole else number.normalize())
        object.__setattr__(self, "unit", unit)

    @property
    def days(self) -> Decimal:
        """The limit in days, as the escalation table wants it; by convention 8 working hours are one."""
        return self.value / {"working-hour": 8, "hour": 24}.get(self.unit, 1)

    @property
    def text(self) -> Text:
        return amount(self.value, self.unit)


@dataclass(frozen=True)
class Stop:
    """The clock stood still from ``start`` to ``end`` (aware); ``end`` None: it still does."""

    start: datetime
    end: datetime | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end < self.start:
            raise Refused(T("恢复计时不能早于暂停计时。"), field="stops")

    @property
    def ended(self) -> datetime:
        """The end of a stop that is over."""
        assert self.end is not None
        return self.end

    @classmethod
    def of_days(cls, first: date, last: date | None) -> Stop:
        """Days without times: from the closing time of the first to that of the last, as (first, last]."""
        return cls(at(first, CLOSES), None if last is None else at(last, CLOSES))


def amount(value: Decimal | int, unit: str) -> Text:
    """The words for so many of a unit."""
    if unit == "working-day":
        return T("%(count)s 个工作日", count=value)
    if unit == "day":
        return T("%(count)s 个日历日", count=value)
    if unit == "working-hour":
        return T("%(count)s 个工作小时", count=value)
    return T("%(count)s 小时", count=value)
