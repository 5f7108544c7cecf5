"""Sessions and everything that hangs on one: log, segments, gaps."""

from __future__ import annotations

from mongoengine import (
    BooleanField,
    DictField,
    Document,
    DynamicField,
    EmbeddedDocument,
    EmbeddedDocumentField,
    FloatField,
    IntField,
    ListField,
    LongField,
    MapField,
    StringField,
)

from proctorhub.domain import identity
from proctorhub.domain.alarms import Part
from proctorhub.domain.media import GapCause, Origin
from proctorhub.domain.media_settings import Decider
from proctorhub.domain.session import State, Verdict
from proctorhub.records.base import UtcField, new_id, utc_now

_CHECK_STATES = [state.value for state in identity.State]


class Booking(EmbeddedDocument):  # type: ignore[misc]
    """The booked time of a session, and whose time it takes."""

    availability_id = StringField(required=True)
    start = UtcField(required=True)
    end = UtcField(required=True)
    meta = {"strict": True}


class Consent(EmbeddedDocument):  # type: ignore[misc]
    """Which text the candidate agreed to, and when."""

    version = StringField(required=True)
    sha256 = StringField(required=True)
    at = UtcField(required=True)
    meta = {"strict": True}


class IdentityCheck(EmbeddedDocument):  # type: ignore[misc]
    """What was decided about who this is; without `by` it was the platform that decided.

    `software` is what software had said until then, about the check `check_id`.
    """

    status = StringField(choices=["approved", "rejected"])
    reason = StringField(max_length=2000, default="")
    document_still = StringField()
    face_still = StringField()
    by = StringField()
    at = UtcField()
    software = StringField(choices=_CHECK_STATES)
    check_id = StringField()
    meta = {"strict": True}


class Challenge(EmbeddedDocument):  # type: ignore[misc]
    """The nonce that chose the moves; whoever answers it takes it away."""

    nonce = StringField(required=True)
    at = UtcField(required=True)
    expires_at = UtcField(required=True)
    meta = {"strict": True}


class SoftwareCheck(EmbeddedDocument):  # type: ignore[misc]
    """The newest check of the candidate's identity by software.

    A worker that takes it is named until `claimed_until`; `measured` is its answer, which the job
    runner judges. `burst` is the file of the moves, removed with the verdict; `admits` says that
    the platform may admit the candidate on the strength of it.
    """

    id = StringField(required=True)
    state = StringField(required=True, choices=_CHECK_STATES)
    at = UtcField(required=True)
    answer_by = UtcField(required=True)
    admits = BooleanField(required=True)
    enrolment = BooleanField(required=True)
    nonce = StringField(required=True)
    elapsed_ms = IntField(required=True)
    document_still = StringField(required=True)
    selfie_still = StringField(required=True)
    burst = StringField()
    quality = DictField()
    claimed_by = StringField()
    claimed_until = UtcField()
    claims = IntField(default=0)
    measured = DictField()
    reasons = ListField(StringField())
    record = DictField()
    decided_at = UtcField()
    meta = {"strict": True}


class Conclusion(EmbeddedDocument):  # type: ignore[misc]
    """The proctor's signed verdict."""

    verdict = StringField(required=True, choices=[verdict.value for verdict in Verdict])
    comment = StringField(max_length=5000, default="")
    by = StringField(required=True)
    by_name = StringField(required=True)
    at = UtcField(required=True)
    meta = {"strict": True}


class SourceStatus(EmbeddedDocument):  # type: ignore[misc]
    """The connection of one source, as the media node last told it; which tracks are `silent`."""

    state = StringField(required=True, choices=["live", "silent", "closed"])
    chain = StringField(required=True)
    at = UtcField(required=True)
    first_at = UtcField()
    opened_at = UtcField()
    reason = StringField()
    silent = ListField(StringField())
    meta = {"strict": True}


