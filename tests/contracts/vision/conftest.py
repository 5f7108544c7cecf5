"""Every vision backend that can be made here; each is made once for the run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from proctorhub.plugins import VisionBackend, load


@pytest.fixture(scope="session", params=["mediapipe"])
def backend(request, tmp_path_factory) -> Iterator[VisionBackend]:
    yield load("vision", request.param)({}, tmp_path_factory.mktemp(request.param))
