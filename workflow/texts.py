"""Sentences that people see, in Chinese first.

A text is its Chinese sentence (the message id) and the values that go into it; it becomes words only
where somebody reads it. The one catalogue lies in ``workflow/translations``; the web uses it too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from babel.support import NullTranslations, Translations

CATALOGUE = Path(__file__).parent / "translations"
CHINESE, ENGLISH = "zh", "en"
PLURAL = re.compile(r"\b(?P<count>[\d.]+)(?P<what>(?: [a-z]+)+)\(s\)")  # "3 working day(s)"


@dataclass(frozen=True)
class Text:
    """A sentence for people: ``Text("最晚 %(date)s", {"date": "2026-03-09"})``; values may be texts too."""

    msgid: str
    values: Mapping[str, object] = field(default_factory=dict)

    def say(self, language: str = CHINESE) -> str:
        """The sentence in ``zh`` or ``en``; an untranslated one stays Chinese."""
        sentence = _catalogue(language).gettext(self.msgid)
        if not self.values:
            return sentence
        said = sentence % {
            name: value.say(language) if isinstance(value, Text) else value
            for name, value in self.values.items()
        }
        return said if language == CHINESE else PLURAL.sub(_one_or_more, said)

    def __str__(self) -> str:
        return self.say(CHINESE)


def T(msgid: str, **values: object) -> Text:
    """Mark and fill a sentence; the catalogue's extractor looks for this name."""
    return Text(msgid, values)


def listed(parts: Iterable[Text | str]) -> Text | str:
    """Names one after the other: 'A、B、C', in English 'A, B, C'; of none the empty word."""
    found = list(parts)
    if not found:
        return ""
    sentence = found[-1]
    for part in reversed(found[:-1]):
        sentence = T("%(first)s、%(rest)s", first=part, rest=sentence)
    return sentence


def _one_or_more(counted: re.Match[str]) -> str:
    return counted["count"] + counted["what"] + ("" if counted["count"] == "1" else "s")


@cache
def _catalogue(language: str) -> NullTranslations:
    return Translations.load(CATALOGUE, [language]) if language != CHINESE else NullTranslations()
