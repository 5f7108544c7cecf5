"""Exams, their rules, and the time that proctors offer."""

from __future__ import annotations

from dataclasses import asdict

from mongoengine import (
    BooleanField,
    DictField,
    Document,
    EmbeddedDocument,
    EmbeddedDocumentField,
    IntField,
    ListField,
    MapField,
    StringField,
)

from proctorhub.domain import media_settings
from proctorhub.domain.incident_terms import Detector, Severity
from proctorhub.domain.media_settings import BOUNDS, Codec
from proctorhub.domain.session import Tier
from proctorhub.records.base import UtcField, new_id, utc_now


class ExamRules(EmbeddedDocument):  # type: ignore[misc]
    """What a candidate may use and must show."""

    allowed = ListField(StringField(max_length=200))
    forbidden = ListField(StringField(max_length=200))
    require_screen = BooleanField(default=True)
    require_microphone = BooleanField(default=True)
    instructions = StringField(max_length=10_000, default="")
    meta = {"strict": True}


class Monitoring(EmbeddedDocument):  # type: ignore[misc]
    """What software looks for during an exam; what is not named stays as in the table of rules.

    `weights` are shares in the suspicion score, `severity` replaces a rule's first severity.
    """

    off = ListField(StringField(choices=[detector.value for detector in Detector]))
    weights = MapField(IntField(min_value=0, max_value=100))
    severity = MapField(StringField(choices=[severity.value for severity in Severity]))
    forbidden_applications = ListField(StringField(max_length=100))
    meta = {"strict": True}


class Identification(EmbeddedDocument):  # type: ignore[misc]
    """Whether software identifies candidates, and may compare with the face of an earlier exam."""

    software = BooleanField(default=False)
    enrolment = BooleanField(default=False)
    meta = {"strict": True}


class VideoSettings(EmbeddedDocument):  # type: ignore[misc]
    """One source's picture; see domain/media_settings.py."""

    width = IntField(required=True, min_value=BOUNDS["width"][0], max_value=BOUNDS["width"][1])
    height = IntField(required=True, min_value=BOUNDS["height"][0], max_value=BOUNDS["height"][1])
    frame_rate = IntField(
        required=True, min_value=BOUNDS["frame_rate"][0], max_value=BOUNDS["frame_rate"][1]
    )
    kbit = IntField(required=True, min_value=BOUNDS["kbit"][0], max_value=BOUNDS["kbit"][1])
    codec = StringField(required=True, choices=[codec.value for codec in Codec])
    meta = {"strict": True}


class MediaSettings(EmbeddedDocument):  # type: ignore[misc]
    """What the exam's pages send; see domain/media_settings.py."""

    camera = EmbeddedDocumentField(VideoSettings, required=True)
    screen = EmbeddedDocumentField(VideoSettings, required=True)
    microphone_kbit = IntField(
        required=True,
        min_value=BOUNDS["microphone_kbit"][0],
        max_value=BOUNDS["microphone_kbit"][1],
    )
    low_bandwidth = BooleanField(default=False)
    meta = {"strict": True}

    @classmethod
    def of(cls, settings: media_settings.MediaSettings) -> MediaSettings:
        """Return the record of plain settings."""
        values = asdict(settings)
        sources = {name: VideoSettings(**values.pop(name)) for name in ("camera", "screen")}
        return cls(**sources, **values)

    def plain(self) -> media_settings.MediaSettings:
        """Return the settings as plain values."""
        camera, screen = (
            media_settings.Video(v.width, v.height, v.frame_rate, v.kbit, v.codec)
            for v in (self.camera, self.screen)
        )
        return media_settings.MediaSettings(
            camera, screen, self.microphone_kbit, self.low_bandwidth
        )


def _usual_media() -> MediaSettings:
    return MediaSettings.of(media_settings.MediaSettings())


class Exam(Document):  # type: ignore[misc]
    """An exam that can be sat between `opens_at` and `closes_at`.

    `monitoring_changes` wait to be logged in the sessions that have begun.
    """

    id = StringField(primary_key=True, default=new_id)
    institution_id = StringField(required=True)
    title = StringField(required=True, max_length=200)
    url = StringField(max_length=2000, default="")
    opens_at = UtcField(required=True)
    closes_at = UtcField(required=True)
    duration_min = IntField(required=True, min_value=1, max_value=1440)
    tier = StringField(required=True, choices=[tier.value for tier in Tier])
    open = BooleanField(default=False)
    rules = EmbeddedDocumentField(ExamRules, default=ExamRules)
    identity = EmbeddedDocumentField(Identification, default=Identification)
    monitoring = EmbeddedDocumentField(Monitoring, default=Monitoring)
    monitoring_changes = ListField(DictField())
    media = EmbeddedDocumentField(MediaSettings, default=_usual_media)
    candidates = ListField(StringField())
    proctors = ListField(StringField())
    created_at = UtcField(default=utc_now)
    created_by = StringField(required=True)
    meta = {
        "collection": "exams",
        "strict": True,
        "indexes": [
            {"fields": ["institution_id", "closes_at"]},
            {"fields": ["monitoring_changes.id"], "sparse": True},
        ],
    }


class Claim(EmbeddedDocument):  # type: ignore[misc]
    """One booking's hold on an availability."""

    session_id = StringField(required=True)
    quanta = ListField(StringField())
    at = UtcField(required=True)
    meta = {"strict": True}


class Availability(Document):  # type: ignore[misc]
    """When a proctor is there, and for how many candidates at once.

    `taken` counts the places used per quantum (see domain/scheduling.py).
    """

    id = StringField(primary_key=True, default=new_id)
    institution_id = StringField(required=True)
    proctor_id = StringField(required=True)
    starts_at = UtcField(required=True)
    ends_at = UtcField(required=True)
    capacity = IntField(required=True, min_value=1, max_value=200)
    taken = MapField(IntField())
    claims = ListField(EmbeddedDocumentField(Claim))
    meta = {
        "collection": "availability",
        "strict": True,
        "indexes": [
            {"fields": ["institution_id", "ends_at"]},
            {"fields": ["proctor_id", "starts_at"]},
            {"fields": ["claims.session_id"]},
        ],
    }
