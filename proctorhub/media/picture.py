"""What a keyframe says about the pictures that follow it, and what decodes them."""

from __future__ import annotations

from typing import Any

from proctorhub.frames import decoding
from proctorhub.media import h264, vp8
from proctorhub.media.webm import VideoTrack


class UnusableKeyframe(Exception):
    """A keyframe whose pictures are not taken."""


def describe(codec: str | None, keyframe: bytes, former: VideoTrack | None) -> VideoTrack | None:
    """Return the track description of a keyframe; None if it cannot be known.

    An H.264 keyframe without parameter sets goes by those that came before. Raises UnusableKeyframe
    for malformed parameter sets and for pictures that are too large.
    """
    if codec == "VP8":
        return _bounded(VideoTrack("VP8", *vp8.size(keyframe)))
    sets = h264.parameter_sets(keyframe)
    if sets is None:
        return former
    try:
        private = h264.decoder_configuration(*sets)
        return _bounded(VideoTrack("H264", *h264.size(sets[0]), private))
    except h264.MalformedParameterSet as error:
        raise UnusableKeyframe(str(error)) from error


def _bounded(track: VideoTrack) -> VideoTrack:
    sides = max(track.width, track.height), min(track.width, track.height)
    if sides[0] > decoding.LARGEST[0] or sides[1] > decoding.LARGEST[1]:
        raise UnusableKeyframe(f"a size of {track.width}x{track.height}")
    return track


def decoder_of(track: VideoTrack) -> Any:
    """Return a decoder of the track's pictures."""
    return decoding.decoder(track.codec.lower(), track.private)
