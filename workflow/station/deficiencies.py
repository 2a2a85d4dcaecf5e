"""Notice of deficiencies (一次性补正告知): words of its diagram (R2.3.2c, R2.3.2d).

Everything is told at once, in writing, with how to mend it and by when. What is still lacking later is a free
reminder under the same number; only newly raised defects make another notice, which the head must approve
and which counts. Whose time runs out is never ended silently. Nothing here commits.
"""

from __future__ import annotations

from collections.abc import Mapping

from workflow.engine.actions import ActionContext, action
from workflow.errors import Refused
from workflow.schema import Json
from workflow.station import cases, clocks, documents, ending, items, outbox, owners, rendering, rungs
from workflow.station import deficiency_papers as papers
from workflow.station.cases import Case
from workflow.station.clock_ledger import Clock
from workflow.station.deadline_words import stamp
from workflow.station.deadlines import Limit
from workflow.station.deficiency_papers import NOTICE, TERMINATION, clock_of, names_of
from workflow.station.material_check import DEFICIENCY_CLOCK, defects, end_clocks, handler_of
from workflow.texts import T, Text

HALF, LAST = "half", "last"


# --- actions, in the order of the diagram ------------------------------------------------------------------


@action(
    "compare_defects",
    inputs={"case_id": "number", "checker": "string"},
    outputs={
        "noticed": "boolean",
        "newly_raised": "boolean",
        "approver": "string",
        "concerned": "string",
        "outcome": "string",
    },
)
def compare_defects(context: ActionContext, case_id: int, checker: str) -> Mapping[str, Json]:
    """What was told before, and is anything new? Who would decide then: never whoever checked."""
    session = context.session
    case = session.get_one(Case, case_id)
    above = owners.overseer(session, case, context.moment, besides=[context.actor.key, checker])
    return {
        "noticed": bool(papers.of(session, case)),
        "newly_raised": bool(papers.newly_raised(session, case)),
        "approver": above.candidate,
        "concerned": above.excluded,
        "outcome": "open",
    }


@action("issue_deficiency_notice", inputs={"case_id": "number", "checker": "string", "mend_days": "number"})
def issue_deficiency_notice(context: ActionContext, case_id: int, checker: str, mend_days: float) -> None:
    """Every defect and how to mend it, in writing; the client's time starts (R2.3.2c)."""
    session, moment = context.session, context.moment
    case = session.get_one(Case, case_id)
    assert case.item is not None
    again = papers.of(session, case)
    end_clocks(context, case)
    clock = _start(context, case, Limit(mend_days))
    by_checker = checker in (context.actor.key, context.on_behalf_of)
    notice = documents.issue_for_case(
        session,
        NOTICE,
        case,
        context,
        {
            "defects": [papers.defect_of(one) for one in defects(case)],
            "due_at": clock.deadline_at.isoformat(),
            "limit": items.limit_text(clock.limit_value, clock.limit_unit).say(),
            "basis": case.item.basis,
            "phone": case.item.phone,
            "again": again[-1].no if again else "",
            "handler": documents.signature(session, context.actor.key, context.on_behalf_of)
            if by_checker
            else handler_of(session, checker),
        },
    )
    for material in defects(case):
        material.noticed_at = moment
    session.flush()
    context.note(document=notice.no, deadline=clock.deadline_at.isoformat())
    _tell(
        context,
        case,
        T(
            "您的事项 %(no)s 的材料需补正：%(names)s。请在 %(due)s 前补交，详见告知书 %(paper)s。"
            "咨询电话 %(phone)s，监督电话 %(above)s。",
            no=case.no,
            names=names_of(notice.data["defects"]),
            due=stamp(clock.deadline_at),
            paper=notice.no,
            phone=case.item.phone,
            above=rendering.letterhead()["supervision_phone"],
        ),
    )


@action("remind_deficiencies", inputs={"case_id": "number"})
def remind_deficiencies(context: ActionContext, case_id: int) -> None:
    """Brought in part: what is still lacking is a free reminder under the same number (decision 29)."""
    case = context.session.get_one(Case, case_id)
    for material in defects(case):
        material.noticed_at = material.noticed_at or context.moment
    context.session.flush()
    _remind(context, case)


@action("remind_deficiencies_half", inputs={"case_id": "number"})
def remind_deficiencies_half(context: ActionContext, case_id: int) -> None:
    """Half of the client's time is used."""
    _rung(context, case_id, HALF)


@action("remind_deficiencies_last", inputs={"case_id": "number"})
def remind_deficiencies_last(context: ActionContext, case_id: int) -> None:
    """The client's time ends soon."""
    _rung(context, case_id, LAST)


