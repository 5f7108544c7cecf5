"""InsightFace's real loading, routing and decoding, on toy models: what is refused, and angles."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from proctorhub.cli.main import main
from proctorhub.config import Settings
from proctorhub.plugins import MODEL_RECORD, Capability, PluginError, load, model_folder
from proctorhub.services import models
from proctorhub.vision.composition import compose
from tests.contracts.vision import toy_pack

POSE = (20.0, 0.0, 0.0), (0.0, 25.0, 0.0), (0.0, 0.0, 15.0)


def installed(data_dir: Path, pose=(0.0, 0.0, 0.0)) -> type:
    """Install a toy pack and return the plugin that knows it."""
    pack = toy_pack.make(data_dir / "downloaded", pose)
    found = models.recognise(data_dir / "downloaded", {"insightface": [pack]})
    models.install(found, data_dir, "a test")
    return type("WithToyModels", (load("vision", "insightface"),), {"known": [pack]})


def pack_folder(data_dir: Path) -> Path:
    return model_folder(data_dir, "insightface", "toy")


def refusal(data_dir: Path, plugin: type, **options: str) -> str:
    with pytest.raises(PluginError) as refused:
        plugin({"pack": "toy", **options}, data_dir)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_only_what_is_used_is_installed(tmp_path) -> None:
    installed(tmp_path)
    there = {file.name for file in pack_folder(tmp_path).iterdir()}
    assert there == {"det_10g.onnx", "w600k_r50.onnx", "1k3d68.onnx", MODEL_RECORD}


def test_models_are_those_behind_the_capabilities(tmp_path) -> None:
    plugin = installed(tmp_path)
    files = plugin.known[0].files
    assert plugin({"pack": "toy"}, tmp_path).model_sha256 == {
        Capability.DETECT: files["det_10g.onnx"],
        Capability.EMBED: files["w600k_r50.onnx"],
        Capability.POSE: files["1k3d68.onnx"],
    }


def test_the_space_is_that_of_the_recogniser(tmp_path) -> None:
    plugin = installed(tmp_path)
    sha256 = plugin.known[0].files["w600k_r50.onnx"]
    assert plugin({"pack": "toy"}, tmp_path).space_id == f"insightface-{sha256[:12]}"


def test_a_missing_pack_is_one_line_and_no_download(tmp_path, monkeypatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("it went to the network")

    monkeypatch.setattr(socket.socket, "connect", no_network)
    plugin = load("vision", "insightface")
    with pytest.raises(PluginError, match=r"buffalo_l is not installed .*models install"):
        plugin({}, tmp_path)


def test_a_changed_file_is_refused(tmp_path) -> None:
    plugin = installed(tmp_path)
    file = pack_folder(tmp_path) / "w600k_r50.onnx"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0x40
    file.write_bytes(data)
    assert "w600k_r50.onnx is not the file of toy" in refusal(tmp_path, plugin)


def test_a_missing_file_is_refused(tmp_path) -> None:
    plugin = installed(tmp_path)
    (pack_folder(tmp_path) / "det_10g.onnx").unlink()
    assert "det_10g.onnx is missing" in refusal(tmp_path, plugin)


def test_a_second_recogniser_is_refused(tmp_path) -> None:
    """InsightFace would take the one whose name comes first."""
    plugin = installed(tmp_path)
    folder = pack_folder(tmp_path)
    (folder / "a.onnx").write_bytes((folder / "w600k_r50.onnx").read_bytes())
    assert "a.onnx is not part of the pack" in refusal(tmp_path, plugin)


def test_a_pack_whose_licence_nobody_accepted_is_refused(tmp_path) -> None:
    plugin = installed(tmp_path)
    (pack_folder(tmp_path) / MODEL_RECORD).unlink()
    assert "nobody accepted the licence" in refusal(tmp_path, plugin)


def test_a_missing_graphics_card_is_one_line(tmp_path) -> None:
    plugin = installed(tmp_path)
    said = refusal(tmp_path, plugin, providers="cuda,cpu")
    assert "CUDAExecutionProvider" in said
    assert "onnxruntime-gpu" in said


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("providers", "gpu"),
        ("providers", ""),
        ("detector_px", "100"),
        ("detector_px", "641"),
        ("threads", "none"),
        ("accept", "0.4"),
        ("false_match_rate", "0"),
        ("pack", "buffalo_xxl"),
    ],
)
def test_a_wrong_option_is_named(tmp_path, option, value) -> None:
    assert option in refusal(tmp_path, load("vision", "insightface"), **{option: value})


def test_thresholds_that_the_institution_measured(tmp_path) -> None:
    plugin = installed(tmp_path)
    own = {"accept": "0.5", "reject": "0.6", "false_match_rate": "0.0001"}
    limits = plugin({"pack": "toy", **own}, tmp_path).match_thresholds
    assert (limits.accept, limits.reject, limits.false_match_rate) == (0.5, 0.6, 0.0001)
    assert "own" in limits.source


def test_pictures_are_fitted_into_the_detectors_square(tmp_path) -> None:
    """The toy detector sees faces of 160 pixels in what it is given, and no smaller ones."""
    plugin, picture = installed(tmp_path), toy_pack.picture(1)
    double = picture.repeat(2, axis=0).repeat(2, axis=1)
    ((once,), (twice,)) = plugin({"pack": "toy"}, tmp_path).detect([picture, double])
    assert np.array(twice.box) == pytest.approx(2 * np.array(once.box), abs=4)
    assert plugin({"pack": "toy", "detector_px": "320"}, tmp_path).detect([picture]) == [[]]


@pytest.mark.parametrize("pose", POSE)
def test_angles_have_the_contracts_signs(tmp_path, pose) -> None:
    """Judged by where the turned face's nose and forehead lie in the picture."""
    picture = toy_pack.picture(1)
    backend = installed(tmp_path, pose)({"pack": "toy"}, tmp_path)
    measured = backend.geometry(picture, backend.detect([picture])[0][0])
    straight, turned = toy_pack.posed_points((0, 0, 0)), toy_pack.posed_points(pose)
    nose = (turned - straight)[30]  # x right, y down
    brow = (turned - straight)[[19, 24]].mean(0)
    if pose[0]:
        assert np.sign(measured.pitch) == np.sign(nose[1])
        assert abs(measured.pitch) == pytest.approx(20, abs=1)
    if pose[1]:
        assert np.sign(measured.yaw) == np.sign(nose[0])  # the picture's right is the own left
        assert abs(measured.yaw) == pytest.approx(25, abs=1)
    if pose[2]:
        assert np.sign(measured.roll) == np.sign(brow[0])
        assert abs(measured.roll) == pytest.approx(15, abs=1)


def test_a_worker_finds_what_the_command_installed(tmp_path, monkeypatch) -> None:
    pack = toy_pack.make(tmp_path / "downloaded")
    monkeypatch.setattr(models, "catalogue", lambda: {"insightface": [pack]})
    monkeypatch.setattr(load("vision", "insightface"), "known", [pack])
    monkeypatch.setenv("PROCTORHUB_DATA_DIR", str(tmp_path / "data"))
    command = ["models", "install", str(tmp_path / "downloaded"), "--accept-licence", "a test"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    settings = Settings(
        data_dir=tmp_path / "data", vision="insightface", plugins={"insightface": {"pack": "toy"}}
    )
    found = compose(settings)
    assert found.refused == {}
    assert set(found.backends) == {Capability.DETECT, Capability.POSE, Capability.EMBED}


def test_the_record_says_who_accepted_what(tmp_path) -> None:
    installed(tmp_path)
    record = json.loads((pack_folder(tmp_path) / MODEL_RECORD).read_text())
    assert record["accepted_by"] == "a test"
    assert record["licence"] == "None: it was made by a test."
    assert record["system_account"]
    assert record["accepted_at"].endswith("+00:00")
