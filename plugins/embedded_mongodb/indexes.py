"""Indexes: what a specification means and which keys a document has in it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from bson import DBRef

from .bsonkeys import KEY_EMPTY_ARRAY, KEY_NULL, complement, decode_at, encode
from .conditions import is_operator_document
from .errors import CommandError, not_supported, require
from .matcher import compile_filter, conjuncts
from .paths import MISSING, fields_of, is_index, values_at

Document = dict[str, Any]
_KEPT = {"name", "unique", "sparse", "expireAfterSeconds", "partialFilterExpression", "background"}
_OF_ID = {"key", "name", "v", "ns"}
_OPTIONS = {*_OF_ID, *_KEPT, "dropDups", "collation"}
_REFUSED = {
    "collation", "hidden", "weights", "default_language", "language_override", "bits", "min",
    "max", "bucketSize", "textIndexVersion",
}  # fmt: skip
_PARTIAL_OPERATORS = {"$eq", "$exists", "$gt", "$gte", "$lt", "$lte", "$type", "$in", "$or"}


class Index:
    """One secondary index; its keys are in the SQLite table `x<id>`. Never changed in place.

    `sparse` leaves out documents without any of the fields, `partial` those that do not match it;
    `expire_after` is in seconds; `multikey` once an array has made keys.
    """

    def __init__(self, number: int, spec: Document, multikey: bool = False) -> None:
        self.id, self.spec, self.multikey = number, spec, multikey
        self.name: str = spec["name"]
        self.fields = tuple((name, int(direction)) for name, direction in spec["key"].items())
        self.unique, self.sparse = bool(spec.get("unique")), bool(spec.get("sparse"))
        self.partial: Document | None = spec.get("partialFilterExpression")
        self.expire_after: float | None = spec.get("expireAfterSeconds")
        self._paths = [name.split(".") for name, _ in self.fields]
        self._roots = frozenset(parts[0] for parts in self._paths)
        self._is_partial_match = compile_filter(self.partial or {})

    def is_called(self, choice: Any) -> bool:
        """Tell whether a name or a key document means this index."""
        if isinstance(choice, dict):
            return list(choice.items()) == list(self.fields)
        return bool(self.name == choice)

    def depends_on(self, touched: frozenset[str] | None) -> bool:
        """Tell whether a change of these top-level fields (None: of any) can change the keys."""
        if touched is None or self.partial is not None:
            return True
        return not self._roots.isdisjoint(touched)

    def as_multikey(self) -> Index:
        """Return the same index marked as holding arrays."""
        return Index(self.id, self.spec, multikey=True)

    def keys(self, document: Document) -> tuple[set[bytes], bool]:
        """Return a document's keys, and whether an array made them (a multikey entry).

        Raises CannotIndexParallelArrays when two of the fields are different arrays.
        """
        if self.partial and not self._is_partial_match(document):
            return set(), False
        columns = [values_at(document, parts) for parts in self._paths]
        if self.sparse and all(v is MISSING for values in columns for v in values):
            return set(), False
        if all(len(values) == 1 and type(values[0]) is not list for values in columns):
            return {self._join([encode(values[0]) for values in columns])}, False
        places = [(document, parts) for parts in self._paths]
        return set(map(self._join, _elementwise(places))), True

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


def check_spec(spec: Any) -> Document:
    """Return an index specification fit to be stored. Raises what MongoDB raises for a bad one."""
    shaped = type(spec) is dict and type(spec.get("key")) is dict and spec["key"]
    require(shaped, "CannotCreateIndex", "Index keys cannot be an empty object")
    for name, way in spec["key"].items():
        if isinstance(way, str):
            raise CommandError("CannotCreateIndex", f"Unknown index plugin '{way}'")
        numeric = isinstance(way, (int, float)) and not isinstance(way, bool) and way
        require(numeric, "CannotCreateIndex", f"The index key of {name} must be 1 or -1")
        parts = name.split(".")
        # A position in an array may also be a field's name; no key would tell which.
        plain = not any(not part or is_index(part) or part[0] == "$" for part in parts)
        require(plain, "CannotCreateIndex", f"Index key '{name}' is not supported")
    known = _OF_ID if list(spec["key"]) == ["_id"] else _OPTIONS
    for option, value in spec.items():
        if option in _REFUSED and value != {"locale": "simple"}:
            raise not_supported(f"the index option {option}")
        what = " for an _id index specification" if known is _OF_ID else ""
        message = f"The field '{option}' is not valid{what}"
        require(option in known, "InvalidIndexSpecificationOption", message)
    named = type(spec.get("name")) is str and spec["name"]
    require(named, "FailedToParse", "Index specification needs a name")
    _check_ttl(spec)
    if "partialFilterExpression" in spec:
        require(not spec.get("sparse"), "CannotCreateIndex", "a partial index cannot be sparse")
        _check_partial(spec["partialFilterExpression"])
    kept = {option: spec[option] for option in spec if option in _KEPT}
    return {**kept, "key": {name: 1 if way > 0 else -1 for name, way in spec["key"].items()}}


def _check_ttl(spec: Document) -> None:
    seconds = spec.get("expireAfterSeconds", 0)
    fits = isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and seconds >= 0
    require(fits, "CannotCreateIndex", "'expireAfterSeconds' must be a number >= 0")
    single = "expireAfterSeconds" not in spec or len(spec["key"]) == 1
    require(single, "CannotCreateIndex", "TTL indexes are single-field indexes")


def _check_partial(expression: Any) -> None:
    compile_filter(expression)
    for key, value in conjuncts(expression):
        names = list(value) if is_operator_document(value) else []
        for name in [*names, key] if key.startswith("$") else names:
            known = name in _PARTIAL_OPERATORS
            require(known, "CannotCreateIndex", f"unsupported in a partial index: {name}")
        for clause in value if key == "$or" else ():
            _check_partial(clause)


def entry_checksum(key: bytes, row: int) -> int:
    """Return the checksum that an index entry carries."""
    return zlib.crc32(key, row & 0xFFFFFFFF)
