"""Every module that declares tables, found by looking, so that none is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]


def import_all() -> None:
    """Import each module of workflow and web that declares a table: afterwards Base.metadata is whole."""
    for module in modules():
        import_module(module)


def modules() -> Iterator[str]:
    for folder in ("workflow", "web"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            if "node_modules" not in file.parts and "__tablename__" in file.read_text("utf-8"):
                parts = file.relative_to(ROOT).with_suffix("").parts
                if parts[:2] != ("workflow", "migrations"):
                    yield ".".join(parts).removesuffix(".__init__")


def is_ours(name: str | None, kind: str, _parents: object) -> bool:
    """For Alembic: the queue's tables are seen through the search path, but they are Procrastinate's."""
    return not (kind == "table" and name is not None and name.startswith("procrastinate_"))
