"""Expression operators on single values: arithmetic, text, types and conversion."""

from __future__ import annotations

import datetime as dt
import math
import operator
from collections.abc import Callable
from typing import Any

from bson import Decimal128, Int64, ObjectId
from bson.errors import InvalidId

from .bsonkeys import milliseconds
from .bsontypes import type_name
from .errors import CommandError
from .expr_core import (
    Builder,
    Compile,
    Expression,
    Variables,
    arguments,
    is_null,
    named_arguments,
    null_passing,
    truth,
)
from .numbers import Total, as_stored, combine, is_number, to_decimal
from .paths import MISSING
from .regexes import compile_regex

_MS = dt.timedelta(milliseconds=1)
_EPOCH = dt.datetime(1970, 1, 1)


def _number(value: Any, name: str) -> Any:
    if not is_number(value):
        raise CommandError("TypeMismatch", f"{name} only supports numeric types, not {value!r}")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise CommandError("Location16702", f"{name} only supports strings, not {value!r}")
    return value


def _add(*values: Any) -> Any:
    dates = [value for value in values if isinstance(value, dt.datetime)]
    if len(dates) > 1:
        raise CommandError("Location16612", "only one date allowed in an $add expression")
    total = Total()
    for value in values:
        if not isinstance(value, dt.datetime):
            total.add(_number(value, "$add"))
    return dates[0] + round(float(total.sum())) * _MS if dates else total.sum()


def _subtract(left: Any, right: Any) -> Any:
    if isinstance(left, dt.datetime):
        if isinstance(right, dt.datetime):
            return Int64(milliseconds(left) - milliseconds(right))
        return left - round(float(_number(right, "$subtract"))) * _MS
    return as_stored(combine(_number(left, "$subtract"), _number(right, "$subtract"), operator.sub))


def _multiply(*values: Any) -> Any:
    product: Any = 1
    for value in values:
        product = combine(product, _number(value, "$multiply"), operator.mul)
    return as_stored(product)


def _divide(left: Any, right: Any) -> Any:
    if _number(right, "$divide") in (0, Decimal128("0")):
        raise CommandError("BadValue", "can't $divide by zero")
    if isinstance(left, Decimal128) or isinstance(right, Decimal128):
        return combine(left, right, operator.truediv)
    return _number(left, "$divide") / right


def _mod(left: Any, right: Any) -> Any:
    if _number(right, "$mod") == 0:
        raise CommandError("Location16610", "can't $mod by zero")
    if isinstance(_number(left, "$mod"), int) and isinstance(right, int):
        return combine(left, right, lambda a, b: int(math.copysign(abs(a) % abs(b), a)))
    return math.fmod(float(to_decimal(left)), float(to_decimal(right)))


def _rounding(name: str, mode: Callable[[float], int]) -> Builder:
    def apply(value: Any) -> Any:
        if isinstance(_number(value, name), int):
            return value
        if isinstance(value, Decimal128):
            return Decimal128(str(mode(value.to_decimal())))  # type: ignore[arg-type]
        return float(mode(value)) if math.isfinite(value) else value

    return null_passing(name, 1, 1, apply)


def _round(value: Any, places: int = 0) -> Any:
    if isinstance(_number(value, "$round"), int):
        rounded = round(value, places)
        return Int64(rounded) if type(value) is Int64 else rounded
    if isinstance(value, Decimal128):
        return Decimal128(round(value.to_decimal(), places))
    return round(value, places) if math.isfinite(value) else value


def _trunc(value: Any, places: int = 0) -> Any:
    if places:
        raise CommandError("NotImplemented", "$trunc with a place is not supported")
    return float(math.trunc(value)) if isinstance(_number(value, "$trunc"), float) else value


def _abs(value: Any) -> Any:
    if isinstance(_number(value, "$abs"), Decimal128):
        return Decimal128(abs(value.to_decimal()))
    return Int64(abs(value)) if type(value) is Int64 else abs(value)


