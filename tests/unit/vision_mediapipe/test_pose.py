"""Head pose of meshes that were turned by a known angle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from proctorhub_plugins.vision_mediapipe.pose import FRONTAL, head_pose, mesh_pose

ANGLES = st.floats(-60, 60)


def mesh(yaw: float = 0, pitch: float = 0, roll: float = 0, size: float = 80) -> np.ndarray:
    """Return a straight mesh (x right, y down, z to the back), nodded, turned, tilted, placed.

    Yaw moves the nose to the picture's right, pitch moves it down, roll the forehead to the right.
    """
    y, p, r = np.deg2rad([yaw, pitch, roll])
    nod = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    turn = np.array([[np.cos(y), 0, -np.sin(y)], [0, 1, 0], [np.sin(y), 0, np.cos(y)]])
    tilt = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = np.zeros((478, 3))
    points[list(FRONTAL)] = np.array(list(FRONTAL.values()))
    return size * points @ (tilt @ turn @ nod).T + (320, 200, 0)


@given(ANGLES, ANGLES, ANGLES, st.floats(10, 400))
def test_the_angles_of_a_turned_mesh(yaw, pitch, roll, size) -> None:
    measured = mesh_pose(mesh(yaw, pitch, roll, size))
    assert measured == pytest.approx((yaw, pitch, roll), abs=0.01)


def test_a_head_is_turned_further_than_its_mesh_shows() -> None:
    yaw, pitch, roll = head_pose(mesh(yaw=23.4, pitch=7.8))
    assert (yaw, pitch, roll) == pytest.approx((30, 10, 0), abs=0.01)


def test_signs() -> None:
    nose, forehead = 1, 10
    straight = mesh()
    left, down, tilted = mesh(yaw=20), mesh(pitch=20), mesh(roll=20)
    assert left[nose, 0] > straight[nose, 0]
    assert head_pose(left)[0] > 0
    assert down[nose, 1] > straight[nose, 1]
    assert head_pose(down)[1] > 0
    assert tilted[forehead, 0] > straight[forehead, 0]
    assert head_pose(tilted)[2] > 0
