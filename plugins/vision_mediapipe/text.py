"""Text in a picture: RapidOCR (PP-OCR models on onnxruntime) with the models of its own wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
from rapidocr import RapidOCR

from proctorhub.plugins import TextLine

if TYPE_CHECKING:
    from proctorhub.plugins import Image

THREADS = 1
#: Text is looked for in pictures of at most this length and, unless they are strips, at least this
#: height: a strip that is made higher costs three times as much and reads worse.
LONGEST_PX, SHORTEST_PX = 1280, 736
STRIP = 2.5
#: Fillers of a machine-readable zone that was read the wrong way round.
TURNED = ">>"


class TextReader:
    """Reads printed lines, upright or turned by 180 degrees."""

    def __init__(self) -> None:
        self._engine = RapidOCR(
            params={
                "Global.log_level": "critical",
                "Det.limit_type": "max",
                "Det.limit_side_len": LONGEST_PX,
                "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
                "EngineConfig.onnxruntime.inter_op_num_threads": THREADS,
            }
        )

    def lines(self, image: Image) -> list[TextLine]:
        """Return the lines of a BGR picture, from top to bottom."""
        height, width = image.shape[:2]
        scale = max(1.0, SHORTEST_PX / min(height, width))
        if max(height, width) > STRIP * min(height, width):
            scale = 1.0
        if scale > 1:
            image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        read = self._engine(image)
        if any(TURNED in text for text in read.txts or ()):
            # Lines of figures and fillers are at times taken for standing on their head.
            read = self._engine(image, use_cls=False)
        if read.boxes is None:
            return []
        lines = [
            TextLine(text, float(score), _upright((corners / scale).tolist()))
            for text, score, corners in zip(read.txts, read.scores, read.boxes, strict=True)
        ]
        return sorted(lines, key=lambda line: (line.box[1] + line.box[3], line.box[0]))


def _upright(corners: list[list[float]]) -> tuple[float, float, float, float]:
    across, down = zip(*corners, strict=True)
    return min(across), min(down), max(across), max(down)
