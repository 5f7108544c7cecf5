"""Who watches the watcher: what should be looked at, against when it last was.

The page's own signals count as looked at while the page says that it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from pymongo import UpdateOne

from proctorhub.domain import signals
from proctorhub.domain.incident_rules import RULES
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.observation import Source
from proctorhub.domain.permissions import Actor
from proctorhub.domain.watching import WORKER_QUIET_MS, Facts, Looking, looking
from proctorhub.records.base import utc_now
from proctorhub.records.incidents import RuleState, VisionWorker, Watch
from proctorhub.services import access, changing, log, monitoring, recording

View = dict[str, Any]


def beat(worker_id: str, able: Iterable[Detector]) -> None:
    """Note that a worker is there and what it can look for; to be called every second."""
    names = sorted(able)
    VisionWorker._get_collection().update_one(
        {"_id": worker_id}, {"$set": {"able": names, "beat_at": utc_now()}}, upsert=True
    )


def anybody() -> bool:
    """Tell whether any worker lives now."""
    since = utc_now() - timedelta(milliseconds=WORKER_QUIET_MS)
    return VisionWorker.objects(beat_at__gte=since).first() is not None


def pages_alive(pages: Mapping[str, bool]) -> None:
    """Note that candidates' pages are there: session → whether the exam is taken elsewhere.

    While it is taken in a tab of its own, the page's being in front says nothing.
    """
    now = log.millis(utc_now())
    writes = [
        UpdateOne(
            {"_id": session_id},
            {"$set": {"page_at_ms": now, "exam_elsewhere": elsewhere}},
            upsert=True,
        )
        for session_id, elsewhere in pages.items()
    ]
    if writes:
        Watch._get_collection().bulk_write(writes, ordered=False)


def check() -> int:
    """Tell of every detector that fell silent or looks again; returns how many sessions changed."""
    sessions = monitoring.watched()
    count = 0
    for session, facts, watch in _facts(sessions):
        states = {d: looking(d, facts) for d in session.policy.checked}
        before: dict[str, int] = (watch or {}).get("silent") or {}
        silent = {d.value: since for d, (state, since) in states.items() if since is not None}
        # what cannot be looked at now stays silent until it can: nobody has looked since
        held = {d for d, (state, _) in states.items() if state is Looking.NO_SOURCE}
        silent |= {name: since for name, since in before.items() if name in held}
        if silent.keys() == before.keys():
            continue
        count += _told(session.session_id, before, silent, watch)
    return count


def silent(session_ids: list[str]) -> dict[str, list[str]]:
    """Return session → its silent detectors, as last told."""
    found = Watch._get_collection().find({"_id": {"$in": session_ids}})
    return {watch["_id"]: sorted(watch.get("silent") or {}) for watch in found}


def of_session(actor: Actor, session_id: str) -> View:
    """Return `{detectors, gaps}` for staff: how each detector stands now, and when none looked."""
    session = access.as_staff(actor, session_id)
    return {"detectors": _detectors(session_id), "gaps": gaps(session)}


def gaps(session: changing.Document) -> list[View]:
    """Return when detectors were silent: `{source, detectors, started_at, ended_at}`."""
    open_since: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, int, int], list[str]] = {}
    end = session.get("finished_at")
    ends_at = log.millis(end or utc_now())
    told = log.of_kind(session["_id"], "monitoring.silent")
    told += log.of_kind(session["_id"], "monitoring.live")
    for entry in sorted(told, key=lambda e: int(e["seq"])):
        data = entry["data"]
        for name in data["detectors"]:
            key = (data["source"], name)
            if entry["kind"] == "monitoring.silent":
                open_since.setdefault(key, data["since"])
            elif key in open_since:
                span = (data["source"], open_since.pop(key), entry["at"])
                found.setdefault(span, []).append(name)
    for (source, name), since in open_since.items():
        found.setdefault((source, since, max(since, ends_at)), []).append(name)
    return [
        {
            "source": source,
            "detectors": names,
            "started_at": recording.moment(started),
            "ended_at": recording.moment(ended),
        }
        for (source, started, ended), names in sorted(found.items(), key=lambda item: item[0][1])
    ]


def _detectors(session_id: str) -> list[View]:
    rested = _rested(session_id)
    now = [one for one in monitoring.watched() if one.session_id == session_id]
    items = []
    for session, facts, _ in _facts(now):
        for detector in RULES:
            if detector in session.policy.checked:
                state, since = looking(detector, facts)
                items.append(
                    {
                        "detector": detector.value,
                        "source": RULES[detector].source.value,
                        "state": state.value,
                        "since": recording.moment(since) if since is not None else None,
                        "calibrating": state is Looking.LIVE
                        and RULES[detector].waits_for_rest
                        and not rested,
                    }
                )
    return items


def _rested(session_id: str) -> bool:
    """Tell whether it is known where the candidate's face points at rest."""
    state = RuleState._get_collection().find_one(
        {"session_id": session_id, "source": Source.CAMERA.value}, {"state.calibration.rest": 1}
    )
    return bool(state and state["state"]["calibration"]["rest"])


