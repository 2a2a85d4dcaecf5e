"""答复库: approved answers with version and basis; the leader keeps them, everybody finds them."""

from __future__ import annotations

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, NotAllowed, NotFound, Refused
from workflow.station import answers, items, staff
from workflow.station.answers import Answer
from workflow.station.items import ServiceItem

WHOLE = {"topic": "检定多久", "words": "一般十个工作日。", "basis": "服务事项目录"}


@pytest.fixture
def head(session: Session, people: SimpleNamespace, moment: datetime) -> Actor:
    return staff.actor(session, people.zhou, moment)


@pytest.fixture
def clerk(session: Session, people: SimpleNamespace, moment: datetime) -> Actor:
    return staff.actor(session, people.li, moment)


@pytest.fixture
def item(session: Session, people: SimpleNamespace) -> ServiceItem:
    return items.create(session, code="JL01", name="计量器具检定代办", domain="计量")


def approve(session: Session, by: Actor, moment: datetime, **changed: Any) -> Answer:
    return answers.approve(session, by=by, moment=moment, **(WHOLE | changed))


def test_an_approved_answer_is_found_by_all_its_words_item_or_basis(
    session: Session, head: Actor, clerk: Actor, item: ServiceItem, moment: datetime
) -> None:
    about, general = (
        approve(session, head, moment, item=item),
        approve(session, head, moment, topic="几点上班", words="八点半。"),
    )
    assert answers.current(session, clerk) == [about, general]
    for q in ("检定", "十个 JL01", "代办 目录"):
        assert answers.current(session, clerk, q) == [about], q
    assert answers.current(session, clerk, "检定 八点半") == []
    assert (about.version, about.approved_by, about.approved_at) == (1, head.key, moment)


def test_a_better_answer_replaces_the_one_before_which_stays_as_it_was(
    session: Session, head: Actor, clerk: Actor, moment: datetime
) -> None:
    first = approve(session, head, moment)
    second = approve(session, head, moment, words="一般八个工作日。", replaces=first)
    assert answers.current(session, clerk) == [second] and second.version == 2
    assert answers.versions(session, second) == [second, first] and first.words == WHOLE["words"]
    with pytest.raises(NotFound):
        answers.find(session, clerk, first.id)
    assert answers.find(session, clerk, second.id) is second


def test_who_changes_an_answer_that_somebody_else_has_changed_is_told(
    session: Session, head: Actor, moment: datetime
) -> None:
    first = approve(session, head, moment)
    approve(session, head, moment, replaces=first)
    with pytest.raises(AlreadyDone):
        approve(session, head, moment, replaces=first)
    with pytest.raises(AlreadyDone):
        answers.withdraw(session, first, by=head, moment=moment)


def test_what_holds_no_more_is_withdrawn_and_kept(
    session: Session, head: Actor, clerk: Actor, moment: datetime
) -> None:
    answer = approve(session, head, moment)
    answers.withdraw(session, answer, by=head, moment=moment)
    assert answers.current(session, clerk) == [] and answer.withdrawn_by == head.key
    with pytest.raises(AlreadyDone):
        answers.withdraw(session, answer, by=head, moment=moment)


@pytest.mark.parametrize("lacking", ["topic", "words", "basis"])
def test_an_answer_has_a_topic_words_and_a_basis(
    session: Session, head: Actor, moment: datetime, lacking: str
) -> None:
    with pytest.raises(Refused) as refused:
        approve(session, head, moment, **{lacking: "  "})
    assert refused.value.field == lacking


def test_only_who_leads_keeps_the_library(
    session: Session, head: Actor, clerk: Actor, moment: datetime
) -> None:
    with pytest.raises(NotAllowed):
        approve(session, clerk, moment)
    answer = approve(session, head, moment)
    with pytest.raises(NotAllowed):
        answers.withdraw(session, answer, by=clerk, moment=moment)


def test_who_sees_no_cases_sees_no_answers(
    session: Session, people: SimpleNamespace, head: Actor, moment: datetime
) -> None:
    approve(session, head, moment)
    assert answers.current(session, staff.actor(session, people.root, moment)) == []
