"""Head pose: the rotation that lays an upright frontal face over the measured mesh.

Orthogonal Procrustes (Schönemann 1966; without reflections: Kabsch 1976) over points that speech
and blinking hardly move. Fitting the mesh itself varies by 1 to 2.4 degrees between pictures of a
still head; solving for a camera from six points is off by 5 to 17 degrees, differently for each
person. The mesh follows a head by only about 0.78 of its turn, which is made good here; the rest
position differs between people: who uses angles measures each candidate's own rest first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from proctorhub_plugins.vision_mediapipe.mesh import Points

# Mean of the meshes of five people, turned straight, made symmetric, scaled to unit size:
# x to the picture's right, y down, z to the back.
FRONTAL = {
    33: (-0.760, -0.328, 0.046),
    133: (-0.296, -0.302, -0.046),
    362: (0.296, -0.302, -0.046),
    263: (0.760, -0.328, 0.046),
    1: (0.000, 0.373, -0.635),
    168: (0.000, -0.390, -0.341),
    6: (0.000, -0.255, -0.404),
    197: (0.000, -0.129, -0.479),
    195: (0.000, -0.012, -0.558),
    5: (0.000, 0.112, -0.643),
    4: (0.000, 0.263, -0.676),
    61: (-0.506, 0.729, 0.117),
    291: (0.506, 0.729, 0.117),
    152: (0.000, 1.599, 0.157),
    10: (0.000, -1.199, -0.342),
    234: (-1.160, -0.021, 0.974),
    454: (1.160, -0.021, 0.974),
    127: (-1.170, -0.258, 0.869),
    356: (1.170, -0.258, 0.869),
}
#: Degrees of the mesh for each degree of the head, to the side and down: measured on ten people.
FOLLOWS = 0.78
_INDICES = list(FRONTAL)
_REFERENCE = np.array(list(FRONTAL.values()))


def head_pose(points: Points) -> tuple[float, float, float]:
    """Return yaw, pitch and roll of the head in degrees, signed as in `FaceGeometry`."""
    yaw, pitch, roll = mesh_pose(points)
    return yaw / FOLLOWS, pitch / FOLLOWS, roll


def mesh_pose(points: Points) -> tuple[float, float, float]:
    """Return yaw, pitch and roll of the mesh in degrees."""
    measured = points[_INDICES]
    spread = (_REFERENCE - _REFERENCE.mean(0)).T @ (measured - measured.mean(0))
    left, _, right = np.linalg.svd(spread)
    handed = np.sign(np.linalg.det(right.T @ left.T))
    turn = right.T @ np.diag([1.0, 1.0, handed]) @ left.T
    yaw = np.arcsin(np.clip(turn[2, 0], -1.0, 1.0))
    pitch = np.arctan2(turn[2, 1], turn[2, 2])
    roll = np.arctan2(turn[1, 0], turn[0, 0])
    return float(np.degrees(yaw)), float(np.degrees(pitch)), float(np.degrees(roll))
