"""History only grows, and whoever changes it all the same is found."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from tests.conftest import Clock, Database
from tests.engine.conftest import CLERK, PlainClocks, process
from tests.engine.test_verbs import ONE_TASK
from workflow.bpmn.parsing import Bundle
from workflow.engine import definitions, history
from workflow.engine.actions import Registry
from workflow.engine.engine import Engine
from workflow.engine.tasks import TaskRow


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    with database.sessions() as session:
        yield session


@pytest.fixture
def instance(session: Session, clock: Clock) -> int:
    """An instance with two lines of history: started, claimed."""
    words = Registry()
    bundle = Bundle("tiny", {"tiny.bpmn": process(ONE_TASK)})
    definitions.deploy(session, bundle, actor="system", moment=clock.now(), words=words)
    engine = Engine(session, PlainClocks(), words)
    instance = engine.start("tiny", by=CLERK)
    engine.claim(session.scalars(select(TaskRow.id)).one(), by=CLERK)
    session.commit()
    return instance


def tamper(database: Database, *statements: str, **values: object) -> None:
    """What only somebody with the owner's rights on the server can do."""
    with database.owner.begin() as connection:
        connection.execute(text("alter table history disable trigger all"))
        for statement in statements:
            connection.execute(text(statement), values)


def faults(session: Session, public: bytes | None = None) -> list[tuple[int | None, str]]:
    session.rollback()
    session.expire_all()
    return [(fault.seq, fault.what) for fault in history.verify(session, public)]


def test_what_was_written_holds(session, instance):
    assert [line.kind for line in history.of(session, instance)] == ["start", "claim"]
    assert faults(session) == []


@pytest.mark.parametrize("act", ["update history set actor = 'staff:9'", "delete from history"])
def test_the_application_itself_cannot_change_history(session, instance, act):
    with pytest.raises(ProgrammingError, match="permission denied"):
        session.execute(text(act))


def test_a_changed_line_is_found(session, database, instance):
    tamper(database, "update history set actor = 'staff:9' where seq = 2")
    assert faults(session) == [(2, "a line was changed")]


def test_a_line_taken_off_the_end_is_found(session, database, instance):
    tamper(database, "delete from history where seq = 2")
    assert faults(session) == [(1, "the chain does not end where the instance says")]


def test_a_line_taken_out_of_the_middle_is_found(session, database, instance):
    tamper(database, "delete from history where seq = 1")
    assert faults(session) == [(1, "a line is missing")]


def test_a_chain_taken_away_as_a_whole_is_found(session, database, instance):
    tamper(database, "delete from history")
    assert faults(session) == [(1, "all lines are missing")]


def test_a_chain_rewritten_as_a_whole_is_found_by_its_anchor(session, database, instance):
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    assert history.anchor(session, key) is not None
    assert history.anchor(session, key) is None, "nothing grew since"
    session.commit()
    assert faults(session, public) == []
    before = b""
    for line in history.of(session, instance):
        forged = {
            "instance_id": instance,
            "seq": line.seq,
            "at": line.at,
            "actor": "staff:9",
            "on_behalf_of": line.on_behalf_of,
            "kind": line.kind,
            "element": line.element,
            "detail": line.detail,
        }
        before = history.seal(before, forged)
        tamper(
            database,
            "update history set actor = 'staff:9', hash = :seal where seq = :seq",
            "update instance set head = :seal",
            seal=before,
            seq=line.seq,
        )
    assert faults(session, public) == [(2, "a line differs from its anchor")]


def test_an_anchor_of_another_key_is_not_believed(session, instance):
    history.anchor(session, Ed25519PrivateKey.generate())
    session.commit()
    published = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    assert [what for _, what in faults(session, published)] == ["an anchor is not the one that was signed"]
