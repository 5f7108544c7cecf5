"""The worker's own endpoints."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from proctorhub.frames.bus import Counts
from proctorhub.vision.status import Metrics, StatusServer

TOKEN = "0123456789abcdef"


@pytest.fixture(params=[None, TOKEN])
def server(request: pytest.FixtureRequest) -> Iterator[tuple[str, str | None]]:
    metrics = Metrics(Counts())
    made = StatusServer("127.0.0.1", 0, metrics, lambda: None, request.param)
    yield f"http://127.0.0.1:{made.port}", request.param
    made.close()


def test_metrics_are_for_this_machine_or_for_who_has_the_token(
    server: tuple[str, str | None],
) -> None:
    url, token = server
    assert requests.get(f"{url}/healthz", timeout=5).status_code == 200
    bearer = {"Authorization": f"Bearer {token}"} if token else {}
    passed_on = {"X-Forwarded-For": "127.0.0.1"}
    answers = [
        requests.get(f"{url}/metrics", headers=headers, timeout=5).status_code
        for headers in (bearer, passed_on, {**passed_on, **bearer})
    ]
    assert answers == ([200, 403, 200] if token else [200, 403, 403])
