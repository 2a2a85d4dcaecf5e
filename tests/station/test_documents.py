from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
import typst
from pypdf import PdfReader
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tests.station.moments import local
from workflow.errors import AlreadyDone, NotFound, Refused
from workflow.station import blobs, documents, rendering, running
from workflow.station.blobs import Blob
from workflow.station.documents import Document
from workflow.station.numbering import take

MOMENT = local("2026-03-02 09:15")
assert running.WORDS, "papers are registered where their concepts live"
RECEIPT: dict[str, Any] = {
    "applicant": "王小明",
    "phone": "*******5678",
    "enterprise": "示例市晨光五金制品有限公司",
    "item": "JL01 计量器具检定/校准代办",
    "case_no": "SL2026-00007",
    "received_at": "2026-03-02T01:10:00+00:00",
    "due_at": "2026-03-16T09:30:00+00:00",
    "limit": "10 个工作日",
    "handler": "李婷",
    "position": "计量技术",
    "pickup_code": "7K2M9QXA",
    "materials": [
        {"name": "委托单", "pages": 2, "copies": 1, "original": "原件"},
        {"name": "营业执照复印件", "pages": 13, "copies": 3, "original": "复印件"},
    ],
}


def issue(session: Session, **changes: Any) -> Document:
    return documents.issue(
        session,
        "receipt",
        {**RECEIPT, **changes},
        owner="case:7",
        actor="staff:3",
        on_behalf_of=None,
        moment=MOMENT,
        public_url="https://yizhan.example",
    )


def words(session: Session, document: Document) -> str:
    """The paper's text without spaces: where a line breaks is the printer's business."""
    pages = PdfReader(io.BytesIO(documents.pdf(session, document))).pages
    return re.sub(r"[\s\u200b]", "", "".join(page.extract_text() for page in pages))


@pytest.mark.parametrize(
    "said",
    [
        "收件回执单",
        "HZ2026-00001",
        "2026年3月2日",
        "王小明",
        "*******5678",
        "示例市晨光五金制品有限公司",
        "JL01计量器具检定/校准代办",
        "SL2026-00007",
        "2026年3月2日09:10",
        "2026年3月16日（星期一）17:30前",
        "办理时限10个工作日",
        "李婷",
        "计量技术",
        "7K2M9QXA",
        "1委托单21原件",
        "2营业执照复印件133复印件",
        "共2项",
        "监督电话Complaints000-12345699",
        "示例市质量基础设施“一站式”服务站",
        "经办人签字",
        "申请人签字",
        "业务专用章",
        "一式两份",
    ],
)
def test_a_receipt_says_everything_that_it_must(session: Session, said: str) -> None:
    assert said in words(session, issue(session))


def test_the_receipt_of_an_immediate_item_says_so(session: Session) -> None:
    assert "即办事项，办理时限0.5个工作日" in words(
        session, issue(session, immediate=True, limit="0.5 个工作日")
    )


def test_the_code_on_the_paper_leads_to_its_verification(session: Session) -> None:
    document = issue(session)
    assert f"https://yizhan.example/v/{document.verify_token}" in words(session, document)
    assert documents.verify(session, document.verify_token) is document


def test_a_token_that_was_never_given_verifies_nothing(session: Session) -> None:
    issue(session)
    assert documents.verify(session, "AAAAAAAAAAAAAAAAAAAAAA") is None


def test_two_papers_have_different_tokens_of_128_bits(session: Session) -> None:
    tokens = {issue(session).verify_token for _ in range(2)}
    assert len(tokens) == 2 and all(len(token) == 22 for token in tokens)


def test_the_paper_is_an_archivable_pdf_with_a_title(session: Session) -> None:
    reader = PdfReader(io.BytesIO(documents.pdf(session, issue(session))))
    assert "<pdfaid:part>2</pdfaid:part>" in reader.trailer["/Root"]["/Metadata"].get_data().decode()
    assert reader.metadata is not None and reader.metadata.title == "收件回执单 HZ2026-00001"
    assert len(reader.pages) == 1


HOSTILE = '#eval("1+1") *粗* $x^2$ \\ #import "@preview/x:1.0.0" <b> @label // 注释 ]#[ ${7*7}'


@pytest.mark.parametrize("field", ["applicant", "enterprise", "item", "handler", "position", "pickup_code"])
def test_hostile_text_is_printed_as_it_stands(session: Session, field: str) -> None:
    assert re.sub(r"\s", "", HOSTILE) in words(session, issue(session, **{field: HOSTILE}))


def test_a_hostile_material_is_printed_as_it_stands(session: Session) -> None:
    material = {"name": HOSTILE, "pages": 1, "copies": 1, "original": "原件"}
    assert re.sub(r"\s", "", HOSTILE) in words(session, issue(session, materials=[material]))


def test_marks_that_would_turn_the_text_round_are_left_out(session: Session) -> None:
    document = issue(session, enterprise="甲\u202e乙\x00丙\u2066丁")
    assert "甲乙丙丁" in words(session, document)
    assert document.data["enterprise"] == "甲乙丙丁"


def test_an_endless_word_does_not_leave_its_cell(session: Session) -> None:
    document = issue(session, applicant="W" * 400)
    assert "W" * 400 in words(session, document)
    pages = PdfReader(io.BytesIO(documents.pdf(session, document))).pages
    lines = [line for page in pages for line in page.extract_text().splitlines() if "WWW" in line]
    assert lines and max(line.count("W") for line in lines) == 16


def test_sixty_materials_flow_over_pages_and_none_is_lost(session: Session) -> None:
    many = [{"name": f"材料第{n}号", "pages": n, "copies": 1, "original": "原件"} for n in range(1, 61)]
    document = issue(session, materials=many)
    said = words(session, document)
    assert all(f"材料第{n}号" in said for n in range(1, 61))
    assert len(PdfReader(io.BytesIO(documents.pdf(session, document))).pages) > 1


