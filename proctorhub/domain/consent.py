"""What a candidate agrees to: the text is versioned, and its hash is recorded with the consent."""

from __future__ import annotations

import hashlib

VERSION = "2026-11"
TEXT = "\n".join(
    (
        "For the length of this exam my camera, my microphone and my screen are recorded"
        " and shown live to a proctor.",
        "Before it starts a proctor checks who I am: I show an identity document and my face,"
        " and a picture of each is kept.",
        "What I write to the proctor and what the proctor does are kept in a log"
        " that cannot be changed without it showing.",
        "The recording is read only by the people my institution has charged with this exam,"
        " and every reading is logged.",
        "No decision is taken by a machine: a person signs the conclusion, and I can see it.",
        "I can stop at any time; the exam then counts as ended early.",
    )
)


def sha256(text: str) -> str:
    """Return the lower-case hex SHA-256 of the UTF-8 text."""
    return hashlib.sha256(text.encode()).hexdigest()
