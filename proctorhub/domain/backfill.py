"""Which part of what the candidate's browser kept fills which gap. Times are UTC milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from proctorhub.domain.completeness import TOLERANCE_MS, Span, merge
from proctorhub.domain.webm_capture import AUDIO, VIDEO, Block

#: A segment must stay under 32 s; a browser's chunks are far shorter unless it is very busy.
MAX_CHUNK_MS = 30_000
#: Filling less than this is not worth a segment.
MIN_FILL_MS = 200
#: How far a chunk's last block may lie behind the end that the browser named.
LATE_MS = 1_000
#: The longest sound packet of Opus (RFC 6716 section 2.1.4).
SOUND_MS = 120


@dataclass(frozen=True)
class Filling:
    """Blocks for one stretch of missing media; the first is a keyframe or a sound."""

    started_at_ms: int
    ended_at_ms: int
    blocks: tuple[Block, ...]


def subtract(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Return what is left of `spans` outside `taken`, in order."""
    left = merge(spans)
    for start, end in merge(taken):
        left = [
            piece
            for first, last in left
            for piece in ((first, min(last, start)), (max(first, end), last))
            if piece[0] < piece[1]
        ]
    return left


def open_gaps(noted: Iterable[Span], stored: Iterable[Span], claimed: Iterable[Span]) -> list[Span]:
    """Return the noted gaps that neither a stored segment nor an accepted chunk covers.

    A gap is not open before something behind it is stored: until then what borders on it may
    still be on its way.
    """
    recorded = list(stored)
    newest = max((end for _, end in recorded), default=0)
    left = subtract(noted, [*recorded, *claimed])
    return [(s, e) for s, e in left if e - s > TOLERANCE_MS and e < newest]


def overlaps(chunk: Span, gaps: Iterable[Span]) -> list[Span]:
    """Return the parts of `chunk` that lie in gaps and are long enough to be stored."""
    inside = ((max(s, chunk[0]), min(e, chunk[1])) for s, e in gaps)
    return [(s, e) for s, e in inside if e - s >= MIN_FILL_MS]


def filling(blocks: Sequence[Block], chunk: Span, stretch: Span) -> Filling | None:
    """Return the chunk's blocks for `stretch`, or None when it holds nothing for it.

    The pictures before the stretch, back to the last keyframe, are needed to decode the first one
    in it: they go along unchanged, squeezed into its first milliseconds.
    """
    zero = min((block.at_ms for block in blocks), default=0)
    timed = [(chunk[0] + block.at_ms - zero, block) for block in blocks]
    start, end = stretch
    sounds = [(at, b) for at, b in timed if b.track == AUDIO and start <= at < end]
    pictures = [(at, b) for at, b in timed if b.track == VIDEO and at < end]
    keys = [n for n, (_, b) in enumerate(pictures) if b.key]
    before = [n for n in keys if pictures[n][0] <= start]
    first = before[-1] if before else next(iter(keys), len(pictures))
    pictures = pictures[first:]
    if any(block.track == AUDIO for _, block in timed):
        end = min(end, max(at for at, _ in timed) + SOUND_MS)
    starts = [max(start, queue[0][0]) for queue in (pictures, sounds) if queue]
    begins = min(starts, default=end)
    if begins >= end:
        return None
    placed: list[tuple[int, int, Block]] = []
    floor = begins
    for at, block in pictures:
        floor = max(at, floor) if at > begins else floor
        placed.append((floor, 0, block))
        floor += 1
    placed += [(at, 1, block) for at, block in sounds]
    placed.sort(key=lambda item: item[:2])
    return Filling(
        begins, end, tuple(Block(b.track, at, b.data, b.key) for at, _, b in placed if at < end)
    )


def plausible(blocks: Sequence[Block], chunk: Span) -> bool:
    """Tell whether the times that a browser names can be those of its blocks."""
    if not blocks:
        return False
    times = [block.at_ms for block in blocks]
    return max(times) - min(times) <= chunk[1] - chunk[0] + LATE_MS
