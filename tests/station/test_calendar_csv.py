"""A year as a file: what is read, what is refused and in which line."""

from __future__ import annotations

from datetime import date

import pytest

from workflow.errors import InvalidForm, Refused
from workflow.station import calendar_csv
from workflow.station.calendar import built
from workflow.station.calendar_days import Closing

NEW_YEAR = "2027-01-01,放假,元旦"


def said(text: str) -> list[str]:
    with pytest.raises(InvalidForm) as refused:
        calendar_csv.read(text, 2027)
    return [str(one) for texts in refused.value.errors.values() for one in texts]


def test_days_off_worked_weekends_and_closures_are_read() -> None:
    lines = [
        NEW_YEAR,
        "2026/12/31,放假,元旦",
        "2027年1月10日, 调休上班 ,元旦",
        "2027.3.8,下午闭站,妇女节",
        "",
        ",,",
    ]
    notice = calendar_csv.read("日期,类型,名称\r\n" + "\r\n".join(lines), 2027)
    assert notice.off == {date(2027, 1, 1): "元旦", date(2026, 12, 31): "元旦"}
    assert notice.worked == {date(2027, 1, 10): "元旦"}
    assert notice.closed == {date(2027, 3, 8): Closing("妇女节", am=True)}


def test_cells_pasted_from_a_spreadsheet_are_separated_by_tabs() -> None:
    notice = calendar_csv.read("2027-01-01\t放假\t元旦, 新年\n2027-01-10\twork\t元旦", 2027)
    assert notice.off == {date(2027, 1, 1): "元旦, 新年"} and date(2027, 1, 10) in notice.worked


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
def test_files_are_read_in_the_encodings_of_spreadsheets(encoding: str) -> None:
    assert calendar_csv.decoded(NEW_YEAR.encode(encoding)) == NEW_YEAR


@pytest.mark.parametrize(
    "data", [b"\xff\xfe2\x000\x002\x007\x00", b"\x89PNG\r\n\x1a\n\0\0", b"\x81", b"x" * (256 * 1024 + 1)]
)
def test_what_is_no_text_or_too_much_is_refused(data: bytes) -> None:
    with pytest.raises(Refused):
        calendar_csv.decoded(data)


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("2027-02-30,放假,春节", "“2027-02-30”不是日期"),
        ("2027-02-05,休假,春节", "类型“休假”不认识"),
        ("2028-02-05,放假,春节", "2028-02-05 不在 2027 年"),
        ("2026-12-24,放假,元旦", "2026-12-24 不在 2027 年"),
        ("2027-01-01,放假,元旦", "2027-01-01 与第 1 行重复"),
        ("2027-02-05,放假", "应有三列"),
        ("2027-02-05,放假,春节,多", "应有三列"),
        ('2027-02-05,"放假,春节', "应有三列"),
        ("2027-02-05,放假,", "请填写名称"),
        ("2027-02-05,放假,=cmd|'/c calc'!A1", "名称或原因不能以"),
        ("2027-02-05,放假,＝1+1", "名称或原因不能以"),
        ("2027-02-05,放假,\u202e春节", "名称或原因不能以"),
        ("2027-02-05,上班,春节", "2027-02-05 是周一至周五"),
        ("²⁰27-02-05,放假,春节", "不是日期"),
    ],
)
def test_a_fault_names_its_line(line: str, fault: str) -> None:
    (sentence,) = said(f"{NEW_YEAR}\n{line}")
    assert sentence.startswith("第 2 行：") and fault in sentence


def test_every_faulty_line_is_named_and_the_twentieth_ends_it() -> None:
    assert [one[:6] for one in said(f"x,y,z\n{NEW_YEAR}\n1,2,3")] == ["第 1 行：", "第 3 行："]
    assert len(said("x,y,z\n" * 300)) == 20


def test_a_file_without_a_holiday_is_no_notice() -> None:
    assert said("") == said("2027-01-10,上班,元旦") == ["没有一天放假：请粘贴完整的放假安排。"]


@pytest.mark.parametrize("text", ["x,y\n" * 401, NEW_YEAR + "长" * 1001])
def test_a_file_that_cannot_be_a_year_is_refused_at_once(text: str) -> None:
    with pytest.raises(Refused):
        calendar_csv.read(text, 2027)


def test_what_is_written_is_read_again_as_the_same_days() -> None:
    notice = calendar_csv.read(calendar_csv.written(built(), 2026), 2026)
    assert len(notice.off) == 33 and len(notice.worked) == 6 and notice.closed == {}
    for day, name in {**notice.off, **notice.worked}.items():
        assert built().is_work(day) is (day in notice.worked) and built().day(day).name == name


def test_a_text_that_no_year_could_fill_is_refused_before_it_is_read() -> None:
    with pytest.raises(Refused, match="文件太大"):
        calendar_csv.read(NEW_YEAR + "\n" + "一" * (90 * 1024), 2027)
