from __future__ import annotations

import pytest

from proctorhub.web.assets import SCRIPTS, modules_of

PAGES = sorted(path.name for path in (SCRIPTS / "pages").glob("*.js"))


@pytest.mark.parametrize("page", PAGES)
def test_every_import_is_found_and_there(page: str) -> None:
    found = modules_of(f"pages/{page}")
    assert all((SCRIPTS / name).is_file() for name in found)
    assert len(set(found)) == len(found)


def test_imports_of_imports_are_found() -> None:
    found = modules_of("pages/console.js")
    assert {"session/console-media.js", "media/link.js", "media/rtc.js", "lib/t.js"} <= set(found)
    assert "pages/console.js" not in found


def test_the_console_asks_for_all_its_scripts_at_once(app) -> None:
    with app.test_request_context():
        text = app.jinja_env.from_string(
            '{% from "_ui.html" import page_script with context %}{{ page_script("console") }}'
        ).render()
    for name in modules_of("pages/console.js"):
        assert f'<link rel="modulepreload" href="/static/js/{name}">' in text
    assert '<script type="module" src="/static/js/pages/console.js">' in text
