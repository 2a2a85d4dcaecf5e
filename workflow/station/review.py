"""Review by sample before closing (R1.2.1c, decision 32): one case of every block, drawn beforehand.

A block counts the cases of one sampling rate ('1 of 5'); which of them is reviewed is drawn when it begins
and kept. Whoever draws holds the block until the transaction ends, so a draw that is taken back leaves no
gap, and each whole block holds exactly one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from sqlalchemy import CheckConstraint, bindparam, case
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.engine.submissions import latest
from workflow.schema import Base, Json, table_of
from workflow.station import cases, owners, staff
from workflow.station.cases import Case


class ReviewBlock(Base):
    """The block of ``size`` cases that is being filled: ``used`` of them came by, number ``chosen`` is it."""

    __tablename__ = "review_block"
    __table_args__ = (
        CheckConstraint("size > 0 AND used BETWEEN 1 AND size AND chosen BETWEEN 1 AND size", name="within"),
    )

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    used: Mapped[int]
    chosen: Mapped[int]


_block = table_of(ReviewBlock)
_full = _block.c.used == _block.c.size
_fresh = insert(_block).values(size=bindparam("of"), used=1, chosen=bindparam("drawn"))
_next = _fresh.on_conflict_do_update(
    index_elements=["size"],
    set_={
        "used": case((_full, 1), else_=_block.c.used + 1),
        "chosen": case((_full, _fresh.excluded.chosen), else_=_block.c.chosen),
    },
).returning(_block.c.used, _block.c.chosen)


def draw(session: Session, size: int) -> bool:
    """Is the next case of a block of ``size`` the one to be reviewed? One statement."""
    values = {"of": size, "drawn": secrets.randbelow(size) + 1}
    used, chosen = session.execute(_next, values).one()
    return bool(used == chosen)


@action(
    "draw_review",
    inputs={"case_id": "number", "review_one_of": "number", "drawn": "boolean"},
    outputs={"drawn": "boolean", "reviewer": "string", "handlers": "string"},
)
def draw_review(
    context: ActionContext, case_id: int, review_one_of: float | None, drawn: bool | None
) -> Mapping[str, Json]:
    """Draw once for each case; one that was sent back is reviewed again. 0: this item needs no review.

    Nobody reviews what he or she has handled: then the superior does.
    """
    if drawn is None:
        drawn = bool(review_one_of) and draw(context.session, int(review_one_of or 0))
    if not drawn:
        return {"drawn": False}
    found = context.session.get_one(Case, case_id)
    above = owners.overseer(context.session, found, context.moment)
    context.note(review="drawn")
    return {"drawn": True, "reviewer": above.candidate, "handlers": above.excluded}


@prefill("intake/review")
def review_first(context: FormContext) -> dict[str, Any]:
    """What was done, and by whom."""
    found = cases.by_key(context.session, context.business_key)
    handled = latest(context.session, found.instance_id, "intake/handle") or {}
    names = staff.names(context.session, owners.handlers(context.session, found))
    people = [names[key] for key in owners.handlers(context.session, found) if key in names]
    return {"handled_by": "、".join(people) or None, "progress": handled.get("progress")}


@action("record_review", inputs={"case_id": "number", "verdict": "string"})
def record_review(context: ActionContext, case_id: int, verdict: str) -> None:
    """Keep the verdict in the history."""
    context.note(review=verdict)


@prefill("intake/handle")
def handle_first(context: FormContext) -> dict[str, Any]:
    """A case that was sent back opens with what the reviewer wrote."""
    if context.instance_id is None or not context.data.get("drawn"):
        return {}
    found = latest(context.session, context.instance_id, "intake/review") or {}
    return {"review_opinion": found.get("opinion")} if found.get("verdict") == "return" else {}
