"""A track that falls silent, and one whose media goes nowhere."""

from __future__ import annotations

from proctorhub.media.watch import (
    FIRST_UNWRITTEN_AFTER_S,
    SILENT_AFTER_S,
    UNWRITTEN_AFTER_S,
    TrackWatch,
)

STEP_S = 0.25


class Line:
    """A track that is looked at four times a second."""

    def __init__(self) -> None:
        self.watch = TrackWatch()
        self.at = 100.0
        self.octets = self.written = 0

    def pass_time(self, seconds: float, *, sends: bool = True, writes: bool = True) -> None:
        for _ in range(round(seconds / STEP_S)):
            self.at += STEP_S
            self.octets += 9000 * sends
            self.written += 4 * writes
            self.watch.look(self.at, self.octets, self.written)


def test_all_is_well() -> None:
    line = Line()
    line.pass_time(30)
    assert not line.watch.silent and line.watch.unwritten_since is None


def test_silence_is_told_and_ends() -> None:
    line = Line()
    line.pass_time(5)
    line.pass_time(SILENT_AFTER_S, sends=False, writes=False)
    assert not line.watch.silent
    line.pass_time(STEP_S, sends=False, writes=False)
    assert line.watch.silent
    # who sends nothing can have nothing written
    line.pass_time(30, sends=False, writes=False)
    assert line.watch.silent and line.watch.unwritten_since is None
    line.pass_time(STEP_S)
    assert not line.watch.silent


def test_what_comes_and_is_not_written_is_told_since_when() -> None:
    line = Line()
    line.pass_time(10)
    stopped = line.at
    line.pass_time(UNWRITTEN_AFTER_S, writes=False)
    assert line.watch.unwritten_since is None
    line.pass_time(2 * STEP_S, writes=False)
    assert line.watch.unwritten_since == stopped + STEP_S
    line.pass_time(STEP_S)
    assert line.watch.unwritten_since is None


def test_the_beginning_may_take_longer() -> None:
    line = Line()
    line.pass_time(FIRST_UNWRITTEN_AFTER_S, writes=False)
    assert line.watch.unwritten_since is None
    line.pass_time(2 * STEP_S, writes=False)
    assert line.watch.unwritten_since is not None


def test_slow_pictures_are_no_silence() -> None:
    line = Line()
    for _ in range(20):
        line.pass_time(STEP_S)
        line.pass_time(1.5, sends=False, writes=False)
        assert not line.watch.silent and line.watch.unwritten_since is None
