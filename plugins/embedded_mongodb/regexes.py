"""MongoDB's regular expressions (PCRE) on Python's `re`: translated exactly or refused."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from .bsonkeys import regex_flags
from .errors import CommandError, not_supported, require

_OPTIONS = {"i": re.I, "m": re.M, "s": re.S, "x": re.X, "u": 0}
# PCRE's classes are ASCII unless asked otherwise; Python's are Unicode.
_ESCAPES = {r"\Z": r"(?=\n?\Z)", r"\z": r"\Z", **{"\\" + c: f"(?a:\\{c})" for c in "wWdDsSbB"}}
_IN_CLASS = {r"\w": "a-zA-Z0-9_", r"\d": "0-9", r"\s": r" \t\n\r\f\v"}
_UNLIKE = (r"\u", r"\U", r"\N")
# What reads otherwise in Python: an escape, a whole class, a quantifier without a lower bound.
_TOKEN = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|\{,", re.S)
_CLASS_TOKEN = re.compile(r"\\.|\[[:.=]?", re.S)


def compile_regex(pattern: Any, options: str = "") -> re.Pattern[str]:
    """Return the compiled form of a pattern (text or BSON regex) with `$options` letters.

    Raises BadValue for a bad option, Location51091 for a pattern that does not compile, and
    NotImplemented for syntax whose meaning differs between PCRE and Python.
    """
    if hasattr(pattern, "pattern"):
        options, pattern = options or regex_flags(pattern.flags), pattern.pattern
    if isinstance(pattern, bytes):
        pattern = pattern.decode()
    require(type(pattern) is str, "BadValue", "$regex has to be a string")
    return _compile(pattern, options)


@lru_cache(maxsize=512)
def _compile(pattern: str, options: str) -> re.Pattern[str]:
    flags = 0
    for letter in options:
        require(letter in _OPTIONS, "Location51108", f"invalid flag in regex options: {letter}")
        flags |= _OPTIONS[letter]
    try:
        return re.compile(_TOKEN.sub(_translate, pattern), flags)
    except re.error as error:
        raise CommandError("Location51091", f"Regular expression is invalid: {error}") from None


def _translate(token: re.Match[str]) -> str:
    text = token[0]
    if text[0] == "[":
        return "[" + _CLASS_TOKEN.sub(_translate_in_class, text[1:])
    if text == "{,":
        raise not_supported("the quantifier {,n} in a regular expression")
    require(text not in _UNLIKE, "Location51091", f"{text} is not an escape")
    return _ESCAPES.get(text, text)


def _translate_in_class(token: re.Match[str]) -> str:
    text = token[0]
    if text == "[":
        return r"\["  # means itself; Python warns of future set syntax
    if text[0] == "[" or text in (r"\W", r"\D", r"\S"):
        raise not_supported(f"{text} inside a class of a regular expression")
    require(text not in _UNLIKE, "Location51091", f"{text} is not an escape")
    return _IN_CLASS.get(text, text)
