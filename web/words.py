"""The sentences of the islands: they come from the one catalogue, with the page."""

from __future__ import annotations

from flask import Flask
from flask_babel import gettext as _


def install(app: Flask) -> None:
    app.jinja_env.globals["island_words"] = island_words


def island_words() -> dict[str, str]:
    """Key in the script -> sentence; ``{a}`` and ``{b}`` are filled there."""
    return {
        "required": _("请填写此项"),
        "choose": _("请选择此项"),
        "number": _("请填写数字"),
        "integer": _("请填写整数"),
        "decimals": _("最多 {a} 位小数"),
        "step": _("最接近的可填值是 {a} 和 {b}"),
        "pattern": _("格式不正确"),
        "min": _("不能小于 {a}"),
        "max": _("不能大于 {a}"),
        "minLength": _("至少 {a} 个字"),
        "maxLength": _("最多 {a} 个字"),
        "phone": _("电话号码格式不正确"),
        "email": _("电子邮箱格式不正确"),
        "check": _("有 {count} 处需要填写或修改："),
        "offline": _("网络中断，内容还在本页，没有丢失。请再点一次提交。"),
        "broken": _("系统没有正常回应，内容还在本页。请稍后再试。"),
        "draft": _("已恢复 {at} 的草稿，还没有提交。"),
        "kept": _("草稿已保存 {at}"),
        "unkept": _("草稿没有保存：{why}"),
        "Search": _("搜索或选择"),
        "Select": _("请选择"),
        "No results": _("没有符合的选项"),
        "All values selected": _("已全部选择"),
        "Browse": _("选择文件"),
        "No files selected": _("未选择文件"),
        "Nothing to show.": _("没有内容"),
        "Add new": _("新增一行"),
        "Remove tag": _("移除"),
        "Remove list item {number}": _("移除第 {number} 行"),
        "Increment": _("加一"),
        "Decrement": _("减一"),
        "Previous page": _("上一页"),
        "Next page": _("下一页"),
        "Year": _("年"),
        "Month": _("月"),
        "Hour": _("时"),
        "Minute": _("分"),
        "date": _("年-月-日"),
        "Date and time must both be entered.": _("日期和时间都要填写"),
    }
