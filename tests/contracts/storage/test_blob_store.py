"""What every blob store must do."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from proctorhub.plugins import BlobNotFound, BlobRefused, BlobStat, BlobStore, load, names

DATA = bytes(range(256)) * 3000


@pytest.fixture(params=names("storage"))
def store(request, tmp_path, database) -> Iterator[BlobStore]:
    yield load("storage", request.param)({}, tmp_path)


def put(store: BlobStore, key: str, data: bytes = DATA) -> BlobStat:
    return store.put(key, io.BytesIO(data), size=len(data), sha256=hashlib.sha256(data).hexdigest())


def test_it_keeps_the_contract(store) -> None:
    assert isinstance(store, BlobStore)


def test_what_goes_in_comes_out(store) -> None:
    stat = put(store, "a/b/c.webm")
    assert store.stat("a/b/c.webm") == stat == BlobStat(len(DATA), hashlib.sha256(DATA).hexdigest())
    assert b"".join(store.get("a/b/c.webm")) == DATA


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (5, 10), (262_143, 3), (767_990, 100), (0, None), (9, None)]
)
def test_ranges(store, start, length) -> None:
    put(store, "a/r")
    end = None if length is None else start + length
    assert b"".join(store.get("a/r", start=start, length=length)) == DATA[start:end]


def test_an_empty_blob(store) -> None:
    put(store, "a/empty", b"")
    assert b"".join(store.get("a/empty")) == b""


@pytest.mark.parametrize("wrong", [{"size": 1}, {"sha256": "0" * 64}])
def test_a_blob_that_is_not_what_was_promised_leaves_nothing(store, wrong) -> None:
    right = {"size": len(DATA), "sha256": hashlib.sha256(DATA).hexdigest()}
    with pytest.raises(BlobRefused):
        store.put("a/bad", io.BytesIO(DATA), **{**right, **wrong})
    assert list(store.list("a/")) == []
    with pytest.raises(BlobNotFound):
        store.stat("a/bad")


def test_a_stream_that_breaks_leaves_nothing(store) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 300_000:
                raise OSError("cable pulled")
            return super().read(size)

    with pytest.raises(OSError, match="cable pulled"):
        store.put("a/broken", Broken(DATA), size=len(DATA), sha256="0" * 64)
    assert list(store.list("")) == []


def test_putting_again_is_harmless(store) -> None:
    assert put(store, "a/again") == put(store, "a/again")
    assert list(store.list("a/")) == ["a/again"]


def test_eight_writers_of_one_blob(store) -> None:
    with ThreadPoolExecutor(8) as pool:
        stats = set(pool.map(lambda _: put(store, "a/race"), range(8)))
    assert len(stats) == 1
    assert b"".join(store.get("a/race")) == DATA


def test_missing_blobs(store) -> None:
    with pytest.raises(BlobNotFound):
        store.stat("a/none")
    with pytest.raises(BlobNotFound):
        b"".join(store.get("a/none"))
    assert store.delete("a/none") is False


def test_list_and_delete(store) -> None:
    for key in ("a/2", "a/1", "b/1", "ab"):
        put(store, key, b"x")
    assert list(store.list("a/")) == ["a/1", "a/2"]
    assert store.delete("a/1") is True
    assert list(store.list("")) == ["a/2", "ab", "b/1"]


@pytest.mark.parametrize("key", ["", "/etc/passwd", "../up", "a/../b", "a//b", "a/.part", "a\0b"])
def test_keys_that_lead_elsewhere_are_refused(store, key) -> None:
    with pytest.raises(ValueError, match="not a blob key"):
        put(store, key, b"x")
