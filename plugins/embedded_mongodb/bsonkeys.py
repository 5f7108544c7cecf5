"""Order-preserving keys: comparing two keys as bytes gives BSON's comparison order.

One key stands for all values that BSON compares as equal (1, 1.0 and NumberDecimal("1")).
No key is a prefix of another, so keys can be concatenated (compound indexes) and complemented
(descending fields). The order of types is that of the MongoDB manual, "Comparison/Sort Order".
"""

from __future__ import annotations

import datetime as dt
import math
import re
import struct
from collections.abc import Callable
from decimal import Context, Decimal
from typing import Any

from bson import DBRef, Decimal128, Int64, MaxKey, MinKey, ObjectId, Regex, Timestamp
from bson.binary import Binary
from bson.code import Code
from bson.datetime_ms import DatetimeMS

from .paths import MISSING, fields_of

MIN, EMPTY_ARRAY, NULL, NUMBER, STRING, OBJECT, ARRAY, BINARY = 1, 3, 5, 10, 20, 30, 40, 45
OBJECT_ID, BOOLEAN, DATE, TIMESTAMP, REGEX, CODE, CODE_SCOPE, MAX = 50, 55, 60, 65, 70, 80, 85, 127

Range = tuple[bytes, bytes]
"""From the first, which belongs to it, to the second, which does not."""

KEY_NULL = bytes([NULL])
KEY_EMPTY_ARRAY = bytes([EMPTY_ARRAY])
_NAN = bytes([NUMBER]) + bytes(9)
_COMPLEMENT = bytes(255 - i for i in range(256))
_EPOCH = dt.datetime(1970, 1, 1)
_MS = dt.timedelta(milliseconds=1)
_SIGN = 1 << 63
_EXACT_INT = 1 << 53
# A double has up to 767 significant digits and 1074 decimals; the context must lose none.
_EXACT = Context(prec=8000, Emin=-20000, Emax=20000)
_MAX_DOUBLE = Decimal(struct.unpack(">d", b"\x7f\xef" + b"\xff" * 6)[0])
_DOUBLE = struct.Struct(">d")
_DATETIME_RANGE = (-62135596800000, 253402300799999)
_FLAGS = ((re.I, "i"), (re.M, "m"), (re.S, "s"), (re.X, "x"))


def complement(key: bytes) -> bytes:
    """Return the key that sorts the other way round."""
    return key.translate(_COMPLEMENT)


def encode(value: Any) -> bytes:
    """Return the key of a decoded BSON value (a missing field counts as null)."""
    encoder = _ENCODERS.get(type(value))
    if encoder is not None:
        return encoder(value)
    for cls, fallback in _SUBCLASSES:
        if isinstance(value, cls):
            return fallback(value)
    raise TypeError(f"no BSON type for {type(value).__name__}")


def decode(key: bytes) -> Any:
    """Return a value whose key is `key`; the inverse of `encode` up to BSON equality."""
    value, _ = decode_at(key, 0)
    return value


def bracket(key: bytes) -> bytes:
    """Return what two keys must share for `$gt` and its kin to compare them: type, or NaN."""
    return _NAN if key == _NAN else key[:1]


def after(key: bytes) -> bytes:
    """Return what is above a key and all that begins with it, and below every other key there."""
    start = key.rstrip(b"\xff")
    return start[:-1] + bytes([start[-1] + 1]) if start else b"\xff"


def type_range(type_byte: int) -> Range:
    """Return the range of every key of a type (of numbers: all but NaN)."""
    low = _number(-math.inf) if type_byte == NUMBER else bytes([type_byte])
    return low, bytes([type_byte + 1])


def reversed_range(keys: Range) -> Range:
    """Return the range of the complements of the keys in a range."""
    low, high = keys
    return after(complement(high)), after(complement(low))


def milliseconds(value: dt.datetime) -> int:
    """Return a datetime as BSON stores it: milliseconds since 1970, UTC when naive."""
    if value.tzinfo is not None:
        value = value.astimezone(dt.UTC).replace(tzinfo=None)
    return (value - _EPOCH) // _MS


