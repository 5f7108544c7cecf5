"""What Redis brings: many workers, and nothing lost with one of them."""

from __future__ import annotations

import threading

import pytest
import redis

from proctorhub.config import Settings
from proctorhub.frames import bus, redis_streams
from tests.contracts.frames.conftest import House, picture
from tests.waiting import PATIENCE_S, wait_for


def test_workers_share_the_load_and_nobody_gets_a_picture_twice(redis_house: House) -> None:
    workers = [redis_house.receiver() for _ in range(3)]
    got: list[list[int]] = [[] for _ in workers]
    over = threading.Event()

    def work(worker: bus.Receiver, mine: list[int]) -> None:
        while not over.is_set():
            taken = worker.take(4, 0.05)
            mine += [d.sample.at_ms // 1000 for d in taken]
            worker.done(taken)

    threads = [threading.Thread(target=work, args=pair) for pair in zip(workers, got, strict=True)]
    for thread in threads:
        thread.start()
    sender = redis_house.sender()
    sent = 0
    # One at a time, so that whoever is free can take it.
    while sum(bool(mine) for mine in got) < 3 and sent < 1000:
        sender.publish(picture(f"s{sent % 50}", sent))
        sent += 1
        wait_for(lambda: sum(map(len, got)) == sent, "a worker to take it")  # noqa: B023
    over.set()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert sorted(number for mine in got for number in mine) == list(range(sent))
    assert all(got)


def test_what_a_dead_worker_left_is_claimed(
    redis_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_streams, "CLAIM_AFTER_MS", 1)
    monkeypatch.setattr(redis_streams, "CLAIM_EVERY_S", 0.0)
    sender, first = redis_house.sender(), redis_house.receiver()
    sender.publish(picture("s", 1))
    (taken,) = wait_for(lambda: first.take(8, 0.1), "the picture")
    second = redis_house.receiver()
    (again,) = wait_for(lambda: second.take(8, 0.01), "the picture left")
    assert again.again and again.sample == taken.sample
    second.done([again])
    assert second.take(8, 0.01) == []


def test_the_stream_holds_only_what_nobody_finished(redis_house: House, redis_url: str) -> None:
    sender, receiver = redis_house.sender(), redis_house.receiver()
    for number in range(4):
        sender.publish(picture(f"s{number}", number))
    taken = []
    wait_for(lambda: taken.extend(receiver.take(8, 0.05)) or len(taken) == 4, "four")
    receiver.done(taken[:3])
    with redis.Redis.from_url(redis_url) as client:
        assert client.xlen(redis_streams.STREAM) == 1


def test_a_stream_that_nobody_reads_stays_short_and_the_loss_is_counted(
    redis_house: House, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_streams, "MAX_ENTRIES", 5)
    sender = redis_house.sender()
    for number in range(12):
        sender.publish(picture(f"s{number}", number))
    wait_for(lambda: sender.counts.passed == 12, "all to be sent")
    with redis.Redis.from_url(redis_url) as client:
        left = [fields[redis_streams.FIELD] for _, fields in client.xrange(redis_streams.STREAM)]
    assert len(left) == 5 and sender.counts.dropped == 7


def test_malformed_entries_are_counted_and_gone(redis_house: House, redis_url: str) -> None:
    receiver, sender = redis_house.receiver(), redis_house.sender()
    with redis.Redis.from_url(redis_url) as client:
        client.xadd(redis_streams.STREAM, {"b": b"nonsense"})
        client.xadd(redis_streams.STREAM, {"other": b"field"})
        sender.publish(picture("s", 1))
        (taken,) = wait_for(lambda: receiver.take(8, 0.05), "the picture")
        receiver.done([taken])
        assert client.xlen(redis_streams.STREAM) == 0
    assert receiver.counts.refused == 2


def test_a_server_that_forgot_everything_is_used_again(redis_house: House, redis_url: str) -> None:
    sender, receiver = redis_house.sender(), redis_house.receiver()
    assert receiver.take(1, 0.01) == []
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    sender.publish(picture("s", 1))
    wait_for(lambda: receiver.take(8, 0.05), "the picture")


def test_a_bus_that_is_away_is_told_without_its_password() -> None:
    url = "redis://:s3cret@127.0.0.1:1/0"
    receiver = bus.receiver(Settings(frame_bus=url))
    with pytest.raises(bus.BusError) as away:
        receiver.take(1, 0.01)
    assert "s3cret" not in str(away.value)
