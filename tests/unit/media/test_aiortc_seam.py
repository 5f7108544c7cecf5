"""The private names the seam leans on. When this fails after an upgrade, read the seam anew."""

from __future__ import annotations

import asyncio
import inspect
import re
import socket
import struct
from typing import Any

import aioice.ice
import aioice.stun
import pylibsrtp
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, RTCRtpSender, rtp
from aiortc.rtcdtlstransport import SRTP_PROFILES, RTCCertificate
from OpenSSL import SSL
from pylibsrtp._binding import lib

from proctorhub.media import aiortc_seam as seam
from proctorhub.media.addresses import host_addresses
from proctorhub.media.lines import MediaLine
from proctorhub.media.sdp import BadOffer
from proctorhub.media.transport_cc import URI as TRANSPORT_CC_URI
from tests.waiting import PATIENCE_S


def test_the_pinned_versions_are_installed() -> None:
    seam.check_versions()


@pytest.mark.parametrize("name", ["aiortc", "aioice", "pylibsrtp"])
def test_another_version_is_refused_by_name(name: str) -> None:
    with pytest.raises(seam.SeamError, match=f"needs {name} 0.0.0 exactly"):
        seam.check_versions({name: "0.0.0"})


def test_private_names_have_the_shapes_the_seam_expects() -> None:
    async def look() -> None:
        pc = RTCPeerConnection()
        line = pc.addTransceiver("video", direction="recvonly")
        dtls = line.receiver.transport
        connection = dtls.transport._connection
        assert line.sender.transport is dtls
        assert isinstance(line._codecs, list)
        assert isinstance(line.sender._ssrc, int)
        assert isinstance(line.sender._rtx_ssrc, int)
        assert callable(line.sender._send_keyframe)
        assert isinstance(connection, aioice.ice.Connection)
        assert connection._nominated == {}
        assert connection._protocols == []
        assert isinstance(connection._queue, asyncio.Queue)
        assert connection.remote_username is None
        assert dtls._rx_srtp is None and dtls._tx_srtp is None
        await pc.close()

    asyncio.run(look())
    assert list(inspect.signature(aioice.ice.get_host_addresses).parameters) == [
        "use_ipv4",
        "use_ipv6",
    ]
    assert "get_host_addresses(" in inspect.getsource(aioice.ice.Connection.gather_candidates)
    assert list(inspect.signature(aioice.ice.StunProtocol.datagram_received).parameters) == [
        "self",
        "data",
        "addr",
    ]
    assert "self._queue.put_nowait((data, component))" in inspect.getsource(
        aioice.ice.Connection.data_received
    )
    connecting = inspect.getsource(RTCPeerConnection._RTCPeerConnection__connect)  # type: ignore[attr-defined]
    assert "await transceiver.sender.send(" in connecting
    assert "await transceiver.receiver.receive(" in connecting


def test_libsrtp_is_reached_as_expected() -> None:
    policy = pylibsrtp.Policy(key=bytes(30), ssrc_type=pylibsrtp.Policy.SSRC_ANY_OUTBOUND)
    session = pylibsrtp.Session(policy)
    assert session._srtp[0]
    assert callable(lib.srtp_unprotect) and callable(lib.srtp_protect)
    assert callable(session.protect_rtcp) and callable(session.unprotect_rtcp)


def test_rtcp_classes_have_the_fields_we_read() -> None:
    info = rtp.RtcpSenderInfo(ntp_timestamp=1, rtp_timestamp=2, packet_count=3, octet_count=4)
    packet = rtp.RtcpPacket.parse(bytes(rtp.RtcpSrPacket(ssrc=9, sender_info=info)))[0]
    assert isinstance(packet, rtp.RtcpSrPacket)
    assert (packet.ssrc, packet.sender_info.ntp_timestamp) == (9, 1)


def test_addresses_are_the_configured_ones_or_all_with_loopback() -> None:
    assert host_addresses(" 10.0.0.1, ::1 ,") == ["10.0.0.1", "::1"]
    assert host_addresses("")[-1] == "127.0.0.1"


async def _pair() -> tuple[seam.Peer, seam.Peer, dict[str, Any]]:
    seam.use_host_addresses("127.0.0.1")
    sender, receiver = seam.Peer(), seam.Peer()
    lines: dict[str, Any] = {}
    up = asyncio.Event()

    def sending(receive: list[MediaLine], send: list[MediaLine]) -> None:
        lines["send"] = send

    def receiving(receive: list[MediaLine], send: list[MediaLine]) -> None:
        lines["receive"] = receive
        up.set()

    sender.on_connected, receiver.on_connected = sending, receiving
    offer = await receiver.offer_to_receive()
    await receiver.take_answer(await sender.answer(offer, send={"video": ("VP8", "")}))
    async with asyncio.timeout(PATIENCE_S):
        await up.wait()
        while not sender.connected:
            await asyncio.sleep(0.01)
    return sender, receiver, lines


