"""The front end's files: nothing inline, nothing foreign, every text translated."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

WEB = Path(__file__).parents[3] / "proctorhub" / "web"
STATIC = WEB / "static"
SCRIPTS = sorted((STATIC / "js").rglob("*.js"))
TEMPLATES = sorted((WEB / "templates").rglob("*.html"))
LONGEST = 300
TRANSLATIONS = WEB / "translations"
LANGUAGES = sorted(p.parent.name for p in TRANSLATIONS.glob("*/LC_MESSAGES"))
EXTRACT = {
    "messages": (
        "babel.cfg",
        ["Busy", "Conflict", "Forbidden", "Unauthenticated", "Invalid:2", "lazy_gettext"],
    ),
    "js": ("babel-js.cfg", ["t"]),
}
CALL = re.compile(r"""\bt\(\s*"((?:[^"\\]|\\.)*)\"""")
PAGES = ("web/templates/", "web/static/")
HOLE = re.compile(r"\{\w+\}|%\(\w+\)s")


def extracted(domain: str) -> set[str]:
    configuration, keywords = EXTRACT[domain]
    command = [Path(sys.executable).with_name("pybabel"), "-q", "extract"]
    command += ["-F", f"web/translations/{configuration}"]
    command += [part for keyword in keywords for part in ("-k", keyword)]
    with tempfile.NamedTemporaryFile(suffix=".pot") as file:
        subprocess.run([*command, "-o", file.name, "."], cwd=WEB.parent, check=True)
        # what services say may be newer than its translation; what the pages say may not
        texts = {
            message.id
            for message in read_po(file)
            if message.id and any(path.startswith(PAGES) for path, _ in message.locations)
        }
    assert len(texts) > 100
    return texts


@pytest.mark.parametrize("domain", EXTRACT)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated(language: str, domain: str) -> None:
    folder = TRANSLATIONS / language / "LC_MESSAGES"
    with (folder / f"{domain}.po").open("rb") as file:
        texts = {message.id: message.string for message in read_po(file) if message.id}
    assert extracted(domain) - {key for key, text in texts.items() if text} == set()
    for key, text in texts.items():
        assert sorted(HOLE.findall(key)) == sorted(HOLE.findall(text)), key
    with (folder / f"{domain}.mo").open("rb") as file:
        compiled = {message.id: message.string for message in read_mo(file) if message.id}
    assert compiled == texts, "compile the catalogue again"


def test_no_text_of_a_script_escapes_extraction() -> None:
    sources = [path.read_text() for path in SCRIPTS if path.name != "t.js"]
    used = {text for source in sources for text in CALL.findall(source)}
    assert used - extracted("js") == set()


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_hold_nothing_inline(path: Path) -> None:
    text = path.read_text()
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", text)
    for tag in re.findall(r"<script[^>]*>", text):
        assert "src=" in tag or "csp_nonce()" in tag or "application/json" in tag
    assert not re.search(r"""(?:src|href)=["']https?:""", text)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_small_and_build_no_markup(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= LONGEST
    assert "innerHTML" not in text.replace("without innerHTML", "")
    assert "insertAdjacentHTML" not in text


def test_third_party_files_are_the_listed_ones() -> None:
    vendor = STATIC / "vendor"
    listed = set(re.findall(r"\b[0-9a-f]{64}\b", (vendor / "README.md").read_text()))
    served = {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in vendor.rglob("*")
        if path.is_file() and path.name not in ("README.md", "LICENSE")
    }
    assert served == listed
    assert all((folder / "LICENSE").is_file() for folder in vendor.iterdir() if folder.is_dir())
