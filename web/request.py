"""What one request works with: a database session, the person, the moment, the engine.

The session is opened at the first use and closed (rolled back) at the end; the view commits.
"""

from __future__ import annotations

from datetime import datetime

from flask import Flask, current_app, g, session
from sqlalchemy.orm import Session, sessionmaker

from web.sign_in import sessions as web_sessions
from web.sign_in.sessions import SignedIn
from workflow.database import business_now
from workflow.engine.actors import Actor
from workflow.engine.engine import Engine
from workflow.settings import Settings
from workflow.station import staff
from workflow.station.running import engine_for


def install(app: Flask, settings: Settings, sessions: sessionmaker[Session]) -> None:
    app.extensions["yizhan_settings"] = settings
    app.extensions["yizhan_sessions"] = sessions

    @app.teardown_appcontext
    def close(error: BaseException | None) -> None:
        if (opened := g.pop("db", None)) is not None:
            opened.close()


def settings() -> Settings:
    found: Settings = current_app.extensions["yizhan_settings"]
    return found


def sessions() -> sessionmaker[Session]:
    found: sessionmaker[Session] = current_app.extensions["yizhan_sessions"]
    return found


def db() -> Session:
    """The request's session."""
    if "db" not in g:
        g.db = sessions()()
    opened: Session = g.db
    return opened


def me() -> SignedIn | None:
    """The person at the other end; one statement a request, none without a cookie."""
    if "me" not in g:
        token = session.get("key")
        g.me = web_sessions.find(db(), token) if token else None
        if g.me is not None:
            g.moment = g.me.moment
            if g.me.stale:
                web_sessions.touch(db(), g.me.id)
                db().commit()
    found: SignedIn | None = g.me
    return found


def moment() -> datetime:
    """The business clock at this request, aware UTC."""
    if "moment" not in g:
        g.moment = business_now(db())
    found: datetime = g.moment
    return found


def actor() -> Actor:
    """The signed-in person with what is offered now. Only behind a policy that asks for one."""
    if "actor" not in g:
        person = me()
        assert person is not None, "a view that acts needs a policy that asks for a person"
        g.actor = staff.actor(db(), person.staff, moment())
    found: Actor = g.actor
    return found


def engine() -> Engine:
    return engine_for(db())
