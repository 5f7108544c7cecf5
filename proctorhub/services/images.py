"""Pictures that people hand in: real JPEG or PNG within the limit, nothing else."""

from __future__ import annotations

from proctorhub.services.errors import Invalid, TooLarge

LIMIT_BYTES = 4 * 1024 * 1024


def checked(data: bytes, field: str) -> str:
    """Return the content type by the picture's own first bytes. Raises Invalid, TooLarge."""
    if len(data) > LIMIT_BYTES:
        raise TooLarge(field, LIMIT_BYTES)
    if data.startswith(b"\xff\xd8\xff") and data.rstrip(b"\0").endswith(b"\xff\xd9"):
        return "image/jpeg"
    if data.startswith(b"\x89PNG\r\n\x1a\n") and b"IEND" in data[-16:]:
        return "image/png"
    raise Invalid(field, "This is not a whole JPEG or PNG picture.")
