"""Is a living person before the camera, now? A nonce of the server chooses what they do, and when.

The candidate's page sends a burst of 10 to 15 pictures a second; `judge` takes what was measured
on them. Facts behind the numbers: open eyes have an aspect ratio of 0.20 to 0.34 and closed ones at
most 0.12; glasses defeat it at times, so an eye that cannot be told leaves the answer to a person.
A head that turns by 30° is measured as about 23°.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from statistics import median


class Move(StrEnum):
    """What a person is asked to do; left and right are their own."""

    BLINK = "blink"
    TURN_LEFT = "turn_left"
    TURN_RIGHT = "turn_right"
    LOOK_UP = "look_up"


class Outcome(StrEnum):
    """What the burst says."""

    PASSED = "passed"
    UNCLEAR = "unclear"
    FAILED = "failed"


@dataclass(frozen=True)
class Step:
    """One move and its window, milliseconds from the start of the burst."""

    move: Move
    from_ms: int
    to_ms: int


@dataclass(frozen=True)
class Frame:
    """One picture of the burst: when it was taken (ms from the start), its hash, what it measures.

    `yaw` is positive to the person's left, `pitch` positive downwards, `eyes` the mean aspect ratio
    of both eyes. What was not measured is None; without a face all of it is.
    """

    at_ms: int
    sha256: str
    yaw: float | None = None
    pitch: float | None = None
    eyes: float | None = None


@dataclass(frozen=True)
class Verdict:
    """The outcome, why it is no better, and when each asked-for move was seen (ms)."""

    outcome: Outcome
    reasons: tuple[str, ...]
    seen_ms: tuple[int | None, ...]


#: How long the face rests before the first move, and a move may take.
REST_MS, WINDOW_MS = 1_500, 3_000
#: Between two moves the page is quiet for this long, chosen by the nonce.
PAUSE_MS = (300, 700, 1_100, 1_500)
#: A head may need this long to come back from the move before.
COMING_BACK_MS = 1_200
#: A move counts from this many degrees from rest on.
TURN_DEG, UP_DEG = 18.0, 11.5
CLOSED, OPEN = 0.12, 0.20
LEAST_FPS = 7.0
LONGEST_HOLE_MS = 700
#: The share of pictures that must show a face.
LEAST_FACES = 0.7
#: A burst that moves less than this altogether, degrees, shows something still.
STILL_DEG = 3.8
#: Pictures of a real camera never come again, byte for byte, once another came between them.
MOST_REPEATS = 2
#: A page waits a random time between pictures; a script that feeds a film does not.
REGULAR_SHARE, REGULAR_MS = 0.95, 2
LEAST_FRAMES = 20
#: How far the page's clock may be ahead of the server's over one burst.
CLOCK_SLACK_MS = 1_000


def challenge(nonce: str) -> tuple[Step, ...]:
    """Return the moves a nonce asks for: two turns of the head and at most one blink, in any order.

    A blink alone proves little, since everybody blinks every few seconds.
    """
    digits = int.from_bytes(hashlib.sha256(b"liveness:" + nonce.encode()).digest(), "big")

    def pick(count: int) -> int:
        nonlocal digits
        digits, chosen = divmod(digits, count)
        return chosen

    heads = [Move.TURN_LEFT, Move.TURN_RIGHT, Move.LOOK_UP]
    heads.pop(pick(3))
    if pick(2):
        heads.reverse()
    heads.insert(pick(3), Move.BLINK)
    steps, at = [], REST_MS
    for move in heads:
        steps.append(Step(move, at, at + WINDOW_MS))
        at += WINDOW_MS + PAUSE_MS[pick(len(PAUSE_MS))]
    return tuple(steps)


def length_ms(steps: Sequence[Step]) -> int:
    """Return how long the burst lasts."""
    return steps[-1].to_ms + 300


def judge(steps: Sequence[Step], frames: Sequence[Frame], *, elapsed_ms: int) -> Verdict:
    """Judge a burst; `elapsed_ms` went by at the server between challenge and burst.

    FAILED is for what a living person who follows the prompts cannot send: a still picture, a film,
    pictures by the clock of a script, and other moves than those asked for. What could not be
    measured is UNCLEAR.
    """
    nothing: tuple[int | None, ...] = (None,) * len(steps)
    forged = _forged(frames, elapsed_ms)
    if forged:
        return Verdict(Outcome.FAILED, forged, nothing)
    if _thin(steps, frames):
        return Verdict(Outcome.UNCLEAR, ("burst_too_thin",), nothing)
    seen = [f for f in frames if f.yaw is not None and f.pitch is not None]
    rest = _rest([f for f in seen if f.at_ms < steps[0].from_ms])
    if rest is None or len(seen) < LEAST_FACES * len(frames):
        return Verdict(Outcome.UNCLEAR, ("face_lost",), nothing)
    if _still(seen):
        return Verdict(Outcome.FAILED, ("still_face",), nothing)
    failed: list[str] = []
    unclear: list[str] = []
    found: list[int | None] = []
    for step in steps:
        inside = [f for f in seen if step.from_ms <= f.at_ms <= step.to_ms]
        problem, at_ms = _follows(step.move, inside, rest)
        found.append(at_ms)
        if problem:
            (unclear if problem in _OPEN_QUESTIONS else failed).append(problem)
    outcome = Outcome.FAILED if failed else Outcome.UNCLEAR if unclear else Outcome.PASSED
    return Verdict(outcome, tuple(dict.fromkeys([*failed, *unclear])), tuple(found))


_OPEN_QUESTIONS = frozenset({"eyes_unclear", "face_lost"})


@dataclass(frozen=True)
class _Rest:
    yaw: float
    pitch: float
    eyes: float | None


def _forged(frames: Sequence[Frame], elapsed_ms: int) -> tuple[str, ...]:
    times = [frame.at_ms for frame in frames]
    if any(later <= earlier for earlier, later in pairwise(times)) or (
        times and times[-1] - times[0] > elapsed_ms + CLOCK_SLACK_MS
    ):
        return ("impossible_times",)
    runs = [f.sha256 for before, f in pairwise([None, *frames]) if f and _new(before, f)]
    if len(runs) - len(set(runs)) > MOST_REPEATS:
        return ("replayed",)
    if len(frames) >= LEAST_FRAMES and len(runs) == 1:
        return ("still_face",)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    if len(frames) >= LEAST_FRAMES:
        usual = median(gaps)
        if sum(abs(gap - usual) <= REGULAR_MS for gap in gaps) >= REGULAR_SHARE * len(gaps):
            return ("too_regular",)
    return ()


def _new(before: Frame | None, frame: Frame) -> bool:
    return before is None or before.sha256 != frame.sha256


def _thin(steps: Sequence[Step], frames: Sequence[Frame]) -> bool:
    length = steps[-1].to_ms
    times = [0, *(f.at_ms for f in frames if f.at_ms <= length), length]
    return (
        len(times) - 2 < length / 1000 * LEAST_FPS
        or max(later - earlier for earlier, later in pairwise(times)) > LONGEST_HOLE_MS
    )


def _rest(frames: Sequence[Frame]) -> _Rest | None:
    if len(frames) < 3:
        return None
    eyes = [f.eyes for f in frames if f.eyes is not None]
    return _Rest(
        median(f.yaw or 0.0 for f in frames),
        median(f.pitch or 0.0 for f in frames),
        median(eyes) if eyes else None,
    )


def _still(frames: Sequence[Frame]) -> bool:
    def spread(of: Callable[[Frame], float | None]) -> float:
        values = [value for f in frames if (value := of(f)) is not None]
        return max(values) - min(values) if values else 0.0

    moved = max(spread(lambda f: f.yaw), spread(lambda f: f.pitch))
    return moved < STILL_DEG and spread(lambda f: f.eyes) < OPEN - CLOSED


def _follows(move: Move, frames: Sequence[Frame], rest: _Rest) -> tuple[str | None, int | None]:
    """Return (problem, None) or (None, when the move was seen) for the frames of one window."""
    if len(frames) < 3:
        return "face_lost", None
    frames = _settled(move, frames, rest)
    seen = {other: at for other in Move if (at := _first(other, frames, rest)) is not None}
    # Another turn than the one asked for is no answer; a blink is nobody's choice.
    if seen.keys() - {move, Move.BLINK} and move is not Move.BLINK:
        return "other_move", None
    if move in seen:
        return None, seen[move]
    if move is not Move.BLINK:
        return "move_missing", None
    least = min((f.eyes for f in frames if f.eyes is not None), default=None)
    if rest.eyes is None or rest.eyes < OPEN or least is None or least < OPEN:
        return "eyes_unclear", None
    return "move_missing", None


def _settled(move: Move, frames: Sequence[Frame], rest: _Rest) -> Sequence[Frame]:
    """Leave out the beginning in which the head still comes back from the move before."""
    others = [other for other in _HEAD if other is not move]
    for number, frame in enumerate(frames):
        late = frame.at_ms - frames[0].at_ms > COMING_BACK_MS
        if late or not any(_first(other, [frame], rest) is not None for other in others):
            return frames[number:]
    return frames


_HEAD = (Move.TURN_LEFT, Move.TURN_RIGHT, Move.LOOK_UP)


def _first(move: Move, frames: Sequence[Frame], rest: _Rest) -> int | None:
    made: dict[Move, Callable[[Frame], bool]] = {
        Move.TURN_LEFT: lambda f: (f.yaw or 0.0) - rest.yaw >= TURN_DEG,
        Move.TURN_RIGHT: lambda f: rest.yaw - (f.yaw or 0.0) >= TURN_DEG,
        Move.LOOK_UP: lambda f: rest.pitch - (f.pitch or 0.0) >= UP_DEG,
        Move.BLINK: lambda f: f.eyes is not None and f.eyes <= CLOSED and _had_open(rest),
    }
    return next((f.at_ms for f in frames if made[move](f)), None)


def _had_open(rest: _Rest) -> bool:
    return rest.eyes is not None and rest.eyes >= OPEN
