"""Which part of what the candidate's browser kept fills which gap. Times are UTC milliseconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from proctorhub.domain.completeness import TOLERANCE_MS, Span, merge, subtract
from proctorhub.domain.webm_capture import AUDIO, VIDEO, Block

#: A segment must stay under 32 s; a browser's chunks are far shorter unless it is very busy.
MAX_CHUNK_MS = 30_000
#: Filling less than this is not worth a segment.
MIN_FILL_MS = 200
#: How far a chunk's last block may lie behind the end that the browser named.
LATE_MS = 1_000
#: The longest sound packet of Opus (RFC 6716 section 2.1.4).
SOUND_MS = 120


#: What of each track (VIDEO, AUDIO) is to be filled, in order.
Wanted = dict[int, list[Span]]


@dataclass(frozen=True)
class Filling:
    """Blocks for one stretch of missing media; the first is a keyframe or a sound."""

    started_at_ms: int
    ended_at_ms: int
    blocks: tuple[Block, ...]


def open_gaps(
    noted: Iterable[Span], stored: Iterable[Span], claimed: Iterable[Span], newest: int
) -> list[Span]:
    """Return the noted gaps that neither a stored segment nor an accepted chunk covers.

    A gap is not open before something behind it is stored, up to `newest`: until then what
    borders on it may still be on its way.
    """
    left = subtract(noted, [*stored, *claimed])
    return [(s, e) for s, e in left if e - s > TOLERANCE_MS and e < newest]


def overlaps(chunk: Span, gaps: Mapping[int, Sequence[Span]]) -> list[Wanted]:
    """Return what a chunk is wanted for: the parts of it that lie in gaps of its tracks.

    `gaps` are those of VIDEO and of AUDIO. What touches belongs together; what is too short to be
    stored is left out.
    """
    inside = {
        track: [
            (max(s, chunk[0]), min(e, chunk[1]))
            for s, e in spans
            if min(e, chunk[1]) - max(s, chunk[0]) >= MIN_FILL_MS
        ]
        for track, spans in gaps.items()
    }
    stretches = merge(span for spans in inside.values() for span in spans)
    return [
        {
            track: here
            for track, spans in inside.items()
            if (here := [span for span in spans if start <= span[0] < end])
        }
        for start, end in stretches
    ]


def filling(blocks: Sequence[Block], chunk: Span, wanted: Wanted) -> Filling | None:
    """Return the chunk's blocks for what is wanted, or None when it holds nothing for it.

    The pictures before a stretch, back to the last keyframe, are needed to decode the first one
    in it: they go along unchanged, squeezed into its first milliseconds.
    """
    zero = min((block.at_ms for block in blocks), default=0)
    timed = [(chunk[0] + block.at_ms - zero, block) for block in blocks]
    end = max(e for spans in wanted.values() for _, e in spans)
    if any(block.track == AUDIO for _, block in timed):
        end = min(end, max(at for at, _ in timed) + SOUND_MS)
    sounds = [
        (at, block)
        for at, block in timed
        if block.track == AUDIO and any(s <= at < e for s, e in wanted.get(AUDIO, ()))
    ]
    pictures: list[tuple[int, Block]] = []
    for stretch in wanted.get(VIDEO, ()):
        floor = pictures[-1][0] + 1 if pictures else 0
        pictures += _decodable([(at, b) for at, b in timed if b.track == VIDEO], stretch, floor)
    begins = min((queue[0][0] for queue in (pictures, sounds) if queue), default=end)
    if begins >= end:
        return None
    placed = [(at, 0, block) for at, block in pictures] + [(at, 1, block) for at, block in sounds]
    placed.sort(key=lambda item: item[:2])
    return Filling(
        begins, end, tuple(Block(b.track, at, b.data, b.key) for at, _, b in placed if at < end)
    )


def _decodable(
    pictures: list[tuple[int, Block]], stretch: Span, floor: int
) -> list[tuple[int, Block]]:
    start, end = stretch
    before_end = [(at, block) for at, block in pictures if at < end]
    keys = [n for n, (_, block) in enumerate(before_end) if block.key]
    before = [n for n in keys if before_end[n][0] <= start]
    first = before[-1] if before else next(iter(keys), len(before_end))
    placed = []
    at_least = max(start, floor)
    for at, block in before_end[first:]:
        at_least = max(at, at_least)
        placed.append((at_least, block))
        at_least += 1
    return placed


def plausible(blocks: Sequence[Block], chunk: Span) -> bool:
    """Tell whether the times that a browser names can be those of its blocks."""
    if not blocks:
        return False
    times = [block.at_ms for block in blocks]
    return max(times) - min(times) <= chunk[1] - chunk[0] + LATE_MS
