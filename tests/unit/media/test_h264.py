from __future__ import annotations

import struct
from pathlib import Path

import av
import pytest
from aiortc.codecs.h264 import H264Encoder
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.media import h264
from proctorhub.media.material import make_media, read_media


def _payloads(annexb: bytes) -> list[bytes]:
    return H264Encoder._packetize(H264Encoder._split_bitstream(annexb))


@pytest.mark.parametrize("size", [(320, 240), (642, 482), (1280, 720)])
def test_real_frames_survive_packing_and_assembly(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "m.mp4"
    make_media(path, 1.2, with_audio=False, codec="h264", size=size, bit_rate=2_000_000)
    material = read_media(path)
    assembler = h264.H264Assembler()
    for packet in material.video:
        assembler.begin()
        payloads = _payloads(packet.data)
        assert all(assembler.add(payload) for payload in payloads)
        data, key, layer = assembler.take()
        assert layer == 0
        assert key == packet.key
        assert h264.begins_keyframe(payloads[0]) == packet.key
        nals = list(H264Encoder._split_bitstream(packet.data))
        assert data == b"".join(struct.pack("!I", len(nal)) + nal for nal in nals)
        if key:
            sets = h264.parameter_sets(data)
            assert sets is not None
            assert h264.size(sets[0]) == size


def test_decoder_configuration_lets_ffmpeg_decode(tmp_path: Path) -> None:
    path = tmp_path / "m.mp4"
    make_media(path, 0.5, with_audio=False, codec="h264", size=(320, 240))
    assembler = h264.H264Assembler()
    for payload in _payloads(read_media(path).video[0].data):
        assembler.add(payload)
    data, _, _ = assembler.take()
    sets = h264.parameter_sets(data)
    assert sets is not None
    decoder = av.CodecContext.create("h264", "r")
    decoder.extradata = h264.decoder_configuration(*sets)
    frames = [*decoder.decode(av.Packet(data)), *decoder.decode(None)]
    assert [(f.width, f.height) for f in frames] == [(320, 240)]


@given(st.sampled_from(["sps", "pps"]), st.integers(4, 0xFFFF) | st.integers(0xFFF0, 0x11170))
def test_a_parameter_set_that_no_file_can_hold_is_malformed(which: str, size: int) -> None:
    sets = {"sps": b"\x67\x42\xc0\x1f", "pps": b"\x68\xce"}
    sets[which] = sets[which].ljust(size, b"\xce")
    if size > 0xFFFF:
        with pytest.raises(h264.MalformedParameterSet):
            h264.decoder_configuration(**sets)
        return
    made = h264.decoder_configuration(**sets)
    (length,) = struct.unpack_from("!H", made, 6)
    assert made[8 : 8 + length] == sets["sps"]
    (count, length) = struct.unpack_from("!BH", made, 8 + length)
    assert count == 1 and made.endswith(sets["pps"]) and length == len(sets["pps"])


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_garbage_never_hurts(payloads: list[bytes]) -> None:
    assembler = h264.H264Assembler()
    for payload in payloads:
        h264.begins_keyframe(payload)
        try:
            assembler.add(payload)
        except IndexError:
            assembler.begin()
    data, _, _ = assembler.take()
    h264.parameter_sets(data)


@given(st.binary(max_size=60))
def test_a_wrong_parameter_set_has_one_error(data: bytes) -> None:
    try:
        width, height = h264.size(b"\x67" + data)
    except h264.MalformedParameterSet:
        return
    assert 0 < width <= 16384 and 0 < height <= 16384


def test_fragments_without_their_beginning_are_refused() -> None:
    assert not h264.H264Assembler().add(bytes([h264.FU_A, 0x05]) + b"rest")


def test_a_unit_within_an_open_fragment_is_refused() -> None:
    assembler = h264.H264Assembler()
    assert assembler.add(bytes([h264.FU_A, 0x85]) + b"begin")
    assert not assembler.add(b"\x41slice")


@pytest.mark.parametrize(
    ("nals", "layer"),
    [
        ([b"\x65idr"], 0),
        ([b"\x41slice"], 0),
        ([b"\x01slice"], 1),
        ([b"\x06sei", b"\x01slice"], 1),
        ([b"\x67sps", b"\x01slice"], 1),
        ([b"\x01slice", b"\x41slice"], 0),
    ],
)
def test_a_picture_nobody_refers_to_is_of_a_higher_layer(nals: list[bytes], layer: int) -> None:
    assembler = h264.H264Assembler()
    for nal in nals:
        assembler.add(nal)
    assert assembler.take()[2] == layer
