"""Projections: which fields of a document an answer keeps, in `find` and in `$project`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bson import DBRef

from . import paths
from .errors import CommandError, not_supported, require
from .expressions import compile_expression
from .matcher import compile_element_test
from .operators import NO_VARIABLES, Expression, Variables
from .paths import MISSING, fields_of

Document = dict[str, Any]
Project = Callable[[Document], Document]
_FIND_OPERATORS = ("$slice", "$elemMatch", "$meta")


def compile_projection(
    spec: Document, variables: Variables = NO_VARIABLES, *, of_find: bool = False
) -> Project:
    """Return the function of a projection; one `of_find` may use `$slice` and `$elemMatch`.

    Raises the Location312xx errors for contradictions.
    """
    return _Projection(spec, variables, of_find)


class _Projection:
    def __init__(self, spec: Document, variables: Variables, of_find: bool) -> None:
        self._variables = variables
        self._names = frozenset(variables)
        self._of_find = of_find
        self._tree: dict[str, Any] = {}
        self._computed: list[tuple[list[str], Expression]] = []
        self._after: list[Callable[[Document, Document], None]] = []
        self._keep_id = True
        self._include: bool | None = None
        self._mentioned: set[tuple[str, ...]] = set()
        for name, value in spec.items():
            self._field(name, value)
        if self._include is None:
            # Only _id was named: `{_id: 1}` keeps nothing else, `{_id: 0}` everything else.
            self._include = bool(spec.get("_id", 0)) and "_id" in spec

    def __call__(self, document: Document) -> Document:
        if self._include:
            out = _keep(document, self._tree)
            if self._keep_id and "_id" in document:
                out = {"_id": document["_id"], **out}
        else:
            out = _drop(document, self._tree)
            if not self._keep_id:
                out.pop("_id", None)
        for parts, expression in self._computed:
            value = expression(document, self._variables)
            if value is not MISSING:
                put_computed(out, parts, value)
        for change in self._after:
            change(document, out)
        return out

    def _field(self, name: str, value: Any) -> None:
        parts = name.split(".")
        if "" in parts:
            raise CommandError("Location40353", f"FieldPath '{name}' has an empty field name")
        if type(value) is dict and value and not next(iter(value)).startswith("$"):
            for inner, deeper in value.items():
                self._field(f"{name}.{inner}", deeper)
            return
        self._check_collision(name, parts)
        if name == "_id" and isinstance(value, (bool, int, float)):
            self._keep_id = bool(value)
        elif isinstance(value, (bool, int, float)):
            if parts[-1] == "$":
                raise not_supported("a positional projection")
            self._mode(bool(value), name)
            _grow(self._tree, parts)
        elif self._of_find and type(value) is dict and next(iter(value)) in _FIND_OPERATORS:
            self._find_operator(parts, *next(iter(value.items())))
        else:
            if name == "_id":
                self._keep_id = False
            self._mode(True, name)
            self._computed.append((parts, compile_expression(value, self._names)))

    def _check_collision(self, name: str, parts: list[str]) -> None:
        path = tuple(parts)
        for other in self._mentioned:
            shorter = min(len(path), len(other))
            if path[:shorter] == other[:shorter]:
                raise CommandError("Location31249", f"Path collision at {name}")
        self._mentioned.add(path)

    def _mode(self, include: bool, name: str) -> None:
        if self._include is not None and self._include != include:
            code = "Location31253" if include else "Location31254"
            raise CommandError(code, f"Cannot mix inclusion and exclusion: {name}")
        self._include = include

    def _find_operator(self, parts: list[str], name: str, argument: Any) -> None:
        if name == "$meta":
            raise not_supported("$meta")
        if name == "$elemMatch":
            self._mode(True, ".".join(parts))
            if len(parts) > 1:
                raise CommandError("Location31275", "Cannot use $elemMatch on a nested field")
            test = compile_element_test(argument)
            self._after.append(lambda document, out: _first_match(document, out, parts[0], test))
            return
        limits = argument if type(argument) is list else [argument]
        if not all(isinstance(n, int) for n in limits) or len(limits) > 2:
            raise CommandError("Location28667", "Invalid $slice syntax")
        if len(limits) == 2 and limits[1] <= 0:
            raise CommandError("Location28724", "First argument to $slice must be positive")
        self._after.append(lambda document, out: _slice(document, out, parts, limits))


def _grow(tree: dict[str, Any], parts: list[str]) -> None:
    for part in parts[:-1]:
        tree = tree.setdefault(part, {})
    tree[parts[-1]] = None


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
    target: Any = out
    for at, part in enumerate(parts[:-1]):
        child = target.get(part)
        if type(child) is list:
            target[part] = [dict(e) if type(e) is dict else {} for e in child]
            for element in target[part]:
                put_computed(element, parts[at + 1 :], value)
            return
        target[part] = dict(child) if type(child) is dict else {}
        target = target[part]
    target[parts[-1]] = value


def _first_match(document: Document, out: Document, name: str, test: Callable[[Any], bool]) -> None:
    array = document.get(name)
    if type(array) is list:
        found = [element for element in array if test(element)][:1]
        if found:
            out[name] = found


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


def check_projection(spec: Any) -> Document:
    """Return a projection argument as a document. Raises BadValue."""
    fits = spec is None or type(spec) is dict
    require(fits, "BadValue", "projection must be a document")
    return spec or {}
