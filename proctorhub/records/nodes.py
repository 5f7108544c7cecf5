"""The media nodes of this installation, as they last told of themselves."""

from __future__ import annotations

from mongoengine import (
    BooleanField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    LongField,
    StringField,
)

from proctorhub.records.base import UtcField, utc_now


class Place(EmbeddedDocument):  # type: ignore[misc]
    """One session's place on a node."""

    session_id = StringField(required=True)
    at = UtcField(required=True)
    meta = {"strict": True}


class MediaNode(Document):  # type: ignore[misc]
    """One media node; `beat_at` is the database's time, so that clocks may differ.

    `places` are the sessions it was given, `holding` those with media in its spool.
    """

    id = StringField(primary_key=True)
    url = StringField(required=True)
    any_name = BooleanField(default=False)
    ticket_key = StringField(default="")
    draining = BooleanField(default=False)
    left = BooleanField(default=False)
    places = ListField(EmbeddedDocumentField(Place))
    limit = IntField(required=True)
    cpu = FloatField(default=0.0)
    lag_ms = FloatField(default=0.0)
    sessions = IntField(default=0)
    sources = IntField(default=0)
    viewers = IntField(default=0)
    waiting = IntField(default=0)
    spool_bytes = LongField(default=0)
    spool_age_s = FloatField(default=0.0)
    octets = LongField(default=0)
    holding = ListField(StringField())
    registered_at = UtcField(default=utc_now)
    beat_at = UtcField()
    meta = {"collection": "media_nodes", "strict": True}
