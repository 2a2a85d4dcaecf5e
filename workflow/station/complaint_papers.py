"""The papers of a complaint: receipt at once, acceptance notice, result, agreement (R4.3a2, §5).

None of them names who is complained of: they go to the complainant, and may be shown around.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from workflow.settings import Settings
from workflow.station import complaints, documents
from workflow.station.complaints import Complaint
from workflow.station.documents import Document, Issuer, day_words, moment_words
from workflow.texts import T

COMMON = ("complainant", "complaint_no", "kind", "matter", "handler")


def _said(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: str(facts.get(name) or "") for name in (*COMMON, *names)}


@documents.paper(
    "complaint_receipt",
    prefix="TD",
    name=T("投诉登记回执"),
    mandatory=(*COMMON, "received_at", "code", "demands"),
    personal=("complainant",),
)
def _receipt_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return _said(facts, "code", "channel") | {
        "received_words": moment_words(facts["received_at"]),
        "demands": facts["demands"],
    }


@documents.paper(
    "complaint_acceptance",
    prefix="TG",
    name=T("投诉受理告知书"),
    mandatory=(*COMMON, "accepted_at", "due_at", "interval", "code"),
    personal=("complainant",),
)
def _acceptance_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return _said(facts, "code", "interval") | {
        "accepted_words": moment_words(facts["accepted_at"]),
        "due_words": moment_words(facts["due_at"]),
    }


@documents.paper(
    "complaint_result",
    prefix="TC",
    name=T("投诉处理结果告知书"),
    mandatory=(*COMMON, "finding", "answers", "approver"),
    personal=("complainant",),
)
def _result_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return _said(facts, "finding", "approver", "round") | {"answers": facts["answers"]}


@documents.paper(
    "complaint_extension",
    prefix="YQ",
    name=T("投诉延期告知书"),
    mandatory=(*COMMON, "old_due_at", "new_due_at", "days", "reason", "approver"),
    personal=("complainant",),
)
def _extension_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return _said(facts, "days", "reason", "approver") | {
        "old_words": moment_words(facts["old_due_at"]),
        "new_words": moment_words(facts["new_due_at"]),
    }


@documents.paper(
    "mediation_agreement",
    prefix="TX",
    name=T("调解协议书"),
    mandatory=(*COMMON, "agreement", "fulfil_on"),
    personal=("complainant",),
)
def _agreement_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return _said(facts, "agreement") | {"fulfil_words": day_words(date.fromisoformat(facts["fulfil_on"]))}


def issue(
    session: Session, kind: str, complaint: Complaint, context: Issuer, facts: Mapping[str, Any]
) -> Document:
    """Issue a paper about a complaint: what all of these say, and ``facts``. Flushes."""
    who = complaints.complainant(complaint)
    return documents.issue(
        session,
        kind,
        {
            "complainant": who.name or T("匿名").say(),
            "complaint_no": complaint.no,
            "kind": complaints.KINDS[complaint.kind].say(),
            "matter": complaint.matter,
            "handler": documents.signature(session, context.actor.key, context.on_behalf_of),
            **facts,
        },
        owner=complaint.key,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
        moment=context.moment,
        public_url=Settings.from_environment().public_url,
    )
