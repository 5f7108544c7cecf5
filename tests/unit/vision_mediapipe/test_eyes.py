"""Eye aspect ratio and iris place on meshes with eyes of known shape."""

from __future__ import annotations

import numpy as np
import pytest
from proctorhub_plugins.vision_mediapipe.eyes import iris_places, openness

RIGHT = {33: (100, 100), 133: (140, 100)}
RIGHT_LIDS = {160: (110, 0), 158: (130, 0), 144: (110, 0), 153: (130, 0)}
LEFT = {362: (200, 100), 263: (240, 100)}
LEFT_LIDS = {385: (210, 0), 387: (230, 0), 380: (210, 0), 373: (230, 0)}
UPPER = {160, 158, 385, 387}


def mesh(left_open: float, right_open: float, left_iris: float, right_iris: float) -> np.ndarray:
    """Return a mesh with eyes 40 wide, so high, and irises at shares of the width."""
    points = np.zeros((478, 3))
    for corners, lids, height in ((RIGHT, RIGHT_LIDS, right_open), (LEFT, LEFT_LIDS, left_open)):
        for index, place in corners.items():
            points[index, :2] = place
        for index, (x, _) in lids.items():
            points[index, :2] = (x, 100 + (-height / 2 if index in UPPER else height / 2))
    points[473, :2] = (200 + 40 * left_iris, 100)
    points[468, :2] = (100 + 40 * right_iris, 100)
    return points


def test_openness_is_height_over_width() -> None:
    assert openness(mesh(12, 4, 0.5, 0.5)) == pytest.approx((0.3, 0.1))


def test_a_closed_eye_is_zero() -> None:
    assert openness(mesh(0, 10, 0.5, 0.5)) == pytest.approx((0, 0.25))


def test_irises_between_the_corners() -> None:
    assert iris_places(mesh(10, 10, 0.3, 0.6)) == pytest.approx((0.3, 0.6))


def test_a_tilted_head_does_not_move_the_irises() -> None:
    points = mesh(12, 4, 0.3, 0.6)
    angle = np.deg2rad(25)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    points[:, :2] = points[:, :2] @ turn.T
    assert iris_places(points) == pytest.approx((0.3, 0.6))
    assert openness(points) == pytest.approx((0.3, 0.1))
