"""What can go wrong, in words of the domain. HTTP codes exist only in ``web``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from workflow.texts import T, Text


class YizhanError(Exception):
    """Something a person can be told: ``text`` is the sentence, in both languages."""

    def __init__(self, text: Text) -> None:
        super().__init__(str(text))
        self.text = text


class NotFound(YizhanError):
    """It does not exist, or not for this person: the two look the same."""

    def __init__(self, text: Text | None = None) -> None:
        super().__init__(text or T("没有找到这条记录，或者您无权查看。"))


class NotAllowed(YizhanError):
    """The person may see it but not do this."""

    def __init__(self, text: Text | None = None) -> None:
        super().__init__(text or T("您没有权限进行此操作。"))


class AlreadyDone(YizhanError):
    """Somebody was faster; ``state`` is what the thing is now (done, claimed, ended …)."""

    def __init__(self, text: Text, *, state: str) -> None:
        super().__init__(text)
        self.state = state


class InvalidForm(YizhanError):
    """What was filled in does not fit: path of the field ('materials.2.pages') to its sentences."""

    def __init__(self, errors: Mapping[str, Sequence[Text]]) -> None:
        super().__init__(T("有 %(count)s 处填写需要修改，您填写的内容已保留。", count=len(errors)))
        self.errors = errors


class Refused(YizhanError):
    """A rule of the station says no; the step is rolled back. ``field`` names the form field at fault."""

    def __init__(self, text: Text, *, field: str | None = None) -> None:
        super().__init__(text)
        self.field = field
