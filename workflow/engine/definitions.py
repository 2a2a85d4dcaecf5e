"""Deployed definitions: immutable bundles of diagram, called diagrams, tables and forms with one hash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import UniqueConstraint, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.bpmn.parsing import Bundle, Definition, parse
from workflow.engine.actions import Registry, registry
from workflow.engine.forms import Form, parse_form
from workflow.errors import NotFound
from workflow.schema import Base
from workflow.texts import T


class DefinitionRow(Base):
    """One version of a process. ``files`` maps names to their exact text; nothing ever changes a row."""

    __tablename__ = "definition"
    __table_args__ = (UniqueConstraint("key", "version"), UniqueConstraint("key", "hash"))

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str]
    version: Mapped[int]
    hash: Mapped[str]
    name: Mapped[str]
    files: Mapped[dict[str, str]] = mapped_column(JSONB)
    note: Mapped[str] = mapped_column(default="")
    actor: Mapped[str]
    deployed_at: Mapped[datetime]


_parsed: dict[tuple[str, Registry], Definition] = {}
_forms: dict[tuple[str, str], Form] = {}


def deploy(
    session: Session,
    bundle: Bundle,
    *,
    actor: str,
    moment: datetime,
    note: str = "",
    words: Registry = registry,
) -> DefinitionRow:
    """Store a bundle as the newest version of its process; the same bundle again is the same row.

    InvalidDiagram with all findings when it cannot run.
    """
    definition = _parse(bundle, words)
    newest = session.scalars(
        select(DefinitionRow)
        .where(DefinitionRow.key == bundle.key)
        .order_by(DefinitionRow.version.desc())
        .limit(1)
    ).first()
    same = session.scalars(
        select(DefinitionRow).where(DefinitionRow.key == bundle.key, DefinitionRow.hash == definition.hash)
    ).first()
    if same is not None:
        return same
    row = DefinitionRow(
        key=bundle.key,
        version=newest.version + 1 if newest else 1,
        hash=definition.hash,
        name=definition.name,
        files={name: content.decode("utf-8") for name, content in bundle.files.items()},
        note=note,
        actor=actor,
        deployed_at=moment,
    )
    session.add(row)
    session.flush()
    return row


def newest(session: Session, key: str) -> DefinitionRow:
    """The version that new instances start with. NotFound."""
    row = session.scalars(
        select(DefinitionRow).where(DefinitionRow.key == key).order_by(DefinitionRow.version.desc()).limit(1)
    ).first()
    if row is None:
        raise NotFound(T("没有名为“%(key)s”的流程。", key=key))
    return row


def parsed(session: Session, definition_id: int, hash_: str, words: Registry = registry) -> Definition:
    """The definition ready to run, parsed once a process."""
    known = _parsed.get((hash_, words))
    if known is None:
        row = session.get_one(DefinitionRow, definition_id)
        known = _parse(Bundle(row.key, {name: text.encode() for name, text in row.files.items()}), words)
    return known


def form(definition: Definition, name: str) -> Form:
    """A form of a definition ready to check what was filled in, parsed once a process."""
    key = (definition.hash, name)
    if key not in _forms:
        _forms[key] = parse_form(definition.forms[name])
    return _forms[key]


def _parse(bundle: Bundle, words: Registry) -> Definition:
    definition = parse(bundle, action_inputs=words.inputs_of)
    _parsed[definition.hash, words] = definition
    return definition
