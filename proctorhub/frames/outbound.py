"""A node's side of any frame bus: samples are encoded and wait until the bus takes them."""

from __future__ import annotations

import structlog

from proctorhub.frames import codec, planes
from proctorhub.frames.backlog import Backlog
from proctorhub.frames.bus import Counts
from proctorhub.frames.envelope import Sample

log = structlog.get_logger(__name__)


class Outbound:
    """What every `bus.Sender` begins with; whoever derives from it empties `_backlog`.

    In it are bodies in two parts, as `codec.encode_apart` makes them.
    """

    def __init__(self) -> None:
        self.counts = Counts()
        self._backlog: Backlog[tuple[bytes, bytes]] = Backlog()

    def publish(self, sample: Sample) -> None:
        """See `bus.Sender`."""
        try:
            body = codec.encode_apart(self._outgoing(sample))
        except (codec.Malformed, planes.NotPlanes) as error:
            self.counts.refused += 1
            log.warning("sample_refused", session_id=sample.session_id, error=str(error))
            return
        key = (sample.session_id, sample.source)
        self.counts.dropped += len(self._backlog.put(key, body, sum(map(len, body))))

    def _outgoing(self, sample: Sample) -> Sample:
        """Return a sample as this bus carries it. Raises NotPlanes."""
        return sample
