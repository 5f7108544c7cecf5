"""Miniatures: pictures so small that all that were decoded can be kept and compared for a while."""

from __future__ import annotations

import av
from av.video.reformatter import Interpolation, VideoReformatter

WIDTH, HEIGHT = 64, 48
OCTETS = WIDTH * HEIGHT


class Miniatures:
    """Makes them; one for each thread, since it keeps what scaling from one size needs."""

    def __init__(self) -> None:
        self._scaler = VideoReformatter()

    def of(self, picture: av.VideoFrame) -> bytes:
        """Return the luma of a picture at full range, OCTETS bytes, row by row.

        Each is the mean of the pixels that it stands for.
        """
        grey = self._scaler.reformat(
            picture, WIDTH, HEIGHT, format="gray", interpolation=Interpolation.AREA
        )
        return bytes(grey.planes[0])
