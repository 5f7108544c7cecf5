"""Looking again: the recorded frames at the journal's times, with the models of today."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

from proctorhub.domain.journal import Entry
from proctorhub.domain.observation import Observation, Source, Value
from proctorhub.domain.reanalysis import Difference, compare_looks
from proctorhub.plugins import Capability
from proctorhub.services import journal, rejudging
from proctorhub.services.rejudging import Wanted
from proctorhub.vision import camera, recordings, screen, sound
from proctorhub.vision.composition import Composition
from proctorhub.vision.memory import Memory
from proctorhub.vision.pictures import Decoder, Luma, Picture, UndecodablePicture, luma
from proctorhub.vision.recordings import Frames, Unreadable
from proctorhub.vision.references import References

SOUND_MS = 1000
#: Memories of looks that later ones may have been measured from.
REMEMBERED = 64
#: What follows from looks before: not compared when those cannot be looked at again.
FROM_BEFORE = frozenset(
    {Value.CHANGE, Value.STILL_S, Value.REPLAYED, Value.DISTANCE, Value.COMPARED}
)


@dataclass
class Looked:
    """What came of looking again. `missing` counts looks whose frame is not in the recording."""

    models_then: dict[str, str] = field(default_factory=dict)
    models_now: dict[str, str] = field(default_factory=dict)
    looks: int = 0
    missing: int = 0
    differences: list[Difference] = field(default_factory=list)

    def compare(self, then: Observation, now: Observation) -> None:
        """Count a look, and keep what is different about it."""
        self.looks += 1
        self.models_then.update(then.models)
        self.models_now.update(now.models)
        self.differences += compare_looks(then, now)


def look_again(session_id: str, backends: Composition) -> Looked:
    """Look at every journaled frame of a session again. Raises NotFound."""
    wanted = rejudging.wanted(session_id)
    looked = Looked()
    for source, again in ((Source.CAMERA, _Camera), (Source.SCREEN, _Screen)):
        looking = again(session_id, backends, wanted)
        for entry, frames in _frames(session_id, source):
            if entry.observation.at_ms in frames.images:
                looked.compare(*looking.at(entry.observation, frames))
            else:
                looked.missing += 1
    if Capability.SPEECH in backends:
        for entry, heard in _sounds(session_id, backends):
            if heard is None:
                looked.missing += 1
            else:
                looked.compare(entry.observation, heard)
    for name in looked.models_then.keys() & looked.models_now.keys():
        one, other = looked.models_then[name], looked.models_now[name]
        if one != other:
            looked.differences.append(Difference(f"model {name}", one, other))
    return looked


@dataclass(frozen=True)
class _Given:
    """What a look starts from: the picture, those between, its hash, what was remembered."""

    picture: Picture
    between: list[tuple[int, Luma]]
    sha256: str
    memory: Memory


class _Again(ABC):
    """Looks at the pictures of one source in their order, remembering as it was then."""

    def __init__(self, session_id: str, backends: Composition, wanted: Wanted) -> None:
        self._backends = backends
        self._wanted = wanted
        self._decoder = Decoder()
        self._memories: OrderedDict[int, Memory] = OrderedDict()
        self._reference = References(backends).of(session_id, wanted.face_still)

    def at(self, then: Observation, frames: Frames) -> tuple[Observation, Observation]:
        """Return what was seen then and what is seen now, as far as they can be compared.

        Of the picture's forms the one that was looked at then is looked at again.
        """
        images, small = frames.images[then.at_ms], frames.miniatures
        by_hash = {hashlib.sha256(image).hexdigest(): image for image in images}
        sha256 = then.frame_sha256 if then.frame_sha256 in by_hash else next(iter(by_hash))
        known = (then.since_ms is None or then.since_ms in self._memories) and all(
            at_ms in small for at_ms in then.between_ms
        )
        between = [(at_ms, luma(small[at_ms])) for at_ms in then.between_ms if at_ms in small]
        memory = self._memories.get(then.since_ms or 0, Memory())
        try:
            picture = self._decoder.decode(by_hash[sha256], luma(small[then.at_ms]))
        except UndecodablePicture:
            return then, replace(then, frame_sha256=sha256, values={})
        now, after = self._look(then, _Given(picture, between, sha256, memory))
        self._memories[then.at_ms] = after
        if len(self._memories) > REMEMBERED:
            self._memories.popitem(last=False)
        return (then, now) if known else (_alone(then), _alone(now))

    @abstractmethod
    def _look(self, then: Observation, given: _Given) -> tuple[Observation, Memory]:
        """Return what is seen in a picture, and what is remembered of it."""


class _Camera(_Again):
    def _look(self, then: Observation, given: _Given) -> tuple[Observation, Memory]:
        look = camera.Look(
            picture=given.picture,
            at_ms=then.at_ms,
            between=given.between,
            segment_id=then.segment_id or "",
            frame_sha256=given.sha256,
            burst=then.burst,
            memory=given.memory,
            reference=self._reference,
        )
        ((now, after),) = camera.look(self._backends, [look])
        return now, after


class _Screen(_Again):
    def _look(self, then: Observation, given: _Given) -> tuple[Observation, Memory]:
        look = screen.ScreenLook(
            picture=given.picture,
            at_ms=then.at_ms,
            segment_id=then.segment_id or "",
            frame_sha256=given.sha256,
            burst=then.burst,
            memory=given.memory,
            forbidden=self._wanted.forbidden,
            signs=self._wanted.signs,
        )
        return screen.look(self._backends, look)


def _alone(seen: Observation) -> Observation:
    values = {name: x for name, x in seen.values.items() if name not in FROM_BEFORE}
    return replace(seen, values=values)


def _frames(session_id: str, source: Source) -> Iterator[tuple[Entry, Frames]]:
    """Yield each look at a source and what the recording has of its segment."""
    entries = journal.entries(session_id, source)
    for segment_id, group in groupby(entries, key=lambda entry: entry.observation.segment_id):
        looks = list(group)
        times = [entry.observation.at_ms for entry in looks]
        between = [at_ms for entry in looks for at_ms in entry.observation.between_ms]
        try:
            found = recordings.frames(session_id, segment_id or "", times, between)
        except Unreadable:
            found = Frames({}, {})
        for entry in looks:
            yield entry, found


def _sounds(session_id: str, backends: Composition) -> Iterator[tuple[Entry, Observation | None]]:
    sounds = recordings.Sounds(session_id)
    for entry in journal.entries(session_id, Source.MICROPHONE):
        then = entry.observation
        try:
            segment_id = then.segment_id or ""
            heard = sounds.stretch(segment_id, then.at_ms, SOUND_MS)
            yield entry, sound.look(backends, heard, then.at_ms, segment_id)
        except (Unreadable, sound.UndecodableSound):
            yield entry, None