def regex_flags(flags: int) -> str:
    """Return BSON's option letters for Python's regular expression flags, sorted."""
    return "".join(letter for bit, letter in _FLAGS if flags & bit)


def _escape(data: bytes) -> bytes:
    return data.replace(b"\x00", b"\x00\xff") + b"\x00\x00"


def _string(value: str) -> bytes:
    return b"\x14" + _escape(value.encode())


def _number(value: int | float) -> bytes:
    if isinstance(value, int) and not -_EXACT_INT <= value <= _EXACT_INT:
        return _exact_number(Decimal(int(value)))
    if value != value:
        return _NAN
    size = abs(float(value))
    # The sign bit is set so that sizes sort above what is complemented, the negative numbers.
    key = _DOUBLE.pack(-size) + (b"\xff" if size == math.inf else b"\x00")
    return b"\x0a" + (complement(key) if value < 0 else key)


def _exact_number(value: Decimal) -> bytes:
    """Return the key of any finite decimal: nearest double towards zero, then the rest."""
    size = value.copy_abs()
    if size > _MAX_DOUBLE:
        head, rest = _DOUBLE.pack(math.inf), size
    else:
        nearest = float(size)
        if nearest == math.inf or Decimal(nearest) > size:
            nearest = math.nextafter(nearest, 0.0)
        head, rest = struct.pack(">d", nearest), _EXACT.subtract(size, Decimal(nearest))
    key = bytes([head[0] | 0x80]) + head[1:]
    if rest:
        digits = bytes(digit + 1 for digit in rest.as_tuple().digits).rstrip(b"\x01")
        key += b"\x01" + struct.pack(">H", rest.adjusted() + 20000) + digits
    key += b"\x00"
    return b"\x0a" + (complement(key) if value < 0 else key)


def _decimal(value: Decimal128) -> bytes:
    number = value.to_decimal()
    if number.is_nan():
        return _NAN
    if number.is_infinite():
        return _number(math.inf if number > 0 else -math.inf)
    return _exact_number(number)


def _binary(value: bytes) -> bytes:
    subtype = value.subtype if isinstance(value, Binary) else 0
    return b"\x2d" + struct.pack(">IB", len(value), subtype) + value


def _object(value: dict[str, Any]) -> bytes:
    parts = [b"\x1e"]
    for name, item in value.items():
        key = encode(item)
        parts += (b"\x01", key[:1], _escape(name.encode()), key)
    parts.append(b"\x00")
    return b"".join(parts)


def _array(value: list[Any]) -> bytes:
    return b"\x28" + b"".join(b"\x01" + encode(item) for item in value) + b"\x00"


def _date(value: int) -> bytes:
    return b"\x3c" + struct.pack(">Q", value + _SIGN)


def _regex(value: Any) -> bytes:
    pattern = value.pattern if isinstance(value.pattern, bytes) else value.pattern.encode()
    return b"\x46" + _escape(pattern) + _escape(regex_flags(value.flags).encode())


def _code(value: Code) -> bytes:
    text = _escape(str(value).encode())
    if value.scope is None:
        return bytes([CODE]) + text
    return bytes([CODE_SCOPE]) + text + _object(dict(value.scope))


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    str: _string,
    bool: lambda value: b"\x37\x01" if value else b"\x37\x00",
    int: _number,
    float: _number,
    Int64: _number,
    Decimal128: _decimal,
    ObjectId: lambda value: b"\x32" + value.binary,
    type(None): lambda value: KEY_NULL,
    type(MISSING): lambda value: KEY_NULL,
    dt.datetime: lambda value: _date(milliseconds(value)),
    DatetimeMS: lambda value: _date(int(value)),
    bytes: _binary,
    Binary: _binary,
    dict: _object,
    list: _array,
    DBRef: lambda value: _object(fields_of(value)),
    Regex: _regex,
    re.Pattern: _regex,
    Timestamp: lambda value: b"\x41" + struct.pack(">II", value.time, value.inc),
    Code: _code,
    MinKey: lambda value: bytes([MIN]),
    MaxKey: lambda value: bytes([MAX]),
}
_SUBCLASSES = [(cls, _ENCODERS[cls]) for cls in (Code, str, bool, int, float, bytes, dict, list)]


