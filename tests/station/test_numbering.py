from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from threading import Event
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from workflow.station.numbering import NumberSequence, take

MONDAY = date(2026, 3, 2)


def test_numbers_of_a_prefix_follow_one_another(session: Session) -> None:
    assert [take(session, "SL", MONDAY) for _ in range(3)] == ["SL2026-00001", "SL2026-00002", "SL2026-00003"]


def test_each_prefix_counts_by_itself(session: Session) -> None:
    take(session, "SL", MONDAY)
    assert take(session, "HZ", MONDAY) == "HZ2026-00001"


def test_a_new_year_begins_with_one_and_the_old_one_goes_on(session: Session) -> None:
    take(session, "SL", date(2026, 12, 31))
    assert take(session, "SL", date(2027, 1, 1)) == "SL2027-00001"
    assert take(session, "SL", date(2026, 12, 31)) == "SL2026-00002"  # a paper entered later


def test_enterprises_are_numbered_without_a_year(session: Session) -> None:
    assert take(session, "QY", date(2026, 12, 31)) == "QY00001"
    assert take(session, "QY", date(2027, 1, 1)) == "QY00002"


def test_a_hundred_thousandth_number_only_grows_longer(session: Session) -> None:
    session.add(NumberSequence(prefix="SL", year=2026, last=99_999))
    session.flush()
    assert take(session, "SL", MONDAY) == "SL2026-100000"


def test_a_step_that_is_rolled_back_gives_its_number_back(database: Any) -> None:
    with database.sessions() as session:
        assert take(session, "HZ", MONDAY) == "HZ2026-00001"
        session.rollback()
    with database.sessions() as session:
        assert take(session, "HZ", MONDAY) == "HZ2026-00001"


def test_a_second_transaction_waits_for_the_first_to_end(database: Any) -> None:
    with database.sessions() as first, database.sessions() as second:
        take(first, "HZ", MONDAY)
        second.execute(text("SET LOCAL lock_timeout = '50ms'"))
        with pytest.raises(OperationalError):
            take(second, "HZ", MONDAY)


def test_many_at_once_leave_neither_gap_nor_double(database: Any) -> None:
    go = Event()

    def some(worker: int) -> list[str]:
        go.wait()
        taken = []
        for turn in range(10):
            with database.sessions() as session:
                number = take(session, "SL", MONDAY)
                if (worker + turn) % 3 == 0:
                    session.rollback()
                else:
                    session.commit()
                    taken.append(number)
        return taken

    with ThreadPoolExecutor(8) as pool:
        workers = [pool.submit(some, worker) for worker in range(8)]
        go.set()
        numbers = sorted(number for worker in workers for number in worker.result())
    with database.sessions() as session:
        last = session.scalar(select(NumberSequence.last).where(NumberSequence.prefix == "SL"))
    assert numbers == [f"SL2026-{count:05d}" for count in range(1, last + 1)]
    assert len(numbers) == sum((worker + turn) % 3 != 0 for worker in range(8) for turn in range(10))
