"""What a keyframe says about the pictures that follow it, and what decodes them."""

from __future__ import annotations

from typing import Any

import structlog

from proctorhub.frames import decoding
from proctorhub.media import h264, vp8
from proctorhub.media.webm import VideoTrack

log = structlog.get_logger(__name__)


def describe(codec: str | None, keyframe: bytes, former: VideoTrack | None) -> VideoTrack | None:
    """Return the track description of a keyframe; None if it cannot be known.

    An H.264 keyframe without parameter sets goes by those that came before.
    """
    if codec == "VP8":
        return VideoTrack("VP8", *vp8.size(keyframe))
    sets = h264.parameter_sets(keyframe)
    if sets is None:
        return former
    try:
        private = h264.decoder_configuration(*sets)
        return VideoTrack("H264", *h264.size(sets[0]), private)
    except h264.MalformedParameterSet as error:
        log.warning("bad_keyframe", error=str(error))
        return None


def decoder_of(track: VideoTrack) -> Any:
    """Return a decoder of the track's pictures."""
    return decoding.decoder(track.codec.lower(), track.private)