class Alarm(EmbeddedDocument):  # type: ignore[misc]
    """What is wrong with the recording of one source; `node` says so. See domain/alarms.py."""

    node = StringField(required=True)
    part = StringField(required=True, choices=[part.value for part in Part])
    source = StringField(required=True)
    track = StringField(required=True)
    reason = StringField(required=True)
    chain = StringField()
    since = UtcField(required=True)
    meta = {"strict": True}


class LowBandwidth(EmbeddedDocument):  # type: ignore[misc]
    """That somebody switched low-bandwidth mode for this session alone."""

    on = BooleanField(required=True)
    by = StringField(required=True, choices=[decider.value for decider in Decider])
    at = UtcField(required=True)
    meta = {"strict": True}


class Still(EmbeddedDocument):  # type: ignore[misc]
    """A picture taken from a source; its bytes are in GridFS under the same id.

    `frame_at` is when the source showed it, `segment_id` the segment that holds the frame;
    `by_candidate`: the candidate's own page handed it in.
    """

    id = StringField(required=True)
    source = StringField(required=True)
    purpose = StringField(required=True, choices=["document", "face", "note"])
    sha256 = StringField(required=True)
    content_type = StringField(required=True)
    at = UtcField(required=True)
    frame_at = UtcField()
    segment_id = StringField()
    by_candidate = BooleanField()
    meta = {"strict": True}


class Session(Document):  # type: ignore[misc]
    """One candidate sitting one exam.

    `pending` holds log entries that were written with the state change they tell of and have not
    been moved into the chain yet. `media_node` is where its media goes, for good since `placed_at`;
    `opened_by` is the machine that runs it for an outside test engine.
    """

    id = StringField(primary_key=True, default=new_id)
    institution_id = StringField(required=True)
    exam_id = StringField(required=True)
    candidate_id = StringField(required=True)
    attempt = IntField(default=1)
    proctor_id = StringField()
    state = StringField(default=State.PLANNED.value, choices=[state.value for state in State])
    booking = EmbeddedDocumentField(Booking)
    equipment = DictField()
    consent = EmbeddedDocumentField(Consent)
    identity = EmbeddedDocumentField(IdentityCheck)
    challenge = EmbeddedDocumentField(Challenge)
    identity_check = EmbeddedDocumentField(SoftwareCheck)
    challenges = IntField(default=0)
    identity_attempts = IntField(default=0)
    conclusion = EmbeddedDocumentField(Conclusion)
    sources = MapField(EmbeddedDocumentField(SourceStatus))
    alarms = ListField(EmbeddedDocumentField(Alarm))
    low_bandwidth = EmbeddedDocumentField(LowBandwidth)
    stills = ListField(EmbeddedDocumentField(Still))
    warnings = IntField(default=0)
    reason = StringField(max_length=2000)
    created_at = UtcField(default=utc_now)
    scheduled_at = UtcField(required=True)
    checked_in_at = UtcField()
    identifying_at = UtcField()
    started_at = UtcField()
    ends_at = UtcField()
    paused_at = UtcField()
    finished_at = UtcField()
    verdict_queued = BooleanField(default=False)
    last_gaps_noted = BooleanField(default=False)
    recordings_told = BooleanField(default=False)
    recordings_looked_at = UtcField()
    media_node = StringField()
    placed_at = UtcField()
    opened_by = StringField()
    pending = ListField(DictField())
    meta = {
        "collection": "sessions",
        "strict": True,
        "indexes": [
            {"fields": ["exam_id", "candidate_id", "attempt"], "unique": True},
            {"fields": ["candidate_id"]},
            {"fields": ["institution_id", "scheduled_at"]},
            {"fields": ["proctor_id", "scheduled_at"]},
            {"fields": ["state", "ends_at"]},
            {"fields": ["pending.id"], "sparse": True},
            {"fields": ["identity_check.state", "identity_check.at"], "sparse": True},
            {"fields": ["identity_check.burst"], "sparse": True},
            {"fields": ["alarms.node"], "sparse": True},
            {"fields": ["recordings_told", "state"]},
        ],
    }


