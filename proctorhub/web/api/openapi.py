"""OpenAPI 3.1, made from the route table and the models that read the requests."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import proctorhub
from proctorhub.web.api.answers import Problem
from proctorhub.web.api.routing import Media, Route

_REF = "#/components/schemas/{model}"
_PART = re.compile(r"<(\w+)>")
_PROBLEMS = {"$ref": "#/components/responses/Problem"}


def document(table: list[Route]) -> dict[str, Any]:
    """Return the description of the whole API."""
    keys, schemas = _schemas(table)
    paths: dict[str, Any] = {}
    for route in table:
        path = _PART.sub(r"{\1}", route.path)
        paths.setdefault(path, {})[route.method.lower()] = _operation(route, keys)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ProctorHub",
            "version": proctorhub.__version__,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/api/v1"}],
        "security": [{"token": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Problem": {
                    "description": "A refusal (RFC 9457)",
                    "content": {
                        "application/problem+json": {"schema": _ref(keys, Problem, "serialization")}
                    },
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "proctorhub"},
            },
        },
    }


def _schemas(table: list[Route]) -> tuple[dict[Any, Any], dict[str, Any]]:
    wanted: dict[tuple[type[BaseModel], str], None] = {(Problem, "serialization"): None}
    for route in table:
        if route.body:
            wanted[(route.body, "validation")] = None
        if isinstance(route.answer, type):
            wanted[(route.answer, "serialization")] = None
    keys, definitions = models_json_schema(list(wanted), ref_template=_REF)  # type: ignore[arg-type]
    return keys, definitions.get("$defs", {})


def _ref(keys: dict[Any, Any], model: type[BaseModel], mode: str) -> dict[str, Any]:
    found: dict[str, Any] = keys[(model, mode)]
    return found


def _operation(route: Route, keys: dict[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route)],
        "responses": {str(route.status): _success(route, keys), "default": _PROBLEMS},
    }
    if isinstance(route.answer, Media) and route.answer.ranges:
        operation["responses"]["206"] = _success(route, keys)
    if route.anyone:
        operation["security"] = []
    content = _request_content(route, keys)
    if content:
        operation["requestBody"] = {"required": True, "content": content}
    return operation


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PART.findall(route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    if route.query is None:
        return []
    schema = route.query.model_json_schema(mode="validation")
    definitions = schema.get("$defs", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _inline(found, definitions),
        }
        for name, found in schema["properties"].items()
    ]


def _inline(schema: Any, definitions: dict[str, Any]) -> Any:
    """Return a schema without references: the parameters of a query are small."""
    if isinstance(schema, list):
        return [_inline(item, definitions) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inline(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    return {name: _inline(value, definitions) for name, value in schema.items()}


def _request_content(route: Route, keys: dict[Any, Any]) -> dict[str, Any]:
    if route.body:
        return {"application/json": {"schema": _ref(keys, route.body, "validation")}}
    if route.raw:
        return {route.raw[0]: {}}
    names = [route.upload] if route.upload else list(route.files or ())
    if not names:
        return {}
    file = {
        "type": "object",
        "required": names,
        "properties": {name: {"type": "string", "format": "binary"} for name in names},
    }
    if route.form:
        fields = route.form.model_json_schema()
        written = _inline(fields["properties"], fields.get("$defs", {}))
        file["properties"] = {**written, **file["properties"]}  # type: ignore[dict-item]
        file["required"] = [*fields.get("required", []), *names]
    return {"multipart/form-data": {"schema": file}}


def _success(route: Route, keys: dict[Any, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": route.summary}
    if isinstance(route.answer, Media):
        found["content"] = {route.answer.content_type: {}}
    elif route.answer is not None:
        schema = _ref(keys, route.answer, "serialization")
        found["content"] = {"application/json": {"schema": schema}}
    return found
