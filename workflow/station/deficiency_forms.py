"""What the head reads before another notice, and before a case ends whose client's time ran out (R2.3.2c)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workflow.engine.actions import FormContext, prefill
from workflow.station import cases
from workflow.station import deficiency_papers as papers
from workflow.station.cases import CaseMaterial
from workflow.station.deadline_words import stamp
from workflow.station.deficiency_papers import clock_of, names_of, newly_raised
from workflow.station.material_check import defects, handler_of

APPROVE, ENDING = "notice_of_deficiencies/approve_more", "notice_of_deficiencies/confirm_ending"


@prefill(APPROVE)
def approve_first(context: FormContext) -> Mapping[str, Any]:
    """What was told before, and what is raised now."""
    session = context.session
    case = cases.by_key(session, context.business_key)
    before = papers.of(session, case)
    return {
        "case_no": case.no,
        "title": case.title,
        "asked_by": handler_of(session, str(context.data.get("checker") or "")),
        "earlier": "\n".join(f"{paper.no} · {names_of(paper.data['defects'], ' · ')}" for paper in before),
        "raised": _listed(newly_raised(session, case)),
    }


@prefill(ENDING)
def ending_first(context: FormContext) -> Mapping[str, Any]:
    """What is still lacking, since when, and whether more time was granted before."""
    session = context.session
    case = cases.by_key(session, context.business_key)
    notice = papers.of(session, case)[-1]
    return {
        "case_no": case.no,
        "title": case.title,
        "notice_no": notice.no,
        "due": stamp(clock_of(session, case).deadline_at),
        "lacking": _listed(defects(case)),
        "granted_before": stamp(case.more_time_at) if case.more_time_at else None,
    }


def _listed(materials: list[CaseMaterial]) -> str:
    return "\n".join(f"{one.name} · {one.reason}" if one.reason else one.name for one in materials)
