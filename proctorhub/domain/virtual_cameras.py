"""Cameras that exist only in software, by the names that their drivers give them."""

from __future__ import annotations

import re

#: Families of virtual cameras; a name counts when one of these words stands in it.
NAMES = (
    "obs virtual camera",
    "obs-camera",
    "obs camera",
    "manycam",
    "splitcam",
    "xsplit vcam",
    "snap camera",
    "droidcam",
    "iriun",
    "epoccam",
    "ivcam",
    "camo",
    "ndi webcam",
    "ndi video",
    "mmhmm",
    "youcam",
    "chromacam",
    "vtube studio",
    "virtualcam",
    "virtual camera",
    "virtual webcam",
    "v4l2loopback",
    "dummy video device",
    "fake_device",
    "unity video capture",
    "webcamoid",
    "akvcam",
    "altercam",
    "sparkocam",
    "fakewebcam",
    "e2esoft vcam",
)
_WORDS = re.compile("|".join(rf"(?<![a-z0-9]){re.escape(name)}(?![a-z])" for name in NAMES))


def virtual_name(label: str) -> str | None:
    """Return the known name that a camera's label contains, or None."""
    found = _WORDS.search(label.casefold())
    return found.group(0) if found else None
