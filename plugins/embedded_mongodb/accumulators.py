# ruff: noqa: D102 - every class has the same two methods, told in `Accumulator`
"""Accumulators of `$group` and `$bucket`, and the same names used as expressions."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Protocol

from .bsonkeys import encode
from .errors import CommandError
from .numbers import Total, is_number
from .paths import MISSING


class Accumulator(Protocol):
    """Takes one value per document and gives one result per group."""

    def add(self, value: Any) -> None:
        """Take the next value, MISSING where the document has none."""

    def result(self) -> Any:
        """Return the value of the group."""


class Sum:
    """`$sum`: numbers only, 0 when there are none."""

    def __init__(self) -> None:
        self._total = Total()
        self.add = self._total.add

    def result(self) -> Any:
        return self._total.sum()


class Average(Sum):
    """`$avg`: null when there is no number."""

    def result(self) -> Any:
        return self._total.average()


class Extreme:
    """`$min` and `$max` in BSON order; null and missing do not count."""

    def __init__(self, largest: bool) -> None:
        self._largest = largest
        self._key = b""
        self._value: Any = None

    def add(self, value: Any) -> None:
        if value is None or value is MISSING:
            return
        key = encode(value)
        if not self._key or (key > self._key if self._largest else key < self._key):
            self._key, self._value = key, value

    def result(self) -> Any:
        return self._value


class First:
    """`$first`: of the documents in the order they come."""

    def __init__(self) -> None:
        self._values: list[Any] = []

    def add(self, value: Any) -> None:
        if not self._values:
            self._values.append(None if value is MISSING else value)

    def result(self) -> Any:
        return self._values[0] if self._values else None


class Last:
    """`$last`: of the documents in the order they come."""

    def __init__(self) -> None:
        self._value: Any = None

    def add(self, value: Any) -> None:
        self._value = None if value is MISSING else value

    def result(self) -> Any:
        return self._value


class Push:
    """`$push`: every value that is there."""

    def __init__(self) -> None:
        self._values: list[Any] = []

    def add(self, value: Any) -> None:
        if value is not MISSING:
            self._values.append(value)

    def result(self) -> Any:
        return self._values


class AddToSet:
    """`$addToSet`: every different value once."""

    def __init__(self) -> None:
        self._values: dict[bytes, Any] = {}

    def add(self, value: Any) -> None:
        if value is not MISSING:
            self._values.setdefault(encode(value), value)

    def result(self) -> Any:
        return list(self._values.values())


class MergeObjects:
    """`$mergeObjects`: later fields win."""

    def __init__(self) -> None:
        self._merged: dict[str, Any] = {}

    def add(self, value: Any) -> None:
        if value is None or value is MISSING:
            return
        if type(value) is not dict:
            raise CommandError("Location40400", f"$mergeObjects requires objects, not {value!r}")
        self._merged.update(value)

    def result(self) -> Any:
        return self._merged


class Deviation:
    """`$stdDevPop` and `$stdDevSamp` by Welford's method, as MongoDB computes them."""

    def __init__(self, sample: bool) -> None:
        self._sample = sample
        self._count = 0
        self._mean = self._squares = 0.0

    def add(self, value: Any) -> None:
        if not is_number(value):
            return
        number = float(str(value))
        self._count += 1
        delta = number - self._mean
        self._mean += delta / self._count
        self._squares += delta * (number - self._mean)

    def result(self) -> Any:
        divisor = self._count - 1 if self._sample else self._count
        return math.sqrt(self._squares / divisor) if divisor > 0 else None


class Count(Sum):
    """`$count`: of documents, whatever they hold."""

    def __init__(self) -> None:
        super().__init__()
        self.add = lambda value: self._total.add(1)


ACCUMULATORS: dict[str, Callable[[], Accumulator]] = {
    "$sum": Sum,
    "$avg": Average,
    "$min": lambda: Extreme(largest=False),
    "$max": lambda: Extreme(largest=True),
    "$first": First,
    "$last": Last,
    "$push": Push,
    "$addToSet": AddToSet,
    "$count": Count,
    "$mergeObjects": MergeObjects,
    "$stdDevPop": lambda: Deviation(sample=False),
    "$stdDevSamp": lambda: Deviation(sample=True),
}
