from datetime import datetime

import pytest
from argon2 import PasswordHasher
from sqlalchemy.orm import Session

from workflow.errors import Refused
from workflow.station import staff

PASSWORD = "correct horse"


def test_a_person_signs_in_with_the_password_in_any_case_of_the_login(session: Session) -> None:
    person = staff.create(session, login="LiTing", name="李婷", password=PASSWORD)
    assert staff.check_password(session, " liting ", PASSWORD) is person


def test_a_wrong_password_an_unknown_login_and_an_inactive_person_are_all_nobody(session: Session) -> None:
    person = staff.create(session, login="liting", name="李婷", password=PASSWORD)
    assert staff.check_password(session, "liting", "wrong horse") is None
    assert staff.check_password(session, "nobody", PASSWORD) is None
    person.active = False
    assert staff.check_password(session, "liting", PASSWORD) is None


def test_nobody_gets_in_with_the_password_behind_unknown_logins(session: Session) -> None:
    staff.create(session, login="liting", name="李婷")
    assert staff.check_password(session, "liting", "nobody has this password") is None
    assert staff.check_password(session, "nobody", "nobody has this password") is None


def test_an_unknown_login_costs_one_verification_like_a_known_one(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    staff.create(session, login="liting", name="李婷", password=PASSWORD)
    verified: list[str] = []

    class Counting(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:
            verified.append(str(hash).split("$")[3])
            return super().verify(hash, password)

    monkeypatch.setattr(staff, "HASHER", Counting())
    staff.check_password(session, "liting", "wrong horse")
    staff.check_password(session, "nobody", "wrong horse")
    assert len(verified) == 2
    assert verified[0] == verified[1]


def test_a_hash_of_older_parameters_is_made_anew_at_sign_in(session: Session) -> None:
    person = staff.create(session, login="liting", name="李婷")
    person.password_hash = PasswordHasher(time_cost=1, memory_cost=8192).hash(PASSWORD)
    assert staff.check_password(session, "liting", PASSWORD) is person
    assert not staff.HASHER.check_needs_rehash(person.password_hash)
    assert staff.check_password(session, "liting", PASSWORD) is person


def test_a_login_is_taken_only_once(session: Session) -> None:
    staff.create(session, login="liting", name="李婷")
    with pytest.raises(Refused) as refused:
        staff.create(session, login="LITING", name="李停")
    assert refused.value.field == "login"


def test_a_short_password_is_refused(session: Session) -> None:
    with pytest.raises(Refused):
        staff.create(session, login="liting", name="李婷", password="1234567")


def test_names_sort_by_sound_and_surnames_are_read_as_surnames(session: Session) -> None:
    people = [
        staff.create(session, login=f"p{number}", name=name)
        for number, name in enumerate(["赵敏", "曾海", "单雄", "李婷", "陈志强"])
    ]
    ordered = sorted(people, key=lambda person: person.name_pinyin)
    assert [person.name for person in ordered] == ["陈志强", "李婷", "单雄", "曾海", "赵敏"]


def test_the_office_phone_lies_encrypted_and_opens_again(session: Session) -> None:
    person = staff.create(session, login="liting", name="李婷", phone="00081230001")
    assert person.phone_enc is not None
    assert b"00081230001" not in person.phone_enc
    assert person.phone == "00081230001"


def test_a_key_leads_back_to_its_person_and_the_system_to_nobody(session: Session) -> None:
    person = staff.create(session, login="liting", name="李婷")
    assert staff.by_key(session, person.key) is person
    assert staff.by_key(session, "system") is None
    assert staff.by_key(session, None) is None
    assert staff.names(session, {person.key, "system"}) == {person.key: "李婷", "system": "系统"}


def test_an_inactive_person_acts_as_nothing(session: Session, moment: datetime) -> None:
    person = staff.create(session, login="liting", name="李婷")
    person.active = False
    actor = staff.actor(session, person, moment)
    assert not actor.offers
    assert not actor.may


@pytest.mark.parametrize(("login", "name"), [("  ", "李婷"), ("liting", " ")])
def test_a_member_of_staff_has_a_login_and_a_name(session: Session, login: str, name: str) -> None:
    with pytest.raises(Refused, match="请填写登录名和姓名"):
        staff.create(session, login=login, name=name)
