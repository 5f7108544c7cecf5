# ruff: noqa: S608 - only our own table numbers are put into the text of a statement
"""Running a query: candidate rows from the plan, the filter, the sort, skip and limit."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, NamedTuple

from .catalog import Collection
from .documents import decode_document
from .errors import CommandError
from .matcher import compile_filter
from .operators import NO_VARIABLES, Variables
from .planner import Plan, id_lookup, make_plan
from .sorting import parse_sort, sort_key
from .storage import Storage

Document = dict[str, Any]
# Sorting holds the interpreter; runs this long keep every other client's wait below a few ms.
_RUN = 4000


class Match(NamedTuple):
    """A document found; `document` is None while nobody had to decode it."""

    row: int
    raw: bytes
    document: Document | None

    def decoded(self) -> Document:
        """Return the document, decoded now if it was not yet."""
        return decode_document(self.raw) if self.document is None else self.document


@dataclass
class Query:
    """A filter with everything that decides which documents it yields, and in what order."""

    filter: Document = field(default_factory=dict)
    sort: Document = field(default_factory=dict)
    skip: int = 0
    limit: int = 0
    hint: Any = None
    variables: Variables = field(default_factory=lambda: NO_VARIABLES)
    deadline: float | None = None

    @property
    def end(self) -> int | None:
        """How many matches are needed at most, the skipped ones included."""
        return self.skip + self.limit if self.limit else None


def search(storage: Storage, collection: Collection | None, query: Query) -> Iterator[Match]:
    """Return the matches of a query. Raises CommandError at once for a bad query.

    The iterator may be used on in a later snapshot: it then goes on from where it was.
    """
    fields = parse_sort(query.sort)
    key = id_lookup(query.filter)
    if key is not None and collection is not None and not (query.hint or query.skip):
        found = storage.fetch_by_id(collection, key)
        return iter(() if found is None else (Match(*found, None),))
    predicate = compile_filter(query.filter, query.variables) if query.filter else None
    if collection is None:
        return iter(())
    plan = make_plan(collection, query.filter, fields, query.hint)
    matches = _matches(storage, collection, plan, predicate, query)
    if fields and not plan.sorted:
        matches = _sorted(matches, sort_key(query.sort), query.end)
    return itertools.islice(matches, query.skip, query.end)


def count(storage: Storage, collection: Collection | None, query: Query) -> int:
    """Return how many documents match; from the index alone where its ranges are exact."""
    compile_filter(query.filter, query.variables)
    if collection is None:
        return 0
    plan = make_plan(collection, query.filter, (), query.hint)
    if not query.filter:
        total = storage.count(collection)
    elif plan.exact:
        table, key = (f"x{plan.index.id}", "key") if plan.index else (f"d{collection.id}", "id")
        sql = f"SELECT count(*) FROM {table} WHERE {key} >= ? AND {key} < ?"
        total = sum(storage.execute(sql, bounds).fetchone()[0] for bounds in plan.ranges)
    else:
        return sum(1 for _ in search(storage, collection, query))
    total = max(0, total - query.skip)
    return min(total, query.limit) if query.limit else total


def explain(collection: Collection | None, query: Query) -> Document:
    """Return the plan of a query in the shape of `explain`'s `queryPlanner`."""
    stage: Document = {"stage": "EOF"}
    if collection is not None:
        plan = make_plan(collection, query.filter, parse_sort(query.sort), query.hint)
        stage = {"stage": plan.name, **({"indexName": plan.index.name} if plan.index else {})}
    return {"winningPlan": stage, "rejectedPlans": []}


def _matches(
    storage: Storage, collection: Collection, plan: Plan, predicate: Any, query: Query
) -> Iterator[Match]:
    exact = plan.exact or predicate is None
    for row, raw in _candidates(storage, collection, plan, query):
        if query.deadline is not None and time.monotonic() > query.deadline:
            raise CommandError("MaxTimeMSExpired", "operation exceeded time limit")
        if exact:
            yield Match(row, raw, None)
            continue
        document = decode_document(raw)
        if predicate(document):
            yield Match(row, raw, document)


def _candidates(
    storage: Storage, collection: Collection, plan: Plan, query: Query
) -> Iterator[tuple[int, bytes]]:
    if plan.scan:
        return storage.scan(collection)
    found = itertools.chain.from_iterable(_ranges(storage, collection, plan, query))
    repeats = plan.branches or (plan.index is not None and plan.index.multikey)
    return _once(found) if repeats else found


def _ranges(
    storage: Storage, collection: Collection, plan: Plan, query: Query
) -> Iterator[Iterator[tuple[int, bytes]]]:
    for branch in plan.branches:
        yield _candidates(storage, collection, branch, query)
    first = query.end or 0 if plan.sorted else 0
    for keys in plan.ranges:
        yield storage.in_range(collection, plan.index, keys, plan.backward, first)


def _once(found: Iterator[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    seen: set[int] = set()
    for row, raw in found:
        if row not in seen:
            seen.add(row)
            yield row, raw


def _sorted(found: Iterator[Match], key: Any, limit: int | None) -> Iterator[Match]:
    keyed = ((key(match.decoded()), match._replace(document=None)) for match in found)
    by_key = itemgetter(0)
    if limit:
        yield from (match for _, match in heapq.nsmallest(limit, keyed, key=by_key))
        return
    runs = []
    while run := sorted(itertools.islice(keyed, _RUN), key=by_key):
        runs.append(run)
    for _, match in heapq.merge(*runs, key=by_key):
        yield match
