"""Candidate and proctor write to each other."""

from __future__ import annotations

from typing import Any

from proctorhub.domain.permissions import Actor
from proctorhub.live import wire
from proctorhub.services import chat
from proctorhub.web.api.answers import Items
from proctorhub.web.api.proctoring import Text
from proctorhub.web.api.routing import Resource
from proctorhub.web.api.session_answers import Entry
from proctorhub.web.limits import limiter

resource = Resource("chat")

#: Faster than anybody types; every line stays in the log for good.
LINES = "60 per minute"


@resource.route("GET", "/sessions/<session_id>/chat", answer=Items[Entry])
def list_chat(actor: Actor, session_id: str) -> dict[str, Any]:
    """List the lines and warnings."""
    return {"items": [wire.entry(line) for line in chat.lines(actor, session_id)]}


@resource.route(
    "POST",
    "/sessions/<session_id>/chat",
    body=Text,
    answer=Entry,
    status=201,
    guard=limiter.limit(LINES),
)
def say(actor: Actor, session_id: str, body: Text) -> dict[str, Any]:
    """Write a line."""
    return wire.entry(chat.say(actor, session_id, body.text))
