"""Papers as PDF/A-2a (tagged, PDF/UA-1), set by Typst from the station's own templates.

Data reach a template as JSON and are printed literally; a template can read nothing outside its folder.
A sign without a glyph would silently vanish from a plain PDF; in PDF/A it is an error, and here a refusal.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import segno
import typst

from workflow.errors import Refused
from workflow.texts import T

TEMPLATES = Path(__file__).parent / "templates"
FONTS = Path(__file__).parent / "fonts"
FAMILY = "Noto Sans SC"
RARE = ("Noto Sans CJK SC", "Source Han Sans SC", "Noto Serif CJK SC", "HanaMinB", "Plangothic P2")
STANDARDS: list[typst.PDFStandard] = ["a-2a", "ua-1"]
INK = "#12233d"
# Controls, and marks that turn the order of what is read: a paper prints neither.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
UNBROKEN = re.compile(r"[!-~]{16}(?=[!-~])")
MISSING = re.compile(
    r"the text `\"(.+?)\"` could not be displayed"
)  # a sign without glyph is shown as \u{e000}
one_at_a_time = Lock()


class MissingFonts(Exception):
    """The fonts are not where the build puts them."""


def render(template: str, data: Mapping[str, Any]) -> bytes:
    """The PDF of ``template`` ('receipt'). 15–25 ms. Refused: a sign that no font can print.

    Bytes depend on the versions of Typst and the fonts, so keep them. Bundled fonts come first and alone;
    only if they lack a sign (rare characters of names) the machine's are asked too.
    """
    try:
        return _compile(template, data, rare=False)
    except typst.TypstError:
        try:
            return _compile(template, data, rare=True)
        except typst.TypstError as error:
            raise _refusal(error) from error


def version(template: str) -> str:
    """Which text of the template a paper was set from: it and all that it may include."""
    digest = hashlib.sha256(template.encode())
    for file in sorted(TEMPLATES.iterdir()):
        if file.suffix == ".json" or file.stem in (template, "paper"):
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


@cache
def letterhead() -> dict[str, str]:
    """The station's own name, address and phones as papers show them."""
    words: dict[str, str] = json.loads((TEMPLATES / "letterhead.json").read_text("utf-8"))
    return words


def qr_code(address: str) -> str:
    """An SVG; it survives a fold or a stamp on 15 % of its area."""
    drawing = io.BytesIO()
    segno.make(address, error="m", micro=False).save(drawing, kind="svg", border=0, dark=INK)
    return drawing.getvalue().decode()


def printable(value: Any) -> Any:
    """The same data without controls and without marks that turn the text round."""
    return _each_text(value, lambda text: UNPRINTABLE.sub("", text))


def breakable(value: Any) -> Any:
    """The same data with places where a word too long for its line may break."""
    return _each_text(value, lambda text: UNBROKEN.sub("\\g<0>\u200b", text))


def _each_text(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _each_text(each, change) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_each_text(each, change) for each in value]
    return value


def _compile(template: str, data: Mapping[str, Any], *, rare: bool) -> bytes:
    text = json.dumps({**data, "fonts": [FAMILY, *RARE] if rare else [FAMILY]}, ensure_ascii=False)
    with one_at_a_time:
        pdf = _compiler(template, rare).compile(
            format="pdf", pdf_standards=STANDARDS, sys_inputs={"data": text}
        )
    assert isinstance(pdf, bytes)
    return pdf


@cache
def _compiler(template: str, rare: bool) -> typst.Compiler:
    return typst.Compiler(
        input=TEMPLATES / f"{template}.typ", root=TEMPLATES, font_paths=_fonts(rare), ignore_system_fonts=True
    )


@cache
def _fonts(rare: bool) -> typst.Fonts:
    fonts = typst.Fonts(include_system_fonts=rare, include_embedded_fonts=False, font_paths=[FONTS])
    if FAMILY not in fonts.families():
        raise MissingFonts(f"no {FAMILY} in {FONTS}: build the front end")
    return fonts


def _refusal(error: typst.TypstError) -> Refused:
    found = MISSING.search(error.message)
    if found is None:
        raise error  # the template itself is wrong: nothing a clerk could mend
    return Refused(
        T("“%(sign)s”无法打印：字体中没有这个字，请改用通用字后重试。", sign=_sign(found.group(1)))
    )


def _sign(word: str) -> str:
    """A sign as it can be shown: itself, or its code point."""
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda found: f"U+{found.group(1).upper():0>4}", word)
