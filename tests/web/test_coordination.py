"""Working with others over the wire: coordination alone, departments asked; what is refused stays typed."""

from __future__ import annotations

from collections.abc import Callable

from tests.conftest import Database
from tests.web.conftest import Browser, case_of

RECORD = {
    "party": "unit",
    "unit": "示例市计量检定测试所",
    "name": "韩敏",
    "phone": "000-81240009",
    "about": "卡尺的检定",
    "agreed": "周五前排期。",
    "due": "2026-03-06",
}


def test_r1_1d_a_matter_alone_is_recorded_found_corrected_and_settled(
    liting: Browser, wangfang: Browser, signed_in: Callable[[str], Browser]
) -> None:
    assert "记一次沟通" in liting.get("/coordination/new").text
    done = liting.send("/coordination/new", RECORD)
    assert done.status_code == 200 and done.json is not None
    place = done.json["next"]
    page = liting.get(place).text
    assert "韩敏 *******0009" in page and "81240009" not in page.replace("*******0009", "")
    assert "卡尺的检定" in wangfang.get("/coordination").text
    assert wangfang.post(f"{place}/settle").status_code == 403
    refused = liting.post(f"{place}/correct", words="x")
    assert refused.status_code == 422 and ">x</textarea>" in refused.text
    assert liting.post(f"{place}/correct", words="是周四。").status_code == 302
    assert "是周四。" in liting.get(place).text
    task = liting.post(f"{place}/settle").headers["Location"]
    assert "沟通协调" in liting.get(task).text
    assert "与谁沟通" in liting.get(f"{task}/pane").text
    assert liting.send(f"{task}/complete", {"outcome": "kept", "words": "已排期。"}).status_code == 200
    assert f'href="{place}"' not in liting.get("/coordination").text
    assert f'href="{place}"' in liting.get("/coordination?show=all").text
    admin = signed_in("admin")
    assert admin.get("/coordination/new").status_code == 403
    assert admin.get(place).status_code == 404
    assert "卡尺的检定" not in admin.get("/coordination?show=all").text


def test_r2_3_4b_a_department_is_asked_and_taken_back_on_the_case(
    liting: Browser, signed_in: Callable[[str], Browser], registered: int, database: Database
) -> None:
    case = case_of(database).id
    form = liting.get(f"/cases/{case}/joint/form.json").json
    assert form is not None
    me = form["data"]["lead"]
    asked = {
        "lead": me,
        "unit": "示例市应急局",
        "asked": "出具意见。",
        "due": "2026-03-05",
        "looks_after": me,
    }
    assert liting.send(f"/cases/{case}/joint", asked).status_code == 200
    assert "示例市应急局" in liting.get(f"/cases/{case}").text
    assert "确认撤回" not in signed_in("wangfang").get(f"/cases/{case}").text
    refused = liting.post(f"/cases/{case}/joint/1/withdraw", reason="x")
    assert refused.status_code == 422 and 'value="x"' in refused.text
    assert liting.post(f"/cases/{case}/joint/1/withdraw", reason="企业另行解决。").status_code == 302
    assert "撤回原因：企业另行解决。" in liting.get(f"/cases/{case}").text
