from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from proctorhub.domain.media import ClosedSegment, NotedGap
from proctorhub.media import upload
from proctorhub.media.ledger import Refused
from proctorhub.media.spool import ChainRecord, Spool
from proctorhub.media.upload import Uploader

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

    def note_gap(self, gap: NotedGap) -> None:
        self._take("note_gap", gap)

    def track_state(self, *args: Any, **values: Any) -> None:
        self._take("track_state", values)

    def ended_sessions(self, stop: threading.Event) -> Iterator[str]:
        return iter(())


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger()


@pytest.fixture
def uploader(
    tmp_path: Path, ledger: MemoryLedger, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Uploader]:
    monkeypatch.setattr(upload, "FIRST_RETRY_S", 0.02)
    monkeypatch.setattr(upload, "LAST_RETRY_S", 0.05)
    made = Uploader(Spool(tmp_path, 1 << 30), ledger)
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


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


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
    _until(lambda: len(ledger.calls) == 2)
    _until(lambda: uploader.waiting == 0)
    assert not uploader._spool.closed_segments() and not uploader._spool.notes()


def test_a_failed_segment_is_tried_again_and_holds_up_no_other(
    uploader: Uploader, ledger: MemoryLedger
) -> None:
    failures = iter([ConnectionError(), TimeoutError()])
    ledger.failing = lambda what: next(failures, None)
    for seq in range(3):
        _segment(uploader, seq)
    uploader.start()
    _until(lambda: uploader.stored == 3)
    assert sorted(seq for _, seq in ledger.calls) == [0, 1, 2]
    assert uploader.failures == 2
    assert uploader.failing_since is None


def test_notes_wait_for_their_turn_however_long_it_takes(
    uploader: Uploader, ledger: MemoryLedger
) -> None:
    away = threading.Event()
    away.set()
    ledger.failing = lambda what: ConnectionError() if away.is_set() else None
    uploader.start()
    for start in range(5):
        uploader.add_note("note_gap", **_gap(start))
    _until(lambda: uploader.failures >= 3)
    assert uploader.failing_since is not None and not ledger.calls
    away.clear()
    _until(lambda: len(ledger.calls) == 5)
    assert [gap.started_at_ms for _, gap in ledger.calls] == [0, 1, 2, 3, 4]


def test_a_refused_note_is_dropped(uploader: Uploader, ledger: MemoryLedger) -> None:
    ledger.failing = lambda what: Refused("not_found", "There is no such session.")
    uploader.start()
    uploader.add_note("note_gap", **_gap(1))
    _until(lambda: not uploader._spool.notes())


def test_a_refused_segment_is_put_aside_and_its_media_noted_as_missing(
    uploader: Uploader, ledger: MemoryLedger
) -> None:
    ledger.failing = lambda what: (
        Refused("segment_damaged", "It is not what it was.") if what == "store_segment" else None
    )
    uploader.start()
    uploader.add_segment(*_segment(uploader, 0))
    _until(lambda: len(ledger.calls) == 2)
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
    _until(lambda: uploader.waiting == 0)


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
    _until(lambda: uploader.failing_since is not None)
    began = time.monotonic()
    assert uploader.stop(30.0) == 1
    assert time.monotonic() - began < 2
    assert len(uploader._spool.closed_segments()) == 1
