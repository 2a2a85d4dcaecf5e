"""The pages of the station. The list of blueprints in create_app() is the site map."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask
    from sqlalchemy.orm import Session, sessionmaker

    from workflow.settings import Settings

CONNECTIONS = 16  # of one process: one a request, as many as it has threads
LARGEST_REQUEST = 2 * 1024 * 1024  # bytes; uploads get their own limit where they are taken


def create_app(settings: Settings, *, sessions: sessionmaker[Session] | None = None) -> Flask:
    """The web application; any number of processes may serve it, nothing is kept in them.

    ``sessions`` is given by tests; else they come from ``settings.database_url``.
    """
    # Imported here: whoever only needs the tables of web (migrations, worker) does not load Flask.
    from flask import Flask
    from flask_wtf.csrf import CSRFProtect
    from werkzeug.middleware.proxy_fix import ProxyFix

    from web import assets, errors, headers, incoming, language, places, policies, request, words
    from web.board.views import bp as board
    from web.calendar.views import bp as calendar
    from web.calls.views import bp as calls
    from web.cases.views import bp as cases
    from web.complaints.views import bp as complaints
    from web.consultations.views import bp as consultations
    from web.coordination.views import bp as coordination
    from web.demo.views import bp as demo
    from web.diagrams.views import bp as diagrams
    from web.discussion.views import bp as discussion
    from web.documents.views import bp as documents
    from web.first_contact.views import bp as first_contact
    from web.health.views import bp as health
    from web.inbox.drafts import bp as drafts
    from web.inbox.saved import bp as filters
    from web.inbox.several import bp as several
    from web.inbox.views import bp as inbox
    from web.incidents.views import bp as incidents
    from web.items.views import bp as items
    from web.posts.views import bp as posts
    from web.sign_in.views import bp as sign_in
    from web.visits.views import bp as visits
    from workflow.database import make_engine, make_sessions
    from workflow.station import keys

    app = Flask(__name__, static_folder=None, template_folder="templates")
    secure = headers.secure(settings)
    app.config.update(
        SECRET_KEY=keys.secret("web", settings.home),
        SESSION_COOKIE_NAME="__Host-yizhan" if secure else "yizhan-demo",
        SESSION_COOKIE_SECURE=secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        MAX_CONTENT_LENGTH=LARGEST_REQUEST,
        WTF_CSRF_TIME_LIMIT=None,  # it ends with the session
    )
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    if sessions is None:
        if settings.database_url is None:
            raise ValueError("create_app needs sessions or settings.database_url")
        sessions = make_sessions(make_engine(settings.database_url, connections=CONNECTIONS))
    CSRFProtect(app)
    incoming.install(app)
    language.install(app)
    request.install(app, settings, sessions)
    policies.install(app)
    headers.install(app, settings)
    errors.install(app)
    assets.install(app)
    words.install(app)
    places.install(app)
    tasks = (inbox, filters, several, drafts, discussion)
    places_of_work = (
        visits,
        cases,
        calls,
        complaints,
        consultations,
        items,
        coordination,
        first_contact,
        documents,
        diagrams,
        board,
        posts,
        calendar,
        incidents,
    )
    for place in (sign_in, *tasks, *places_of_work, demo, health):
        app.register_blueprint(place)
    if settings.public_url.startswith("https:"):
        # A reverse proxy ends https: the last hop's own headers are believed, none before it.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1, x_host=1)  # type: ignore[method-assign]
    return app
