"""Watching many candidates: the grid's tiles, tickets for its stills, stills of the console."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from proctorhub.domain.media import NotedGap
from proctorhub.live.wire import rfc3339
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import Segment
from proctorhub.services import recording

CHAIN = "a" * 32
SEGMENT = f"{CHAIN}-000003"


def test_tiles_of_the_own_sessions_only(sitting, candidate, proctor, person):
    assert proctor.must("GET", "/proctoring/grid")["items"] == []
    sitting.until("waiting")
    (tile,) = proctor.must("GET", "/proctoring/grid")["items"]
    assert tile["session"]["id"] == sitting.id
    assert (tile["chat"], tile["gaps"], tile["gap_ms"]) == (None, 0, 0)
    sitting.mine("chat", {"text": "Good morning."})
    sitting.mine("chat", {"text": "May I drink?"})
    (tile,) = proctor.must("GET", "/proctoring/grid")["items"]
    assert tile["chat"]["data"]["text"] == "May I drink?"
    assert person("otto", "proctor").must("GET", "/proctoring/grid")["items"] == []
    assert candidate.get("/proctoring/grid").status_code == 403
    sitting.theirs("interrupt", {"reason": "The building is being cleared."})
    assert proctor.must("GET", "/proctoring/grid")["items"] == []


def test_tickets_for_stills_in_one_call(sitting, candidate, proctor, person):
    wanted = {"session_ids": [sitting.id, "nobody", sitting.id]}
    assert proctor.must("POST", "/tickets/stills", wanted)["items"] == []
    sitting.until("waiting")
    (issued,) = proctor.must("POST", "/tickets/stills", wanted)["items"]
    assert issued["session_id"] == sitting.id
    assert issued["url"].endswith(f"/still/{sitting.id}/camera")
    one = proctor.must(
        "POST", f"/sessions/{sitting.id}/tickets", {"source": "screen", "direction": "watch"}
    )
    assert one["still_url"].endswith(f"/still/{sitting.id}/screen")
    for other in (candidate, person("otto", "proctor"), person("rita", "reviewer")):
        assert other.must("POST", "/tickets/stills", wanted)["items"] == []
    for wrong in ({"session_ids": []}, {"session_ids": ["x"] * 101}, {}):
        assert proctor.post("/tickets/stills", wrong).status_code == 400


def test_a_still_carries_its_frames_time_and_its_segments_hash(sitting, candidate, proctor):
    sitting.until("identifying")
    at = rfc3339(utc_now())
    told = {"frame_at": at, "segment_id": SEGMENT}
    assert proctor.still(sitting.id, "note", **told).status_code == 201
    assert proctor.still(sitting.id, "note").status_code == 201
    with_time, without = proctor.must("GET", f"/sessions/{sitting.id}/stills")["items"]
    assert (with_time["frame_at"], with_time["segment_id"]) == (at, SEGMENT)
    assert with_time["segment_sha256"] is None
    assert (without["frame_at"], without["segment_id"]) == (None, None)

    sha256 = "b" * 64
    _store(sitting.id, sha256)
    kept = proctor.must("GET", f"/sessions/{sitting.id}/stills")["items"]
    assert [still["segment_sha256"] for still in kept] == [sha256, None]
    assert proctor.still(sitting.id, "note", **told).status_code == 201
    log = proctor.must("GET", f"/sessions/{sitting.id}/log")["items"]
    taken = [entry["data"] for entry in log if entry["kind"] == "still.taken"]
    assert [entry.get("segment_sha256") for entry in taken] == [None, None, sha256]
    assert taken[2]["segment_id"] == SEGMENT
    assert candidate.get(f"/sessions/{sitting.id}/stills").status_code == 404


def test_stills_with_wrong_origins(sitting, proctor):
    sitting.until("identifying")
    later = rfc3339(utc_now() + timedelta(hours=1))
    for field, value in (("frame_at", later), ("frame_at", "now"), ("segment_id", "../x")):
        answer = proctor.still(sitting.id, "note", **{field: value})
        assert (answer.status_code, answer.json["field"]) == (400, field)
    assert proctor.must("GET", f"/sessions/{sitting.id}/stills")["items"] == []


def test_a_gap_that_was_filled_is_no_gap_of_the_tile(sitting, proctor):
    sitting.until("waiting")

    def figures() -> tuple[int, int]:
        (tile,) = proctor.must("GET", "/proctoring/grid")["items"]
        return tile["gaps"], tile["gap_ms"]

    for track in ("audio", "video"):
        gap = NotedGap(sitting.id, "camera", CHAIN, track, 10_000, 19_000, "network")
        recording.note_gap(gap)
    assert figures() == (1, 9000)
    _store(sitting.id, "b" * 64, started_at_ms=9_800, ended_at_ms=14_000, origin="client")
    assert figures() == (1, 5000)
    rest = {"started_at_ms": 14_000, "ended_at_ms": 18_700, "origin": "client"}
    _store(sitting.id, "b" * 64, id=f"{CHAIN}-000004", seq=4, **rest)
    assert figures() == (0, 0)


def _store(session_id: str, sha256: str, **fields: Any) -> None:
    usual = {
        "id": SEGMENT,
        "source": "camera",
        "chain": CHAIN,
        "seq": 3,
        "origin_ms": 0,
        "started_at_ms": 0,
        "ended_at_ms": 5000,
        "bytes": 1,
        "header_bytes": 1,
        "blob_key": "none",
    }
    Segment(session_id=session_id, sha256=sha256, **{**usual, **fields}).save()
