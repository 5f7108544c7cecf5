"""WHEP (draft-ietf-wish-whep): a source is watched by one HTTP exchange."""

from __future__ import annotations

from aiohttp import web

from proctorhub.domain.ticket import Direction
from proctorhub.media.aiortc_seam import read_offer
from proctorhub.media.problems import Problem
from proctorhub.media.registry import Registry
from proctorhub.media.sdp import BadOffer
from proctorhub.media.tickets import TicketGate
from proctorhub.media.viewer import Viewer
from proctorhub.media.whip import SDP_TYPE, created, one_line_each, patch_peer, read_text


class Whep:
    """The WHEP endpoint and its resources."""

    def __init__(self, gate: TicketGate, registry: Registry) -> None:
        self._gate = gate
        self._registry = registry

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        resource = "/whep/{session:[A-Za-z0-9_-]{1,64}}/{source:[a-z]{1,16}}"
        return [
            web.post(resource, self.post),
            web.patch(resource + "/{viewer}", self.patch),
            web.delete(resource + "/{viewer}", self.delete),
        ]

    async def post(self, request: web.Request) -> web.Response:
        """Begin to watch: 201 with the answer. Raises Problem."""
        session_id, source = request.match_info["session"], request.match_info["source"]
        ticket = self._gate.check(
            request, session_id=session_id, source=source, direction=Direction.WATCH
        )
        offer = await read_text(request, SDP_TYPE)
        chain = await self._registry.sending_soon(session_id, source)
        if chain is None or chain.publisher is None:
            raise Problem(404, "not_publishing", "Nobody is sending this source now.")
        room = self._registry.room(session_id, source)
        if room.full:
            raise Problem(503, "too_many_viewers", "Too many are watching this source.")
        viewer = Viewer(
            ticket.ticket_id,
            lambda ready: self._registry.ready(session_id, source, ready),
            lambda gone: self._registry.gone(session_id, source, gone),
        )
        room.promised += 1
        try:
            one_line_each(read_offer(offer), ("recvonly", "sendrecv"))
            answer = await viewer.answer(offer, chain.publisher)
        except BadOffer as error:
            raise Problem(400, "bad_sdp", str(error)) from error
        finally:
            room.promised -= 1
        self._registry.watch(session_id, source, viewer)
        return created(answer, f"{request.path}/{viewer.id}", viewer.id)

    def _viewer(self, request: web.Request) -> Viewer:
        session_id, source = request.match_info["session"], request.match_info["source"]
        viewer = self._registry.viewers.get(request.match_info["viewer"])
        room = self._registry.room(session_id, source)
        known = viewer is not None and viewer.id in room.viewers
        self._gate.check(
            request,
            session_id=session_id,
            source=source,
            direction=Direction.WATCH,
            still_valid_for=viewer.ticket_id if viewer is not None and known else None,
        )
        if viewer is None or not known:
            raise Problem(404, "not_found", "There is no such viewer.")
        return viewer

    async def patch(self, request: web.Request) -> web.Response:
        """Take trickled candidates: 204. Raises Problem."""
        viewer = self._viewer(request)
        return await patch_peer(request, viewer.peer, f'"{viewer.id}"')

    async def delete(self, request: web.Request) -> web.Response:
        """End the watching: 200. Raises Problem."""
        await self._viewer(request).peer.close()
        return web.Response()
