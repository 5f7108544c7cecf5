"""Tables of what pages send."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain.media_settings import (
    BOUNDS,
    LOW_TOTAL_KBIT,
    Codec,
    Decider,
    LowBandwidth,
    MediaSettings,
    Video,
    changed,
    low_bandwidth,
    may_switch,
    problem,
    to_send,
)
from proctorhub.domain.session import Side

DEFAULT = MediaSettings()


def test_the_camera_is_720p_at_fifteen_unless_the_exam_says_otherwise() -> None:
    camera = DEFAULT.camera
    assert (camera.width, camera.height, camera.frame_rate) == (1280, 720, 15)
    assert camera.codec == "vp8"
    assert not DEFAULT.low_bandwidth
    assert problem(DEFAULT) is None


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"camera": {"width": 158}}, "camera.width"),
        ({"camera": {"width": 1922}}, "camera.width"),
        ({"camera": {"width": 641}}, "camera.width"),
        ({"screen": {"height": 1082}}, "screen.height"),
        ({"screen": {"frame_rate": 0}}, "screen.frame_rate"),
        ({"camera": {"frame_rate": 31}}, "camera.frame_rate"),
        ({"camera": {"kbit": 49}}, "camera.kbit"),
        ({"camera": {"codec": "av1"}}, "camera.codec"),
        ({"microphone_kbit": 8}, "microphone_kbit"),
        ({"camera": {"width": 640, "height": 480}, "microphone_kbit": 128}, None),
        ({"screen": {"codec": "h264", "kbit": 6000}}, None),
    ],
)
def test_values_that_cannot_be_used_are_named(changes: dict, field: str | None) -> None:
    found = problem(changed(DEFAULT, changes))
    assert (found[0] if found else None) == field


@pytest.mark.parametrize("changes", [{"colour": 1}, {"camera": {"depth": 1}}])
def test_there_are_no_other_fields(changes: dict) -> None:
    with pytest.raises(ValueError, match=r"^(colour|camera\.depth)$"):
        changed(DEFAULT, changes)


def test_a_change_leaves_the_rest_as_it_was() -> None:
    after = changed(DEFAULT, {"screen": {"kbit": 500}, "low_bandwidth": True})
    assert after == replace(DEFAULT, screen=replace(DEFAULT.screen, kbit=500), low_bandwidth=True)


videos = st.builds(
    Video,
    width=st.integers(*BOUNDS["width"]),
    height=st.integers(*BOUNDS["height"]),
    frame_rate=st.integers(*BOUNDS["frame_rate"]),
    kbit=st.integers(*BOUNDS["kbit"]),
    codec=st.sampled_from([codec.value for codec in Codec]),
)
settings = st.builds(
    MediaSettings,
    camera=videos,
    screen=videos,
    microphone_kbit=st.integers(*BOUNDS["microphone_kbit"]),
    low_bandwidth=st.booleans(),
)
#: IP, UDP, SRTP and header extensions of fifty sound packets a second, in kbit/s.
SOUND_HEADERS_KBIT = 50 * 65 * 8 / 1000


@given(settings)
def test_low_bandwidth_is_little_of_everything(wanted: MediaSettings) -> None:
    sent = to_send(wanted, low=True)
    total = sent.camera.kbit + sent.screen.kbit + sent.microphone_kbit + SOUND_HEADERS_KBIT
    assert total <= 0.9 * LOW_TOTAL_KBIT
    for source in ("camera", "screen"):
        before, after = getattr(wanted, source), getattr(sent, source)
        assert after.frame_rate <= min(before.frame_rate, 3)
        assert after.width <= before.width
        assert after.width % 2 == after.height % 2 == 0
        assert after.codec == before.codec
        # the shape stays, to the pixel that even numbers cost
        assert after.width / before.width == pytest.approx(
            after.height / before.height, abs=2 / min(before.width, before.height) + 0.005
        )


@given(settings)
def test_otherwise_the_exam_decides(wanted: MediaSettings) -> None:
    assert to_send(wanted, low=False) == replace(wanted, low_bandwidth=False)


@pytest.mark.parametrize(
    ("exam", "switched", "expected"),
    [
        (False, None, (False, "exam")),
        (True, None, (True, "exam")),
        (True, LowBandwidth(False, Decider.PROCTOR), (False, "proctor")),
        (False, LowBandwidth(True, Decider.CANDIDATE), (True, "candidate")),
    ],
)
def test_what_was_switched_outranks_the_exam(
    exam: bool, switched: LowBandwidth | None, expected: tuple[bool, str]
) -> None:
    found = low_bandwidth(replace(DEFAULT, low_bandwidth=exam), switched)
    assert (found.on, found.by) == expected


@pytest.mark.parametrize(
    ("by", "side", "on", "allowed"),
    [
        ("exam", Side.PROCTOR, True, True),
        ("exam", Side.PROCTOR, False, True),
        ("candidate", Side.PROCTOR, False, True),
        ("exam", Side.CANDIDATE, True, True),
        ("proctor", Side.CANDIDATE, True, True),
        ("candidate", Side.CANDIDATE, False, True),
        ("exam", Side.CANDIDATE, False, False),
        ("proctor", Side.CANDIDATE, False, False),
    ],
)
def test_who_may_switch(by: str, side: Side, on: bool, allowed: bool) -> None:
    assert may_switch(LowBandwidth(not on, Decider(by)), side, on=on) is allowed
