"""Names as people write them: without signs that nobody sees and no paper can print."""

from __future__ import annotations

import unicodedata

from workflow.errors import Refused
from workflow.texts import T


def refuse_invisible(name: str, *, field: str) -> None:
    """Refused: a control, a mark that turns the text round, a zero width or a private sign in a name.

    Such a name looks like another's, and its receipt could never be printed.
    """
    for sign in name:
        if unicodedata.category(sign).startswith("C"):
            raise Refused(
                T("名称中有看不见或无法打印的字符（%(sign)s），请删去后重试。", sign=f"U+{ord(sign):04X}"),
                field=field,
            )