@pytest.mark.parametrize(("sign", "named"), [("\ue000", "U+E000"), ("\U0003fffd", "U+3FFFD")])
def test_a_sign_that_no_font_has_is_refused_by_name(session: Session, sign: str, named: str) -> None:
    with pytest.raises(Refused, match=re.escape(f"“{named}”无法打印")):
        issue(session, applicant=f"王{sign}")


def test_a_refused_paper_uses_up_no_number(database: Any) -> None:
    with database.sessions() as session, pytest.raises(Refused):
        issue(session, applicant="\ue000")
    with database.sessions() as session:
        assert take(session, "HZ", MOMENT.date()) == "HZ2026-00001"


@pytest.mark.parametrize("lacking", sorted(documents.KINDS["receipt"].mandatory))
def test_a_paper_without_something_mandatory_is_refused(session: Session, lacking: str) -> None:
    with pytest.raises(Refused, match=lacking):
        issue(session, **{lacking: ""})


@pytest.mark.parametrize("kind", sorted(documents.KINDS))
def test_no_paper_is_issued_without_any_one_of_what_it_must_say(session: Session, kind: str) -> None:
    mandatory = documents.KINDS[kind].mandatory
    assert mandatory
    for lacking in mandatory:
        facts = {name: "x" for name in mandatory if name != lacking}
        with pytest.raises(Refused) as refused:
            documents.issue(
                session,
                kind,
                facts,
                owner="case:1",
                actor="staff:1",
                on_behalf_of=None,
                moment=MOMENT,
                public_url="http://127.0.0.1",
            )
        assert lacking in str(refused.value.text)


def test_the_clients_own_data_are_not_readable_in_the_row(session: Session) -> None:
    document = issue(session)
    assert document.personal_enc is not None
    row = json.dumps(document.data, ensure_ascii=False).encode() + document.personal_enc
    assert "王小明".encode() not in row and b"5678" not in row
    assert document.personal == {"applicant": "王小明", "phone": "*******5678"}


def test_a_number_belongs_to_the_local_year_of_issue(session: Session) -> None:
    document = documents.issue(
        session,
        "receipt",
        RECEIPT,
        owner="case:7",
        actor="staff:3",
        on_behalf_of="staff:4",
        moment=local("2027-01-01 00:10"),
        public_url="https://yizhan.example",
    )
    assert document.no == "HZ2027-00001"


def test_a_voided_paper_keeps_its_number_and_still_answers(session: Session) -> None:
    document = issue(session)
    documents.void(session, document, reason="姓名写错", actor="staff:3", moment=MOMENT)
    assert documents.load(session, "HZ2026-00001").is_void
    assert documents.verify(session, document.verify_token) is document
    assert issue(session).no == "HZ2026-00002"


def test_a_paper_is_voided_once_and_with_a_reason(session: Session) -> None:
    document = issue(session)
    with pytest.raises(Refused):
        documents.void(session, document, reason=" ", actor="staff:3", moment=MOMENT)
    documents.void(session, document, reason="姓名写错", actor="staff:3", moment=MOMENT)
    with pytest.raises(AlreadyDone):
        documents.void(session, document, reason="再次", actor="staff:3", moment=MOMENT)


def test_the_papers_of_a_case_are_listed_in_order(session: Session) -> None:
    numbers = [issue(session).no for _ in range(3)]
    assert [document.no for document in documents.of(session, "case:7")] == numbers
    assert documents.of(session, "case:8") == []


def test_the_same_bytes_are_stored_once(session: Session) -> None:
    assert blobs.put(session, b"abc", mime="text/plain") == blobs.put(session, b"abc", mime="text/plain")
    assert session.scalar(select(func.count()).select_from(Blob)) == 1


def test_ten_megabytes_are_the_most_that_is_kept(session: Session) -> None:
    blobs.put(session, bytes(blobs.LARGEST), mime="application/octet-stream")
    with pytest.raises(Refused):
        blobs.put(session, bytes(blobs.LARGEST + 1), mime="application/octet-stream")


def test_bytes_that_are_not_there_are_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        blobs.get(session, "0" * 64)


def test_bytes_that_were_changed_are_noticed(session: Session) -> None:
    sha256 = blobs.put(session, b"abc", mime="text/plain")
    blob = session.get_one(Blob, sha256)
    blob.bytes = b"abd"
    session.flush()
    with pytest.raises(blobs.Damaged):
        blobs.get(session, sha256)


def test_a_template_can_read_nothing_outside_its_folder() -> None:
    for template in rendering.TEMPLATES.glob("*.typ"):
        assert not re.search(r"eval\(|@preview|\.\./|plugin\(", template.read_text("utf-8")), template.name


def test_a_number_that_was_never_given_is_not_found(session: Session) -> None:
    with pytest.raises(NotFound):
        documents.load(session, "HZ2026-99999")


def test_without_its_fonts_or_with_a_broken_template_nothing_is_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, pytest.raises(rendering.MissingFonts):
        patch.setattr(rendering, "FONTS", tmp_path)
        rendering._fonts.__wrapped__(False)
    monkeypatch.setattr(rendering, "TEMPLATES", tmp_path)
    (tmp_path / "broken.typ").write_text("#let", encoding="utf-8")
    with pytest.raises(typst.TypstError):
        rendering.render("broken", {})


def test_marks_that_would_turn_the_text_round_are_left_out_of_lists_too(session: Session) -> None:
    rows = [{"name": "委托\u202e单", "pages": 2, "copies": 1, "original": "原件"}]
    assert "委托单" in words(session, issue(session, materials=rows))
