"""MongoDB's regular expressions (PCRE) on Python's `re`: translated exactly or refused."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from bson import Regex

from .bsonkeys import regex_flags
from .errors import CommandError, not_supported

_OPTIONS = {"i": re.I, "m": re.M, "s": re.S, "x": re.X, "u": 0}
# PCRE's classes are ASCII unless asked otherwise; Python's are Unicode.
_ASCII_CLASS = {"w": "a-zA-Z0-9_", "d": "0-9", "s": r" \t\n\r\f\v"}
_END = {"Z": r"(?=\n?\Z)", "z": r"\Z"}
_TOKEN = re.compile(r"\\(.)|\[\[?[:.=]|\[\^?\]?|\]|\{,|.", re.S)


def compile_regex(pattern: Any, options: str = "") -> re.Pattern[str]:
    """Return the compiled form of a pattern (text or BSON regex) with `$options` letters.

    Raises BadValue for a bad option, Location51091 for a pattern that does not compile, and
    NotImplemented for syntax whose meaning differs between PCRE and Python.
    """
    if isinstance(pattern, (Regex, re.Pattern)):
        options = options or regex_flags(pattern.flags)
        pattern = pattern.pattern
    if isinstance(pattern, bytes):
        pattern = pattern.decode()
    if type(pattern) is not str:
        raise CommandError("BadValue", "$regex has to be a string")
    return _compile(pattern, options)


@lru_cache(maxsize=512)
def _compile(pattern: str, options: str) -> re.Pattern[str]:
    flags = 0
    for letter in options:
        if letter not in _OPTIONS:
            raise CommandError("Location51108", f"invalid flag in regex options: {letter}")
        flags |= _OPTIONS[letter]
    try:
        return re.compile(_translate(pattern), flags)
    except re.error as error:
        raise CommandError("Location51091", f"Regular expression is invalid: {error}") from None


def _translate(pattern: str) -> str:
    out: list[str] = []
    in_class = False
    for token in _TOKEN.finditer(pattern):
        text, escaped = token.group(), token.group(1)
        if escaped is not None:
            out.append(_escape(escaped, in_class))
        elif text[-1] in ":.=" and (in_class or text.startswith("[[")) and len(text) > 1:
            raise not_supported("a POSIX class in a regular expression")
        elif in_class:
            in_class = text != "]"
            # An opening bracket means itself inside a class; Python warns of future set syntax.
            out.append(text.replace("[", r"\["))
        elif text == "{,":
            raise not_supported("the quantifier {,n} in a regular expression")
        elif text.startswith("["):
            in_class = True
            out.append(text if not text.startswith("[[") else "[" + text[1:].replace("[", r"\["))
        else:
            out.append(text)
    return "".join(out)


def _escape(letter: str, in_class: bool) -> str:
    if letter.lower() in _ASCII_CLASS:
        if not in_class:
            return f"(?a:\\{letter})"
        if letter.islower():
            return _ASCII_CLASS[letter]
        raise not_supported(f"\\{letter} inside a regular expression's class")
    if letter in "bB" and not in_class:
        return f"(?a:\\{letter})"
    if letter in _END and not in_class:
        return _END[letter]
    if letter in "uUN":
        raise CommandError("Location51091", f"\\{letter} is not an escape")
    return "\\" + letter
