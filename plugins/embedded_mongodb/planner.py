"""The planner: which index, if any, answers a filter and a sort, and over which key ranges.

A plan never decides a match: rows it yields are checked against the whole filter, unless it
says that its ranges are `exact`. An index may only be used where its keys cannot miss a match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bson import DBRef, MaxKey, MinKey, Regex

from .bsonkeys import Range, after, bracket, complement, encode, reversed_range, type_range
from .catalog import Collection
from .conditions import is_operator_document
from .errors import require
from .indexes import Index
from .matcher import conjuncts

Document = dict[str, Any]
_COMPARISONS = ("$gt", "$gte", "$lt", "$lte")
# Equality with these cannot be looked up: an array matches in two ways, a pattern in many.
_NO_POINTS = (list, Regex, MinKey, MaxKey)
_NO_LOOKUP = (*_NO_POINTS, dict, DBRef)
_MOST_RANGES = 500
_ID_FIELDS = (("_id", 1),)


@dataclass(frozen=True)
class Plan:
    """How to find candidate rows: by key ranges of an index (None: of `_id`), or by a scan."""

    index: Index | None = None
    ranges: tuple[Range, ...] = ()
    scan: bool = True
    exact: bool = False
    sorted: bool = False
    backward: bool = False
    branches: tuple[Plan, ...] = ()
    """The plans of the clauses of an `$or`, whose rows together are the candidates."""

    @property
    def name(self) -> str:
        """The stage that `explain` shows."""
        if self.branches:
            return "OR"
        if self.scan:
            return "COLLSCAN"
        return "IDHACK" if self.index is None else "IXSCAN"


@dataclass(frozen=True)
class _Bounds:
    """What a condition says of its field's keys: that one is among `keys`, or in every range.

    `exact`: whatever has such a key matches. `present`: what lacks the field does not match.
    """

    keys: tuple[bytes, ...] | None = None
    ranges: tuple[Range, ...] = ()
    exact: bool = False
    present: bool = False


def id_lookup(query: Document) -> bytes | None:
    """Return the key when a filter is nothing but equality with an `_id`, as most are."""
    if len(query) != 1 or "_id" not in query:
        return None
    value = query["_id"]
    return None if value is None or isinstance(value, _NO_LOOKUP) else encode(value)


def make_plan(
    collection: Collection, query: Document, sort: Sequence[tuple[str, int]] = (), hint: Any = None
) -> Plan:
    """Return the best plan for a filter and a sort. Raises BadValue for a hint to no index."""
    if hint == {"$natural": 1}:
        return Plan()
    candidates: list[Index | None] = [None, *collection.indexes]
    if hint is not None:
        candidates = [index for index in candidates if _is_hinted(index, hint)]
        require(candidates, "BadValue", "hint provided does not correspond to an existing index")
    bounds, complete = _bounds_by_field(query)
    best, best_score = Plan(), 0.0 if hint is None else -1.0
    for index in candidates:
        first, _ = (_ID_FIELDS if index is None else index.fields)[0]
        useful = first in bounds or sort or hint is not None
        if useful and (index is None or not _excludes_matches(index, bounds)):
            plan, score = _plan_with(index, bounds, complete, sort)
            if score > best_score:
                best, best_score = plan, score
    if best.scan and hint is None:
        return _either(collection, query) or best
    return best


def _either(collection: Collection, query: Document) -> Plan | None:
    """Return the plan of an `$or` when an index answers each of its clauses."""
    for name, clauses in conjuncts(query):
        if name == "$or" and type(clauses) is list:
            branches = tuple(make_plan(collection, clause) for clause in clauses)
            if not any(branch.scan for branch in branches):
                return Plan(scan=False, branches=branches)
    return None


def _is_hinted(index: Index | None, hint: Any) -> bool:
    return hint in ("_id_", {"_id": 1}) if index is None else index.is_called(hint)


def _bounds_by_field(query: Document) -> tuple[dict[str, _Bounds], bool]:
    """Return what a filter says of each field, and whether that is all that it says."""
    found: dict[str, _Bounds] = {}
    complete = True
    for name, condition in conjuncts(query):
        if name.startswith("$"):
            complete = complete and name == "$comment"
        elif name in found:
            complete = False  # two conditions on one field: take the first, check the rest
        else:
            found[name] = _bounds(condition)
    return found, complete


def _bounds(condition: Any) -> _Bounds:
    asked = condition if is_operator_document(condition) else {"$eq": condition}
    present = bool(asked.get("$exists"))
    choices = [asked["$eq"]] if "$eq" in asked else asked.get("$in")
    if type(choices) is list:
        present = present or None not in choices
        if any(isinstance(choice, _NO_POINTS) for choice in choices):
            return _Bounds(present=present)
        plain = not any(choice is None or isinstance(choice, DBRef) for choice in choices)
        keys = tuple({encode(choice) for choice in choices})
        return _Bounds(keys=keys, exact=plain and len(asked) == 1, present=present)
    limits = [(name, asked[name]) for name in asked if name in _COMPARISONS]
    present = present or any(limit is not None for _, limit in limits)
    if any(limit is None or isinstance(limit, _NO_POINTS) for _, limit in limits):
        return _Bounds(present=present)
    ranges = [_range(name, encode(limit)) for name, limit in limits]
    of_one_type = len({bracket(encode(limit)) for _, limit in limits}) == 1
    if None in ranges or not of_one_type:
        return _Bounds(present=present)
    plain = not any(isinstance(limit, (dict, DBRef)) for _, limit in limits)
    exact = plain and len(limits) == len(asked)
    return _Bounds(ranges=tuple(filter(None, ranges)), exact=exact, present=present)


def _range(name: str, key: bytes) -> Range | None:
    """Return the keys that compare so with a key, None for NaN, which has no neighbours."""
    if bracket(key) != key[:1]:
        return None
    low, high = type_range(key[0])
    edge = after(key) if name in ("$gt", "$lte") else key
    return (edge, high) if name.startswith("$gt") else (low, edge)


def _excludes_matches(index: Index, bounds: dict[str, _Bounds]) -> bool:
    """Tell whether documents that match may be missing from a sparse or partial index."""
    unknown = _Bounds()
    if index.sparse:
        return not any(bounds.get(name, unknown).present for name, _ in index.fields)
    for name, value in conjuncts(index.partial or {}):
        known = bounds.get(name, unknown)
        if value == {"$exists": True}:
            implied = known.present
        else:  # literal equalities only
            implied = not is_operator_document(value) and known.keys == (encode(value),)
        if not implied:
            return True
    return False


def _plan_with(
    index: Index | None,
    bounds: dict[str, _Bounds],
    complete: bool,
    sort: Sequence[tuple[str, int]],
) -> tuple[Plan, float]:
    fields = _ID_FIELDS if index is None else index.fields
    multikey = index is not None and index.multikey
    prefixes, ranges, score = [b""], None, 0.0
    used: list[str] = []
    fixed = 0
    for name, direction in fields:
        known = bounds.get(name)
        root = name.split(".")[0]
        if known is None or (multikey and root in {other.split(".")[0] for other in used}):
            break  # two conditions below one array may be met by different elements
        if known.keys is not None and len(prefixes) * len(known.keys) <= _MOST_RANGES:
            keys = sorted(key if direction > 0 else complement(key) for key in known.keys)
            prefixes = [prefix + key for prefix in prefixes for key in keys]
            score += 10 if len(keys) == 1 else 8
            used.append(name)
            fixed += 1
            continue
        if known.ranges:
            # Another element of an array may meet the other limit.
            limits = known.ranges[:1] if multikey else known.ranges
            both = max(low for low, _ in limits), min(high for _, high in limits)
            low, high = both if direction > 0 else reversed_range(both)
            ranges = tuple((prefix + low, prefix + high) for prefix in prefixes)
            score += 5
            used.append(name)
        break
    way = 1 if not sort else 0
    if sort and len(prefixes) == 1 and not multikey and (used or not (index and index.sparse)):
        way = _way(fields, fixed, sort)
    exact = complete and not multikey and bool(used) and set(used) == set(bounds)
    plan = Plan(
        index=index,
        ranges=ranges or tuple((prefix, after(prefix)) for prefix in prefixes),
        scan=False,
        exact=exact and all(bounds[name].exact for name in used),
        sorted=bool(way),
        backward=way < 0,
    )
    return plan, score + (3 if sort and way else 0)


def _way(fields: Sequence[tuple[str, int]], fixed: int, sort: Sequence[tuple[str, int]]) -> int:
    """Return 1 when key order is the order asked for, -1 when it is so backward, else 0.

    The first `fixed` fields have one value in all keys.
    """
    constant = {name for name, _ in fields[:fixed]}
    wanted = [(name, way) for name, way in sort if name not in constant]
    rest = fields[fixed : fixed + len(wanted)]
    if [name for name, _ in rest] != [name for name, _ in wanted]:
        return 0
    turns = {way * direction for (_, way), (_, direction) in zip(wanted, rest, strict=True)}
    if len(turns) > 1:
        return 0
    return turns.pop() if turns else 1
