"""The HTTP contract: who gets in, what bad input gets, what outsiders may see."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from conftest import NodeProcess

from proctorhub.domain import ticket
from proctorhub.media.aiortc_seam import Peer
from proctorhub.media.synthetic import WhipSender
from tests.waiting import PATIENCE_S

SDP = "application/sdp"
MDNS = "a=candidate:9 1 udp 2122260223 5b2c7d52-43b8-4e6f-9d0f-0c4f1a2b3c4d.local 50001 typ host"


async def call(
    node: NodeProcess, method: str, path: str, bearer: str | None = None, **options: Any
) -> tuple[int, dict[str, str], str]:
    headers = options.pop("headers", {})
    if bearer is not None:
        headers["Authorization"] = f"Bearer {bearer}"
    async with (
        aiohttp.ClientSession() as http,
        http.request(method, node.url + path, headers=headers, **options) as response,
    ):
        return response.status, dict(response.headers), await response.text()


def ask(node: NodeProcess, method: str, path: str, bearer: str | None = None, **options: Any):  # type: ignore[no-untyped-def]
    return asyncio.run(call(node, method, path, bearer, **options))


@pytest.fixture(scope="module")
def offer() -> str:
    """A real offer to send: aiortc's, turned round."""

    async def make() -> str:
        peer = Peer()
        text = await peer.offer_to_receive()
        await peer.close()
        return text.replace("a=recvonly", "a=sendonly")

    return asyncio.run(make())


def _problem(status: int, headers: dict[str, str], body: str, code: str) -> None:
    assert headers["Content-Type"].startswith("application/problem+json")
    assert f'"status": {status}' in body and f'"code": "{code}"' in body


@pytest.mark.parametrize("door", ["whip", "whep"])
def test_tickets(node: NodeProcess, offer: str, door: str) -> None:
    direction, other = ("send", "watch") if door == "whip" else ("watch", "send")
    stranger, _ = ticket.new_keys()
    forged = ticket.sign(
        stranger,
        session_id="http",
        source="camera",
        direction=direction,
        now=time.time(),
        ttl_s=60,
    )
    cases = [
        (None, 401, "ticket_missing"),
        ("", 401, "ticket_missing"),
        ("nonsense", 401, "ticket_invalid"),
        (forged, 401, "ticket_invalid"),
        (node.ticket("http", direction, ttl_s=-60), 401, "ticket_expired"),
        (node.ticket("other", direction), 403, "ticket_forbidden"),
        (node.ticket("http", direction, "screen"), 403, "ticket_forbidden"),
        (node.ticket("http", other), 403, "ticket_forbidden"),
    ]
    before = set(node.spool.iterdir())
    for bearer, status, code in cases:
        answer = ask(
            node,
            "POST",
            f"/{door}/http/camera",
            bearer,
            data=offer,
            headers={"Content-Type": SDP},
        )
        assert answer[0] == status, (code, answer)
        _problem(*answer, code)
    assert set(node.spool.iterdir()) == before
    assert not node.ledger.calls("opened", session_id="http")


def test_bodies(node: NodeProcess, offer: str) -> None:
    bearer = node.ticket("http", "send")
    recvonly = offer.replace("a=sendonly", "a=recvonly")
    data_line = offer + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:9\r\n"
    cases: list[tuple[str | bytes, str, int, str]] = [
        (offer, "text/plain", 415, "wrong_content_type"),
        ("", SDP, 400, "bad_sdp"),
        ("nonsense", SDP, 400, "bad_sdp"),
        (b"\xff\xfe", SDP, 400, "bad_sdp"),
        (recvonly, SDP, 400, "bad_sdp"),
        (data_line, SDP, 400, "bad_sdp"),
        (offer.replace("VP8", "AV9").replace("H264", "H999"), SDP, 400, "bad_sdp"),
        (offer.replace("a=fingerprint", "a=finger"), SDP, 400, "bad_sdp"),
        (offer.replace("a=ice-ufrag", "a=ufrag"), SDP, 400, "bad_sdp"),
        (offer + "a=x:" + "x" * 65_000 + "\r\n", SDP, 413, "too_large"),
    ]
    for body, kind, status, code in cases:
        answer = ask(
            node,
            "POST",
            "/whip/http/camera",
            bearer,
            data=body,
            headers={"Content-Type": kind},
        )
        assert answer[0] == status, (code, answer)
        _problem(*answer, code)

    async def endless() -> int:
        async def chunks():  # type: ignore[no-untyped-def]
            for _ in range(100):
                yield b"a=x\r\n" * 1000

        status, _, _ = await call(
            node, "POST", "/whip/http/camera", bearer, data=chunks(), headers={"Content-Type": SDP}
        )
        return status

    assert asyncio.run(endless()) == 413
    assert not node.ledger.calls("opened", session_id="http")


