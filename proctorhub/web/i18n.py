"""Which language and time zone a page is shown in."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, Flask, request
from flask_babel import Babel, get_locale
from flask_login import current_user
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from proctorhub.config import Settings
from proctorhub.web.auth.redirects import safe_target

COOKIE = "lang"
COOKIE_AGE_S = 365 * 24 * 3600
DEFAULT = "en"
NAMES = {"en": "English", "ru": "Русский"}
TRANSLATIONS = Path(__file__).with_name("translations")

bp = Blueprint("i18n", __name__)


def languages() -> list[tuple[str, str]]:
    """Return (code, own name) of the languages that have a compiled catalogue, English first."""
    codes = sorted(path.parent.parent.name for path in TRANSLATIONS.glob("*/LC_MESSAGES/*.mo"))
    found = dict.fromkeys([DEFAULT, *codes])
    return [(code, NAMES.get(code, code)) for code in found]


def chosen(known: list[str]) -> str:
    """Return the language of this request: the cookie's, else the browser's best."""
    cookie = request.cookies.get(COOKIE)
    if cookie in known:
        return cookie
    return request.accept_languages.best_match(known, DEFAULT) or DEFAULT


@bp.post("/language")
def language() -> Response:
    """Remember a language in a cookie and go back."""
    response = redirect(safe_target(request.form.get("next"), "/"), 303)
    code = request.form.get("lang", "")
    if code in dict(languages()):
        response.set_cookie(
            COOKIE, code, max_age=COOKIE_AGE_S, secure=request.is_secure, samesite="Lax"
        )
    return response


def init(app: Flask, settings: Settings) -> None:
    """Choose the language per request and offer it to the templates."""
    offered = languages()
    codes = [code for code, _ in offered]

    def zone() -> str:
        own = getattr(current_user, "time_zone", None) if current_user else None
        return own or settings.time_zone

    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(TRANSLATIONS)
    Babel(app, locale_selector=lambda: chosen(codes), timezone_selector=zone)

    @app.context_processor
    def context() -> dict[str, object]:
        return {"languages": offered, "locale": str(get_locale() or DEFAULT)}

    app.register_blueprint(bp)