def decode_at(key: bytes, at: int) -> tuple[Any, int]:
    """Return the value whose key starts at `at`, and where that key ends."""
    kind, at = key[at], at + 1
    if kind in _FIXED:
        size, decode_fixed = _FIXED[kind]
        return decode_fixed(key[at : at + size]), at + size
    if kind == BINARY:
        size, subtype = struct.unpack_from(">IB", key, at)
        data = key[at + 5 : at + 5 + size]
        return (Binary(data, subtype) if subtype else data), at + 5 + size
    if kind in (OBJECT, ARRAY):
        return _decode_container(key, at, kind)
    if kind == NUMBER:
        return _decode_number(key, at)
    text, at = _unescape(key, at)
    if kind == STRING:
        return text, at
    if kind == CODE:
        return Code(text), at
    if kind == REGEX:
        flags, at = _unescape(key, at)
        return Regex(text, flags), at
    scope, at = decode_at(key, at)
    return Code(text, scope), at


def _decode_date(key: bytes) -> dt.datetime | DatetimeMS:
    ms = int.from_bytes(key, "big") - _SIGN
    inside = _DATETIME_RANGE[0] <= ms <= _DATETIME_RANGE[1]
    return _EPOCH + ms * _MS if inside else DatetimeMS(ms)


_FIXED: dict[int, tuple[int, Callable[[bytes], Any]]] = {
    MIN: (0, lambda key: MinKey()),
    EMPTY_ARRAY: (0, lambda key: []),
    NULL: (0, lambda key: None),
    OBJECT_ID: (12, ObjectId),
    BOOLEAN: (1, lambda key: key == b"\x01"),
    DATE: (8, _decode_date),
    TIMESTAMP: (8, lambda key: Timestamp(*struct.unpack(">II", key))),
    MAX: (0, lambda key: MaxKey()),
}


def _decode_container(key: bytes, at: int, kind: int) -> tuple[Any, int]:
    items: list[Any] = []
    names: list[str] = []
    while key[at]:
        at += 1
        if kind == OBJECT:
            name, at = _unescape(key, at + 1)
            names.append(name)
        item, at = decode_at(key, at)
        items.append(item)
    return (dict(zip(names, items, strict=True)) if kind == OBJECT else items), at + 1


def _unescape(key: bytes, at: int) -> tuple[str, int]:
    end = key.index(b"\x00\x00", at)
    return key[at:end].replace(b"\x00\xff", b"\x00").decode(), end + 2


def _decode_number(key: bytes, at: int) -> tuple[Any, int]:
    if key.startswith(_NAN, at - 1):
        return math.nan, at + 9
    negative = key[at] < 0x80
    plain = complement(key[at:]) if negative else key[at:]
    head, tail = bytes([plain[0] & 0x7F]) + plain[1:8], plain[8]
    nearest = struct.unpack(">d", head)[0]
    sign = -1 if negative else 1
    if tail != 1:
        value = sign * nearest
        whole = math.isfinite(value) and value == int(value) and abs(value) < _SIGN
        return (int(value) if whole else value), at + 9
    end = plain.index(b"\x00", 11)
    digits = tuple(byte - 1 for byte in plain[11:end])
    exponent = struct.unpack_from(">H", plain, 9)[0] - 20000 - len(digits) + 1
    rest = Decimal((0, digits, exponent))
    size = rest if nearest == math.inf else _EXACT.add(Decimal(nearest), rest)
    value = size.copy_negate() if negative else size
    if value == value.to_integral_value(context=_EXACT) and -_SIGN <= value < _SIGN:
        return Int64(int(value)), at + end + 1
    return Decimal128(value.normalize(_EXACT)), at + end + 1
