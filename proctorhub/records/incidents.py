"""Incidents, the rules' state between two looks, and who watches the watcher."""

from __future__ import annotations

from mongoengine import (
    BooleanField,
    DictField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    LongField,
    MapField,
    StringField,
)

from proctorhub.domain.incident_terms import Detector, Severity
from proctorhub.domain.observation import Source
from proctorhub.records.base import UtcField, utc_now

_DETECTORS = [detector.value for detector in Detector]
_SOURCES = [source.value for source in Source]


class Decision(EmbeddedDocument):  # type: ignore[misc]
    """What a person made of an incident."""

    value = StringField(required=True, choices=["confirmed", "dismissed"])
    comment = StringField(max_length=2000, default="")
    by = StringField(required=True)
    by_name = StringField(required=True)
    at = UtcField(required=True)
    meta = {"strict": True}


class FlaggedStill(EmbeddedDocument):  # type: ignore[misc]
    """The picture of one look of an incident; its bytes are in GridFS under the same id."""

    id = StringField(required=True)
    frame_sha256 = StringField(required=True)
    meta = {"strict": True}


class Incident(Document):  # type: ignore[misc]
    """One incident of one session; its id follows from session, detector and start.

    `pending` holds log entries written with the change they tell of (services/log.py).
    """

    id = StringField(primary_key=True)
    session_id = StringField(required=True)
    detector = StringField(required=True, choices=_DETECTORS)
    source = StringField(required=True, choices=_SOURCES)
    severity = StringField(required=True, choices=[severity.value for severity in Severity])
    started_at_ms = LongField(required=True)
    ended_at_ms = LongField()
    flagged_at_ms = LongField(required=True)
    opened_at = UtcField(default=utc_now)
    explanation = DictField()
    stills = ListField(EmbeddedDocumentField(FlaggedStill))
    decision = EmbeddedDocumentField(Decision)
    pending = ListField(DictField())
    meta = {
        "collection": "incidents",
        "strict": True,
        "indexes": [
            {"fields": ["session_id", "started_at_ms"]},
            {"fields": ["pending.id"], "sparse": True},
        ],
    }


class RuleState(Document):  # type: ignore[misc]
    """What the rules remember of one source of one session, for any process to take on.

    A step replaces it on condition of `version`. `untold` are changes that are not incidents yet: a
    crash between the two leaves them here. `due_ms` is when time alone changes something.
    `looked_ms` is the server's time of the last look, `serves` the detectors it could serve.
    """

    id = StringField(primary_key=True)
    session_id = StringField(required=True)
    source = StringField(required=True, choices=_SOURCES)
    version = IntField(required=True)
    state = DictField()
    match = ListField(FloatField())
    untold = ListField(DictField())
    due_ms = LongField()
    looked_ms = LongField()
    serves = ListField(StringField(choices=_DETECTORS))
    meta = {
        "collection": "rule_states",
        "strict": True,
        "indexes": [{"fields": ["session_id"]}, {"fields": ["due_ms"], "sparse": True}],
    }


class Watch(Document):  # type: ignore[misc]
    """Which detectors of a session are silent, and since when; its id is the session's.

    `page_at_ms` is when the candidate's page last said that it is there.
    """

    id = StringField(primary_key=True)
    silent = MapField(LongField())
    page_at_ms = LongField()
    exam_elsewhere = BooleanField()
    pending = ListField(DictField())
    meta = {
        "collection": "watches",
        "strict": True,
        "indexes": [{"fields": ["pending.id"], "sparse": True}],
    }


class VisionWorker(Document):  # type: ignore[misc]
    """A process that looks, and what it is able to look for; forgotten after a day of silence."""

    id = StringField(primary_key=True)
    able = ListField(StringField(choices=_DETECTORS))
    beat_at = UtcField(required=True)
    meta = {
        "collection": "vision_workers",
        "strict": True,
        "indexes": [{"fields": ["beat_at"], "expireAfterSeconds": 86_400}],
    }


class Accommodation(Document):  # type: ignore[misc]
    """What is not looked for, or less strictly, for one candidate of one exam.

    `reason` is for exam administrators alone. `changes` wait to be logged in the candidate's
    sessions.
    """

    id = StringField(primary_key=True)
    institution_id = StringField(required=True)
    exam_id = StringField(required=True)
    candidate_id = StringField(required=True)
    off = ListField(StringField(choices=_DETECTORS))
    relaxed = MapField(FloatField())
    reason = StringField(max_length=2000, default="")
    by_name = StringField(required=True)
    at = UtcField(required=True)
    changes = ListField(DictField())
    meta = {
        "collection": "accommodations",
        "strict": True,
        "indexes": [
            {"fields": ["exam_id", "candidate_id"], "unique": True},
            {"fields": ["changes.id"], "sparse": True},
        ],
    }
