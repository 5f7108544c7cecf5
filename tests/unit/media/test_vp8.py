from __future__ import annotations

from pathlib import Path

import pytest
from aiortc.codecs.vpx import Vp8Encoder, VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.media import vp8
from proctorhub.media.material import make_media, read_media


@given(
    st.booleans(),
    st.none() | st.integers(0, 0x7FFF),
    st.none() | st.integers(0, 255),
    st.none() | st.tuples(st.integers(0, 3), st.integers(0, 1)),
    st.none() | st.integers(0, 31),
)
def test_offset_agrees_with_another_implementation(start, picture, tl0, tid, keyidx) -> None:  # type: ignore[no-untyped-def]
    descriptor = VpxPayloadDescriptor(
        partition_start=int(start),
        partition_id=0,
        picture_id=picture,
        tl0picidx=tl0,
        tid=tid,
        keyidx=keyidx,
    )
    head = bytes(descriptor)
    assert vp8.payload_offset(head + b"data") == len(head)
    assert vp8.begins_frame(head + b"data") == start


@given(st.binary(max_size=40))
def test_garbage_never_hurts(payload: bytes) -> None:
    vp8.begins_keyframe(payload)
    vp8.is_keyframe(payload)
    assembler = vp8.Vp8Assembler()
    try:
        assembler.add(payload)
    except IndexError:
        return
    assembler.take()


def test_real_frames_survive_packing_and_assembly(tmp_path: Path) -> None:
    path = tmp_path / "m.webm"
    make_media(path, 1.2, with_audio=False, size=(320, 240), bit_rate=1_000_000)
    material = read_media(path)
    assembler = vp8.Vp8Assembler()
    for packet in material.video:
        payloads = Vp8Encoder._packetize(packet.data, 77)
        assembler.begin()
        assert all(assembler.add(payload) for payload in payloads)
        assert vp8.begins_keyframe(payloads[0]) == packet.key
        assert not any(vp8.begins_keyframe(p) for p in payloads[1:])
        assert assembler.take() == (packet.data, packet.key, 0)
    assert vp8.size(material.video[0].data) == (320, 240)


def test_a_frame_without_its_beginning_is_refused() -> None:
    assert not vp8.Vp8Assembler().add(b"\x00data")


@pytest.mark.parametrize("payload", [b"\x80", b"\x80\x80", b"\x80\xf0\x81"])
def test_a_cut_descriptor_is_an_index_error(payload: bytes) -> None:
    with pytest.raises(IndexError):
        vp8.payload_offset(payload)
        payload[vp8.payload_offset(payload)]


@given(
    st.none() | st.integers(0, 0x7FFF),
    st.none() | st.integers(0, 255),
    st.none() | st.tuples(st.integers(0, 3), st.integers(0, 1)),
    st.none() | st.integers(0, 31),
)
def test_layer_agrees_with_another_implementation(picture, tl0, tid, keyidx) -> None:  # type: ignore[no-untyped-def]
    descriptor = VpxPayloadDescriptor(
        partition_start=1, partition_id=0, picture_id=picture, tl0picidx=tl0, tid=tid, keyidx=keyidx
    )
    layer = tid[0] if tid is not None else 0
    assert vp8.place(bytes(descriptor) + b"data").layer == layer
    assembler = vp8.Vp8Assembler()
    assembler.add(bytes(descriptor) + b"data")
    assembler.add(b"\x00rest")
    assert assembler.take() == (b"datarest", False, layer)
