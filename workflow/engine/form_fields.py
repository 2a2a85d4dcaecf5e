"""One input of a form as a marshmallow field: what form-js 1.23 checks in the page is checked again here.

Lengths count UTF-16 units of the trimmed text, as JavaScript does; patterns search unanchored with ASCII
digits. Stricter than the page: white space alone does not fill a required field.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as sre_parser  # type: ignore[attr-defined]
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields

from workflow.schema import Json
from workflow.texts import T, Text

SHANGHAI = ZoneInfo("Asia/Shanghai")
LONGEST_TEXT = 20_000
LONGEST_FOR_PATTERN = 300
LONGEST_PATTERN = 1000
LARGEST_NUMBER = Decimal(10) ** 15
EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}\.[^@\s.]{2,63}")
PHONE = re.compile(r"\+?[0-9][0-9 ()-]{4,19}")
UPLOADED = re.compile(r"files::[A-Za-z0-9_-]{1,80}")


class Text_(fields.Field[str | None]):
    """textfield, textarea. Trimmed; '' is null."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rules: Any) -> str | None:
        if not isinstance(value, str):
            raise wrong(T("请填写文字。"))
        text = value.strip()
        if not text:
            return None
        length = len(text.encode("utf-16-le")) // 2
        shortest, longest = rules.get("minLength"), rules.get("maxLength")
        if length > min(longest if longest is not None else LONGEST_TEXT, LONGEST_TEXT):
            raise wrong(
                T("最多 %(count)s 个字，现在有 %(now)s 个。", count=longest or LONGEST_TEXT, now=length)
            )
        if shortest is not None and length < shortest:
            raise wrong(T("至少 %(count)s 个字。", count=shortest))
        self._patterns(text, rules)
        return text

    def _patterns(self, text: str, rules: Mapping[str, Any]) -> None:
        own = rules.get("patternErrorMessage")
        message = Text("%(message)s", {"message": own}) if own else T("格式不正确。")
        pattern = rules.get("pattern")
        too_long = pattern and len(text) > LONGEST_FOR_PATTERN
        if too_long or (pattern and not re.compile(pattern, re.ASCII).search(text)):
            raise wrong(message)
        kind = rules.get("validationType")
        if kind == "email" and not EMAIL.fullmatch(text):
            raise wrong(T("请填写正确的电子邮箱。"))
        if kind == "phone" and not PHONE.fullmatch(text):
            raise wrong(T("请填写正确的电话号码。"))


class Number(fields.Field[Json]):
    """number. A JSON number, or text where ``serializeToString`` (money: no binary fractions)."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rules: Any) -> Json:
        if value == "":
            return None
        if isinstance(value, bool) or not isinstance(value, str if rules.get("as_text") else int | float):
            raise wrong(T("请填写数字。"))
        if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,20}(\.[0-9]{1,10})?", value):
            raise wrong(T("请填写数字。"))
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            raise wrong(T("请填写数字。")) from None
        if not number.is_finite() or abs(number) > LARGEST_NUMBER:
            raise wrong(T("请填写数字。"))
        exponent = number.normalize().as_tuple().exponent
        digits = rules.get("decimalDigits")
        if digits is not None and isinstance(exponent, int) and -exponent > digits:
            raise wrong(T("请填写整数。") if digits == 0 else T("最多 %(count)s 位小数。", count=digits))
        if rules.get("min") is not None and number < Decimal(str(rules["min"])):
            raise wrong(T("不能小于 %(limit)s。", limit=rules["min"]))
        if rules.get("max") is not None and number > Decimal(str(rules["max"])):
            raise wrong(T("不能大于 %(limit)s。", limit=rules["max"]))
        if rules.get("as_text"):
            return f"{number:f}"
        return int(number) if number == number.to_integral_value() else float(number)


class Checkbox(fields.Field[bool]):
    """checkbox: exactly true or false; null is false."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rules: Any) -> bool:
        if not isinstance(value, bool):
            raise wrong(T("请勾选或不勾选。"))
        return value


class Choice(fields.Field[Json]):
    """select, radio: one of the offered values, of the same type."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rules: Any) -> Json:
        if value == "":
            return None
        if not _offered(value, rules["choices"]):
            raise wrong(T("请从所列选项中选择。"))
        chosen: Json = value
        return chosen


class Choices(fields.Field[list[Json]]):
    """checklist, taglist: some of the offered values, each once."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rules: Any) -> list[Json]:
        if not isinstance(value, list) or any(not _offered(item, rules["choices"]) for item in value):
            raise wrong(T("请从所列选项中选择。"))
        if any(item in value[:index] for index, item in enumerate(value)):
            raise wrong(T("同一选项只能选一次。"))
        return value


