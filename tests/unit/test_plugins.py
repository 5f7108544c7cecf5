"""Loading plugins by name."""

from __future__ import annotations

import pytest

from proctorhub import plugins


@pytest.mark.parametrize(
    ("kind", "name", "contract"),
    [
        ("auth", "password", plugins.Authenticator),
        ("database", "embedded", plugins.Database),
    ],
)
def test_what_comes_with_proctorhub_keeps_its_contract(kind, name, contract) -> None:
    assert name in plugins.names(kind)
    assert isinstance(plugins.load(kind, name)(), contract)


def test_a_missing_plugin_is_named_with_what_there_is() -> None:
    with pytest.raises(plugins.PluginError, match=r"no storage plugin 'tape' .*gridfs, local"):
        plugins.load("storage", "tape")


def test_a_plugin_of_another_api_version_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(plugins, "API_VERSION", plugins.API_VERSION + 1)
    with pytest.raises(plugins.PluginError, match="speaks API"):
        plugins.load("auth", "password")


def test_passwords_are_checked_not_stored() -> None:
    authenticator = plugins.load("auth", "password")()
    stored = authenticator.hash_secret("correct horse")
    assert "correct horse" not in stored and stored.startswith("$argon2id$")
    assert authenticator.check_secret("correct horse", stored) is True
    for secret, kept in (("wrong", stored), ("correct horse", ""), ("", stored), ("x", "garbage")):
        assert authenticator.check_secret(secret, kept) is False
