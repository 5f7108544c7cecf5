"""Arithmetic with BSON's number types: int32, int64, double, decimal and their promotion."""

from __future__ import annotations

import math
from collections.abc import Callable
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


class Total:
    """A running sum as `$sum` and `$avg` keep it: exact integers, compensated doubles."""

    def __init__(self) -> None:
        self.count = 0
        self._integer = 0
        self._double = 0.0
        self._lost = 0.0
        self._decimal: Decimal | None = None
        self._has_double = self._has_long = False

    def add(self, value: Any) -> None:
        """Add a number; anything else is passed over."""
        if not is_number(value):
            return
        self.count += 1
        if isinstance(value, Decimal128):
            self._decimal = (self._decimal or Decimal(0)) + value.to_decimal()
        elif isinstance(value, float):
            self._has_double = True
            self._add_double(value)
        else:
            self._has_long = self._has_long or type(value) is Int64
            self._integer += int(value)

    def _add_double(self, value: float) -> None:
        total = self._double + value
        if math.isfinite(total):
            larger, smaller = sorted((self._double, value), key=abs, reverse=True)
            self._lost += (larger - total) + smaller
        self._double = total

    def sum(self) -> Any:
        """Return the sum in the widest type that was added."""
        if self._decimal is not None:
            doubles = to_decimal(self._double + self._lost) if self._has_double else 0
            return from_decimal(self._decimal + self._integer + doubles)
        if self._has_double:
            return self._double + (self._lost if math.isfinite(self._double) else 0) + self._integer
        if self._has_long and fits(self._integer):
            return Int64(self._integer)
        return as_stored(self._integer)

    def average(self) -> Any:
        """Return the mean as a double or decimal, None when no number was added."""
        if not self.count:
            return None
        total = self.sum()
        if isinstance(total, Decimal128):
            return from_decimal(total.to_decimal() / self.count)
        return total / self.count
