"""The list of cases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select

from web.cases.page import left_of
from web.deadlines import Deadline
from web.language import ZONE
from web.request import actor, db, moment
from workflow.station.cases import CLOSED, COLLECTIONS, STATES, Case
from workflow.station.clock_ledger import ITEM_CLOCK, Clock
from workflow.station.enterprises import Enterprise
from workflow.station.items import ItemVersion, ServiceItem
from workflow.station.permissions import visible
from workflow.station.persons import Person, mask_name
from workflow.texts import Text

LONGEST = 200


@dataclass(frozen=True)
class Line:
    id: int
    no: str | None
    item: str
    client: str
    state: Text
    collection: Text | str
    deadline: Deadline
    received_at: datetime


def lines(q: str, *, closed: bool) -> list[Line]:
    """Cases in work, the newest first; with ``closed`` those closed this month; with words all that match."""
    found = (
        select(Case, ServiceItem.name, Person.name, Enterprise.name)
        .join(Person, Person.id == Case.applicant_id)
        .outerjoin(Enterprise, Enterprise.id == Case.enterprise_id)
        .outerjoin(ItemVersion, ItemVersion.id == Case.item_version_id)
        .outerjoin(ServiceItem, ServiceItem.id == ItemVersion.item_id)
        .where(visible(actor(), Case))
        .order_by(Case.id.desc())
        .limit(LONGEST)
    )
    if q:
        found = found.where(
            or_(
                *(
                    column.icontains(q, autoescape=True)
                    for column in (Case.no, Case.matter, ServiceItem.name, Enterprise.name)
                ),
                ServiceItem.code == q.upper(),
                Person.name == q,
                Enterprise.initials.contains(q.lower(), autoescape=True),
            )
        )
    elif closed:
        month = moment().astimezone(ZONE).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        found = found.where(Case.state == CLOSED, Case.closed_at >= month)
    rows = db().execute(found).all()
    owners = [case.key for case, *_ in rows]
    running = select(Clock).where(Clock.kind == ITEM_CLOCK, Clock.owner.in_(owners)).order_by(Clock.id)
    clocks = {clock.owner: clock for clock in db().scalars(running)}
    return [
        Line(
            id=case.id,
            no=case.no,
            item=item or case.matter[:24],
            client=enterprise or mask_name(person),
            state=STATES[case.state],
            collection=COLLECTIONS.get(case.collection or "", ""),
            deadline=left_of(case, clocks.get(case.key)),
            received_at=case.received_at,
        )
        for case, item, person, enterprise in rows
    ]
