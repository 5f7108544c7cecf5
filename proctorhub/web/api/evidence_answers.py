"""What the API answers about recordings and the log."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from proctorhub.web.api.fields import Answer
from proctorhub.web.api.incident_answers import Incident, MonitoringGap, Suspicion
from proctorhub.web.api.session_answers import Alarm, Entry, Session


class Gap(Answer):
    """A stretch of missing media."""

    track: str
    started_at: AwareDatetime
    ended_at: AwareDatetime
    cause: str


class Healed(Gap):
    """What the media node missed and the candidate's own browser filled: weaker trust."""

    origin: Literal["client"]


class Sync(Answer):
    """How the clocks of a source's tracks ran: drift in ms per hour, the sound's distance in ms."""

    audio_drift_ms_h: float | None
    video_drift_ms_h: float | None
    sound_offset_ms: float | None


class Recording(Answer):
    """One playable file; a source whose codec changed has several parts."""

    source: str
    part: int
    url: str
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    duration_s: float
    bytes: int
    completeness: float
    gaps: list[Gap]
    healed: list[Healed]
    sync: Sync
    video_codec: str | None
    has_audio: bool | None


class LogCheck(Answer):
    """Whether the hash chain holds."""

    entries: int
    intact: bool
    head: str


class Report(Answer):
    """The whole session afterwards."""

    session: Session
    entries: list[Entry]
    sources: list[Recording]
    incidents: list[Incident]
    suspicion: Suspicion | None
    may_decide: bool
    monitoring_gaps: list[MonitoringGap]
    log: LogCheck


class Segment(Answer):
    """One stored piece of a recording."""

    id: str
    chain: str
    seq: int
    started_at: AwareDatetime
    ended_at: AwareDatetime
    bytes: int
    sha256: str
    origin: Literal["node", "client"]
    video_codec: str | None
    has_audio: bool | None


class Account(Answer):
    """How the expected time is made up: `recorded_s`, `backfilled_s` and the gaps add up to it.

    `recorded_s` is the media node's own; `backfilled_s` came from the candidate's browser.
    """

    gaps: list[Gap]
    healed: list[Healed]
    expected_s: float
    recorded_s: float
    backfilled_s: float
    completeness: float


class TrackAccount(Account):
    """What is recorded of one track, and what is missing."""

    track: Literal["video", "audio"]


class Track(Account):
    """One source; a moment of it counts as recorded when each of its tracks is."""

    source: str
    segments: list[Segment]
    sync: Sync
    by_track: list[TrackAccount]


class MediaOverview(Answer):
    """All sources of a session, and what is wrong with recording them now."""

    tracks: list[Track]
    alarms: list[Alarm]


class Span(Answer):
    """A stretch of time."""

    started_at: AwareDatetime
    ended_at: AwareDatetime


class BackfillSource(Answer):
    """What is still missing of one source, and the number that its next chunk must have."""

    source: Literal["camera", "screen"]
    next_number: int
    gaps: list[Span]


class BackfillOverview(Answer):
    """What could still be filled; once it is `settled` nothing further will be found missing."""

    items: list[BackfillSource]
    settled: bool


class FilledSpan(Span):
    """A segment made of a chunk."""

    segment_id: str


class Filled(Answer):
    """What a chunk was good for."""

    number: int
    filled: list[FilledSpan]
