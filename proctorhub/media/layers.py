"""Leaves temporal layers out of a VP8 stream, so that what is left plays as if there were no more.

Sequence and picture numbers close up over what is missing (RFC 7741 section 4.2: a receiver takes
a hole in them for a loss). Layers come back where a picture needs nothing that was left out.
"""

from __future__ import annotations

from collections import deque

from proctorhub.media import vp8

#: Two bits name a layer; Chromium sends 0 to 2.
ALL = 3
#: Not even layer 0: pictures that need no other one.
KEYFRAMES = -1
#: A packet that comes later than so many numbers is not waited for by any viewer.
REMEMBERED = 2000


class LayerFilter:
    """The packets of one stream to one viewer. Set `wanted` to the highest layer it is to get."""

    def __init__(self, wanted: int) -> None:
        self.wanted = wanted
        self._highest = wanted
        self._in_key = False
        self._newest: int | None = None
        self._left_out: deque[tuple[int, int | None]] = deque()
        self._packets = 0
        self._pictures = 0

    def take(self, seq: int, payload: bytes) -> tuple[int, bytes] | None:
        """Return by how much a packet's number falls, and its payload; None if it is left out."""
        try:
            place = vp8.place(payload)
        except IndexError:
            place = vp8.Place(0, False, None, 0)
        if self._newest is not None and (seq - self._newest) & 0xFFFF >= 0x8000:
            return self._late(seq, payload, place)
        self._newest = seq
        left_out = self._left_out
        # Half a round of numbers further an old one would look like one to come.
        while left_out and (seq - left_out[0][0]) & 0xFFFF > REMEMBERED:
            left_out.popleft()
        if vp8.begins_frame(payload):
            self._in_key = vp8.begins_keyframe(payload)
            self._follow(place)
        if place.layer > self._highest and not self._in_key:
            self._leave_out(seq, place)
            return None
        return self._packets, _renumbered(payload, place, self._pictures)

    def _follow(self, place: vp8.Place) -> None:
        if self.wanted <= self._highest or self._in_key:
            self._highest = self.wanted
        elif place.layer == self._highest + 1 and place.sync and place.layer:
            self._highest += 1

    def _leave_out(self, seq: int, place: vp8.Place) -> None:
        self._packets += 1
        picture = place.picture
        if picture is not None and (not self._left_out or self._left_out[-1][1] != picture):
            self._pictures += 1
        self._left_out.append((seq, picture))

    def _late(self, seq: int, payload: bytes, place: vp8.Place) -> tuple[int, bytes] | None:
        # It keeps the number it was passed over with: what was left out behind it does not count.
        if place.layer > self._highest or any(other == seq for other, _ in self._left_out):
            return None
        later = [entry for entry in self._left_out if (entry[0] - seq) & 0xFFFF < 0x8000]
        pictures = {picture for _, picture in later} - {None}
        payload = _renumbered(payload, place, self._pictures - len(pictures))
        return self._packets - len(later), payload


def _renumbered(payload: bytes, place: vp8.Place, by: int) -> bytes:
    if place.picture is None or not by:
        return payload
    return vp8.with_picture(payload, (place.picture - by) & ((1 << place.picture_bits) - 1))
