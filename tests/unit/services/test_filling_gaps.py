"""Gaps that the candidate's own browser fills, from the chunk to the joined recording."""

from __future__ import annotations

import hashlib
import io
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from proctorhub.domain import evidence, webm_capture
from proctorhub.domain.media import ClosedSegment, NotedGap
from proctorhub.domain.webm_capture import Block
from proctorhub.media.webm import VideoTrack, header
from proctorhub.records.base import utc_now
from proctorhub.records.sessions import ClientChunk, Gap, Segment, Session
from proctorhub.services import (
    backfill,
    changing,
    log,
    playback,
    proctoring,
    recorded,
    recording,
    report,
    settling,
)
from proctorhub.services.errors import Conflict, Invalid, NotFound

RATE = 10
AGO_MS = 40_000


def film(seconds: float, brightness: int) -> bytes:
    """A WebM of VP8 with keyframes every second, and Opus."""
    out = io.BytesIO()
    with av.open(out, "w", format="webm") as container:
        video = container.add_stream("libvpx", rate=RATE, options={"g": str(RATE)})
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        sound = container.add_stream("libopus", rate=48_000)
        for _ in range(int(seconds * RATE)):
            picture = np.full((120, 160, 3), brightness, np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
        for n in range(int(seconds * 50)):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1920), np.int16), layout="stereo")
            frame.rate, frame.pts = 48_000, n * 960
            container.mux(sound.encode(frame))
        container.mux(video.encode(None))
        container.mux(sound.encode(None))
    return out.getvalue()


@pytest.fixture(scope="module")
def bright() -> bytes:
    return film(4, 200)


@pytest.fixture(scope="module")
def dark() -> bytes:
    return film(4, 40)


class Camera:
    """A session's camera: 4 s recorded, a gap of 6 s, 4 s recorded."""

    def __init__(self, candidate, session_id: str, folder: Path, dark: bytes):
        self.candidate, self.id, self.folder = candidate, session_id, folder
        now = log.millis(utc_now())
        opened = recording.moment(now - AGO_MS)
        Session.objects(id=session_id).update(checked_in_at=opened)
        self.origin = recording.origin_ms(session_id)
        self.t = self.origin + 2000
        self.segment("one", self.t, dark)
        recording.source_closed(session_id, "camera", "one", self.t + 4000, "connection_lost")
        self.segment("two", self.t + 10_000, dark)

    def segment(self, chain: str, at: int, film: bytes, ms: int = 4000) -> None:
        head = header(VideoTrack("VP8", 160, 120), True)
        blocks = self.frames(chain, at, film)
        data = webm_capture.write(head, blocks, self.origin)
        path = self.folder / f"{chain}.webm"
        path.write_bytes(data)
        recording.source_opened(self.id, "camera", chain, at, replaced=False)
        closed = ClosedSegment(
            self.id, "camera", chain, 0, self.origin, at, at + ms, len(data),
            hashlib.sha256(data).hexdigest(), len(head), "VP8", 160, 120, True, 40, 200, 0,
        )  # fmt: skip
        recording.store_segment(closed, path)

    def frames(self, chain: str, at: int, film: bytes) -> list[Block]:
        frames = sorted(webm_capture.read(film).blocks, key=lambda b: b.at_ms)
        return [Block(b.track, at + b.at_ms, b.data, b.key) for b in frames]

    def gaps(self) -> list[tuple[int, int]]:
        (camera, screen) = backfill.gaps(self.candidate, self.id)["items"]
        assert screen["gaps"] == []
        return [
            (log.millis(g["started_at"]) - self.t, log.millis(g["ended_at"]) - self.t)
            for g in camera["gaps"]
        ]

    def send(self, number: int, at: int, data: bytes, **changes):
        sent = {
            "actor": self.candidate,
            "session_id": self.id,
            "source": "camera",
            "number": number,
            "started_at": recording.moment(self.t + at),
            "ended_at": recording.moment(self.t + at + 4000),
            "sha256": hashlib.sha256(data).hexdigest(),
            "data": data,
        }
        return backfill.fill(**{**sent, **changes})


