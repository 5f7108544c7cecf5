"""People who follow the prompts pass; pictures, films and scripts fail; glasses go to a person."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proctorhub.domain import liveness
from proctorhub.domain.liveness import Frame, Move, Outcome, Step

STEPS = liveness.challenge("a nonce of the server")
ELAPSED = 60_000
CLOSED = 0.08
AMPLITUDE = {
    Move.TURN_LEFT: ("yaw", 23.0),
    Move.TURN_RIGHT: ("yaw", -23.0),
    Move.LOOK_UP: ("pitch", -16.0),
    Move.BLINK: ("eyes", -0.20),
}


def burst(
    steps: tuple[Step, ...],
    *,
    seed: int = 1,
    fps: float = 12,
    delay_ms: int = 700,
    moves: dict[int, Move] | None = None,
    eyes: float = 0.28,
    rest_yaw: float = 4.0,
) -> list[Frame]:
    """A person who makes each move `delay_ms` after its prompt, with a measuring error of 1.5°."""
    noise = random.Random(seed)
    frames, at = [], 0.0
    while at < liveness.length_ms(steps):
        values = {"yaw": rest_yaw, "pitch": 6.0, "eyes": eyes}
        for number, step in enumerate(steps):
            move = (moves or {}).get(number, step.move)
            name, size = AMPLITUDE[move]
            since = at - step.from_ms - delay_ms
            length = 400 if move is Move.BLINK else 1000
            if 0 <= since < length:
                if move is Move.BLINK:
                    size = CLOSED - eyes
                values[name] += size * min(1.0, since / 150, (length - since) / 150)
        values["yaw"] += noise.gauss(0, 1.5)
        values["pitch"] += noise.gauss(0, 1.5)
        values["eyes"] += noise.gauss(0, 0.01)
        frames.append(Frame(round(at), f"{seed}:{len(frames)}", **values))
        at += noise.uniform(0.8, 1.2) * 1000 / fps
    return frames


def outcome(
    frames: list[Frame], steps: tuple[Step, ...] = STEPS
) -> tuple[Outcome, tuple[str, ...]]:
    verdict = liveness.judge(steps, frames, elapsed_ms=ELAPSED)
    return verdict.outcome, verdict.reasons


@given(st.text(min_size=1, max_size=40), st.integers(0, 1000), st.sampled_from([300, 700, 1400]))
def test_whoever_follows_the_prompts_passes(nonce: str, seed: int, delay_ms: int) -> None:
    steps = liveness.challenge(nonce)
    verdict = liveness.judge(steps, burst(steps, seed=seed, delay_ms=delay_ms), elapsed_ms=ELAPSED)
    assert verdict.outcome is Outcome.PASSED, verdict
    for step, seen in zip(steps, verdict.seen_ms, strict=True):
        assert seen is not None
        assert step.from_ms <= seen <= step.to_ms


@given(st.text(min_size=1, max_size=40))
def test_a_challenge_has_two_turns_and_one_blink_in_windows_that_do_not_touch(nonce: str) -> None:
    steps = liveness.challenge(nonce)
    assert steps == liveness.challenge(nonce)
    assert Counter(step.move is Move.BLINK for step in steps) == {True: 1, False: 2}
    assert len({step.move for step in steps}) == 3
    ends = [0, *(step.to_ms for step in steps)]
    assert all(step.from_ms > end for step, end in zip(steps, ends, strict=False))


def test_nonces_choose_among_all_challenges() -> None:
    found = {tuple(s.move for s in liveness.challenge(f"nonce {n}")) for n in range(400)}
    assert len(found) == 3 * 2 * 3


@pytest.mark.parametrize(
    ("eyes", "rest_yaw", "fps"), [(0.22, 0, 12), (0.34, 12, 12), (0.28, -12, 10), (0.28, 0, 15)]
)
def test_faces_and_cameras_differ(eyes: float, rest_yaw: float, fps: float) -> None:
    frames = burst(STEPS, eyes=eyes, rest_yaw=rest_yaw, fps=fps)
    assert outcome(frames)[0] is Outcome.PASSED


def test_a_recorded_answer_to_another_challenge_fails() -> None:
    """Of all other orders and pairs of moves none passes for the one that was asked for."""
    passed, tried = 0, 0
    for number in range(300):
        other = liveness.challenge(f"recorded {number}")
        if [s.move for s in other] == [s.move for s in STEPS]:
            continue
        tried += 1
        moves = {n: step.move for n, step in enumerate(other)}
        passed += outcome(burst(STEPS, moves=moves, seed=number))[0] is Outcome.PASSED
    assert tried > 200
    assert passed == 0


def test_somebody_who_shakes_the_head_all_the_time_fails() -> None:
    frames = [
        replace(f, yaw=25.0 * (-1) ** (f.at_ms // 500), eyes=0.05 if f.at_ms % 1500 < 150 else 0.3)
        for f in burst(STEPS)
    ]
    assert outcome(frames)[0] is Outcome.FAILED
    assert "other_move" in outcome(frames)[1]


def held_photograph() -> list[Frame]:
    return [replace(f, yaw=1.0, pitch=2.0, eyes=0.28) for f in burst(STEPS)]


def frozen() -> list[Frame]:
    return [replace(f, sha256="one") for f in held_photograph()]


def looped() -> list[Frame]:
    return [replace(f, sha256=str(n % 30)) for n, f in enumerate(burst(STEPS))]


def by_the_clock() -> list[Frame]:
    return [replace(f, at_ms=n * 83) for n, f in enumerate(burst(STEPS))]


def backwards() -> list[Frame]:
    frames = burst(STEPS)
    return [*frames[:20], frames[18], *frames[21:]]


@pytest.mark.parametrize(
    ("frames", "reason"),
    [
        (held_photograph(), "still_face"),
        (frozen(), "still_face"),
        (looped(), "replayed"),
        (by_the_clock(), "too_regular"),
        (backwards(), "impossible_times"),
    ],
)
def test_what_no_living_person_sends(frames: list[Frame], reason: str) -> None:
    assert outcome(frames) == (Outcome.FAILED, (reason,))


def test_a_burst_longer_than_the_time_that_went_by_is_refused() -> None:
    verdict = liveness.judge(STEPS, burst(STEPS), elapsed_ms=2_000)
    assert verdict.reasons == ("impossible_times",)


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_move_that_is_not_made_fails(missing: int) -> None:
    step = STEPS[missing]
    frames = [
        replace(f, yaw=4.0 + f.at_ms % 3, pitch=6.0, eyes=0.28)
        if step.from_ms <= f.at_ms <= step.to_ms
        else f
        for f in burst(STEPS)
    ]
    assert outcome(frames) == (Outcome.FAILED, ("move_missing",))


def test_eyes_behind_glasses_are_for_a_person() -> None:
    dim = [replace(f, eyes=max(f.eyes or 0, 0.15)) for f in burst(STEPS)]
    unmeasured = [replace(f, eyes=None) for f in burst(STEPS)]
    narrow = [replace(f, eyes=0.17) for f in burst(STEPS)]
    for frames in (dim, unmeasured, narrow):
        assert outcome(frames) == (Outcome.UNCLEAR, ("eyes_unclear",))


def test_too_few_pictures_and_lost_faces_are_for_a_person() -> None:
    frames = burst(STEPS)
    assert outcome(frames[::3]) == (Outcome.UNCLEAR, ("burst_too_thin",))
    assert outcome([]) == (Outcome.UNCLEAR, ("burst_too_thin",))
    hidden = [
        replace(f, yaw=None, pitch=None, eyes=None) if n % 2 else f for n, f in enumerate(frames)
    ]
    assert outcome(hidden) == (Outcome.UNCLEAR, ("face_lost",))
    away = [f for f in frames if not 3_000 < f.at_ms < 4_000]
    assert outcome(away) == (Outcome.UNCLEAR, ("burst_too_thin",))


@given(
    st.lists(
        st.builds(
            Frame,
            st.integers(0, 20_000),
            st.sampled_from("abcdefgh"),
            st.none() | st.floats(-90, 90),
            st.none() | st.floats(-90, 90),
            st.none() | st.floats(0, 1),
        ),
        max_size=200,
    )
)
def test_any_burst_is_judged(frames: list[Frame]) -> None:
    liveness.judge(STEPS, frames, elapsed_ms=ELAPSED)
