"""Many ask at once: no node gets more than its limit, no session gets two nodes."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from proctorhub.domain.placement import Beat
from proctorhub.records.base import utc_now
from proctorhub.records.nodes import MediaNode
from proctorhub.records.sessions import Session
from proctorhub.services import nodes, placing
from proctorhub.services.errors import Busy

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes do not die of a slow test machine."""
    monkeypatch.setattr(nodes, "DEAD_AFTER_S", 600.0)


def beat(
    node_id: str, limit: int, sending: tuple[str, ...] = (), key: str | None = None
) -> list[str]:
    url = f"https://{node_id}.example"
    key = nodes.ticket_key()["sha256"] if key is None else key
    return nodes.heartbeat(
        Beat(node_id, url, False, key, limit, 0.0, 0.0, 0, 0, 0, 0, 0.0, 0, sending, ())
    )


def session(name: str, **fields: object) -> str:
    made = Session(
        id=name,
        institution_id="uni",
        exam_id="exam",
        candidate_id=name,
        scheduled_at=utc_now(),
        state="checked_in",
        **fields,
    )
    return str(made.save(force_insert=True).id)


def places(node_id: str) -> set[str]:
    return {place.session_id for place in MediaNode.objects.get(id=node_id).places}


def test_the_last_places_are_given_away_once() -> None:
    beat("a", 3), beat("b", 4)
    ids = [session(f"s{n}") for n in range(20)]

    def ask(session_id: str) -> str | None:
        try:
            found = placing.place(session_id)
        except Busy as busy:
            assert busy.code == "no_capacity" and busy.retry_after_s > 0
            return None
        assert found is not None
        return str(found["_id"])

    with ThreadPoolExecutor(8) as pool:
        got = dict(zip(ids, pool.map(ask, ids), strict=True))
    for node_id, limit in (("a", 3), ("b", 4)):
        mine = {session_id for session_id, node in got.items() if node == node_id}
        assert len(mine) == limit
        assert places(node_id) == mine


def test_tickets_asked_for_at_once_name_one_node() -> None:
    for node_id in ("a", "b", "c"):
        beat(node_id, 100)
    for n in range(8):
        session_id = session(f"s{n}")
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(placing.place, [session_id] * 4))
        assert len({node["_id"] for node in found if node}) == 1
    total = sum(len(places(node_id)) for node_id in ("a", "b", "c"))
    assert total == 8


def test_a_place_left_by_a_crash_comes_back() -> None:
    beat("a", 5)
    session("s1")
    long_ago = utc_now() - nodes.PLACE_GRACE - timedelta(seconds=1)
    for name, at in (("s1", long_ago), ("unknown", utc_now())):
        MediaNode._get_collection().update_one(
            {"_id": "a"}, {"$push": {"places": {"session_id": name, "at": at}}}
        )
    beat("a", 5)
    assert places("a") == set()


def test_a_place_that_is_just_being_taken_is_left_alone() -> None:
    beat("a", 5)
    session("s1")
    MediaNode._get_collection().update_one(
        {"_id": "a"}, {"$push": {"places": {"session_id": "s1", "at": utc_now()}}}
    )
    beat("a", 5)
    assert places("a") == {"s1"}


def test_a_node_registered_since_the_page_was_loaded_is_the_last_choice() -> None:
    beat("old", 5)
    loaded = {"version": "1", "sha256": "0" * 64, "at": utc_now() + timedelta(seconds=1)}
    young = utc_now() + timedelta(seconds=2)
    beat("young", 50)
    MediaNode.objects(id="young").update(set__registered_at=young)
    found = placing.place(session("s1", consent=loaded))
    assert found is not None and found["_id"] == "old"
    found = placing.place(session("s2", consent=loaded, opened_by="machine"))
    assert found is not None and found["_id"] == "young"


def test_a_node_with_another_ticket_key_gets_nobody() -> None:
    beat("ours", 5), beat("strange", 50, key="0" * 64)
    found = placing.place(session("s1"))
    assert found is not None and found["_id"] == "ours"
    beat("ours", 5, key="")
    beat("strange", 50)
    moved = placing.place("s1")
    assert moved is not None and moved["_id"] == "strange"
    assert (places("ours"), places("strange")) == (set(), {"s1"})


def test_nobody_is_sent_where_every_ticket_is_refused() -> None:
    beat("strange", 50, key="0" * 64)
    with pytest.raises(Busy):
        placing.place(session("s1"))


def test_a_node_is_told_of_sessions_that_ended_behind_its_back() -> None:
    for name, state in (("on", "running"), ("ended", "finished"), ("never", "no_show")):
        session(name)
        Session.objects(id=name).update(set__state=state)
    assert nodes.over(["on", "ended", "never", "erased"]) == ["ended", "never", "erased"]
    assert nodes.over(["on"]) == []
