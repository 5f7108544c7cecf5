"""The candidate's page sends what it kept while the media node could not be reached."""

from __future__ import annotations

from typing import Any

from proctorhub.domain.permissions import Actor
from proctorhub.services import backfill
from proctorhub.services.errors import Invalid
from proctorhub.web.api.evidence_answers import BackfillOverview, Filled
from proctorhub.web.api.fields import Moment, Query, Sha256
from proctorhub.web.api.routing import Resource
from proctorhub.web.limits import CHUNK_LIMIT

resource = Resource("backfill")

LARGEST_NUMBER = 999_999


class ChunkQuery(Query):
    """When a chunk was recorded, by the server's clock, and its hash."""

    started_at: Moment
    ended_at: Moment
    sha256: Sha256


@resource.route("GET", "/sessions/<session_id>/backfill", answer=BackfillOverview)
def get_backfill(actor: Actor, session_id: str) -> dict[str, Any]:
    """List the gaps that the candidate's own recordings could still fill."""
    return backfill.gaps(actor, session_id)


@resource.route(
    "PUT",
    "/sessions/<session_id>/backfill/<source>/<number>",
    query=ChunkQuery,
    raw=("video/webm", CHUNK_LIMIT),
    answer=Filled,
)
def put_backfill(
    actor: Actor, session_id: str, source: str, number: str, query: ChunkQuery, data: bytes
) -> dict[str, Any]:
    """Fill a gap with one chunk of the candidate's own recording."""
    if not (number.isascii() and number.isdigit() and int(number[:9]) <= LARGEST_NUMBER):
        raise Invalid("number", f"A number from 0 to {LARGEST_NUMBER}.")
    return backfill.fill(
        actor,
        session_id,
        source,
        int(number),
        query.started_at,
        query.ended_at,
        query.sha256,
        data,
    )
