"""Keep the catalogue: ``python -m workflow.translations update | compile | check``.

update   read every sentence of the code, the templates, the forms and the diagrams into ``messages.po``
compile  write the ``.mo`` files that the program reads (part of the set-up)
check    say which sentences have no English, and fail
"""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).parents[2]
ENGLISH = Path(__file__).parent / "en" / "LC_MESSAGES" / "messages.po"
METHODS = [
    ("**.py", "python"),
    ("**/templates/**.html", "jinja2"),
    ("**.form", "workflow.translations.extract:forms"),
    ("**.bpmn", "workflow.translations.extract:diagrams"),
    ("**.dmn", "workflow.translations.extract:tables"),
]
KEYWORDS = {"T": None, "_": None, "gettext": None, "ngettext": (1, 2)}
FOLDERS = ("workflow", "web", "forms", "processes")
SKIPPED = ("node_modules", "static", "__pycache__", "migrations")


def main(verb: str) -> int:
    if verb == "update":
        update()
    elif verb == "compile":
        compile_all()
    elif verb == "check":
        return check()
    else:
        print(__doc__)
        return 2
    return 0


def found() -> Catalog:
    """Every sentence that the program can say, with no places: they would change at every edit."""
    catalogue = Catalog(charset="utf-8")
    for folder in FOLDERS:
        for _, _, message, _, context in extract_from_dir(
            str(ROOT / folder),
            method_map=METHODS,
            keywords=KEYWORDS,
            directory_filter=lambda path: Path(path).name not in SKIPPED,
        ):
            catalogue.add(message, context=context)
    return catalogue


def read() -> Catalog:
    if not ENGLISH.exists():
        return Catalog(locale="en", charset="utf-8")
    with ENGLISH.open("rb") as file:
        return read_po(file, locale="en")


def update() -> None:
    """Merge what is found into what is translated; what is gone is dropped, nothing is guessed."""
    catalogue = read()
    known = {_skeleton(one.id): one.string for one in catalogue if one.id and one.string}
    catalogue.update(found(), no_fuzzy_matching=True)
    for one in catalogue:
        if one.id and not one.string:
            one.string = known.get(_skeleton(one.id), "")
    catalogue.obsolete.clear()
    ENGLISH.parent.mkdir(parents=True, exist_ok=True)
    write(catalogue)
    print(f"{len(catalogue)} sentences, {len(untranslated())} without English")


def write(catalogue: Catalog) -> None:
    """Sorted and without dates: a change of one sentence is a change of one line."""
    catalogue.fuzzy = False
    catalogue.header_comment = "# English for the sentences of Yizhan; their ids are Chinese."
    catalogue.creation_date = catalogue.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    with ENGLISH.open("wb") as file:
        write_po(file, catalogue, width=0, no_location=True, sort_output=True)


def compile_all() -> None:
    with ENGLISH.with_suffix(".mo").open("wb") as file:
        write_mo(file, read())


def untranslated() -> list[str]:
    """Sentences of the program that have no English, or an uncertain one."""
    translated = {one.id for one in read() if one.id and one.string and not one.fuzzy}
    return sorted(str(one.id) for one in found() if one.id and one.id not in translated)


def broken() -> list[str]:
    """Translations whose placeholders are not those of their sentence."""
    return [str(one.id) for one in read() if one.id and one.string and _placeholders(one)]


def check() -> int:
    faults = [f"no English: {sentence}" for sentence in untranslated()]
    faults += [f"placeholders differ: {sentence}" for sentence in broken()]
    print("\n".join(faults) or "the catalogue is complete")
    return 1 if faults else 0


def _skeleton(sentence: object) -> str:
    """A sentence without its punctuation: another comma needs no other English."""
    return str(sentence).translate(dict.fromkeys(map(ord, ",，:：;；?？!！()（）。. ")))


def _placeholders(message: Message) -> bool:
    shape = re.compile(r"%\(\w+\)s|\{\w+\}")
    return sorted(shape.findall(str(message.id))) != sorted(shape.findall(str(message.string)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
