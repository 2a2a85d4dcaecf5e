"""What the receipt of a real case says (R2.4.2)."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from datetime import datetime

import pytest
from pypdf import PdfReader
from sqlalchemy import select

from tests.processes.conftest import Station, at
from workflow.engine.actors import Actor
from workflow.station import clocks, documents
from workflow.station.cases import Case
from workflow.station.clock_ledger import ITEM_CLOCK
from workflow.station.documents import Document
from workflow.station.outbox import Outbox


@dataclass(frozen=True)
class Issuing:
    actor: Actor
    on_behalf_of: str | None
    moment: datetime


def received(station: Station, item: str, *, by: str = "liting") -> Case:
    clerk = station.person(by)
    case = clerk.registers()
    clerk.classifies(case, item)
    clerk.accepts(case)
    return case


def receipt_of(station: Station, case: Case) -> tuple[Document, str]:
    (receipt,) = documents.of(station.session, case.key)
    pages = PdfReader(io.BytesIO(documents.pdf(station.session, receipt))).pages
    return receipt, re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in pages))


@pytest.mark.parametrize(
    "said",
    [
        "HZ2026-00001",
        "SL2026-00001",
        "王小明",
        "*******5678",
        "示例市晨光五金制品有限公司",
        "JL01计量器具检定/校准代办",
        "2026年3月2日09:00",
        "2026年3月16日（星期一）17:30前",
        "办理时限10个工作日",
        "李婷",
        "计量技术",
        "1检定/校准委托单21原件",
        "2计量器具清单21原件",
        "4营业执照21原件",
    ],
)
def test_the_receipt_of_a_real_case_says(station: Station, said: str) -> None:
    assert said in receipt_of(station, received(station, "JL01"))[1]


def test_r2_1c_the_receipt_shows_the_date_that_was_computed(station: Station) -> None:
    case = received(station, "JL01")
    clock = clocks.of(station.session, case.key, ITEM_CLOCK)
    assert clock is not None and clock.deadline_at == case.receipt_due_at == at("2026-03-16 17:30")
    assert "2026年3月16日（星期一）17:30前" in receipt_of(station, case)[1]
    told = station.session.scalars(select(Outbox.text).where(Outbox.case_id == case.id)).all()
    assert any("预计 2026-03-16 前办结" in text for text in told)


def test_r2_1c_while_materials_are_missing_no_date_is_promised(station: Station) -> None:
    clerk = station.person("liting")
    case = clerk.registers()
    clerk.classifies(case, "JL01")
    clerk.accepts(case, missing=case.materials[0].name)
    papers = [one.kind for one in documents.of(station.session, case.key)]
    assert case.receipt_due_at is None and papers == ["deficiency_notice"]
    told = station.session.scalars(select(Outbox.text).where(Outbox.case_id == case.id)).all()
    assert told and not any("办结" in text for text in told)


def test_the_receipt_of_an_item_done_at_once_says_so(station: Station) -> None:
    assert "即办事项" in receipt_of(station, received(station, "JL02"))[1]


def test_the_code_for_collecting_is_the_one_of_the_case(station: Station) -> None:
    case = received(station, "JL01")
    assert case.pickup_code in receipt_of(station, case)[1]


def test_whoever_acts_for_a_colleague_is_named_with_her(station: Station) -> None:
    case = received(station, "JL01")
    wang, li = station.person("wangfang"), station.person("liting")
    second = documents.issue_receipt(
        station.session,
        case,
        Issuing(wang.actor, li.row.key, station.clock.now()),
        public_url="https://y.example",
    )
    text = "".join(
        page.extract_text() for page in PdfReader(io.BytesIO(documents.pdf(station.session, second))).pages
    )
    assert (second.actor, second.on_behalf_of) == (wang.row.key, li.row.key)
    assert "王芳（代李婷）" in text and "https://y.example/v/" in text
