"""A verdict leaves once, however often the receiver is away."""

from __future__ import annotations

from datetime import timedelta

import pytest

from proctorhub.plugins import DeliveryFailed
from proctorhub.records.base import utc_now
from proctorhub.records.outbox import OutboxMessage
from proctorhub.records.sessions import Session
from proctorhub.services import concluding, log, outbox


class Listener:
    """A connector that fails as often as it is told."""

    api_version = 1
    configured = True

    def __init__(self) -> None:
        self.failures: list[DeliveryFailed] = []
        self.got: list[tuple[str, dict]] = []

    def send_verdict(self, message_id, payload) -> None:
        if self.failures:
            raise self.failures.pop()
        self.got.append((message_id, dict(payload)))


@pytest.fixture
def listener(database) -> Listener:
    database.connectors["listener"] = Listener()
    return database.connectors["listener"]


def due_now() -> None:
    OutboxMessage.objects(state="due").update(set__next_at=utc_now())


def test_a_signed_verdict_is_told_once(proctor, sitting_until, listener) -> None:
    session_id = sitting_until("finished")
    concluding.sign(proctor, session_id, "suspicious", "Looked away.")
    assert outbox.deliver_due() == 1
    assert outbox.deliver_due() == 0
    ((message_id, payload),) = listener.got
    assert message_id == f"verdict:{session_id}:listener"
    assert (payload["verdict"], payload["comment"]) == ("suspicious", "Looked away.")
    assert len(log.of_kind(session_id, "verdict.delivered")) == 1


def test_a_failed_delivery_is_tried_again_later(proctor, sitting_until, listener) -> None:
    session_id = sitting_until("finished")
    listener.failures = [DeliveryFailed("away"), DeliveryFailed("away")]
    concluding.sign(proctor, session_id, "clean", "")
    assert outbox.deliver_due() == 0
    message = OutboxMessage.objects.get()
    assert message.state == "due" and message.next_at > utc_now() + timedelta(seconds=3)
    assert message.last_error == "away"
    due_now()
    assert outbox.deliver_due() == 0
    due_now()
    assert outbox.deliver_due() == 1
    assert len(listener.got) == 1


def test_gone_for_good_is_not_tried_again(proctor, sitting_until, listener) -> None:
    session_id = sitting_until("finished")
    listener.failures = [DeliveryFailed("gone", permanent=True)]
    concluding.sign(proctor, session_id, "clean", "")
    outbox.deliver_due()
    assert OutboxMessage.objects.get().state == "failed"


def test_a_crash_between_signing_and_queueing_is_made_good(
    proctor, sitting_until, listener
) -> None:
    session_id = sitting_until("finished")
    concluding.sign(proctor, session_id, "clean", "")
    OutboxMessage.objects.delete()
    Session.objects(id=session_id).update_one(set__verdict_queued=False)
    assert outbox.queue_missed() == 1
    assert outbox.deliver_due() == 1
    assert outbox.queue_missed() == 0


def test_waiting_doubles_up_to_an_hour() -> None:
    waits = [outbox.retry_after(n).total_seconds() for n in (1, 2, 3, 50)]
    assert waits == [5, 10, 20, 3600]
