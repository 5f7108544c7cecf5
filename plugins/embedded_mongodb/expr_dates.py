"""Expression operators on dates. All of them work in UTC; a `timezone` is refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from bson import Int64, ObjectId, Timestamp

from .errors import CommandError
from .expr_core import (
    Builder,
    Compile,
    Expression,
    Variables,
    arguments,
    is_null,
    named_arguments,
)

_UNITS = ("year", "month", "day", "hour", "minute", "second")
_STEPS = {
    "week": dt.timedelta(weeks=1),
    "day": dt.timedelta(days=1),
    "hour": dt.timedelta(hours=1),
    "minute": dt.timedelta(minutes=1),
    "second": dt.timedelta(seconds=1),
    "millisecond": dt.timedelta(milliseconds=1),
}
_FORMATS: dict[str, Callable[[dt.datetime], str]] = {
    "%": lambda date: "%",
    "Y": lambda date: f"{date.year:04d}",
    "m": lambda date: f"{date.month:02d}",
    "d": lambda date: f"{date.day:02d}",
    "H": lambda date: f"{date.hour:02d}",
    "M": lambda date: f"{date.minute:02d}",
    "S": lambda date: f"{date.second:02d}",
    "L": lambda date: f"{date.microsecond // 1000:03d}",
    "j": lambda date: f"{date.timetuple().tm_yday:03d}",
    "u": lambda date: str(date.isoweekday()),
    "w": lambda date: str(date.isoweekday() % 7 + 1),
    "G": lambda date: f"{date.isocalendar().year:04d}",
    "V": lambda date: f"{date.isocalendar().week:02d}",
    "z": lambda date: "+0000",
    "Z": lambda date: "+000",
}
_DEFAULT_FORMAT = "%Y-%m-%dT%H:%M:%S.%LZ"


def _date(value: Any, name: str) -> dt.datetime:
    if isinstance(value, ObjectId):
        return value.generation_time.replace(tzinfo=None)
    if isinstance(value, Timestamp):
        return value.as_datetime().replace(tzinfo=None)
    if not isinstance(value, dt.datetime):
        raise CommandError("Location16006", f"can't convert {value!r} to a date for {name}")
    return value


def _part(name: str, read: Callable[[dt.datetime], int]) -> Builder:
    def build(spec: Any, compile_: Compile) -> Expression:
        if type(spec) is dict and "date" in spec:
            spec = named_arguments(spec, name, ("date",))["date"]
        (part,) = map(compile_, arguments(spec, name, 1))

        def evaluate(doc: Any, scope: Variables) -> Any:
            value = part(doc, scope)
            return None if is_null(value) else read(_date(value, name))

        return evaluate

    return build


def format_date(date: dt.datetime, pattern: str) -> str:
    """Return a date as `$dateToString` writes it. Raises Location18535 for a bad format."""
    out, letters = [], iter(pattern)
    for letter in letters:
        if letter == "%":
            directive = next(letters, "")
            if directive not in _FORMATS:
                raise CommandError("Location18536", f"Invalid format character '%{directive}'")
            letter = _FORMATS[directive](date)
        out.append(letter)
    return "".join(out)


def _to_string(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$dateToString", ("date",), ("format", "onNull"))
    date, pattern = compile_(spec["date"]), compile_(spec.get("format", _DEFAULT_FORMAT))
    on_null = compile_(spec.get("onNull"))

    def evaluate(doc: Any, scope: Variables) -> Any:
        value = date(doc, scope)
        if is_null(value):
            return on_null(doc, scope)
        return format_date(_date(value, "$dateToString"), pattern(doc, scope))

    return evaluate


def truncate(date: dt.datetime, unit: str) -> dt.datetime:
    """Return the start of the year, month, week (from Sunday), day … that a date is in."""
    if unit == "week":
        date, unit = date - dt.timedelta(days=date.isoweekday() % 7), "day"
    if unit not in _UNITS:
        raise CommandError("FailedToParse", f"unknown time unit value: {unit}")
    fields = [getattr(date, field) for field in _UNITS[: _UNITS.index(unit) + 1]]
    return dt.datetime(*(fields + [1, 1][len(fields) - 1 :] if len(fields) < 3 else fields))


def _trunc(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$dateTrunc", ("date", "unit"))
    date, unit = compile_(spec["date"]), compile_(spec["unit"])

    def evaluate(doc: Any, scope: Variables) -> Any:
        value = date(doc, scope)
        return None if is_null(value) else truncate(_date(value, "$dateTrunc"), unit(doc, scope))

    return evaluate


def _shift(name: str, sign: int) -> Builder:
    def build(spec: Any, compile_: Compile) -> Expression:
        spec = named_arguments(spec, name, ("startDate", "unit", "amount"))
        parts = [compile_(spec[key]) for key in ("startDate", "unit", "amount")]

        def evaluate(doc: Any, scope: Variables) -> Any:
            start, unit, amount = (part(doc, scope) for part in parts)
            if is_null(start) or is_null(unit) or is_null(amount):
                return None
            if unit not in _STEPS:
                raise CommandError("NotImplemented", f"{name} by {unit} is not supported")
            return _date(start, name) + sign * int(amount) * _STEPS[unit]

        return evaluate

    return build


def _diff(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$dateDiff", ("startDate", "endDate", "unit"))
    parts = [compile_(spec[key]) for key in ("startDate", "endDate", "unit")]

    def evaluate(doc: Any, scope: Variables) -> Any:
        start, end, unit = (part(doc, scope) for part in parts)
        if is_null(start) or is_null(end) or is_null(unit):
            return None
        if unit not in _STEPS:
            raise CommandError("NotImplemented", f"$dateDiff in {unit} is not supported")
        start, end = _date(start, "$dateDiff"), _date(end, "$dateDiff")
        if unit != "millisecond":  # counts the boundaries crossed, not the time gone by
            start, end = truncate(start, unit), truncate(end, unit)
        return Int64((end - start) // _STEPS[unit])

    return evaluate


DATES: dict[str, Builder] = {
    "$year": _part("$year", lambda date: date.year),
    "$month": _part("$month", lambda date: date.month),
    "$dayOfMonth": _part("$dayOfMonth", lambda date: date.day),
    "$dayOfYear": _part("$dayOfYear", lambda date: date.timetuple().tm_yday),
    "$dayOfWeek": _part("$dayOfWeek", lambda date: date.isoweekday() % 7 + 1),
    "$isoDayOfWeek": _part("$isoDayOfWeek", lambda date: date.isoweekday()),
    "$isoWeek": _part("$isoWeek", lambda date: date.isocalendar().week),
    "$isoWeekYear": _part("$isoWeekYear", lambda date: date.isocalendar().year),
    "$hour": _part("$hour", lambda date: date.hour),
    "$minute": _part("$minute", lambda date: date.minute),
    "$second": _part("$second", lambda date: date.second),
    "$millisecond": _part("$millisecond", lambda date: date.microsecond // 1000),
    "$dateToString": _to_string,
    "$dateTrunc": _trunc,
    "$dateAdd": _shift("$dateAdd", 1),
    "$dateSubtract": _shift("$dateSubtract", -1),
    "$dateDiff": _diff,
}
