"""Is anybody looking? A table."""

from __future__ import annotations

import pytest

from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Source
from proctorhub.domain.watching import Facts, Looking, looking

NOW = 1_000_000
D, L = Detector, Looking


def facts(ago: int | None, *, able: int | None = 0, opened: int | None = 60_000, serves=None):
    """Facts about the camera: looked at `ago` ms ago, a worker's sign `able` ms ago."""
    served = frozenset(Detector) if serves is None else frozenset(serves)
    return Facts(
        now=NOW,
        able={} if able is None else dict.fromkeys(Detector, NOW - able),
        open_since={} if opened is None else {Source.CAMERA: NOW - opened},
        looked={} if ago is None else {Source.CAMERA: NOW - ago},
        served={Source.CAMERA: served},
    )


@pytest.mark.parametrize(
    ("known", "state", "silent_for"),
    [
        (facts(500), L.LIVE, None),
        (facts(3_500), L.LIVE, None),
        (facts(3_600), L.SILENT, 3_600),
        (facts(None), L.SILENT, 60_000),
        (facts(None, opened=2_000), L.LIVE, None),
        (facts(90_000, opened=2_000), L.LIVE, None),
        (facts(90_000, opened=5_000), L.SILENT, 5_000),
        (facts(500, opened=None), L.NO_SOURCE, None),
        (facts(500, able=None), L.NOT_CHECKED, None),
        (facts(500, serves=[]), L.NOT_CHECKED, None),
        (facts(500, able=80_000), L.LIVE, None),
    ],
)
def test_the_camera(known, state, silent_for):
    since = None if silent_for is None else NOW - silent_for
    assert looking(D.NO_FACE, known) == (state, since)


@pytest.mark.parametrize(
    ("looked", "worker", "state"),
    [(10_000, 0, L.LIVE), (15_000, 0, L.SILENT), (5_000, 4_000, L.SILENT), (5_000, 3_000, L.LIVE)],
)
def test_the_screen_is_looked_at_seldom_but_a_dead_worker_shows_at_once(looked, worker, state):
    known = Facts(
        now=NOW,
        able={D.FORBIDDEN_APPLICATION: NOW - worker},
        open_since={Source.SCREEN: 0},
        looked={Source.SCREEN: NOW - looked},
        served={Source.SCREEN: frozenset({D.FORBIDDEN_APPLICATION})},
    )
    assert looking(D.FORBIDDEN_APPLICATION, known)[0] is state


def test_the_page_needs_no_worker():
    known = Facts(
        now=NOW,
        open_since={Source.PAGE: 0},
        looked={Source.PAGE: NOW - 1000},
        served={Source.PAGE: frozenset({D.TAB_HIDDEN})},
    )
    assert looking(D.TAB_HIDDEN, known) == (L.LIVE, None)
    assert looking(D.FOCUS_LOST, known) == (L.NOT_CHECKED, None)
    gone = Facts(now=NOW, open_since={Source.PAGE: 0}, looked={Source.PAGE: NOW - 9000})
    assert looking(D.TAB_HIDDEN, gone) == (L.SILENT, NOW - 9000)