class Moment(fields.Field[str | None]):
    """datetime: ISO text stays ISO text, after it was read as what its subtype says."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rules: Any) -> str | None:
        if value == "":
            return None
        reader, shape = _MOMENTS[rules.get("subtype", "date")]
        try:
            if not isinstance(value, str) or not re.fullmatch(shape, value):
                raise ValueError
            found = reader.fromisoformat(value)
        except ValueError:
            raise wrong(T("请填写正确的日期或时间。")) from None
        if rules.get("disallowPassedDates") and _passed(found, rules["moment"]):
            raise wrong(T("不能早于现在。"))
        return value


class Upload(fields.Field[str | None]):
    """filepicker: the reference to files that are sent beside the form."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **rules: Any) -> str | None:
        if value == "":
            return None
        if not isinstance(value, str) or not UPLOADED.fullmatch(value):
            raise wrong(T("请重新选择文件。"))
        return value


_ZONE = r"(Z|[+-][0-9]{2}:[0-9]{2})?"
_MOMENTS: Mapping[str, tuple[Any, str]] = {
    "date": (date, r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "time": (time, rf"[0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}})?{_ZONE}"),
    "datetime": (datetime, rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}(:[0-9]{{2}})?{_ZONE}"),
}

# component type -> (field, the simple type of its key)
INPUTS: Mapping[str, tuple[fields.Field[Any], str]] = {
    "textfield": (Text_(), "string"),
    "textarea": (Text_(), "string"),
    "number": (Number(), "number"),
    "checkbox": (Checkbox(), "boolean"),
    "select": (Choice(), "string"),
    "radio": (Choice(), "string"),
    "checklist": (Choices(), "list"),
    "taglist": (Choices(), "list"),
    "datetime": (Moment(), "date"),
    "filepicker": (Upload(), "string"),
}


def checked(kind: str, value: Json, *, required: bool, rules: Mapping[str, Any]) -> Json:
    """The cleaned value of one input. ValidationError with a list of Text."""
    field, _ = INPUTS[kind]
    empty: Json = False if kind == "checkbox" else [] if isinstance(field, Choices) else None
    # marshmallow skips a field's own check for null: required is looked at here, on the cleaned value.
    cleaned = empty if value is None else field.deserialize(value, **rules)
    if required and cleaned in (None, False, []) and not _is_zero(cleaned):
        raise wrong(T("请勾选此项。") if kind == "checkbox" else T("此项必填。"))
    return cleaned


def wrong(text: Text) -> ValidationError:
    return ValidationError([text])


def pattern_problem(pattern: str) -> Text | None:
    """Why a pattern is refused: not a regular expression, or one that can run for ever (nested repeats,
    alternatives in a repeat, back references, more than two open repeats, a very long one)."""
    too_slow = T("正则表达式“%(pattern)s”可能运行过久，请改得简单些。", pattern=pattern[:LONGEST_PATTERN])
    if len(pattern) > LONGEST_PATTERN:
        return too_slow
    try:
        tree = sre_parser.parse(pattern, re.ASCII)
        re.compile(pattern, re.ASCII)
    except (re.error, RecursionError, OverflowError):
        return T("“%(pattern)s”不是正确的正则表达式。", pattern=pattern)
    try:
        if _open_repeats(tree, inside=False) <= 2:
            return None
    except _Dangerous:
        pass
    return too_slow


class _Dangerous(Exception):
    pass


def _open_repeats(tree: Any, *, inside: bool) -> int:
    count = 0
    for operation, argument in tree:
        if operation in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            least, most, body = argument
            if inside and least != most:
                raise _Dangerous
            count += (most - least > 50) + _open_repeats(body, inside=inside or most > 1)
        elif operation is sre.BRANCH:
            if inside:
                raise _Dangerous
            count += max(_open_repeats(branch, inside=False) for branch in argument[1])
        elif operation is sre.SUBPATTERN:
            count += _open_repeats(argument[3], inside=inside)
        elif operation in (sre.ASSERT, sre.ASSERT_NOT):
            count += _open_repeats(argument[1], inside=inside)
        elif operation in (sre.GROUPREF, sre.GROUPREF_EXISTS, sre.ATOMIC_GROUP):
            raise _Dangerous
    return count


def _offered(value: Any, choices: Sequence[Json]) -> bool:
    return any(value == choice and type(value) is type(choice) for choice in choices)


def _is_zero(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _passed(found: date | time | datetime, moment: datetime) -> bool:
    here = moment.astimezone(SHANGHAI)
    if isinstance(found, datetime):
        return (found if found.tzinfo else found.replace(tzinfo=SHANGHAI)) < here - timedelta(minutes=1)
    return isinstance(found, date) and found < here.date()
