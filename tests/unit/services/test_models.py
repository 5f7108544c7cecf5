"""Installing packs of models from strangers' archives."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from proctorhub.plugins import MODEL_RECORD, ModelPack, PluginError
from proctorhub.services import model_source, models

DATA = {"one.onnx": b"one" * 1000, "two.onnx": b"two" * 1000, "age.onnx": b"age" * 1000}
PACK = ModelPack(
    name="pair",
    licence="For tests only.",
    licence_url="https://example.org",
    files={name: hashlib.sha256(DATA[name]).hexdigest() for name in ("one.onnx", "two.onnx")},
    unused={"age.onnx": hashlib.sha256(DATA["age.onnx"]).hexdigest()},
)
KNOWN = {"eye": [PACK]}


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def unpacked(path: Path, members: dict[str, bytes]) -> Path:
    for name, data in members.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def install(source: Path, data_dir: Path) -> models.Installed:
    return models.install(models.recognise(source, KNOWN), data_dir, "Ada Byron")


def everything_under(folder: Path) -> set[str]:
    return {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}


@pytest.fixture(params=[zipped, unpacked])
def packed(request, tmp_path):
    """Make a source of some files: as a ZIP file, as a folder."""
    return lambda members: request.param(tmp_path / "source", members)


def test_what_is_needed_is_installed_and_recorded(packed, tmp_path) -> None:
    done = install(packed({**DATA, "README.txt": b"hello"}), tmp_path / "data")
    assert done.folder == tmp_path / "data/models/eye/pair"
    assert everything_under(done.folder) == {"one.onnx", "two.onnx", MODEL_RECORD}
    assert (done.folder / "one.onnx").read_bytes() == DATA["one.onnx"]
    (listed,) = models.installed(tmp_path / "data", KNOWN)
    assert listed == done
    assert listed.record["accepted_by"] == "Ada Byron"


def test_names_in_the_source_do_not_matter(packed, tmp_path) -> None:
    members = {"deep/er/x.ONNX": DATA["one.onnx"], "y.onnx": DATA["two.onnx"]}
    assert everything_under(install(packed(members), tmp_path / "data").folder) == {
        "one.onnx",
        "two.onnx",
        MODEL_RECORD,
    }


@pytest.mark.parametrize("name", ["../../escaped.onnx", "/tmp/escaped.onnx", "..\\escaped.onnx"])
def test_paths_out_of_the_archive_lead_nowhere(tmp_path, name) -> None:
    source = zipped(tmp_path / "pack.zip", {name: DATA["one.onnx"], "two.onnx": DATA["two.onnx"]})
    install(source, tmp_path / "data")
    assert everything_under(tmp_path) == {
        "pack.zip",
        *(f"data/models/eye/pair/{name}" for name in ("one.onnx", "two.onnx", MODEL_RECORD)),
    }


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({**DATA, "new.onnx": b"new"}, "new.onnx not of pair"),
        (
            {"one.onnx": DATA["one.onnx"], "two.onnx": b"changed"},
            "two.onnx not of pair, or changed",
        ),
        ({"one.onnx": DATA["one.onnx"]}, "two.onnx of pair missing"),
        ({"README.txt": b"hello"}, "no .onnx file"),
        ({f"{n}.onnx": b"x" for n in range(101)}, "more than 100 models"),
    ],
)
def test_other_models_are_refused(packed, tmp_path, members, said) -> None:
    with pytest.raises(PluginError, match=said):
        install(packed(members), tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_a_model_may_not_be_endless(packed, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(model_source, "MAX_MODEL_BYTES", 1000)
    with pytest.raises(PluginError, match="is larger than"):
        install(packed(DATA), tmp_path / "data")


def test_what_is_no_archive(tmp_path) -> None:
    (tmp_path / "pack.zip").write_bytes(b"hello")
    for source in (tmp_path / "pack.zip", tmp_path / "absent.zip"):
        with pytest.raises(PluginError, match="cannot be read"):
            models.recognise(source, KNOWN)


def test_a_damaged_archive(tmp_path) -> None:
    source = zipped(tmp_path / "pack.zip", DATA)
    data = bytearray(source.read_bytes())
    data[40:60] = bytes(20)
    source.write_bytes(data)
    with pytest.raises(PluginError, match=r"pack\.zip"):
        models.recognise(source, KNOWN)


def test_an_encrypted_archive(tmp_path) -> None:
    plain = io.BytesIO()
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("one.onnx", DATA["one.onnx"])
    data = bytearray(plain.getvalue())
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(header) + offset] |= 1  # the flag that says "encrypted"
    source = tmp_path / "pack.zip"
    source.write_bytes(data)
    with pytest.raises(PluginError, match=r"encrypted|password"):
        models.recognise(source, KNOWN)


def test_a_source_that_changes_after_the_licence_was_read(packed, tmp_path) -> None:
    source = packed(DATA)
    found = models.recognise(source, KNOWN)
    changed = {**DATA, "one.onnx": b"other"}
    (unpacked if source.is_dir() else zipped)(source, changed)
    with pytest.raises(PluginError, match="changed while"):
        models.install(found, tmp_path / "data", "Ada Byron")
    assert everything_under(tmp_path / "data") == set()
    assert models.installed(tmp_path / "data", KNOWN) == []


def test_installing_twice_keeps_the_first(packed, tmp_path) -> None:
    source = packed(DATA)
    first = install(source, tmp_path / "data")
    with pytest.raises(PluginError, match="installed already"):
        install(source, tmp_path / "data")
    assert models.installed(tmp_path / "data", KNOWN) == [first]


def test_files_that_were_copied_by_hand_have_no_record(tmp_path) -> None:
    unpacked(tmp_path / "models/eye/pair", DATA)
    (listed,) = models.installed(tmp_path, KNOWN)
    assert listed.record is None