def _pow(base: Any, exponent: Any) -> Any:
    result = _number(base, "$pow") ** _number(exponent, "$pow")
    return as_stored(result)


def _concat(*values: Any) -> str:
    return "".join(_text(value, "$concat") for value in values)


def _substring(text: Any, start: Any, length: Any) -> str:
    if length < 0:
        return str(text)[int(start) :]
    return str(text)[int(start) : int(start) + int(length)]


def _case(change: Callable[[str], str], name: str) -> Builder:
    """ASCII only, like MongoDB's; null gives the empty string."""

    def build(spec: Any, compile_: Compile) -> Expression:
        (part,) = map(compile_, arguments(spec, name, 1))

        def evaluate(doc: Any, scope: Variables) -> str:
            value = part(doc, scope)
            text = "" if is_null(value) else to_text(value)
            return "".join(change(c) if c.isascii() else c for c in text)

        return evaluate

    return build


def _split(text: Any, separator: Any) -> list[str]:
    if not _text(separator, "$split"):
        raise CommandError("Location40087", "$split requires a non-empty separator")
    return _text(text, "$split").split(separator)


def _trim(name: str, method: Callable[..., str]) -> Builder:
    def build(spec: Any, compile_: Compile) -> Expression:
        spec = named_arguments(spec, name, ("input",), ("chars",))
        text, chars = compile_(spec["input"]), compile_(spec.get("chars", " \t\n\r\f\v\0"))

        def evaluate(doc: Any, scope: Variables) -> Any:
            value, strip = text(doc, scope), chars(doc, scope)
            if is_null(value) or is_null(strip):
                return None
            return method(_text(value, name), _text(strip, name))

        return evaluate

    return build


def _replace(name: str, count: int) -> Builder:
    def build(spec: Any, compile_: Compile) -> Expression:
        spec = named_arguments(spec, name, ("input", "find", "replacement"))
        parts = [compile_(spec[key]) for key in ("input", "find", "replacement")]

        def evaluate(doc: Any, scope: Variables) -> Any:
            values = [part(doc, scope) for part in parts]
            if any(map(is_null, values)):
                return None
            text, find, replacement = (_text(value, name) for value in values)
            return text.replace(find, replacement, count)

        return evaluate

    return build


def _regex_match(spec: Any, compile_: Compile) -> Expression:
    spec = named_arguments(spec, "$regexMatch", ("input", "regex"), ("options",))
    text, pattern = compile_(spec["input"]), compile_(spec["regex"])
    options = spec.get("options", "")

    def evaluate(doc: Any, scope: Variables) -> bool:
        value = text(doc, scope)
        if is_null(value):
            return False
        compiled = compile_regex(pattern(doc, scope), options)
        return bool(compiled.search(_text(value, "$regexMatch")))

    return evaluate


