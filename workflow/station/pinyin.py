"""Chinese names in the order and by the letters people look for them."""

from __future__ import annotations

from pypinyin import Style, lazy_pinyin

# Surnames read otherwise than the word: the dictionary knows words, not families.
SURNAMES = {
    "单于": "chan2 yu2", "尉迟": "yu4 chi2", "万俟": "mo4 qi2", "澹台": "tan2 tai2",
    "曾": "zeng1", "单": "shan4", "解": "xie4", "仇": "qiu2", "查": "zha1", "任": "ren2", "区": "ou1",
    "朴": "piao2", "盖": "ge3", "翟": "zhai2", "乐": "yue4", "尉": "wei4", "洗": "xian3", "覃": "qin2",
    "华": "hua4", "缪": "miao4", "宁": "ning4", "员": "yun4", "隗": "kui2", "召": "shao4", "繁": "po2",
}  # fmt: skip


def sort_key(text: str) -> str:
    """'示例市' -> 'shi4 li4 shi4': sorts by sound, then tone; Latin letters in lower case stay themselves."""
    return " ".join(lazy_pinyin(text, style=Style.TONE3, neutral_tone_with_five=True)).lower()


def name_key(name: str) -> str:
    """The sort key of a person's name; surnames are read as surnames (曾海 -> 'zeng1 hai3')."""
    for surname in sorted(SURNAMES, key=len, reverse=True):
        if name.startswith(surname) and len(name) > len(surname):
            return f"{SURNAMES[surname]} {sort_key(name[len(surname) :])}"
    return sort_key(name)


def initials(text: str) -> str:
    """'晨光五金' -> 'cgwj', what a clerk types; anything not Chinese keeps its letters and digits."""
    parts = lazy_pinyin(text, style=Style.FIRST_LETTER)
    return "".join(c for part in parts for c in part.lower() if c.isalnum())


def name_initials(name: str) -> str:
    """'曾海' -> 'zh': of a person's name, the surname read as a surname."""
    return "".join(part[0] for part in name_key(name).split() if part[0].isalnum())
