"""Settings: where they come from, and that a wrong one is named."""

from __future__ import annotations

import os

import pytest

from proctorhub import config


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [n for n in os.environ if n.startswith("PROCTORHUB_")]:
        monkeypatch.delenv(name)


def test_defaults_then_file_then_environment_then_command_line(monkeypatch, tmp_path) -> None:
    assert config.load().port == 8000
    (tmp_path / "proctorhub.toml").write_text("port = 8100\nmedia_port = 8101\n")
    assert config.load().port == 8100
    monkeypatch.setenv("PROCTORHUB_PORT", "8200")
    assert (config.load().port, config.load().media_port) == (8200, 8101)
    assert config.load(port=8300).port == 8300


def test_options_of_plugins_come_from_file_and_environment(monkeypatch, tmp_path) -> None:
    (tmp_path / "proctorhub.toml").write_text('[plugins.webhook]\nurl = "https://a.example"\n')
    monkeypatch.setenv("PROCTORHUB_PLUGINS__WEBHOOK__SECRET", "s3cret")
    assert config.load().plugins["webhook"] == {"url": "https://a.example", "secret": "s3cret"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "0"),
        ("PORT", "http"),
        ("LOG_LEVEL", "loud"),
        ("MONGODB_NAME", "a/b"),
        ("MEDIA_PUBLIC_URL", "media.example"),
        ("SEGMENT_MAX_S", "1"),
        ("SOCKET_LIMIT", "500"),
        ("PROT", "8000"),
    ],
)
def test_a_wrong_value_is_named(monkeypatch, name, value) -> None:
    monkeypatch.setenv(f"PROCTORHUB_{name}", value)
    with pytest.raises(config.SettingsError) as refused:
        config.load()
    text = str(refused.value)
    assert name.lower() in text.lower() and "\n" not in text


def test_a_file_with_an_unknown_setting_or_broken_toml_is_refused(tmp_path) -> None:
    file = tmp_path / "proctorhub.toml"
    file.write_text("prot = 8000\n")
    with pytest.raises(config.SettingsError, match="prot"):
        config.load()
    file.write_text("port = = 1")
    with pytest.raises(config.SettingsError, match="settings file"):
        config.load()


@pytest.mark.parametrize(
    ("explicit", "hostname", "expected"),
    [
        ({}, "192.168.1.5", "http://localhost:8001"),
        ({"media_host": "0.0.0.0"}, "192.168.1.5", "http://192.168.1.5:8001"),
        ({"media_host": "0.0.0.0"}, "fd00::5", "http://[fd00::5]:8001"),
        ({"media_host": "0.0.0.0"}, None, "http://localhost:8001"),
        ({"media_host": "0.0.0.0", "tls": True}, "exams.uni", "https://exams.uni:8001"),
        (
            {"media_host": "0.0.0.0", "media_public_url": "https://media.uni/"},
            "exams.uni",
            "https://media.uni",
        ),
    ],
)
def test_where_a_browser_finds_the_media_node(explicit, hostname, expected) -> None:
    assert config.load(**explicit).media_url_from(hostname) == expected


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"turn_urls": "turn:relay.example"}, "turn_secret"),
        ({"turn_urls": "https://relay.example"}, "turn_urls"),
        ({"turn_only": True}, "turn_only"),
        ({"turn_urls": "stun:relay.example", "turn_only": True}, "turn_only"),
        ({"turn_secret": "short"}, "turn_secret"),
        ({"media_origins": "https://*.example/x; script-src *"}, "media_origins"),
        ({"media_node_id": "A b"}, "media_node_id"),
        ({"media_max_sessions": 0}, "media_max_sessions"),
    ],
)
def test_settings_of_many_nodes_are_checked(given, named) -> None:
    with pytest.raises(config.SettingsError, match=f"setting {named}: "):
        config.load(**given)


def test_each_node_of_a_machine_has_a_spool_of_its_own(tmp_path) -> None:
    folders = [config.load(data_dir=tmp_path, media_node_id=name).spool_dir for name in ("", "b")]
    assert [folder.name for folder in folders] == ["spool", "spool-b"]


@pytest.mark.parametrize(
    ("url", "hostname", "expected"),
    [
        ("http://localhost:8001", "exam.example", "http://exam.example:8001"),
        ("https://localhost:8001", "2001:db8::1", "https://[2001:db8::1]:8001"),
        ("https://localhost", "exam.example", "https://exam.example"),
        ("http://localhost:8001", None, "http://localhost:8001"),
    ],
)
def test_an_address_under_another_name(url, hostname, expected) -> None:
    assert config.under_name(url, hostname) == expected


def test_settings_for_a_child_process_are_read_by_it(monkeypatch) -> None:
    for name, value in config.environment({"vision": "", "media_host": "0.0.0.0"}).items():
        monkeypatch.setenv(name, value)
    assert (config.load().vision, config.load().media_host) == ("", "0.0.0.0")
