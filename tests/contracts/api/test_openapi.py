"""The machine's copy of the contract is whole and sound."""

from __future__ import annotations

import re
from typing import Any

from proctorhub.web.api import DOCUMENT, TABLE


def test_every_route_is_described(app):
    described = {
        (method.upper(), path)
        for path, operations in DOCUMENT["paths"].items()
        for method in operations
    }
    served = {
        (method, re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule.removeprefix("/api/v1")))
        for rule in app.url_map.iter_rules()
        if rule.rule.startswith("/api/v1")
        for method in rule.methods - {"HEAD", "OPTIONS"}
    }
    assert served - described == {("GET", "/openapi.json")}
    assert described - served == set()


def test_it_is_served_to_everybody(anonymous):
    served = anonymous.http.get("/api/v1/openapi.json")
    assert served.status_code == 200
    assert served.json["openapi"].startswith("3.1")


def references(node: Any):
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def test_every_reference_leads_somewhere():
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        node = DOCUMENT
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_operations_are_named_once_and_told_in_a_sentence():
    operations = [o for path in DOCUMENT["paths"].values() for o in path.values()]
    assert len({o["operationId"] for o in operations}) == len(operations) == len(TABLE)
    assert all(o["summary"] and o["responses"]["default"] for o in operations)


def test_an_operation_without_an_answer_says_204():
    assert [r.name for r in TABLE if (r.answer is None) != (r.status == 204)] == []


def test_parameters_of_the_path_are_declared():
    for path, operations in DOCUMENT["paths"].items():
        for operation in operations.values():
            declared = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
            assert declared == set(re.findall(r"{(\w+)}", path))