def test_the_first_packets_come_first() -> None:
    """Those that aioice got while DTLS came up, though the sockets are read before it wakes."""

    async def scenario() -> list[int]:
        seam.use_host_addresses("127.0.0.1")
        sender, receiver = seam.Peer(), seam.Peer()
        taken, up = list[int](), asyncio.Event()
        early, sent = 5, 12

        def sending(receive: list[MediaLine], send: list[MediaLine]) -> None:
            ssrc = send[0].ssrc.to_bytes(4, "big")
            for seq in range(sent):
                head = bytes([0x80, send[0].payload_type, 0, seq, 0, 0, 0, 1])
                sender.send_rtp(head + ssrc + b"picture")

        def take(packet: bytes, arrived_s: float) -> None:
            taken.append(packet[3])
            if len(taken) == sent:
                up.set()

        def receiving(receive: list[MediaLine], send: list[MediaLine]) -> None:
            receiver.on_rtp = take

        connected = receiver._maybe_connected

        def in_one_round(line: Any) -> None:
            # asyncio reads a datagram in each of its rounds; sockets are read when their turn comes
            connection = line.receiver.transport.transport._connection
            held = connection._nominated[1].protocol.transport.get_extra_info("socket")
            with socket.socket(fileno=held.dup().detach()) as waiting:
                for _ in range(early - connection._queue.qsize()):
                    connection.data_received(waiting.recv(2048), 1)
            connected(line)
            receiver.catch_up()

        sender.on_connected, receiver.on_connected = sending, receiving
        receiver._maybe_connected = in_one_round  # type: ignore[method-assign]
        offer = await receiver.offer_to_receive()
        # who offers is the client of DTLS here, so that the sender is ready first
        offer = offer.replace("a=setup:actpass", "a=setup:active")
        await receiver.take_answer(await sender.answer(offer, send={"video": ("VP8", "")}))
        async with asyncio.timeout(PATIENCE_S):
            await up.wait()
        await sender.close()
        await receiver.close()
        return taken

    assert asyncio.run(scenario()) == list(range(12))


def test_two_peers_exchange_plain_packets() -> None:
    async def scenario() -> None:
        sender, receiver, lines = await _pair()
        got: list[bytes] = []
        arrived = asyncio.Event()

        def take(packet: bytes, arrived_s: float) -> None:
            got.append(packet)
            if len(got) == 2:
                arrived.set()

        receiver.on_rtp = receiver.on_rtcp = take
        (line,) = lines["send"]
        assert (line.kind, line.codec) == ("video", "VP8")
        assert [(x.kind, x.ssrc) for x in lines["receive"]] == [("video", line.ssrc)]
        assert lines["receive"][0].rtx_ssrc == line.rtx_ssrc
        packet = bytes([0x80, line.payload_type, 0, 7, 0, 0, 0, 1]) + line.ssrc.to_bytes(4, "big")
        report = bytes([0x80, 201, 0, 1]) + line.ssrc.to_bytes(4, "big")
        sender.send_rtp(packet + b"picture")
        sender.send_rtcp(report)
        async with asyncio.timeout(PATIENCE_S):
            await arrived.wait()
        assert got == [packet + b"picture", report]
        await sender.close()
        await receiver.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("first", ["VP8", "H264"])
def test_the_answer_takes_the_codec_that_the_offer_names_first(first: str) -> None:
    async def scenario() -> None:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        line = pc.addTransceiver("video", direction="sendonly")
        codecs = RTCRtpSender.getCapabilities("video").codecs
        line.setCodecPreferences(sorted(codecs, key=lambda c: c.name != first))
        await pc.setLocalDescription(await pc.createOffer())
        peer = seam.Peer()
        answer = await peer.answer(pc.localDescription.sdp)
        assert re.findall(r"a=rtpmap:\d+ (\w+)/90000", answer) == [first, "rtx"]
        await peer.close()
        await pc.close()

    asyncio.run(scenario())


