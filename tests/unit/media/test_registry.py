from __future__ import annotations

import asyncio

from proctorhub.domain.media import CloseReason
from proctorhub.media import registry as module
from proctorhub.media.chain import Chain
from proctorhub.media.registry import Registry
from proctorhub.media.viewer import Viewer
from tests.waiting import PATIENCE_S


def _chain(registry: Registry, session: str = "s") -> Chain:
    chain = Chain(
        session,
        "camera",
        "ticket",
        keeping=None,
        origin_ms=0,
        on_live=registry.live,
        on_closed=registry.closed,
    )
    registry.add(chain)
    return chain


def _viewer(registry: Registry, session: str = "s") -> Viewer:
    viewer = Viewer(
        "ticket",
        lambda ready: registry.ready(session, "camera", ready),
        lambda gone: registry.gone(session, "camera", gone),
    )
    registry.watch(session, "camera", viewer)
    return viewer


def test_what_does_not_connect_in_time_is_closed() -> None:
    async def scenario() -> None:
        registry = Registry()
        chain, viewer = _chain(registry), _viewer(registry)
        registry.sweep()
        assert registry.chains and registry.viewers
        chain.created_s -= module.CONNECT_WITHIN_S + 1
        viewer.created_s -= module.CONNECT_WITHIN_S + 1
        registry.sweep()
        async with asyncio.timeout(PATIENCE_S):
            while registry.chains or registry.viewers:
                await asyncio.sleep(0.01)
        assert chain.peer.closed or chain.id not in registry.chains
        assert viewer.peer.closed

    asyncio.run(scenario())


def test_of_too_many_that_connect_the_oldest_is_closed() -> None:
    async def scenario() -> None:
        registry = Registry()
        live, other = _chain(registry), _chain(registry, "other")
        live.peer.connected = True
        made = [_chain(registry) for _ in range(module.MOST_CONNECTING + 2)]
        assert list(registry.chains.values()) == [live, other, *made[2:]]
        await registry.close_all()

    asyncio.run(scenario())


def test_empty_rooms_are_forgotten_and_their_viewers_closed() -> None:
    async def scenario() -> None:
        registry = Registry()
        viewer = _viewer(registry)
        viewer.peer.connected = True
        registry.room("s", "camera").empty_since -= module.VIEWERS_WAIT_S + 1
        registry.sweep()
        assert not registry._rooms
        async with asyncio.timeout(PATIENCE_S):
            while registry.viewers:
                await asyncio.sleep(0.01)

    asyncio.run(scenario())


def test_an_ended_session_takes_nothing_more() -> None:
    async def scenario() -> None:
        registry = Registry()
        ended, other = _chain(registry, "over"), _chain(registry, "on")
        registry.end_session("over")
        assert registry.is_ended("over") and not registry.is_ended("on")
        assert list(registry.chains) == [other.id]
        assert ended.id not in registry.chains
        other.close(CloseReason.DELETED)
        assert not registry.chains
        await registry.close_all()

    asyncio.run(scenario())
