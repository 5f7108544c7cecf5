"""Every look that was taken: evidence, and what incidents are computed from again."""

from __future__ import annotations

from mongoengine import DictField, Document, LongField, StringField


class JournalPage(Document):  # type: ignore[misc]
    """Half a minute of looks at one source of one session; see domain/journal.py.

    `looks` maps a look's time (UTC ms of the media timeline) to its values, `models` and `policies`
    short names to the models' hashes and the policies of this page's looks.
    """

    id = StringField(primary_key=True)
    session_id = StringField(required=True)
    source = StringField(required=True)
    from_ms = LongField(required=True)
    models = DictField()
    policies = DictField()
    looks = DictField()
    meta = {
        "collection": "journal",
        "strict": True,
        "indexes": [{"fields": ["session_id", "source", "from_ms"]}],
    }
