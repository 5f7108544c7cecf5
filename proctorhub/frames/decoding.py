"""Decoders of recorded pictures: the same for who looks live and for who looks again."""

from __future__ import annotations

from typing import Any

import av

#: The longer and the shorter side, in pixels, of the largest picture that is taken. A frame of a
#: few bytes can say to be of any size, and what decodes it has to find the memory.
LARGEST = (4096, 2304)
LOW_DELAY = av.codec.context.Flags.low_delay
#: Between keyframes VP8's loop filter (RFC 6386 section 15) is left out of what software looks at:
#: a fifth less to do, and next to the same pictures (ADR 11).
_FOR_LOOKS = {"vp8": {"skip_loop_filter": "nokey"}}
_BOUNDS = {"max_pixels": str(LARGEST[0] * LARGEST[1])}


def decoder(codec: str, private: bytes | None) -> Any:
    """Return a decoder of `vp8` or `h264` that gives each picture at once, to the bit.

    It raises av.FFmpegError for one of more pixels than the largest has. `private` is an H.264
    stream's decoder configuration.
    """
    made: Any = av.CodecContext.create(codec, "r")
    made.thread_count = 1
    made.flags |= LOW_DELAY
    made.options = _BOUNDS
    if private:
        made.extradata = private
    return made


def decoder_for_looks(codec: str, private: bytes | None) -> Any:
    """Return one whose pictures are good enough for software to look at, and cost less.

    They depend on the frames since the last keyframe alone, of layer 0 if there are layers, so that
    the same pictures come out of the recording.
    """
    made = decoder(codec, private)
    made.options = {**_BOUNDS, **_FOR_LOOKS.get(codec, {})}
    return made
