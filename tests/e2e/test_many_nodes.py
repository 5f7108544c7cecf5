"""Two media nodes: one dies, one is drained, and the candidate notices a few seconds at most."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Server, serving
from tests.e2e.nodes import ExtraNode
from tests.e2e.recorded import chains, missing_between, since, until
from tests.e2e.steps import looks_like, share_again, waiting
from tests.waiting import wait_for

pytestmark = pytest.mark.e2e

LONGEST_SEGMENT_S = 10.0
#: A node's file is whole up to its last flush.
FLUSH_S = 1.5


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """An installation of its own: nodes come and go in it."""
    with serving(tmp_path_factory.mktemp("many")) as running:
        yield running


@pytest.fixture
def other(server: Server) -> Iterator[ExtraNode]:
    node = ExtraNode(server, "other")
    node.start()
    server.api("POST", "/nodes/other/undrain", {})
    yield node
    if node.process is not None and node.process.poll() is None:
        node.stop()


def kept_node(server: Server) -> str:
    """The id of the node that `proctorhub run` keeps."""
    found = server.api("GET", "/nodes")["items"]
    return next(node["id"] for node in found if node["id"] != "other")


def counts(server: Server, session_id: str) -> dict[str, int]:
    """How many chains each source has."""
    found = server.tracks(session_id)
    return {s: len(chains(found[s])) if s in found else 0 for s in ("camera", "screen")}


def more_than(server: Server, session_id: str, before: dict[str, int]) -> dict[str, dict[str, Any]]:
    """The tracks, once each source has a chain that it had not before."""
    found = server.tracks(session_id)
    came = [s for s, count in before.items() if s in found and len(chains(found[s])) > count]
    return found if len(came) == len(before) else {}


def sit_on(
    node: ExtraNode, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> tuple[Page, Page, str]:
    """Bring a candidate and a proctor together on a node, by draining the other meanwhile."""
    server = node.server
    kept, before = kept_node(server), node.state()["placed"]
    server.api("POST", f"/nodes/{kept}/drain", {})
    sit, console, session_id = waiting(server, browser_with, sign_in)
    server.api("POST", f"/nodes/{kept}/undrain", {})
    assert node.state()["placed"] == before + 1
    none = {"camera": 0, "screen": 0}
    wait_for(lambda: more_than(server, session_id, none), "the first segments")
    return sit, console, session_id


def test_a_killed_nodes_sessions_go_on_elsewhere(
    other: ExtraNode, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    server = other.server
    before = other.state()["placed"]
    sit, console, session_id = sit_on(other, browser_with, sign_in)
    had = counts(server, session_id)
    killed_at = other.kill()
    found = wait_for(lambda: more_than(server, session_id, had), "new chains")
    for source in ("camera", "screen"):
        track = found[source]
        old, new = chains(track)[had[source] - 1 : had[source] + 1]
        print(f"{source}: back after {since(track, new) - killed_at:.1f} s")
        assert killed_at - until(track, old) <= LONGEST_SEGMENT_S + FLUSH_S, source
        gaps = missing_between(track, killed_at, new)
        assert {gap["cause"] for gap in gaps} == {"node"}, gaps
    looks_like(console, "camera-video", "astronaut")
    expect(sit.get_by_test_id("camera-state")).to_have_attribute("data-state", "live")
    nodes = {node["id"]: node for node in server.api("GET", "/nodes")["items"]}
    assert (nodes["other"]["alive"], nodes["other"]["placed"]) == (False, before)

    other.start()
    assert other.state()["placed"] == before

    def recovered() -> bool:
        now = server.tracks(session_id)
        return all(
            until(now[source], chains(now[source])[had[source] - 1]) >= killed_at - FLUSH_S
            for source in ("camera", "screen")
        )

    wait_for(recovered, "the dead node's last segment")


def test_draining_moves_nobody(
    other: ExtraNode, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    server = other.server
    sit, console, session_id = sit_on(other, browser_with, sign_in)
    server.api("POST", "/nodes/other/drain", {})
    had = counts(server, session_id)
    sit.reload()
    expect(sit.get_by_test_id("camera-state")).to_have_attribute("data-state", "live")
    share_again(sit)
    wait_for(lambda: more_than(server, session_id, had), "new chains after the reload")
    looks_like(console, "camera-video", "astronaut")
    assert other.state()["sources"] == 2


def test_a_node_that_is_stopped_hands_everything_over(
    other: ExtraNode, browser_with: Callable[[str], Browser], sign_in: Callable[..., Page]
) -> None:
    server = other.server
    _, console, session_id = sit_on(other, browser_with, sign_in)
    had = counts(server, session_id)
    assert other.stop() == 0
    found = wait_for(lambda: more_than(server, session_id, had), "new chains")
    for source in ("camera", "screen"):
        track = found[source]
        old, new = chains(track)[had[source] - 1 : had[source] + 1]
        gaps = missing_between(track, until(track, old), new)
        assert {gap["cause"] for gap in gaps} == {"node"}, gaps
        print(f"{source}: {since(track, new) - until(track, old):.1f} s not recorded")
    looks_like(console, "camera-video", "astronaut")
