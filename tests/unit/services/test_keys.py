"""The secrets of an installation, and of a media node that has only the public key."""

from __future__ import annotations

from proctorhub.services import keys


def test_keys_are_made_once(settings) -> None:
    keys.ensure(settings)
    made = [keys.read(settings, name) for name in (keys.TICKET_PUBLIC, keys.FLASK)]
    keys.ensure(settings)
    assert made == [keys.read(settings, name) for name in (keys.TICKET_PUBLIC, keys.FLASK)]
    assert {path.stat().st_mode & 0o777 for path in keys.folder(settings).iterdir()} == {0o600}


def test_the_public_key_is_enough_for_a_node(settings) -> None:
    keys.ensure(settings)
    (keys.folder(settings) / keys.TICKET_PRIVATE).unlink()
    public = keys.read(settings, keys.TICKET_PUBLIC)
    keys.ensure(settings)
    assert keys.read(settings, keys.TICKET_PUBLIC) == public
    assert keys.ticket_key(settings) == ""
