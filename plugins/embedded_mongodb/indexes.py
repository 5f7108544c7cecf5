"""Indexes: what a specification means and which keys a document has in it."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bson import DBRef

from .bsonkeys import KEY_EMPTY_ARRAY, KEY_NULL, complement, decode_at, encode
from .errors import CommandError, bad_value, not_supported
from .matcher import Predicate, compile_filter
from .paths import MISSING, fields_of, is_index, values_at

Document = dict[str, Any]
_KNOWN_OPTIONS = {
    "key", "name", "unique", "sparse", "expireAfterSeconds", "partialFilterExpression",
    "background", "v", "ns", "collation", "hidden", "weights", "default_language",
    "language_override", "textIndexVersion", "bits", "min", "max", "bucketSize", "dropDups",
}  # fmt: skip
_REFUSED_OPTIONS = {"collation", "hidden", "weights", "bits", "min", "max", "bucketSize"}
_PARTIAL_OPERATORS = {"$eq", "$exists", "$gt", "$gte", "$lt", "$lte", "$type", "$and", "$in", "$or"}


@dataclass(frozen=True)
class Index:
    """One secondary index; its keys are in the SQLite table `x<id>`."""

    id: int
    spec: Document
    multikey: bool = False
    fields: tuple[tuple[str, int], ...] = field(init=False)
    _paths: tuple[list[str], ...] = field(init=False)
    _partial: Predicate | None = field(init=False)

    def __post_init__(self) -> None:
        fields = tuple((name, int(direction)) for name, direction in self.spec["key"].items())
        partial = self.spec.get("partialFilterExpression")
        object.__setattr__(self, "fields", fields)
        object.__setattr__(self, "_paths", tuple(name.split(".") for name, _ in fields))
        object.__setattr__(self, "_partial", compile_filter(partial) if partial else None)

    @property
    def name(self) -> str:
        """The name of the index, unique within its collection."""
        return str(self.spec["name"])

    @property
    def unique(self) -> bool:
        """Whether two documents may not share a key."""
        return bool(self.spec.get("unique"))

    @property
    def sparse(self) -> bool:
        """Whether documents without any of the fields are left out."""
        return bool(self.spec.get("sparse"))

    @property
    def partial(self) -> Document | None:
        """The filter that documents must match to be in the index."""
        return self.spec.get("partialFilterExpression")

    @property
    def expire_after(self) -> float | None:
        """After how many seconds a TTL index removes a document."""
        return self.spec.get("expireAfterSeconds")

    def is_called(self, choice: Any) -> bool:
        """Tell whether a name or a key document means this index."""
        if isinstance(choice, dict):
            return list(choice.items()) == list(self.fields)
        return bool(self.name == choice)

    def depends_on(self, touched: frozenset[str] | None) -> bool:
        """Tell whether a change of these top-level fields (None: of any) can change the keys."""
        if touched is None or self.partial is not None:
            return True
        return any(parts[0] in touched for parts in self._paths)

    def as_multikey(self) -> Index:
        """Return the same index marked as holding arrays."""
        return replace(self, multikey=True)

    def keys(self, document: Document) -> tuple[set[bytes], bool]:
        """Return a document's keys, and whether an array made them (a multikey entry).

        Raises CannotIndexParallelArrays when two of the fields are different arrays.
        """
        if self._partial is not None and not self._partial(document):
            return set(), False
        columns = [values_at(document, parts) for parts in self._paths]
        if self.sparse and all(v is MISSING for values in columns for v in values):
            return set(), False
        if all(len(values) == 1 and type(values[0]) is not list for values in columns):
            return {self._join([encode(values[0]) for values in columns])}, False
        return self._multikeys(document), True

    def _multikeys(self, document: Document) -> set[bytes]:
        if any(is_index(part) for parts in self._paths for part in parts):
            # A position may also be a field's name: every combination, so that none is missed.
            columns = [_column(document, parts) for parts in self._paths]
            return set(map(self._join, itertools.product(*columns)))
        return set(map(self._join, _elementwise([(document, parts) for parts in self._paths])))

    def _join(self, parts: Any) -> bytes:
        return b"".join(
            part if direction > 0 else complement(part)
            for part, (_, direction) in zip(parts, self.fields, strict=True)
        )

    def values_of(self, key: bytes) -> Document:
        """Return the values that a key stands for, by field: the `keyValue` of an error."""
        values, at = {}, 0
        for name, direction in self.fields:
            rest = key[at:] if direction > 0 else complement(key[at:])
            values[name], used = decode_at(rest, 0)
            at += used
        return values


def _elementwise(places: Sequence[tuple[Any, list[str]] | bytes]) -> Iterator[list[bytes]]:
    """Yield one key per field for each array element: fields below one array keep together.

    A place is a value with the path still to go, or the key of a field that has been reached.
    """
    reached = [place if isinstance(place, bytes) else _up_to_array(*place) for place in places]
    arrays = [place[0] for place in reached if type(place) is tuple]
    if not arrays:
        yield reached  # type: ignore[misc]
        return
    if any(array is not arrays[0] for array in arrays):
        raise CommandError("CannotIndexParallelArrays", "cannot index parallel arrays")
    for element in arrays[0] or [_NOTHING]:
        yield from _elementwise(
            [p if isinstance(p, bytes) else _within(element, p[1]) for p in reached]
        )


_NOTHING = object()


def _up_to_array(value: Any, parts: list[str]) -> tuple[list[Any], list[str]] | bytes:
    """Follow a path to its end, which gives a key, or to the first array on it."""
    for at, part in enumerate(parts):
        if type(value) is list:
            return value, parts[at:]
        if type(value) is DBRef:
            value = fields_of(value)
        value = value.get(part, MISSING) if type(value) is dict else MISSING
    return (value, []) if type(value) is list else encode(value)


def _within(element: Any, parts: list[str]) -> tuple[Any, list[str]] | bytes:
    if not parts:
        return KEY_EMPTY_ARRAY if element is _NOTHING else encode(element)
    return (element, parts) if type(element) in (dict, DBRef) else KEY_NULL


def _column(document: Document, parts: list[str]) -> list[bytes]:
    keys: dict[bytes, None] = {}
    for value in values_at(document, parts):
        if type(value) is list:
            keys.update(dict.fromkeys(map(encode, value)) or {KEY_EMPTY_ARRAY: None})
        else:
            keys[encode(value)] = None
    return list(keys) or [KEY_NULL]


def check_spec(spec: Any) -> Document:
    """Return an index specification fit to be stored. Raises what MongoDB raises for a bad one."""
    if type(spec) is not dict or type(spec.get("key")) is not dict or not spec["key"]:
        raise CommandError("CannotCreateIndex", "Index keys cannot be an empty object")
    for option in spec:
        if option not in _KNOWN_OPTIONS:
            raise CommandError(
                "InvalidIndexSpecificationOption", f"The field '{option}' is not valid"
            )
    if list(spec["key"]) == ["_id"]:
        for option in set(spec) - {"key", "name", "v", "ns"}:
            raise CommandError(
                "InvalidIndexSpecificationOption",
                f"The field '{option}' is not valid for an _id index specification",
            )
    for name, direction in spec["key"].items():
        if isinstance(direction, str):
            raise CommandError("CannotCreateIndex", f"Unknown index plugin '{direction}'")
        if isinstance(direction, bool) or not isinstance(direction, (int, float)) or not direction:
            raise CommandError("CannotCreateIndex", f"The index key of {name} must be 1 or -1")
        if not name or name.startswith("$") or "" in name.split(".") or "$**" in name:
            raise CommandError("CannotCreateIndex", f"Index key '{name}' is not supported")
    for option in _REFUSED_OPTIONS & set(spec):
        if option != "collation" or spec["collation"].get("locale") != "simple":
            raise not_supported(f"the index option {option}")
    if type(spec.get("name")) is not str or not spec["name"]:
        raise CommandError("FailedToParse", "Index specification needs a name")
    expire = spec.get("expireAfterSeconds")
    if expire is not None:
        if isinstance(expire, bool) or not isinstance(expire, (int, float)) or expire < 0:
            raise CommandError("CannotCreateIndex", "'expireAfterSeconds' must be a number >= 0")
        if len(spec["key"]) > 1 or "_id" in spec["key"]:
            raise CommandError("CannotCreateIndex", "TTL indexes are single-field indexes")
    partial = spec.get("partialFilterExpression")
    if partial is not None:
        if spec.get("sparse"):
            raise CommandError("CannotCreateIndex", "a partial index cannot be sparse")
        _check_partial(partial)
    dropped = ("ns", "v", "collation", "dropDups")
    kept = {option: value for option, value in spec.items() if option not in dropped}
    kept["key"] = {name: 1 if way > 0 else -1 for name, way in spec["key"].items()}
    return kept


def _check_partial(expression: Any) -> None:
    if type(expression) is not dict:
        raise bad_value("'partialFilterExpression' for an index has to be a document")
    compile_filter(expression)
    for key, value in expression.items():
        names = [key] if key.startswith("$") else []
        if type(value) is dict:
            names += [name for name in value if name.startswith("$")]
        for name in names:
            if name not in _PARTIAL_OPERATORS:
                raise CommandError("CannotCreateIndex", f"unsupported in a partial index: {name}")
        if key in ("$and", "$or"):
            for clause in value:
                _check_partial(clause)


def entry_checksum(key: bytes, row: int) -> int:
    """Return the checksum that an index entry carries."""
    return zlib.crc32(key, row & 0xFFFFFFFF)
