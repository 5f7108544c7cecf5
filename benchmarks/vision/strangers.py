"""How often a backend takes two different people for one, on the faces there are.

Every pair of people is an impostor trial at the backend's own thresholds. Pairs share people, so
pairs are not independent: beside Clopper–Pearson's interval over pairs stands one over faces, which
are drawn again and again (bootstrap).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from proctorhub.domain.intervals import clopper_pearson
from proctorhub.plugins import VisionBackend
from tests import vision_faces

if TYPE_CHECKING:
    from proctorhub.plugins import Embedding

DRAWS = 2000


def measure(backend: VisionBackend) -> dict[str, Any]:
    """Return false matches among the webcam-like frames, and among small portraits of strangers.

    The portraits are of unnamed people, some of whom are there more than once: all that match are
    counted as false, so that the share is too high rather than too low.
    """
    return {
        "webcam": among(backend, [someone.picture for someone in vision_faces.people()]),
        "portraits_25_px": among(backend, vision_faces.strangers()),
    }


def among(backend: VisionBackend, pictures: Sequence[vision_faces.Picture]) -> dict[str, Any]:
    """Return how many pairs of these pictures' people match at each threshold."""
    limits = backend.match_thresholds
    assert limits is not None
    faces = [face for picture in pictures if (face := embedded(backend, picture)) is not None]
    apart = np.zeros((len(faces), len(faces)))
    for one, other in combinations(range(len(faces)), 2):
        apart[one, other] = apart[other, one] = backend.distance(faces[one], faces[other])
    pairs = apart[np.triu_indices(len(faces), 1)]
    return {
        "pictures": len(pictures),
        "faces": len(faces),
        "pairs": len(pairs),
        "nearest": round(float(pairs.min()), 3),
        "accept": share(apart, limits.accept),
        "reject": share(apart, limits.reject),
    }


def share(apart: np.ndarray[Any, Any], limit: float) -> dict[str, Any]:
    """Return the share of pairs within a threshold, with both intervals."""
    pairs = apart[np.triu_indices(len(apart), 1)]
    count = int((pairs <= limit).sum())
    return {
        "within": limit,
        "matches": count,
        "share": round(count / len(pairs), 5),
        "interval_95": [round(x, 5) for x in clopper_pearson(count, len(pairs))],
        # without a match there is nothing to draw from
        "interval_95_over_faces": over_faces(apart, limit) if count else None,
    }


def over_faces(apart: np.ndarray[Any, Any], limit: float) -> list[float]:
    """Return the percentile interval of that share over faces that are drawn again and again."""
    random, shares = np.random.default_rng(1), []
    for _ in range(DRAWS):
        drawn = random.integers(0, len(apart), len(apart))
        # a face drawn twice is no stranger to itself
        different = drawn[:, None] != drawn[None, :]
        shares.append((apart[np.ix_(drawn, drawn)] <= limit)[different].mean())
    return [round(float(x), 5) for x in np.percentile(shares, [2.5, 97.5])]


def embedded(backend: VisionBackend, picture: vision_faces.Picture) -> Embedding | None:
    """Return the embedding of the surest face in a picture."""
    faces = backend.detect([picture])[0]
    return backend.embed(picture, faces[0]) if faces else None
