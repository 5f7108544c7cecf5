"""The candidate shows who they are to software."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field, Json, StringConstraints

from proctorhub.domain.permissions import Actor
from proctorhub.services import identity_checks
from proctorhub.services.identity_checks import (
    BURST_LIMIT,
    FEWEST_FRAMES,
    FRAME_LIMIT,
    MOST_FRAMES,
    PICTURE_LIMIT,
)
from proctorhub.web.api.fields import Body, Nothing, Query
from proctorhub.web.api.identity_answers import Challenge, Check, Submitted
from proctorhub.web.api.routing import Resource
from proctorhub.web.identity_sentences import sentence

resource = Resource("identity")

LONGEST_MS = 120_000
Value = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Problem = Annotated[str, StringConstraints(pattern="^[a-z_]{1,40}$")]


class Frame(Body):
    """One picture of the moves: its length in bytes, and when it was taken (ms from the start)."""

    length: Annotated[int, Field(ge=4, le=FRAME_LIMIT)]
    at_ms: Annotated[int, Field(ge=0, le=LONGEST_MS)]


class PictureQuality(Body):
    """What the page found of a picture; `low`: it was sent against the page's advice.

    Further things that a page measures are left out.
    """

    model_config = ConfigDict(extra="ignore", strict=True)
    brightness: Value | None = None
    glare: Value | None = None
    sharpness: Value | None = None
    steadiness: Value | None = None
    detail: Value | None = None
    width: Annotated[int, Field(ge=0, le=10_000)] | None = None
    height: Annotated[int, Field(ge=0, le=10_000)] | None = None
    problems: Annotated[list[Problem], Field(max_length=10)] = Field(default_factory=list)
    low: bool = False


class Quality(Body):
    """What the page found of both pictures."""

    document: PictureQuality = Field(default_factory=PictureQuality)
    selfie: PictureQuality = Field(default_factory=PictureQuality)


class Index(Body):
    """Which challenge is answered, and where each picture of the burst ends."""

    nonce: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    burst: Annotated[list[Frame], Field(min_length=FEWEST_FRAMES, max_length=MOST_FRAMES)]
    quality: Quality = Field(default_factory=Quality)


class Submission(Query):
    """The text part of the form."""

    index: Json[Index]


@resource.route(
    "POST", "/sessions/<session_id>/identity/challenge", body=Nothing, answer=Challenge, status=201
)
def challenge_identity(actor: Actor, session_id: str, body: Nothing) -> dict[str, Any]:
    """Choose moves for the candidate to make."""
    return identity_checks.challenge(actor, session_id)


@resource.route(
    "POST",
    "/sessions/<session_id>/verify-identity",
    files={"document": PICTURE_LIMIT, "selfie": PICTURE_LIMIT, "burst": BURST_LIMIT},
    form=Submission,
    answer=Submitted,
    status=202,
)
def verify_identity(
    actor: Actor, session_id: str, form: Submission, files: dict[str, bytes]
) -> dict[str, Any]:
    """Hand in document, face and moves."""
    index: Index = form.index
    return identity_checks.submit(
        actor,
        session_id,
        identity_checks.Submission(
            nonce=index.nonce,
            document=files["document"],
            selfie=files["selfie"],
            burst=files["burst"],
            frames=[(frame.length, frame.at_ms) for frame in index.burst],
            quality=index.quality.model_dump(exclude_unset=True),
            doubted=index.quality.document.low or index.quality.selfie.low,
        ),
    )


@resource.route("GET", "/sessions/<session_id>/identity", answer=Check)
def get_identity(actor: Actor, session_id: str) -> dict[str, Any]:
    """Read the newest check: outcome and sentences, and for staff what was measured."""
    found = identity_checks.newest(actor, session_id)
    reasons = [{"code": code, "sentence": sentence(code)} for code in found["reasons"]]
    return {**found, "reasons": reasons}
