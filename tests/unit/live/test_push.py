from __future__ import annotations

from typing import Any

import pytest

from proctorhub.domain.permissions import Actor
from proctorhub.live import push, rooms
from proctorhub.live.presence import Presence
from proctorhub.live.push import Pusher
from proctorhub.services.errors import NotFound
from proctorhub.services.feed import FeedEntry

STAFF_ONLY = ["note", "still.taken", "identity.approved", "identity.rejected", "evidence.read"]
FOR_BOTH = ["warning", "state.running", "time.extended", "state.concluded"]
ON_TILES = ["chat", "gap.noted"]


class Wire:
    """Stands in for Socket.IO: keeps what was emitted and to whom."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any, list[str]]] = []
        self.left: list[tuple[str, str]] = []
        self.server = self

    def emit(self, event: str, data: Any, to: list[str]) -> None:
        self.sent.append((event, data, to))

    def leave_room(self, sid: str, room: str) -> None:
        self.left.append((sid, room))

    def rooms_of(self, event: str) -> set[str]:
        return {room for name, _, to in self.sent if name == event for room in to}


@pytest.fixture
def wire(monkeypatch) -> Wire:
    whose = {"institution_id": "i", "candidate_id": "c", "proctor_id": "p"}
    views = {"staff": {"for": "staff"}, "candidate": {"for": "candidate"}}
    monkeypatch.setattr(push.sessions, "audience", lambda _: whose)
    monkeypatch.setattr(push.sessions, "audience_views", lambda _: views)
    return Wire()


def tell(wire: Wire, kind: str, presence: Presence | None = None, **about: Any) -> None:
    given = {"id": "e", "session_id": "s", "seq": 1, "at": 1_795_251_600_123, "actor": None}
    entry = FeedEntry(kind=kind, data={}, **{**given, **about})
    Pusher(wire, presence or Presence(), lambda _: None)(entry)


@pytest.mark.parametrize("kind", STAFF_ONLY)
def test_what_candidates_must_not_hear(wire, kind):
    tell(wire, kind)
    assert wire.rooms_of("entry") == {rooms.session("s", "staff")}


@pytest.mark.parametrize("kind", ON_TILES)
def test_what_the_proctors_grid_hears_too(wire, kind):
    tell(wire, kind)
    here = {rooms.session("s", "staff"), rooms.session("s", "candidate"), rooms.assigned("p")}
    assert wire.rooms_of("entry") == here
    assert sum(event == "entry" for event, _, _ in wire.sent) == 2


@pytest.mark.parametrize("kind", FOR_BOTH)
def test_what_both_hear(wire, kind):
    tell(wire, kind)
    assert wire.rooms_of("entry") == {rooms.session("s", "staff"), rooms.session("s", "candidate")}


def test_times_are_readable(wire):
    tell(wire, "chat")
    assert wire.sent[0][1]["at"].isoformat() == "2026-11-21T09:00:00.123000+00:00"


def test_each_side_gets_its_own_view(wire):
    tell(wire, "state.running")
    for event, data, to in wire.sent:
        if event == "session":
            candidates = {rooms.session("s", "candidate"), rooms.own("c")}
            assert set(to) <= candidates if data["for"] == "candidate" else not set(to) & candidates


def test_a_taken_session_is_on_its_proctors_table_only(wire):
    tell(wire, "state.running")
    assert rooms.assigned("p") in wire.rooms_of("session")
    assert rooms.every("i") in wire.rooms_of("session")
    assert rooms.unassigned("i") not in wire.rooms_of("session")


def test_when_it_is_taken_the_others_learn_it(wire):
    tell(wire, "proctor.assigned")
    assert rooms.unassigned("i") in wire.rooms_of("session")


def test_lines_and_segments_change_no_table(wire):
    for kind in ("chat", "segment.stored", "evidence.read"):
        tell(wire, kind)
    assert wire.rooms_of("session") == set()


def test_notices_go_to_the_institution(wire):
    about = {"session_id": None, "institution_id": "i"}
    tell(wire, "exam.changed", **about)
    tell(wire, "availability.changed", **about)
    tell(wire, "unheard.of", **about)
    assert [(event, to) for event, _, to in wire.sent] == [
        ("exam", [rooms.news("i")]),
        ("availability", [rooms.news("i")]),
    ]


def test_a_session_that_is_gone_is_no_failure(wire, monkeypatch):
    def gone(_):
        raise NotFound("session")

    monkeypatch.setattr(push.sessions, "audience", gone)
    tell(wire, "state.running")
    assert wire.rooms_of("session") == set()


def test_who_may_not_watch_any_more_is_shown_out(wire):
    presence = Presence()
    presence.add("sid", actor("proctor"))
    presence.guest("sid").watched["s"] = "staff"
    tell(wire, "proctor.assigned", presence)
    assert wire.left == [("sid", rooms.session("s", "staff"))]


def actor(*roles: str) -> Actor:
    return Actor("me", "Me", frozenset(roles), "i")


@pytest.mark.parametrize(
    ("roles", "found"),
    [
        (["candidate"], set()),
        (["proctor"], {rooms.assigned("me"), rooms.unassigned("i"), rooms.news("i")}),
        (["reviewer"], {rooms.every("i"), rooms.news("i")}),
        (["admin", "candidate"], {rooms.every("i"), rooms.news("i")}),
    ],
)
def test_the_table_of_the_day_by_role(roles, found):
    assert set(rooms.of_day(actor(*roles))) == found
