import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.engine.actors import Actor
from workflow.errors import NotAllowed, Refused
from workflow.station import keys, persons
from workflow.station.access_log import AccessLog
from workflow.station.persons import Person

CLERK = Actor("staff:1", "李婷", {"intake": None}, frozenset({"cases"}))
ADMIN = Actor("staff:2", "郭磊", {"admin": None}, frozenset({"admin"}))


@pytest.fixture
def client(session: Session, moment: datetime) -> Person:
    return persons.remember(session, name="马立新", phone="000-1234 5678", moment=moment)


def test_the_phone_lies_encrypted_with_only_its_last_four_digits_readable(client: Person) -> None:
    assert client.phone_enc is not None and client.phone_index is not None
    assert b"0001234" not in client.phone_enc + client.phone_index
    assert client.phone_tail4 == "5678"
    assert client.shown_phone == "*******5678"


def test_the_same_phone_finds_the_same_person_however_it_is_typed(
    session: Session, client: Person, moment: datetime
) -> None:
    assert persons.by_phone(session, "+86 (000)12345678") == [client]
    assert persons.remember(session, name="马立新", phone="00012345678", moment=moment) is client
    assert persons.by_phone(session, "00012345679") == []


def test_another_name_on_the_same_phone_is_another_person(
    session: Session, client: Person, moment: datetime
) -> None:
    other = persons.remember(session, name="马立红", phone="00012345678", moment=moment)
    assert persons.by_phone(session, "00012345678") == [client, other]


def test_a_look_at_the_phone_is_logged_with_its_purpose(
    session: Session, client: Person, moment: datetime
) -> None:
    phone = persons.reveal(session, CLERK, client, purpose="告知进度", moment=moment, on_behalf_of="staff:9")
    assert phone == "00012345678"
    row = session.scalars(select(AccessLog)).one()
    assert (row.actor, row.on_behalf_of, row.object, row.field, row.purpose, row.at) == (
        "staff:1", "staff:9", client.key, "phone", "告知进度", moment,
    )  # fmt: skip


def test_no_look_without_a_purpose_and_none_for_who_sees_no_cases(
    session: Session, client: Person, moment: datetime
) -> None:
    with pytest.raises(Refused):
        persons.reveal(session, CLERK, client, purpose=" ", moment=moment)
    with pytest.raises(NotAllowed):
        persons.reveal(session, ADMIN, client, purpose="检查", moment=moment)
    assert session.scalars(select(AccessLog)).all() == []


def test_a_client_may_refuse_to_leave_a_phone_but_not_forget_it(session: Session, moment: datetime) -> None:
    with pytest.raises(Refused) as refused:
        persons.remember(session, name="马立新", phone="  ", moment=moment)
    assert refused.value.field == "phone"
    person = persons.remember(session, name="马立新", phone=None, refused_phone=True, moment=moment)
    assert str(person.shown_phone) == "拒留"
    with pytest.raises(Refused):
        persons.reveal(session, CLERK, person, purpose="告知", moment=moment)


@pytest.mark.parametrize("phone", ["12345", "1234567890123", "0001234abcd", "٠٠٠١٢٣٤٥٦"])
def test_what_is_no_phone_number_is_refused(session: Session, moment: datetime, phone: str) -> None:
    with pytest.raises(Refused) as refused:
        persons.remember(session, name="马立新", phone=phone, moment=moment)
    assert refused.value.field == "phone"


@pytest.mark.parametrize(
    ("clear", "masked"), [("00012345678", "000****5678"), ("1234567", "*****67"), ("12345678", "123*5678")]
)
def test_a_phone_is_masked(clear: str, masked: str) -> None:
    assert persons.mask_phone(clear) == masked


@pytest.mark.parametrize(("clear", "masked"), [("周建国", "周**"), ("李婷", "李*"), ("李", "李*"), ("", "")])
def test_a_name_is_masked(clear: str, masked: str) -> None:
    assert persons.mask_name(clear) == masked


def test_a_restricted_person_is_shown_masked(client: Person) -> None:
    assert client.shown_name == "马立新"
    client.restricted = True
    assert client.shown_name == "马**"


# keys


def test_key_files_are_readable_by_their_owner_only(home: Path) -> None:
    keys.seal("x", "field")
    file = home / "keys" / "personal"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == ["personal"]


def test_what_was_sealed_for_one_field_does_not_open_as_another(home: Path) -> None:
    sealed = keys.seal("00012345678", "person.phone")
    assert keys.unseal(sealed, "person.phone") == "00012345678"
    with pytest.raises(keys.WrongKey):
        keys.unseal(sealed, "staff.phone")


def test_a_changed_byte_or_another_installations_key_is_noticed(home: Path, tmp_path: Path) -> None:
    sealed = keys.seal("00012345678", "person.phone")
    with pytest.raises(keys.WrongKey):
        keys.unseal(sealed[:-1] + bytes([sealed[-1] ^ 1]), "person.phone")
    with pytest.raises(keys.WrongKey, match="another key"):
        keys.unseal(sealed, "person.phone", tmp_path / "other")


def test_the_same_value_is_sealed_differently_each_time(home: Path) -> None:
    assert keys.seal("x", "field") != keys.seal("x", "field")
    assert keys.blind("x", "field") == keys.blind("x", "field") != keys.blind("x", "other")


def test_a_damaged_key_file_is_refused_rather_than_used(home: Path) -> None:
    (home / "keys").mkdir(parents=True)
    (home / "keys" / "personal").write_bytes(b"short")
    with pytest.raises(keys.WrongKey):
        keys.seal("x", "field")


def test_an_anchor_is_verified_with_the_public_key_alone(home: Path) -> None:
    signature = keys.signing_key(home).sign(b"heads")
    Ed25519PublicKey.from_public_bytes(keys.public_key(home)).verify(signature, b"heads")
    keys._read_or_make.cache_clear()
    assert keys.signing_key(home).sign(b"heads") == signature


def test_processes_starting_at_once_agree_on_one_key(tmp_path: Path) -> None:
    program = (
        "import pathlib, sys; from workflow.station import keys; home = pathlib.Path(sys.argv[1]);"
        "print('ready', flush=True); sys.stdin.readline(); print(keys.secret('personal', home).hex())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    found = {process.communicate(timeout=60)[0] for process in processes}
    assert len(found) == 1
    assert [path.name for path in (tmp_path / "keys").iterdir()] == ["personal"]


@pytest.mark.parametrize(
    ("name", "phone", "field"), [("  ", "00012345678", "name"), ("马立新", "00012345678", "refused_phone")]
)
def test_a_client_without_a_name_or_with_a_phone_that_is_refused_too_is_not_kept(
    session: Session, moment: datetime, name: str, phone: str, field: str
) -> None:
    with pytest.raises(Refused) as refused:
        persons.remember(
            session, name=name, phone=phone, refused_phone=field == "refused_phone", moment=moment
        )
    assert refused.value.field == field
