"""Checks by software as people see them, and as they are kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from proctorhub.domain import identity, liveness, names
from proctorhub.services.changing import Document

View = dict[str, Any]


def packed(frames: Sequence[tuple[int, int]], burst: bytes) -> bytes:
    """Return the pictures of the moves and their index as one file: a line of JSON, then they."""
    return json.dumps(list(map(list, frames))).encode() + b"\n" + burst


def unpacked(data: bytes) -> list[tuple[int, bytes]]:
    """Return (ms from the start, JPEG) of each picture in a file of `packed`."""
    head, _, burst = data.partition(b"\n")
    found, at = [], 0
    for length, at_ms in json.loads(head):
        found.append((int(at_ms), burst[at : at + length]))
        at += length
    return found


def told(check: Document) -> View:
    """Return what everybody is told of a check that came to an end."""
    return {
        "check_id": check["id"],
        "state": check["state"],
        "reasons": list(check.get("reasons") or ()),
    }


def nothing(attempts_left: int) -> View:
    """Return the view of a session in which nothing was checked yet."""
    return {
        "id": None,
        "state": "none",
        "reasons": [],
        "attempts_left": attempts_left,
        "at": None,
        "answer_by": None,
        "details": None,
    }


def of(session: Document, attempts_left: int, *, staff: bool) -> View:
    """Return the newest check; reasons are codes."""
    check: Document = session["identity_check"]
    pending = check["state"] == identity.State.PENDING
    return {
        "id": check["id"],
        "state": check["state"],
        "reasons": list(check.get("reasons") or ()),
        "attempts_left": attempts_left,
        "at": check.get("decided_at") or check["at"],
        "answer_by": check["answer_by"] if pending else None,
        "details": _details(session, check) if staff else None,
    }


def _details(session: Document, check: Document) -> View:
    record = check.get("record") or None
    found: View = record["payload"] if record else {}
    measured: View = found.get("measured") or {}
    stills = {name: check[f"{name}_still"] for name in ("document", "selfie")}
    url = f"/api/v1/sessions/{session['_id']}/stills/"
    return {
        **{f"{name}_still": still for name, still in stills.items()},
        **{f"{name}_url": url + still for name, still in stills.items()},
        "fields": _fields(found, measured),
        "mrz": _zone(measured.get("zone")),
        "faces": [
            {
                "against": name,
                "distance": _number(measured.get("distances", {}).get(name)),
                "match": (found.get("faces") or {}).get(name, identity.Match.NOT_CHECKED.value),
            }
            for name in measured.get("compared", ())
        ],
        "thresholds": _thresholds(measured.get("thresholds")),
        "liveness": _liveness(check, measured),
        "models": measured.get("models", {}),
        "quality": {
            name: _number(measured.get(name))
            for name in ("document_face_px", "selfie_face_px", "legibility", "glare")
        },
        "page_quality": (check.get("quality") or {}).get("page") or {},
        "missing": list(measured.get("missing", ())),
        "rules": found.get("rules"),
        "record": record,
    }


def _fields(found: View, measured: View) -> list[View]:
    unchecked = identity.Match.NOT_CHECKED.value
    name_read = bool(measured) and "ocr" not in measured.get("missing", ())
    name = {
        "name": "name",
        "read": measured.get("name_read") or None,
        "expected": found.get("candidate", {}).get("name"),
        "match": measured.get("name", names.Match.UNSURE.value) if name_read else unchecked,
    }
    others = [
        {"name": field, "read": measured.get(field), "expected": None, "match": unchecked}
        for field in ("number", "birth_date", "expiry_date")
    ]
    return [name, *others]


def _zone(zone: View | None) -> View | None:
    if not zone:
        return None
    checks = [{"name": name, "held": held} for name, held in zone["checks"].items()]
    return {
        "format": zone["format"],
        "checks": checks,
        "repaired": zone["repaired"],
        # records of earlier rules lack it
        "confirmed": zone.get("confirmed", False),
    }


def _thresholds(limits: View | None) -> View | None:
    if not limits:
        return None
    numbers = ("accept", "reject", "false_match_rate")
    return {**limits, **{name: _number(limits[name]) for name in numbers}}


def _liveness(check: Document, measured: View) -> View:
    seen = list(measured.get("seen_ms", ()))
    steps = liveness.challenge(check["nonce"])
    seen += [None] * (len(steps) - len(seen))
    return {
        "outcome": measured.get("liveness", identity.Match.NOT_CHECKED.value),
        "reasons": list(measured.get("liveness_reasons", ())),
        "moves": [
            {"move": step.move.value, "seen_ms": at} for step, at in zip(steps, seen, strict=True)
        ],
        "frames": measured.get("frames", 0),
    }


def _number(text: Any) -> float | None:
    return None if text is None else float(text)
