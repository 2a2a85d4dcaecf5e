"""What every table shares: the declarative base, names of constraints, column types."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, cast

from sqlalchemy import BigInteger, DateTime, LargeBinary, MetaData, Row, Table, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Base(DeclarativeBase):
    """Every table: text without length limits, aware moments, JSON as jsonb, 64-bit keys."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar = {
        int: BigInteger,
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
        list[str]: ARRAY(Text),
    }


Found = Row[*tuple[Any, ...]]  # a row of chosen columns, read by their names


def table_of(model: type[Base]) -> Table:
    """The table behind a model, for prebuilt statements."""
    return cast(Table, model.__table__)
