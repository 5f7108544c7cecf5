from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from proctorhub.live import wire


def test_times_are_utc_with_milliseconds():
    moment = datetime(2026, 11, 21, 12, 0, 0, 123_999, timezone(timedelta(hours=3)))
    assert wire.dumps({"at": moment}) == '{"at":"2026-11-21T09:00:00.123Z"}'
    assert wire.rfc3339(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00.000Z"


def test_what_json_cannot_say_is_refused():
    with pytest.raises(TypeError):
        wire.dumps({"at": object()})


def test_depth_is_bad_input_not_a_crash():
    with pytest.raises(ValueError, match="deep"):
        wire.loads("[" * 100_000)


def test_an_entry_shows_its_time():
    link = {"at": 1_795_251_600_123, "kind": "chat"}
    assert '"at":"2026-11-21T09:00:00.123Z"' in wire.dumps(wire.entry(link))
