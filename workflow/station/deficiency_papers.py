"""The papers around a notice of deficiencies: what was told before, until when, how often (R2.3.2c)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflow.station import clocks, documents
from workflow.station.cases import Case, CaseMaterial
from workflow.station.clock_ledger import Clock
from workflow.station.documents import Document
from workflow.station.material_check import DEFICIENCY_CLOCK, defects
from workflow.texts import T

NOTICE, TERMINATION = "deficiency_notice", "termination_notice"
STATES = {"missing": "缺少", "unfit": "不合格"}
COMMON = ("applicant", "enterprise", "item", "case_no", "basis", "phone", "handler")


@documents.paper(
    NOTICE,
    prefix="BZ",
    name=T("一次性补正告知书"),
    mandatory=("applicant", "item", "case_no", "defects", "due_at", "limit", "basis", "phone", "handler"),
    personal=("applicant",),
)
def _notice_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: str(facts.get(name) or "") for name in COMMON} | {
        "defects": [
            {key: str(one.get(key) or "") for key in ("name", "state", "mend")} for one in facts["defects"]
        ],
        "due_words": f"{documents.moment_words(facts['due_at'])} 前",
        "limit_words": facts["limit"],
        "again": facts.get("again") or "",
    }


@documents.paper(
    TERMINATION,
    prefix="ZZ",
    name=T("终止办理告知书"),
    mandatory=(
        "applicant",
        "item",
        "case_no",
        "notice_no",
        "due_at",
        "words",
        "phone",
        "handler",
        "approver",
    ),
    personal=("applicant",),
)
def _termination_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = (*COMMON, "notice_no", "words", "approver")
    return {name: str(facts.get(name) or "") for name in names} | {
        "due_words": documents.moment_words(facts["due_at"])
    }


def defect_of(material: CaseMaterial) -> dict[str, str]:
    """A line of the notice: what, what is wrong, how to mend it."""
    return {
        "name": material.name,
        "state": STATES.get(material.state or "", "缺少"),
        "mend": material.reason or "请提交该材料。",
    }


def of(session: Session, case: Case) -> list[Document]:
    """The notices of a case that hold, oldest first."""
    return [one for one in documents.of(session, case.key) if one.kind == NOTICE and not one.is_void]


def repeated(session: Session, since: datetime, until: datetime) -> int:
    """How many further notices (二次补正) were given in [since, until): each a defect found too late."""
    nth = func.row_number().over(partition_by=Document.owner, order_by=Document.id).label("nth")
    each = (
        select(Document.issued_at, nth).where(Document.kind == NOTICE, Document.void_at.is_(None)).subquery()
    )
    found = select(func.count()).where(each.c.nth > 1, each.c.issued_at >= since, each.c.issued_at < until)
    return session.scalar(found) or 0


def newly_raised(session: Session, case: Case) -> list[CaseMaterial]:
    """Defects that no notice has named, or that were mended since; nothing before the first notice.

    A material outside the list is none: the head has approved it, and the client was told (R2.4.3a2).
    """
    if not of(session, case):
        return []
    return [one for one in defects(case) if one.noticed_at is None and not one.unlisted]


def clock_of(session: Session, case: Case) -> Clock:
    """The client's time to mend, the last one given."""
    clock = clocks.of(session, case.key, DEFICIENCY_CLOCK)
    assert clock is not None, "every notice starts one"
    return clock


def names_of(lines: list[dict[str, Any]], between: str = "、") -> str:
    """The materials of a notice's lines."""
    return between.join(str(line["name"]) for line in lines)
