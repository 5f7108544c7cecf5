"""What one look at one source measured: plain values, without judgement.

A value that was not measured is absent; absent means "not checked", never "clean".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Box = tuple[float, float, float, float]


class Source(StrEnum):
    """Where a look was taken."""

    CAMERA = "camera"
    MICROPHONE = "microphone"
    SCREEN = "screen"
    PAGE = "page"


class Value(StrEnum):
    """The names of measured values; the unit is part of the meaning.

    Camera: `faces` counts faces of score ≥ 0.5; `face` and `second_face` are the two highest scores
    (0 when there is none). Angles are degrees from the camera's axis (the rules subtract the
    candidate's own rest): `yaw` positive to the candidate's left, `down` positive downwards. `iris`
    is the place of the irises between the eyes' corners (mean of both eyes, 0 to 1; 0 is the
    picture's left corner). `eyes` is the mean eye aspect ratio. `brightness` is the mean of luma
    (0–255), `detail` how much of it differs from its surroundings (standard deviation; next to
    nothing when the lens is covered, however dark the room), `change` the mean absolute difference
    of luma from the look before, `still_s` for how many seconds nothing has moved
    (vision/stillness.py), `replayed` how much of what moves has moved like this before, a fixed
    while earlier (0 to 1, vision/repeats.py). `repeated` was measured until rules 2026-11.3.
    `distance` is the embedding distance to the reference face in the reference's space, measured
    now and then; `compared` is 1 while the last time is not long ago, 0 while somebody is there
    whose face cannot be compared.
    Microphone: `speech_s` seconds of speech in the second that was heard.
    Screen: `forbidden` counts forbidden applications read, `exam_shown` is 1 or 0.
    Page: the browser's signals are 1 while they hold and 0 when they end; counters count.
    """

    FACES = "faces"
    FACE = "face"
    SECOND_FACE = "second_face"
    YAW = "yaw"
    DOWN = "down"
    IRIS = "iris"
    EYES = "eyes"
    BRIGHTNESS = "brightness"
    DETAIL = "detail"
    CHANGE = "change"
    STILL_S = "still_s"
    REPLAYED = "replayed"
    REPEATED = "repeated"
    DISTANCE = "distance"
    COMPARED = "compared"
    SPEECH_S = "speech_s"
    FORBIDDEN = "forbidden"
    EXAM_SHOWN = "exam_shown"
    TAB_HIDDEN = "tab_hidden"
    FOCUS_LOST = "focus_lost"
    FULLSCREEN_LEFT = "fullscreen_left"
    CLIPBOARD = "clipboard"
    SECOND_DISPLAY = "second_display"
    SHARE_STOPPED = "share_stopped"
    SHARE_NOT_MONITOR = "share_not_monitor"
    DEVTOOLS = "devtools"
    VIRTUAL_CAMERA = "virtual_camera"
    RECONNECTED = "reconnected"


@dataclass(frozen=True)
class Observation:
    """One look. `at_ms` is UTC milliseconds of the media timeline.

    `segment_id` names the segment that holds the frame (`{chain}-{seq:06d}`), `frame_sha256` is the
    hash of the image that was looked at (planes or JPEG, as the frame bus brought it), `models`
    maps a capability to the SHA-256 of the model that measured it. `boxes` are the faces found,
    highest score first, in pixels (x1, y1, x2, y2) of a picture of `size` (width, height). `words`
    are texts read from the screen that matched a forbidden application, or a device's name.
    `since_ms` is the time of the look that `change` was measured from, `between_ms` are those of
    the pictures between the two that were decoded and compared, too.
    """

    source: Source
    at_ms: int
    values: Mapping[Value, float]
    segment_id: str | None = None
    frame_sha256: str | None = None
    size: tuple[int, int] | None = None
    boxes: tuple[Box, ...] = ()
    words: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    burst: bool = False
    since_ms: int | None = None
    between_ms: tuple[int, ...] = ()
