"""What every frame bus must do."""

from __future__ import annotations

import time

import av
import numpy as np

from proctorhub.frames import planes
from proctorhub.frames.backlog import PER_SOURCE
from proctorhub.frames.bus import Delivery, Receiver
from proctorhub.frames.envelope import BurstWish, SampledPicture, SampledSound
from proctorhub.vision.pictures import Decoder, difference, luma
from tests.contracts.frames.conftest import House, picture
from tests.waiting import wait_for


def take_all(receiver: Receiver, count: int) -> list[Delivery]:
    """Take until there are `count`, and then see that there are no more."""
    taken: list[Delivery] = []
    wait_for(lambda: taken.extend(receiver.take(64, 0.1)) or len(taken) >= count, f"{count}")
    return taken + receiver.take(64, 0.2)


def test_pictures_and_sound_arrive_as_they_were_sent(house: House) -> None:
    receiver, sender = house.receiver(), house.sender()
    sound = SampledSound("s1", "camera", "chain", 3, 5000, ((5000, b"opus"), (5020, b"more")))
    sent = [
        picture("s1", 1),
        SampledPicture("s2", "screen", "c", 0, 7, 8, 9, b"\xff\xd8\xff\xd9", True),
    ]
    for sample in [*sent, sound]:
        sender.publish(sample)
    taken = take_all(receiver, 3)
    assert {d.sample for d in taken} == {*sent, sound}
    assert not any(d.again for d in taken)
    receiver.done(taken)
    assert (sender.counts.passed, receiver.counts.passed) == (3, 3)


def test_planes_arrive_as_a_picture_that_shows_the_same(house: House) -> None:
    receiver, sender = house.receiver(), house.sender()
    ramp = np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8) + 20
    grey = np.full((24, 64), 128, np.uint8)
    frame = av.VideoFrame.from_ndarray(np.concatenate([ramp, grey]), format="yuv420p")
    image = planes.planes(frame)
    assert image is not None
    sender.publish(SampledPicture("s", "camera", "c", 0, 7, 64, 48, image))
    (sample,) = [delivery.sample for delivery in take_all(receiver, 1)]
    assert isinstance(sample, SampledPicture)
    shown, sent = (Decoder().decode(data) for data in (sample.image, image))
    assert shown.size == (64, 48) and difference(shown.small, sent.small) < 2
    own = dict(sample.miniatures).get(7)
    small = shown.small if own is None else luma(own)
    assert (small == sent.small).all(), "measured alike whatever way a picture came"


def test_planes_that_are_none_are_refused(house: House) -> None:
    sender = house.sender()
    sender.publish(SampledPicture("s", "camera", "c", 0, 7, 64, 48, b"I420cut"))
    assert (sender.counts.refused, sender.counts.dropped) == (1, 0)


def test_each_source_keeps_its_order_and_sessions_take_turns(house: House) -> None:
    receiver, sender = house.receiver(), house.sender()
    for number in range(3):
        for session_id in ("a", "b", "c"):
            sender.publish(picture(session_id, number))
    wait_for(lambda: sender.counts.passed == 9, "all to be sent")
    taken = [d.sample for d in take_all(receiver, 9)]
    for session_id in ("a", "b", "c"):
        assert [s.at_ms for s in taken if s.session_id == session_id] == [0, 1000, 2000]
    assert {s.session_id for s in taken[:3]} == {"a", "b", "c"}


def test_when_behind_the_oldest_of_a_session_goes_and_never_the_session(house: House) -> None:
    receiver, sender = house.receiver(), house.sender()
    sender.publish(picture("quiet", 0))
    wait_for(lambda: sender.counts.passed == 1, "the quiet session's picture")
    for number in range(PER_SOURCE * 3):
        sender.publish(picture("busy", number))
        wait_for(lambda n=number: sender.counts.passed == n + 2, "the picture to be sent")
    # Without waiting: whoever reads ahead has to make room by itself.
    taken = [d.sample for d in take_all(receiver, PER_SOURCE + 1)]
    busy = [s.at_ms // 1000 for s in taken if s.session_id == "busy"]
    assert busy == list(range(PER_SOURCE * 2, PER_SOURCE * 3))
    assert [s.session_id for s in taken].count("quiet") == 1
    assert receiver.counts.dropped == PER_SOURCE * 2


def test_without_a_worker_the_newest_wait_and_the_rest_is_counted(house: House) -> None:
    sender = house.sender()
    for number in range(PER_SOURCE * 3):
        sender.publish(picture("s", number))
    receiver = house.receiver()
    taken = [d.sample.at_ms // 1000 for d in take_all(receiver, PER_SOURCE)]
    assert taken == list(range(PER_SOURCE * 2, PER_SOURCE * 3))
    assert sender.counts.dropped + receiver.counts.dropped == PER_SOURCE * 2


def test_a_wish_travels_back(house: House) -> None:
    receiver, sender = house.receiver(), house.sender()
    sender.publish(picture("s", 0))
    take_all(receiver, 1)
    wish = BurstWish("s", "camera", 3, 250)

    def heard() -> bool:
        # Whoever is not listening yet misses a wish; the next suspect picture brings another.
        receiver.wish(wish)
        return bool(house.wishes)

    wait_for(heard, "the wish")
    assert house.wishes[0] == wish


def test_a_new_worker_is_found_again(house: House) -> None:
    sender = house.sender()
    first = house.receiver()
    sender.publish(picture("s", 1))
    first.done(take_all(first, 1))
    first.close()
    second = house.receiver()
    wait_for(lambda: sender.publish(picture("s", 2)) or second.take(8, 0.2), "a picture")


def test_a_sample_that_cannot_be_sent_is_refused_and_counted(house: House) -> None:
    receiver, sender = house.receiver(), house.sender()
    sender.publish(SampledPicture("s", "camera", "c", 0, 0, 640, 480, b"GIF89a"))
    sender.publish(SampledPicture("../s", "camera", "c", 0, 0, 640, 480, b"\xff\xd8\xff\xd9"))
    sender.publish(picture("s", 1))
    assert [d.sample.at_ms for d in take_all(receiver, 1)] == [1000]
    assert sender.counts.refused == 2


def test_publishing_never_waits(house: House) -> None:
    sender = house.sender()
    began = time.thread_time()
    for number in range(500):
        sender.publish(picture("s", number))
    # Its own work, whatever else the machine does: no sending and no waiting in it.
    assert time.thread_time() - began < 0.5
