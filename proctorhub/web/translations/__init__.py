"""What the pages' scripts need of the translations.

Templates use the gettext domain `messages`; scripts use `js`, kept apart so that a page carries
only the texts its scripts may show.
"""

from __future__ import annotations

from pathlib import Path

from babel.support import NullTranslations, Translations
from flask_babel import get_locale

FOLDER = Path(__file__).parent
_loaded: dict[str, NullTranslations] = {}


def js_catalogue() -> dict[str, str]:
    """Return English text → text in the language of this request, for `static/js/lib/t.js`."""
    language = str(get_locale() or "en")
    if language not in _loaded:
        _loaded[language] = Translations.load(str(FOLDER), [language], domain="js")
    catalogue = getattr(_loaded[language], "_catalog", {})
    return {key: text for key, text in catalogue.items() if isinstance(key, str) and key}
