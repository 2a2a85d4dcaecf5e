"""不予受理: on a listed ground only, confirmed by the head, told in writing (R2.2.2a, R2.4.1b)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from tests.processes.conftest import Person, at
from tests.processes.test_deficiencies import submits, words
from workflow.engine import history
from workflow.errors import InvalidForm
from workflow.station import cases, documents
from workflow.station.cases import Case
from workflow.station.outbox import Outbox

WORDS = "这件事由市住建局办理，请到政务大厅 3 号窗口。"


def declines(who: Person, case: Case, asked: Person | None = None, **changed: Any) -> None:
    form = {"decision": "decline", "ground": case.item.refusals[0], "decline_words": WORDS, **changed}
    submits(who, case, {key: value for key, value in form.items() if value is not None}, asked)


@pytest.fixture
def case(liting: Person) -> Case:
    case = liting.registers()
    liting.classifies(case, "JL01")
    return case


def test_r2_2_2a_declining_asks_the_head_and_then_tells_the_client_in_writing(station, liting, head, case):
    declines(liting, case)
    assert case.state == cases.CHECKING and documents.of(station.session, case.key) == []
    task = head.task(case, "confirm_decline")
    assert task.due_at == at("2026-03-02 17:30")
    form = station.engine.task_form(task.id, by=head.actor)
    assert (form.values["ground"], form.values["words"]) == (case.item.refusals[0], WORDS)
    assert form.values["asked_by"] == liting.row.name
    head.does(case, "confirm_decline", {"declined": "yes"})
    assert case.state == cases.DECLINED and case.ended and case.declined_on == case.item.refusals[0]
    (paper,) = documents.of(station.session, case.key)
    assert paper.no == "BY2026-00001"
    text = words(station, paper)
    for said in (
        case.item.refusals[0],
        WORDS.replace(" ", ""),
        "监督电话",
        "异议",
        head.row.name,
        liting.row.name,
    ):
        assert said in text, said
    (message,) = station.session.scalars(select(Outbox.text).where(Outbox.subject == "declined"))
    assert case.item.refusals[0] in message and "监督电话" in message
    assert any("BY2026-00001" in sentence for sentence in liting.told())
    station.clock.move_to("2026-03-20 10:00")
    assert station.fire_due() == []
    assert history.verify(station.session) == []


@pytest.mark.parametrize(
    ("ground", "field"), [(None, "ground"), ("太麻烦了", "ground"), ("", "decline_words")]
)
def test_r2_4_1b_without_a_listed_ground_or_words_for_the_client_it_is_refused(
    station, liting, case, ground, field
):
    changed = {"decline_words": None} if field == "decline_words" else {"ground": ground}
    with pytest.raises(InvalidForm) as invalid:
        declines(liting, case, **changed)
    assert list(invalid.value.errors) == [field]


def test_r2_2_2a_what_the_head_does_not_confirm_goes_back_with_his_words(station, liting, head, case):
    declines(liting, case)
    head.does(case, "confirm_decline", {"declined": "no", "opinion": "属于本站职责，请照常受理。"})
    task = liting.task(case, "check_materials")
    form = station.engine.task_form(task.id, by=liting.actor)
    assert form.values["head_words"] == "属于本站职责，请照常受理。"
    liting.accepts(case)
    assert case.state == cases.HANDLING
    (paper,) = documents.of(station.session, case.key)
    assert paper.kind == "receipt"


def test_r2_2_2a_whoever_declines_does_not_confirm_it(liting, head, superior, case):
    declines(head, case, asked=liting)
    assert not [line for line in head.inbox() if line.element == "confirm_decline"]
    superior.does(case, "confirm_decline", {"declined": "yes"})
    assert case.state == cases.DECLINED
