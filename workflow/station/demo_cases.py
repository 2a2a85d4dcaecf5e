"""A week at the demo station: cases that were really registered, accepted and handled, at earlier moments.

Everything goes through the verbs that people use, with the business clock set back and moved on, so that
history, receipts, clocks and reminders are what they would have been.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.database import business_now, set_business_clock
from workflow.engine.tasks import OPEN, TaskRow
from workflow.engine.timers import TimerRow
from workflow.station import demo_consultations, positions, staff, targets
from workflow.station.calendar import ZONE
from workflow.station.cases import Case, of_instance
from workflow.station.enterprises import Enterprise
from workflow.station.running import engine_for
from workflow.station.staff import Staff


@dataclass(frozen=True)
class Scene:
    """One client's visit; ``until`` is the step at which the case still rests when the demo begins."""

    at: str
    clerk: str
    channel: str
    name: str
    phone: str | None
    enterprise: str
    matter: str
    item: str
    until: str
    planned_on: str = ""


# What was asked and answered on the spot since New Year, so that the quarter's target has something to show.
EARLIER = tuple(
    Scene(at, clerk, channel, name, f"000-5552{number:04}", enterprise, matter, item, "")
    for number, (at, clerk, channel, name, enterprise, matter, item) in enumerate(
        (
            ("2026-01-06 09:10", "liting", "visit", "何静", "恒源食品", "食品添加剂标准更新了没有？", "BZ01"),
            ("2026-01-08 14:30", "wangfang", "phone", "魏强", "晨光五金", "卡尺在哪里检定？", "JL02"),
            ("2026-01-13 10:20", "liting", "visit", "曹颖", "佳美家具", "人造板甲醛标准查新。", "BZ01"),
            ("2026-01-15 09:40", "wangfang", "web", "彭涛", "绿野农业", "电子秤选型，量程怎么定？", "JL02"),
            ("2026-01-20 15:05", "liting", "phone", "吕梅", "华裳服饰", "校服标准是否有新版？", "BZ01"),
            ("2026-01-23 11:00", "wangfang", "visit", "丁伟", "锐测仪器", "压力表检定周期咨询。", "JL02"),
            ("2026-01-28 09:15", "liting", "visit", "任杰", "安途汽车", "制动衬片标准确认有效性。", "BZ01"),
            ("2026-02-03 14:10", "wangfang", "phone", "沈悦", "清泉饮品", "灌装量误差按哪个规程？", "JL02"),
            ("2026-02-05 10:45", "liting", "web", "姚磊", "云图软件", "软件测评标准查询。", "BZ01"),
            ("2026-02-06 16:00", "wangfang", "visit", "卢敏", "博远电器", "耐压测试仪送检要带什么？", "JL02"),
        ),
        start=1,
    )
)

SCENES = (
    *EARLIER,
    Scene(
        "2026-02-09 09:20",
        "liting",
        "visit",
        "钱志远",
        "000-55510001",
        "晨光五金",
        "一批千分尺到期，请代办检定。",
        "JL01",
        "handle",
        "2026-02-27",
    ),
    Scene(
        "2026-02-10 10:05",
        "wangfang",
        "visit",
        "孙晓梅",
        "000-55510002",
        "锐测仪器",
        "三台压力表需要校准，等着交货。",
        "JL01",
        "handle",
        "2026-03-02",
    ),
    Scene(
        "2026-02-24 09:10",
        "liting",
        "phone",
        "李国强",
        "000-55510003",
        "恒源食品",
        "食品标签标准还是不是现行有效？",
        "BZ01",
        "",
    ),
    Scene(
        "2026-02-25 14:40",
        "liting",
        "visit",
        "周敏",
        "000-55510004",
        "佳美家具",
        "想把企业标准自我声明公开，不知道怎么写。",
        "BZ02",
        "handle",
        "2026-03-03",
    ),
    Scene(
        "2026-02-26 08:50",
        "wangfang",
        "visit",
        "吴海燕",
        "000-55510005",
        "博远电器",
        "新出的电热毯要不要做 CCC 认证？",
        "RZ02",
        "answer",
    ),
    Scene(
        "2026-02-26 15:20",
        "liting",
        "transfer",
        "郑大力",
        "000-55510006",
        "安途汽车",
        "刹车片批量异响，想请专家到现场看看。",
        "ZL01",
        "handle",
        "2026-03-20",
    ),
    Scene(
        "2026-02-27 09:45",
        "wangfang",
        "visit",
        "冯春生",
        "000-55510007",
        "清泉饮品",
        "想给新饮料注册商标。",
        "ZS01",
        "close",
        "2026-03-02",
    ),
    Scene(
        "2026-02-27 11:10",
        "liting",
        "phone",
        "陈立",
        None,
        "绿野农业",
        "地磅能不能送检，多少钱？",
        "JL02",
        "",
    ),
    Scene(
        "2026-02-28 10:30",
        "liting",
        "visit",
        "褚红",
        "000-55510009",
        "华裳服饰",
        "一批校服面料要做检测。",
        "JC01",
        "receive_materials",
    ),
    Scene(
        "2026-03-02 08:35",
        "wangfang",
        "web",
        "卫东",
        "000-55510010",
        "云图软件",
        "算法想申请专利，先看看有没有人申请过。",
        "ZS02",
        "check_materials",
    ),
    Scene(
        "2026-03-02 08:52",
        "liting",
        "phone",
        "蒋文华",
        "000-55510011",
        "佳美家具",
        "电子秤不准了，找谁校？",
        "",
        "classify",
    ),
)

