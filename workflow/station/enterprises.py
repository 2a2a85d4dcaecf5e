"""Enterprises: one file for each (一企一档, R3.1)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import String, func, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from workflow.engine.actors import Actor
from workflow.errors import Refused
from workflow.schema import Base
from workflow.station import calendar, permissions, pinyin
from workflow.station.written import refuse_invisible
from workflow.texts import T

# GB 32100-2015: 31 signs without I, O, S, V, Z; sign i weighs 3^i mod 31.
SIGNS = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LENGTH = 18
SIZES = {"大": T("大型"), "中": T("中型"), "小": T("小型"), "微": T("微型")}
UNVERIFIED, VERIFIED = "待核实", "已核实"
STATUSES = {UNVERIFIED: T("待核实"), VERIFIED: T("已核实")}


class Enterprise(Base):
    """An enterprise's file; ``code18`` is missing while 待核实, completed before closing (decision 34)."""

    __tablename__ = "enterprise"

    id: Mapped[int] = mapped_column(primary_key=True)
    file_no: Mapped[str] = mapped_column(unique=True)  # QY00001, never by year
    code18: Mapped[str | None] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(index=True)
    name_pinyin: Mapped[str] = mapped_column(String(collation="C"), index=True)
    initials: Mapped[str] = mapped_column(String(collation="C"))
    size: Mapped[str | None]
    industry: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    status: Mapped[str]
    created_at: Mapped[datetime]


class AlreadyKnown(Refused):
    """There is a file for this enterprise: ``enterprise_id`` is the link to it (R3.1)."""

    def __init__(self, first: Enterprise, *, field: str) -> None:
        super().__init__(
            T("“%(name)s”已建档（%(file_no)s），请使用原有档案。", name=first.name, file_no=first.file_no),
            field=field,
        )
        self.enterprise_id = first.id


def check_sign(first17: str) -> str:
    """The 18th sign for the first 17 (GB 32100). ValueError: a sign that the code does not know."""
    total = sum(SIGNS.index(sign) * pow(3, place, 31) for place, sign in enumerate(first17))
    return SIGNS[-total % 31]


def is_valid_code(code18: str) -> bool:
    """Length, signs and check sign of a unified social credit code; says nothing of its existence."""
    return (
        len(code18) == LENGTH
        and all(sign in SIGNS for sign in code18)
        and check_sign(code18[:-1]) == code18[-1]
    )


def create(
    session: Session,
    *,
    name: str,
    moment: datetime,
    code18: str | None = None,
    size: str | None = None,
    industry: str = "",
    address: str = "",
) -> Enterprise:
    """Open a file; without a code it is 待核实. Flushes. Refused: a wrong code. AlreadyKnown (R3.1)."""
    from workflow.station import numbering

    name, code18 = name.strip(), _tidy(code18)
    if not name:
        raise Refused(T("请填写企业名称。"), field="name")
    refuse_invisible(name, field="new_enterprise")
    if size is not None and size not in SIZES:
        raise Refused(T("请选择企业规模。"), field="size")
    _refuse_wrong(code18)
    # Two clerks opening the same file at once: the second waits here and then sees the first one's.
    session.execute(select(func.pg_advisory_xact_lock(func.hashtext("enterprise"))))
    _refuse_known(session, name, code18)
    enterprise = Enterprise(
        file_no=numbering.take(session, "QY", moment.astimezone(calendar.ZONE).date()),
        code18=code18,
        name=name,
        name_pinyin=pinyin.sort_key(name),
        initials=pinyin.initials(name),
        size=size,
        industry=industry,
        address=address,
        status=VERIFIED if code18 else UNVERIFIED,
        created_at=moment,
    )
    session.add(enterprise)
    session.flush()
    return enterprise


def verify(session: Session, enterprise: Enterprise, code18: str) -> None:
    """Complete the code of a 待核实 file. Flushes. Refused, AlreadyKnown."""
    code = _tidy(code18)
    if code is None:
        raise Refused(T("请填写统一社会信用代码。"), field="code18")
    if enterprise.code18 is not None and enterprise.code18 != code:
        raise Refused(T("该企业的统一社会信用代码已核实，不能更改。"), field="code18")
    _refuse_wrong(code)
    first = session.scalar(
        select(Enterprise).where(Enterprise.code18 == code, Enterprise.id != enterprise.id)
    )
    if first is not None:
        raise AlreadyKnown(first, field="code18")
    enterprise.code18, enterprise.status = code, VERIFIED
    session.flush()


def search(session: Session, actor: Actor, text: str, *, limit: int = 20) -> list[Enterprise]:
    """By part of the name, beginning of the code, file number or initials ('cgwj'), sorted by sound."""
    text = "".join(text.split())
    found = select(Enterprise).where(permissions.visible(actor, Enterprise))
    if text:
        found = found.where(
            or_(
                Enterprise.name.icontains(text, autoescape=True),
                Enterprise.code18.startswith(text.upper(), autoescape=True),
                Enterprise.file_no == text.upper(),
                Enterprise.initials.contains(text.lower(), autoescape=True),
            )
        )
    return list(session.scalars(found.order_by(Enterprise.name_pinyin, Enterprise.id).limit(limit)))


def _tidy(code18: str | None) -> str | None:
    return "".join((code18 or "").split()).upper() or None


def _refuse_wrong(code18: str | None) -> None:
    if code18 is not None and not is_valid_code(code18):
        raise Refused(T("统一社会信用代码不正确，请核对18位代码。"), field="code18")


def _refuse_known(session: Session, name: str, code18: str | None) -> None:
    """The same code is the same enterprise; so is the same name while either has no code."""
    if code18 is not None:
        first = session.scalar(select(Enterprise).where(Enterprise.code18 == code18))
        if first is not None:
            raise AlreadyKnown(first, field="code18")
    namesake = select(Enterprise).where(Enterprise.name == name).order_by(Enterprise.id).limit(1)
    if code18 is not None:
        namesake = namesake.where(Enterprise.code18.is_(None))
    first = session.scalar(namesake)
    if first is not None:
        raise AlreadyKnown(first, field="name")
