"""The sampler's pictures are those of a full decode, though it decodes only a part."""

from __future__ import annotations

import threading
from collections.abc import Callable
from fractions import Fraction
from hashlib import sha256
from typing import Any

import av
import numpy as np
import pytest

from benchmarks.sending import LAYERS, layered
from proctorhub.frames import codec as codec_of_bus
from proctorhub.frames import decoding
from proctorhub.frames.envelope import Sample, SampledPicture, SampledSound
from proctorhub.frames.miniature import Miniatures
from proctorhub.frames.planes import planes
from proctorhub.media import h264
from proctorhub.media.frame import Frame
from proctorhub.media.picture import decoder_of, describe
from proctorhub.media.sampler import Sampler
from proctorhub.media.tap import Rate
from proctorhub.media.webm import VideoTrack
from tests.waiting import wait_for

WIDTH, HEIGHT, RATE = 320, 240, 15
FIRST_MS = 1_700_000_000_000
BIT_RATE = 250_000
# A negative speed is a fixed one: otherwise libvpx puts in keyframes as the machine's load allows.
ENCODERS = {
    "VP8": ("libvpx", {"deadline": "realtime", "cpu-used": "-12", "error-resilient": "1"}),
    "H264": ("libx264", {"preset": "ultrafast", "tune": "zerolatency", "profile": "baseline"}),
}


