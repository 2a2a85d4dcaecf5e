"""Materials outside an item's list (清单外要件): asked only with approval and basis, counted (R2.4.3a2)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.engine.actors import Actor
from workflow.engine.submissions import latest
from workflow.errors import NotAllowed, Refused
from workflow.schema import Json
from workflow.station import cases, notices, outbox, owners, rendering, staff
from workflow.station.cases import FORMS_OF_MATERIAL, Case, CaseMaterial
from workflow.texts import T

PROCESS = "unlisted_material"
REQUEST, DECISION = "unlisted_material/request", "unlisted_material/decide"
OPEN_TO_REQUESTS = (cases.CHECKING, cases.WAITING)  # after the receipt nothing more may be asked


def count(session: Session, since: datetime, until: datetime) -> int:
    """How many were approved and asked in [since, until)."""
    found = select(func.count(CaseMaterial.id)).where(
        CaseMaterial.basis.is_not(None), CaseMaterial.asked_at >= since, CaseMaterial.asked_at < until
    )
    return session.scalar(found) or 0


def may_ask(session: Session, actor: Actor, case: Case) -> None:
    """NotAllowed: who does not work on the case. Refused: its materials are no longer being checked."""
    if case.state not in OPEN_TO_REQUESTS:
        raise Refused(T("只有审核材料期间才能申请清单外要件；受理之后不得再要求补充材料。"))
    if owners.post_of(session, actor, case) is None:
        raise NotAllowed(T("只有这件办件的办理人员或站长可以申请清单外要件。"))


@prefill(REQUEST)
def request_first(context: FormContext) -> dict[str, Any]:
    case = cases.by_key(context.session, context.business_key)
    return {"case_no": case.no, "title": case.title}


@prefill(DECISION)
def decide_first(context: FormContext) -> dict[str, Any]:
    """The request as it was written."""
    session, instance = context.session, context.instance_id or 0
    case = cases.by_key(session, context.business_key)
    asked = latest(session, instance, REQUEST) or {}
    requester = str(context.data.get("requester") or "")
    return {
        "case_no": case.no,
        "title": case.title,
        "requested_by": staff.names(session, [requester]).get(requester),
        **{name: asked.get(name) for name in ("material", "why", "basis")},
    }


@action(
    "request_unlisted",
    outputs={"case_id": "number", "approver": "string", "concerned": "string", "requester": "string"},
)
def request_unlisted(context: ActionContext) -> Mapping[str, Json]:
    """Who decides: the head, never whoever asks (decision 39).

    As ``may_ask``. Refused: the case asks for this material already.
    """
    session = context.session
    case = cases.by_key(session, context.business_key)
    may_ask(session, context.actor, case)
    name = context.submission["material"].strip()
    if any(_plain(material.name) == name for material in case.materials):
        raise Refused(T("“%(name)s”已在本件的材料清单中。", name=name), field="material")
    above = owners.overseer(session, case, context.moment, besides=[context.actor.key])
    return {
        "case_id": case.id,
        "approver": above.candidate,
        "concerned": above.excluded,
        "requester": context.actor.key,
    }


@action("add_unlisted", inputs={"case_id": "number", "requester": "string"})
def add_unlisted(context: ActionContext, case_id: int, requester: str) -> None:
    """Approved: add it to the case's own list, marked, with its basis; tell the client how to object.

    Refused: the case was accepted meanwhile.
    """
    session = context.session
    case = session.get_one(Case, case_id)
    if case.state not in OPEN_TO_REQUESTS:
        raise Refused(T("%(no)s 已受理，不能再增加材料。", no=case.no or case.key))
    asked = latest(session, context.instance_id, REQUEST) or {}
    material = CaseMaterial(
        case_id=case.id,
        seq=max((one.seq for one in case.materials), default=0) + 1,
        name=T("%(name)s（清单外要件）", name=asked["material"].strip()).say(),
        required=True,
        asked_copies=1,
        asked_original=FORMS_OF_MATERIAL[asked["original"]],
        basis=asked["basis"],
        asked_at=context.moment,
    )
    session.add(material)
    session.flush()
    session.expire(case, ["materials"])
    context.note(material=material.name)
    outbox.queue_message(
        session,
        case.applicant,
        T(
            "您的事项 %(no)s 需另交“%(name)s”，依据：%(basis)s。如有异议，可拨打监督电话 %(phone)s。",
            no=case.no,
            name=asked["material"],
            basis=asked["basis"],
            phone=rendering.letterhead()["supervision_phone"],
        ),
        moment=context.moment,
        case_id=case.id,
        subject="unlisted",
    )
    _answer(context, case, requester, T("清单外要件“%(name)s”已批准。", name=asked["material"]))


@action("refuse_unlisted", inputs={"case_id": "number", "requester": "string"})
def refuse_unlisted(context: ActionContext, case_id: int, requester: str) -> None:
    """Not approved: the material must not be asked for."""
    case = context.session.get_one(Case, case_id)
    asked = latest(context.session, context.instance_id, REQUEST) or {}
    sentence = T(
        "清单外要件“%(name)s”未获批准，不得要求：%(why)s",
        name=asked["material"],
        why=context.submission["opinion"],
    )
    _answer(context, case, requester, sentence)


def _answer(context: ActionContext, case: Case, requester: str, sentence: Any) -> None:
    if person := staff.by_key(context.session, requester):
        notices.tell(context.session, person, sentence, f"/cases/{case.id}", moment=context.moment)


def _plain(name: str) -> str:
    return name.removesuffix("（清单外要件）")
