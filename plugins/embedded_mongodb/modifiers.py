"""Update operators: what each makes of the value that a field has."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from typing import Any

from bson import Timestamp

from .bsonkeys import encode
from .conditions import compile_condition_on_values, is_operator_document, is_regex
from .errors import require
from .matcher import compile_element_test
from .numbers import combine, fits, is_number
from .paths import MISSING
from .sorting import sort_key

Apply = Callable[[Any, Any], Any]
"""Takes the current value (or MISSING) and the operator's argument, returns the new value."""


class Unset:
    """What an operator returns to remove the field."""


def _arithmetic(name: str, function: Callable[[Any, Any], Any]) -> Apply:
    no_number = f"Cannot apply {name} to a non-numeric value"
    too_large = f"Failed to apply {name}: the result is too large"

    def apply(current: Any, argument: Any) -> Any:
        if current is MISSING:
            current = 0
        require(is_number(current), "TypeMismatch", no_number)
        result = combine(current, argument, function)
        require(fits(result), "BadValue", too_large)
        return result

    return apply


def _extreme(better: Callable[[bytes, bytes], bool]) -> Apply:
    def apply(current: Any, argument: Any) -> Any:
        keep = current is not MISSING and not better(encode(argument), encode(current))
        return current if keep else argument

    return apply


def _current_date(current: Any, argument: Any) -> Any:
    now = dt.datetime.now(dt.UTC)
    return Timestamp(now, 1) if argument == {"$type": "timestamp"} else now


def _of_array(name: str, change: Callable[[list[Any], Any], list[Any]], *, creates: bool) -> Apply:
    """Return an operator on arrays; where there is none it either begins one or does nothing."""

    def apply(current: Any, argument: Any) -> Any:
        if current is MISSING:
            return change([], argument) if creates else MISSING
        require(type(current) is list, "BadValue", f"The field for {name} must be an array")
        return change(list(current), argument)

    return apply


def _has_each(argument: Any) -> bool:
    return type(argument) is dict and "$each" in argument


def _each(argument: Any) -> Any:
    return argument["$each"] if _has_each(argument) else [argument]


def _push(array: list[Any], argument: Any) -> list[Any]:
    options = argument if _has_each(argument) else {}
    position = options.get("$position", len(array))
    array[position:position] = _each(argument)
    order = options.get("$sort")
    if type(order) is dict:
        key = sort_key(order)
        array.sort(key=lambda item: key(item if type(item) is dict else {}))
    elif order is not None:
        array.sort(key=encode, reverse=order < 0)
    limit = options.get("$slice")
    if limit is None:
        return array
    return array[:limit] if limit >= 0 else array[limit:]


def _add_to_set(array: list[Any], argument: Any) -> list[Any]:
    present = {encode(item) for item in array}
    for item in _each(argument):
        key = encode(item)
        if key not in present:
            present.add(key)
            array.append(item)
    return array


def _pull(array: list[Any], argument: Any) -> list[Any]:
    if is_operator_document(argument) or is_regex(argument):
        condition = compile_condition_on_values(argument)
        return [item for item in array if not condition([item])]
    if type(argument) is dict:
        matches = compile_element_test(argument)
        return [item for item in array if type(item) is not dict or not matches(item)]
    return _pull_all(array, [argument])


def _pull_all(array: list[Any], argument: Any) -> list[Any]:
    unwanted = {encode(item) for item in argument}
    return [item for item in array if encode(item) not in unwanted]


MODIFIERS: dict[str, Apply] = {
    "$set": lambda current, argument: argument,
    "$setOnInsert": lambda current, argument: argument,
    "$unset": lambda current, argument: Unset,
    "$inc": _arithmetic("$inc", operator.add),
    "$mul": _arithmetic("$mul", operator.mul),
    "$min": _extreme(operator.lt),
    "$max": _extreme(operator.gt),
    "$currentDate": _current_date,
    "$push": _of_array("$push", _push, creates=True),
    "$addToSet": _of_array("$addToSet", _add_to_set, creates=True),
    "$pull": _of_array("$pull", _pull, creates=False),
    "$pullAll": _of_array("$pullAll", _pull_all, creates=False),
    "$pop": _of_array("$pop", lambda a, end: a[:-1] if end == 1 else a[1:], creates=False),
}


def _can_push(argument: Any) -> bool:
    if not _has_each(argument):
        return True
    options = {"$slice": 0, "$position": 0, "$sort": 1, **argument}
    return (
        len(options) == 4
        and type(options["$each"]) is list
        and all(isinstance(options[name], int) for name in ("$slice", "$position"))
        and (options["$sort"] in (1, -1) or type(options["$sort"]) is dict)
    )


# What an operator's argument has to be, and what MongoDB says when it is not.
CHECKS: dict[str, tuple[Callable[[Any], bool], str, str]] = {
    "$inc": (is_number, "TypeMismatch", "Cannot increment with a non-numeric argument"),
    "$mul": (is_number, "TypeMismatch", "Cannot multiply by a non-numeric argument"),
    "$push": (_can_push, "BadValue", "$push takes $each, $slice, $position and $sort"),
    "$addToSet": (
        lambda argument: type(_each(argument)) is list,
        "TypeMismatch", "The argument to $each in $addToSet must be an array",
    ),
    "$pullAll": (lambda a: type(a) is list, "BadValue", "$pullAll requires an array argument"),
    "$pop": (
        lambda end: end in (1, -1) and not isinstance(end, bool),
        "FailedToParse", "$pop expects 1 or -1",
    ),
    "$currentDate": (
        lambda a: isinstance(a, bool) or a in ({"$type": "date"}, {"$type": "timestamp"}),
        "BadValue", "$currentDate takes true, {$type: 'date'} or {$type: 'timestamp'}",
    ),
    "$rename": (
        lambda new: isinstance(new, str) and "$" not in new,
        "BadValue", "The 'to' field for $rename must be a plain path",
    ),
}  # fmt: skip
