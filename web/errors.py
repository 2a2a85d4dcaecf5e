"""What went wrong, in the look of the house; as JSON for our islands. Never a stack trace."""

from __future__ import annotations

import logging
import secrets
from http import HTTPStatus

from flask import Flask, g, jsonify, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from web.language import say
from web.request import db
from web.wants import wants_json
from workflow.engine.incidents import StepFailed
from workflow.errors import AlreadyDone, InvalidForm, NotAllowed, NotFound, Refused, YizhanError
from workflow.station.running import report

log = logging.getLogger("yizhan.web")

STATUS = {NotFound: 404, NotAllowed: 403, AlreadyDone: 409, InvalidForm: 422, Refused: 422, StepFailed: 500}


def install(app: Flask) -> None:
    app.register_error_handler(YizhanError, told)
    app.register_error_handler(CSRFError, forged)
    app.register_error_handler(HTTPException, http)
    app.register_error_handler(Exception, unexpected)


def told(error: YizhanError) -> ResponseReturnValue:
    """An error in words of the domain."""
    _undo(error)
    status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 422)
    more: dict[str, object] = {}
    if isinstance(error, InvalidForm):
        more["errors"] = {path: [say(text) for text in texts] for path, texts in error.errors.items()}
    elif isinstance(error, Refused) and error.field:
        more["errors"] = {error.field: [say(error.text)]}
    elif isinstance(error, AlreadyDone):
        more["state"] = error.state
    return _answer(status, say(error.text), **more)


def reason(error: Exception) -> str:
    """Why one of several acts was not done, as a sentence; it is undone, and reported where it must be."""
    if isinstance(error, YizhanError):
        _undo(error)
        return say(error.text)
    number = secrets.token_hex(4)
    log.error("unexpected error %s", number, exc_info=error)
    db().rollback()
    sentence: str = _("系统出错了，请把编号 %(number)s 告诉管理员。", number=number)
    return sentence


def _undo(error: YizhanError) -> None:
    db().rollback()
    if isinstance(error, StepFailed):
        report(db(), error.instance_id, code=error.code, message=error.message, element=error.element)
        db().commit()


def forged(error: CSRFError) -> ResponseReturnValue:
    return _answer(403, _("页面已过期，请刷新后再试一次。您刚才的操作没有执行。"))


def http(error: HTTPException) -> ResponseReturnValue:
    status = error.code or 500
    if status >= 500:
        _ask_nothing()
    return _answer(status, _sentences().get(status) or HTTPStatus(status).phrase)


def unexpected(error: Exception) -> ResponseReturnValue:
    """A defect of ours: the log gets the trace, the person a number to tell us."""
    number = secrets.token_hex(4)
    log.exception("unexpected error %s", number)
    _ask_nothing()
    return _answer(
        500,
        _(
            "系统出错了，刚才的操作没有执行。请稍后再试；如仍出错，请把编号 %(number)s 告诉管理员。",
            number=number,
        ),
    )


def _ask_nothing() -> None:
    """The transaction has failed, or the database is gone: the page is drawn without its bar."""
    g.me = None


def _answer(status: int, sentence: str, **more: object) -> ResponseReturnValue:
    if wants_json():
        return jsonify(status=status, message=sentence, **more), status
    return render_template(
        "error.html", status=status, sentence=sentence, title=_titles().get(status)
    ), status


def _sentences() -> dict[int, str]:
    return {
        400: _("请求的内容不完整。"),
        401: _("登录已失效，请重新登录。您填写的内容仍在原页面上。"),
        403: _("您没有权限进行此操作。"),
        404: _("没有找到这个页面或这条记录，或者您无权查看。"),
        405: _("这个地址不支持这种操作。"),
        413: _("提交的内容太大。"),
        415: _("不支持这种内容格式。"),
        429: _("操作过于频繁，请稍后再试。"),
        503: _("系统正在准备，请稍后再试。"),
    }


def _titles() -> dict[int, str]:
    return {
        401: _("请重新登录"),
        403: _("不能进行此操作"),
        404: _("没有找到"),
        409: _("已经有人处理了"),
        413: _("内容太大"),
        422: _("没有通过"),
        500: _("系统出错了"),
    }
