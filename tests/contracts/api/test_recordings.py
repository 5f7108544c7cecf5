"""Stored media over HTTP ranges, as a browser's player asks for it."""

from __future__ import annotations

import hashlib
import io

import pytest

from proctorhub.records.sessions import LogEntry, Segment
from proctorhub.services import runtime

DATA = bytes(range(256)) * 40
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def path(sitting, database: runtime.Runtime) -> str:
    """The address of one stored segment."""
    database.store.put("s/1.webm", io.BytesIO(DATA), size=len(DATA), sha256=SHA256)
    Segment(
        id="seg1",
        session_id=sitting.id,
        source="camera",
        chain="c",
        seq=0,
        origin_ms=0,
        started_at_ms=0,
        ended_at_ms=4000,
        bytes=len(DATA),
        sha256=SHA256,
        header_bytes=10,
        blob_key="s/1.webm",
    ).save()
    return f"/sessions/{sitting.id}/segments/seg1"


def test_the_whole_file(proctor, path):
    answer = proctor.get(path)
    assert (answer.status_code, answer.data) == (200, DATA)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.content_type == "video/webm"


RANGES = {"0-0": (0, 1), "100-": (100, None), "-5": (-5, None), "5-9": (5, 10)}


def test_a_range(proctor, path):
    for asked, (start, end) in RANGES.items():
        answer = proctor.get(path, headers={"Range": f"bytes={asked}"})
        part = DATA[start:end]
        assert (answer.status_code, answer.data) == (206, part), asked
        first = start % len(DATA)
        shown = f"bytes {first}-{first + len(part) - 1}/{len(DATA)}"
        assert answer.headers["Content-Range"] == shown
        assert int(answer.headers["Content-Length"]) == len(part)


def test_a_range_outside_the_file(proctor, path):
    answer = proctor.get(path, headers={"Range": f"bytes={len(DATA)}-"})
    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"


def test_ranges_and_versions(proctor, path):
    same = {"Range": "bytes=0-9", "If-Range": f'"{SHA256}"'}
    assert proctor.get(path, headers=same).status_code == 206
    for other in ('"other"', f'W/"{SHA256}"', "Sat, 21 Nov 2026 09:00:00 GMT"):
        answer = proctor.get(path, headers={"Range": "bytes=0-9", "If-Range": other})
        assert (answer.status_code, answer.data) == (200, DATA), other
    known = proctor.get(path, headers={"If-None-Match": f'"{SHA256}"'})
    assert (known.status_code, known.data) == (304, b"")


def test_head_tells_the_size_and_sends_nothing(proctor, path):
    answer = proctor.http.head("/api/v1" + path, headers={"Range": "bytes=0-9"})
    assert (answer.status_code, answer.data) == (206, b"")
    assert answer.headers["Content-Length"] == "10"


def test_players_that_hang_up_give_their_place_back(app, proctor, path):
    gate = app.extensions["proctorhub.streams"]
    for _ in range(gate.limit + 1):
        answer = proctor.http.get("/api/v1" + path, buffered=False)
        assert answer.status_code == 200
        answer.close()
    assert gate.count == 0


def test_too_many_players_are_told_to_come_back(app, proctor, path):
    gate = app.extensions["proctorhub.streams"]
    for _ in range(gate.limit):
        gate.enter("stream")
    answer = proctor.get(path)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_head_needs_no_place(app, proctor, path):
    gate = app.extensions["proctorhub.streams"]
    for _ in range(gate.limit):
        gate.enter("stream")
    assert proctor.http.head("/api/v1" + path).status_code == 200


def test_every_read_is_logged(proctor, sitting, path):
    proctor.get(path)
    entry = LogEntry.objects(session_id=sitting.id, kind="evidence.read").first()
    assert entry.data == {"what": "segment:seg1"}
    assert entry.actor["id"] == proctor.user_id


def test_what_is_not_recorded_is_not_found(proctor, sitting):
    for name in ("camera", "check", "..", "camera%00"):
        assert proctor.get(f"/sessions/{sitting.id}/recordings/{name}.webm").status_code == 404
