"""What the demo station was asked before today: approved answers, and one question that was answered."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.database import business_now
from workflow.engine.tasks import OPEN, TaskRow
from workflow.station import answers, items, staff
from workflow.station.calendar import ZONE
from workflow.station.consultation_steps import PROCESS
from workflow.station.running import engine_for
from workflow.station.staff import Staff

CATALOGUE = "《示例市质量基础设施一站式服务站服务事项目录(2026年版)》"
ANSWERS = (
    # item, topic, words, basis
    ("JL01", "检定要多久、样品要不要送来",
     "承诺十个工作日办结。一般请把样品送到本站；大型或不便搬动的器具可以预约现场检定，不必送样。",
     f"{CATALOGUE}JL01"),
    ("BZ02", "企业标准自我声明公开要准备什么",
     "请准备企业标准文本、编制说明（电子版）和营业执照复印件，我们先帮您审读文本，再指导您在平台上公开，不收费。",
     f"{CATALOGUE}BZ02"),
    ("", "本站的服务收不收费",
     "本站的咨询、代办和指导都免费；检定、校准、检验检测费由承检机构按公示标准收取，事先会告诉您。",
     f"{CATALOGUE}收费说明"),
)  # fmt: skip
ASKED = {
    "channel": "phone",
    "item": "JL01",
    "topic": "大型器具送检",
    "question": "车间里的地磅要检定，搬不动，也要送到站里来吗？",
    "anonymous": True,
    "difficulty": "at_once",
}


def play(session: Session) -> None:
    """Save the answers, and answer a caller, at the business clock's moment. Flushes."""
    moment = business_now(session)
    head, clerk = (staff.actor(session, _person(session, one), moment) for one in ("zhoujianguo", "wangfang"))
    saved = []
    for code, topic, words, basis in ANSWERS:
        item = items.current(session, code, moment.astimezone(ZONE).date()).item if code else None
        saved.append(
            answers.approve(session, by=head, moment=moment, topic=topic, words=words, basis=basis, item=item)
        )
    engine = engine_for(session)
    instance = engine.start(PROCESS, by=clerk, data=ASKED)
    task = select(TaskRow.id).where(TaskRow.instance_id == instance, TaskRow.status == OPEN)
    told = {"decision": "answer", "told": "oral", "outcome": "reached", "library": str(saved[0].id)}
    answer = {**told, "answer": saved[0].words, "basis": saved[0].basis}
    engine.complete(session.scalars(task).one(), by=clerk, data=answer)


def _person(session: Session, login: str) -> Staff:
    return session.scalars(select(Staff).where(Staff.login == login)).one()
