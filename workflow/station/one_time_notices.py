"""The one-time notice (一次性告知书, R2.3.1): all that an item asks of a client, said once and in writing.

It is made from the version of the item in force, or from the one that a case holds. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.errors import NotAllowed, Refused
from workflow.settings import Settings
from workflow.station import documents, items, owners
from workflow.station.calendar import ZONE
from workflow.station.cases import Case
from workflow.station.documents import Document, Issuer
from workflow.station.items import ItemVersion
from workflow.station.permissions import can
from workflow.station.rendering import letterhead
from workflow.texts import T

PAPER = "one_time_notice"
TOLD_BY = frozenset({PAPER, "receipt", "notice_of_deficiencies"})  # papers that tell a client what comes next
BLOCKS = ("item", "basis", "conditions", "procedure", "limit", "fee", "place", "phone", "supervision_phone")


@dataclass(frozen=True)
class Teller:
    """Who gives a notice, for whom, when: what papers need where no step of a diagram runs."""

    actor: Actor
    moment: datetime
    on_behalf_of: str | None = None


@documents.paper(
    PAPER,
    prefix="GZ",
    name=T("一次性告知书"),
    mandatory=(*BLOCKS, "materials", "handler"),
    personal=("applicant",),
)
def _words(facts: Mapping[str, Any]) -> dict[str, Any]:
    names = (*BLOCKS, "handler", "applicant", "enterprise", "case_no", "consultation_no")
    return {
        **{name: str(facts.get(name) or "") for name in names},
        **{name: str(facts.get(name) or "") for name in ("question", "answer", "answer_basis")},
        "materials": [
            {
                "name": one["name"],
                "copies": str(one["copies"]),
                "original": one["original"],
                "when": one["condition"] or ("必需" if one["required"] else "视情况"),
                "source": one["source"] or "申请人自备",
            }
            for one in facts["materials"]
        ],
    }


def issue(
    session: Session, version: ItemVersion, by: Issuer, *, owner: str, more: Mapping[str, Any] | None = None
) -> Document:
    """Give the notice of an item; ``more``: whom it is for and what it answers. Flushes. Refused."""
    return documents.issue(
        session,
        PAPER,
        {
            "item": f"{version.item.code} {version.item.name}",
            "limit": ("即办事项，" if version.immediate else "") + version.limit.say(),
            **{
                name: getattr(version, name)
                for name in ("basis", "conditions", "procedure", "fee", "place", "phone")
            },
            "supervision_phone": letterhead()["supervision_phone"],
            "materials": listed(version),
            "handler": documents.signature(session, by.actor.key, by.on_behalf_of),
            **(more or {}),
        },
        owner=owner,
        actor=by.actor.key,
        on_behalf_of=by.on_behalf_of,
        moment=by.moment,
        public_url=Settings.from_environment().public_url,
    )


def listed(version: ItemVersion) -> list[dict[str, Any]]:
    """The materials of an item as the paper takes them."""
    names = ("name", "copies", "original", "required", "condition", "source")
    return [{name: getattr(one, name) for name in names} for one in version.materials]


def _approved(case: Case) -> list[dict[str, Any]]:
    """What was approved outside the item's list, with its basis (R2.4.3a2)."""
    return [
        {
            "name": one.name,
            "copies": one.asked_copies,
            "original": one.asked_original,
            "required": True,
            "condition": T("依据：%(basis)s", basis=one.basis).say(),
            "source": "",
        }
        for one in case.materials
        if one.unlisted
    ]


def for_item(session: Session, code: str, by: Issuer) -> Document:
    """Straight from the catalogue, for whoever asks at the counter (R2.3.1a). NotAllowed, NotFound."""
    if not can(by.actor, "register"):
        raise NotAllowed
    version = items.current(session, code, by.moment.astimezone(ZONE).date())
    return issue(session, version, by, owner=f"item:{code}")


def may_give(session: Session, actor: Actor, case: Case) -> bool:
    return not case.ended and case.item is not None and owners.post_of(session, actor, case) is not None


def for_case(session: Session, case: Case, *, by: Actor, moment: datetime) -> Document:
    """For a case, by the version it holds, with what was approved outside its list. NotAllowed, Refused."""
    post = owners.post_of(session, by, case)
    if post is None:
        raise NotAllowed(T("只有这件办件的办理人员或站长可以出具一次性告知书。"))
    if case.ended:
        raise Refused(T("办件已经结束，不再出具一次性告知书。"))
    if case.item is None:
        raise Refused(T("请先确定办理事项，再出具一次性告知书。"))
    teller = Teller(by, moment, post.on_behalf_of)
    return issue(
        session,
        case.item,
        teller,
        owner=case.key,
        more={
            "applicant": case.applicant.shown_name,
            "enterprise": case.enterprise.name if case.enterprise else "",
            "case_no": case.no,
            "materials": [*listed(case.item), *_approved(case)],
        },
    )


def must_have_told(session: Session, case: Case) -> None:
    """What is answered with a plan is not done at once: it goes on only with a paper in the client's hand,
    the receipt or a notice that is not void (R2.2.2b). Refused."""
    if not any(one.kind in TOLD_BY and not one.is_void for one in documents.of(session, case.key)):
        raise Refused(T("不能当场办结的，应先书面告知服务对象：请出具一次性告知书，或重新出具收件回执。"))
