"""Expression operators on dates. All of them work in UTC; a `timezone` is refused."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Any

from .errors import CommandError, require
from .operators import (
    Builder,
    Compile,
    Expression,
    Variables,
    is_null,
    named_arguments,
    null_passing,
)

_UNITS = ("year", "month", "day", "hour", "minute", "second")
_DIRECTIVES = {
    "%%": "%", "%Y": "{0.year:04d}", "%m": "{0.month:02d}", "%d": "{0.day:02d}",
    "%H": "{0.hour:02d}", "%M": "{0.minute:02d}", "%S": "{0.second:02d}", "%L": "{1:03d}",
}  # fmt: skip
_DIRECTIVE = re.compile("%.?", re.S)
_DEFAULT_FORMAT = "%Y-%m-%dT%H:%M:%S.%LZ"


def _date(value: Any) -> dt.datetime:
    if not isinstance(value, dt.datetime):
        raise CommandError("Location16006", f"can't convert {value!r} to a date")
    return value


def _part(name: str, read: Callable[[dt.datetime], int]) -> Builder:
    return null_passing(name, 1, 1, lambda value: read(_date(value)))


def _date_to_string(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$dateToString", ("date",), ("format", "onNull"))
    date, pattern = compile_(spec["date"]), spec.get("format", _DEFAULT_FORMAT)
    on_null = compile_(spec.get("onNull"))

    def evaluate(doc: Any, scope: Variables) -> Any:
        value = date(doc, scope)
        return on_null(doc, scope) if is_null(value) else _format(_date(value), pattern)

    return evaluate


def _format(date: dt.datetime, pattern: str) -> str:
    def shown(directive: re.Match[str]) -> str:
        template = _DIRECTIVES.get(directive[0])
        require(template, "Location18536", f"Invalid format character '{directive[0]}'")
        return str(template).format(date, date.microsecond // 1000)

    return _DIRECTIVE.sub(shown, pattern)


def _date_trunc(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$dateTrunc", ("date", "unit"))
    date, unit = compile_(spec["date"]), spec["unit"]
    require(unit in (*_UNITS, "week"), "FailedToParse", f"unknown time unit value: {unit}")

    def evaluate(doc: Any, scope: Variables) -> Any:
        value = date(doc, scope)
        return None if is_null(value) else _truncate(_date(value), unit)

    return evaluate


def _truncate(date: dt.datetime, unit: str) -> dt.datetime:
    """Return the start of the year, month, week (from Sunday), day … that a date is in."""
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