def to_text(value: Any) -> str:
    """Return a value as `$toString` writes it. Raises ConversionFailure."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%dT%H:%M:%S}.{value.microsecond // 1000:03d}Z"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, (str, int, ObjectId, Decimal128)):
        return str(value)
    raise _unconvertible(value, "string")


def _to_integer(name: str, low: int, high: int, kind: Callable[[int], Any]) -> Callable[..., Any]:
    def convert(value: Any) -> Any:
        try:
            if isinstance(value, dt.datetime) and kind is Int64:
                result = milliseconds(value)
            elif isinstance(value, str):
                result = int(value) if value.strip() == value else int("")
            elif isinstance(value, (bool, int, float, Decimal128)):
                result = int(value.to_decimal() if isinstance(value, Decimal128) else value)
            else:
                raise _unconvertible(value, name)
        except (ValueError, OverflowError):
            raise _unconvertible(value, name) from None
        if not low <= result <= high:
            raise _unconvertible(value, name)
        return kind(result)

    return convert


def _to_double(value: Any) -> float:
    try:
        if isinstance(value, dt.datetime):
            return float(milliseconds(value))
        if isinstance(value, Decimal128):
            return float(value.to_decimal())
        if isinstance(value, (bool, int, float, str)):
            return float(value)
    except ValueError:
        pass
    raise _unconvertible(value, "double")


def _to_bool(value: Any) -> bool:
    return truth(value)


def _to_object_id(value: Any) -> ObjectId:
    try:
        return ObjectId(value)
    except (InvalidId, TypeError):
        raise _unconvertible(value, "objectId") from None


def _to_date(value: Any) -> dt.datetime:
    try:
        if isinstance(value, ObjectId):
            return value.generation_time.replace(tzinfo=None)
        if isinstance(value, str):
            parsed = dt.datetime.fromisoformat(value)
            return _EPOCH + milliseconds(parsed) * _MS
        if isinstance(value, dt.datetime):
            return value
        if is_number(value) and type(value) is not int:
            return _EPOCH + int(to_decimal(value)) * _MS
    except (ValueError, OverflowError):
        pass
    raise _unconvertible(value, "date")


def _unconvertible(value: Any, name: str) -> CommandError:
    return CommandError(
        "ConversionFailure",
        f"Unsupported or failed conversion from {type_name(value)} to {name}: {value!r}",
    )


def _type(spec: Any, compile_: Compile) -> Expression:
    (part,) = map(compile_, arguments(spec, "$type", 1))

    def evaluate(doc: Any, scope: Variables) -> str:
        value = part(doc, scope)
        return "missing" if value is MISSING else type_name(value)

    return evaluate


def _is_number(spec: Any, compile_: Compile) -> Expression:
    (part,) = map(compile_, arguments(spec, "$isNumber", 1))
    return lambda doc, scope: is_number(part(doc, scope))


VALUES: dict[str, Builder] = {
    "$add": null_passing("$add", 0, 1000, _add),
    "$subtract": null_passing("$subtract", 2, 2, _subtract),
    "$multiply": null_passing("$multiply", 0, 1000, _multiply),
    "$divide": null_passing("$divide", 2, 2, _divide),
    "$mod": null_passing("$mod", 2, 2, _mod),
    "$abs": null_passing("$abs", 1, 1, _abs),
    "$pow": null_passing("$pow", 2, 2, _pow),
    "$sqrt": null_passing("$sqrt", 1, 1, lambda value: math.sqrt(_number(value, "$sqrt"))),
    "$round": null_passing("$round", 1, 2, _round),
    "$trunc": null_passing("$trunc", 1, 2, _trunc),
    "$ceil": _rounding("$ceil", math.ceil),
    "$floor": _rounding("$floor", math.floor),
    "$concat": null_passing("$concat", 0, 1000, _concat),
    "$substrCP": null_passing("$substrCP", 3, 3, _substring),
    "$strLenCP": null_passing("$strLenCP", 1, 1, lambda value: len(_text(value, "$strLenCP"))),
    "$toLower": _case(str.lower, "$toLower"),
    "$toUpper": _case(str.upper, "$toUpper"),
    "$split": null_passing("$split", 2, 2, _split),
    "$trim": _trim("$trim", str.strip),
    "$ltrim": _trim("$ltrim", str.lstrip),
    "$rtrim": _trim("$rtrim", str.rstrip),
    "$replaceOne": _replace("$replaceOne", 1),
    "$replaceAll": _replace("$replaceAll", -1),
    "$regexMatch": _regex_match,
    "$type": _type,
    "$isNumber": _is_number,
    "$toString": null_passing("$toString", 1, 1, to_text),
    "$toInt": null_passing("$toInt", 1, 1, _to_integer("int", -(2**31), 2**31 - 1, int)),
    "$toLong": null_passing("$toLong", 1, 1, _to_integer("long", -(2**63), 2**63 - 1, Int64)),
    "$toDouble": null_passing("$toDouble", 1, 1, _to_double),
    "$toBool": null_passing("$toBool", 1, 1, _to_bool),
    "$toObjectId": null_passing("$toObjectId", 1, 1, _to_object_id),
    "$toDate": null_passing("$toDate", 1, 1, _to_date),
}
