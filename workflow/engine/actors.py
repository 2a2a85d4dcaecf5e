"""Who acts: a person with what is offered to him or her at this moment, or the system itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Actor:
    """Somebody who acts, resolved for one moment.

    ``offers`` maps each candidate code (a position or a duty) that is open to the person now to the key of
    the person acted for, or to None where it is held in one's own right (R1.3c). ``may`` names what goes
    beyond one's own tasks: 'lead' sees and hands over everybody's.
    """

    key: str
    name: str
    offers: Mapping[str, str | None] = field(default_factory=dict)
    may: frozenset[str] = frozenset()

    @property
    def selves(self) -> list[str]:
        """The keys whose claimed tasks are this person's: one's own, and of those acted for (R1.3c)."""
        return [self.key, *sorted({key for key in self.offers.values() if key is not None})]

    @property
    def asked(self) -> list[str]:
        """All candidate codes under which a task reaches this person: offers, and people's own keys."""
        return [*self.offers, *self.selves]

    def acts_for(self, candidate: str | None, assignee: str | None = None) -> str | None:
        """The person on whose behalf a task offered to ``candidate`` is done; None = in one's own right.

        What somebody has claimed is that person's work, whoever else it was offered to.
        """
        if assignee is not None and assignee != self.key and assignee in self.selves:
            return assignee
        if candidate != self.key and candidate in self.selves:
            return candidate
        return self.offers.get(candidate) if candidate else None


SYSTEM = Actor("system", "系统")
