"""Who is this: stills, and the proctor's decision. Only approval opens access to the exam."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from proctorhub.domain.permissions import Actor
from proctorhub.domain.session import MEDIA_OPEN, Action, Side
from proctorhub.domain.ticket import RECORDED_SOURCES
from proctorhub.records import files
from proctorhub.records.base import new_id, utc_now
from proctorhub.records.sessions import Segment
from proctorhub.services import access, changing, images, log, reading, sessions
from proctorhub.services.errors import Conflict, Invalid, NotFound
from proctorhub.services.proctoring import text

PURPOSES = ("document", "face", "note")
MOST_STILLS = 500
#: How far the clocks of a media node and of this server may be apart.
CLOCKS_APART = timedelta(minutes=1)


def add_still(
    actor: Actor,
    session_id: str,
    source: str,
    purpose: str,
    data: bytes,
    *,
    frame_at: datetime | None = None,
    segment_id: str | None = None,
) -> dict[str, Any]:
    """Keep a picture the proctor took from a source. Raises Invalid, TooLarge, Conflict.

    `frame_at` and `segment_id` are what the media node told of the picture: when the source showed
    it, and the segment that holds it. The segment's hash follows when the segment is stored.
    """
    session = access.as_proctor(actor, session_id)
    if source not in RECORDED_SOURCES:
        raise Invalid("source", f"Choose from: {', '.join(RECORDED_SOURCES)}.")
    if purpose not in PURPOSES:
        raise Invalid("purpose", f"Choose from: {', '.join(PURPOSES)}.")
    if len(session.get("stills", [])) >= MOST_STILLS:
        raise Conflict(f"A session keeps at most {MOST_STILLS} stills.", code="too_many_stills")
    if frame_at is not None and frame_at > utc_now() + CLOCKS_APART:
        raise Invalid("frame_at", "This time is still to come.")
    hashed = _segment_hashes(session_id, [segment_id] if segment_id else [])
    content_type = images.checked(data, "image")
    still: dict[str, Any] = {
        "id": new_id(),
        "source": source,
        "purpose": purpose,
        "sha256": hashlib.sha256(data).hexdigest(),
        "content_type": content_type,
    }
    if frame_at is not None:
        still["frame_at"] = frame_at
    if segment_id is not None:
        still["segment_id"] = segment_id
    files.save(still["id"], data, content_type=content_type, owner=session_id)
    told: dict[str, Any] = {
        k: still[k] for k in ("source", "purpose", "sha256", "segment_id") if k in still
    }
    if frame_at is not None:
        told["frame_at"] = log.millis(frame_at)
    if sha256 := hashed.get((source, segment_id)):
        told["segment_sha256"] = sha256
    written = changing.write(
        session_id,
        log.entry("still.taken", actor, {"still_id": still["id"], **told}),
        require={"state": {"$in": [state.value for state in MEDIA_OPEN]}},
        more={"$push": {"stills": {**still, "at": utc_now()}}},
    )
    if written is None:
        files.delete(still["id"])
        raise changing.state_conflict(changing.raw(session_id)["state"])
    return {
        "id": still["id"],
        "url": f"/api/v1/sessions/{session_id}/stills/{still['id']}",
        "sha256": still["sha256"],
    }


def stills(actor: Actor, session_id: str) -> list[dict[str, Any]]:
    """Return the stills of a session, each with the hash of its segment once that is stored."""
    kept = access.as_staff(actor, session_id).get("stills", [])
    hashed = _segment_hashes(session_id, [s["segment_id"] for s in kept if s.get("segment_id")])
    return [
        {
            "id": still["id"],
            "url": f"/api/v1/sessions/{session_id}/stills/{still['id']}",
            **{name: still[name] for name in ("source", "purpose", "sha256", "at")},
            "frame_at": still.get("frame_at"),
            "segment_id": still.get("segment_id"),
            "segment_sha256": hashed.get((still["source"], still.get("segment_id"))),
        }
        for still in kept
    ]


def _segment_hashes(session_id: str, segment_ids: list[str]) -> dict[tuple[str, str | None], str]:
    """Return (source, segment) → SHA-256 of those that are stored and of this session."""
    if not segment_ids:
        return {}
    found = Segment._get_collection().find({"_id": {"$in": segment_ids}, "session_id": session_id})
    return {(segment["source"], segment["_id"]): segment["sha256"] for segment in found}


def still(actor: Actor, session_id: str, still_id: str) -> tuple[bytes, str]:
    """Return (bytes, content type) for staff. Raises NotFound."""
    session = access.as_staff(actor, session_id)
    if still_id not in {s["id"] for s in session.get("stills", [])}:
        raise NotFound("still")
    found = files.read(still_id)
    if found is None:
        raise NotFound("still")
    reading.note(actor, session_id, f"still:{still_id}")
    return found


def reference_still(still_id: str) -> bytes | None:
    """Return the face that somebody was approved with, for software to compare with."""
    found = files.read(still_id)
    return found[0] if found else None


def approve(
    actor: Actor, session_id: str, document_still: str, face_still: str, comment: str = ""
) -> dict[str, Any]:
    """Let the candidate in, on the strength of two stills. Raises Invalid, Conflict."""
    session = access.as_proctor(actor, session_id)
    _require_still(session, "document_still", document_still, "document")
    _require_still(session, "face_still", face_still, "face")
    identity = {
        "status": "approved",
        "reason": comment[:2000],
        "document_still": document_still,
        "face_still": face_still,
        "by": actor.user_id,
        "at": utc_now(),
    }
    stills = {"document_still": document_still, "face_still": face_still}
    changing.act(
        session_id,
        Action.APPROVE,
        Side.PROCTOR,
        actor,
        values={"identity": identity | _software(session)},
        data=stills | _software(session),
    )
    return sessions.view(actor, session_id)


def reject(actor: Actor, session_id: str, reason: str) -> dict[str, Any]:
    """Turn the candidate away, with the reason they read."""
    session = access.as_proctor(actor, session_id)
    reason = text(reason, "reason")
    identity = {"status": "rejected", "reason": reason, "by": actor.user_id, "at": utc_now()}
    changing.act(
        session_id,
        Action.REJECT,
        Side.PROCTOR,
        actor,
        values={
            "identity": identity | _software(session),
            "reason": reason,
            "finished_at": utc_now(),
        },
        data={"reason": reason} | _software(session),
    )
    return sessions.view(actor, session_id)


def _software(session: changing.Document) -> dict[str, str]:
    """Return what software had said when a person decided; nothing where it was not asked."""
    check = session.get("identity_check")
    return {"software": check["state"], "check_id": check["id"]} if check else {}


def _require_still(session: changing.Document, field: str, still_id: str, purpose: str) -> None:
    stills = {s["id"]: s for s in session.get("stills", [])}
    if still_id not in stills or stills[still_id]["purpose"] != purpose:
        raise Invalid(field, f"Take a still of the {purpose} first.")
