"""Numbers without gaps (R3.4): taken in the transaction of what they number, never in advance.

The row of a prefix and year stays locked until that transaction ends, so take a number as late as possible.
A number once given stays given: what it stands on may be voided, the number is not used again.
"""

from __future__ import annotations

from datetime import date

from sqlalchemy import SmallInteger
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.schema import Base

WITHOUT_YEAR = frozenset({"QY"})  # enterprises keep their file for ever
NO_YEAR = 0


class NumberSequence(Base):
    """The last number given of one prefix in one local year; year 0 = never begins again."""

    __tablename__ = "number_sequence"

    prefix: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    last: Mapped[int]


def take(session: Session, prefix: str, on: date) -> str:
    """The next number: 'HZ2026-00001', or 'QY00001' without a year. ``on`` is the local date of issue.

    Waits for a transaction that is just taking one of the same row; goes back with its own.
    """
    year = NO_YEAR if prefix in WITHOUT_YEAR else on.year
    first = insert(NumberSequence).values(prefix=prefix, year=year, last=1)
    number = session.execute(
        first.on_conflict_do_update(
            index_elements=[NumberSequence.prefix, NumberSequence.year],
            set_={"last": NumberSequence.last + 1},
        ).returning(NumberSequence.last)
    ).scalar_one()
    return f"{prefix}{number:05d}" if year == NO_YEAR else f"{prefix}{year}-{number:05d}"