def _raw(index: int) -> av.VideoFrame:
    lines = np.full((HEIGHT * 3 // 2, WIDTH), 128, np.uint8)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    lines[:HEIGHT] = (x * 2 + y + index * 9) % 200
    lines[40:80, (index * 7) % 250 : (index * 7) % 250 + 40] = 235
    frame = av.VideoFrame.from_ndarray(lines, format="yuv420p")
    frame.pts, frame.time_base = index, Fraction(1, RATE)
    return frame


def _encode(codec: str, frames: int, *, layers: tuple[int, ...], key_every: int) -> list[Frame]:
    name, options = ENCODERS[codec]
    encoder: Any = av.CodecContext.create(name, "w")
    encoder.width, encoder.height, encoder.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, RATE), Fraction(RATE)
    encoder.bit_rate, encoder.gop_size = BIT_RATE, key_every
    encoder.options = {**options, **(layered(BIT_RATE) if len(layers) > 1 else {})}
    packets = [p for i in range(frames) for p in encoder.encode(_raw(i))]
    packets += encoder.encode(None)
    assert len(packets) == frames
    found = []
    for index, packet in enumerate(packets):
        data = bytes(packet)
        if codec == "H264":
            assembler = h264.H264Assembler()
            for nal in [n for n in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1") if n]:
                assembler.add(nal)
            data, _, _ = assembler.take()
        layer = layers[index % len(layers)]
        found.append(Frame("video", data, index, bool(packet.is_keyframe), layer))
    return found


class Source:
    """A recorded source: what it plays goes to whoever taps it."""

    session_id, source = "s1", "camera"

    def __init__(self, codec: str = "VP8", chain: str = "c1") -> None:
        self.codec, self.id = codec, chain
        self.video: VideoTrack | None = None
        self.taker: Callable[[Frame, int, int], None] | None = None
        self.asked = 0
        self.hurried: list[int] = []

    def tap(self, taker: Callable[[Frame, int, int], None] | None) -> None:
        self.taker = taker

    def hurry(self, ms: int) -> None:
        self.hurried.append(ms)

    def request_keyframe(self) -> None:
        self.asked += 1

    def play(self, frame: Frame) -> int:
        """Record a frame; return its time."""
        at_ms = FIRST_MS + round(frame.rtp * 1000 / RATE)
        if frame.kind == "video" and frame.key:
            self.video = describe(self.codec, frame.data, self.video)
        if self.taker is not None:
            self.taker(frame, at_ms, frame.rtp // 60)
        return at_ms


class Sink:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.items: list[Sample] = []
        self.fails = False
        self.threads: set[str] = set()

    def publish(self, item: Sample) -> None:
        self.threads.add(threading.current_thread().name)
        if self.fails:
            raise ConnectionError("the bus is away")
        self.items.append(item)

    @property
    def pictures(self) -> list[SampledPicture]:
        return [item for item in self.items if isinstance(item, SampledPicture)]


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def sampler(sink: Sink) -> Any:
    made = Sampler(sink)
    made.start()
    yield made
    if made._thread.is_alive():
        made.stop()


def _settle(sampler: Sampler, source: Source) -> None:
    """Wait until the thread has done what it was given."""
    feeds = sampler._feeds
    wait_for(
        lambda: not (any(f.tap.busy for f in feeds.values()) or sampler._jobs.qsize()),
        "the sampler",
    )


def _digest(image: bytes | None) -> str:
    assert image is not None
    return sha256(image).hexdigest()


@pytest.mark.parametrize(
    ("codec", "layers", "key_every"),
    [("VP8", LAYERS, 1000), ("VP8", (0,), 15), ("H264", (0,), 15)],
)
def test_pictures_are_those_of_a_full_decode_at_their_times(
    sampler: Sampler, sink: Sink, codec: str, layers: tuple[int, ...], key_every: int
) -> None:
    frames = _encode(codec, 90, layers=layers, key_every=key_every)
    source = Source(codec)
    sampler.want("s1", {"camera": Rate(1000)})
    sampler.opened(source)
    expected: dict[int, tuple[int, str]] = {}
    small: dict[int, bytes] = {}
    full: Any = None
    for frame in frames:
        at_ms = source.play(frame)
        track = source.video
        assert track is not None
        full = full or decoding.decoder_for_looks(codec.lower(), track.private)
        (picture,) = full.decode(av.Packet(frame.data))
        expected[at_ms] = frame.rtp // 60, _digest(planes(picture))
        small[at_ms] = Miniatures().of(picture)
        if frame.key:
            (exact,) = decoder_of(track).decode(av.Packet(frame.data))
            assert _digest(planes(exact)) == _digest(planes(picture))
        _settle(sampler, source)
    sampler.stop()
    assert len(sink.pictures) == 6 and not source.asked
    compared = [time for item in sink.pictures for time, _ in item.miniatures]
    assert compared == sorted(set(compared)) and not set(compared) & {
        p.at_ms for p in sink.pictures
    }
    for item in sink.pictures:
        assert (item.seq, _digest(item.image)) == expected[item.at_ms]
        assert dict(item.miniatures) == {time: small[time] for time, _ in item.miniatures}
        assert (item.session_id, item.source, item.chain) == ("s1", "camera", "c1")
        assert (item.width, item.height, item.burst) == (WIDTH, HEIGHT, False)
        assert codec_of_bus.decode(codec_of_bus.encode(item)) == item
    assert sink.threads == {"sampler"}


def test_frames_of_higher_layers_are_never_decoded(sampler: Sampler, sink: Sink) -> None:
    source = Source()
    sampler.want("s1", {"camera": Rate(1000)})
    sampler.opened(source)
    for frame in _encode("VP8", 60, layers=LAYERS, key_every=1000):
        if frame.layer:
            frame.data = b"\xff" * 40
        source.play(frame)
        _settle(sampler, source)
    sampler.stop()
    assert len(sink.pictures) == 4 and sampler.undecodable == 0
    layer_0 = [FIRST_MS + round(index * 1000 / RATE) for index in range(0, 60, len(LAYERS))]
    last = sink.pictures[-1].at_ms
    compared = [time for item in sink.pictures for time, _ in (*item.miniatures, (item.at_ms, b""))]
    assert compared == [time for time in layer_0 if time <= last]


def test_what_cannot_be_decoded_is_counted_and_a_keyframe_asked_for(
    sampler: Sampler, sink: Sink
) -> None:
    source = Source()
    sampler.want("s1", {"camera": Rate(1000)})
    sampler.opened(source)
    frames = _encode("VP8", 60, layers=LAYERS, key_every=1000)
    frames[12].data = b"\x00" * 40
    for frame in frames:
        source.play(frame)
        _settle(sampler, source)
    sampler.stop()
    assert sampler.undecodable == 1 and source.asked >= 1
    assert len(sink.pictures) < 4


def test_sound_comes_by_the_second_as_it_is(sampler: Sampler, sink: Sink) -> None:
    source = Source()
    sampler.want("s1", {"camera": Rate(1000)})
    sampler.opened(source)
    sent = []
    for index in range(160):
        data = bytes([index])
        sent.append((FIRST_MS + index * 20, data))
        assert source.taker is not None
        source.taker(Frame("audio", data, index, True), FIRST_MS + index * 20, index // 100)
    sampler.stop()
    sounds = [item for item in sink.items if isinstance(item, SampledSound)]
    assert [(s.at_ms - FIRST_MS, s.seq) for s in sounds] == [(0, 0), (1000, 0), (2000, 1)]
    assert [p for s in sounds for p in s.packets] == sent[:150]


def test_only_what_is_wanted_is_tapped(sampler: Sampler, sink: Sink) -> None:
    source, other = Source(), Source(chain="c2")
    sampler.opened(source)
    assert source.taker is None
    sampler.want("s1", {"screen": Rate(1000)})
    assert source.taker is None and not sampler.burst("s1", "camera", 3, 250)
    sampler.want("s1", {"camera": Rate(1000)})
    assert source.taker is not None and sampler.burst("s1", "camera", 3, 250)
    sampler.opened(other)  # the sender came back by another chain
    sampler.closed(source)
    assert source.taker is None and other.taker is not None
    assert sampler.burst("s1", "camera", 3, 250)
    assert (source.hurried, other.hurried) == ([1000], [1000])
    sampler.want("s1", {})
    assert other.taker is None and not sampler._feeds


def test_a_bus_that_is_away_loses_samples_and_nothing_else(sampler: Sampler, sink: Sink) -> None:
    source = Source()
    sampler.want("s1", {"camera": Rate(1000)})
    sampler.opened(source)
    frames = _encode("VP8", 60, layers=LAYERS, key_every=1000)
    sink.fails = True
    for frame in frames[:30]:
        source.play(frame)
        _settle(sampler, source)
    sampler._jobs.put(SampledSound("s1", "camera", "c1", 0, 0, ()))
    _settle(sampler, source)
    sink.fails = False
    for frame in frames[30:]:
        source.play(frame)
        _settle(sampler, source)
    sampler.stop()
    assert sampler.unpublished == 3 and len(sink.pictures) == 2
