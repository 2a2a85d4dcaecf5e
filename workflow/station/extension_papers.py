"""The papers of an extension: 延期告知书 for the client (R2.4.3c), 延期审批单 for the file."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from workflow.station import documents, extensions
from workflow.station.documents import Document, Issuer, moment_words, signature
from workflow.station.extensions import ExtensionRequest
from workflow.texts import T


@documents.paper(
    "extension_notice",
    prefix="YQ",
    name=T("延期告知书"),
    mandatory=(
        "applicant",
        "item",
        "case_no",
        "old_due_at",
        "new_due_at",
        "days",
        "reason",
        "approver",
        "handler",
    ),
    personal=("applicant",),
)
def _notice_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    return _said(
        facts, "applicant", "enterprise", "item", "case_no", "days", "reason", "approver", "handler"
    ) | {
        "old_words": moment_words(facts["old_due_at"]),
        "new_words": moment_words(facts["new_due_at"]),
    }


@documents.paper(
    "extension_approval",
    prefix="YS",
    name=T("延期审批单"),
    mandatory=(
        *("item", "case_no", "nth", "handler", "asked_at", "days", "reason", "explanation", "work_done"),
        *("old_due_at", "asked_due_at", "decision", "approver", "decided_at"),
    ),
    personal=("applicant",),
)
def _sheet_words(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = ("applicant", "enterprise", "item", "case_no", "nth", "handler", "days", "reason", "explanation")
    return _said(facts, *names, "work_done", "decision", "granted_days", "approver", "opinion") | {
        "asked_words": moment_words(facts["asked_at"]),
        "old_words": moment_words(facts["old_due_at"]),
        "asked_due_words": moment_words(facts["asked_due_at"]),
        "new_words": moment_words(facts["new_due_at"]) if facts.get("new_due_at") else "",
        "decided_words": moment_words(facts["decided_at"]),
    }


def issue_notice(session: Session, request: ExtensionRequest, context: Issuer, *, old: datetime) -> Document:
    """For the client: old and new date, days, reason, who approved. Flushes."""
    assert request.new_deadline_at is not None and request.granted_days is not None
    facts = {
        "handler": signature(session, request.actor, request.on_behalf_of),
        "old_due_at": old.isoformat(),
        "new_due_at": request.new_deadline_at.isoformat(),
        "days": extensions.days_words(request.granted_days, request.unit).say(),
        "reason": extensions.REASONS[request.reason].say(),
        "approver": _approver(session, request),
    }
    return documents.issue_for_case(session, "extension_notice", request.case, context, facts)


def issue_sheet(session: Session, request: ExtensionRequest, context: Issuer, *, old: datetime) -> Document:
    """For the file: what was asked, and what was decided by whom. Flushes."""
    granted = request.granted_days
    facts = {
        "handler": signature(session, request.actor, request.on_behalf_of),
        "nth": str(request.nth),
        "asked_at": request.asked_at.isoformat(),
        "days": extensions.days_words(request.days, request.unit).say(),
        "reason": extensions.REASONS[request.reason].say(),
        "explanation": request.explanation,
        "work_done": request.work_done,
        "old_due_at": old.isoformat(),
        "asked_due_at": request.asked_deadline_at.isoformat(),
        "decision": extensions.STATES[request.state].say(),
        "granted_days": extensions.days_words(granted, request.unit).say() if granted else "",
        "new_due_at": request.new_deadline_at.isoformat() if request.new_deadline_at else "",
        "approver": _approver(session, request),
        "decided_at": context.moment.isoformat(),
        "opinion": request.opinion,
    }
    return documents.issue_for_case(session, "extension_approval", request.case, context, facts)


def _approver(session: Session, request: ExtensionRequest) -> str:
    assert request.decided_by is not None
    return signature(session, request.decided_by, request.decided_for)


def _said(facts: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: str(facts.get(name) or "") for name in names}
