"""Papers: the PDF for staff, the verification for whoever holds one."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Blueprint, Response, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy import select

from web.language import day, hour
from web.policies import public, signed_in
from web.request import actor, db
from workflow.errors import NotFound
from workflow.station import documents
from workflow.station.documents import Document
from workflow.station.permissions import visible
from workflow.texts import Text

bp = Blueprint("documents", __name__, template_folder="templates")


@dataclass(frozen=True)
class Fact:
    label: str
    value: Text | str


@bp.get("/documents/<int:document_id>.pdf")
@signed_in
def pdf(document_id: int) -> ResponseReturnValue:
    document = db().scalar(select(Document).where(Document.id == document_id, visible(actor(), Document)))
    if document is None:
        raise NotFound
    answer = Response(documents.pdf(db(), document), mimetype=documents.PDF)
    answer.headers["Content-Disposition"] = f'inline; filename="{document.no}.pdf"'
    return answer


@bp.get("/v/<token>")
@public
def verify(token: str) -> ResponseReturnValue:
    """What the paper says, without whom it is about: the holder compares it with the sheet in hand."""
    document = documents.verify(db(), token)
    if document is None:
        return render_template("documents/unknown.html"), 404
    facts = [
        Fact(_("文书"), document.name),
        Fact(_("编号"), document.no),
        Fact(_("出具时间"), f"{day(document.issued_at)} {hour(document.issued_at)}"),
        _about(document),
        Fact(_("事项"), str(document.data.get("item", "—"))),
        Fact(_("经办人"), str(document.data.get("handler", "—"))),
        Fact(_("文件指纹（SHA-256）"), document.sha256),
    ]
    return render_template("documents/verify.html", facts=facts, void=document.is_void)


def _about(document: Document) -> Fact:
    """The number of what the paper belongs to."""
    if no := document.data.get("consultation_no"):
        return Fact(_("咨询编号"), str(no))
    return Fact(_("办件编号"), str(document.data.get("case_no", "—")))
