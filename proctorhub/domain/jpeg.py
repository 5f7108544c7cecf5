"""The size of a JPEG picture, read from its headers alone (ITU-T T.81, annex B)."""

from __future__ import annotations

_START, _END = b"\xff\xd8", b"\xff\xd9"
#: Start-of-frame markers: all of C0 to CF but DHT, JPG and DAC.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})


def size(data: bytes) -> tuple[int, int] | None:
    """Return width and height; None for what is not a whole JPEG picture."""
    if not data.startswith(_START) or not data.endswith(_END):
        return None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _ALONE:
            at += 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _FRAMES:
            header = data[at + 5 : at + 9]
            height, width = int.from_bytes(header[:2], "big"), int.from_bytes(header[2:], "big")
            return (width, height) if len(header) == 4 and width and height else None
        if length < 2 or marker == 0xDA:
            return None
        at += 2 + length
    return None
