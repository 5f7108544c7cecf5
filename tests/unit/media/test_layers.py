"""What is left of a stream is judged by another implementation, and by a decoder."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import av
import pytest
from aiortc.codecs.vpx import VpxPayloadDescriptor
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.sending import make_reel
from proctorhub.media import vp8
from proctorhub.media.layers import ALL, KEYFRAMES, LayerFilter

#: Layer and whether it needs nothing but layer 0, of eight pictures as Chromium sends them.
PATTERN = ((0, 0), (2, 1), (1, 1), (2, 0), (0, 0), (2, 0), (1, 0), (2, 0))

Sent = tuple[int, int, bytes]


def stream(count: int, first: int, bits: int, packets: int = 2) -> list[Sent]:
    """(sequence number, picture, payload) of pictures from a keyframe on."""
    sent: list[Sent] = []
    for index in range(count):
        layer, sync = PATTERN[index % 8]
        for part in range(packets):
            # aiortc writes the short form of small numbers only
            number = (first + index) % (1 << bits)
            head = VpxPayloadDescriptor(
                partition_start=int(part == 0),
                partition_id=0,
                picture_id=number,
                tl0picidx=index // 4 % 256,
                tid=(layer, sync),
            )
            descriptor = bytes(head)
            if bits == 7:  # aiortc always writes the long form
                descriptor = descriptor[:2] + bytes([number]) + descriptor[4:]
            body = bytes([index > 0, index % 256, part])
            sent.append(((first + len(sent)) & 0xFFFF, index, descriptor + body))
    return sent


def received(kept: tuple[int, bytes] | None, seq: int) -> tuple[int, int, int, int]:
    """(sequence number, picture id, index of the picture, part) as a viewer reads them."""
    assert kept is not None
    head, body = VpxPayloadDescriptor.parse(kept[1])
    assert head.picture_id is not None
    return (seq - kept[0]) & 0xFFFF, head.picture_id, body[1], body[2]


def layers_of(got: list[tuple[int, int, int, int]]) -> list[int]:
    return [PATTERN[index % 8][0] for _, _, index, part in got if part == 0]


def whole(got: list[tuple[int, int, int, int]], bits: int) -> None:
    """Numbers without a hole, and pictures without one."""
    for (a, picture_a, index_a, _), (b, picture_b, index_b, _) in pairwise(got):
        assert (b - a) & 0xFFFF == 1
        assert (picture_b - picture_a) % (1 << bits) == (index_b != index_a)


@pytest.mark.parametrize("highest", [0, 1, 2, ALL])
@pytest.mark.parametrize(("first", "bits"), [(100, 7), (65_520, 15), (32_760, 15)])
def test_what_is_left_has_no_holes(highest: int, first: int, bits: int) -> None:
    thin = LayerFilter(highest)
    taken = [(seq, thin.take(seq, payload)) for seq, _, payload in stream(32, first, bits)]
    got = [received(kept, seq) for seq, kept in taken if kept is not None]
    whole(got, bits)
    assert layers_of(got) == [layer for layer, _ in PATTERN * 4 if layer <= highest]


def test_layers_come_back_where_they_need_nothing_that_was_left_out() -> None:
    thin = LayerFilter(0)
    got = []
    for seq, index, payload in stream(48, 1, 15):
        if index == 17:  # behind the picture of layer 0 with which a pattern begins
            thin.wanted = ALL
        kept = thin.take(seq, payload)
        if kept is not None:
            got.append(received(kept, seq))
    whole(got, 15)
    assert layers_of(got)[:4] == [0, 0, 0, 0]
    # layer 1 with its next picture that begins anew, layer 2 with the next one that does so
    assert layers_of(got)[4:16] == [0, 1, 0, 1, 0, 2, 1, 2, 0, 2, 1, 2]


def test_a_keyframe_brings_everything_back() -> None:
    thin = LayerFilter(0)
    for seq, _, payload in stream(16, 1, 15):
        thin.take(seq, payload)
    thin.wanted = ALL
    again = [thin.take(seq, payload) for seq, _, payload in stream(8, 33, 15)]
    assert None not in again


@pytest.mark.parametrize("wanted", [0, ALL])
def test_from_keyframes_alone_more_begins_with_a_keyframe(wanted: int) -> None:
    thin = LayerFilter(KEYFRAMES)
    first = [thin.take(seq, payload) for seq, _, payload in stream(8, 1, 15)]
    assert [kept is not None for kept in first] == [True, True] + 14 * [False]
    thin.wanted = wanted
    sent = stream(16, 17, 15)
    assert all(thin.take(seq, payload) is None for seq, _, payload in sent[2:])
    again = [(seq, thin.take(seq, payload)) for seq, _, payload in stream(8, 49, 15)]
    got = [received(kept, seq) for seq, kept in again if kept is not None]
    assert layers_of(got) == [layer for layer, _ in PATTERN if layer <= wanted]


def test_a_picture_is_left_out_whole_or_not_at_all() -> None:
    thin = LayerFilter(ALL)
    got = []
    for place, (seq, _, payload) in enumerate(stream(32, 1, 15, packets=3)):
        if place == 3 * 9 + 1:  # the first packet of a picture of layer 2 has gone
            thin.wanted = 1
        kept = thin.take(seq, payload)
        if kept is not None:
            got.append(received(kept, seq))
    whole(got, 15)
    assert [index for _, _, index, part in got if part == 2][:12] == [*range(10), 10, 12]


@given(st.data(), st.sampled_from([0, 1]), st.integers(0, 0xFFFF))
def test_late_packets_take_the_place_that_was_kept_for_them(
    data: st.DataObject, highest: int, first: int
) -> None:
    sent = stream(24, first, 15)
    wanted = [place for place, (_, index, _) in enumerate(sent) if PATTERN[index % 8][0] <= highest]
    late = data.draw(st.sets(st.sampled_from(wanted[2:-2]), max_size=4))
    order = [place for place in range(len(sent)) if place not in late] + sorted(late)
    thin = LayerFilter(highest)
    taken = [(sent[place][0], thin.take(sent[place][0], sent[place][2])) for place in order]
    got = [received(kept, seq) for seq, kept in taken if kept is not None]
    begin = got[0][0]
    got.sort(key=lambda one: (one[0] - begin) & 0xFFFF)
    whole(got, 15)
    assert len(got) == len(wanted)


@pytest.mark.parametrize("later", [40, 1_000, 16_384, 32_000, 40_000, 65_000, 70_000])
def test_what_was_left_out_long_ago_misnumbers_nothing(later: int) -> None:
    thin = LayerFilter(0)
    sent = stream(2048 + later // 2, 0, 15)
    for seq, _, payload in sent[: 2 * 2048]:
        thin.take(seq, payload)
    thin.wanted = ALL
    in_order = [thin.take(seq, payload) for seq, _, payload in sent[2 * 2048 :]]
    for place in (-2, -4, -9):
        seq, _, payload = sent[place]
        assert thin.take(seq, payload) == in_order[place]
        assert in_order[place] is not None


def test_what_was_left_out_is_not_sent_when_it_comes_again() -> None:
    thin = LayerFilter(0)
    sent = stream(8, 1, 15)
    for seq, _, payload in sent:
        thin.take(seq, payload)
    thin.wanted = ALL
    for seq, _, payload in stream(8, 17, 15):
        thin.take(seq, payload)
    assert thin.take(sent[2][0], sent[2][2]) is None


@pytest.mark.parametrize("payload", [b"\x10\x30rest", b"\x90", b"\x80\x80"])
def test_streams_without_layers_and_garbage_go_through(payload: bytes) -> None:
    assert LayerFilter(0).take(7, payload) == (0, payload)


@pytest.mark.parametrize("highest", [0, 1])
def test_a_decoder_takes_what_is_left_of_real_pictures(highest: int, tmp_path: Path) -> None:
    reel = make_reel(tmp_path / "m.webm", 4.0, bit_rate=300_000, size=(160, 120))
    thin, frames, seq = LayerFilter(highest), 0, 0
    decoder = av.CodecContext.create("vp8", "r")
    for shot in reel.shots:
        if shot.kind != "video":
            continue
        frame = b""
        for payload in shot.payloads:
            kept = thin.take(seq, payload)
            seq += 1
            if kept is not None:
                frame += kept[1][vp8.payload_offset(kept[1]) :]
        if frame:
            frames += len(decoder.decode(av.Packet(frame)))
    assert frames == 60 // (4 >> highest)
