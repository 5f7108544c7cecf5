"""One detector's run of looks: when it is confirmed, grows and closes, and what would clear it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from proctorhub.domain.explanation import explain
from proctorhub.domain.incident_change import Change, Kind
from proctorhub.domain.incident_state import (
    FIRST_LOOKS,
    LAST_LOOKS,
    Excess,
    Run,
    State,
    Track,
)
from proctorhub.domain.incident_terms import ORDER, Detector, Mode, Rule
from proctorhub.domain.observation import Observation, Value


def over(rule: Rule, found: Mapping[int, float]) -> dict[int, float]:
    """Return criterion → excess of those over their threshold."""
    return {
        place: rule.criteria[place].excess(measured)
        for place, measured in found.items()
        if rule.criteria[place].over(measured)
    }


class Walk:
    """One detector's way through one step; holds nothing after it.

    `tracks` are all tracks as they are afterwards, `changes` what became of incidents.
    """

    def __init__(self, detector: Detector, rule: Rule, state: State) -> None:
        self.detector = detector
        self.rule = rule
        self.changes: list[Change] = []
        self._state = state
        self._track = state.tracks.get(detector)
        self._run = self._track.run if self._track else None

    @property
    def tracks(self) -> dict[Detector, Track]:
        """Return the state's tracks with this detector's own as it is now."""
        tracks = dict(self._state.tracks)
        if self._track is not None:
            tracks[self.detector] = replace(self._track, run=self._run)
        return tracks

    def newer(self, at: int) -> bool:
        """Tell whether nothing as new has spoken of this detector yet."""
        return self._track is None or at > self._track.at

    def advance(self, now: int) -> None:
        """Carry out what is due by `now`, at its own times."""
        run, rule = self._run, self.rule
        if run is None:
            return
        if run.on:
            if run.severity is None and now - run.started_at >= rule.min_ms:
                self._confirm(run.started_at + rule.min_ms)
            if self._run and self._run.severity:
                self._grow(now)
        elif run.severity is None:
            if now - run.held_at > rule.patience_ms:
                self._run = None
        elif now - run.held_at > rule.merge_ms:
            self._close(run.held_at + rule.merge_ms)

    def look(self, observation: Observation, found: dict[int, float]) -> None:
        """Take in one look that measured something."""
        at = observation.at_ms
        track = self._track or Track(at)
        window = track.window
        speaks = True
        started = at
        if self.rule.mode is Mode.SUM:
            heard = found[0]
            window = (*(i for i in window if i[0] > at - self.rule.window_ms), (at, heard))
            speaks = heard > 0
            found = {0: sum(seconds for _, seconds in window)}
            started = next((when for when, seconds in window if seconds > 0), at)
        self._track = Track(at, None, window)
        excess = over(self.rule, found) if speaks else {}
        if self.rule.mode is Mode.LEVEL:
            self._level(at, observation, excess, found)
        elif excess:
            self._add(at, observation, excess, found, started)
        elif self.rule.mode is not Mode.EVENT:
            holds = speaks and any(
                self.rule.criteria[place].holds(measured) for place, measured in found.items()
            )
            self._miss(at, holds=holds)

    def _level(
        self, at: int, observation: Observation, excess: Excess, found: Mapping[int, float]
    ) -> None:
        run = self._run
        if excess:
            if run is None:
                run = Run(at, at)
            if not run.on:
                run = self._seen(run, observation, found)
                self._run = replace(run, on=True, hits=run.hits + 1, stretch_from=at)
                self.advance(at)
        elif run is not None and run.on:
            longest = max(run.longest_ms, at - (run.stretch_from or at))
            ended = replace(run, on=False, held_at=at, longest_ms=longest, stretch_from=None)
            self._run = ended if run.severity else None

    def _add(
        self,
        at: int,
        observation: Observation,
        excess: Excess,
        found: Mapping[int, float],
        started: int,
    ) -> None:
        run = self._run or Run(started, at)
        follows = bool(run.recent) and at - run.recent[-1][0] <= self.rule.patience_ms
        recent = (*(run.recent if follows else ()), (at, excess))
        stretch = run.stretch_from if follows and run.stretch_from is not None else at
        run = replace(
            self._seen(run, observation, found),
            held_at=at,
            hits=run.hits + 1,
            stretch_from=stretch,
            longest_ms=max(run.longest_ms, at - stretch),
        )
        confirmed = _spans(recent, self.rule)
        if confirmed:
            recent = _shortest(recent, self.rule)
            run = replace(run, need=_needed(run.need, recent, self.rule))
        self._run = replace(run, recent=recent)
        if run.severity:
            self._grow(at)
        elif confirmed:
            self._confirm(at)

    def _miss(self, at: int, *, holds: bool) -> None:
        run = self._run
        if run is None:
            return
        if run.severity is None:
            self._run = None
            return
        self._run = replace(run, recent=(), stretch_from=None, held_at=at if holds else run.held_at)
        if holds:
            self._grow(at)

    def _seen(self, run: Run, observation: Observation, found: Mapping[int, float]) -> Run:
        look = _look(self.rule, observation, found)
        looks = (*run.looks, look)
        if len(looks) > FIRST_LOOKS + LAST_LOOKS:
            looks = (*looks[:FIRST_LOOKS], *looks[-LAST_LOOKS:])
        return replace(run, looks=looks, models={**run.models, **observation.models})

    def _confirm(self, at: int) -> None:
        assert self._run is not None
        severity = self.rule.severity_at(at - self._run.started_at)
        self._run = replace(self._run, severity=severity)
        self._tell(Kind.OPENED, at)

    def _grow(self, now: int) -> None:
        run = self._run
        assert run is not None and run.severity is not None
        for after_ms, severity in self.rule.grows:
            at = run.started_at + after_ms
            if now >= at and ORDER[severity] > ORDER[run.severity]:
                run = self._run = replace(run, severity=severity)
                self._tell(Kind.GROWN, at if run.on else now)

    def _close(self, at: int) -> None:
        assert self._run is not None
        self._tell(Kind.CLOSED, at)
        self._run = None

    def _tell(self, kind: Kind, at: int) -> None:
        assert self._run is not None
        rest = self._state.calibration.rest
        self.changes.append(changed(kind, at, self.detector, self.rule, self._run, rest))


def changed(
    kind: Kind, at: int, detector: Detector, rule: Rule, run: Run, rest: Mapping[Value, float]
) -> Change:
    """Return the change that a run has come to, with its explanation."""
    assert run.severity is not None
    closed = kind is Kind.CLOSED
    severity = rule.severity_at(run.held_at - run.started_at) if closed else run.severity
    ended_at = run.held_at if closed else None
    return Change(
        kind=kind,
        detector=detector,
        source=rule.source,
        started_at=run.started_at,
        at=at,
        severity=severity,
        explanation=explain(detector, rule, run, rest, ended_at),
        ended_at=ended_at,
    )


def _spans(recent: tuple[tuple[int, Excess], ...], rule: Rule) -> bool:
    return len(recent) >= rule.looks and recent[-1][0] - recent[0][0] >= rule.min_ms


def _shortest(recent: tuple[tuple[int, Excess], ...], rule: Rule) -> tuple[tuple[int, Excess], ...]:
    """Return the shortest end of the run that would still have been confirmed."""
    while len(recent) > 1 and _spans(recent[1:], rule):
        recent = recent[1:]
    return recent


def _needed(
    need: Excess, confirming: tuple[tuple[int, Excess], ...], rule: Rule
) -> dict[int, float]:
    """Return `need`, enlarged so that this confirming run would have had one look less.

    Every run of looks that confirms contains such a shortest end, so a change that takes one look
    out of each of them keeps the incident from opening.
    """

    def share(excess: Excess) -> float:
        return max(over / (abs(rule.criteria[place].enter) or 1) for place, over in excess.items())

    easiest = min((excess for _, excess in confirming), key=share)
    places = {*need, *easiest}
    return {place: max(need.get(place, 0.0), easiest.get(place, 0.0)) for place in places}


def _look(rule: Rule, observation: Observation, found: Mapping[int, float]) -> dict[str, Any]:
    values = {rule.criteria[place].value.value: measured for place, measured in found.items()}
    return {
        "at_ms": observation.at_ms,
        "segment_id": observation.segment_id,
        "frame_sha256": observation.frame_sha256,
        "size": list(observation.size) if observation.size else None,
        "boxes": [list(box) for box in observation.boxes],
        "words": list(observation.words),
        "values": values,
    }
