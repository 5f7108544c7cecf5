"""The planner: which index, if any, answers a filter and a sort, and over which key ranges.

A plan never decides a match: rows it yields are checked against the whole filter, unless it
says that its ranges are `exact`. An index may only be used where its keys cannot miss a match.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bson import DBRef, MaxKey, MinKey, Regex

from .bsonkeys import bracket, complement, encode, type_range
from .catalog import Collection
from .conditions import is_operator_document
from .errors import bad_value
from .indexes import Index
from .matcher import conjuncts

Document = dict[str, Any]
_RANGES = ("$gt", "$gte", "$lt", "$lte")
_MOST_RANGES = 500
_ID_FIELDS = (("_id", 1),)


@dataclass(frozen=True)
class Plan:
    """How to find candidate rows: by key ranges of an index (None: of `_id`), or by a scan."""

    index: Index | None = None
    ranges: tuple[tuple[bytes, bytes], ...] = ()
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


@dataclass
class _Conditions:
    """What a filter says of one field."""

    equal: Any = None
    has_equal: bool = False
    choices: list[Any] | None = None
    bounds: tuple[tuple[str, Any], ...] = ()
    exists: bool = False


def id_lookup(query: Document) -> bytes | None:
    """Return the key when a filter is nothing but equality with an `_id`, as most are."""
    if len(query) != 1 or "_id" not in query:
        return None
    value = query["_id"]
    if value is None or isinstance(value, (list, dict, DBRef, Regex)):
        return None
    return encode(value)


def make_plan(
    collection: Collection,
    query: Document,
    sort: Sequence[tuple[str, int]] = (),
    hint: Any = None,
) -> Plan:
    """Return the best plan for a filter and a sort. Raises BadValue for a hint to no index."""
    candidates: list[Index | None] = [None, *collection.indexes]
    scan_allowed = True
    if hint is not None:
        if hint == {"$natural": 1}:
            return Plan()
        candidates = [i for i in candidates if _is_hinted(i, hint)]
        if not candidates:
            raise bad_value("hint provided does not correspond to an existing index")
        scan_allowed = False
    conditions, complete = _collect(query)
    best, best_score = Plan(), 0.0
    for index in candidates:
        plan, score = _plan_with(index, conditions, complete, sort)
        if plan is not None and (score > best_score or (not scan_allowed and best.scan)):
            best, best_score = plan, score
    if best.scan and hint is None:
        return _either(collection, query) or best
    return best


def _either(collection: Collection, query: Document) -> Plan | None:
    """Return the plan of an `$or` when an index answers each of its clauses."""
    for name, clauses in conjuncts(query):
        if name == "$or" and type(clauses) is list:
            branches = tuple(make_plan(collection, clause) for clause in clauses)
            if branches and not any(branch.scan for branch in branches):
                return Plan(scan=False, branches=branches)
    return None


def _is_hinted(index: Index | None, hint: Any) -> bool:
    return hint in ("_id_", {"_id": 1}) if index is None else index.is_called(hint)


def _collect(query: Document) -> tuple[dict[str, _Conditions], bool]:
    """Return the conditions by field, and whether they say all that the filter says."""
    found: dict[str, _Conditions] = {}
    complete = True
    for name, value in conjuncts(query):
        if name.startswith("$"):
            complete = complete and name == "$comment"
            continue
        conditions = found.get(name)
        if conditions is not None:
            complete = False  # two conditions on one field: take the first, check the rest
            continue
        conditions = found[name] = _Conditions()
        if not is_operator_document(value):
            if isinstance(value, Regex):
                complete = False
            else:
                conditions.equal, conditions.has_equal = value, True
            continue
        for operator, argument in value.items():
            if operator == "$eq":
                conditions.equal, conditions.has_equal = argument, True
            elif operator == "$in" and type(argument) is list:
                conditions.choices = argument
            elif operator in _RANGES:
                conditions.bounds += ((operator, argument),)
            elif operator == "$exists" and argument:
                conditions.exists = True
                complete = False
            else:
                complete = False
        used = conditions.has_equal + (conditions.choices is not None) + bool(conditions.bounds)
        complete = complete and used == 1
    return found, complete


def _indexable(value: Any) -> bool:
    """Tell whether equality with a value can be looked up: arrays match in two ways."""
    return not isinstance(value, (list, Regex, MinKey, MaxKey))


def _excluded(index: Index, conditions: dict[str, _Conditions]) -> bool:
    """Tell whether documents that match may be missing from a sparse or partial index."""
    if index.sparse:
        return not any(_needs_presence(conditions.get(name)) for name, _ in index.fields)
    if index.partial is not None:
        return not _implies(conditions, index.partial)
    return False


def _needs_presence(conditions: _Conditions | None) -> bool:
    if conditions is None:
        return False
    if conditions.exists:
        return True
    if conditions.has_equal:
        return conditions.equal is not None
    if conditions.choices is not None:
        return None not in conditions.choices and bool(conditions.choices)
    return any(bound is not None for _, bound in conditions.bounds)


def _implies(conditions: dict[str, _Conditions], partial: Document) -> bool:
    """Tell whether a filter surely implies a partial filter: literal equalities only."""
    for name, value in conjuncts(partial):
        known = conditions.get(name)
        if name.startswith("$") or known is None:
            return False
        if value == {"$exists": True}:
            if not _needs_presence(known):
                return False
        elif (
            is_operator_document(value)
            or not known.has_equal
            or type(known.equal) is list
            or encode(known.equal) != encode(value)
        ):
            return False
    return True


def _plan_with(
    index: Index | None,
    conditions: dict[str, _Conditions],
    complete: bool,
    sort: Sequence[tuple[str, int]],
) -> tuple[Plan | None, float]:
    fields = _ID_FIELDS if index is None else index.fields
    if index is not None and _excluded(index, conditions):
        return None, 0.0
    multikey = index is not None and index.multikey
    prefixes, used, score, exact = [b""], 0, 0.0, complete and not multikey
    consumed: set[str] = set()
    roots: set[str] = set()
    ranges: list[tuple[bytes, bytes]] | None = None
    for name, direction in fields:
        root = name.split(".")[0]
        if multikey and root in roots:
            break  # two conditions below one array may be met by different elements
        roots.add(root)
        known = conditions.get(name)
        if known is None:
            break
        if known.has_equal and _indexable(known.equal):
            prefixes = [prefix + _component(known.equal, direction) for prefix in prefixes]
            exact = exact and not isinstance(known.equal, DBRef) and known.equal is not None
            score += 10
        elif _choosable(known.choices) and len(prefixes) * len(known.choices or ()) <= _MOST_RANGES:
            keys = sorted({_component(choice, direction) for choice in known.choices or ()})
            prefixes = [prefix + key for prefix in prefixes for key in keys]
            exact = exact and None not in (known.choices or ())
            score += 8
        elif known.bounds:
            ranges = _bounded(prefixes, known.bounds, direction, multikey)
            exact = exact and all(_plain_bound(b) for _, b in known.bounds)
            if ranges is not None:
                consumed.add(name)
                score += 5
            break
        else:
            break
        consumed.add(name)
        used += 1
    if ranges is None:
        ranges = [(prefix, prefix + b"\xff") for prefix in prefixes]
    one_prefix = len(prefixes) == 1
    is_sorted, backward = _gives_order(fields, used, conditions, sort, one_prefix, multikey)
    if index is not None and index.sparse and not consumed:
        is_sorted = False
    score += 3 if is_sorted and sort else 0
    plan = Plan(
        index=index,
        ranges=tuple(ranges),
        scan=False,
        exact=exact and consumed == set(conditions) and bool(consumed),
        sorted=is_sorted,
        backward=backward,
    )
    return plan, score


def _component(value: Any, direction: int) -> bytes:
    key = encode(value)
    return key if direction > 0 else complement(key)


def _choosable(choices: list[Any] | None) -> bool:
    return choices is not None and all(_indexable(choice) for choice in choices)


def _plain_bound(bound: Any) -> bool:
    return bound is not None and not isinstance(bound, (list, dict, DBRef))


def _bounded(
    prefixes: list[bytes], bounds: tuple[tuple[str, Any], ...], direction: int, multikey: bool
) -> list[tuple[bytes, bytes]] | None:
    """Return the key ranges of `$gt` and its kin; None when an index cannot bound them."""
    if any(bound is None or not _indexable(bound) for _, bound in bounds):
        return None
    if multikey:
        bounds = bounds[:1]  # another element of the array may meet the other bound
    keys = [(operator, encode(bound)) for operator, bound in bounds]
    if len({bracket(key) for _, key in keys}) > 1 or bracket(keys[0][1]) != keys[0][1][:1]:
        return None
    low, high = type_range(keys[0][1][0], descending=direction < 0)
    for operator, key in keys:
        part = key if direction > 0 else complement(key)
        if operator.startswith("$gt") == (direction > 0):
            low = max(low, part + (b"" if operator.endswith("e") else b"\xff"))
        else:
            high = min(high, part + (b"\xff" if operator.endswith("e") else b""))
    return [(prefix + low, prefix + high) for prefix in prefixes]


def _gives_order(
    fields: Sequence[tuple[str, int]],
    used: int,
    conditions: dict[str, _Conditions],
    sort: Sequence[tuple[str, int]],
    one_prefix: bool,
    multikey: bool,
) -> tuple[bool, bool]:
    """Return whether key order is the order asked for, and whether to read it backward."""
    if not sort:
        return True, False
    if multikey or not one_prefix:
        return False, False
    fixed = {name for name, _ in fields[:used]}
    wanted = [(name, way) for name, way in sort if name not in fixed]
    rest = list(fields[used : used + len(wanted)])
    if not wanted:
        return True, False
    if [name for name, _ in rest] != [name for name, _ in wanted]:
        return False, False
    turns = {way * direction for (_, way), (_, direction) in zip(wanted, rest, strict=True)}
    return len(turns) == 1, turns == {-1}
