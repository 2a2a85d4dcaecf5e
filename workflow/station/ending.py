"""Ending a case before it is completed: withdrawn, a mistake (R3.6), declined, merged, with another body.

Nothing is deleted: number, papers and history stay. All that runs for the case ends in one transaction, its
clocks stop, and it counts neither as completed nor as late from then on. Nothing here commits.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from workflow.engine import instances
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.errors import AlreadyDone, NotAllowed, Refused
from workflow.station import cases, clocks, outbox, owners
from workflow.station.cases import Case
from workflow.station.clock_ledger import FINISHED, Clock
from workflow.station.owners import Post
from workflow.station.permissions import can
from workflow.station.written import refuse_invisible
from workflow.texts import T

LONGEST = 400


def withdraws_as(session: Session, by: Actor, case: Case) -> Post | None:
    """The post in which this person may withdraw it: who works on it, its first contact, who leads."""
    if case.ended:
        return None
    first = f"staff:{case.first_contact_id}"
    if first in by.selves:
        return Post(first, first if first != by.key else None)
    return owners.post_of(session, by, case)


def may_void(by: Actor, case: Case) -> bool:
    """Whoever registered it while it is not accepted; then a leader."""
    return not case.ended and can(by, "void", case)


def withdraw(engine: Engine, case: Case, *, reason: str, confirmed: str, by: Actor, moment: datetime) -> None:
    """撤件: the client does not want it any more, and has confirmed that. Flushes.

    NotAllowed; AlreadyDone; Refused: no reason, or nothing that says how it was confirmed.
    """
    _hold(engine, case)
    post = withdraws_as(engine.session, by, case)
    if post is None:
        raise NotAllowed(T("只有这件办件的办理人员、首问人或站长可以撤件。"))
    if confirmed not in cases.CONFIRMATIONS:
        raise Refused(T("请选择服务对象怎样确认撤件。"), field="confirmed")
    case.end_confirmed = confirmed
    end(engine, case, cases.WITHDRAWN, reason, by=by, moment=moment, on_behalf_of=post.on_behalf_of)
    sentence = T("已按您的要求撤回事项“%(title)s”（%(no)s）。", title=case.title, no=case.no or "—")
    outbox.queue_message(engine.session, case.applicant, sentence, moment=moment, case_id=case.id)


def void(engine: Engine, case: Case, *, reason: str, by: Actor, moment: datetime) -> None:
    """作废: it should not have been registered; its number is kept and never given again. Flushes.

    NotAllowed; AlreadyDone; Refused: no reason.
    """
    _hold(engine, case)
    if not may_void(by, case):
        raise NotAllowed(T("受理前由登记人作废，受理后由站长作废。"))
    end(engine, case, cases.VOIDED, reason, by=by, moment=moment)


def end(
    engine: Engine,
    case: Case,
    state: str,
    reason: str,
    *,
    by: Actor,
    moment: datetime,
    on_behalf_of: str | None = None,
) -> None:
    """What all endings do, in one transaction. A diagram that ends the case itself goes on to its own end.

    Flushes. Refused: no reason in words. Whoever calls has asked whether ``by`` may, and tells the client.
    """
    session = engine.session
    reason = " ".join(reason.split())
    if not 2 <= len(reason) <= LONGEST:
        raise Refused(T("请写明原因，最多 %(count)s 个字。", count=LONGEST), field="reason")
    refuse_invisible(reason, field="reason")
    case.state, case.end_reason, case.closed_at = state, reason, moment
    session.flush()
    engine.announce(case.key, cases.CLOSED_MESSAGE, by=by)  # what runs beside it ends in its own way
    for instance in instances.lock_case(session.connection(), case.key):
        if instance in engine.steps:
            continue
        engine.cancel(instance, by=by, reason=state, on_behalf_of=on_behalf_of)
    running = select(Clock).where(Clock.owner == case.key, Clock.state != FINISHED)
    for clock in session.scalars(running).all():
        clocks.finish(session, clock, moment, actor=by.key, on_behalf_of=on_behalf_of)
    outbox.drop(session, case.id, by=by, moment=moment)
    session.flush()


def transfer_out(
    engine: Engine,
    case: Case,
    *,
    to: tuple[str, str, str],
    received_at: datetime | None,
    by: Actor,
    moment: datetime,
    on_behalf_of: str | None = None,
) -> None:
    """转办: another body has it and has confirmed that (R2.2.4b). Flushes.

    ``to``: its name, its phone, the number of the slip. The transfer's own diagram goes on to track the
    answer. Refused: one of these is missing, or nothing is confirmed. AlreadyDone.
    """
    _hold(engine, case)
    if not all(to) or received_at is None:
        raise Refused(T("对方确认接收，并有承办部门名称、电话和转办单编号，才能转出。"))
    end(engine, case, cases.TRANSFERRED, " ".join(to), by=by, moment=moment, on_behalf_of=on_behalf_of)


def may_merge(session: Session, by: Actor, case: Case) -> bool:
    """Who could withdraw it; once its receipt is out, a leader: a promise does not end by itself."""
    return withdraws_as(session, by, case) is not None and (case.accepted_at is None or "lead" in by.may)


def merge(engine: Engine, case: Case, into: Case, *, by: Actor, moment: datetime) -> None:
    """并入: it is the same matter as the earlier case, which goes on (R1.2.2a2). Flushes.

    NotAllowed; AlreadyDone; Refused: the earlier case has ended.
    """
    for one in sorted((case, into), key=lambda each: each.id):
        instances.lock_case(engine.session.connection(), one.key)
    engine.session.refresh(into)
    _hold(engine, case)
    if not may_merge(engine.session, by, case):
        raise NotAllowed(T("受理前由办理人员或首问人合并，受理后由站长合并。"))
    if into.ended:
        raise Refused(T("%(no)s 已经结束，不能并入；可以关联。", no=into.no or into.title))
    post = withdraws_as(engine.session, by, case)
    assert post is not None, "may_merge has asked"
    case.merged_into_id = into.id
    why, behalf = into.no or into.key, post.on_behalf_of
    end(engine, case, cases.MERGED, why, by=by, moment=moment, on_behalf_of=behalf)
    sentence = T(
        "您的事项 %(no)s 与 %(into)s 是同一件事，已并入 %(into)s 一并办理。", no=case.no or "—", into=into.no
    )
    outbox.queue_message(engine.session, case.applicant, sentence, moment=moment, case_id=case.id)


def _hold(engine: Engine, case: Case) -> None:
    """Until the transaction ends nothing else happens to the case. AlreadyDone."""
    session = engine.session
    instances.lock_case(session.connection(), case.key)
    session.refresh(case)
    if case.ended:
        raise AlreadyDone(
            T("这件办件已经结束：%(state)s。", state=cases.STATES[case.state]), state=case.state
        )
