"""The life of a session: one candidate sitting one exam, as a table of allowed changes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where a session stands; the connection of its tracks is a separate matter."""

    PLANNED = "planned"
    CHECKED_IN = "checked_in"
    WAITING = "waiting"
    IDENTIFYING = "identifying"
    ADMITTED = "admitted"
    RUNNING = "running"
    PAUSED = "paused"
    FINISHED = "finished"
    CONCLUDED = "concluded"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"
    REJECTED = "rejected"
    INTERRUPTED = "interrupted"


class Action(StrEnum):
    """What somebody can do to a session that changes its state or its clock."""

    CHECK_IN = "check-in"
    READY = "ready"
    WAIVE = "waive"
    ADMIT = "admit"
    IDENTIFY = "identify"
    APPROVE = "approve"
    REJECT = "reject"
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    EXTEND = "extend"
    FINISH = "finish"
    INTERRUPT = "interrupt"
    CONCLUDE = "conclude"
    STOP = "stop"
    CANCEL = "cancel"
    MISS = "miss"


class Side(StrEnum):
    """Who acts: the candidate, the proctor (or another member of staff), the platform itself."""

    CANDIDATE = "candidate"
    PROCTOR = "proctor"
    PLATFORM = "platform"


class Verdict(StrEnum):
    """What a proctor may conclude."""

    CLEAN = "clean"
    SUSPICIOUS = "suspicious"
    VIOLATION = "violation"
    TECHNICAL = "technical"


class Tier(StrEnum):
    """How an exam is watched. `none` needs no identification, media or proctor."""

    NONE = "none"
    AI = "ai"
    AI_HUMAN = "ai_human"


@dataclass(frozen=True)
class Rule:
    """From which states an action leads where; `to` None keeps the state."""

    sources: frozenset[State]
    to: State | None
    sides: frozenset[Side]


def _rule(sources: tuple[State, ...], to: State | None, *sides: Side) -> Rule:
    return Rule(frozenset(sources), to, frozenset(sides))


_S, _A = State, Action
_ON_AIR = (_S.RUNNING, _S.PAUSED)
_STOPPABLE = (_S.CHECKED_IN, _S.WAITING, _S.IDENTIFYING, _S.ADMITTED, *_ON_AIR)
_OVER = (_S.FINISHED, _S.INTERRUPTED, _S.REJECTED)
_STAFF = (Side.PROCTOR, Side.PLATFORM)

RULES: dict[Action, Rule] = {
    _A.CHECK_IN: _rule((_S.PLANNED,), _S.CHECKED_IN, Side.CANDIDATE, Side.PLATFORM),
    _A.READY: _rule((_S.CHECKED_IN,), _S.WAITING, Side.CANDIDATE),
    _A.WAIVE: _rule((_S.CHECKED_IN,), _S.ADMITTED, Side.PLATFORM),
    _A.ADMIT: _rule((_S.WAITING,), _S.ADMITTED, Side.PLATFORM),
    _A.IDENTIFY: _rule((_S.WAITING,), _S.IDENTIFYING, Side.PROCTOR),
    _A.APPROVE: _rule((_S.IDENTIFYING,), _S.ADMITTED, Side.PROCTOR),
    _A.REJECT: _rule((_S.IDENTIFYING,), _S.REJECTED, Side.PROCTOR),
    _A.START: _rule((_S.ADMITTED,), _S.RUNNING, Side.CANDIDATE),
    _A.PAUSE: _rule((_S.RUNNING,), _S.PAUSED, Side.PROCTOR),
    _A.RESUME: _rule((_S.PAUSED,), _S.RUNNING, Side.PROCTOR),
    _A.EXTEND: _rule(_ON_AIR, None, Side.PROCTOR),
    _A.FINISH: _rule(_ON_AIR, _S.FINISHED, Side.CANDIDATE, *_STAFF),
    _A.INTERRUPT: _rule(_STOPPABLE, _S.INTERRUPTED, *_STAFF),
    _A.STOP: _rule(_STOPPABLE, _S.FINISHED, Side.PLATFORM),
    _A.CONCLUDE: _rule(_OVER, _S.CONCLUDED, Side.PROCTOR),
    _A.CANCEL: _rule((_S.PLANNED,), _S.CANCELLED, Side.CANDIDATE, *_STAFF),
    _A.MISS: _rule((_S.PLANNED,), _S.NO_SHOW, Side.PLATFORM),
}

#: States in which the exam itself may be reached: never before identification was approved.
ACCESS = frozenset({_S.ADMITTED, *_ON_AIR})
#: States in which sources may be sent and watched.
MEDIA_OPEN = frozenset({_S.CHECKED_IN, _S.WAITING, _S.IDENTIFYING, _S.ADMITTED, *_ON_AIR})
#: States in which the two sides may write to each other.
TALKING = MEDIA_OPEN
#: States in which software may be asked who the candidate is.
CHECKABLE = (_S.CHECKED_IN, _S.WAITING, _S.IDENTIFYING)
#: States that end the sending of media.
MEDIA_ENDED = frozenset({*_OVER, _S.CANCELLED, _S.NO_SHOW, _S.CONCLUDED})


class ActionRefused(Exception):
    """The state does not allow the action, or the side may not do it."""

    def __init__(self, action: Action, state: State) -> None:
        super().__init__(f"{action} is not possible while the session is {state}")
        self.action = action
        self.state = state


def allowed(state: State, side: Side) -> list[Action]:
    """Return what `side` may do in `state`, in the order of the table."""
    return [a for a, rule in RULES.items() if state in rule.sources and side in rule.sides]


def after(state: State, action: Action, side: Side, *, verified: bool = False) -> State:
    """Return the state that follows. Raises ActionRefused.

    `verified`: the newest check by software recognised the candidate, in an exam whose tier lets
    the platform admit alone (`admits_alone`); without it nobody is admitted that way.
    """
    rule = RULES[action]
    if state not in rule.sources or side not in rule.sides:
        raise ActionRefused(action, state)
    if action is Action.ADMIT and not verified:
        raise ActionRefused(action, state)
    return rule.to or state


def admits_alone(tier: Tier, *, software: bool) -> bool:
    """Tell whether the platform may admit without a person, once software identifies at all."""
    return tier is Tier.AI and software
