"""What the address of the board asks for, and the addresses that ask for something else."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any
from urllib.parse import urlencode

from flask import request as http

from web.incoming import row_id
from workflow.station.items import DOMAINS
from workflow.station.lights import LIGHTS, ORDERS, Filters

GROUPS = ("person", "item", "domain")


@dataclass(frozen=True)
class Query:
    """All of it stands in the address, so that a view can be kept as a bookmark."""

    light: str = ""
    person: str = ""
    item: str = ""
    domain: str = ""
    due: str = ""
    sort: str = "due"
    group: str = "person"
    page: int = 1

    @classmethod
    def from_address(cls) -> Query:
        """What cannot be meant is left out."""
        given = {name: http.args.get(name, "")[:60] for name in ("light", "person", "item", "domain", "due")}
        return cls(
            light=given["light"] if given["light"] in LIGHTS else "",
            person=given["person"] if row_id(given["person"]) is not None else "",
            item=given["item"],
            domain=given["domain"] if given["domain"] in DOMAINS else "",
            due=given["due"] if _day(given["due"]) else "",
            sort=_one_of(http.args.get("sort"), tuple(ORDERS)),
            group=_one_of(http.args.get("group"), GROUPS),
            page=max(1, row_id(http.args.get("page")) or 1),
        )

    @property
    def filters(self) -> Filters:
        return Filters(self.light, row_id(self.person), self.item, self.domain, _day(self.due))

    @property
    def filtered(self) -> bool:
        return bool(self.light or self.person or self.item or self.domain or self.due)

    def to(self, path: str = "/board", **changed: Any) -> str:
        """The address with something changed; another filter begins at the first page."""
        other = asdict(replace(self, **{"page": 1, **changed}))
        plain = asdict(Query())
        asked = {name: value for name, value in other.items() if value != plain[name]}
        return f"{path}?{urlencode(asked)}" if asked else path


def _one_of(asked: str | None, known: tuple[str, ...]) -> str:
    return asked if asked in known else known[0]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None
