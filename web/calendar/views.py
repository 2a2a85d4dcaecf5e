"""工作日历: everybody reads it; head and administrators change it, after having seen what that does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date

from flask import Blueprint, Response, flash, redirect, render_template, url_for
from flask import request as http
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from sqlalchemy.orm import Session

from web.calendar import page
from web.language import language, say, weekdays
from web.policies import signed_in
from web.request import actor, db, moment
from workflow.errors import InvalidForm, NotAllowed, NotFound, Refused
from workflow.jobs import RECOMPUTE, defer
from workflow.station import calendar as calendars
from workflow.station import (
    calendar_csv,
    calendar_days,
    calendar_moves,
    calendar_reminder,
    staff,
    window_hours,
)
from workflow.station.calendar import Calendar, Day
from workflow.station.calendar_days import Author, CalendarChange
from workflow.station.clock_ledger import KINDS
from workflow.station.deadlines import YEARS
from workflow.station.permissions import can
from workflow.texts import T

bp = Blueprint("calendar", __name__, template_folder="templates", url_prefix="/calendar")

Change = Callable[[Session], Calendar]
CARRIED = ("what", "day", "until", "half", "name", "text")  # fields a preview hands on to the saving
MOST_SHOWN = 100  # changed days of one change


@bp.get("")
@signed_in
def now() -> ResponseReturnValue:
    return redirect(url_for("calendar.show", year=page.today().year))


@bp.get("/<int:year>")
@signed_in
def show(year: int) -> ResponseReturnValue:
    return _page(year, {"day": http.args.get("day", ""), "what": http.args.get("what", "")})


@bp.get("/<int:year>.csv")
@signed_in
def download(year: int) -> ResponseReturnValue:
    """The year's exceptions; of a year that is not published what is known beforehand, to be completed."""
    text = calendar_csv.written(calendars.load(db()), _year(year))
    answer = Response(text, mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="calendar-{year}.csv"'
    return answer


@bp.post("/<int:year>/preview")
@signed_in
def preview(year: int) -> ResponseReturnValue:
    """Which days change and whose dates move; nothing is changed yet."""
    _must_edit()
    filled = dict(http.form.items())
    try:
        filled |= _uploaded()
        rehearsal = calendar_moves.rehearse(db(), actor(), _change(_year(year), filled))
    except InvalidForm as error:
        return _page(year, filled, [say(text) for texts in error.errors.values() for text in texts])
    except Refused as error:
        return _page(year, filled, [say(error.text)])
    return render_template(
        "calendar/preview.html",
        year=year,
        rehearsal=rehearsal,
        days=_days(rehearsal.days),
        carried={name: filled[name] for name in CARRIED if filled.get(name)},
        sees_cases=can(actor(), "see_cases"),
        kinds=KINDS,
    )


@bp.post("/<int:year>/save")
@signed_in
def save(year: int) -> ResponseReturnValue:
    """Make the change and defer the recomputation, in one transaction. AlreadyDone: changed meanwhile."""
    _must_edit()
    version = http.form.get("version", "")
    calendar_days.must_be_at(db(), version)
    after = _change(_year(year), http.form)(db())
    made = calendar_days.change_of(db(), after.version)
    if after.version == version or made is None:
        flash(_("没有任何变化。"))
        return redirect(url_for("calendar.show", year=year))
    defer(db(), RECOMPUTE)
    db().commit()
    flash(_("工作日历已保存，正在重算办件的期限。"), "good")
    return redirect(url_for("calendar.change", number=made.id))


@bp.get("/changes")
@signed_in
def history() -> str:
    found = calendar_days.changes(db())
    names = staff.names(db(), [change.actor for change in found], language=language())
    return render_template("calendar/history.html", changes=found, names=names, kinds=calendar_days.KINDS)


@bp.get("/changes/<int:number>")
@signed_in
def change(number: int) -> str:
    """What was changed, and which cases' dates moved or are held back for it."""
    found = db().get(CalendarChange, number)
    if found is None:
        raise NotFound
    sees_cases = can(actor(), "see_cases")
    return render_template(
        "calendar/change.html",
        change=found,
        what=calendar_days.KINDS[found.kind],
        who=staff.names(db(), [found.actor], language=language()).get(found.actor, found.actor),
        days=_days(found.pairs),
        list=calendar_moves.moves(db(), actor(), found) if sees_cases else [],
        waiting=len(calendar_moves.waiting(db())) if sees_cases else 0,
        sees_cases=sees_cases,
        kinds=KINDS,
    )


@bp.post("/<int:year>/window/week")
@signed_in
def window_week(year: int) -> ResponseReturnValue:
    """The window's hours of all seven weekdays. They move no deadline (decisions 6)."""
    _must_edit()
    for weekday in range(7):
        text = http.form.get(f"weekday-{weekday}", "")
        window_hours.set_weekday(db(), weekday, text, by=actor().key, moment=moment())
    return _saved(year)


@bp.post("/<int:year>/window/day")
@signed_in
def window_day(year: int) -> ResponseReturnValue:
    _must_edit()
    day = _date(http.form.get("day", ""), field="day")
    if http.form.get("drop"):
        window_hours.drop_day(db(), day)
    else:
        reason = http.form.get("reason", "")
        hours = http.form.get("hours", "")
        window_hours.set_day(db(), day, hours, reason, by=actor().key, moment=moment())
    return _saved(year)


@bp.post("/<int:year>/reminder")
@signed_in
def reminder(year: int) -> ResponseReturnValue:
    _must_edit()
    calendar_reminder.arrange(
        db(), remind_from=http.form.get("remind_from", ""), warn_from=http.form.get("warn_from", "")
    )
    return _saved(year)


def _page(year: int, filled: Mapping[str, str], problems: list[str] | None = None) -> ResponseReturnValue:
    """The year, with what was filled in and what is wrong with it."""
    shown = page.year(_year(year))
    body = render_template(
        "calendar/show.html",
        year=shown,
        filled=filled,
        problems=problems or [],
        legend=page.labels(),
        signs=page.signs(),
        weekday_letters=page.weekday_letters(),
        week=page.week(),
        openings=[
            (one, window_hours.words(one.hours)) for one in window_hours.exceptions(db(), shown.number)
        ],
        open_today=window_hours.words(window_hours.on(db(), page.today())),
        today=page.today(),
        reminder=calendar_reminder.settings(db()),
        missing=calendar_reminder.missing(db(), page.today()),
        last_known=calendars.last_published_year(),
        may_edit=can(actor(), "edit_calendar"),
        years=YEARS,
    )
    return body, 422 if problems else 200


def _saved(year: int) -> ResponseReturnValue:
    db().commit()
    flash(_("已保存。"), "good")
    return redirect(url_for("calendar.show", year=year))


def _must_edit() -> None:
    if not can(actor(), "edit_calendar"):
        raise NotAllowed


def _year(year: int) -> int:
    if year not in YEARS:
        raise NotFound
    return year


def _uploaded() -> dict[str, str]:
    """The text of an uploaded file, in place of what was pasted. Refused."""
    file = http.files.get("file")
    if file is None or not file.filename:
        return {}
    return {"text": calendar_csv.decoded(file.stream.read(calendar_csv.LARGEST + 1))}


def _change(year: int, filled: Mapping[str, str]) -> Change:
    """What the form asks for, as something that can be tried and then done. Refused, InvalidForm."""
    what, author = filled.get("what"), Author(actor().key, actor().acts_for("head"))

    def close(session: Session) -> Calendar:
        half = filled.get("half")
        return calendar_days.close(
            session,
            _date(filled.get("day", ""), field="day"),
            filled.get("name", ""),
            until=_date(filled["until"], field="until") if filled.get("until") else None,
            am=half == "pm",
            pm=half == "am",
            author=author,
        )

    def reopen(session: Session) -> Calendar:
        until = _date(filled["until"], field="until") if filled.get("until") else None
        return calendar_days.reopen(
            session, _date(filled.get("day", ""), field="day"), until=until, author=author
        )

    def notice(session: Session) -> Calendar:
        read = calendar_csv.read(filled.get("text", ""), year)
        return calendar_days.import_notice(session, year, read.off, read.worked, read.closed, author)

    def library(session: Session) -> Calendar:
        return calendar_days.import_library(session, author)

    known: dict[str, Change] = {"close": close, "reopen": reopen, "notice": notice, "library": library}
    if what not in known:
        raise Refused(T("请选择要做的修改。"), field="what")
    return known[what]


def _date(text: str, *, field: str) -> date:
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        raise Refused(T("请填写日期，例如 2026-03-10。"), field=field) from None
    if day.year not in YEARS:
        refusal = T("只能计算 %(first)s 年至 %(last)s 年的日期。", first=YEARS.start, last=YEARS.stop - 1)
        raise Refused(refusal, field=field)
    return day


def _days(pairs: Sequence[tuple[Day, Day]]) -> tuple[list[tuple[str, str, str]], int]:
    """Each changed day with its words before and after, the first hundred; and how many there are."""
    shown = [
        (
            f"{before.date.isoformat()} {weekdays()[before.date.weekday()]}",
            page.described(before),
            page.described(after),
        )
        for before, after in pairs[:MOST_SHOWN]
    ]
    return shown, len(pairs)
