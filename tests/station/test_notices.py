import threading
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy.orm import Session

from tests.station.moments import local
from workflow.engine.actors import Actor
from workflow.errors import AlreadyDone, Refused
from workflow.station import absences, notices, outbox, persons, staff
from workflow.texts import T

CLERK = Actor("staff:1", "李婷", {"intake": None}, frozenset({"cases"}))


def as_actor(session: Session, person: staff.Staff) -> Actor:
    return staff.actor(session, person, local("2026-03-02 09:00"))


# to staff


def test_a_notice_is_unread_until_its_reader_reads_it(
    session: Session, people: SimpleNamespace, moment: datetime
) -> None:
    told = notices.tell(session, people.li, T("新任务：%(name)s", name="判类"), "/tasks/1", moment=moment)
    li, wang = as_actor(session, people.li), as_actor(session, people.wang)
    assert [(str(n.text), n.link) for n in notices.unread(session, li, moment)] == [
        ("新任务：判类", "/tasks/1")
    ]
    assert notices.count_unread(session, wang, moment) == 0
    notices.mark_read(session, wang, moment, [told.id])
    assert notices.count_unread(session, li, moment) == 1
    notices.mark_read(session, li, moment, [told.id])
    assert notices.count_unread(session, li, moment) == 0


def test_a_notice_for_later_is_not_shown_before(
    session: Session, people: SimpleNamespace, moment: datetime
) -> None:
    later = local("2026-03-03 08:30")
    notices.tell(session, people.li, T("明天再看"), moment=moment, visible_from=later)
    li = as_actor(session, people.li)
    assert notices.count_unread(session, li, moment) == 0
    notices.mark_read(session, li, moment)
    assert notices.count_unread(session, li, later) == 1


def test_a_text_inside_a_text_is_kept_and_said_in_the_readers_language(
    session: Session, people: SimpleNamespace, moment: datetime
) -> None:
    notices.tell(session, people.li, T("时限 %(limit)s", limit=T("%(n)s 天", n=5)), moment=moment)
    session.expire_all()
    (notice,) = notices.unread(session, as_actor(session, people.li), moment)
    assert notice.text == T("时限 %(limit)s", limit=T("%(n)s 天", n=5))


def test_a_position_is_told_through_whoever_acts_for_it(
    session: Session, people: SimpleNamespace, moment: datetime
) -> None:
    assert notices.tell_position(session, "head", T("超期"), moment=moment) == [people.zhou]
    absences.record(
        session,
        people.zhou,
        cause="开会",
        from_at=moment,
        to_at=local("2026-03-03 00:00"),
        substitute=people.sun,
    )
    assert notices.tell_position(session, "head", T("超期"), moment=moment) == [people.sun]
    assert notices.count_unread(session, as_actor(session, people.sun), moment) == 1


@pytest.mark.parametrize(
    ("now", "then"),
    [
        ("2026-03-02 17:30", "2026-03-03 08:30"),
        ("2026-03-02 08:29", "2026-03-02 08:30"),
        ("2026-03-02 08:30", "2026-03-03 08:30"),
        ("2026-03-06 17:30", "2026-03-09 08:30"),
        ("2026-03-07 07:00", "2026-03-09 08:30"),
        ("2026-02-13 17:30", "2026-02-14 08:30"),  # a worked Saturday
        ("2026-02-14 17:30", "2026-02-24 08:30"),  # the Spring Festival
    ],
)
def test_the_digest_comes_on_the_next_working_morning(session: Session, now: str, then: str) -> None:
    assert notices.next_digest(session, local(now)) == local(then)


def test_what_is_late_gathers_into_one_digest(
    session: Session, people: SimpleNamespace, moment: datetime
) -> None:
    for number in (1, 2, 3):
        sentence = T("办件 %(no)s 已超期", no=f"SL2026-0000{number}")
        at = notices.tell_in_digest(session, people.wu, sentence, f"/cases/{number}", moment=moment)
    wu = as_actor(session, people.wu)
    assert notices.count_unread(session, wu, moment) == 0
    (digest,) = notices.unread(session, wu, at)
    assert "3" in str(digest.text)
    assert [(text.values["no"], link) for text, link in digest.entries] == [
        ("SL2026-00001", "/cases/1"),
        ("SL2026-00002", "/cases/2"),
        ("SL2026-00003", "/cases/3"),
    ]


def test_two_workers_adding_at_once_make_one_digest(database: Any, moment: datetime) -> None:
    with database.sessions() as session:
        wu = staff.create(session, login="wu", name="吴敏")
        session.commit()
    barrier = threading.Barrier(4)

    def add(number: int) -> None:
        with database.sessions() as session:
            barrier.wait(10)
            notices.tell_in_digest(session, wu, T("超期 %(n)s", n=number), moment=moment)
            session.commit()

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    with database.sessions() as session:
        (digest,) = notices.unread(session, staff.actor(session, wu, moment), local("2026-03-04 09:00"))
        assert {text.values["n"] for text, _ in digest.entries} == {0, 1, 2, 3}


# to clients


@pytest.fixture
def client(session: Session, moment: datetime) -> persons.Person:
    return persons.remember(session, name="马立新", phone="00012345678", moment=moment)


def test_without_a_channel_a_message_becomes_a_call_that_is_logged(
    session: Session, client: persons.Person, moment: datetime
) -> None:
    row = outbox.queue_message(session, client, T("已受理 %(no)s", no="SL2026-00001"), moment=moment)
    assert row is not None
    assert (row.channel, row.state, row.text) == ("phone", "call_list", "已受理 SL2026-00001")
    outbox.log_call(session, CLERK, row, reached=False, outcome="未接", moment=moment)
    assert outbox.call_list(session, CLERK) == [row]
    outbox.log_call(session, CLERK, row, reached=True, outcome="已告知本人", moment=moment)
    assert outbox.call_list(session, CLERK) == []
    assert (row.state, row.actor, row.closed_at) == ("sent", "staff:1", moment)
    with pytest.raises(AlreadyDone):
        outbox.log_call(session, CLERK, row, reached=True, outcome="再次", moment=moment)


def test_with_a_channel_a_message_waits_to_be_sent(
    session: Session, client: persons.Person, moment: datetime
) -> None:
    row = outbox.queue_message(session, client, T("已受理"), moment=moment, channels={"sms"})
    assert row is not None
    assert (row.channel, row.state) == ("sms", "waiting")
    assert outbox.call_list(session, CLERK) == []


def test_a_call_is_not_logged_without_its_outcome(
    session: Session, client: persons.Person, moment: datetime
) -> None:
    row = outbox.queue_message(session, client, T("已受理"), moment=moment)
    assert row is not None
    with pytest.raises(Refused):
        outbox.log_call(session, CLERK, row, reached=True, outcome=" ", moment=moment)


def test_who_left_no_phone_is_not_called(session: Session, moment: datetime) -> None:
    person = persons.remember(session, name="马立新", phone=None, refused_phone=True, moment=moment)
    assert outbox.queue_message(session, person, T("已受理"), moment=moment) is None
