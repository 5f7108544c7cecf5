"""Software looks at sessions: which, by which rules, and what its looks lead to.

The state of the rules is one document per session and source, replaced on condition of its version,
so any process may take any look. What a step found is stored with the state and then kept as
incidents; a crash between the two is made good by `tick_due`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from pymongo.errors import DuplicateKeyError

from proctorhub.domain import incident_change
from proctorhub.domain import incidents as rules
from proctorhub.domain.incident_policy import Policy
from proctorhub.domain.incident_rules import PHASES
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.incidents import Change
from proctorhub.domain.observation import Observation, Source
from proctorhub.domain.session import State
from proctorhub.records.base import utc_now
from proctorhub.records.exams import Exam
from proctorhub.records.incidents import RuleState
from proctorhub.records.sessions import Session
from proctorhub.services import incidents, log, monitoring_settings
from proctorhub.services.changing import Document

Moved = tuple[rules.State, tuple[Change, ...]]
Move = Callable[[rules.State], Moved]

#: How long a look may be on its way before time goes on without it, ms.
GRACE_MS = 3_000
#: How long after a session's end what was under way may still come in.
SETTLE = timedelta(seconds=5)


@dataclass(frozen=True)
class Watched:
    """A session to look at now.

    `policy.checked` says what for; `sources` are those of the media node that are live, and
    `open_since` maps everything that can be looked at to since when (ms). `forbidden_applications`
    are the names to look for on the screen, `exam_title` and `exam_url` tell what should be on it;
    `face_still` is the still of the face that the candidate was approved with.
    """

    session_id: str
    exam_id: str
    candidate_id: str
    state: State
    policy: Policy
    sources: frozenset[str]
    open_since: Mapping[Source, int]
    forbidden_applications: tuple[str, ...]
    exam_title: str
    exam_url: str
    face_still: str | None


@dataclass(frozen=True)
class Seen:
    """What looks led to. `suspect`: a burst of pictures is wanted to confirm it."""

    changes: tuple[Change, ...]
    suspect: bool


def watched(session_ids: Iterable[str] | None = None) -> list[Watched]:
    """Return the sessions, all or of these, that software should look at now."""
    query: Document = {"state": {"$in": [state.value for state in PHASES]}}
    if session_ids is not None:
        query["_id"] = {"$in": list(session_ids)}
    found = list(Session._get_collection().find(query))
    exams = {e.id: e for e in Exam.objects(id__in=list({s["exam_id"] for s in found}))}
    found = [s for s in found if s["exam_id"] in exams]
    accommodated = monitoring_settings.accommodations(found)
    sessions = []
    for session in found:
        exam = exams[session["exam_id"]]
        state = State(session["state"])
        policy = monitoring_settings.policy(state, exam, accommodated.get(session["_id"]))
        if policy is None:
            continue
        live = {
            name: log.millis(status["at"])
            for name, status in (session.get("sources") or {}).items()
            if status["state"] == "live"
        }
        sessions.append(
            Watched(
                session_id=session["_id"],
                exam_id=exam.id,
                candidate_id=session["candidate_id"],
                state=state,
                policy=policy,
                sources=frozenset(live),
                open_since=_open_since(session, live),
                forbidden_applications=tuple(exam.monitoring.forbidden_applications),
                exam_title=exam.title,
                exam_url=exam.url,
                face_still=face_still(session),
            )
        )
    return sessions


def _open_since(session: Document, live: Mapping[str, int]) -> dict[Source, int]:
    # A source that was there before anybody had to look at it was not missed.
    wanted = session.get("started_at") or session.get("identifying_at") or session["created_at"]
    began = log.millis(wanted)
    found = {Source.PAGE: began}
    if "camera" in live:
        camera = max(began, live["camera"])
        found |= {Source.CAMERA: camera, Source.MICROPHONE: camera}
    if "screen" in live:
        found[Source.SCREEN] = max(began, live["screen"])
    return found


def face_still(session: Document) -> str | None:
    """Return the still of the face that a candidate was approved with, if they were."""
    identity = session.get("identity") or {}
    return identity.get("face_still") if identity.get("status") == "approved" else None


def observe(
    session_id: str,
    observations: Iterable[Observation],
    policy: Policy,
    *,
    serves: Iterable[Detector] = (),
    pictures: Mapping[str, bytes] | None = None,
) -> Seen:
    """Put looks at one source through the rules and keep what they lead to.

    `serves` are the detectors that the caller is able to serve for this session; having looked is
    noted for them. `pictures` maps frames' SHA-256 to JPEG, for the stills of incidents.
    """
    looks = sorted(observations, key=lambda look: look.at_ms)
    if not looks:
        return Seen((), suspect=False)
    source = looks[0].source
    extra: Document = {"serves": sorted(serves)}
    if source is not Source.PAGE:
        extra["looked_ms"] = log.millis(utc_now())
    if policy.match:
        extra["match"] = list(policy.match)

    def all_of_them(state: rules.State) -> tuple[rules.State, tuple[Change, ...]]:
        changes: tuple[Change, ...] = ()
        for look in looks:
            state, new = rules.step(state, look, policy)
            changes += new
        return state, changes

    state, changes = _moved(session_id, source, policy, all_of_them, extra, pictures)
    return Seen(changes, suspect=rules.suspect(state, looks[-1], policy))


def newest(session_id: str, source: Source) -> int | None:
    """Return the time (ms) of the newest look at a source that the rules took."""
    document = RuleState._get_collection().find_one({"_id": f"{session_id}/{source.value}"})
    return rules.from_plain(document["state"]).newest.get(source) if document else None


def settled_ms() -> int:
    """Return up to when (ms) time passes without looks: a later one may still be on its way."""
    return log.millis(utc_now()) - GRACE_MS


def tick_due() -> int:
    """Let time pass for the states in which time alone changes something; returns how many."""
    now = settled_ms()
    count = 0
    for document in list(RuleState._get_collection().find({"due_ms": {"$lte": now}})):
        session = Session._get_collection().find_one({"_id": document["session_id"]})
        match = document.get("match")
        policy = session and monitoring_settings.policy_of(
            session, (match[0], match[1]) if match else None
        )
        if policy is None:
            continue  # `finish_over` sees to it
        tick = partial(rules.tick, now_ms=now, policy=policy)
        _moved(document["session_id"], Source(document["source"]), policy, tick)
        count += 1
    return count


def finish_over() -> int:
    """Close what is open in sessions that software does not look at any more; returns how many."""
    states = list(RuleState._get_collection().find({}, {"session_id": 1, "source": 1}))
    ids = list({document["session_id"] for document in states})
    going_on = {"_id": {"$in": ids}, "state": {"$in": [state.value for state in PHASES]}}
    on = {d["_id"] for d in Session._get_collection().find(going_on, {"_id": 1})}
    ended = {
        d["_id"]: d.get("finished_at")
        for d in Session._get_collection().find({"_id": {"$in": ids}}, {"finished_at": 1})
    }
    now = utc_now()
    count = 0
    for document in states:
        session_id = document["session_id"]
        at = ended.get(session_id)
        if session_id in on or (at is not None and now - at < SETTLE):
            continue
        policy = Policy()
        finish = partial(rules.finish, at_ms=log.millis(at or now), policy=policy)
        _moved(session_id, Source(document["source"]), policy, finish)
        RuleState._get_collection().delete_one({"_id": document["_id"], "untold": []})
        count += 1
    return count


def _moved(
    session_id: str,
    source: Source,
    policy: Policy,
    move: Move,
    extra: Document | None = None,
    pictures: Mapping[str, bytes] | None = None,
) -> Moved:
    """Replace the state by what `move` makes of it, and keep the changes as incidents."""
    states = RuleState._get_collection()
    which = f"{session_id}/{source.value}"
    while True:
        document = states.find_one({"_id": which})
        before = rules.from_plain(document["state"]) if document else rules.State()
        state, changes = move(before)
        left = document["untold"] if document else []
        untold = [*left, *map(incident_change.to_plain, changes)]
        due = rules.due(state, policy)
        values: Document = {
            **(extra or {}),
            "session_id": session_id,
            "source": source.value,
            "state": rules.to_plain(state),
            "untold": untold,
            "due_ms": 0 if untold else due,
        }
        version = document["version"] if document else 0
        if document is None:
            try:
                states.insert_one({"_id": which, "version": 1, **values})
            except DuplicateKeyError:
                continue
            break
        done = states.update_one(
            {"_id": which, "version": version}, {"$set": {**values, "version": version + 1}}
        )
        if done.modified_count:
            break
    if untold:
        incidents.record(session_id, map(incident_change.from_plain, untold), pictures)
        states.update_one(
            {"_id": which, "version": version + 1}, {"$set": {"untold": [], "due_ms": due}}
        )
    return state, changes