# period, day in it, domain ('' = the whole station), quantity, percent in time
TARGETS = (
    ("quarter", "2026-01-01", "", 20, 95),
    ("month", "2026-03-01", "计量", 8, 90),
    ("month", "2026-03-01", "标准", 6, 90),
)

FORMS: Mapping[str, dict[str, Any]] = {
    "receive_materials": {"delivery": "visit", "brought": "补交了缺少的材料。"},
    "handle": {"progress": "已按方案办理，结果已核对。", "needs_more": False},
    "review": {"verdict": "pass"},  # whichever cases the sample draws
    "close": {"result": "completed", "summary": "已办结并告知企业。", "pickup": "none"},
}


def play(session: Session, until: datetime) -> None:
    """Play all scenes and come back to ``until``. Flushes. Does nothing when there are cases already."""
    if session.scalar(select(Case.id).limit(1)) is not None:
        return
    for scene in SCENES:
        _play(session, scene)
    demo_consultations.play(session)
    _move(session, until)
    _set_targets(session)


def _play(session: Session, scene: Scene) -> None:
    _move(session, datetime.fromisoformat(scene.at).replace(tzinfo=ZONE))
    clerk = _person(session, scene.clerk)
    enterprise = session.scalars(select(Enterprise).where(Enterprise.name.contains(scene.enterprise))).one()
    form = {
        "channel": scene.channel,
        "name": scene.name,
        "enterprise": str(enterprise.id),
        "matter": scene.matter,
        "first_contact": str(clerk.id),
        **({"phone": scene.phone} if scene.phone else {"refused": True}),
    }
    engine = engine_for(session)
    instance = engine.start("intake", by=staff.actor(session, clerk, business_now(session)), data=form)
    while (task := _open(session, instance)) is not None and task.element != scene.until:
        case = of_instance(session, instance)
        (holder, _), *_rest = positions.holders_of(session, task.candidate, business_now(session))
        who = clerk if task.candidate == "intake" else holder
        actor = staff.actor(session, who, business_now(session))
        engine.complete(task.id, by=actor, data=_filled_in(scene, case, task.element))


def _set_targets(session: Session) -> None:
    moment = business_now(session)
    head = staff.actor(session, _person(session, "zhoujianguo"), moment)
    for period, day, domain, quantity, quality in TARGETS:
        targets.set_target(
            session,
            period=period,
            day=date.fromisoformat(day),
            domain=domain or None,
            quantity=quantity,
            quality=quality,
            by=head,
            moment=moment,
        )


def _filled_in(scene: Scene, case: Case, element: str) -> Mapping[str, Any]:
    if element == "classify":
        return {"item": scene.item}
    if element == "answer":
        return {"solution": "按事项指南办理，材料已齐全。", "planned_on": scene.planned_on}
    if element == "check_materials":
        waits = scene.until == "receive_materials"
        rows: list[dict[str, Any]] = [
            {
                "name": m.name,
                "state": "ok",
                "pages": 1 + m.seq,
                "copies": m.asked_copies,
                "original": "original",
            }
            for m in case.materials
        ]
        if waits:
            rows[0] = {"name": rows[0]["name"], "state": "unfit", "reason": "请加盖公章后再交。"}
        return {"materials": rows, "decision": "wait" if waits else "accept"}
    return FORMS[element]


def _move(session: Session, moment: datetime) -> None:
    """Set the business clock, and fire on the way what falls due before, each at its own time."""
    engine = engine_for(session)
    due = select(TimerRow).where(TimerRow.due_at <= moment).order_by(TimerRow.due_at).limit(1)
    while (timer := session.scalars(due).first()) is not None:
        set_business_clock(session, timer.due_at)
        engine.fire(timer.id)
        session.expire_all()
    set_business_clock(session, moment)
    session.expire_all()


def _open(session: Session, instance: int) -> TaskRow | None:
    session.expire_all()
    return session.scalars(
        select(TaskRow).where(TaskRow.instance_id == instance, TaskRow.status == OPEN)
    ).first()


def _person(session: Session, login: str) -> Staff:
    return session.scalars(select(Staff).where(Staff.login == login)).one()
