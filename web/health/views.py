"""For whoever watches the process: alive, and ready to serve."""

from __future__ import annotations

from flask import Blueprint, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from web.policies import public
from web.request import db
from workflow.database import DatabaseProblem, check_revision
from workflow.worker import alive

bp = Blueprint("health", __name__, url_prefix="/health")


@bp.get("/live")
@public
def live() -> ResponseReturnValue:
    return jsonify(live=True)


@bp.get("/ready")
@public
def ready() -> ResponseReturnValue:
    """503 while the database does not answer or has other tables than ours, and while no worker lives."""
    try:
        check_revision(db().get_bind().engine)
        worker = alive(db())
    except (SQLAlchemyError, DatabaseProblem):
        return jsonify(ready=False, database=False, worker=False), 503
    return jsonify(ready=worker, database=True, worker=worker), 200 if worker else 503