class LogEntry(Document):  # type: ignore[misc]
    """One link of a session's hash chain; see domain/evidence.py. `at` is epoch milliseconds."""

    id = StringField(primary_key=True)
    session_id = StringField(required=True)
    seq = IntField(required=True)
    kind = StringField(required=True)
    at = LongField(required=True)
    actor = DynamicField()
    data = DictField()
    previous = StringField(required=True)
    hash = StringField(required=True)
    stored_at = UtcField(required=True)
    meta = {
        "collection": "log",
        "strict": True,
        "indexes": [
            {"fields": ["session_id", "seq"], "unique": True},
            {"fields": ["session_id", "kind", "seq"]},
            {"fields": ["stored_at"]},
        ],
    }


class Notice(Document):  # type: ignore[misc]
    """A change outside any session that open pages want to hear of; forgotten after an hour."""

    id = StringField(primary_key=True, default=new_id)
    institution_id = StringField(required=True)
    kind = StringField(required=True)
    data = DictField()
    stored_at = UtcField(required=True)
    meta = {
        "collection": "notices",
        "strict": True,
        "indexes": [{"fields": ["stored_at"], "expireAfterSeconds": 3600}],
    }


class Segment(Document):  # type: ignore[misc]
    """One stored piece of a recording; the fields are those of domain.media.ClosedSegment.

    A filling of one track lies `within` another segment, before the block at `within_offset`.
    """

    id = StringField(primary_key=True)
    session_id = StringField(required=True)
    source = StringField(required=True)
    chain = StringField(required=True)
    seq = IntField(required=True)
    origin_ms = LongField(required=True)
    started_at_ms = LongField(required=True)
    ended_at_ms = LongField(required=True)
    bytes = LongField(required=True)
    sha256 = StringField(required=True)
    header_bytes = IntField(required=True)
    video_codec = StringField()
    width = IntField()
    height = IntField()
    has_audio = BooleanField()
    video_frames = IntField()
    audio_frames = IntField()
    lost_packets = IntField()
    audio_drift_ms_h = FloatField()
    video_drift_ms_h = FloatField()
    sound_offset_ms = FloatField()
    blob_key = StringField(required=True)
    within = StringField()
    within_offset = IntField()
    origin = StringField(default=Origin.NODE.value, choices=[origin.value for origin in Origin])
    stored_at = UtcField(default=utc_now)
    meta = {
        "collection": "segments",
        "strict": True,
        "indexes": [
            {"fields": ["session_id", "source", "chain", "seq"], "unique": True},
            {"fields": ["session_id", "source", "started_at_ms"]},
        ],
    }


class Gap(Document):  # type: ignore[misc]
    """A stretch of missing media with its cause."""

    id = StringField(primary_key=True)
    session_id = StringField(required=True)
    source = StringField(required=True)
    chain = StringField(required=True)
    track = StringField(required=True)
    started_at_ms = LongField(required=True)
    ended_at_ms = LongField(required=True)
    cause = StringField(required=True, choices=[cause.value for cause in GapCause])
    meta = {
        "collection": "gaps",
        "strict": True,
        "indexes": [{"fields": ["session_id", "source", "started_at_ms"]}],
    }


class ClientChunk(Document):  # type: ignore[misc]
    """What the candidate's browser kept and sent for a gap: accepted once.

    `wanted` is what it was accepted for, a part for each segment: from when to when (UTC ms), by
    track (`video`, `audio`). `filled` says that all of them are stored; nothing else ever changes.
    """

    id = StringField(primary_key=True)
    session_id = StringField(required=True)
    source = StringField(required=True)
    number = IntField(required=True)
    started_at_ms = LongField(required=True)
    ended_at_ms = LongField(required=True)
    bytes = LongField(required=True)
    sha256 = StringField(required=True)
    blob_key = StringField(required=True)
    received_at = UtcField(default=utc_now)
    wanted = ListField(MapField(ListField(ListField(LongField()))))
    filled = BooleanField()
    meta = {
        "collection": "client_chunks",
        "strict": True,
        "indexes": [
            {"fields": ["session_id", "source", "number"], "unique": True},
            {"fields": ["filled", "received_at"]},
        ],
    }