def test_mangled_offers_are_refused_and_never_hurt(node: NodeProcess, offer: str) -> None:
    rng = random.Random(4)
    bearer = node.ticket("mangled", "send")
    lines = offer.splitlines()

    def mangle() -> str:
        found = list(lines)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(found))
            what = rng.randrange(5)
            if what == 0:
                del found[at]
            elif what == 1:
                found[at] = found[at][: rng.randrange(len(found[at]) + 1)]
            elif what == 2:
                found.insert(at, rng.choice(lines))
            elif what == 3:
                found[at] = found[at].replace(" ", rng.choice(["", "  ", "\t", "9999999999 "]), 1)
            else:
                letters = list(found[at])
                letters[rng.randrange(len(letters))] = chr(rng.randrange(1, 0x250))
                found[at] = "".join(letters)
        return "\r\n".join(found) + "\r\n"

    async def scenario() -> set[int]:
        seen = set()
        for _ in range(120):
            status, headers, _ = await call(
                node,
                "POST",
                "/whip/mangled/camera",
                bearer,
                data=mangle(),
                headers={"Content-Type": SDP},
            )
            seen.add(status)
            if status == 201:
                await call(node, "DELETE", headers["Location"], bearer)
        return seen

    assert asyncio.run(scenario()) <= {201, 400}
    assert node.healthy()


def test_an_unknown_session_and_an_unknown_source_are_404(node: NodeProcess, offer: str) -> None:
    headers = {"Content-Type": SDP}
    bearer = node.ticket("unknown-1", "send")
    answer = ask(node, "POST", "/whip/unknown-1/camera", bearer, data=offer, headers=headers)
    assert answer[0] == 404
    _problem(*answer, "not_found")
    bearer = node.ticket("http", "send", "fridge")
    answer = ask(node, "POST", "/whip/http/fridge", bearer, data=offer, headers=headers)
    assert answer[0] == 404
    _problem(*answer, "unknown_source")
    assert ask(node, "GET", "/nothing")[0] == 404
    assert ask(node, "GET", "/whip/http/camera")[0] == 405
    assert ask(node, "POST", "/whip/..%2f..%2fetc/camera")[0] == 404


def test_a_resource_belongs_to_its_ticket(node: NodeProcess, vp8: Path) -> None:
    fragment = {"Content-Type": "application/trickle-ice-sdpfrag"}

    async def scenario() -> None:
        url, bearer = node.whip("mine")
        async with WhipSender(url, bearer, vp8) as sender:
            assert sender.resource is not None
            path = sender.resource.removeprefix(node.url)
            for other, status in (
                (None, 401),
                (node.ticket("other", "send"), 403),
                (node.ticket("mine", "watch"), 403),
            ):
                assert (await call(node, "DELETE", path, other))[0] == status
                assert (await call(node, "PATCH", path, other))[0] == status
            gone = path[:-1] + ("0" if path[-1] != "0" else "1")
            assert (await call(node, "DELETE", gone, bearer))[0] == 404
            assert (await call(node, "PATCH", path, bearer, data="x"))[0] == 415
            trickled = f"a=mid:0\r\n{MDNS}\r\na=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n"
            answer = await call(node, "PATCH", path, bearer, data=trickled, headers=dict(fragment))
            assert answer[0] == 204
            answer = await call(
                node,
                "PATCH",
                path,
                bearer,
                data="a=mid:0\r\na=candidate:garbage\r\n",
                headers=dict(fragment),
            )
            assert answer[0] == 400
            answer = await call(
                node, "PATCH", path, bearer, data="a=ice-ufrag:other\r\n", headers=dict(fragment)
            )
            assert answer[0] == 422
            answer = await call(
                node, "PATCH", path, bearer, data="", headers={**fragment, "If-Match": '"x"'}
            )
            assert answer[0] == 412
            assert sender.connected

    asyncio.run(scenario())


