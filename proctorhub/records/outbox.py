"""Messages that must leave the house, kept until the other side took them."""

from __future__ import annotations

from mongoengine import DictField, Document, IntField, StringField

from proctorhub.records.base import UtcField, utc_now


class OutboxMessage(Document):  # type: ignore[misc]
    """One message to one connector; `id` is the idempotency key."""

    id = StringField(primary_key=True)
    connector = StringField(required=True)
    kind = StringField(required=True)
    session_id = StringField(required=True)
    payload = DictField()
    state = StringField(default="due", choices=["due", "delivered", "failed"])
    attempts = IntField(default=0)
    next_at = UtcField(required=True)
    last_error = StringField(max_length=1000)
    created_at = UtcField(default=utc_now)
    delivered_at = UtcField()
    meta = {
        "collection": "outbox",
        "strict": True,
        "indexes": [{"fields": ["state", "next_at"]}, {"fields": ["session_id"]}],
    }
