"""Reading what was recorded: report, log, segments, joined recordings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from flask import Response
from pydantic import Field

from proctorhub.domain.permissions import Actor
from proctorhub.live import wire
from proctorhub.services import playback, report
from proctorhub.web.api.answers import Items
from proctorhub.web.api.evidence_answers import MediaOverview, Report
from proctorhub.web.api.fields import Query
from proctorhub.web.api.routing import Media, Resource
from proctorhub.web.api.session_answers import Entry
from proctorhub.web.api.streaming import stream

resource = Resource("evidence")

LARGEST_SEQ = 2**31 - 1
WEBM = Media("video/webm", ranges=True)


class LogQuery(Query):
    """From which entry on."""

    after: Annotated[int, Field(ge=-1, le=LARGEST_SEQ)] = -1


class RecordingQuery(Query):
    """Which part of a recording whose codec changed."""

    part: Annotated[int, Field(ge=0, le=LARGEST_SEQ)] = 0


def _entries(links: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return [wire.entry(link) for link in links]


@resource.route("GET", "/sessions/<session_id>/report", answer=Report)
def get_report(actor: Actor, session_id: str) -> dict[str, Any]:
    """Read the report: events, recordings and whether the log is intact."""
    found = report.report(actor, session_id)
    return {**found, "entries": _entries(found["entries"])}


@resource.route("GET", "/sessions/<session_id>/media", answer=MediaOverview)
def get_media(actor: Actor, session_id: str) -> dict[str, Any]:
    """List segments, gaps and completeness of every source."""
    return report.media(actor, session_id)


@resource.route("GET", "/sessions/<session_id>/log", query=LogQuery, answer=Items[Entry])
def get_log(actor: Actor, session_id: str, query: LogQuery) -> dict[str, Any]:
    """Read the log from an entry on."""
    return {"items": _entries(report.entries(actor, session_id, query.after))}


@resource.route("GET", "/sessions/<session_id>/entries", query=LogQuery, answer=Items[Entry])
def get_entries(actor: Actor, session_id: str, query: LogQuery) -> dict[str, Any]:
    """Catch up with the live entries of a session, as this person may see them."""
    return {"items": _entries(report.live_entries(actor, session_id, query.after))}


@resource.route(
    "GET", "/sessions/<session_id>/recordings/<source>.webm", query=RecordingQuery, answer=WEBM
)
def get_recording(actor: Actor, session_id: str, source: str, query: RecordingQuery) -> Response:
    """Play or download the joined recording of one source."""
    return stream(playback.open(actor, session_id, source, query.part))


@resource.route("GET", "/sessions/<session_id>/segments/<segment_id>", answer=WEBM)
def get_segment(actor: Actor, session_id: str, segment_id: str) -> Response:
    """Download one stored segment."""
    return stream(playback.segment(actor, session_id, segment_id))