def test_an_expired_ticket_still_ends_what_it_began(node: NodeProcess, vp8: Path) -> None:
    async def scenario() -> None:
        # for eight seconds, with the allowed skew
        bearer, twin = (node.ticket("late", "send", ttl_s=3) for _ in range(2))
        async with WhipSender(f"{node.url}/whip/late/camera", bearer, vp8) as sender:
            assert sender.resource is not None
            path = sender.resource.removeprefix(node.url)
            other = node.ticket("late", "send", ttl_s=-60)
            async with asyncio.timeout(PATIENCE_S):
                while (await call(node, "PATCH", path, twin))[0] != 401:
                    await asyncio.sleep(0.1)
            assert (await call(node, "DELETE", path, other))[0] == 401
            assert (await call(node, "DELETE", path, bearer))[0] == 200
            assert (await call(node, "DELETE", path, node.ticket("late", "send")))[0] == 404

    asyncio.run(scenario())


def test_probe(node: NodeProcess) -> None:
    bearer = node.ticket("anyone", "send", "check")
    assert ask(node, "GET", "/probe")[0] == 401
    assert ask(node, "GET", "/probe", node.ticket("anyone", "send"))[0] == 403
    status, headers, body = ask(node, "GET", "/probe", bearer)
    assert (status, body) == (200, '{"bytes": 0}') and headers["Cache-Control"] == "no-store"
    assert ask(node, "POST", "/probe", bearer, data=bytes(1 << 20))[2] == '{"bytes": 1048576}'
    assert ask(node, "POST", "/probe", bearer, data=bytes((1 << 20) + 1))[0] == 413


def test_health_and_metrics(node: NodeProcess) -> None:
    assert ask(node, "GET", "/healthz")[0] == 200
    assert ask(node, "GET", "/readyz")[0] == 200
    status, headers, body = ask(node, "GET", "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    assert "proctorhub_media_senders 0.0" in body
    assert "process_cpu_seconds_total" in body
    passed_on = {"X-Forwarded-For": "127.0.0.1"}
    assert ask(node, "GET", "/metrics", headers=passed_on)[0] == 403


def test_metrics_for_who_has_the_token(make_node: Callable[..., NodeProcess]) -> None:
    node = make_node(PROCTORHUB_METRICS_TOKEN="0123456789abcdef")
    assert ask(node, "GET", "/metrics")[0] == 403
    assert ask(node, "GET", "/metrics", "0123456789abcdef")[0] == 200


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [("http://exams.example", True), ("http://evil.example", False), (None, False)],
)
def test_cors_is_for_the_pages_of_this_installation(
    node: NodeProcess, origin: str | None, allowed: bool
) -> None:
    headers = {"Origin": origin} if origin else {}
    for method, path in (("OPTIONS", "/whip/s/camera"), ("POST", "/whip/s/camera"), ("GET", "/x")):
        _, found, _ = ask(node, method, path, headers=dict(headers))
        assert found.get("Access-Control-Allow-Origin") == (origin if allowed else None)
        assert ("Location" in found.get("Access-Control-Expose-Headers", "")) == allowed
    _, found, _ = ask(node, "OPTIONS", "/whip/s/camera", headers=dict(headers))
    assert ("Authorization" in found.get("Access-Control-Allow-Headers", "")) == allowed
