import threading
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.errors import Refused
from workflow.station import enterprises
from workflow.station.enterprises import AlreadyKnown, Enterprise

CLERK = Actor("staff:1", "李婷", {"intake": None}, frozenset({"cases"}))
ADMIN = Actor("staff:2", "郭磊", {"admin": None}, frozenset({"admin"}))
CODE = "91000000MA0000001R"


def opened(session: Session, moment: datetime, name: str, code18: str | None = None) -> Enterprise:
    return enterprises.create(session, name=name, code18=code18, moment=moment)


@pytest.mark.parametrize(
    "code18",
    [CODE, "91000000MA0000002W", "91000000MA00000030", "91000000MA0000007C", "91000000MA0000010P"],
)
def test_a_right_check_sign_is_accepted_and_every_other_is_not(code18: str) -> None:
    right = [sign for sign in enterprises.SIGNS if enterprises.is_valid_code(code18[:-1] + sign)]
    assert right == [code18[-1]]


@pytest.mark.parametrize("code18", ["", CODE[:-1], CODE + "0", "O1000000MA0000001R", CODE.lower(), "9" * 18])
def test_what_is_no_code_is_not_valid(code18: str) -> None:
    assert not enterprises.is_valid_code(code18)


def test_two_neighbours_swapped_are_noticed() -> None:
    swapped = 0
    for place in range(16):
        signs = list(CODE)
        signs[place], signs[place + 1] = signs[place + 1], signs[place]
        if "".join(signs) != CODE:
            swapped += 1
            assert not enterprises.is_valid_code("".join(signs))
    assert swapped > 3


def test_a_file_gets_its_number_and_its_code_as_written_anyhow(session: Session, moment: datetime) -> None:
    first = opened(session, moment, " 示例市晨光五金制品有限公司 ", " 91000000 ma0000001r ")
    second = opened(session, moment, "示例市恒源食品有限公司", "91000000MA0000002W")
    assert (first.name, first.code18, first.status) == ("示例市晨光五金制品有限公司", CODE, "已核实")
    assert first.file_no.startswith("QY") and len(first.file_no) == 7
    assert int(second.file_no[2:]) == int(first.file_no[2:]) + 1


def test_a_second_file_for_the_same_code_is_refused_with_a_link_to_the_first(
    session: Session, moment: datetime
) -> None:
    first = opened(session, moment, "示例市晨光五金制品有限公司", CODE)
    with pytest.raises(AlreadyKnown) as known:
        opened(session, moment, "晨光五金", CODE)
    assert known.value.enterprise_id == first.id
    assert first.file_no in str(known.value.text)
    assert known.value.field == "code18"


def test_a_wrong_code_is_refused(session: Session, moment: datetime) -> None:
    with pytest.raises(Refused) as refused:
        opened(session, moment, "示例市晨光五金制品有限公司", "91000000MA0000001A")
    assert refused.value.field == "code18"


def test_without_a_code_the_file_is_to_be_verified_and_completed_once(
    session: Session, moment: datetime
) -> None:
    enterprise = opened(session, moment, "示例市晨光五金制品有限公司")
    assert (enterprise.code18, enterprise.status) == (None, "待核实")
    with pytest.raises(AlreadyKnown):
        opened(session, moment, "示例市晨光五金制品有限公司")
    with pytest.raises(AlreadyKnown):
        opened(session, moment, "示例市晨光五金制品有限公司", CODE)
    enterprises.verify(session, enterprise, CODE.lower())
    assert (enterprise.code18, enterprise.status) == (CODE, "已核实")
    with pytest.raises(Refused):
        enterprises.verify(session, enterprise, "91000000MA0000002W")


def test_a_file_cannot_be_completed_with_another_ones_code(session: Session, moment: datetime) -> None:
    first = opened(session, moment, "示例市晨光五金制品有限公司", CODE)
    second = opened(session, moment, "晨光五金")
    with pytest.raises(AlreadyKnown) as known:
        enterprises.verify(session, second, CODE)
    assert known.value.enterprise_id == first.id
    assert second.status == "待核实"


def test_an_enterprise_is_found_by_name_code_number_and_initials(session: Session, moment: datetime) -> None:
    first = opened(session, moment, "示例市晨光五金制品有限公司", CODE)
    opened(session, moment, "示例市恒源食品有限公司", "91000000MA0000002W")
    for words in ["晨光", "晨光 五金", "91000000ma0000001", first.file_no, "cgwj", "CGWJ"]:
        assert enterprises.search(session, CLERK, words) == [first], words
    for words in ["%", "_", "xyz", "MA0000001R"]:
        assert enterprises.search(session, CLERK, words) == [], words


def test_enterprises_are_listed_by_sound_and_not_to_who_sees_no_cases(
    session: Session, moment: datetime
) -> None:
    for name in ["云图", "晨光", "恒源", "博远"]:
        opened(session, moment, name)
    assert [each.name for each in enterprises.search(session, CLERK, "")] == ["博远", "晨光", "恒源", "云图"]
    assert enterprises.search(session, ADMIN, "") == []


def test_of_two_clerks_opening_the_same_file_at_once_the_second_is_shown_the_first(
    database: Any, moment: datetime
) -> None:
    outcome: list[object] = []
    begun = threading.Event()

    def second_clerk() -> None:
        with database.sessions() as session:
            begun.set()
            try:
                opened(session, moment, "晨光五金", CODE)
            except AlreadyKnown as known:
                outcome.append(known.enterprise_id)

    with database.sessions() as session:
        first = opened(session, moment, "示例市晨光五金制品有限公司", CODE)
        thread = threading.Thread(target=second_clerk)
        thread.start()
        begun.wait(10)
        thread.join(0.3)
        assert thread.is_alive(), "the second clerk waits for the first"
        session.commit()
        first_id = first.id
    thread.join(10)
    assert outcome == [first_id]
    with database.sessions() as session:
        assert session.scalar(select(func.count(Enterprise.id))) == 1


@pytest.mark.parametrize(("changed", "field"), [({"name": "  "}, "name"), ({"size": "巨"}, "size")])
def test_a_file_without_a_name_or_of_no_listed_size_is_refused(
    session: Session, moment: datetime, changed: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refused:
        enterprises.create(session, moment=moment, **{"name": "示例市晨光五金制品有限公司", **changed})
    assert refused.value.field == field


def test_a_file_is_not_verified_by_nothing(session: Session, moment: datetime) -> None:
    enterprise = opened(session, moment, "示例市晨光五金制品有限公司")
    with pytest.raises(Refused, match="请填写统一社会信用代码"):
        enterprises.verify(session, enterprise, " ")
    assert enterprise.status == "待核实"
