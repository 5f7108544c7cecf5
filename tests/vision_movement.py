"""A still photograph moves: head turned, eyes closed, gaze averted, through its own face mesh.

The mesh's points are turned in three dimensions and the picture follows, triangle by triangle, the
far ones first. Good to about 40 degrees; what it shows beyond the ears it has to invent.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from proctorhub_plugins.vision_mediapipe.detector import Detector
from proctorhub_plugins.vision_mediapipe.mesh import Mesh
from scipy.spatial import Delaunay

from tests.vision_faces import HEIGHT, WIDTH, Picture, person

Points = NDArray[np.float64]

FACE = 468  # points without the irises
RING = 24
#: How far around the face the picture gives way, in half sizes of the face.
REACH = 1.9
UPPER = ((246, 161, 160, 159, 158, 157, 173), (466, 388, 387, 386, 385, 384, 398))
LOWER = ((7, 163, 144, 145, 153, 154, 155), (249, 390, 373, 374, 380, 381, 382))
EYES = ((468, 33, 133), (473, 362, 263))  # iris, corners
#: Poses are drawn once for each step of so many degrees.
STEP = 3


@lru_cache(maxsize=1)
def _measures() -> tuple[Detector, Mesh]:
    return Detector(), Mesh()


@lru_cache(maxsize=32)
def mesh(name: str) -> Points:
    """Return the face mesh (478, 3) of a person's picture."""
    detector, points = _measures()
    picture = person(name).picture
    found = points.points(picture, detector.faces(picture)[0])
    assert found is not None, name
    return found


@lru_cache(maxsize=512)
def posed(name: str, yaw: int, pitch: int, closed: bool, gaze: float) -> Picture:
    """Return a person with the head turned (degrees, to the picture's left and down)."""
    picture, points = person(name).picture, mesh(name)
    if gaze:
        picture = _averted(picture, points, gaze)
    moved = points.copy()
    if closed:
        for upper, lower in zip(UPPER, LOWER, strict=True):
            moved[list(upper), :2] += 0.95 * (points[list(lower), :2] - points[list(upper), :2])
    if yaw or pitch:
        centre = points[:FACE].mean(0)
        centre[2] += np.ptp(points[:FACE, 0]) / 2  # about a point inside the head
        moved = (moved - centre) @ _turn(pitch, yaw).T + centre
    return picture if not (closed or yaw or pitch) else _warped(picture, points, moved)


@lru_cache(maxsize=32)
def shut(name: str) -> Picture:
    """Return a person with both eyes shut, for the face mesh, too: skin and a line of lashes.

    Lids that are only pulled down (`posed`) are still measured as half open.
    """
    picture, points = posed(name, 0, 0, True, 0.0).copy(), mesh(name)
    eyes, lashes = np.zeros(picture.shape[:2], np.uint8), []
    for (_, *corners), upper, lower in zip(EYES, UPPER, LOWER, strict=True):
        left, right = points[corners[0], :2], points[corners[1], :2]
        above, below = points[list(upper), :2], points[list(lower), :2]
        if corners[0] == 362:
            above, below = above[::-1], below[::-1]
        outline = np.vstack([left, above, right, below[::-1]])
        middle = outline.mean(0)
        outline = middle + (outline - middle) * (1.15, 1.6)
        cv2.fillPoly(eyes, [np.round(outline).astype(np.int32)], 255)
        lashes.append(np.round(np.vstack([left, below, right])).astype(np.int32))
    picture = cv2.inpaint(picture, eyes, 5, cv2.INPAINT_TELEA)
    return cv2.polylines(picture, lashes, False, (40, 45, 60), 2, cv2.LINE_AA)


def rounded(degrees: float) -> int:
    """Return the step that stands for an angle."""
    return round(degrees / STEP) * STEP


def _turn(pitch: float, yaw: float) -> NDArray[np.float64]:
    p, y = np.deg2rad([pitch, yaw])
    down = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    side = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    return np.asarray(side @ down)


def _warped(picture: Picture, points: Points, moved: Points) -> Picture:
    centre = points[:FACE, :2].mean(0)
    reach = np.abs(points[:FACE, :2] - centre).max(0) * REACH
    angles = np.linspace(0, 2 * np.pi, RING, endpoint=False)
    ring = centre + reach * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ring = np.clip(ring, [1, 1], [WIDTH - 2, HEIGHT - 2])
    source = np.vstack([points[:FACE, :2], ring]).astype(np.float32)
    target = np.vstack([moved[:FACE, :2], ring]).astype(np.float32)
    depth = np.concatenate([moved[:FACE, 2], np.full(RING, 1e3)])
    triangles = Delaunay(source).simplices
    out = picture.copy()
    for triangle in triangles[np.argsort(-depth[triangles].mean(1))]:
        _paint(out, picture, source[triangle], target[triangle])
    return out


def _paint(out: Picture, picture: Picture, source: Points, target: Points) -> None:
    low = np.maximum(np.floor(target.min(0)).astype(int), 0)
    high = np.minimum(np.ceil(target.max(0)).astype(int) + 1, [WIDTH, HEIGHT])
    (x0, y0), (x1, y1) = low, high
    there = (target - low).astype(np.float32)
    (ax, ay), (bx, by) = there[1] - there[0], there[2] - there[0]
    if x1 <= x0 or y1 <= y0 or abs(ax * by - ay * bx) < 0.5:
        return
    affine = cv2.getAffineTransform(source.astype(np.float32), there)
    size = (int(x1 - x0), int(y1 - y0))
    patch = cv2.warpAffine(picture, affine, size, borderMode=cv2.BORDER_REFLECT_101)
    mask = np.zeros(size[::-1], np.uint8)
    corners = np.round(there).astype(np.int32)
    cv2.fillConvexPoly(mask, corners, 1)
    cv2.polylines(mask, [corners], True, 1, 1)
    out[y0:y1, x0:x1][mask > 0] = patch[mask > 0]


def _averted(picture: Picture, points: Points, share: float) -> Picture:
    """Move each iris by a share of its eye's width."""
    out = picture.copy()
    for (iris, *corners), upper, lower in zip(EYES, UPPER, LOWER, strict=True):
        left, right = points[corners[0], :2], points[corners[1], :2]
        radius = 1.15 * max(
            np.linalg.norm(points[iris + n, :2] - points[iris, :2]) for n in range(1, 5)
        )
        lids = np.vstack([left, points[list(upper), :2], right, points[list(lower), :2][::-1]])
        if corners[0] == 362:
            lids = np.vstack([left, points[list(upper), :2][::-1], right, points[list(lower), :2]])
        eye, disc = (np.zeros(picture.shape[:2], np.uint8) for _ in range(2))
        cv2.fillPoly(eye, [np.round(lids).astype(np.int32)], 1)
        x, y = np.round(points[iris, :2]).astype(int)
        cv2.circle(disc, (int(x), int(y)), round(radius), 1, -1)
        white = cv2.inpaint(picture, (disc & eye) * 255, 3, cv2.INPAINT_TELEA)
        shift = np.array([[1, 0, share * np.linalg.norm(right - left)], [0, 1, 0]], np.float32)
        there = cv2.warpAffine(disc, shift, (WIDTH, HEIGHT))
        moved = cv2.warpAffine(picture, shift, (WIDTH, HEIGHT))
        out[eye > 0] = white[eye > 0]
        seen = (there > 0) & (eye > 0)
        out[seen] = moved[seen]
    return out
