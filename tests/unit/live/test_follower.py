from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from pymongo.errors import AutoReconnect

from proctorhub.live import follower as module
from proctorhub.live.follower import Follower
from proctorhub.services.feed import FeedEntry

PATIENCE_S = 5.0


def entry(number: int) -> FeedEntry:
    return FeedEntry(str(number), "s", number, "chat", 0, None, {})


class Feed:
    """Plays one list of entries (or failures) per call, then waits for the stop."""

    def __init__(self, *plays: list[FeedEntry | Exception]) -> None:
        self.plays = list(plays)
        self.since: list[object] = []

    def __call__(self, kinds: None, stop: threading.Event, since: object) -> Iterator[FeedEntry]:
        self.since.append(since)
        for item in self.plays.pop(0) if self.plays else []:
            if isinstance(item, Exception):
                raise item
            yield item
        stop.wait()


class Listener:
    """Keeps what it got, and waits for the last."""

    def __init__(self, last: int, *failures: Exception) -> None:
        self.got: list[int] = []
        self.done = threading.Event()
        self.last = last
        self.failures = list(failures)

    def __call__(self, one: FeedEntry) -> None:
        self.got.append(one.seq)
        if one.seq == self.last:
            self.done.set()
        if self.failures:
            raise self.failures.pop(0)


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.0)


@pytest.fixture
def run():
    running: list[Follower] = []

    def start(feed: Feed, *listeners: Listener) -> Follower:
        follower = Follower(feed)
        for listener in listeners:
            follower.subscribe(listener)
        follower.start()
        running.append(follower)
        for listener in listeners:
            assert listener.done.wait(PATIENCE_S)
        return follower

    yield start
    for follower in running:
        follower.stop()
        assert not follower.alive


def test_everybody_hears_everything_in_order(run):
    listeners = Listener(2), Listener(2)
    assert run(Feed([entry(0), entry(1), entry(2)]), *listeners).alive
    assert [listener.got for listener in listeners] == [[0, 1, 2], [0, 1, 2]]


def test_an_outage_of_the_database_is_sat_out(run):
    feed = Feed([entry(0), AutoReconnect()], [AutoReconnect()], [entry(0), entry(1)])
    listener = Listener(1)
    run(feed, listener)
    assert listener.got == [0, 1]
    assert feed.since[0] > feed.since[1] == feed.since[2]


def test_an_entry_that_could_not_be_handled_comes_again(run):
    feed = Feed([entry(0), entry(1)], [entry(0), entry(1)])
    listener = Listener(1, AutoReconnect())
    run(feed, listener)
    assert listener.got == [0, 0, 1]


def test_a_broken_listener_stops_nobody(run):
    broken, sound = Listener(1, ValueError(), ValueError()), Listener(1)
    run(Feed([entry(0), entry(1)]), broken, sound)
    assert broken.got == sound.got == [0, 1]


def test_who_left_hears_no_more():
    follower = Follower(Feed([entry(0), entry(1)]))
    staying, leaving = Listener(1), Listener(1)
    leave = follower.subscribe(leaving)
    follower.subscribe(staying)
    leave()
    follower.start()
    assert staying.done.wait(PATIENCE_S)
    follower.stop()
    assert leaving.got == []
