"""Update operators: what each makes of the value that a field has."""

from __future__ import annotations

import datetime as dt
import operator
from collections.abc import Callable
from typing import Any

from bson import Regex, Timestamp

from .bsonkeys import encode
from .conditions import compile_condition_on_values, equals, is_operator_document
from .errors import CommandError, bad_value
from .matcher import compile_element_test
from .numbers import combine, fits, is_number
from .paths import MISSING
from .sorting import sort_key

Apply = Callable[[Any, Any], Any]
"""Takes the current value (or MISSING) and the operator's argument, returns the new value."""


class Unset:
    """What an operator returns to remove the field."""


def _set(current: Any, argument: Any) -> Any:
    return argument


def _unset(current: Any, argument: Any) -> Any:
    return Unset


def _arithmetic(name: str, function: Callable[[Any, Any], Any], empty: Any) -> Apply:
    def apply(current: Any, argument: Any) -> Any:
        if current is MISSING:
            return argument if empty is None else combine(argument, empty, function)
        if not is_number(current):
            raise CommandError("TypeMismatch", f"Cannot apply {name} to non-numeric {current!r}")
        result = combine(current, argument, function)
        if not fits(result):
            raise bad_value(f"Failed to apply {name} operations to current value {current!r}")
        return result

    return apply


def _extreme(larger: bool) -> Apply:
    def apply(current: Any, argument: Any) -> Any:
        if current is MISSING:
            return argument
        new, old = encode(argument), encode(current)
        return argument if (new > old if larger else new < old) else current

    return apply


def _current_date(current: Any, argument: Any) -> Any:
    now = dt.datetime.now(dt.UTC)
    if type(argument) is dict and argument["$type"] == "timestamp":
        return Timestamp(now, 1)
    return now


def _list(current: Any, name: str) -> list[Any]:
    if current is MISSING:
        return []
    if type(current) is not list:
        raise bad_value(f"The field for {name} must be an array but is {current!r}")
    return list(current)


def _each(argument: Any) -> list[Any]:
    if type(argument) is dict and "$each" in argument:
        return list(argument["$each"])
    return [argument]


def _push(current: Any, argument: Any) -> list[Any]:
    array = _list(current, "$push")
    options = argument if type(argument) is dict and "$each" in argument else {}
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


def _add_to_set(current: Any, argument: Any) -> Any:
    array = _list(current, "$addToSet")
    present = {encode(item) for item in array}
    before = len(array)
    for item in _each(argument):
        if encode(item) not in present:
            present.add(encode(item))
            array.append(item)
    return current if len(array) == before and current is not MISSING else array


def _pull(current: Any, argument: Any) -> Any:
    if current is MISSING:
        return current
    if is_operator_document(argument):
        condition = compile_condition_on_values(argument)
    elif type(argument) is dict:
        element_test = compile_element_test(argument)
        return [v for v in _list(current, "$pull") if type(v) is not dict or not element_test(v)]
    elif isinstance(argument, Regex):
        condition = equals(argument)
    else:
        key = encode(argument)
        return [item for item in _list(current, "$pull") if encode(item) != key]
    return [item for item in _list(current, "$pull") if not condition([item])]


def _pull_all(current: Any, argument: Any) -> Any:
    if current is MISSING:
        return current
    unwanted = {encode(item) for item in argument}
    return [item for item in _list(current, "$pullAll") if encode(item) not in unwanted]


def _pop(current: Any, argument: Any) -> Any:
    if current is MISSING:
        return current
    array = _list(current, "$pop")
    return array[:-1] if argument == 1 else array[1:]


def _check_number(path: str, argument: Any) -> None:
    if not is_number(argument):
        raise CommandError("TypeMismatch", f"Cannot increment with non-numeric {argument!r}")


def _check_push(path: str, argument: Any) -> None:
    if type(argument) is not dict or "$each" not in argument:
        return
    for key, value in argument.items():
        if key not in ("$each", "$slice", "$sort", "$position"):
            raise bad_value(f"Unrecognized clause in $push: {key}")
        if key == "$each" and type(value) is not list:
            raise bad_value("The argument to $each in $push must be an array")
        if key in ("$slice", "$position") and not isinstance(value, int):
            raise bad_value(f"The value for {key} must be an integer value")
        if key == "$sort" and value not in (1, -1) and type(value) is not dict:
            raise bad_value("The $sort is invalid: use 1/-1 to sort the whole element")


def _check_each(path: str, argument: Any) -> None:
    if type(argument) is dict and "$each" in argument and type(argument["$each"]) is not list:
        raise CommandError("TypeMismatch", "The argument to $each in $addToSet must be an array")


def _check_pull_all(path: str, argument: Any) -> None:
    if type(argument) is not list:
        raise bad_value("$pullAll requires an array argument")


def _check_pop(path: str, argument: Any) -> None:
    if argument not in (1, -1) or isinstance(argument, bool):
        raise CommandError("FailedToParse", f"$pop expects 1 or -1, found: {argument!r}")


def _check_current_date(path: str, argument: Any) -> None:
    if isinstance(argument, bool):
        return
    if type(argument) is not dict or argument.get("$type") not in ("date", "timestamp"):
        raise bad_value("$currentDate takes true or {$type: 'date'} or {$type: 'timestamp'}")


def _check_rename(path: str, argument: Any) -> None:
    if not isinstance(argument, str):
        raise bad_value(f"The 'to' field for $rename must be a string: {path}: {argument!r}")
    if "$" in path or "$" in argument:
        raise bad_value("The source and target field for $rename may not be positional")


MODIFIERS: dict[str, Apply] = {
    "$set": _set,
    "$setOnInsert": _set,
    "$unset": _unset,
    "$inc": _arithmetic("$inc", operator.add, None),
    "$mul": _arithmetic("$mul", operator.mul, 0),
    "$min": _extreme(larger=False),
    "$max": _extreme(larger=True),
    "$currentDate": _current_date,
    "$push": _push,
    "$addToSet": _add_to_set,
    "$pull": _pull,
    "$pullAll": _pull_all,
    "$pop": _pop,
}
CHECKS: dict[str, Callable[[str, Any], None]] = {
    "$inc": _check_number,
    "$mul": _check_number,
    "$push": _check_push,
    "$addToSet": _check_each,
    "$pullAll": _check_pull_all,
    "$pop": _check_pop,
    "$currentDate": _check_current_date,
    "$rename": _check_rename,
}
