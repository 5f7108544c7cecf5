"""A chain with everything around it but the network: what one sender can break, and for whom."""

from __future__ import annotations

import asyncio
import struct
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from proctorhub.domain.alarms import Part, Reason
from proctorhub.domain.media import CloseReason
from proctorhub.media import chain as chain_module
from proctorhub.media.chain import Chain, Keeping
from proctorhub.media.coverage import Coverage
from proctorhub.media.lines import MediaLine
from proctorhub.media.publisher import Publisher
from proctorhub.media.recorder import Recorder
from proctorhub.media.registry import Registry
from proctorhub.media.spool import Spool
from proctorhub.media.watch import TrackWatch

ORIGIN_MS = 1_800_000_000_000
KEY = b"\x10" + b"\x30\x01\x00\x9d\x01\x2a\x80\x02\xe0\x01" + bytes(9)


def video(codec: str = "VP8", wide: int | None = None) -> MediaLine:
    return MediaLine("video", "0", codec, 96, 90_000, None, 7, None, 8, "", "", wide)


class Uploads:
    """Stands in for the uploader."""

    def __init__(self) -> None:
        self.notes: list[tuple[str, dict[str, Any]]] = []
        self.segments: list[Any] = []

    def add_note(self, kind: str, **values: Any) -> None:
        self.notes.append((kind, values))

    def add_segment(self, segment: Any, path: Path) -> None:
        self.segments.append(segment)


class House:
    """A registry with chains that record under `root`; file work is done at once."""

    def __init__(self, root: Path) -> None:
        self.uploads = Uploads()
        self.registry = Registry()
        disk: Any = SimpleNamespace(submit=lambda job: job())
        uploader: Any = self.uploads
        self.spool = Spool(root / "spool", 1 << 30)
        self._keeping = Keeping(self.spool, uploader, disk, (4.0, 10.0))

    def connect(
        self, source: str = "camera", session: str = "s", line: MediaLine | None = None
    ) -> Chain:
        chain = Chain(
            session,
            source,
            "ticket",
            keeping=self._keeping,
            origin_ms=ORIGIN_MS,
            on_live=self.registry.live,
            on_closed=self.registry.closed,
        )
        self.registry.add(chain)
        chain.peer.connected = True
        chain.peer.on_connected([line or video()], [])
        return chain

    def send(self, chain: Chain, payload: bytes, seq: int) -> None:
        """Let a packet come that is a frame of its own, of the session's `seq`th tenth second."""
        assert chain.publisher is not None
        head = struct.pack("!BBHII", 0x80, 0x80 | 96, seq, seq * 9000, 7)
        now = ORIGIN_MS / 1000 + seq / 10
        chain.publisher.on_rtp(head + payload, now)
        chain.tick(now)

    def told(self, kind: str) -> list[dict[str, Any]]:
        """What the ledger heard of one kind."""
        return [values for what, values in self.uploads.notes if what == kind]


def broken(*_: object) -> None:
    """Something that nobody thought of."""
    raise RuntimeError("broken")


def in_house(tmp_path: Path, scenario: Callable[[House], None]) -> None:
    async def run() -> None:
        house = House(tmp_path)
        scenario(house)
        await house.registry.close_all()

    asyncio.run(run())


@pytest.mark.parametrize("part", [(Recorder, "close"), (Coverage, "end"), (Publisher, "flush")])
def test_a_chain_that_cannot_be_closed_well_keeps_nobody_from_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: tuple[type, str]
) -> None:
    def scenario(house: House) -> None:
        first, screen, other = house.connect(), house.connect("screen"), house.connect(session="t")
        monkeypatch.setattr(*part, broken)
        second = house.connect()
        assert second.recorded and first.id not in house.registry.chains
        house.registry.end_session("s")
        assert list(house.registry.chains) == [other.id]
        closed = {told["chain"] for told in house.told("source_closed")}
        assert closed == {first.id, second.id, screen.id}

    in_house(tmp_path, scenario)


