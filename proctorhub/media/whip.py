"""WHIP (RFC 9725): a source is sent to the node by one HTTP exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from aiohttp import web

from proctorhub.domain.media import CloseReason
from proctorhub.domain.ticket import RECORDED_SOURCES, Direction, Source
from proctorhub.media.aiortc_seam import Peer, read_offer
from proctorhub.media.chain import Chain, Keeping
from proctorhub.media.ledger import Ledger, Refused
from proctorhub.media.lines import OfferedLine
from proctorhub.media.problems import Problem
from proctorhub.media.registry import Registry
from proctorhub.media.sdp import BadOffer, read_fragment
from proctorhub.media.tickets import TicketGate

log = structlog.get_logger(__name__)

MAX_BODY = 64 * 1024
SDP_TYPE = "application/sdp"
FRAGMENT_TYPE = "application/trickle-ice-sdpfrag"
LEDGER_TIMEOUT_S = 10.0


async def read_text(request: web.Request, content_type: str) -> str:
    """Return the body of a request. Raises Problem 415, 413 or 400."""
    if request.content_type != content_type:
        raise Problem(415, "wrong_content_type", f"Send {content_type}.")
    too_large = Problem(413, "too_large", f"The limit is {MAX_BODY} bytes.")
    if (request.content_length or 0) > MAX_BODY:
        raise too_large
    body = bytearray()
    async for part in request.content.iter_chunked(MAX_BODY):
        body += part
        if len(body) > MAX_BODY:
            raise too_large
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Problem(400, "bad_sdp", "A session description is UTF-8 text.") from None


def one_line_each(lines: list[OfferedLine], directions: tuple[str, ...]) -> None:
    """Raise BadOffer unless there is at most one line per kind, one of them in `directions`."""
    kinds = [line.kind for line in lines]
    if len(set(kinds)) != len(kinds) or not set(kinds) <= {"audio", "video"}:
        raise BadOffer("Offer at most one audio and one video line, and nothing else.")
    if not any(line.direction in directions for line in lines):
        raise BadOffer(f"No line is {' or '.join(directions)}.")


async def patch_peer(request: web.Request, peer: Peer, etag: str) -> web.Response:
    """Take trickled candidates (RFC 8840, RFC 9725 section 4.3). Raises Problem."""
    text = await read_text(request, FRAGMENT_TYPE)
    if request.headers.get("If-Match", etag) not in (etag, "*"):
        raise Problem(412, "other_ice_session", "This is another ICE session.")
    try:
        ufrag, candidates = read_fragment(text)
        if ufrag and peer.remote_ufrag() not in ("", ufrag):
            raise Problem(422, "ice_restart", "ICE restarts are not supported: begin anew.")
        for mid, candidate in candidates:
            await peer.add_candidate(candidate, mid)
    except BadOffer as error:
        raise Problem(400, "bad_sdp", str(error)) from error
    return web.Response(status=204)


class Whip:
    """The WHIP endpoint and its resources."""

    def __init__(
        self, gate: TicketGate, registry: Registry, ledger: Ledger, keeping: Keeping
    ) -> None:
        self._gate = gate
        self._registry = registry
        self._ledger = ledger
        self._keeping = keeping
        self._origins: dict[str, int] = {}

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        resource = "/whip/{session:[A-Za-z0-9_-]{1,64}}/{source:[a-z]{1,16}}"
        return [
            web.post(resource, self.post),
            web.patch(resource + "/{chain}", self.patch),
            web.delete(resource + "/{chain}", self.delete),
        ]

    async def post(self, request: web.Request) -> web.Response:
        """Begin to send: 201 with the answer. Raises Problem."""
        session_id, source = request.match_info["session"], request.match_info["source"]
        if source not in tuple(Source):
            raise Problem(404, "unknown_source", "There is no such source.")
        ticket = self._gate.check(
            request, session_id=session_id, source=source, direction=Direction.SEND
        )
        if self._registry.is_ended(session_id):
            raise Problem(409, "session_ended", "This session is over.")
        offer = await read_text(request, SDP_TYPE)
        try:
            one_line_each(read_offer(offer), ("sendonly", "sendrecv"))
            recorded = source in RECORDED_SOURCES
            origin_ms = await self._origin_ms(session_id) if recorded else 0
            async with self._registry.room(session_id, source).answering:
                chain = Chain(
                    session_id,
                    source,
                    ticket.ticket_id,
                    keeping=self._keeping if recorded else None,
                    origin_ms=origin_ms,
                    on_live=self._registry.live,
                    on_closed=self._registry.closed,
                )
                answer = await chain.peer.answer(offer)
                self._registry.add(chain)
        except BadOffer as error:
            raise Problem(400, "bad_sdp", str(error)) from error
        return created(answer, f"{request.path}/{chain.id}", chain.id)

    async def _origin_ms(self, session_id: str) -> int:
        call: Callable[[str], int] = self._ledger.origin_ms
        try:
            async with asyncio.timeout(LEDGER_TIMEOUT_S):
                origin = await asyncio.get_running_loop().run_in_executor(None, call, session_id)
        except Refused as error:
            status = 404 if error.code == "not_found" else 409
            raise Problem(status, error.code, str(error)) from error
        except Exception as error:  # whatever the database raises
            log.error("origin_unknown", session_id=session_id, error=repr(error))
            if session_id in self._origins:  # a sender that comes back need not wait for it
                return self._origins[session_id]
            raise Problem(503, "control_plane_away", "Try again in a moment.") from error
        self._origins[session_id] = origin
        return origin

    def _chain(self, request: web.Request) -> Chain:
        session_id, source = request.match_info["session"], request.match_info["source"]
        chain = self._registry.chains.get(request.match_info["chain"])
        known = chain is not None and (chain.session_id, chain.source) == (session_id, source)
        self._gate.check(
            request,
            session_id=session_id,
            source=source,
            direction=Direction.SEND,
            still_valid_for=chain.ticket_id if chain is not None and known else None,
        )
        if chain is None or not known:
            raise Problem(404, "not_found", "There is no such sender.")
        return chain

    async def patch(self, request: web.Request) -> web.Response:
        """Take trickled candidates: 204. Raises Problem."""
        chain = self._chain(request)
        return await patch_peer(request, chain.peer, f'"{chain.id}"')

    async def delete(self, request: web.Request) -> web.Response:
        """End the sending: 200. Raises Problem."""
        self._chain(request).close(CloseReason.DELETED)
        return web.Response()


def created(answer: str, location: str, etag: str) -> web.Response:
    """Return the 201 of WHIP and WHEP."""
    headers = {"Location": location, "ETag": f'"{etag}"', "Accept-Patch": FRAGMENT_TYPE}
    return web.Response(status=201, text=answer, content_type=SDP_TYPE, headers=headers)
