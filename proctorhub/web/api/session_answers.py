"""What the API answers about one session."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime

from proctorhub.domain import identity
from proctorhub.domain.alarms import Part, Reason
from proctorhub.domain.incident_terms import Detector
from proctorhub.domain.media_settings import Decider
from proctorhub.domain.session import State, Tier, Verdict
from proctorhub.web.api.answers import Identification, Rules, Video
from proctorhub.web.api.fields import Answer
from proctorhub.web.api.incident_answers import OpenIncident


class ExamOfSession(Answer):
    """The exam as a session shows it; `url` is null until access is open."""

    id: str
    title: str
    duration_min: int
    tier: Tier
    open: bool
    rules: Rules
    identity: Identification
    url: str | None


class Candidate(Answer):
    """Who sits the exam."""

    id: str
    name: str
    photo_url: str | None


class Proctor(Answer):
    """Who looks after it."""

    id: str
    name: str


class Booking(Answer):
    """The booked time."""

    start: AwareDatetime
    end: AwareDatetime


class CheckResult(Answer):
    """One part of the equipment check."""

    name: str
    ok: bool
    detail: str


class Equipment(Answer):
    """The equipment check."""

    ok: bool
    at: AwareDatetime
    results: list[CheckResult]


class Consent(Answer):
    """What the candidate agreed to."""

    version: str
    sha256: str
    at: AwareDatetime


class ConsentText(Answer):
    """The text to agree to."""

    version: str
    language: str
    text: str
    sha256: str


class Identity(Answer):
    """The decision about who it is; the stills are for staff."""

    status: Literal["approved", "rejected"]
    reason: str
    by: Literal["person", "software"]
    software: identity.State | None = None
    document_still: str | None = None
    face_still: str | None = None
    at: AwareDatetime | None = None


class NewestCheck(Answer):
    """The newest check of the identity by software."""

    id: str
    state: identity.State
    at: AwareDatetime


class Conclusion(Answer):
    """The signed verdict."""

    verdict: Verdict
    comment: str
    by: str
    at: AwareDatetime


class SourceState(Answer):
    """The connection of one source."""

    state: Literal["live", "silent", "closed"]
    chain: str
    at: AwareDatetime


class Alarm(Answer):
    """A part of the way to storage that has fallen silent for one source; what to do depends on it.

    `silent`, `closed`: of a track or a node; `not_written`, `disk`, `spool_full`: the recorder;
    `hanging`, `failing`, `behind`: the uploader.
    """

    part: Part
    source: str
    track: Literal["video", "audio", "all"]
    reason: Reason
    since: AwareDatetime


class Sending(Answer):
    """What the candidate's page sends now; no `microphone_kbit` where no sound is wanted."""

    camera: Video
    screen: Video
    microphone_kbit: int | None
    low_bandwidth: bool
    low_bandwidth_by: Decider


class Actions(Answer):
    """What each side may do now."""

    candidate: list[str]
    proctor: list[str]


class Session(Answer):
    """One candidate sitting one exam."""

    id: str
    institution_id: str
    exam: ExamOfSession | None
    candidate: Candidate
    proctor: Proctor | None
    state: State
    attempt: int
    booking: Booking | None
    scheduled_at: AwareDatetime
    created_at: AwareDatetime | None
    checked_in_at: AwareDatetime | None
    started_at: AwareDatetime | None
    ends_at: AwareDatetime | None
    paused_at: AwareDatetime | None
    finished_at: AwareDatetime | None
    reason: str | None
    equipment: Equipment | None
    consent: Consent | None
    identity: Identity | None
    identity_check: NewestCheck | None
    conclusion: Conclusion | None
    sources: dict[str, SourceState]
    alarms: list[Alarm]
    media: Sending | None
    warnings: int
    actions: Actions
    server_now: AwareDatetime


class NewStill(Answer):
    """A picture that was kept."""

    id: str
    url: str
    sha256: str


class Still(NewStill):
    """A picture and where it comes from; the hash follows when its segment is stored."""

    source: Literal["camera", "screen", "proctor"]
    purpose: Literal["document", "face", "note"]
    at: AwareDatetime
    frame_at: AwareDatetime | None
    segment_id: str | None
    segment_sha256: str | None


class EntryActor(Answer):
    """Who did something."""

    id: str
    name: str
    role: str


class Entry(Answer):
    """One entry of a session's log, with its place in the hash chain."""

    session_id: str
    seq: int
    id: str
    kind: str
    at: AwareDatetime
    actor: EntryActor | None
    data: dict[str, Any]
    previous: str
    hash: str


class Watched(Answer):
    """A session that is going on, with its last line of chat, how much media is missing, the
    incidents that nobody has decided, and the detectors that are silent.
    """

    session: Session
    chat: Entry | None
    gaps: int
    gap_ms: int
    incidents: list[OpenIncident]
    silent: list[Detector]
