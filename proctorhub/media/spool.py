"""The node's spool: closed segments and notes wait here, on disk, until the ledger has them.

    spool/{session}/{source}/{chain}/chain.json      an open chain
                                    /000007.part     the segment being written
                                    /000006.json     sidecar of a closed segment (ClosedSegment)
                                    /000006.webm     the closed segment
    spool/notes/{order}.json                         what else the ledger must be told, in order
    spool/refused/{session}-{source}-{chain}-000006.webm, .json   what the ledger will never take

A sidecar is complete before its segment gets its final name, so a `.webm` always has one.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

import structlog

from proctorhub.domain.media import ClosedSegment
from proctorhub.media.webm import MalformedSegment, patch_sizes, read_segment

log = structlog.get_logger(__name__)

ASSUMED_FRAME_MS = 20
NOTES, REFUSED = "notes", "refused"


class SpoolFull(Exception):
    """The spool has reached its limit."""


class SpoolInUse(Exception):
    """Another media node works with this spool."""


@dataclass(frozen=True)
class ChainRecord:
    """What must be known to finish a chain whose node died."""

    session_id: str
    source: str
    chain: str
    origin_ms: int
    opened_at_ms: int


class Spool:
    """Files under `root`, at most `limit_bytes` of segments. Safe to use from several threads.

    Raises SpoolInUse when another process holds it.
    """

    def __init__(self, root: Path, limit_bytes: int) -> None:
        self.root = root
        self._limit = limit_bytes
        self._notes = root / NOTES
        self._notes.mkdir(parents=True, exist_ok=True)
        self._held = _hold(root / "lock")
        self._lock = threading.Lock()
        self._order = max((int(p.stem) for p in self._notes.glob("*.json")), default=0)
        self.used_bytes = sum(p.stat().st_size for p in root.glob("*/*/*/*.webm"))

    def folder(self, record: ChainRecord) -> Path:
        """Return where a chain's files go."""
        return self.root / record.session_id / record.source / record.chain

    def open_chain(self, record: ChainRecord) -> Path:
        """Make a folder for a chain and mark it open; return the folder."""
        folder = self.folder(record)
        folder.mkdir(parents=True, exist_ok=True)
        _write_json(folder / "chain.json", asdict(record))
        return folder

    def end_chain(self, folder: Path) -> None:
        """Mark a chain as properly ended, unless a file that could not be closed needs mending."""
        if any(folder.glob("*.part")):
            return
        (folder / "chain.json").unlink(missing_ok=True)
        self._remove_if_empty(folder)

    def require_room(self) -> None:
        """Raise SpoolFull when no further segment may be begun."""
        if self.used_bytes >= self._limit:
            raise SpoolFull(f"{self.used_bytes} of {self._limit} bytes are taken")

    def finish(self, part: Path, values: dict[str, Any]) -> tuple[ClosedSegment, Path]:
        """Make a complete `.part` a closed segment, durably; return it and its final path.

        `values` are the fields of ClosedSegment except `bytes` and `sha256`.
        """
        with part.open("rb") as file:
            os.fsync(file.fileno())
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        segment = ClosedSegment(**values, bytes=part.stat().st_size, sha256=digest)
        _write_json(part.with_suffix(".json"), asdict(segment))
        final = part.with_suffix(".webm")
        part.rename(final)
        with self._lock:
            self.used_bytes += segment.bytes
        return segment, final

    def stored(self, segment: ClosedSegment, path: Path) -> None:
        """Remove a segment that the ledger has taken."""
        path.unlink(missing_ok=True)
        path.with_suffix(".json").unlink(missing_ok=True)
        with self._lock:
            self.used_bytes -= segment.bytes
        self._remove_if_empty(path.parent)

    def refuse(self, segment: ClosedSegment, path: Path) -> None:
        """Put a segment aside that the ledger will never take."""
        aside = self.root / REFUSED
        aside.mkdir(exist_ok=True)
        name = f"{segment.session_id}-{segment.source}-{segment.chain}-{segment.seq:06d}"
        kept = aside / f"{name}.webm"
        path.rename(kept)  # first, since a segment without its sidecar stops the next start
        path.with_suffix(".json").rename(kept.with_suffix(".json"))
        with self._lock:
            self.used_bytes -= segment.bytes
        self._remove_if_empty(path.parent)

    def sessions(self) -> list[str]:
        """Return the sessions that have something here which is not handed over yet."""
        # A session's folder goes with its last file.
        with os.scandir(self.root) as entries:
            return sorted(e.name for e in entries if e.is_dir() and e.name not in (NOTES, REFUSED))

    def add_note(self, kind: str, values: dict[str, Any]) -> Path:
        """Keep something to tell the ledger; notes are told in the order they were added."""
        with self._lock:
            self._order += 1
            path = self._notes / f"{self._order:012d}.json"
        _write_json(path, {"kind": kind, "values": values})
        return path

    def notes(self) -> list[Path]:
        """Return the waiting notes, oldest first."""
        return sorted(self._notes.glob("*.json"))

    def closed_segments(self) -> list[tuple[ClosedSegment, Path]]:
        """Return the closed segments on disk, oldest first."""
        found = []
        for path in self.root.glob("*/*/*/*.webm"):
            values = json.loads(path.with_suffix(".json").read_text())
            found.append((ClosedSegment(**values), path))
        return sorted(found, key=lambda item: item[0].started_at_ms)

    def abandoned_chains(self) -> list[tuple[ChainRecord, Path]]:
        """Return the chains that a dead node left open, with their folders."""
        return [
            (ChainRecord(**json.loads(path.read_text())), path.parent)
            for path in sorted(self.root.glob("*/*/*/chain.json"))
        ]

    def recover(self, record: ChainRecord, folder: Path) -> list[tuple[ClosedSegment, Path]]:
        """Close what a dead node was writing for a chain.

        A `.part` is cut behind its last whole block; one without any whole block is removed.
        """
        found = []
        for part in sorted(folder.glob("*.part")):
            try:
                found.append(self._mend(record, part))
            except MalformedSegment as error:
                log.warning("part_discarded", session_id=record.session_id, reason=str(error))
                part.unlink()
                part.with_suffix(".json").unlink(missing_ok=True)
        return found

    def _mend(self, record: ChainRecord, part: Path) -> tuple[ClosedSegment, Path]:
        info = read_segment(part.read_bytes())
        descriptor = os.open(part, os.O_RDWR)
        try:
            os.ftruncate(descriptor, info.whole_bytes)
            patch_sizes(descriptor, info.header_bytes, info.whole_bytes)
        finally:
            os.close(descriptor)
        video = info.video if info.video_frames else None
        return self.finish(
            part,
            {
                "session_id": record.session_id,
                "source": record.source,
                "chain": record.chain,
                "seq": int(part.stem),
                "origin_ms": record.origin_ms,
                "started_at_ms": record.origin_ms + info.timestamp_ms,
                "ended_at_ms": record.origin_ms + info.last_ms + ASSUMED_FRAME_MS,
                "header_bytes": info.header_bytes,
                "video_codec": video.codec if video else None,
                "width": video.width if video else 0,
                "height": video.height if video else 0,
                "has_audio": info.has_audio,
                "video_frames": info.video_frames,
                "audio_frames": info.audio_frames,
                "lost_packets": 0,
            },
        )

    def _remove_if_empty(self, folder: Path) -> None:
        for path in (folder, folder.parent, folder.parent.parent):
            try:
                path.rmdir()
            except OSError:  # not empty, or already gone: both are as they should be
                return


def _hold(path: Path) -> TextIO:
    # Two nodes on one spool would mend each other's open segments.
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise SpoolInUse(f"another media node uses {path.parent}") from None
    return file


def _write_json(path: Path, value: dict[str, Any]) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        file.write(json.dumps(value))  # json.dump would leave closures for the collector
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
