"""What texts read from a screen say: forbidden applications, and whether the exam is shown.

Reading by machine confuses letters of like shape and loses spaces, so both sides are folded before
they are compared.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import urlsplit

#: Letters and digits of like shape, as one of them; the Cyrillic ones that Latin ones stand for.
_ALIKE = str.maketrans("01i|!і5$авеорстухкмн", "olllllssabeopctyxkmh")
#: Names of at least so many letters are also found without their spaces.
_LONG = 6
#: The share of a title's longer words that has to be read to say that it is shown.
SHOWN_SHARE = 0.6
_WORD = 4


def forbidden_found(lines: Sequence[str], forbidden: Sequence[str]) -> tuple[str, ...]:
    """Return which of the forbidden names are read in the lines, in the names' order."""
    texts = [_fold(line) for line in lines]
    return tuple(name for name in forbidden if _is_named(_fold(name), texts))


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


def _is_named(name: str, texts: Sequence[str]) -> bool:
    if not name:
        return False
    if any(f" {name} " in f" {text} " for text in texts):
        return True
    tight = name.replace(" ", "")
    return len(tight) >= _LONG and any(tight in text.replace(" ", "") for text in texts)


def _is_read(sign: str, texts: Sequence[str]) -> bool:
    if _is_named(sign, texts):
        return True
    words = {word for word in sign.split() if len(word) >= _WORD}
    together = " ".join(texts)
    read = sum(f" {word} " in f" {together} " for word in words)
    return len(words) > 1 and read >= SHOWN_SHARE * len(words)


def _fold(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(re.findall(r"\w+", bare.translate(_ALIKE)))
