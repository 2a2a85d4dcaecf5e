"""XML from outside, read in the one safe way: no DOCTYPE, no entities, no network, small, UTF-8."""

from __future__ import annotations

import re

from lxml import etree

from workflow.texts import T, Text

MAX_BYTES = 2 * 1024 * 1024
MAX_ELEMENTS = 20_000
MAX_DEPTH = 60
_DECLARED = re.compile(rb"""<\?xml[^>]*encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


class Unreadable(Exception):
    """The bytes are no XML we take. ``code``: too_large | not_utf8 | doctype | not_xml | too_deep."""

    def __init__(self, code: str, text: Text, line: int | None = None) -> None:
        super().__init__(str(text))
        self.code = code
        self.text = text
        self.line = line


def read(data: bytes) -> etree._Element:
    """The root element; Unreadable for everything else."""
    if len(data) > MAX_BYTES:
        raise Unreadable("too_large", T("文件超过 2 MB。"))
    declared = _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf")[:200])
    try:
        if declared and declared[1].lower() not in (b"utf-8", b"utf8", b"us-ascii", b"ascii"):
            raise UnicodeError
        data.decode("utf-8")
    except UnicodeError:
        raise Unreadable("not_utf8", T("文件必须是 UTF-8 编码。")) from None
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Unreadable("doctype", T("文件不能含有 DOCTYPE 或 ENTITY 声明。"))
    _measure(data)
    try:
        return etree.fromstring(data, _parser())
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _no_xml(error) from None


def local(element: etree._Element) -> str:
    """The tag without its namespace."""
    return str(etree.QName(element).localname)


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False,
        huge_tree=False, recover=False, remove_comments=True, remove_pis=True,
    )  # fmt: skip


class _Limits:
    """A parser target that counts and keeps nothing, so that a bomb never becomes a tree."""

    def __init__(self) -> None:
        self.depth = self.elements = 0

    def start(self, tag: str, attributes: object) -> None:
        self.depth += 1
        self.elements += 1
        if self.elements > MAX_ELEMENTS:
            raise Unreadable("too_large", T("文件中的元素超过 20000 个。"))
        if self.depth > MAX_DEPTH:
            raise Unreadable("too_deep", T("文件的嵌套超过 60 层。"))

    def end(self, tag: str) -> None:
        self.depth -= 1

    def close(self) -> None:
        return None


def _measure(data: bytes) -> None:
    parser = etree.XMLParser(
        target=_Limits(), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise _no_xml(error) from None


def _no_xml(error: Exception) -> Unreadable:
    line = getattr(error, "lineno", None)
    return Unreadable("not_xml", T("文件不是正确的 XML（第 %(line)s 行）。", line=line or 1), line)
