"""Storage that refuses what it is given: told before there is a segment that it could refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.alarming import causes, over, reasons, told
from tests.e2e.conftest import Server, serving
from tests.e2e.steps import waiting
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("long"), segment_min_s="28", segment_max_s="30") as made:
        yield made


def test_a_storage_that_refuses(
    server: Server, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    _, console, session_id = waiting(server, browser_with, sign_in)
    blobs, spool = server.data_dir / "storage" / "blobs", server.data_dir / "spool" / session_id
    aside = blobs.with_suffix(".away")
    blobs.rename(aside)
    blobs.touch()
    try:
        told(console, "uploader")
        assert list(spool.rglob("*.part")) and not list(spool.rglob("*.webm"))
        both = {("camera", "failing"), ("screen", "failing")}
        wait_for(lambda: reasons(server, session_id) >= both, "both alarms")
        wait_for(lambda: list(spool.rglob("*.webm")), "a segment that is not stored")
    finally:
        blobs.unlink()
        aside.rename(blobs)
    over(server, console, session_id, "uploader")
    wait_for(lambda: list(blobs.rglob("*.webm")), "the segment to be stored")
    assert "storage" not in causes(server, session_id)