@pytest.fixture
def camera(candidate, sitting_until, tmp_path, dark) -> Camera:
    return Camera(candidate, sitting_until("running"), tmp_path, dark)


def test_two_chunks_heal_a_gap(camera, proctor, bright):
    assert camera.gaps() == [(4000, 10_000)]
    first = camera.send(0, 2500, bright)
    assert [(f["segment_id"], first["number"]) for f in first["filled"]] == [
        (f"{camera.id}-camera-0-0", 0)
    ]
    assert camera.gaps() == [(6500, 10_000)]
    camera.send(1, 6300, bright)
    assert camera.gaps() == []

    track = report.media(proctor, camera.id)["tracks"][0]
    assert [s["origin"] for s in track["segments"]] == ["node", "client", "client", "node"]
    assert track["gaps"] == []
    (healed,) = track["healed"]
    assert (healed["cause"], healed["origin"]) == ("network", "client")
    assert log.millis(healed["started_at"]) == camera.t + 4000
    assert track["backfilled_s"] == 6.0
    assert track["recorded_s"] + 6 == pytest.approx(track["expected_s"] * track["completeness"])


def test_the_joined_recording_plays_through(camera, proctor, bright):
    camera.send(0, 2500, bright)
    camera.send(1, 6300, bright)
    film = playback.open(proctor, camera.id, "camera")
    whole = io.BytesIO(b"".join(film.read(0, film.size)))
    with av.open(whole) as container:
        seen = [
            (frame.time, frame.to_ndarray(format="gray").mean())
            for frame in container.decode(video=0)
        ]
    assert 13.8 <= seen[-1][0] <= 14
    assert all(later[0] - earlier[0] < 0.25 for earlier, later in pairwise(seen))
    assert all(light > 150 for at, light in seen if 4 <= at < 9.95)
    assert all(light < 80 for at, light in seen if at < 3.95 or at >= 10)


def test_a_segment_without_pictures_does_not_split_the_recording(camera, bright):
    camera.send(0, 4000, bright)
    Segment.objects(chain="two").update(video_codec=None)
    assert [len(part) for part in playback.parts_of(camera.id, "camera")] == [3]
    Segment.objects(chain="one").update(video_codec=None)
    (part,) = playback.parts_of(camera.id, "camera")
    assert playback.described_by(part).origin == "client"
    Segment.objects(chain="two").update(video_codec="H264")
    assert [len(part) for part in playback.parts_of(camera.id, "camera")] == [2, 1]


def test_the_log_tells_of_it_and_stays_intact(camera, bright):
    camera.send(0, 4000, bright)
    (entry,) = log.of_kind(camera.id, "segment.backfilled")
    stored = Segment.objects.get(id=entry["data"]["segment_id"])
    assert entry["data"]["sha256"] == stored.sha256
    assert entry["data"]["origin"] == stored.origin == "client"
    chunk = ClientChunk.objects.get(session_id=camera.id)
    assert entry["data"]["chunk"] == {"number": 0, "sha256": chunk.sha256}
    assert entry["actor"]["role"] == "candidate"
    kept = b"".join(backfill.current().store.get(chunk.blob_key))
    assert kept == bright
    assert evidence.verify(list(log.entries(camera.id))).intact


def test_the_same_chunk_twice(camera, bright):
    first = camera.send(0, 4000, bright)
    assert camera.send(0, 4000, bright) == first
    assert len(log.of_kind(camera.id, "segment.backfilled")) == 1
    assert ClientChunk.objects.count() == 1