def _facts(
    sessions: list[monitoring.Watched],
) -> Iterable[tuple[monitoring.Watched, Facts, changing.Document | None]]:
    ids = [session.session_id for session in sessions]
    base = Facts(now=log.millis(utc_now()), able=_able())
    looked: dict[str, dict[Source, int]] = {}
    served: dict[str, dict[Source, frozenset[Detector]]] = {}
    for state in RuleState._get_collection().find({"session_id": {"$in": ids}}, {"state": 0}):
        if state.get("looked_ms") is not None:
            source, of = Source(state["source"]), state["session_id"]
            looked.setdefault(of, {})[source] = state["looked_ms"]
            names = frozenset(Detector(name) for name in state.get("serves") or ())
            served.setdefault(of, {})[source] = names
    watches = {w["_id"]: w for w in Watch._get_collection().find({"_id": {"$in": ids}})}
    for session in sessions:
        which = session.session_id
        watch = watches.get(which)
        seen = dict(looked.get(which, {}))
        page_at = (watch or {}).get("page_at_ms")
        serves = dict(served.get(which, {}))
        if page_at is not None:
            seen[Source.PAGE] = page_at
            elsewhere = (watch or {}).get("exam_elsewhere")
            serves[Source.PAGE] = signals.DETECTORS - (signals.HERE if elsewhere else frozenset())
        facts = replace(base, open_since=session.open_since, looked=seen, served=serves)
        yield session, facts, watch


def _able() -> dict[Detector, int]:
    able: dict[Detector, int] = {}
    for worker in VisionWorker._get_collection().find():
        at = log.millis(worker["beat_at"])
        for name in worker["able"]:
            able[Detector(name)] = max(at, able.get(Detector(name), 0))
    return able


def _told(
    session_id: str, before: dict[str, int], after: dict[str, int], watch: changing.Document | None
) -> int:
    entries = []
    for kind, names, since in (
        ("monitoring.silent", after.keys() - before.keys(), after),
        ("monitoring.live", before.keys() - after.keys(), before),
    ):
        by_source: dict[str, list[str]] = {}
        for name in sorted(names):
            by_source.setdefault(RULES[Detector(name)].source.value, []).append(name)
        for source, detectors in by_source.items():
            data = {"source": source, "detectors": detectors}
            data["since"] = min(since[name] for name in detectors)  # type: ignore[assignment]
            entries.append(log.entry(kind, None, data))
    watches = Watch._get_collection()
    if watch is None:
        watches.update_one({"_id": session_id}, {"$setOnInsert": {"silent": {}}}, upsert=True)
    changed = watches.update_one(
        {"_id": session_id, **_same(before)},
        {"$set": {"silent": after}, "$push": {"pending": {"$each": entries}}},
    )
    log.drain_from(Watch, session_id, session_id)
    return int(changed.modified_count)


def _same(silent: dict[str, int]) -> View:
    """Return the condition that nobody else has told of a change meanwhile."""
    return {f"silent.{detector.value}": silent.get(detector.value) for detector in Detector}