@action(
    "record_hand_in",
    inputs={"case_id": "number", "delivery": "string"},
    outputs={"at_counter": "boolean", "outcome": "string", "answer_by": "string"},
)
def record_hand_in(context: ActionContext, case_id: int, delivery: str) -> Mapping[str, Json]:
    """Something was brought: it is checked anew, by the same hands (R2.3.2d)."""
    case = context.session.get_one(Case, case_id)
    outbox.settle(context.session, case.id, DEFICIENCY_CLOCK, by=context.actor, moment=context.moment)
    case.state = cases.CHECKING
    case.check_started_at = case.checked_at = case.check_minutes = None
    context.session.flush()
    return {"at_counter": delivery == "visit", "outcome": "received", "answer_by": None}


@action(
    "ask_ending",
    inputs={"case_id": "number", "checker": "string"},
    outputs={"approver": "string", "concerned": "string"},
)
def ask_ending(context: ActionContext, case_id: int, checker: str) -> Mapping[str, Json]:
    """The client's time is over and nothing came: who decides whether that ends the case."""
    case = context.session.get_one(Case, case_id)
    above = owners.overseer(context.session, case, context.moment, besides=[checker])
    return {"approver": above.candidate, "concerned": above.excluded}


@action("grant_more_time", inputs={"case_id": "number", "more_days": "number"})
def grant_more_time(context: ActionContext, case_id: int, more_days: float) -> None:
    """More time to mend, once. Refused: it was granted before."""
    session, moment = context.session, context.moment
    case = session.get_one(Case, case_id)
    if case.more_time_at is not None:
        raise Refused(T("补正期限已经宽限过一次，不能再宽限。"), field="ending")
    case.more_time_at = moment
    end_clocks(context, case)
    clock = _start(context, case, Limit(more_days))
    context.clock_moved(DEFICIENCY_CLOCK)
    context.note(deadline=clock.deadline_at.isoformat())
    _remind(context, case)


@action("terminate_case", inputs={"case_id": "number", "checker": "string"}, outputs={"outcome": "string"})
def terminate_case(context: ActionContext, case_id: int, checker: str) -> Mapping[str, Json]:
    """The head has confirmed it: the case ends, the client is told in writing and may apply again."""
    session, moment = context.session, context.moment
    case = session.get_one(Case, case_id)
    assert case.item is not None
    notice, words = papers.of(session, case)[-1], context.submission["words"]
    paper = documents.issue_for_case(
        session,
        TERMINATION,
        case,
        context,
        {
            "notice_no": notice.no,
            "due_at": clock_of(session, case).deadline_at.isoformat(),
            "words": words,
            "phone": case.item.phone,
            "handler": handler_of(session, checker),
            "approver": documents.signature(session, context.actor.key, context.on_behalf_of),
        },
    )
    ending.end(
        context.engine,
        case,
        cases.TERMINATED,
        words,
        by=context.actor,
        moment=moment,
        on_behalf_of=context.on_behalf_of,
    )
    context.note(document=paper.no)
    _tell(
        context,
        case,
        T(
            "您的事项 %(no)s 逾期未补正，已终止办理，告知书 %(paper)s。材料备齐后可以随时重新申请。"
            "监督电话 %(above)s。",
            no=case.no,
            paper=paper.no,
            above=rendering.letterhead()["supervision_phone"],
        ),
    )
    return {"outcome": "terminated"}


# --- helpers -----------------------------------------------------------------------------------------------


def _start(context: ActionContext, case: Case, limit: Limit) -> Clock:
    return clocks.start(
        context.session,
        owner=case.key,
        kind=DEFICIENCY_CLOCK,
        started_at=context.moment,
        limit=limit,
        actor=context.actor.key,
        on_behalf_of=context.on_behalf_of,
    )


def _rung(context: ActionContext, case_id: int, rung: str) -> None:
    """Each reminder of a clock once, also when it moves."""
    case = context.session.get_one(Case, case_id)
    clock = clock_of(context.session, case)
    if rungs.record(context.session, clock, rung, told=[], moment=context.moment):
        _remind(context, case)


def _remind(context: ActionContext, case: Case) -> None:
    notice = papers.of(context.session, case)[-1]
    sentence = T(
        "提醒：您的事项 %(no)s（告知书 %(paper)s）还需补正：%(names)s。请在 %(due)s 前补交。",
        no=case.no,
        paper=notice.no,
        names=names_of([{"name": one.name} for one in defects(case)]),
        due=stamp(clock_of(context.session, case).deadline_at),
    )
    _tell(context, case, sentence)


def _tell(context: ActionContext, case: Case, sentence: Text) -> None:
    outbox.queue_message(
        context.session,
        case.applicant,
        sentence,
        moment=context.moment,
        case_id=case.id,
        subject=DEFICIENCY_CLOCK,
    )
