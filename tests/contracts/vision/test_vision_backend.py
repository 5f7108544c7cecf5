"""What every vision backend must do."""

from __future__ import annotations

import re

import numpy as np
import pytest

from proctorhub.plugins import Capability, Face, PluginError, VisionBackend

METHODS = {
    Capability.DETECT: lambda backend, picture: backend.detect([picture]),
    Capability.POSE: lambda backend, picture: backend.geometry(picture, Face((0, 0, 9, 9), 1)),
    Capability.EMBED: lambda backend, picture: backend.embed(picture, Face((0, 0, 9, 9), 1)),
    Capability.OCR: lambda backend, picture: backend.read_text(picture),
    Capability.SPEECH: lambda backend, _: backend.speech_seconds(np.zeros(16000, np.float32)),
}


def found(backend: VisionBackend, picture) -> list[Face]:
    return backend.detect([picture])[0]


def test_it_keeps_the_contract(backend) -> None:
    assert isinstance(backend, VisionBackend)


def test_capabilities_are_honest(backend) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    for capability, use in METHODS.items():
        if capability in backend.capabilities:
            use(backend, picture)
        else:
            with pytest.raises(NotImplementedError):
                use(backend, picture)


def test_every_capability_names_its_model(backend) -> None:
    assert set(backend.model_sha256) == set(backend.capabilities)
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in backend.model_sha256.values())


def test_an_embedding_space_has_a_name_and_thresholds(backend) -> None:
    assert Capability.EMBED in backend.capabilities
    limits = backend.match_thresholds
    assert backend.space_id
    assert 0 < limits.accept < limits.reject
    assert 0 < limits.false_match_rate < 0.05
    assert limits.source


def test_an_unknown_option_is_refused(backend, tmp_path) -> None:
    with pytest.raises(PluginError, match="colour"):
        type(backend)({"colour": "blue"}, tmp_path)
