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
    xml, *called = _drawn(db(), instance_id)
    names = _names(xml) if language() != CHINESE else {}
    places = _places((xml, *called))
    return {
        "xml": xml,
        "names": {one: say(name) for one, name in names.items()},
        "path": sorted({places.get(one, one) for one in _path(instance_id)}),
        "tokens": list(_tokens(instance_id, places)),
        "timers": list(_timers(instance_id, places)),
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
    """Element id -> its name in the diagram or in one that it calls, as drawn."""
    return {one: name for xml in _drawn(session, instance_id) for one, name in _names(xml).items()}


def _drawn(session: Session, instance_id: int) -> tuple[str, ...]:
    """The diagram that the instance runs, the file of its bundle named after the process; then the called."""
    key, digest, definition = session.execute(
        select(DefinitionRow.key, DefinitionRow.hash, DefinitionRow.id)
        .join(InstanceRow, InstanceRow.definition_id == DefinitionRow.id)
        .where(InstanceRow.id == instance_id)
    ).one()
    if digest not in _diagrams:
        files = session.get_one(DefinitionRow, definition).files
        called = sorted(name for name in files if name.endswith(".bpmn") and name != f"{key}.bpmn")
        _diagrams[digest] = tuple(files[name] for name in (f"{key}.bpmn", *called))
    return _diagrams[digest]


_diagrams: dict[str, tuple[str, ...]] = {}  # definitions never change: once read, known for good


@lru_cache(maxsize=64)
def _names(xml: str) -> Mapping[str, str]:
    names = {}
    for element in _root(xml).iter():
        if not isinstance(element.tag, str) or not (one := element.get("id")):
            continue
        if element.tag == f"{BPMN}textAnnotation":
            names[one] = element.findtext(f"{BPMN}text") or ""
        elif element.tag.startswith(BPMN) and element.get("name"):
            names[one] = element.get("name", "")
    return names


@lru_cache(maxsize=64)
def _places(diagrams: tuple[str, ...]) -> Mapping[str, str]:
    """Element of a called diagram -> the step of the drawn one that stands for it."""
    roots = [_root(xml) for xml in diagrams]
    steps = {call.get("calledElement"): call.get("id", "") for call in roots[0].iter(f"{BPMN}callActivity")}
    inside = (
        (element.get("id"), steps[process.get("id")])
        for root in roots[1:]
        for process in root.iter(f"{BPMN}process")
        if process.get("id") in steps
        for element in process.iter()
    )
    return {element: step for element, step in inside if element}


def _root(xml: str) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(xml.encode(), parser)


def _path(instance_id: int) -> set[str]:
    details = db().scalars(select(HistoryRow.detail).where(HistoryRow.instance_id == instance_id))
    return {one for detail in details for one in detail.get("path", ())}


def _tokens(instance_id: int, places: Mapping[str, str]) -> Iterable[dict[str, str]]:
    rows = (
        db().scalars(select(TaskRow).where(TaskRow.instance_id == instance_id, TaskRow.status == OPEN)).all()
    )
    names = staff.names(db(), {row.assignee for row in rows if row.assignee})
    known = calendar.load(db())
    for row in rows:
        who = names.get(row.assignee or "", "") or _("待签收")
        left = tell(row.due_at, moment(), known)
        element = places.get(row.element, row.element)
        yield {"id": element, "text": f"{who} · {left.words}" if row.due_at else who}


def _timers(instance_id: int, places: Mapping[str, str]) -> Iterable[dict[str, str]]:
    """One sign for a called process: the next of its timers."""
    rows = select(TimerRow).where(TimerRow.instance_id == instance_id).order_by(TimerRow.due_at.desc())
    soonest = {places.get(row.element, row.element): row.due_at for row in db().scalars(rows)}
    for element, due_at in soonest.items():
        yield {"id": element, "text": minute(due_at)}
