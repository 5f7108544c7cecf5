"""An application without a database behind it: only what needs none is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from proctorhub.config import Settings
from proctorhub.web import create_app


@pytest.fixture
def make_app(tmp_path: Path) -> Callable[..., Flask]:
    return lambda **settings: create_app(Settings(data_dir=tmp_path, **settings))


@pytest.fixture
def app(make_app: Callable[..., Flask]) -> Flask:
    return make_app()
