"""Many ask at once: no node gets more than its limit, no session gets two nodes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from proctorhub.domain.placement import Beat, Orders
from proctorhub.domain.session import Action, Side
from proctorhub.records.base import utc_now
from proctorhub.records.nodes import MediaNode
from proctorhub.records.sessions import Session
from proctorhub.services import changing, nodes, placing, sitting
from proctorhub.services.errors import Busy

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes do not die of a slow test machine, nor are check-ins given up."""
    monkeypatch.setattr(nodes, "DEAD_AFTER_S", 600.0)
    monkeypatch.setattr(nodes, "PLACE_GRACE", timedelta(seconds=600))


def orders(
    node_id: str, limit: int, sending: tuple[str, ...] = (), key: str | None = None
) -> Orders:
    url = f"https://{node_id}.example"
    key = nodes.ticket_key()["sha256"] if key is None else key
    return nodes.heartbeat(
        Beat(node_id, url, False, key, limit, 0.0, 0.0, 0, 0, 0, 0, 0.0, 0, sending, ())
    )


def beat(
    node_id: str, limit: int, sending: tuple[str, ...] = (), key: str | None = None
) -> list[str]:
    return orders(node_id, limit, sending, key).elsewhere


def session(name: str, state: str = "checked_in", **fields: object) -> str:
    made = Session(
        id=name,
        institution_id="uni",
        exam_id="exam",
        candidate_id=name,
        scheduled_at=utc_now(),
        state=state,
        **fields,
    )
    return str(made.save(force_insert=True).id)


def check_in(session_id: str) -> None:
    """What a candidate's check-in does, without the candidate."""
    placing.place(session_id)
    changing.act(session_id, Action.CHECK_IN, Side.CANDIDATE, None)


def lose_places(node_id: str) -> None:
    MediaNode._get_collection().update_one({"_id": node_id}, {"$set": {"places": []}})


def age_places(node_id: str) -> None:
    """Let the places of a node be older than a check-in takes."""
    long_ago = utc_now() - nodes.PLACE_GRACE - timedelta(seconds=1)
    MediaNode._get_collection().update_one({"_id": node_id}, {"$set": {"places.$[].at": long_ago}})


def silence(node_id: str) -> None:
    long_ago = utc_now() - timedelta(hours=1)
    MediaNode._get_collection().update_one({"_id": node_id}, {"$set": {"beat_at": long_ago}})


def placed(session_id: str) -> str | None:
    found = placing.place(session_id)
    return found and str(found["_id"])


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
    assert orders("a", 9, ("on", "ended", "never", "erased")).over == ["ended", "never", "erased"]
    assert orders("a", 9, ("on",)).over == []


def test_the_limit_holds_while_nodes_beat_during_check_ins() -> None:
    beat("a", 10)
    ids = [session(f"s{n}", "planned") for n in range(40)]
    done = threading.Event()

    def beats() -> None:
        while not done.is_set():
            beat("a", 10)

    def came_in(session_id: str) -> bool:
        try:
            check_in(session_id)
        except Busy:
            return False
        return True

    with ThreadPoolExecutor(1) as node, ThreadPoolExecutor(8) as pool:
        beating = node.submit(beats)
        try:
            came = {s for s, in_ in zip(ids, pool.map(came_in, ids), strict=True) if in_}
        finally:
            done.set()
        beating.result()
    assert len(came) == 10
    assert places("a") == came


def test_a_beat_in_the_middle_of_a_check_in_leaves_its_place(candidate, exam, monkeypatch) -> None:
    beat("a", 1)
    session_id = sitting.join(candidate, exam()["id"])["id"]
    text = sitting.consent_text_for(candidate, session_id, "en")
    sitting.consent(candidate, session_id, text["version"], text["sha256"])
    act = changing.act

    def act_after_a_beat(*args, **named):
        beat("a", 1)
        return act(*args, **named)

    monkeypatch.setattr(changing, "act", act_after_a_beat)
    sitting.check_in(candidate, session_id)
    assert places("a") == {session_id}
    with pytest.raises(Busy):
        placing.place(session("later", "planned"))


@pytest.mark.parametrize(
    ("state", "node_id", "is_old", "stays"),
    [
        ("planned", "a", False, True),
        ("planned", "a", True, False),
        ("planned", None, False, True),
        ("checked_in", "a", True, True),
        ("running", "a", True, True),
        ("running", "b", False, True),
        ("running", "b", True, False),
        ("finished", "a", False, False),
        ("cancelled", "a", False, False),
        ("no_show", "a", False, False),
    ],
)
def test_whose_places_stay(state, node_id, is_old, stays) -> None:
    beat("a", 5)
    MediaNode._get_collection().update_one(
        {"_id": "a"}, {"$push": {"places": {"session_id": "s1", "at": utc_now()}}}
    )
    session("s1", state, media_node=node_id)
    if is_old:
        age_places("a")
    beat("a", 5)
    assert places("a") == ({"s1"} if stays else set())


