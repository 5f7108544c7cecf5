from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proctorhub.domain.media import ClosedSegment, NotedGap
from proctorhub.media import attempts, upload
from proctorhub.media.ledger import Refused
from proctorhub.media.spool import ChainRecord, Spool
from proctorhub.media.upload import Uploader
from tests.waiting import wait_for

RECORD = ChainRecord("session", "camera", "chain", 0, 0)


class MemoryLedger:
    """Keeps calls; `failing` decides what a call raises."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self.failing: Callable[[str], Exception | None] = lambda what: None

    def _take(self, what: str, value: Any) -> None:
        error = self.failing(what)
        if error is not None:
            raise error
        self.calls.append((what, value))

    def origin_ms(self, session_id: str) -> int:
        return 0

    def source_opened(self, *args: Any, **values: Any) -> None:
        self._take("source_opened", values)

    def source_closed(self, *args: Any, **values: Any) -> None:
        self._take("source_closed", values)

    def store_segment(self, segment: ClosedSegment, path: Path) -> None:
        assert path.read_bytes()
        self._take("store_segment", segment.seq)

    def try_storage(self) -> None:
        error = self.failing("try_storage")
        if error is not None:
            raise error

    def note_gap(self, gap: NotedGap) -> None:
        self._take("note_gap", gap)

    def track_state(self, *args: Any, **values: Any) -> None:
        self._take("track_state", values)

    def ended_sessions(self, stop: threading.Event) -> Iterator[str]:
        return iter(())


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


class Recording:
    """Whether something is recorded, and how often that was asked."""

    def __init__(self) -> None:
        self.now = False
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.now


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def uploader(
    tmp_path: Path,
    ledger: MemoryLedger,
    recording: Recording,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Uploader]:
    monkeypatch.setattr(upload, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(upload, "LAST_RETRY_S", 0.05)
    made = Uploader(Spool(tmp_path, 1 << 30), ledger, recording)
    yield made
    made.stop(0)


def _segment(uploader: Uploader, seq: int) -> tuple[ClosedSegment, Path]:
    spool = uploader._spool
    folder = spool.open_chain(RECORD)
    (folder / f"{seq:06d}.part").write_bytes(b"media")
    values = dict.fromkeys(
        (
            "origin_ms",
            "started_at_ms",
            "ended_at_ms",
            "header_bytes",
            "width",
            "height",
            "video_frames",
            "audio_frames",
            "lost_packets",
        ),
        0,
    )
    return spool.finish(
        folder / f"{seq:06d}.part",
        {
            **values,
            "started_at_ms": 5,
            "ended_at_ms": 9,
            "video_frames": 1,
            "audio_frames": 1,
            "session_id": "session",
            "source": "camera",
            "chain": "chain",
            "seq": seq,
            "video_codec": None,
            "has_audio": True,
        },
    )


def _gap(start: int) -> dict[str, Any]:
    return {
        "session_id": "session",
        "source": "camera",
        "chain": "chain",
        "track": "video",
        "started_at_ms": start,
        "ended_at_ms": start + 1,
        "cause": "network",
    }


def test_what_waits_on_disk_is_told_at_the_start(uploader: Uploader, ledger: MemoryLedger) -> None:
    _segment(uploader, 0)
    uploader._spool.add_note("note_gap", _gap(1))
    uploader.start()
    wait_for(lambda: len(ledger.calls) == 2)
    wait_for(lambda: uploader.waiting == 0)
    assert not uploader._spool.closed_segments() and not uploader._spool.notes()


def test_a_failed_segment_is_tried_again_and_holds_up_no_other(
    uploader: Uploader, ledger: MemoryLedger
) -> None:
    failures = iter([ConnectionError(), TimeoutError()])
    ledger.failing = lambda what: next(failures, None)
    for seq in range(3):
        _segment(uploader, seq)
    uploader.start()
    wait_for(lambda: uploader.stored == 3)
    assert sorted(seq for _, seq in ledger.calls) == [0, 1, 2]
    assert uploader.failures == 2
    assert uploader.failing_since is None


def alarmed(uploader: Uploader, *recorded: tuple[str, str]) -> set[tuple[str, str, str]]:
    return {(a.session_id, a.source, a.reason.value) for a in uploader.alarms(recorded)}


def test_a_storage_that_hangs_alarms_for_all_that_is_recorded(
    uploader: Uploader, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "HANGING_AFTER_S", 0.1)
    release = threading.Event()
    ledger.failing = lambda what: None if release.wait(20) else TimeoutError()
    began = time.time()
    uploader.start()
    assert alarmed(uploader, ("other", "screen")) == set()
    uploader.add_segment(*_segment(uploader, 0))
    wanted = {("session", "camera", "hanging"), ("other", "screen", "hanging")}
    wait_for(lambda: alarmed(uploader, ("other", "screen")) == wanted)
    assert all(began - 1 <= a.since_ms / 1000 <= time.time() for a in uploader.alarms([]))
    release.set()
    wait_for(lambda: uploader.stored == 1)
    assert alarmed(uploader, ("other", "screen")) == set()


def test_a_storage_that_refuses_alarms_until_it_takes_something(
    uploader: Uploader, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "FAILING_AFTER_S", 0.05)
    away = threading.Event()
    away.set()
    ledger.failing = lambda what: (
        OSError("away") if away.is_set() and what == "store_segment" else None
    )
    uploader.start()
    for seq in range(3):
        uploader.add_segment(*_segment(uploader, seq))
    # notes go through meanwhile, which says nothing about storage
    uploader.add_note("note_gap", **_gap(1))
    wait_for(lambda: ("session", "camera", "failing") in alarmed(uploader))
    wait_for(lambda: len(ledger.calls) == 1)
    assert alarmed(uploader, ("other", "camera")) == {
        ("session", "camera", "failing"),
        ("other", "camera", "failing"),
    }
    away.clear()
    wait_for(lambda: uploader.stored == 3)
    assert alarmed(uploader, ("other", "camera")) == set()


@pytest.mark.parametrize("how", ["failing", "hanging"])
def test_storage_is_tried_while_no_segment_is_due(
    uploader: Uploader,
    ledger: MemoryLedger,
    recording: Recording,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    monkeypatch.setattr(upload, "TRIED_AFTER_S", 0.02)
    monkeypatch.setattr(attempts, "FAILING_AFTER_S", 0.05)
    monkeypatch.setattr(attempts, "HANGING_AFTER_S", 0.05)
    back = threading.Event()

    def away(what: str) -> Exception | None:
        if how == "hanging":
            back.wait(20)
        return None if back.is_set() else OSError("away")

    ledger.failing = away
    recording.now = True
    uploader.start()
    wait_for(lambda: alarmed(uploader, ("other", "camera")) == {("other", "camera", how)})
    # a segment that came meanwhile is stored as soon as storage is found to be back
    monkeypatch.setattr(upload, "FIRST_RETRY_S", 600.0)
    monkeypatch.setattr(upload, "LAST_RETRY_S", 600.0)
    uploader.add_segment(*_segment(uploader, 0))
    back.set()
    wait_for(lambda: uploader.stored == 1)
    wait_for(lambda: alarmed(uploader, ("other", "camera")) == set())


def test_storage_is_left_alone_while_nothing_is_recorded(
    uploader: Uploader,
    ledger: MemoryLedger,
    recording: Recording,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(upload, "TRIED_AFTER_S", 0.02)
    asked: list[str] = []
    ledger.failing = lambda what: asked.append(what)
    uploader.start()
    uploader.add_segment(*_segment(uploader, 0))
    wait_for(lambda: uploader.stored == 1 and recording.asked >= 3)
    assert asked == ["store_segment"]
    recording.now = True
    wait_for(lambda: "try_storage" in asked)


def test_once_storage_is_back_nothing_waits_for_its_turn(
    uploader: Uploader, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "LAST_RETRY_S", 600.0)
    away = threading.Event()
    away.set()
    ledger.failing = lambda what: OSError("away") if away.is_set() else None
    uploader.start()
    uploader.add_segment(*_segment(uploader, 0))
    wait_for(lambda: uploader.failures == 5)
    monkeypatch.setattr(upload, "FIRST_RETRY_S", 600.0)
    uploader.add_segment(*_segment(uploader, 1))
    wait_for(lambda: uploader.failures >= 6)
    away.clear()
    uploader.add_segment(*_segment(uploader, 2))
    wait_for(lambda: uploader.stored == 3)


def test_a_segment_that_is_long_behind_alarms_alone(
    uploader: Uploader, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upload, "BEHIND_AFTER_S", 0.3)
    first = threading.Event()

    def failing(what: str) -> Exception | None:
        return OSError("not this one") if poisoned() else None

    def poisoned() -> bool:
        storing = uploader._storing
        return storing is not None and storing.segment.seq == 0 and not first.is_set()

    ledger.failing = failing
    uploader.start()
    uploader.add_segment(*_segment(uploader, 0))
    numbers = iter(range(1, 10_000))

    def behind() -> bool:
        uploader.add_segment(*_segment(uploader, next(numbers)))
        return alarmed(uploader, ("other", "camera")) == {("session", "camera", "behind")}

    wait_for(behind)
    first.set()
    wait_for(lambda: alarmed(uploader) == set())


def test_notes_wait_for_their_turn_however_long_it_takes(
    uploader: Uploader, ledger: MemoryLedger
) -> None:
    away = threading.Event()
    away.set()
    ledger.failing = lambda what: ConnectionError() if away.is_set() else None
    uploader.start()
    for start in range(5):
        uploader.add_note("note_gap", **_gap(start))
    wait_for(lambda: uploader.failures >= 3)
    assert uploader.failing_since is not None and not ledger.calls
    away.clear()
    wait_for(lambda: len(ledger.calls) == 5)
    assert [gap.started_at_ms for _, gap in ledger.calls] == [0, 1, 2, 3, 4]


def test_a_refused_note_is_dropped(uploader: Uploader, ledger: MemoryLedger) -> None:
    ledger.failing = lambda what: Refused("not_found", "There is no such session.")
    uploader.start()
    uploader.add_note("note_gap", **_gap(1))
    wait_for(lambda: not uploader._spool.notes())


def test_a_refused_segment_is_put_aside_and_its_media_noted_as_missing(
    uploader: Uploader, ledger: MemoryLedger
) -> None:
    ledger.failing = lambda what: (
        Refused("segment_damaged", "It is not what it was.") if what == "store_segment" else None
    )
    uploader.start()
    uploader.add_segment(*_segment(uploader, 0))
    wait_for(lambda: len(ledger.calls) == 2)
    spool = uploader._spool
    assert [(g.track, g.cause, g.started_at_ms, g.ended_at_ms) for _, g in ledger.calls] == [
        ("video", "storage", 5, 9),
        ("audio", "storage", 5, 9),
    ]
    spool.end_chain(spool.folder(RECORD))
    assert uploader.refused == 1 and uploader.failing_since is None
    assert spool.used_bytes == 0 and not spool.sessions() and not spool.closed_segments()
    names = sorted(path.name for path in (spool.root / "refused").iterdir())
    assert names == ["session-camera-chain-000000.json", "session-camera-chain-000000.webm"]
    wait_for(lambda: uploader.waiting == 0)


def test_stopping_waits_until_all_is_told(uploader: Uploader, ledger: MemoryLedger) -> None:
    def slowly(what: str) -> None:
        time.sleep(0.05)

    ledger.failing = slowly
    uploader.start()
    for seq in range(4):
        uploader.add_segment(*_segment(uploader, seq))
    assert uploader.stop(5.0) == 0
    assert len(ledger.calls) == 4


def test_stopping_does_not_wait_for_a_ledger_that_is_away(
    uploader: Uploader, ledger: MemoryLedger
) -> None:
    ledger.failing = lambda what: ConnectionError()
    uploader.start()
    uploader.add_segment(*_segment(uploader, 0))
    wait_for(lambda: uploader.failing_since is not None)
    began = time.monotonic()
    assert uploader.stop(30.0) == 1
    assert time.monotonic() - began < 15
    assert len(uploader._spool.closed_segments()) == 1


def test_what_the_disk_does_not_keep_is_told_all_the_same(
    uploader: Uploader, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    away = threading.Event()
    away.set()
    ledger.failing = lambda what: ConnectionError() if away.is_set() else None
    uploader.start()
    uploader.add_note("note_gap", **_gap(0))
    with monkeypatch.context() as patched:
        patched.setattr(uploader._spool, "add_note", full)
        uploader.add_note("note_gap", **_gap(1))
    uploader.add_note("note_gap", **_gap(2))
    assert uploader.waiting == 3
    away.clear()
    wait_for(lambda: uploader.waiting == 0)
    assert [gap.started_at_ms for _, gap in ledger.calls] == [0, 1, 2]


def test_a_disk_that_lets_nothing_go_stops_no_handing_over(
    uploader: Uploader, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    for seq in range(2):
        _segment(uploader, seq)
    for start in range(2):
        uploader._spool.add_note("note_gap", _gap(start))
    monkeypatch.setattr(Path, "unlink", read_only)
    uploader.start()
    wait_for(lambda: uploader.waiting == 0)
    assert sorted(what for what, _ in ledger.calls) == ["note_gap"] * 2 + ["store_segment"] * 2
