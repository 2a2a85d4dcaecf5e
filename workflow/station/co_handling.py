"""Co-handling units (承办单位, R2.1a2): named by an item's version, contacted once a case of it is accepted.

Each unit has a small process of its own beside the case, in the diagram ``co_handling``. What it answers is a
matter of ``coordination``, with the day it promises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actions import ActionContext, FormContext, action, prefill
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.errors import Refused
from workflow.schema import Base
from workflow.station import cases, coordination, escalation, items, notices, positions
from workflow.station.cases import Case
from workflow.station.items import ItemVersion
from workflow.texts import T

PROCESS = "co_handling"


class CoHandlingUnit(Base):
    """One unit of an item version, with whom to ask there. Frozen with the version."""

    __tablename__ = "co_handling_unit"
    __table_args__ = (UniqueConstraint("item_version_id", "name"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    item_version_id: Mapped[int] = mapped_column(ForeignKey("item_version.id"))
    name: Mapped[str]
    contact: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")


items.freeze(CoHandlingUnit)


@dataclass(frozen=True)
class Unit:
    """A unit to be named by a draft; see CoHandlingUnit."""

    name: str
    contact: str = ""
    phone: str = ""


def name_units(session: Session, version: ItemVersion, units: Sequence[Unit]) -> None:
    """Name the co-handling units of a draft. Flushes. Refused: published already, or one of them twice."""
    if len({unit.name for unit in units}) < len(units):
        raise Refused(T("同一个承办单位只写一次。"), field="units")
    session.add_all(
        CoHandlingUnit(item_version_id=version.id, name=unit.name, contact=unit.contact, phone=unit.phone)
        for unit in units
    )
    session.flush()


def units_of(session: Session, version: ItemVersion) -> list[CoHandlingUnit]:
    found = select(CoHandlingUnit).where(CoHandlingUnit.item_version_id == version.id)
    return list(session.scalars(found.order_by(CoHandlingUnit.id)))


def begin(engine: Engine, case: Case, *, by: Actor) -> None:
    """Accepted: one task for each unit of its item, at once."""
    for unit in units_of(engine.session, case.item) if case.item else ():
        engine.start(PROCESS, by=by, data={"case_id": case.id, "unit_id": unit.id}, business_key=case.key)


@prefill("co_handling/contact")
def contact_first(context: FormContext) -> Mapping[str, Any]:
    """Whom to ask, and for what."""
    case = cases.by_key(context.session, context.business_key)
    unit = context.session.get_one(CoHandlingUnit, int(str(context.data["unit_id"])))
    return {
        "case_no": case.no,
        "title": case.title,
        "unit": unit.name,
        "contact": unit.contact,
        "phone": unit.phone,
        "about": case.title,
    }


@action("record_unit_contact", inputs={"unit_id": "number", "reached": "string"})
def record_unit_contact(context: ActionContext, unit_id: int, reached: str) -> None:
    """What the unit answered becomes a matter of its own, with its day; an attempt is kept too. Refused."""
    session, form = context.session, context.submission
    unit = session.get_one(CoHandlingUnit, unit_id)
    context.note(unit=unit.name)
    if reached == "yes":
        said = {
            "party": "unit",
            "unit": unit.name,
            "about": form["about"],
            "agreed": form["agreed"],
            "due": form.get("due"),
        }
        context.engine.start(
            coordination.PROCESS,
            by=context.actor,
            data=said,
            business_key=context.business_key,
            on_behalf_of=context.on_behalf_of,
        )
        return
    coordination.write(
        session,
        kind=coordination.UNREACHED,
        about=form["about"],
        words=form["tried"],
        case=cases.by_key(session, context.business_key),
        unit=unit.name,
        moment=context.moment,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )


@action("remind_unit", inputs={"case_id": "number", "unit_id": "number", "owner": "string"})
def remind_unit(context: ActionContext, case_id: int, unit_id: int, owner: str) -> None:
    """The time for the first contact is over: remind whoever is to make it."""
    session = context.session
    case, unit = session.get_one(Case, case_id), session.get_one(CoHandlingUnit, unit_id)
    sentence = T("%(no)s 还没有联系承办单位“%(unit)s”，请尽快联系。", no=case.no, unit=unit.name)
    for person, _ in positions.holders_of(session, owner, context.moment):
        notices.tell(
            session, person, sentence, f"/cases/{case.id}", moment=context.moment, in_working_hours=True
        )


@action("report_unit", inputs={"case_id": "number", "unit_id": "number"})
def report_unit(context: ActionContext, case_id: int, unit_id: int) -> None:
    """It still has not been contacted: whoever oversees the case hears of it."""
    session = context.session
    case, unit = session.get_one(Case, case_id), session.get_one(CoHandlingUnit, unit_id)
    sentence = T("%(no)s 提醒后仍未联系承办单位“%(unit)s”，请督促。", no=case.no, unit=unit.name)
    escalation.alert_overseer(context, case, sentence)
