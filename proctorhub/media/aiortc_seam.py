"""The one place that touches the insides of aiortc, aioice and pylibsrtp.

aiortc does signalling, ICE and DTLS; its RTP senders and receivers never start. Once DTLS is up,
the connection's sockets are read by `datagrams`, and protected packets go straight through `srtp`
to `Peer.on_rtp`/`Peer.on_rtcp`, which costs a small part of the stock path (a wake-up for each
packet, queues, packet objects, decoder threads).

Every private name used here is pinned to exact library versions, checked at import, and asserted
again by `tests/unit/media/test_aiortc_seam.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import aioice.ice
import structlog
from aiortc import (
    RTCBundlePolicy,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.codecs import CODECS, HEADER_EXTENSIONS, is_rtx
from aiortc.rtcdtlstransport import RTCCertificate
from aiortc.rtcrtpparameters import RTCRtcpFeedback, RTCRtpHeaderExtensionParameters
from aiortc.sdp import SessionDescription, candidate_from_sdp

from proctorhub.media.addresses import host_addresses
from proctorhub.media.batch import ROOM, address, inbox
from proctorhub.media.datagrams import BatchedSocket
from proctorhub.media.lines import MediaLine, OfferedLine
from proctorhub.media.sdp import BadOffer, clean_candidates
from proctorhub.media.srtp import Srtp
from proctorhub.media.tasks import spawn
from proctorhub.media.transport_cc import URI as TRANSPORT_CC_URI

PINNED = {"aiortc": "1.16.0", "aioice": "0.13.0", "pylibsrtp": "1.0.0"}

MAX_DATAGRAM = 1500
#: An RTP packet's header.
SMALLEST = 12
VIDEO_CODECS = ("VP8", "H264")
AUDIO_CODEC = "opus"

#: Ids of header extensions that do not fit into their one-byte form (RFC 8285 section 4.2).
FIRST_LONG_ID = 15
#: Forward secrecy and nothing older than SHA-256, but for what RFC 8827 section 6.5 asks for.
CIPHERS = b":".join(
    (
        b"ECDHE-ECDSA-AES128-GCM-SHA256",
        b"ECDHE-RSA-AES128-GCM-SHA256",
        b"ECDHE-ECDSA-CHACHA20-POLY1305",
        b"ECDHE-RSA-CHACHA20-POLY1305",
        b"ECDHE-ECDSA-AES128-SHA",
        b"ECDHE-ECDSA-AES256-SHA",
    )
)
TRANSPORT_CC = RTCRtcpFeedback(type="transport-cc")
#: aiortc's own extensions have the ids 1 to 3.
TRANSPORT_CC_ID = 4

log = structlog.get_logger(__name__)


class SeamError(Exception):
    """The installed WebRTC libraries are not those this module was written against."""


def check_versions(pinned: dict[str, str] = PINNED) -> None:
    """Raise SeamError unless exactly the pinned library versions are installed."""
    for name, wanted in pinned.items():
        found = version(name)
        if found != wanted:
            raise SeamError(f"the media node needs {name} {wanted} exactly, found {found}")


check_versions()


def _agree_to_transport_cc() -> None:
    # aiortc agrees to what these tables name.
    for kind in ("audio", "video"):
        extension = RTCRtpHeaderExtensionParameters(id=TRANSPORT_CC_ID, uri=TRANSPORT_CC_URI)
        HEADER_EXTENSIONS[kind].append(extension)
        for codec in CODECS[kind]:
            if not is_rtx(codec):
                codec.rtcpFeedback.append(TRANSPORT_CC)


_agree_to_transport_cc()


def _accept_rsa_certificates() -> None:
    # aiortc's own list knows senders with ECDSA certificates only; GStreamer's are RSA.
    stock = RTCCertificate._create_ssl_context

    def create(self: RTCCertificate, srtp_profiles: Any) -> Any:
        context = stock(self, srtp_profiles)
        context.set_cipher_list(CIPHERS)
        return context

    RTCCertificate._create_ssl_context = create


_accept_rsa_certificates()


def use_host_addresses(configured: str) -> None:
    """Make all later peers gather candidates on `host_addresses(configured)`."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: host_addresses(configured)


