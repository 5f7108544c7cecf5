"""The web process: pages, API and live sockets, in one Flask application."""

from __future__ import annotations

from importlib import import_module

from flask import Flask
from flask.json.provider import JSONProvider
from werkzeug.middleware.proxy_fix import ProxyFix

import proctorhub
from proctorhub.config import Settings
from proctorhub.live import Live, wire
from proctorhub.live.gate import Gate
from proctorhub.services import accounts, keys
from proctorhub.web import api, auth, errors, health, i18n, limits, observability, security
from proctorhub.web.assets import modules_of
from proctorhub.web.auth import access, people
from proctorhub.web.translations import js_catalogue

#: The blueprints that show pages, one package each.
PAGES = ("candidate", "proctor", "review", "admin")

__all__ = ["create_app"]


class WireJson(JSONProvider):
    """How Flask reads and writes JSON."""

    def dumps(self, obj: object, **kwargs: object) -> str:
        """Return compact JSON."""
        return wire.dumps(obj)

    def loads(self, s: str | bytes, **kwargs: object) -> object:
        """Parse JSON."""
        return wire.loads(s)


def create_app(settings: Settings) -> Flask:
    """Return the application. It needs `services.runtime.start` before its first request."""
    keys.ensure(settings)
    app = Flask(__name__)
    app.json = WireJson(app)
    app.config.update(
        SECRET_KEY=keys.read(settings, keys.FLASK), METRICS_TOKEN=settings.metrics_token
    )
    app.extensions["proctorhub.metrics"] = observability.init(app)
    people.init(app, settings)
    limits.init(app)
    security.init(app, settings)
    errors.init(app)
    i18n.init(app, settings)
    app.before_request(access.force_own_password)
    for blueprint in (api.bp, auth.bp, health.bp):
        app.register_blueprint(blueprint)
    for name in PAGES:
        app.register_blueprint(import_module(f"proctorhub.web.{name}").bp)
    _template_context(app)
    _live(app, settings)
    if _behind_proxy(settings):
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=1, x_proto=1)  # type: ignore[method-assign]
    return app


def _template_context(app: Flask) -> None:
    app.jinja_env.globals.update(
        app_version=proctorhub.__version__,
        js_catalogue=js_catalogue,
        modules_of=modules_of,
    )


def _live(app: Flask, settings: Settings) -> None:
    live = Live(app, settings, people.signed_in_actor, accounts.actor_for)
    app.extensions["proctorhub.live"] = live
    # Half of the threads that sockets leave may play recordings; the rest answers requests.
    spare = settings.web_threads - settings.socket_limit
    streams = max(2, spare // 2)
    app.extensions["proctorhub.streams"] = Gate(streams, streams)
    live.publish_metrics(app.extensions["proctorhub.metrics"].registry)


def _behind_proxy(settings: Settings) -> bool:
    """Tell whether somebody else ends TLS, whose word on address and scheme counts."""
    return settings.web_url.startswith("https://") and not settings.tls
