"""BSON bytes and decoded documents: one set of codec options, one size limit."""

from __future__ import annotations

from typing import Any

import bson
from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError

from .errors import CommandError

MAX_DOCUMENT = 16 * 1024 * 1024
# Dates stay naive UTC; those outside Python's range come as DatetimeMS instead of an error.
_OPTIONS: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=False, datetime_conversion=DatetimeConversion.DATETIME_AUTO
)


def decode_document(raw: bytes) -> dict[str, Any]:
    """Return a BSON document as a dict. Raises InvalidBSON."""
    try:
        return bson.decode(raw, _OPTIONS)
    except (BSONError, ValueError) as error:
        raise CommandError("InvalidBSON", str(error)) from None


def decode_documents(raw: bytes) -> list[dict[str, Any]]:
    """Return BSON documents that stand one after the other. Raises InvalidBSON."""
    try:
        return bson.decode_all(raw, _OPTIONS)
    except (BSONError, ValueError) as error:
        raise CommandError("InvalidBSON", str(error)) from None


def encode_document(document: dict[str, Any]) -> bytes:
    """Return a document as BSON bytes. Raises InvalidBSON."""
    try:
        return bson.encode(document, codec_options=_OPTIONS)
    except (BSONError, OverflowError, ValueError) as error:
        raise CommandError("InvalidBSON", str(error)) from None