def on_keyframe_wish(sender: RTCRtpSender, wish: Callable[[], None]) -> None:
    """Call `wish` when the receiver of `sender` asks for a keyframe."""
    sender._send_keyframe = wish  # type: ignore[method-assign]


def read_offer(text: str) -> list[OfferedLine]:
    """Return the m-lines of an SDP offer. Raises BadOffer for anything aiortc cannot parse."""
    try:
        description = SessionDescription.parse(text)
    except Exception as error:  # the parser raises whatever its input trips over
        raise BadOffer("This is not a session description.") from error
    for media in description.media:
        # aiortc would find this out only after the answer has gone.
        if not (media.dtls and media.dtls.fingerprints and media.ice and media.ice.password):
            raise BadOffer("A line has no fingerprint or no ICE password.")
    return [
        OfferedLine(
            media.kind,
            media.direction or "sendrecv",
            tuple(codec.name for codec in media.rtp.codecs),
        )
        for media in description.media
    ]


class Peer:
    """One peer connection whose RTP plane belongs to us.

    Set the callbacks before negotiating. `on_connected(receive, send)` comes once, when DTLS is
    up; `on_rtp` and `on_rtcp` get unprotected packets and when they arrived (UTC seconds);
    `on_closed` comes once, at the end.
    """

    def __init__(self) -> None:
        self._pc = RTCPeerConnection(
            RTCConfiguration(iceServers=[], bundlePolicy=RTCBundlePolicy.MAX_BUNDLE)
        )
        self.on_connected: Callable[[list[MediaLine], list[MediaLine]], None] = _nothing
        self.on_rtp: Callable[[bytes, float], None] = _nothing
        self.on_rtcp: Callable[[bytes, float], None] = _nothing
        self.on_closed: Callable[[], None] = _nothing
        self.connected = False
        self.closed = False
        self.rejected_datagrams = 0
        self._receive: dict[RTCRtpTransceiver, MediaLine] = {}
        self._send: dict[RTCRtpTransceiver, MediaLine] = {}
        self._srtp: Srtp | None = None
        self._nominated: dict[int, Any] = {}
        self._sockets: list[BatchedSocket] = []
        self._pc.on("connectionstatechange", self._state_changed)

    async def answer(self, offer: str, *, send: dict[str, tuple[str, str]] | None = None) -> str:
        """Take an offer and return the answer with all candidates.

        Without `send` we only receive. With it we only send: it maps a kind to (codec, profile);
        other kinds become inactive. Raises BadOffer; the peer is then closed.
        """
        try:
            await self._pc.setRemoteDescription(
                RTCSessionDescription(clean_candidates(offer), "offer")
            )
            for line in self._pc.getTransceivers():
                self._choose(line, send)
                self._take_over(line)
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except BadOffer:
            await self.close()
            raise
        except Exception as error:  # aiortc raises whatever a wrong description trips over
            await self.close()
            raise BadOffer(f"This session description cannot be used: {error}") from error
        return str(self._pc.localDescription.sdp)

    async def offer_to_receive(self, kinds: tuple[str, ...] = ("audio", "video")) -> str:
        """Return an offer to receive one line of each kind."""
        for kind in kinds:
            self._take_over(self._pc.addTransceiver(kind, direction="recvonly"))
        await self._pc.setLocalDescription(await self._pc.createOffer())
        return str(self._pc.localDescription.sdp)

    async def take_answer(self, answer: str) -> None:
        """Take the answer to `offer_to_receive`. Raises BadOffer."""
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        except Exception as error:  # as in answer()
            raise BadOffer(f"This answer cannot be used: {error}") from error

    async def add_candidate(self, line: str, mid: str) -> None:
        """Add a trickled candidate, without its `a=candidate:`. Raises BadOffer."""
        try:
            candidate = candidate_from_sdp(line)
        except Exception as error:  # as in read_offer()
            raise BadOffer("This is not a candidate.") from error
        candidate.sdpMid = mid
        await self._pc.addIceCandidate(candidate)

    def remote_ufrag(self) -> str:
        """Return the ICE user fragment of the other side, to recognise an ICE restart."""
        ice = self._pc.getTransceivers()[0].receiver.transport.transport
        return str(ice._connection.remote_username or "")

    def catch_up(self) -> None:
        """Take the packets that have come and were not read yet: nothing will follow them."""
        for datagrams in self._sockets:
            datagrams.read()

    def send_rtp(self, packet: bytes) -> None:
        """Protect and send one RTP packet; silently nothing once the connection is gone."""
        pair = self._nominated.get(1)
        if pair is not None and self._srtp is not None:
            sealed = self._srtp.seal_rtp(packet)
            if sealed is not None:
                pair.protocol.transport.sendto(sealed, pair.remote_addr)

    def send_rtcp(self, packet: bytes) -> None:
        """Protect and send one (compound) RTCP packet."""
        pair = self._nominated.get(1)
        if pair is not None and self._srtp is not None:
            pair.protocol.transport.sendto(self._srtp.seal_rtcp(packet), pair.remote_addr)

    async def close(self) -> None:
        """Close the connection and its sockets; safe to call twice."""
        try:
            await self._pc.close()
        except AttributeError:
            # aiortc stumbles over a line of a mangled offer that never got a transport. Nothing
            # was opened for such an offer.
            if self.connected:
                raise
        self._ended()

    def _state_changed(self) -> None:
        if self._pc.connectionState == "failed":
            spawn(self.close())
        elif self._pc.connectionState == "closed":
            self._ended()

    def _ended(self) -> None:
        if not self.closed:
            self.closed = True
            self.on_closed()

    def _choose(self, line: RTCRtpTransceiver, send: dict[str, tuple[str, str]] | None) -> None:
        wanted: tuple[str, ...] = (AUDIO_CODEC,) if line.kind == "audio" else VIDEO_CODECS
        profile = ""
        if send is not None:
            line.direction = "sendonly" if line.kind in send else "inactive"
            if line.kind not in send:
                return
            codec, profile = send[line.kind]
            wanted = (codec,)
        fitting = [codec for codec in line._codecs if codec.name in wanted]
        if not fitting:
            raise BadOffer(f"The {line.kind} line offers none of {', '.join(wanted)}.")
        best = fitting[0]  # the offer's order is the sender's preference
        if send is not None:
            best = next((c for c in fitting if _profile(c) == profile), best)
            # What is forwarded is not numbered anew: its receiver estimates by itself (REMB).
            best.rtcpFeedback = [f for f in best.rtcpFeedback if f != TRANSPORT_CC]
            line._headerExtensions = [
                e for e in line._headerExtensions if e.uri != TRANSPORT_CC_URI
            ]
        line._codecs = [best, *_rtx_of(best, line._codecs)]

    def _take_over(self, line: RTCRtpTransceiver) -> None:
        async def receive(parameters: Any) -> None:
            if parameters.codecs and line not in self._receive:
                self._receive[line] = _describe(line, parameters, sending=False)
                self._maybe_connected(line)

        async def send(parameters: Any) -> None:
            if parameters.codecs and line not in self._send:
                self._send[line] = _describe(line, parameters, sending=True)
                self._maybe_connected(line)

        line.receiver.receive = receive  # type: ignore[method-assign]
        line.sender.send = send  # type: ignore[method-assign]

    def _maybe_connected(self, line: RTCRtpTransceiver) -> None:
        active = [
            t
            for t in self._pc.getTransceivers()
            if t.currentDirection not in (None, "inactive", "stopped")
        ]
        if self.connected or len(self._receive) + len(self._send) < len(active):
            return
        self.connected = True
        self._attach(line.receiver.transport)
        self.on_connected(list(self._receive.values()), list(self._send.values()))
        self._take_early(line.receiver.transport.transport._connection)

    def _attach(self, dtls: Any) -> None:
        connection = dtls.transport._connection
        self._nominated = connection._nominated
        self._srtp = Srtp(dtls._rx_srtp, dtls._tx_srtp)
        for protocol in connection._protocols:
            protocol.transport = BatchedSocket(
                protocol.transport, protocol, self._receiver(self._srtp, protocol)
            )
            self._sockets.append(protocol.transport)

    def _take_early(self, connection: Any) -> None:
        """Take the packets that aioice got before its sockets were ours.

        They are older than what lies in those, and a track begins with the packet taken first.
        """
        assert self._srtp is not None
        take = self._receiver(self._srtp, self._nominated[1].protocol)
        queue = connection._queue
        for _ in range(queue.qsize()):
            found = queue.get_nowait()
            data = found[0] if found is not None else b""  # None: the connection ends
            if len(data) < SMALLEST or not 127 < data[0] < 192:  # STUN or DTLS (RFC 7983)
                queue.put_nowait(found)
            elif len(data) <= MAX_DATAGRAM:
                inbox[: len(data)] = data
                take(0, len(data), time.time())

    def _receiver(self, srtp: Srtp, protocol: Any) -> Callable[[int, int, float], None]:
        def take(place: int, size: int, arrived_s: float) -> None:
            at = place * ROOM
            if size < SMALLEST or not 127 < inbox[at] < 192:  # STUN or DTLS (RFC 7983)
                protocol.datagram_received(bytes(inbox[at : at + size]), address(place))
                return
            if size > MAX_DATAGRAM:
                self.rejected_datagrams += 1
                return
            is_rtcp = 191 < inbox[at + 1] < 224
            packet = srtp.open_rtcp(place, size) if is_rtcp else srtp.open_rtp(place, size)
            if packet is None:
                self.rejected_datagrams += 1
            elif is_rtcp:
                self.on_rtcp(packet, arrived_s)
            else:
                self.on_rtp(packet, arrived_s)

        return take