def test_the_node_can_stop_whatever_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        house = House(tmp_path)
        chains = [house.connect(), house.connect("screen")]
        monkeypatch.setattr(Recorder, "close", broken)
        await house.registry.close_all()
        assert not house.registry.chains
        assert all(chain.peer.closed for chain in chains)
        reasons = [told["reason"] for told in house.told("source_closed")]
        assert reasons == [CloseReason.NODE_STOPPED.value] * 2

    asyncio.run(scenario())


def test_padding_alone_is_silence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at = 1000.0
    monkeypatch.setattr(chain_module.time, "monotonic", lambda: at)

    def scenario(house: House) -> None:
        nonlocal at
        chain = house.connect()
        for seq in range(40):
            at += 0.25
            house.send(chain, KEY if seq < 4 else b"", seq)
        assert chain.silent == ("video",)
        assert [(told["state"], told["tracks"]) for told in house.told("track_state")] == [
            ("silent", ["video"])
        ]
        house.send(chain, KEY, 40)
        assert house.told("track_state")[-1]["state"] == "live"

    in_house(tmp_path, scenario)


@pytest.mark.parametrize(
    "part", [(Publisher, "tick"), (Publisher, "report"), (TrackWatch, "look"), (Recorder, "flush")]
)
def test_one_part_that_fails_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: tuple[type, str]
) -> None:
    ran: list[str] = []
    for kind, name in [
        (Publisher, "tick"),
        (TrackWatch, "look"),
        (Recorder, "tick"),
        (Publisher, "report"),
        (Recorder, "flush"),
    ]:
        monkeypatch.setattr(kind, name, lambda *_, name=name: ran.append(name))
    monkeypatch.setattr(*part, broken)

    def scenario(house: House) -> None:
        chain = house.connect()
        chain.tick(time.time())
        chain.second(time.time())

    in_house(tmp_path, scenario)
    expected = ["tick", "look", "tick", "report", "flush"]
    expected.remove(part[1])
    assert ran == expected


def test_a_disk_that_refuses_the_folder_is_told_and_tried_again(tmp_path: Path) -> None:
    def scenario(house: House) -> None:
        in_the_way = house.spool.root / "s"
        in_the_way.touch()
        chain = house.connect()
        assert chain.recorded
        for seq in range(60):
            house.send(chain, KEY, seq)
        (alarm,) = chain.alarms()
        assert (alarm.part, alarm.reason, alarm.track) == (Part.RECORDER, Reason.DISK, "all")
        in_the_way.unlink()
        for seq in range(60, 140):
            house.send(chain, KEY, seq)
        chain.second(time.time())
        assert not chain.alarms()
        folder = in_the_way / "camera" / chain.id
        assert [found[1] for found in house.spool.abandoned_chains()] == [folder]
        chain.close(CloseReason.DELETED)
        first, *_ = house.uploads.segments
        gaps = house.told("note_gap")
        assert {gap["cause"] for gap in gaps} == {"storage"}
        assert gaps[0]["started_at_ms"] == ORIGIN_MS
        assert gaps[-1]["ended_at_ms"] == first.started_at_ms
        # tried every two seconds, and what waited for the next try is recorded as well
        assert 4_000 <= first.started_at_ms - ORIGIN_MS <= 6_000
        assert sum(s.video_frames for s in house.uploads.segments) >= 80

    in_house(tmp_path, scenario)


def test_a_sender_of_ever_new_streams_is_closed(tmp_path: Path) -> None:
    def scenario(house: House) -> None:
        chain = house.connect()
        assert chain.publisher is not None
        for seq in range(4):
            house.send(chain, KEY, seq)
        for ssrc in range(100, 200):
            chain.publisher.on_rtp(struct.pack("!BBHII", 0x80, 96, 1, 0, ssrc) + b"?", time.time())
        assert chain.recorded  # not while packets are being read
        chain.tick(time.time())
        assert not house.registry.chains
        (told,) = house.told("source_closed")
        assert (told["chain"], told["reason"]) == (chain.id, "connection_lost")
        assert sum(segment.video_frames for segment in house.uploads.segments) == 4

    in_house(tmp_path, scenario)
