"""Service items: what the station offers, within which limit, on which basis, with which materials.

A version that has been published never changes; a case keeps the version in force on the day it was
accepted, with its list of materials (R2.1b, R2.4.1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Date,
    ForeignKey,
    Numeric,
    Select,
    UniqueConstraint,
    event,
    inspect,
    or_,
    select,
)
from sqlalchemy.engine import Connection
from sqlalchemy.orm import Mapped, Mapper, Session, mapped_column, relationship

from workflow.errors import NotFound, Refused
from workflow.schema import Base
from workflow.station import rendering
from workflow.texts import T, Text

DOMAINS = {
    "计量": T("计量"),
    "标准": T("标准"),
    "检验检测": T("检验检测"),
    "认证认可": T("认证认可"),
    "知识产权": T("知识产权"),
    "质量管理": T("质量管理"),
    "其他": T("其他"),
}
ORIGINALS = {"原件": T("原件"), "复印件": T("复印件"), "电子": T("电子")}
UNITS = ("working-day", "day", "working-hour", "hour")


class ServiceItem(Base):
    """One line of the catalogue ('JL01'); everything that can change stands in its versions."""

    __tablename__ = "service_item"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    domain: Mapped[str]


class ItemVersion(Base):
    """What holds for an item from one local day to another. Frozen once published."""

    __tablename__ = "item_version"
    __table_args__ = (
        UniqueConstraint("item_id", "version"),
        CheckConstraint("effective_to > effective_from", name="effective"),
        CheckConstraint("limit_value > 0 AND limit_value * 2 = trunc(limit_value * 2)", name="limit"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("service_item.id"), index=True)
    version: Mapped[int]
    published: Mapped[bool] = mapped_column(default=False)
    effective_from: Mapped[date] = mapped_column(Date)
    effective_to: Mapped[date | None] = mapped_column(Date)  # the first day it no longer holds
    limit_value: Mapped[Decimal | None] = mapped_column(Numeric(6, 1))  # in steps of one half
    limit_unit: Mapped[str] = mapped_column(default="working-day")
    basis: Mapped[str]
    fee: Mapped[str]
    procedure: Mapped[str]
    conditions: Mapped[str]
    refusals: Mapped[list[str]]  # the grounds an application may be declined on (R2.4.1b)
    immediate: Mapped[bool] = mapped_column(default=False)
    needs_expert: Mapped[bool] = mapped_column(default=False)
    deemed_acceptance: Mapped[bool] = mapped_column(default=False)  # silence accepts (decision 5)
    handler_position: Mapped[str] = mapped_column(ForeignKey("position.code"))
    place: Mapped[str]
    phone: Mapped[str]

    item: Mapped[ServiceItem] = relationship(lazy="joined", innerjoin=True)
    materials: Mapped[list[ItemMaterial]] = relationship(order_by="ItemMaterial.seq", lazy="selectin")

    @property
    def limit(self) -> Text:
        """'10 个工作日', for people."""
        return limit_text(self.limit_value or Decimal(0), self.limit_unit)


class ItemMaterial(Base):
    """One material an item version asks for."""

    __tablename__ = "item_material"
    __table_args__ = (UniqueConstraint("item_version_id", "seq"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    item_version_id: Mapped[int] = mapped_column(ForeignKey("item_version.id"))
    seq: Mapped[int]  # from 1
    name: Mapped[str]
    copies: Mapped[int] = mapped_column(default=1)
    original: Mapped[str] = mapped_column(default="原件")
    required: Mapped[bool] = mapped_column(default=True)
    condition: Mapped[str] = mapped_column(default="")  # when it is needed, if not always
    source: Mapped[str] = mapped_column(default="")  # who issues it


@dataclass(frozen=True)
class Material:
    """A material to be written into a draft; see ItemMaterial."""

    name: str
    copies: int = 1
    original: str = "原件"
    required: bool = True
    condition: str = ""
    source: str = ""


def create(session: Session, *, code: str, name: str, domain: str) -> ServiceItem:
    """A new line of the catalogue, without content yet. Flushes. Refused."""
    if domain not in DOMAINS:
        raise Refused(T("请选择业务领域。"), field="domain")
    if session.scalar(select(ServiceItem.id).where(ServiceItem.code == code)) is not None:
        raise Refused(T("事项代码 %(code)s 已被使用。", code=code), field="code")
    item = ServiceItem(code=code, name=name, domain=domain)
    session.add(item)
    session.flush()
    return item


def draft(
    session: Session,
    item: ServiceItem,
    *,
    effective_from: date,
    handler_position: str,
    limit_value: Decimal | None = None,
    limit_unit: str = "working-day",
    materials: Sequence[Material] = (),
    basis: str = "",
    fee: str = "",
    procedure: str = "",
    conditions: str = "",
    refusals: Sequence[str] = (),
    immediate: bool = False,
    needs_expert: bool = False,
    deemed_acceptance: bool = False,
    place: str = "",
    phone: str = "",
) -> ItemVersion:
    """The next version of an item, still open to changes. Flushes. Refused: an unknown unit or kind."""
    if limit_unit not in UNITS:
        raise Refused(T("请选择办理时限的单位。"), field="limit_unit")
    if any(material.original not in ORIGINALS for material in materials):
        raise Refused(T("请选择材料形式：原件、复印件或电子。"), field="materials")
    latest = session.scalar(
        select(ItemVersion.version)
        .where(ItemVersion.item_id == item.id)
        .order_by(ItemVersion.version.desc())
        .limit(1)
    )
    version = ItemVersion(
        item=item,
        version=(latest or 0) + 1,
        effective_from=effective_from,
        limit_value=limit_value,
        limit_unit=limit_unit,
        basis=basis,
        fee=fee,
        procedure=procedure,
        conditions=conditions,
        refusals=list(refusals),
        immediate=immediate,
        needs_expert=needs_expert,
        deemed_acceptance=deemed_acceptance,
        handler_position=handler_position,
        place=place,
        phone=phone,
        materials=[
            ItemMaterial(
                seq=seq,
                name=material.name,
                copies=material.copies,
                original=material.original,
                required=material.required,
                condition=material.condition,
                source=material.source,
            )
            for seq, material in enumerate(materials, 1)
        ],
    )
    session.add(version)
    session.flush()
    return version


def publish(session: Session, version: ItemVersion) -> None:
    """Freeze a version and end the one before it on the day it begins. Flushes.

    Refused: already published, begins no later than the one before, or a block that the one-time notice must
    hold is missing (R2.3.1b, R2.4.1, R2.4.1b).
    """
    if version.published:
        raise Refused(T("这一版已经发布，不能再次发布。"))
    for field, (filled, missing) in _blocks(version).items():
        if not filled:
            raise Refused(missing, field=field)
    before = session.scalars(
        select(ItemVersion)
        .where(
            ItemVersion.item_id == version.item_id, ItemVersion.published, ItemVersion.effective_to.is_(None)
        )
        .with_for_update(of=ItemVersion)
    ).one_or_none()
    if before is not None:
        if before.effective_from >= version.effective_from:
            raise Refused(T("新版本的生效日期应晚于现行版本。"), field="effective_from")
        before.effective_to = version.effective_from
    version.published = True
    session.flush()


def current(session: Session, code: str, on: date) -> ItemVersion:
    """The published version of an item in force on a local day. NotFound."""
    version = session.scalars(in_force(on).where(ServiceItem.code == code)).one_or_none()
    if version is None:
        raise NotFound(T("事项 %(code)s 在 %(date)s 没有有效版本。", code=code, date=on.isoformat()))
    return version


def catalogue(session: Session, on: date) -> list[ItemVersion]:
    """All items on offer on a local day, by code."""
    return list(session.scalars(in_force(on).order_by(ServiceItem.code)))


def in_force(on: date) -> Select[ItemVersion]:
    """The statement both use: published versions that hold on this local day."""
    return (
        select(ItemVersion)
        .join(ServiceItem, ServiceItem.id == ItemVersion.item_id)
        .where(
            ItemVersion.published,
            ItemVersion.effective_from <= on,
            or_(ItemVersion.effective_to.is_(None), ItemVersion.effective_to > on),
        )
    )


def limit_text(value: Decimal, unit: str) -> Text:
    """A limit in words: 10 and 'working-day' -> '10 个工作日'; halves keep one decimal."""
    number = f"{value:.1f}".removesuffix(".0")
    return {
        "working-day": T("%(number)s 个工作日", number=number),
        "day": T("%(number)s 个自然日", number=number),
        "working-hour": T("%(number)s 个工作小时", number=number),
        "hour": T("%(number)s 小时", number=number),
    }[unit]


def _blocks(version: ItemVersion) -> dict[str, tuple[object, Text]]:
    """What the one-time notice must tell, and what to say when it is missing."""
    return {
        "limit_value": (version.limit_value, T("请填写办理时限。")),
        "basis": (version.basis.strip(), T("请填写办理依据。")),
        "conditions": (version.conditions.strip(), T("请填写受理条件。")),
        "refusals": (version.refusals, T("请列出不予受理的情形。")),
        "materials": (version.materials, T("请列出所需材料。")),
        "procedure": (version.procedure.strip(), T("请填写办理程序。")),
        "fee": (version.fee.strip(), T("请写明收费情况，免费也要写明。")),
        "place": (version.place.strip(), T("请填写办理地点。")),
        "phone": (version.phone.strip(), T("请填写联系电话。")),
        "supervision_phone": (rendering.letterhead()["supervision_phone"], T("请先填写本站的监督电话。")),
    }


@event.listens_for(ItemVersion, "before_update")
def _frozen(mapper: Mapper[Any], connection: Connection, version: ItemVersion) -> None:
    state = inspect(version)
    changed = {name for name in mapper.columns.keys() if state.attrs[name].history.has_changes()}  # noqa: SIM118
    was_published = not state.attrs.published.history.has_changes() and version.published
    if was_published and changed - {"effective_to"}:
        raise Refused(T("已发布的事项版本不能修改，请另建新版本。"))


def _refuse_once_published(mapper: Mapper[Any], connection: Connection, part: Any) -> None:
    """What belongs to a version (its materials, its co-handling units) is frozen with it. Refused."""
    published = connection.scalar(select(ItemVersion.published).where(ItemVersion.id == part.item_version_id))
    if published:
        raise Refused(T("已发布的事项版本不能修改，请另建新版本。"))


def freeze(part: type[Base]) -> None:
    """Rows of this table are neither added, changed nor removed once their version is published."""
    for moment in ("before_insert", "before_update", "before_delete"):
        event.listen(part, moment, _refuse_once_published)


freeze(ItemMaterial)
