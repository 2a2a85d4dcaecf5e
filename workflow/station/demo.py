"""The demo station of rulebook §8. Everything is invented; phones use area code 000, so nobody is called.

The texts are the station's data, as a head would have typed them in, and are therefore not translated.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.station import (
    absences,
    co_handling,
    enterprises,
    items,
    outside_bodies,
    persons,
    positions,
    staff,
)
from workflow.station.absences import Absence
from workflow.station.calendar import ZONE
from workflow.station.co_handling import Unit
from workflow.station.items import Material

PASSWORD = "yizhan-demo"  # noqa: S105 printed at the start of every demo
BEGINNING = date(2026, 1, 1)
PLACE = "示例市质量基础设施一站式服务站 一楼服务大厅"
FREE = "免费。"


@dataclass(frozen=True)
class Login:
    """A demo login, with the post that tells what can be tried with it."""

    login: str
    name: str
    title: str
    post: str
    phone: str


LOGINS = (
    Login("liting", "李婷", "办事员", "接待受理一（A角）", "00081230001"),
    Login("wangfang", "王芳", "办事员", "接待受理二（A角）", "00081230002"),
    Login("zhangwei", "张伟", "工程师", "计量技术（A角）", "00081230003"),
    Login("chenzhiqiang", "陈志强", "工程师", "检测技术、设备管理（A角）", "00081230004"),
    Login("liuyang", "刘洋", "助理工程师", "标准认证技术（A角）", "00081230005"),
    Login("zhaomin", "赵敏", "馆员", "档案、统计（A角）", "00081230006"),
    Login("zhoujianguo", "周建国", "站长", "站长（A角）", "00081230007"),
    Login("sunlihua", "孙丽华", "副站长", "投诉处理（A角）、站长（B角）", "00081230008"),
    Login("wumin", "吴敏", "分管领导", "分管领导（A角）", "00081230009"),
    Login("admin", "郭磊", "系统管理员", "系统管理（A角）", "00081230010"),
)

# The superior's B is the deputy, not the head: nobody approves his own request (decision 39).
POSITIONS = (
    # code, name, duties, A, B in order
    ("intake_1", "接待受理一", ["intake"], "liting", ["wangfang"]),
    ("intake_2", "接待受理二", ["intake"], "wangfang", ["liting"]),
    ("metrology", "计量技术", ["technician"], "zhangwei", ["chenzhiqiang"]),
    ("testing", "检测技术", ["technician", "equipment"], "chenzhiqiang", ["zhangwei"]),
    ("standards", "标准认证技术", ["technician"], "liuyang", ["zhaomin"]),
    ("complaint_desk", "投诉处理", ["complaints"], "sunlihua", ["zhaomin"]),
    ("records", "档案统计", ["archive"], "zhaomin", ["liuyang"]),
    ("station_head", "站长", ["head"], "zhoujianguo", ["sunlihua"]),
    ("leadership", "分管领导", ["superior"], "wumin", ["sunlihua"]),
    ("systems", "系统管理", ["admin"], "admin", ["zhaomin"]),
)

ABSENCES = (
    # who, cause, words, from, to, substitute
    ("liting", "培训", "", "2026-02-13T13:30", "2026-02-13T17:30", "wangfang"),
    ("zhangwei", "出差", "", "2026-03-09T08:30", "2026-03-11T17:30", "chenzhiqiang"),
)

ENTERPRISES = (
    # name, code, size, industry, contact, phone
    ("示例市晨光五金制品有限公司", "91000000MA0000001R", "小", "五金", "马立新", "00062210001"),
    ("示例市恒源食品有限公司", "91000000MA0000002W", "中", "食品", "胡秀英", "00062210002"),
    ("示例市佳美家具厂", "91000000MA00000030", "微", "家具", "朱明", "00062210003"),
    ("示例市博远电器有限公司", "91000000MA00000043", "中", "电器", "林晓峰", "00062210004"),
    ("示例市绿野农业合作社", "91000000MA00000056", "小", "农业", "高凤兰", "00062210005"),
    ("示例市锐测仪器有限公司", "91000000MA00000069", "小", "仪器", "罗文涛", "00062210006"),
    ("示例市华裳服饰有限公司", "91000000MA0000007C", "小", "服装", "宋佳", "00062210007"),
    ("示例市安途汽车零部件有限公司", "91000000MA0000008F", "大", "汽配", "唐国栋", "00062210008"),
    ("示例市清泉饮品有限公司", "91000000MA0000009J", "微", "饮料", "许春梅", "00062210009"),
    ("示例市云图软件有限公司", "91000000MA0000010P", "小", "软件", "邓凯", "00062210010"),
)


# name, scope, phone, address, keywords
OUTSIDE_BODIES = (
    ("示例市政务服务便民热线", "不清楚由谁承办的诉求、求助和投诉，统一受理转办。", "000-12345", "",
     "热线 12345 求助 投诉"),
    ("示例市市场监督管理局登记注册科", "企业和个体工商户的设立、变更、注销登记。", "000-81231001",
     "示例市创新大道 1 号 政务服务中心 1 楼", "营业执照 注册 变更 注销"),
    ("示例市税务局第一税务所", "发票领用、纳税申报和税务登记。", "000-81231002",
     "示例市创新大道 1 号 政务服务中心 3 楼", "发票 税 报税"),
    ("示例市人力资源和社会保障局", "社会保险、用工备案和劳动争议。", "000-81231003", "示例市人民路 18 号",
     "社保 用工 工资 工伤"),
    ("示例市特种设备检验所", "锅炉、电梯、起重机械等特种设备的检验。", "000-81231004", "示例市工业路 6 号",
     "锅炉 电梯 叉车 压力容器"),
    ("示例市生态环境局", "建设项目环境影响评价、排污许可。", "000-81231005", "示例市人民路 20 号",
     "环评 排污 环保"),
)  # fmt: skip


@dataclass(frozen=True)
class Item:
    """An item of the demo catalogue; ``limit`` in working days. What is immediate is done on the spot,
    its limit says by when at the latest."""

    code: str
    name: str
    domain: str
    limit: str
    position: str
    materials: tuple[Material, ...]
    fee: str
    conditions: str
    procedure: str
    immediate: bool = False
    needs_expert: bool = False
    units: tuple[Unit, ...] = ()


STEPS = "登记与判类 → 审核材料 → 出具收件回执 → 答复方案与时间 → {} → 办结取件"
LICENCE = Material("营业执照", original="复印件", source="市场监督管理部门核发")
IDENTITY = Material("主体资格证明", original="复印件", source="营业执照或身份证明")
FOR_ALL = "在本市登记注册的企业、个体工商户或其他组织，材料齐全且内容真实。"
REFUSALS = (
    "不属于本站服务范围",
    "申请人不具备相应主体资格",
    "告知补正后材料仍不齐全或不符合要求",
    "样品或资料存在安全风险，本站不具备处置条件",
)

ITEMS = (
    Item("JL01", "计量器具检定/校准代办", "计量", "10", "metrology",
         (Material("检定/校准委托单", source="窗口领取或网上下载"), Material("计量器具清单"),
          Material("计量器具样品", condition="现场检定的大型器具可不送样"), LICENCE),
         "服务免费；检定、校准费由承检机构按公示标准收取。",
         "委托单位在本市登记；器具外观完好、铭牌清晰、可正常通电或操作。",
         STEPS.format("联系承检机构并送检、跟踪进度"), needs_expert=True,
         units=(Unit("示例市计量检定测试所", "业务受理室 韩敏", "000-81240001"),
                Unit("示例市衡器检定站", "收样窗口 邵华", "000-81240002"))),
    Item("JL02", "计量器具送检咨询", "计量", "0.5", "metrology",
         (Material("计量器具清单", original="电子", required=False, condition="器具多于3件时提供"),),
         FREE, "咨询事项与计量器具的检定、校准或选型有关。",
         "登记与判类 → 当场解答 → 出具告知书 → 办结", immediate=True),
    Item("BZ01", "标准查询与有效性确认", "标准", "1", "standards",
         (Material("标准查询申请单", source="窗口领取或网上下载"),),
         FREE, "能够提供标准编号、名称或产品类别之一。", STEPS.format("检索标准并确认现行有效性")),
    Item("BZ02", "企业标准自我声明公开指导", "标准", "5", "standards",
         (Material("企业标准文本", original="电子"), Material("标准编制说明", original="电子"), LICENCE),
         FREE, FOR_ALL, STEPS.format("审读文本、提出修改建议、指导填报公开")),
    Item("JC01", "产品检验检测委托", "检验检测", "15", "testing",
         (Material("检验检测委托书", copies=2, source="窗口领取或网上下载"),
          Material("检测样品", condition="数量按执行标准的抽样要求"),
          Material("产品执行标准", original="复印件"), Material("产品说明书", original="复印件")),
         "服务免费；检验检测费由检测机构按公示标准收取。",
         "样品包装完好、数量满足检测要求，并明确检测项目和执行标准。",
         STEPS.format("确认检测方案、送样检测（检测期间暂停计时）、取回报告"), needs_expert=True,
         units=(Unit("示例市产品质量检验所", "样品室 顾丽", "000-81240003"),)),
    Item("JC02", "检测设备共享预约", "检验检测", "0.5", "testing",
         (Material("设备共享预约单", source="窗口领取或网上下载"),
          Material("操作人员能力证明", original="复印件", source="培训或考核合格证明")),
         "免费使用；耗材自备。", "设备在有效检定期内且处于可用状态，操作人员具备相应能力。",
         STEPS.format("核对设备状态并安排时段")),
    Item("RZ01", "质量管理体系认证咨询", "认证认可", "5", "standards",
         (Material("企业概况", original="电子"), Material("组织机构图", original="电子"),
          Material("现有体系文件", original="电子", required=False, condition="已建立体系文件的企业提供")),
         FREE, FOR_ALL, STEPS.format("诊断现状、形成咨询意见")),
    Item("RZ02", "强制性产品认证（CCC）目录确认", "认证认可", "3", "standards",
         (Material("产品说明", original="电子"), Material("产品照片", original="电子"),
          Material("主要技术参数", original="电子")),
         FREE, "产品名称、用途和主要参数清楚，可与认证目录对照。", STEPS.format("对照目录、形成确认意见")),
    Item("ZL01", "质量问题技术诊断（专家上门）", "质量管理", "20", "testing",
         (Material("技术诊断申请书", source="窗口领取或网上下载"), Material("质量问题描述", original="电子"),
          Material("有关检测数据", original="复印件", required=False, condition="已做过检测的提供")),
         "服务免费；检测费用另行约定。", "问题具体、可重现，企业同意专家进入现场并提供必要配合。",
         STEPS.format("安排专家、上门诊断、形成诊断意见"), needs_expert=True),
    Item("ZS01", "商标注册指导", "知识产权", "2", "standards",
         (Material("商标图样", original="电子"), Material("商品或服务类别说明", original="电子"), IDENTITY),
         "指导免费；官方规费由申请人直接缴纳。", "标识图样清晰，商品或服务类别明确。",
         STEPS.format("查询近似商标、指导填写申请")),
    Item("ZS02", "专利检索与申请指导", "知识产权", "5", "standards",
         (Material("技术交底书", original="电子"), IDENTITY),
         "指导免费；官方规费由申请人直接缴纳。", "技术方案完整，能够说明解决的问题和效果。",
         STEPS.format("检索对比、形成检索意见并指导申请")),
    Item("ZC01", "质量政策与奖项申报辅导", "质量管理", "7", "standards",
         (Material("奖项申报表", copies=2, source="申报通知附件"),
          Material("业绩证明材料", original="复印件")),
         FREE, FOR_ALL, STEPS.format("对照评审要求辅导、复核申报材料")),
)  # fmt: skip


def fill(session: Session, moment: datetime) -> None:
    """Write the demo station into an empty or half-filled database; what is there stays. Flushes."""
    people = {login.login: _person(session, login) for login in LOGINS}
    for code, name, duties, a, b in POSITIONS:
        if session.scalar(select(positions.Position.id).where(positions.Position.code == code)) is None:
            position = positions.create(session, code=code, name=name, duties=duties)
            positions.appoint(session, position, a=people[a], b=[people[each] for each in b], on=BEGINNING)
            positions.activate(session, position, on=BEGINNING)
    for who, cause, words, begins, ends, substitute in ABSENCES:
        _absence(session, people[who], cause, words, _local(begins), _local(ends), people[substitute])
    for item in ITEMS:
        _item(session, item)
    for body in OUTSIDE_BODIES:
        _outside_body(session, people["zhoujianguo"], body, moment)
    for name, code18, size, industry, contact, phone in ENTERPRISES:
        _enterprise(session, name, code18, size, industry, contact, phone, moment)


def _person(session: Session, login: Login) -> staff.Staff:
    known = session.scalar(select(staff.Staff).where(staff.Staff.login == login.login))
    if known is not None:
        return known
    person = staff.create(session, login=login.login, name=login.name, title=login.title, phone=login.phone)
    person.password_hash = _hash()
    session.flush()
    return person


def _absence(
    session: Session,
    person: staff.Staff,
    cause: str,
    words: str,
    begins: datetime,
    ends: datetime,
    substitute: staff.Staff,
) -> None:
    known = select(Absence.id).where(Absence.staff_id == person.id, Absence.from_at == begins)
    if session.scalar(known) is None:
        absences.record(
            session,
            person,
            cause=cause,
            cause_text=words,
            from_at=begins,
            to_at=ends,
            substitute=substitute,
        )


def _item(session: Session, item: Item) -> None:
    known = select(items.ServiceItem.id).where(items.ServiceItem.code == item.code)
    if session.scalar(known) is not None:
        return
    version = items.draft(
        session,
        items.create(session, code=item.code, name=item.name, domain=item.domain),
        effective_from=BEGINNING,
        handler_position=item.position,
        limit_value=Decimal(item.limit),
        materials=item.materials,
        basis=f"《示例市质量基础设施一站式服务站服务事项目录(2026年版)》{item.code}",
        fee=item.fee,
        procedure=item.procedure,
        conditions=item.conditions,
        refusals=REFUSALS,
        immediate=item.immediate,
        needs_expert=item.needs_expert,
        place=PLACE,
        phone="000-81230000",
    )
    co_handling.name_units(session, version, item.units)
    items.publish(session, version)


def _outside_body(
    session: Session, head: staff.Staff, words: tuple[str, str, str, str, str], moment: datetime
) -> None:
    name, scope, phone, address, keywords = words
    known = select(outside_bodies.OutsideBody.id).where(outside_bodies.OutsideBody.name == name)
    if session.scalar(known) is None:
        outside_bodies.save(
            session,
            None,
            name=name,
            scope=scope,
            phone=phone,
            address=address,
            keywords=keywords,
            by=staff.actor(session, head, moment),
            moment=moment,
        )


def _enterprise(
    session: Session,
    name: str,
    code18: str,
    size: str,
    industry: str,
    contact: str,
    phone: str,
    moment: datetime,
) -> None:
    known = select(enterprises.Enterprise.id).where(enterprises.Enterprise.code18 == code18)
    if session.scalar(known) is not None:
        return
    enterprise = enterprises.create(
        session,
        name=name,
        code18=code18,
        size=size,
        industry=industry,
        address="示例市示例区示例路",
        moment=moment,
    )
    persons.remember(session, name=contact, phone=phone, enterprise_id=enterprise.id, moment=moment)


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@cache
def _hash() -> str:
    """One hash for all: ten would make every start a second longer."""
    return staff.HASHER.hash(PASSWORD)