def test_forged_packets_are_counted_and_dropped() -> None:
    async def scenario() -> None:
        sender, receiver, _ = await _pair()
        receiver.on_rtp = receiver.on_rtcp = lambda *_: pytest.fail("a forged packet came in")
        address = receiver._nominated[1].protocol.transport.get_extra_info("sockname")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as forger:
            for forged in (b"\x80\x60" + bytes(40), b"\x80\xc9" + bytes(40), b""):
                forger.sendto(forged, address)
            forger.sendto(b"\x80\x60" + bytes(1600), address)
        async with asyncio.timeout(PATIENCE_S):
            while receiver.rejected_datagrams < 3:
                await asyncio.sleep(0.01)
        await sender.close()
        await receiver.close()

    asyncio.run(scenario())


@pytest.mark.parametrize("attribute", [b"\0\x24\0\x03abc\0", b"\x80\x2a\0\x04abcd"])
def test_stun_that_the_library_chokes_on_stops_nobody(attribute: bytes) -> None:
    """PRIORITY of three octets, ICE-CONTROLLING of four: no ValueError, as for other bad ones."""

    async def scenario() -> None:
        sender, receiver, lines = await _pair()
        got: list[bytes] = []
        receiver.on_rtp = lambda packet, _: got.append(packet)
        head = struct.pack("!HHI12s", 1, len(attribute), 0x2112A442, bytes(12))
        with pytest.raises(struct.error):
            aioice.stun.parse_message(head + attribute)
        address = receiver._nominated[1].protocol.transport.get_extra_info("sockname")
        (line,) = lines["send"]
        packet = bytes([0x80, line.payload_type, 0, 7, 0, 0, 0, 1]) + line.ssrc.to_bytes(4, "big")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(head + attribute, address)
        sender.send_rtp(packet + b"picture")
        receiver.catch_up()
        assert got == [packet + b"picture"]
        await sender.close()
        await receiver.close()

    asyncio.run(scenario())


def test_what_came_before_the_end_is_taken_at_the_end() -> None:
    async def scenario() -> None:
        sender, receiver, lines = await _pair()
        got: list[bytes] = []
        receiver.on_rtp = lambda packet, _: got.append(packet)
        (line,) = lines["send"]
        head = bytes([0x80, line.payload_type, 0, 7, 0, 0, 0, 1]) + line.ssrc.to_bytes(4, "big")
        sender.send_rtp(head + b"last")
        receiver.catch_up()  # no time passes in which the sockets could be read by the clock
        assert got == [head + b"last"]
        await sender.close()
        await receiver.close()
        receiver.catch_up()

    asyncio.run(scenario())


def test_closing_one_side_closes_the_other_once() -> None:
    async def scenario() -> None:
        sender, receiver, _ = await _pair()
        closed = []
        done = asyncio.Event()
        receiver.on_closed = lambda: (closed.append(1), done.set())
        await sender.close()
        async with asyncio.timeout(PATIENCE_S):
            await done.wait()
        await receiver.close()
        assert closed == [1]
        receiver.send_rtp(bytes(20))
        receiver.send_rtcp(bytes(8))

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "text", ["", "nonsense", "v=0\r\nm=video", "v=0\r\no=\r\nm=audio x y z\r\n"]
)
def test_garbage_is_a_bad_offer(text: str) -> None:
    async def scenario() -> None:
        peer = seam.Peer()
        with pytest.raises(BadOffer):
            if not seam.read_offer(text):
                raise BadOffer("no lines")
            await peer.answer(text)
        await peer.close()

    asyncio.run(scenario())


def test_what_is_sent_to_us_is_numbered_and_what_we_send_is_not() -> None:
    async def scenario() -> None:
        pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        for kind in ("audio", "video"):
            pc.addTransceiver(kind, direction="sendonly")
        await pc.setLocalDescription(await pc.createOffer())
        peer = seam.Peer()
        answer = await peer.answer(pc.localDescription.sdp)
        assert len(re.findall(r"a=rtcp-fb:\d+ transport-cc", answer)) == 2
        assert answer.count(TRANSPORT_CC_URI) == 2
        sender, receiver, lines = await _pair()
        assert lines["send"][0].transport_cc is None
        for one in (peer, sender, receiver, pc):
            await one.close()

    asyncio.run(scenario())


def test_certificates_with_rsa_are_taken() -> None:
    context = RTCCertificate.generateCertificate()._create_ssl_context(srtp_profiles=SRTP_PROFILES)
    ciphers = SSL.Connection(context).get_cipher_list()
    assert "ECDHE-ECDSA-AES128-GCM-SHA256" in ciphers
    assert "ECDHE-RSA-AES128-GCM-SHA256" in ciphers
