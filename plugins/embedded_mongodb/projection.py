"""Projections: which fields of a document an answer keeps, in `find` and in `$project`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from bson import DBRef

from . import paths
from .errors import not_supported, require
from .expressions import compile_expression
from .matcher import compile_element_test
from .operators import NO_VARIABLES, Expression, Variables
from .paths import MISSING, fields_of

Document = dict[str, Any]
Project = Callable[[Document], Document]
_FIND_OPERATORS = ("$slice", "$elemMatch", "$meta")


def compile_projection(
    spec: Any, variables: Variables = NO_VARIABLES, *, of_find: bool = False
) -> Project:
    """Return the function of a projection; one `of_find` may use `$slice` and `$elemMatch`.

    Raises BadValue, and the Location312xx errors for contradictions.
    """
    require(type(spec) is dict, "BadValue", "projection must be a document")
    return _Projection(spec, variables, of_find)


class _Projection:
    def __init__(self, spec: Document, variables: Variables, of_find: bool) -> None:
        self._variables = variables
        self._of_find = of_find
        self._tree: dict[str, Any] = {}
        self._computed: list[tuple[list[str], Expression]] = []
        self._after: list[Callable[[Document, Document], None]] = []
        self._keep_id = True
        self._include: bool | None = None
        mentioned: list[list[str]] = []
        for parts, value in fields_below(spec):
            require("" not in parts, "Location40353", f"FieldPath '{parts}' has an empty name")
            for other in mentioned:
                clash = all(a == b for a, b in zip(parts, other, strict=False))
                require(not clash, "Location31249", f"Path collision at {'.'.join(parts)}")
            mentioned.append(parts)
            self._field(parts, value)
        if self._include is None:
            # Only _id was named: `{_id: 1}` keeps nothing else, `{_id: 0}` everything else.
            self._include = bool(spec.get("_id", 0)) and "_id" in spec

    def __call__(self, document: Document) -> Document:
        out = (_keep if self._include else _drop)(document, self._tree)
        if not self._keep_id:
            out.pop("_id", None)
        elif self._include and "_id" in document:
            out = {"_id": document["_id"], **out}
        for parts, expression in self._computed:
            value = expression(document, self._variables)
            if value is not MISSING:
                put_computed(out, parts, value)
        for change in self._after:
            change(document, out)
        return out

    def _field(self, parts: list[str], value: Any) -> None:
        if isinstance(value, (bool, int, float)):
            if parts == ["_id"]:
                self._keep_id = bool(value)
                return
            if parts[-1] == "$":
                raise not_supported("a positional projection")
            self._mode(bool(value), parts)
            tree = self._tree
            for part in parts[:-1]:
                tree = tree.setdefault(part, {})
            tree[parts[-1]] = None
        elif self._of_find and type(value) is dict and next(iter(value), "") in _FIND_OPERATORS:
            self._find_operator(parts, *next(iter(value.items())))
        else:
            self._keep_id = self._keep_id and parts != ["_id"]
            self._mode(True, parts)
            expression = compile_expression(value, frozenset(self._variables))
            self._computed.append((parts, expression))

    def _mode(self, include: bool, parts: list[str]) -> None:
        code = "Location31253" if include else "Location31254"
        message = f"Cannot mix inclusion and exclusion: {'.'.join(parts)}"
        require(self._include in (None, include), code, message)
        self._include = include

    def _find_operator(self, parts: list[str], name: str, argument: Any) -> None:
        if name == "$meta":
            raise not_supported("$meta")
        if name == "$elemMatch":
            self._mode(True, parts)
            require(len(parts) == 1, "Location31275", "Cannot use $elemMatch on a nested field")
            test = compile_element_test(argument)
            self._after.append(lambda document, out: _first_match(document, out, parts[0], test))
            return
        limits = argument if type(argument) is list else [argument]
        fits = all(isinstance(n, int) for n in limits) and len(limits) in (1, 2)
        require(fits, "Location28667", "Invalid $slice syntax")
        fits = len(limits) == 1 or limits[1] > 0
        require(fits, "Location28724", "First argument to $slice must be positive")
        self._after.append(lambda document, out: _slice(document, out, parts, limits))


def fields_below(spec: Document, above: tuple[str, ...] = ()) -> Iterator[tuple[list[str], Any]]:
    """Yield the path and the value of each field that a specification sets, nested or dotted."""
    for name, value in spec.items():
        parts = (*above, *name.split("."))
        if type(value) is dict and value and not next(iter(value)).startswith("$"):
            yield from fields_below(value, parts)
        else:
            yield list(parts), value


def _keep(value: Document, tree: dict[str, Any]) -> Document:
    out = {}
    for name, item in value.items():
        if name in tree:
            kept = item if tree[name] is None else _inside(item, tree[name], _keep)
            if kept is not MISSING:
                out[name] = kept
    return out


def _drop(value: Document, tree: dict[str, Any]) -> Document:
    out = {}
    for name, item in value.items():
        if name not in tree:
            out[name] = item
        elif tree[name] is not None:
            kept = _inside(item, tree[name], _drop)
            out[name] = item if kept is MISSING else kept
    return out


def _inside(value: Any, tree: dict[str, Any], apply: Callable[..., Document]) -> Any:
    if type(value) is DBRef:
        value = fields_of(value)
    if type(value) is dict:
        return apply(value, tree)
    if type(value) is list:
        inner = [_inside(item, tree, apply) for item in value]
        if apply is _drop:
            return [old if new is MISSING else new for old, new in zip(value, inner, strict=True)]
        return [item for item in inner if item is not MISSING]
    return MISSING


def put_computed(out: Document, parts: list[str], value: Any) -> None:
    """Set a computed field; arrays on the way get it in each of their elements."""
    for at, part in enumerate(parts[:-1]):
        child = out.get(part)
        if type(child) is list:
            out[part] = [dict(e) if type(e) is dict else {} for e in child]
            for element in out[part]:
                put_computed(element, parts[at + 1 :], value)
            return
        out[part] = out = dict(child) if type(child) is dict else {}
    out[parts[-1]] = value


def remove_computed(out: Document, parts: list[str]) -> None:
    """Take a field out of a document whose parts may belong to another document as well."""
    for part in parts[:-1]:
        child = out.get(part)
        if type(child) is not dict:
            return
        out[part] = out = dict(child)
    out.pop(parts[-1], None)


def _first_match(document: Document, out: Document, name: str, test: Callable[[Any], bool]) -> None:
    array = document.get(name)
    found = [element for element in array if test(element)] if type(array) is list else []
    if found:
        out[name] = found[:1]


def _slice(document: Document, out: Document, parts: list[str], limits: list[int]) -> None:
    array = paths.get(document, parts)
    if type(array) is not list:
        return
    if len(limits) == 1:
        kept = array[: limits[0]] if limits[0] >= 0 else array[limits[0] :]
    else:
        start = max(0, len(array) + limits[0]) if limits[0] < 0 else limits[0]
        kept = array[start : start + limits[1]]
    paths.put(out, parts, kept)
