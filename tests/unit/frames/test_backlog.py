"""The backlog against a plain model of it."""

from __future__ import annotations

import threading
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from proctorhub.frames.backlog import Backlog
from tests.waiting import PATIENCE_S

PER, TOTAL = 3, 100
puts = st.tuples(st.sampled_from("abc"), st.integers(1, 60))
steps = st.lists(puts | st.integers(1, 4), max_size=60)


@given(steps)
def test_nothing_is_lost_but_what_it_says(steps) -> None:
    backlog: Backlog[tuple[str, int]] = Backlog(PER, TOTAL)
    waiting: dict[str, list[tuple[str, int]]] = defaultdict(list)
    sizes: dict[tuple[str, int], int] = {}
    dropped = 0
    for number, step in enumerate(steps):
        if isinstance(step, int):
            for item in backlog.take(step, 0):
                assert waiting[item[0]].pop(0) == item
            continue
        key, size = step
        item = (key, number)
        sizes[item] = size
        waiting[key].append(item)
        for gone in backlog.put((key, "camera"), item, size):
            assert waiting[gone[0]].pop(0) == gone
            dropped += 1
        left = [item for queue in waiting.values() for item in queue]
        assert all(len(queue) <= PER for queue in waiting.values())
        assert sum(sizes[item] for item in left) <= TOTAL or len(left) == 1
    assert backlog.dropped == dropped
    assert len(backlog) == sum(map(len, waiting.values()))


def test_sources_take_turns() -> None:
    backlog: Backlog[str] = Backlog()
    for item in ("a1", "a2", "a3", "b1", "c1"):
        backlog.put((item[0], "camera"), item, 1)
    assert backlog.take(10) == ["a1", "b1", "c1", "a2", "a3"]


def test_turns_go_on_from_one_take_to_the_next() -> None:
    backlog: Backlog[str] = Backlog()
    for item in ("a1", "a2", "b1", "b2"):
        backlog.put((item[0], "camera"), item, 1)
    assert [backlog.take(1) for _ in range(4)] == [["a1"], ["b1"], ["a2"], ["b2"]]


def test_the_heaviest_source_gives_way_when_all_room_is_taken() -> None:
    backlog: Backlog[str] = Backlog(per_source=10, total_bytes=100)
    backlog.put(("small", "camera"), "s", 10)
    backlog.put(("large", "camera"), "l1", 50)
    assert backlog.put(("large", "camera"), "l2", 50) == ["l1"]
    assert backlog.take(10) == ["s", "l2"]


def test_closing_wakes_who_waits() -> None:
    backlog: Backlog[str] = Backlog()
    got: list[list[str]] = []
    waiting = threading.Thread(target=lambda: got.append(backlog.take(1)))
    waiting.start()
    backlog.close()
    waiting.join(PATIENCE_S)
    assert got == [[]]
