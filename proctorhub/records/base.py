"""What all documents share."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

from mongoengine import DateTimeField


def new_id() -> str:
    """Return an id nobody can guess: 128 random bits in hex."""
    return uuid.uuid4().hex


def utc_now() -> datetime:
    """Return the server's time, UTC, to the millisecond that MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


class UtcField(DateTimeField):  # type: ignore[misc]
    """A point in time; a naive one is refused instead of guessed at."""

    def validate(self, value: object) -> None:
        """Refuse anything but an aware datetime."""
        if not isinstance(value, datetime) or value.tzinfo is None:
            self.error("needs a time with a zone")
