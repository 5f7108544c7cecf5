"""What texts read from a screen say: forbidden applications, and whether the exam is shown.

Reading by machine confuses letters of like shape and loses spaces, so both sides are folded before
they are compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import urlsplit

#: Letters and digits of like shape, as one of them; the Cyrillic ones that Latin ones stand for.
_ALIKE = str.maketrans("01i|!і5$авеорстухкмн", "olllllssabeopctyxkmh")
#: Names of at least so many letters are also found where their spaces are lost or too many.
_LONG = 6
#: The share of a title's longer words that has to be read to say that it is shown.
SHOWN_SHARE = 0.6
_WORD = 4


def forbidden_found(lines: Sequence[str], forbidden: Sequence[str]) -> tuple[str, ...]:
    """Return which of the forbidden names are read in the lines, in the names' order."""
    as_read = [_fold(line) for line in lines]
    parted = [_fold(_parted(line)).split() for line in lines]

    def is_named(name: str) -> bool:
        tight = name.replace(" ", "")
        if len(tight) < _LONG:
            return bool(name) and any(f" {name} " in f" {text} " for text in as_read)
        return any(_spells(words, tight) for words in parted)

    return tuple(name for name in forbidden if is_named(_fold(name)))


def is_shown(lines: Sequence[str], signs: Sequence[str]) -> bool | None:
    """Tell whether one of the signs of an exam (title, address, platform) is read.

    None when nothing was read at all: an empty screen says nothing.
    """
    texts = [_fold(line) for line in lines]
    if not any(texts):
        return None
    return any(_is_read(_fold(sign), texts) for sign in signs)


def signs(exam_title: str, exam_url: str) -> tuple[str, ...]:
    """Return the texts of which a screen that shows the exam has at least one."""
    return tuple(sign for sign in (exam_title, urlsplit(exam_url).hostname) if sign)


def _spells(words: Sequence[str], tight: str) -> bool:
    """Tell whether whole words in a row spell a name: "Discordant" does not spell "Discord"."""
    for start in range(len(words)):
        spelt = ""
        for word in words[start:]:
            spelt += word
            if spelt == tight:
                return True
            if not tight.startswith(spelt):
                break
    return False


def _is_read(sign: str, texts: Sequence[str]) -> bool:
    tight = sign.replace(" ", "")
    if sign and any(f" {sign} " in f" {text} " for text in texts):
        return True
    if len(tight) >= _LONG and any(tight in text.replace(" ", "") for text in texts):
        return True
    words = {word for word in sign.split() if len(word) >= _WORD}
    together = " ".join(texts)
    read = sum(f" {word} " in f" {together} " for word in words)
    return len(words) > 1 and read >= SHOWN_SHARE * len(words)


def _parted(text: str) -> str:
    """Return a text with the spaces that reading lost: before a capital, around numbers."""

    def lost(a: str, b: str) -> bool:
        return (a.islower() and b.isupper()) or (a.isalnum() and a.isdigit() is not b.isdigit())

    return "".join(f" {b}" if lost(a, b) else b for a, b in pairwise(f" {text}"))


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", bare.translate(_ALIKE)))
