"""Arithmetic with BSON's numbers: int32, int64 and double. Decimals are kept, not computed with."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

from bson import Decimal128, Int64

from .errors import not_supported

_INT64_LIMIT = 2**63


def is_number(value: Any) -> bool:
    """Tell whether a value is of one of the four number types (a bool is not)."""
    return isinstance(value, (int, float, Decimal128)) and not isinstance(value, bool)


def _refuse_decimals(values: Iterable[Any]) -> None:
    if Decimal128 in map(type, values):
        raise not_supported("arithmetic with decimals")


def combine(a: Any, b: Any, function: Callable[[Any, Any], Any]) -> Any:
    """Apply `+`, `-`, `*` or `/` and return the result in the wider of the two types.

    A result beyond int64 comes back as a plain int outside that range: `fits` tells. Raises
    NotImplemented for decimals.
    """
    _refuse_decimals((a, b))
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
    _refuse_decimals(numbers)
    whole = sum(int(n) for n in numbers if isinstance(n, int))
    doubles = [n for n in numbers if isinstance(n, float)]
    if doubles:
        return _sum_of_doubles(doubles) + whole
    if any(type(n) is Int64 for n in numbers) and fits(whole):
        return Int64(whole)
    return as_stored(whole)


def _sum_of_doubles(values: list[float]) -> float:
    try:
        return math.fsum(values)  # exact, whatever their order
    except (OverflowError, ValueError):
        return sum(values)  # infinities


def average(values: Iterable[Any]) -> Any:
    """Return the mean as `$avg` gives it: a double, None without numbers."""
    numbers = [value for value in values if is_number(value)]
    return total(numbers) / len(numbers) if numbers else None
