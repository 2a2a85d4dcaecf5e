from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from workflow.errors import NotFound, Refused
from workflow.station import items, rendering
from workflow.station.items import ItemVersion, Material, ServiceItem

WHOLE: dict[str, Any] = {
    "limit_value": Decimal("5"),
    "materials": [Material("委托单"), Material("器具清单", copies=2, original="复印件")],
    "basis": "服务事项目录",
    "fee": "免费。",
    "procedure": "登记 → 办理",
    "conditions": "材料齐全。",
    "refusals": ["不属于本站服务范围"],
    "place": "一楼大厅",
    "phone": "000-81230000",
}


@pytest.fixture
def item(session: Session, people: SimpleNamespace) -> ServiceItem:
    return items.create(session, code="T01", name="代办", domain="计量")


def published(session: Session, item: ServiceItem, since: date, **changed: Any) -> ItemVersion:
    version = items.draft(
        session, item, effective_from=since, handler_position="metrology", **(WHOLE | changed)
    )
    items.publish(session, version)
    return version


def test_the_version_in_force_on_a_day_is_the_one_found(session: Session, item: ServiceItem) -> None:
    first = published(session, item, date(2026, 1, 1))
    second = published(session, item, date(2026, 3, 1), limit_value=Decimal("3"))
    assert items.current(session, "T01", date(2026, 2, 28)) is first
    assert items.current(session, "T01", date(2026, 3, 1)) is second
    with pytest.raises(NotFound):
        items.current(session, "T01", date(2025, 12, 31))


def test_an_item_keeps_its_materials_in_order(session: Session, item: ServiceItem) -> None:
    published(session, item, date(2026, 1, 1))
    session.expire_all()
    materials = items.current(session, "T01", date(2026, 1, 1)).materials
    assert [(m.seq, m.name, m.copies, m.original) for m in materials] == [
        (1, "委托单", 1, "原件"),
        (2, "器具清单", 2, "复印件"),
    ]


@pytest.mark.parametrize(
    ("block", "nothing"),
    [
        ("limit_value", None),
        ("basis", ""),
        ("conditions", " "),
        ("refusals", []),
        ("materials", []),
        ("procedure", ""),
        ("fee", ""),
        ("place", ""),
        ("phone", ""),
    ],
)
def test_an_item_lacking_a_block_of_the_one_time_notice_is_not_published(
    session: Session, item: ServiceItem, block: str, nothing: object
) -> None:
    with pytest.raises(Refused) as refused:
        published(session, item, date(2026, 1, 1), **{block: nothing})
    assert refused.value.field == block
    assert items.catalogue(session, date(2026, 1, 1)) == []


def test_no_item_is_published_where_nobody_can_be_called_about_it(
    session: Session, item: ServiceItem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(rendering.letterhead(), "supervision_phone", "")
    with pytest.raises(Refused) as refused:
        published(session, item, date(2026, 1, 1))
    assert refused.value.field == "supervision_phone"


def test_a_published_version_never_changes(session: Session, item: ServiceItem) -> None:
    version = published(session, item, date(2026, 1, 1))
    version.limit_value = Decimal("50")
    with pytest.raises(Refused, match="不能修改"):
        session.flush()


def test_the_materials_of_a_published_version_never_change(session: Session, item: ServiceItem) -> None:
    version = published(session, item, date(2026, 1, 1))
    version.materials[0].required = False
    with pytest.raises(Refused, match="不能修改"):
        session.flush()


def test_a_published_version_gets_no_further_material(session: Session, item: ServiceItem) -> None:
    version = published(session, item, date(2026, 1, 1))
    session.add(items.ItemMaterial(item_version_id=version.id, seq=9, name="另一份"))
    with pytest.raises(Refused, match="不能修改"):
        session.flush()


def test_a_draft_may_change_and_is_not_on_offer(session: Session, item: ServiceItem) -> None:
    version = items.draft(
        session, item, effective_from=date(2026, 1, 1), handler_position="metrology", **WHOLE
    )
    version.limit_value = Decimal("7")
    session.flush()
    assert items.catalogue(session, date(2026, 1, 1)) == []


def test_a_version_begins_after_the_one_before(session: Session, item: ServiceItem) -> None:
    published(session, item, date(2026, 3, 1))
    with pytest.raises(Refused) as refused:
        published(session, item, date(2026, 3, 1))
    assert refused.value.field == "effective_from"


def test_a_version_is_published_once(session: Session, item: ServiceItem) -> None:
    version = published(session, item, date(2026, 1, 1))
    with pytest.raises(Refused):
        items.publish(session, version)


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        ("10", "working-day", "10 个工作日"),
        ("0.5", "working-day", "0.5 个工作日"),
        ("10.0", "day", "10 个自然日"),
        ("2", "working-hour", "2 个工作小时"),
        ("24", "hour", "24 小时"),
    ],
)
def test_a_limit_is_said_in_words(value: str, unit: str, words: str) -> None:
    assert str(items.limit_text(Decimal(value), unit)) == words


def test_a_catalogue_line_belongs_to_a_domain_and_its_code_is_given_once(
    session: Session, item: ServiceItem
) -> None:
    for code, domain, field in (("T02", "没有", "domain"), ("T01", "计量", "code")):
        with pytest.raises(Refused) as refused:
            items.create(session, code=code, name="代办", domain=domain)
        assert refused.value.field == field


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"limit_unit": "week"}, "limit_unit"),
        ({"materials": [Material("委托单", original="影印")]}, "materials"),
    ],
)
def test_a_unit_or_a_kind_of_material_that_nobody_knows_is_refused(
    session: Session, item: ServiceItem, changed: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        published(session, item, date(2026, 1, 1), **changed)
    assert refused.value.field == field


def test_a_published_version_is_not_published_again(session: Session, item: ServiceItem) -> None:
    version = published(session, item, date(2026, 1, 1))
    with pytest.raises(Refused, match="已经发布"):
        items.publish(session, version)
    assert version.effective_to is None
