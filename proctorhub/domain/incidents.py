"""From observations to incidents: pure functions over a plain state.

`step` takes one observation; `tick` lets time pass without one. The same observations in the same
order give the same incidents, however they are split over workers and wherever ticks fall. A look
that is not newer than the newest one of its source is late and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from proctorhub.domain.incident_change import Change, Kind
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_state import Run, State, from_plain, to_plain
from proctorhub.domain.incident_terms import ORDER, Detector, Rule
from proctorhub.domain.incident_walk import Walk, changed, over
from proctorhub.domain.observation import Observation, Source, Value

__all__ = [
    "Change",
    "Kind",
    "State",
    "due",
    "finish",
    "from_plain",
    "measured_detectors",
    "step",
    "suspect",
    "tick",
    "to_plain",
]


def step(
    state: State, observation: Observation, policy: Policy
) -> tuple[State, tuple[Change, ...]]:
    """Return the state after one look, and what changed."""
    source, at = observation.source, observation.at_ms
    newest = state.newest.get(source)
    late = newest is not None and (at < newest if source is Source.PAGE else at <= newest)
    if late:
        return state, ()
    calibration = state.calibration
    if source is Source.CAMERA and Detector.LOOKING_AWAY in policy.checked:
        calibration = calibration.after(observation)
    now = replace(state, newest={**state.newest, source: at}, calibration=calibration)
    changes: list[Change] = []
    for detector, rule in _rules(source, policy):
        found = _measured(rule, observation, now.calibration.rest)
        walk = Walk(detector, rule, now)
        walk.advance(at)
        if found and not _yields(rule, observation, policy) and walk.newer(at):
            walk.look(observation, found)
        now = replace(now, tracks=walk.tracks)
        changes += walk.changes
    now, dropped = _drop_unchecked(now, policy, at)
    return now, (*changes, *dropped)


def tick(state: State, now_ms: int, policy: Policy) -> tuple[State, tuple[Change, ...]]:
    """Let time pass up to `now_ms`: what stopped holding closes, what goes on grows."""
    changes: list[Change] = []
    for detector in list(state.tracks):
        if detector not in policy.checked:
            continue
        walk = Walk(detector, policy.rule(detector), state)
        walk.advance(now_ms)
        state = replace(state, tracks=walk.tracks)
        changes += walk.changes
    state, dropped = _drop_unchecked(state, policy, now_ms)
    return state, (*changes, *dropped)


def finish(state: State, at_ms: int, policy: Policy) -> tuple[State, tuple[Change, ...]]:
    """Close everything: the session is over. A signal that still holds ends at `at_ms`."""
    state, changes = tick(state, at_ms, policy)
    state, dropped = _drop_unchecked(state, replace(policy, checked=frozenset()), at_ms)
    return state, (*changes, *dropped)


def due(state: State, policy: Policy) -> int | None:
    """Return when `tick` would next change something, if nothing else is heard."""
    times = [
        at
        for detector, track in state.tracks.items()
        if track.run
        for at in _due(track.run, policy.rule(detector))
    ]
    return min(times, default=None)


def suspect(state: State, observation: Observation, policy: Policy) -> bool:
    """Tell whether a burst of pictures is wanted to confirm what this look suggests.

    Ask it with the state after the look. What is open already needs no confirmation.
    """
    if observation.burst:
        return False
    for detector, rule in _rules(observation.source, policy):
        track = state.tracks.get(detector)
        run = track.run if track else None
        waits = run is not None and run.severity is None and run.held_at == observation.at_ms
        if rule.burst and (waits or (run is None and _is_wary(rule, observation))):
            return True
    return False


def _is_wary(rule: Rule, observation: Observation) -> bool:
    return any(
        criterion.suspects(observation.values[criterion.value])
        for criterion in rule.criteria
        if criterion.value in observation.values
    )


def measured_detectors(observation: Observation) -> frozenset[Detector]:
    """Return the detectors about which a look says something, whatever it says."""
    return frozenset(
        detector
        for detector, rule in RULES.items()
        if rule.source is observation.source
        and any(criterion.value in observation.values for criterion in rule.criteria)
    )


def _rules(source: Source, policy: Policy) -> Iterator[tuple[Detector, Rule]]:
    for detector in RULES:
        if detector in policy.checked and RULES[detector].source is source:
            yield detector, policy.rule(detector)


def _measured(
    rule: Rule, observation: Observation, rest: Mapping[Value, float]
) -> dict[int, float]:
    """Return criterion → value of those that were measured, calibrated ones from the rest."""
    found: dict[int, float] = {}
    for place, criterion in enumerate(rule.criteria):
        if criterion.value not in observation.values:
            continue
        measured = observation.values[criterion.value]
        if criterion.calibrated:
            if criterion.value not in rest:
                continue
            measured -= rest[criterion.value]
        found[place] = measured
    return found


def _yields(rule: Rule, observation: Observation, policy: Policy) -> bool:
    for other in rule.yields_to:
        if other in policy.checked:
            stronger = policy.rule(other)
            if over(stronger, _measured(stronger, observation, {})):
                return True
    return False


def _drop_unchecked(state: State, policy: Policy, now: int) -> tuple[State, list[Change]]:
    """Close what is not looked for any more, where it last held; a signal that holds ends now."""
    changes = []
    kept = dict(state.tracks)
    for detector, track in state.tracks.items():
        if detector in policy.checked:
            continue
        del kept[detector]
        run = track.run
        if run and run.severity:
            run = replace(run, held_at=max(now, run.held_at)) if run.on else run
            rule, rest = policy.rule(detector), state.calibration.rest
            changes.append(changed(Kind.CLOSED, run.held_at, detector, rule, run, rest))
    return replace(state, tracks=kept), changes


def _due(run: Run, rule: Rule) -> Iterator[int]:
    if run.on:
        if run.severity is None:
            yield run.started_at + rule.min_ms
            return
        for after_ms, severity in rule.grows:
            if ORDER[severity] > ORDER[run.severity]:
                yield run.started_at + after_ms
    elif run.severity is not None:
        yield run.held_at + rule.merge_ms + 1
