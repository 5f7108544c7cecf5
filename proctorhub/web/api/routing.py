"""The route table of the API: one row says how a request is read, answered and documented."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import Blueprint, Response, jsonify
from pydantic import BaseModel

from proctorhub.web.api import parsing
from proctorhub.web.auth import people
from proctorhub.web.limits import FORM_OVERHEAD, IMAGE_LIMIT, allow_body

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Media:
    """An answer that is not JSON."""

    content_type: str
    ranges: bool = False


@dataclass(frozen=True)
class Route:
    """One operation; `handler` gets `actor` (unless `anyone`), parts of the path, what was sent.

    `files` maps the files of a multipart body to the largest size of each. `raw` is the content
    type and the largest size of a body that is taken as it is.
    """

    method: str
    path: str
    handler: Callable[..., Any]
    tag: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    form: type[BaseModel] | None = None
    upload: str | None = None
    files: Mapping[str, int] | None = None
    raw: tuple[str, int] | None = None
    answer: Any = None
    status: int = 200
    anyone: bool = False
    with_one_time_password: bool = False
    guard: Callable[[Any], Any] | None = None

    @property
    def name(self) -> str:
        """The operation's id and Flask endpoint."""
        return self.handler.__name__

    @property
    def summary(self) -> str:
        """The first line of the handler's docstring."""
        return (self.handler.__doc__ or "").strip().splitlines()[0].rstrip(".")


class Resource:
    """The operations of one module."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.routes: list[Route] = []

    def route(self, method: str, path: str, **options: Any) -> Callable[[Handler], Handler]:
        """Add an operation."""

        def add(handler: Handler) -> Handler:
            self.routes.append(Route(method, path, handler, self.tag, **options))
            return handler

        return add


def _arguments(route: Route) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if not route.anyone:
        found["actor"] = people.request_actor()
        if not route.with_one_time_password:
            people.require_own_password()
    if route.query:
        found["query"] = parsing.query(route.query)
    if route.upload:
        if route.form:
            found["form"] = parsing.form(route.form)
        found["data"] = parsing.uploaded(route.upload)
    if route.files:
        if route.form:
            found["form"] = parsing.form(route.form)
        found["files"] = {name: parsing.uploaded(name) for name in route.files}
    if route.raw:
        found["data"] = parsing.raw_body(route.raw[0])
    if route.body:
        found["body"] = parsing.json_body(route.body)
    return found


def view_of(route: Route) -> Callable[..., Any]:
    """Return the Flask view of an operation."""

    def view(**path: str) -> Any:
        answer = route.handler(**_arguments(route), **path)
        if isinstance(answer, Response):
            return answer
        if answer is None:
            return "", 204
        return jsonify(answer), route.status

    view.__name__ = route.name
    view.__module__ = route.handler.__module__
    view.__doc__ = route.handler.__doc__
    guarded = route.guard(view) if route.guard else view
    if route.upload:
        return allow_body(IMAGE_LIMIT + FORM_OVERHEAD)(guarded)
    if route.files:
        return allow_body(sum(route.files.values()) + FORM_OVERHEAD)(guarded)
    return allow_body(route.raw[1])(guarded) if route.raw else guarded


def register(blueprint: Blueprint, resources: list[Resource]) -> list[Route]:
    """Add every operation to the blueprint and return the whole table."""
    table = [route for resource in resources for route in resource.routes]
    for route in table:
        blueprint.add_url_rule(
            route.path, route.name, view_of(route), methods=[route.method], strict_slashes=False
        )
    return table