def test_a_place_claimed_again_is_not_given_back_as_the_old_one() -> None:
    beat("a", 1)
    session_id = session("s1", "planned")
    assert placed(session_id) == "a"
    age_places("a")
    as_read_before = nodes.stored("a")
    assert placed(session_id) == "a"
    nodes.tidy(as_read_before)
    assert places("a") == {session_id}


def test_a_nodes_clock_that_is_ahead_takes_no_place(monkeypatch) -> None:
    beat("a", 1)
    session_id = session("s1", "planned")
    assert placed(session_id) == "a"
    ahead = utc_now() + timedelta(days=1)
    monkeypatch.setattr(nodes, "utc_now", lambda: ahead)
    beat("a", 1)
    assert places("a") == {session_id}


def test_who_asks_twice_to_check_in_keeps_the_last_place() -> None:
    beat("a", 1)
    session_id = session("s1", "planned")
    assert [placed(session_id), placed(session_id)] == ["a", "a"]
    assert len(nodes.stored("a")["places"]) == 1


def test_who_comes_back_to_a_check_in_asks_as_a_new_one() -> None:
    beat("a", 1)
    session_id = session("s1", "planned")
    assert placed(session_id) == "a"
    age_places("a")
    beat("a", 1)
    other = session("s2", "planned")
    assert placed(other) == "a"
    with pytest.raises(Busy):
        placing.place(session_id)
    beat("b", 1)
    assert placed(session_id) == "b"
    assert (places("a"), places("b")) == ({other}, {session_id})


def test_who_comes_back_to_a_check_in_keeps_the_node_while_it_has_room() -> None:
    beat("a", 10), beat("b", 10)
    session_id = session("s1", "planned")
    assert placed(session_id) == "a"
    lose_places("a")
    for n in range(3):
        session(f"other{n}")
        nodes.keep_place(nodes.stored("a"), f"other{n}")
    assert placed(session_id) == "a"
    assert session_id in places("a")


def test_who_has_not_begun_does_not_wait_for_a_dead_node() -> None:
    beat("a", 5)
    session_id = session("s1", "planned")
    assert placed(session_id) == "a"
    silence("a")
    with pytest.raises(Busy):
        placing.place(session_id)


def test_who_has_begun_gets_a_missing_place_back_above_the_limit() -> None:
    beat("a", 1)
    session_id = session("s1")
    assert placed(session_id) == "a"
    lose_places("a")
    other = session("s2")
    assert placed(other) == "a"
    for _ in range(2):
        assert placed(session_id) == "a"
    assert [p.session_id for p in MediaNode.objects.get(id="a").places] == [other, session_id]


def test_a_place_that_two_bring_back_at_once_is_one() -> None:
    beat("a", 5)
    session_id = session("s1", "running", media_node="a", placed_at=utc_now())
    as_both_read_it = nodes.stored("a")
    nodes.keep_place(as_both_read_it, session_id)
    nodes.keep_place(as_both_read_it, session_id)
    assert [p.session_id for p in MediaNode.objects.get(id="a").places] == [session_id]


def test_a_beat_brings_back_missing_places_of_those_who_send() -> None:
    beat("a", 2), beat("b", 2)
    here = {session(f"s{n}", "running", media_node="a", placed_at=utc_now()) for n in range(3)}
    elsewhere = session("elsewhere", "running", media_node="b", placed_at=utc_now())
    over = session("over", "finished", media_node="a", placed_at=utc_now())
    for _ in range(2):
        assert beat("a", 2, (*here, elsewhere, over)) == [elsewhere]
        assert (places("a"), places("b")) == (here, set())
        assert len(nodes.stored("a")["places"]) == len(here)


def test_nobody_moves_while_no_node_can_tell(monkeypatch) -> None:
    beat("a", 50), beat("b", 50)
    session_id = session("s1")
    assert placed(session_id) == "a"
    for n in range(5):
        session(f"other{n}")
        nodes.keep_place(nodes.stored("a"), f"other{n}")
    monkeypatch.setattr(nodes, "DEAD_AFTER_S", 0.0)
    monkeypatch.setattr(nodes, "GONE_AFTER_S", 600.0)
    assert placed(session_id) == "a"
    assert beat("a", 50, (session_id,)) == []
    # who is new is still taken in, and a check of equipment finds a node
    assert placed(session("new")) == "b"
    assert placing.for_check(None) == "https://b.example"


def test_who_lost_the_node_goes_to_a_living_one() -> None:
    beat("a", 5), beat("b", 1)
    session_id = session("s1")
    assert placed(session_id) == "a"
    assert placed(session("s2", media_node="b")) == "b"
    silence("a")
    assert placed(session_id) == "b"
    assert (places("a"), places("b")) == (set(), {session_id, "s2"})