def _nothing(*_: object) -> None:
    """The callback of a peer nobody listens to."""


def _profile(codec: Any) -> str:
    return str(codec.parameters.get("profile-level-id", ""))


def _rtx_of(codec: Any, codecs: list[Any]) -> list[Any]:
    fitting = [c for c in codecs if is_rtx(c) and c.parameters.get("apt") == codec.payloadType]
    return fitting[:1]


def _transport_cc_id(codec: Any, parameters: Any) -> int | None:
    ids = [e.id for e in parameters.headerExtensions if e.uri == TRANSPORT_CC_URI]
    agreed = TRANSPORT_CC in codec.rtcpFeedback and ids and ids[0] < FIRST_LONG_ID
    return ids[0] if agreed else None


def _describe(line: RTCRtpTransceiver, parameters: Any, *, sending: bool) -> MediaLine:
    codec = parameters.codecs[0]
    rtx = _rtx_of(codec, parameters.codecs)
    ssrc: int | None = line.sender._ssrc
    rtx_ssrc: int | None = line.sender._rtx_ssrc
    if not sending:
        first = parameters.encodings[0] if parameters.encodings else None
        ssrc = first.ssrc if first else None
        rtx_ssrc = first.rtx.ssrc if first and first.rtx else None
    return MediaLine(
        kind=line.kind,
        mid=str(line.mid),
        codec=codec.name,
        payload_type=codec.payloadType,
        clock_rate=codec.clockRate,
        rtx_payload_type=rtx[0].payloadType if rtx else None,
        ssrc=ssrc,
        rtx_ssrc=rtx_ssrc,
        local_ssrc=line.sender._ssrc,
        cname=str(parameters.rtcp.cname or ""),
        profile=_profile(codec),
        transport_cc=_transport_cc_id(codec, parameters),
    )
