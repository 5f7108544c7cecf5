"""From bytes to values: the first thing wrong is named in a 400, and nothing was done yet."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import request
from pydantic import BaseModel, ValidationError
from werkzeug.datastructures import MultiDict

from proctorhub.web.errors import ApiError

Model = TypeVar("Model", bound=BaseModel)


def json_body(model: type[Model]) -> Model:
    """Return the JSON body. Raises ApiError."""
    raw = request.get_data()
    if not raw and not _required(model):
        return model()
    if request.mimetype != "application/json":
        raise ApiError(415, "json_expected", "Send the body as application/json.")
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _wrong(error) from None


def raw_body(content_type: str) -> bytes:
    """Return the bytes of a body of one content type. Raises ApiError."""
    if request.mimetype != content_type:
        raise ApiError(415, "other_type_expected", f"Send the body as {content_type}.")
    data: bytes = request.get_data(cache=False)
    return data


def query(model: type[Model]) -> Model:
    """Return the query. Raises ApiError."""
    return _flat(model, request.args)


def form(model: type[Model]) -> Model:
    """Return the text fields of a multipart body. Raises ApiError."""
    if request.mimetype != "multipart/form-data":
        raise ApiError(415, "multipart_expected", "Send the body as multipart/form-data.")
    return _flat(model, request.form)


def uploaded(field: str) -> bytes:
    """Return the bytes of one uploaded file; its size is bounded with the body. Raises ApiError."""
    file = request.files.get(field)
    if file is None:
        raise ApiError(400, "invalid", "This file is missing.", field=field)
    return bytes(file.read())


def _flat(model: type[Model], values: MultiDict[str, str]) -> Model:
    for name, several in values.lists():
        if len(several) > 1:
            raise ApiError(400, "invalid", "This was given more than once.", field=name)
    try:
        # Text only: strict models are for JSON, where a number is a number.
        return model.model_validate(values.to_dict(), strict=False)
    except ValidationError as error:
        raise _wrong(error) from None


def _required(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())


def _wrong(error: ValidationError) -> ApiError:
    first: Any = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return ApiError(400, "json_invalid", "This is not valid JSON.")
    field = ".".join(str(part)[:100] for part in first["loc"])
    detail = {
        "extra_forbidden": "There is no such field.",
        "missing": "This field is missing.",
    }.get(first["type"], first["msg"])
    return ApiError(400, "invalid", detail, field=field or None)
