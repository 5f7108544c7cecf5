"""Arithmetic with BSON's number types: int32, int64, double, decimal and their promotion."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from decimal import Context, Decimal
from typing import Any

from bson import Decimal128, Int64

_DECIMAL = Context(prec=34, Emin=-6143, Emax=6144)
_INT64_LIMIT = 2**63


def is_number(value: Any) -> bool:
    """Tell whether a value is of one of the four number types (a bool is not)."""
    return isinstance(value, (int, float, Decimal128)) and not isinstance(value, bool)


def to_decimal(value: Any) -> Decimal:
    """Return a number as a decimal; doubles with the 15 digits that MongoDB keeps."""
    if isinstance(value, Decimal128):
        return value.to_decimal()
    if isinstance(value, float):
        return Decimal(f"{value:.15g}")
    return Decimal(int(value))


def from_decimal(value: Decimal) -> Decimal128:
    """Return a decimal rounded to what BSON can hold."""
    return Decimal128(_DECIMAL.plus(value))


def combine(a: Any, b: Any, function: Callable[[Any, Any], Any]) -> Any:
    """Apply `+`, `-` or `*` and return the result in the wider of the two types.

    A result beyond int64 comes back as a plain int outside that range: `fits` tells.
    """
    if isinstance(a, Decimal128) or isinstance(b, Decimal128):
        return from_decimal(function(to_decimal(a), to_decimal(b)))
    result = function(a, b)
    if isinstance(result, int) and Int64 in (type(a), type(b)) and fits(result):
        return Int64(result)
    return result


def fits(value: Any) -> bool:
    """Tell whether BSON can store a number as it is."""
    # Not with a range: it would look for an Int64 one number after the other.
    return not isinstance(value, int) or -_INT64_LIMIT <= value < _INT64_LIMIT


def as_stored(value: Any) -> Any:
    """Return an aggregation result as MongoDB keeps it: an int64 overflow becomes a double."""
    return value if fits(value) else float(value)


def total(values: Iterable[Any]) -> Any:
    """Return a sum as `$sum` gives it, in the widest type; what is not a number is passed over."""
    numbers = [value for value in values if is_number(value)]
    whole = sum(int(n) for n in numbers if isinstance(n, int))
    doubles = [n for n in numbers if isinstance(n, float)]
    decimals = [n.to_decimal() for n in numbers if isinstance(n, Decimal128)]
    double = _sum_of_doubles(doubles)
    if decimals:
        return from_decimal(sum(decimals, Decimal(whole)) + (to_decimal(double) if doubles else 0))
    if doubles:
        return double + whole
    if any(type(n) is Int64 for n in numbers) and fits(whole):
        return Int64(whole)
    return as_stored(whole)


def _sum_of_doubles(values: list[float]) -> float:
    try:
        return math.fsum(values)  # exact, whatever their order
    except (OverflowError, ValueError):
        return sum(values)  # infinities


def average(values: Iterable[Any]) -> Any:
    """Return the mean as `$avg` gives it: a double or a decimal, None without numbers."""
    numbers = [value for value in values if is_number(value)]
    if not numbers:
        return None
    whole = total(numbers)
    if isinstance(whole, Decimal128):
        return from_decimal(whole.to_decimal() / len(numbers))
    return whole / len(numbers)
