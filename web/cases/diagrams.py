"""The live diagram: its XML, where the case is, the way it took, the timers that run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from flask_babel import gettext as _
from lxml import etree
from sqlalchemy import select
from sqlalchemy.orm import Session

from web.deadlines import tell
from web.language import language, minute, say
from web.request import db, moment
from workflow.engine.definitions import DefinitionRow
from workflow.engine.history import HistoryRow
from workflow.engine.instances import InstanceRow
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.station import calendar, staff
from workflow.texts import CHINESE

BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"


def live(instance_id: int) -> dict[str, Any]:
    """What the island draws for an instance."""
    xml = _xml(db(), instance_id)
    names = _names(xml) if language() != CHINESE else {}
    return {
        "xml": xml,
        "names": {one: say(name) for one, name in names.items()},
        "path": sorted(_path(instance_id)),
        "tokens": list(_tokens(instance_id)),
        "timers": list(_timers(instance_id)),
    }


def at_rest(row: DefinitionRow) -> dict[str, Any]:
    """A published diagram as it stands, with no case in it; every name in the reader's language."""
    xml = row.files[f"{row.key}.bpmn"]
    names = _names(xml) if language() != CHINESE else {}
    return {
        "xml": xml,
        "names": {one: say(name) for one, name in names.items()},
        "path": [],
        "tokens": [],
        "timers": [],
    }


def names_of(session: Session, instance_id: int) -> Mapping[str, str]:
    """Element id -> its name in the diagram, as drawn."""
    return _names(_xml(session, instance_id))


def _xml(session: Session, instance_id: int) -> str:
    """The diagram that the instance runs: the file of its bundle that is named after the process."""
    key, digest, definition = session.execute(
        select(DefinitionRow.key, DefinitionRow.hash, DefinitionRow.id)
        .join(InstanceRow, InstanceRow.definition_id == DefinitionRow.id)
        .where(InstanceRow.id == instance_id)
    ).one()
    if digest not in _diagrams:
        _diagrams[digest] = session.get_one(DefinitionRow, definition).files[f"{key}.bpmn"]
    return _diagrams[digest]


_diagrams: dict[str, str] = {}  # definitions never change: once read, known for good


@lru_cache(maxsize=64)
def _names(xml: str) -> Mapping[str, str]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    root = etree.fromstring(xml.encode(), parser)
    names = {}
    for element in root.iter():
        if not isinstance(element.tag, str) or not (one := element.get("id")):
            continue
        if element.tag == f"{BPMN}textAnnotation":
            names[one] = element.findtext(f"{BPMN}text") or ""
        elif element.tag.startswith(BPMN) and element.get("name"):
            names[one] = element.get("name", "")
    return names


def _path(instance_id: int) -> set[str]:
    details = db().scalars(select(HistoryRow.detail).where(HistoryRow.instance_id == instance_id))
    return {one for detail in details for one in detail.get("path", ())}


def _tokens(instance_id: int) -> Iterable[dict[str, str]]:
    rows = (
        db().scalars(select(TaskRow).where(TaskRow.instance_id == instance_id, TaskRow.status == OPEN)).all()
    )
    names = staff.names(db(), {row.assignee for row in rows if row.assignee})
    known = calendar.load(db())
    for row in rows:
        who = names.get(row.assignee or "", "") or _("待签收")
        left = tell(row.due_at, moment(), known)
        yield {"id": row.element, "text": f"{who} · {left.words}" if row.due_at else who}


def _timers(instance_id: int) -> Iterable[dict[str, str]]:
    rows = db().scalars(select(TimerRow).where(TimerRow.instance_id == instance_id)).all()
    for row in rows:
        yield {"id": row.element, "text": minute(row.due_at)}