def test_a_crash_in_between_is_made_good_by_the_next_try(camera, bright, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(backfill, "_store", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            camera.send(0, 4000, bright)
    assert len(camera.send(0, 4000, bright)["filled"]) == 1


def test_storage_that_is_away_leaves_the_gap_open(camera, bright, monkeypatch):
    def away(*_, **__):
        raise OSError("storage is away")

    with monkeypatch.context() as patched:
        patched.setattr(type(backfill.current().store), "put", away)
        with pytest.raises(OSError):
            camera.send(0, 4000, bright)
    (item, _) = backfill.gaps(camera.candidate, camera.id)["items"]
    assert item["next_number"] == 0 and camera.gaps() == [(4000, 10_000)]
    assert len(camera.send(0, 4000, bright)["filled"]) == 1


def test_what_a_crash_left_undone_is_finished_from_the_chunk(camera, bright, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(backfill, "_store", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            camera.send(0, 4000, bright)
    assert camera.gaps() == [(8000, 10_000)], "nobody else is to fill it"
    assert backfill.finish_accepted() == 0, "the request may still be at work"
    ClientChunk.objects.update(received_at=utc_now() - 2 * backfill.UNFINISHED_AFTER)
    assert [backfill.finish_accepted() for _ in range(2)] == [1, 0]
    (entry,) = log.of_kind(camera.id, "segment.backfilled")
    assert entry["actor"]["id"] == camera.candidate.user_id
    stored = Segment.objects.get(origin="client")
    assert (stored.started_at_ms, stored.ended_at_ms) == (camera.t + 4000, camera.t + 8000)
    (again,) = camera.send(0, 4000, bright)["filled"]
    assert again["segment_id"] == stored.id and Segment.objects(origin="client").count() == 1


def test_a_chunk_that_cannot_be_finished_is_in_nobodys_way(camera, bright, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(backfill, "_store", lambda *_: 1 / 0)
        for number, at in enumerate((2500, 6300)):
            with pytest.raises(ZeroDivisionError):
                camera.send(number, at, bright)
    old = utc_now() - 2 * backfill.UNFINISHED_AFTER
    ClientChunk.objects.update(received_at=old)
    ClientChunk.objects(number=0).update(blob_key="sessions/none.webm")
    assert backfill.finish_accepted() == 1
    assert [c.filled for c in ClientChunk.objects.order_by("number")] == [False, True]


def test_two_that_finish_a_chunk_at_once_agree(camera, bright, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(backfill, "_tell", lambda *_: None)
        first = camera.send(0, 4000, bright)
    kept = Segment.objects.get(origin="client")
    # the other, which saw no segment yet, finds another neighbour and makes other bytes of it
    Segment.objects(chain="one").update(has_audio=False)
    find, calls = backfill._stored, iter([lambda _: None])
    monkeypatch.setattr(backfill, "_stored", lambda name: next(calls, find)(name))
    assert camera.send(0, 4000, bright) == first
    assert Segment.objects.get(origin="client") == kept
    (entry,) = log.of_kind(camera.id, "segment.backfilled")
    assert entry["data"]["sha256"] == kept.sha256
    blob = b"".join(backfill.current().store.get(kept.blob_key))
    assert hashlib.sha256(blob).hexdigest() == kept.sha256
    assert len(list(backfill.current().store.list(f"sessions/{camera.id}/camera/backfill-0"))) == 2


def test_a_former_versions_chunk_claims_all_of_its_time(camera, bright):
    camera.send(0, 2500, bright)
    ClientChunk._get_collection().update_one({}, {"$unset": {"wanted": "", "filled": ""}})
    assert camera.gaps() == [(6500, 10_000)]
    assert camera.send(0, 2500, bright)["number"] == 0
    assert backfill.finish_accepted() == 0
    assert Segment.objects(origin="client").count() == 1


def test_nothing_is_read_when_nothing_is_missing(camera, monkeypatch):
    monkeypatch.setattr(webm_capture, "read", lambda _: pytest.fail("read"))
    with pytest.raises(Conflict) as refused:
        camera.send(0, 10_000, b"RIFF")
    assert refused.value.code == "no_gap"


REFUSED = {
    "no_gap": {"started_at": 10_000, "ended_at": 14_000},
    "wrong_number": {"number": 7},
    "ended_at": {"ended_at": 4000 - 1},
    "sha256": {"sha256": "0" * 64},
    "body": {"data": b"RIFF"},
}


@pytest.mark.parametrize("why", REFUSED)
def test_refused_and_nothing_changed(camera, bright, why):
    changes = dict(REFUSED[why])
    for name in ("started_at", "ended_at"):
        if name in changes:
            changes[name] = recording.moment(camera.t + changes[name])
    data = changes.pop("data", bright)
    with pytest.raises((Conflict, Invalid)) as refused:
        camera.send(changes.pop("number", 0), 4000, data, **changes)
    assert why in (refused.value.code, refused.value.field)
    assert ClientChunk.objects.count() == 0
    assert Segment.objects(origin="client").count() == 0


def test_times_that_cannot_be(camera, bright):
    for start, end in ((0, 31_000), (0, 1000), (AGO_MS, AGO_MS + 4000)):
        with pytest.raises(Invalid):
            camera.send(
                0, 0, bright,
                started_at=recording.moment(camera.t + 4000 + start),
                ended_at=recording.moment(camera.t + 4000 + end),
            )  # fmt: skip


def test_another_chunk_under_the_same_number(camera, bright, dark):
    camera.send(0, 4000, bright)
    with pytest.raises(Conflict) as refused:
        camera.send(0, 4000, dark)
    assert refused.value.code == "number_taken"


def test_only_the_candidate(camera, bright, person, proctor):
    for stranger in (person("candidate"), proctor):
        with pytest.raises(NotFound):
            backfill.gaps(stranger, camera.id)
        with pytest.raises(NotFound):
            camera.send(0, 4000, bright, actor=stranger)
    with pytest.raises(NotFound):
        camera.send(0, 4000, bright, source="proctor")


def test_after_the_end_only_for_a_moment(camera, bright, proctor):
    proctoring.interrupt(proctor, camera.id, "power cut")
    assert camera.send(0, 4000, bright)["filled"]
    before = changing.raw(camera.id)["finished_at"] - 2 * backfill.GRACE
    Session.objects(id=camera.id).update(finished_at=before)
    with pytest.raises(Conflict) as refused:
        camera.send(1, 6300, bright)
    assert refused.value.code == "state_not_allowed"


def decoded(actor, session_id: str):
    """The joined recording's pictures as (time, brightness), and the times of its sound."""
    film = playback.open(actor, session_id, "camera")
    whole = b"".join(film.read(0, film.size))
    with av.open(io.BytesIO(whole)) as container:
        packets = [
            (packet.stream.type, float(packet.pts * packet.time_base))
            for packet in container.demux()
            if packet.pts is not None
        ]
    with av.open(io.BytesIO(whole)) as container:
        seen = [(f.time, f.to_ndarray(format="gray").mean()) for f in container.decode(video=0)]
    by_kind = {kind: [at for k, at in packets if k == kind] for kind in ("video", "audio")}
    return seen, by_kind


class Halves(Camera):
    """A camera whose picture, or sound, is missing for 3.5 s while the other goes on."""

    def __init__(self, candidate, session_id: str, folder: Path, dark: bytes, missing: int):
        self.missing = missing
        super().__init__(candidate, session_id, folder, dark)
        track = {webm_capture.VIDEO: "video", webm_capture.AUDIO: "audio"}[missing]
        at = (track, self.t + 14_500, self.t + 18_000, "network")
        recording.note_gap(NotedGap(session_id, "camera", "three", *at))

    def segment(self, chain: str, at: int, film: bytes, ms: int = 4000) -> None:
        super().segment(chain, at, film, ms)
        if chain == "two":
            super().segment("three", at + 4000, b"", 8000)

    def frames(self, chain: str, at: int, film: bytes) -> list[Block]:
        if chain != "three":
            return super().frames(chain, at, film)
        # eight seconds in one segment, with a hole in one track
        source = Halves.film
        blocks = [
            Block(b.track, at + offset + b.at_ms, b.data, b.key)
            for offset in (0, 4000)
            for b in source
            if not (b.track == self.missing and 500 < offset + b.at_ms < 4000)
        ]
        return sorted(blocks, key=lambda b: b.at_ms)


@pytest.mark.parametrize("missing", [webm_capture.VIDEO, webm_capture.AUDIO])
def test_a_hole_of_one_track_is_filled_inside_its_segment(
    missing, candidate, proctor, sitting_until, tmp_path, dark, bright
):
    Halves.film = webm_capture.read(dark).blocks
    camera = Halves(candidate, sitting_until("running"), tmp_path, dark, missing)
    assert camera.gaps() == [(4000, 10_000), (14_500, 18_000)]
    (filled,) = camera.send(0, 14_000, bright)["filled"]
    stored = Segment.objects.get(id=filled["segment_id"])
    counts = {webm_capture.VIDEO: stored.video_frames, webm_capture.AUDIO: stored.audio_frames}
    assert counts[missing] > 0 and [n for t, n in counts.items() if t != missing] == [0]
    assert stored.within == "three-000000" and stored.within_offset > 0
    assert camera.gaps() == [(4000, 10_000)]

    track = report.media(proctor, camera.id)["tracks"][0]
    assert [g["track"] for g in track["gaps"]] == ["all"]
    name = {webm_capture.VIDEO: "video", webm_capture.AUDIO: "audio"}[missing]
    assert [h["track"] for h in track["healed"]] == [name]
    by_track = {t["track"]: t["backfilled_s"] for t in track["by_track"]}
    assert by_track == {"video": 0.0, "audio": 0.0, name: 3.5}

    seen, times = decoded(proctor, camera.id)
    for at in times.values():
        assert all(b >= a - 0.01 for a, b in pairwise(at))
    whole = [at for at in times["video" if missing == webm_capture.VIDEO else "audio"] if at >= 14]
    assert all(b - a <= 0.25 for a, b in pairwise(whole)) and whole[-1] >= 21.5
    if missing == webm_capture.VIDEO:
        assert all(light > 150 for at, light in seen if 14.55 <= at < 17.95)
    assert all(light < 80 for at, light in seen if at >= 18 or 14 <= at < 14.45)


@pytest.mark.parametrize("missing", [webm_capture.VIDEO, webm_capture.AUDIO])
def test_a_gap_noted_later_within_a_chunk_that_was_sent_is_filled_too(
    missing, candidate, proctor, sitting_until, tmp_path, dark, bright
):
    Halves.film = webm_capture.read(dark).blocks
    camera = Halves(candidate, sitting_until("running"), tmp_path, dark, missing)
    track = {webm_capture.VIDEO: "video", webm_capture.AUDIO: "audio"}[missing]
    Gap.objects(chain="three").delete()

    def told(start: int, end: int) -> None:
        at = (track, camera.t + start, camera.t + end, "network")
        recording.note_gap(NotedGap(camera.id, "camera", "three", *at))

    told(14_500, 16_000)
    first = camera.send(0, 14_000, bright)
    assert camera.gaps() == [(4000, 10_000)]
    told(16_000, 18_000)
    assert camera.gaps() == [(4000, 10_000), (16_000, 18_000)]
    (filled,) = camera.send(1, 14_000, bright)["filled"]
    assert 0 <= log.millis(filled["started_at"]) - camera.t - 16_000 < 20, "a sound later at most"
    assert camera.gaps() == [(4000, 10_000)]
    # what is known by now makes no difference to the first
    assert camera.send(0, 14_000, bright) == first
    assert Segment.objects(origin="client").count() == 2

    account = report.media(proctor, camera.id)["tracks"][0]
    assert [gap["track"] for gap in account["gaps"]] == ["all"]
    by_track = {t["track"]: t["backfilled_s"] for t in account["by_track"]}
    assert by_track == {"video": 0.0, "audio": 0.0, track: 3.5}
    seen, times = decoded(proctor, camera.id)
    for at in times.values():
        assert all(b >= a - 0.01 for a, b in pairwise(at))
    if missing == webm_capture.VIDEO:
        assert all(light > 150 for at, light in seen if 14.55 <= at < 17.95)
    assert all(light < 80 for at, light in seen if at >= 18 or 14 <= at < 14.45)


def test_a_candidate_who_vanished_fills_the_end_afterwards(camera, proctor, bright):
    camera.send(0, 2500, bright)
    camera.send(1, 6300, bright)
    recording.source_closed(camera.id, "camera", "two", camera.t + 14_000, "connection_lost")
    proctoring.interrupt(proctor, camera.id, "nobody there")
    Session.objects(id=camera.id).update(finished_at=recording.moment(camera.t + 20_000))
    assert backfill.gaps(camera.candidate, camera.id)["settled"] is False
    session = changing.raw(camera.id)
    assert settling.is_settled(session, [], session["finished_at"] + settling.LOST_AFTER * 2)
    for _ in range(2):
        settling.note_last_gaps(session)
    (entry,) = [e for e in log.of_kind(camera.id, "gap.noted") if e["data"]["track"] == "all"][1:]
    assert (entry["data"]["started_at"], entry["data"]["ended_at"]) == (
        camera.t + 14_000,
        camera.t + 20_000,
    )
    assert entry["data"]["cause"] == "network"
    assert backfill.gaps(camera.candidate, camera.id)["settled"] is True
    assert camera.gaps() == [(14_000, 20_000)]
    camera.send(2, 14_000, bright)
    assert camera.gaps() == [(18_000, 20_000)]
    track = report.media(proctor, camera.id)["tracks"][0]
    (gap,) = track["gaps"]
    assert log.millis(gap["started_at"]) == camera.t + 18_000
    total = track["recorded_s"] + track["backfilled_s"] + 2.0
    assert total == track["expected_s"] == 20.0


def test_a_gap_behind_a_filling_is_measured_from_what_the_node_has(
    candidate, sitting_until, tmp_path, dark, bright
):
    Halves.film = webm_capture.read(dark).blocks
    camera = Halves(candidate, sitting_until("running"), tmp_path, dark, webm_capture.VIDEO)
    camera.send(0, 14_000, bright)  # within the chain's segment, from 14.5 to 18 s of 22
    recording.source_closed(camera.id, "camera", "three", camera.t + 22_000, "connection_lost")
    camera.segment("four", camera.t + 25_000, dark)
    noted = Gap.objects.get(chain="four")
    assert (noted.started_at_ms, noted.ended_at_ms) == (camera.t + 22_000, camera.t + 25_000)
    assert noted.cause == "network"


def test_a_gap_before_a_chain_that_is_stored_late_has_the_fillings_in_it(camera, bright, dark):
    camera.send(0, 4000, bright)
    camera.segment("late", camera.t + 9000, dark)
    noted = Gap.objects.get(chain="late")
    assert (noted.started_at_ms, noted.ended_at_ms) == (camera.t + 4000, camera.t + 9000)
    assert noted.cause == "network"


@pytest.mark.parametrize("waits_for", ["the candidate", "its node"])
def test_sessions_that_wait_are_in_no_others_way(camera, proctor, bright, monkeypatch, waits_for):
    monkeypatch.setattr(recorded, "_AT_ONCE", 1)
    proctoring.interrupt(proctor, camera.id, "nobody there")
    if waits_for == "the candidate":
        end = camera.t + 14_000
        recording.source_closed(camera.id, "camera", "two", end, "session_ended")
    Session.objects(id=camera.id).update(finished_at=recording.moment(camera.t + 14_000))
    session = changing.raw(camera.id)
    closed = {"camera": {**session["sources"]["camera"], "state": "closed"}}
    other = {**session, "_id": "another", "attempt": 2, "sources": closed}
    Session._get_collection().insert_one(other)
    assert sum(recorded.tell_finished() for _ in range(3)) == 1
    assert changing.raw("another")["recordings_told"]
    first = changing.raw(camera.id)
    assert not first["recordings_told"]
    if waits_for == "the candidate":
        assert first["last_gaps_noted"]
        camera.send(0, 2500, bright)
        camera.send(1, 6300, bright)
        assert recorded.tell_finished() == 1


def test_another_codec_than_the_node_recorded_fills_nothing(camera, bright):
    Segment.objects(session_id=camera.id).update(video_codec="H264")
    with pytest.raises(Conflict) as refused:
        camera.send(0, 4000, bright)
    assert refused.value.code == "other_codec"
    assert ClientChunk.objects.count() == 0
