"""Expression operators on dates. All of them work in UTC; a `timezone` is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from .errors import CommandError
from .operators import (
    Builder,
    Compile,
    Expression,
    Variables,
    named_arguments,
    null_passing,
)
from .paths import MISSING

_UNITS = ("year", "month", "day", "hour", "minute", "second")
_DIRECTIVES: dict[str, Callable[[dt.datetime], str]] = {
    "%": lambda date: "%",
    "Y": lambda date: f"{date.year:04d}",
    "m": lambda date: f"{date.month:02d}",
    "d": lambda date: f"{date.day:02d}",
    "H": lambda date: f"{date.hour:02d}",
    "M": lambda date: f"{date.minute:02d}",
    "S": lambda date: f"{date.second:02d}",
    "L": lambda date: f"{date.microsecond // 1000:03d}",
}
_DEFAULT_FORMAT = "%Y-%m-%dT%H:%M:%S.%LZ"


def _date(value: Any, name: str) -> dt.datetime:
    if not isinstance(value, dt.datetime):
        raise CommandError("Location16006", f"can't convert {value!r} to a date for {name}")
    return value


def _part(name: str, read: Callable[[dt.datetime], int]) -> Builder:
    return null_passing(name, 1, 1, lambda value: read(_date(value, name)))


def _date_to_string(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$dateToString", ("date",), ("format", "onNull"))
    date, pattern = compile_(spec["date"]), spec.get("format", _DEFAULT_FORMAT)
    on_null = compile_(spec.get("onNull"))

    def evaluate(doc: Any, scope: Variables) -> Any:
        value = date(doc, scope)
        if value is None or value is MISSING:
            return on_null(doc, scope)
        return _format(_date(value, "$dateToString"), pattern)

    return evaluate


def _format(date: dt.datetime, pattern: str) -> str:
    out, letters = [], iter(pattern)
    for letter in letters:
        if letter == "%":
            directive = next(letters, "")
            if directive not in _DIRECTIVES:
                raise CommandError("Location18536", f"Invalid format character '%{directive}'")
            letter = _DIRECTIVES[directive](date)
        out.append(letter)
    return "".join(out)


def _date_trunc(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$dateTrunc", ("date", "unit"))
    date, unit = compile_(spec["date"]), spec["unit"]
    if unit not in (*_UNITS, "week"):
        raise CommandError("FailedToParse", f"unknown time unit value: {unit}")

    def evaluate(doc: Any, scope: Variables) -> Any:
        value = date(doc, scope)
        return None if value is None or value is MISSING else truncate(value, unit)

    return evaluate


def truncate(value: Any, unit: str) -> dt.datetime:
    """Return the start of the year, month, week (from Sunday), day … that a date is in."""
    date = _date(value, "$dateTrunc")
    if unit == "week":
        date, unit = date - dt.timedelta(days=date.isoweekday() % 7), "day"
    fields = [getattr(date, field) for field in _UNITS[: _UNITS.index(unit) + 1]]
    return dt.datetime(*fields, *[1, 1][len(fields) - 1 :])


DATES: dict[str, Builder] = {
    "$year": _part("$year", lambda date: date.year),
    "$month": _part("$month", lambda date: date.month),
    "$dayOfMonth": _part("$dayOfMonth", lambda date: date.day),
    "$hour": _part("$hour", lambda date: date.hour),
    "$minute": _part("$minute", lambda date: date.minute),
    "$second": _part("$second", lambda date: date.second),
    "$dateToString": _date_to_string,
    "$dateTrunc": _date_trunc,
}
