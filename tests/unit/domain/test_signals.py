"""The browser's signals as observations, and the names of virtual cameras."""

from __future__ import annotations

import pytest

from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Value
from proctorhub.domain.signals import DETECTORS, Signal, observations
from proctorhub.domain.virtual_cameras import virtual_name

D, V = Detector, Value


def test_every_signal_has_a_value_of_its_name():
    assert {Value(d.value) for d in DETECTORS} >= {V.TAB_HIDDEN, V.RECONNECTED}
    assert D.NO_FACE not in DETECTORS


def test_signals_of_one_moment_are_one_look_and_repetitions_follow():
    found = observations(
        [
            Signal(D.FOCUS_LOST, 20, on=False),
            Signal(D.TAB_HIDDEN, 10),
            Signal(D.FOCUS_LOST, 10),
            Signal(D.CLIPBOARD, 10),
            Signal(D.CLIPBOARD, 10),
        ]
    )
    assert [(look.at_ms, dict(look.values)) for look in found] == [
        (10, {V.TAB_HIDDEN: 1, V.FOCUS_LOST: 1, V.CLIPBOARD: 1}),
        (11, {V.CLIPBOARD: 1}),
        (20, {V.FOCUS_LOST: 0}),
    ]


def test_whether_a_camera_is_virtual_is_not_the_pages_word():
    (look,) = observations([Signal(D.VIRTUAL_CAMERA, 1, on=True, label="Integrated Camera")])
    assert (look.values[V.VIRTUAL_CAMERA], look.words) == (0, ())
    (look,) = observations([Signal(D.VIRTUAL_CAMERA, 1, on=False, label="OBS Virtual Camera")])
    assert (look.values[V.VIRTUAL_CAMERA], look.words) == (1, ("OBS Virtual Camera",))


@pytest.mark.parametrize(
    ("label", "virtual"),
    [
        ("OBS Virtual Camera", True),
        ("OBS-Camera (1234:abcd)", True),
        ("ManyCam Virtual Webcam", True),
        ("Snap Camera", True),
        ("Camo", True),
        ("Dummy video device (0x0000)", True),
        ("Integrated Camera (04f2:b6d9)", False),
        ("FaceTime HD Camera", False),
        ("Logitech C920", False),
        ("Camouflage Webcam", False),
        ("HD Pro Webcam", False),
        ("", False),
    ],
)
def test_names(label, virtual):
    assert (virtual_name(label) is not None) is virtual
