from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest
from bson import decode, encode
from proctorhub_plugins.embedded_mongodb.backup import BackupError, back_up
from proctorhub_plugins.embedded_mongodb.errors import CommandError
from proctorhub_plugins.embedded_mongodb.integrity import DamagedFile, check_file
from proctorhub_plugins.embedded_mongodb.lock import FileHeld, FileLock
from proctorhub_plugins.embedded_mongodb.search import Query, count, search
from proctorhub_plugins.embedded_mongodb.storage import Storage
from proctorhub_plugins.embedded_mongodb.transactions import StorageError

from tests.waiting import PATIENCE_S

from .conftest import Run


def insert(storage: Storage, *documents: dict[str, object]) -> None:
    with storage.write():
        for document in documents:
            storage.insert(storage.collection("test", "c"), dict(document))


def total(storage: Storage) -> int:
    with storage.read() as catalog:
        return count(storage, catalog.find("test", "c"), Query())


def test_a_failed_transaction_leaves_nothing_behind(storage: Storage) -> None:
    with pytest.raises(ZeroDivisionError), storage.write():
        storage.insert(storage.collection("test", "c"), {"_id": 1})
        raise ZeroDivisionError
    assert storage.catalog.find("test", "c") is None
    insert(storage, {"_id": 1})
    assert total(storage) == 1


def test_a_failed_statement_leaves_the_others(storage: Storage, run: Run) -> None:
    run({"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a", "unique": True}]})
    with storage.write():
        storage.insert(storage.collection("test", "c"), {"_id": 1, "a": 1})
        with pytest.raises(CommandError) as refused:
            storage.insert(storage.collection("test", "c"), {"_id": 2, "a": 1})
    assert refused.value.details["keyValue"] == {"a": 1}
    assert total(storage) == 1


def test_a_reader_sees_one_snapshot_and_does_not_wait(storage: Storage) -> None:
    insert(storage, {"_id": 1})
    with storage.read() as catalog:
        collection = catalog.find("test", "c")
        writer = threading.Thread(target=insert, args=(storage, {"_id": 2}))
        writer.start()
        writer.join(PATIENCE_S)
        assert not writer.is_alive()
        assert count(storage, collection, Query()) == 1
    assert total(storage) == 2


def test_a_reader_reads_while_a_writer_has_not_finished(storage: Storage) -> None:
    insert(storage, {"_id": 1})
    seen: list[int] = []
    with storage.write():
        storage.insert(storage.collection("test", "c"), {"_id": 2})
        reader = threading.Thread(target=lambda: seen.append(total(storage)))
        reader.start()
        reader.join(PATIENCE_S)
    assert seen == [1]


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    first = Storage(tmp_path / "a.db")
    with first.write():
        collection = first.collection("test", "c")
        spec = {"key": {"a": -1}, "name": "a", "unique": True, "expireAfterSeconds": 5}
        first.create_index(collection, spec)
        first.insert(first.collection("test", "c"), {"_id": 1, "a": [1, 2]})
    first.close()
    again = Storage(tmp_path / "a.db")
    (found,) = again.catalog
    (index,) = found.indexes
    assert (found.namespace, index.spec, index.multikey) == ("test.c", spec, True)
    assert total(again) == 1
    again.close()


def test_a_full_file_is_an_error_and_corrupts_nothing(
    tmp_path: Path, run: Run, storage: Storage
) -> None:
    insert(storage, {"_id": 0})
    pages = storage._writer.execute("PRAGMA page_count").fetchone()[0]
    storage._writer.execute(f"PRAGMA max_page_count = {pages + 20}")
    replies = [
        run({"insert": "c", "documents": [{"_id": n, "x": "y" * 9000}]}) for n in range(1, 99)
    ]
    stored = sum(reply.get("n", 0) for reply in replies)
    assert 0 < stored < 98
    assert (replies[-1]["ok"], replies[-1]["code"], replies[-1]["codeName"]) == (
        0, 14031, "OutOfDiskSpace",
    )  # fmt: skip
    assert total(storage) == stored + 1
    storage._writer.execute("PRAGMA max_page_count = 1000000")
    assert run({"insert": "c", "documents": [{"_id": "after"}]})["n"] == 1
    storage.checkpoint()
    check_file(storage.path)


def test_deleting_gives_space_back(storage: Storage, run: Run) -> None:
    for number in range(40):
        insert(storage, {"_id": number, "chunk": bytes(200_000)})
    storage.checkpoint()
    full = storage.path.stat().st_size
    assert full > 8_000_000
    run({"delete": "c", "deletes": [{"q": {}, "limit": 0}]})
    while storage.free_pages() > 64:
        storage.vacuum(256)
    storage.checkpoint()
    assert storage.path.stat().st_size < full / 10


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    Storage(tmp_path / "a.db").close()
    with sqlite3.connect(tmp_path / "a.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    check_file(tmp_path / "a.db")
    with pytest.raises(StorageError, match="another version"):
        Storage(tmp_path / "a.db")


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    storage = Storage(tmp_path / "a.db")
    insert(storage, *({"_id": n, "text": f"document {n}", "pad": "x" * 5000} for n in range(50)))
    storage.close()
    check_file(tmp_path / "a.db")
    return tmp_path / "a.db"


def test_a_changed_byte_in_a_document_is_found(filled: Path) -> None:
    data = bytearray(filled.read_bytes())
    at = data.index(b"document 33")
    data[at] = ord("D")
    filled.write_bytes(data)
    with pytest.raises(DamagedFile, match=r"test\.c \(row 34\)"):
        check_file(filled)
    storage = Storage(filled)
    with storage.read() as catalog, pytest.raises(CommandError) as refused:
        list(search(storage, catalog.find("test", "c"), Query({"_id": 33})))
    assert refused.value.name == "DataCorruptionDetected"
    storage.close()


def test_a_changed_byte_in_an_index_is_found(tmp_path: Path) -> None:
    storage = Storage(tmp_path / "a.db")
    with storage.write():
        spec = {"key": {"login": 1}, "name": "login"}
        storage.create_index(storage.collection("test", "c"), spec)
        for login in ("annabel", "bartek"):
            storage.insert(storage.collection("test", "c"), {"_id": login * 2, "login": login})
    storage.close()
    data = (tmp_path / "a.db").read_bytes()
    for old, new, what in (
        (b"\x14annabel\0", b"\x14annabfl\0", r"an index entry of test\.c \(row 1\)"),
        (b"\x14annabelannabel\0", b"\x14annabelannabem\0", "missing from index"),
    ):
        assert old in data
        (tmp_path / "b.db").write_bytes(data.replace(old, new, 1))
        with pytest.raises(DamagedFile, match=what):
            check_file(tmp_path / "b.db")


@pytest.mark.parametrize("place", ["header", "page", "cut"])
def test_a_damaged_file_is_found(filled: Path, place: str) -> None:
    data = bytearray(filled.read_bytes())
    if place == "cut":
        del data[len(data) // 2 :]
    else:
        start = 0 if place == "header" else 8192 * 4
        data[start : start + 64] = b"\xa5" * 64
    filled.write_bytes(data)
    with pytest.raises(DamagedFile, match="Restore a backup"):
        check_file(filled)


def test_what_the_disk_does_not_allow_is_no_damage(filled: Path) -> None:
    filled.with_name("a.db-shm").mkdir()  # not needed, so nobody minds
    check_file(filled)
    filled.with_name("a.db-wal").mkdir()
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        check_file(filled)


def test_one_holder_per_file(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / "a.db")
    with pytest.raises(FileHeld, match=r"process id \d+"):
        FileLock(tmp_path / "a.db")
    lock.release()
    FileLock(tmp_path / "a.db").release()


def test_a_backup_of_a_file_in_use_is_one_consistent_snapshot(
    storage: Storage, tmp_path: Path
) -> None:
    insert(storage, {"_id": 1}, {"_id": 2})
    back_up(storage.path, tmp_path / "copy.db")
    insert(storage, {"_id": 3})
    copy = Storage(tmp_path / "copy.db")
    assert total(copy) == 2
    copy.close()
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("copy")) == ["copy.db"]


def test_a_backup_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="there is no database file"):
        back_up(tmp_path / "nope.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_file_is_not_backed_up_over_a_good_copy(filled: Path, tmp_path: Path) -> None:
    back_up(filled, tmp_path / "copy.db")
    good = (tmp_path / "copy.db").read_bytes()
    data = filled.read_bytes().replace(b"document 7", b"Document 7")
    filled.write_bytes(data)
    with pytest.raises(DamagedFile):
        back_up(filled, tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_bytes() == good


@pytest.mark.parametrize("query", [{}, {"_id": {"$gte": 0}}, {"a": 1}])
def test_a_cursor_goes_on_after_writes_between_its_batches(
    run: Run, storage: Storage, query: dict[str, object]
) -> None:
    run({"createIndexes": "c", "indexes": [{"key": {"a": 1}, "name": "a"}]})
    insert(storage, *({"_id": n, "a": 1} for n in range(300)))
    first = run({"find": "c", "filter": query, "batchSize": 100})["cursor"]
    run({"delete": "c", "deletes": [{"q": {"_id": 200}, "limit": 1}]})
    got = [d["_id"] for d in first["firstBatch"]]
    number = first["id"]
    while number:
        more = run({"getMore": number, "collection": "c", "batchSize": 100})["cursor"]
        got += [d["_id"] for d in more["nextBatch"]]
        number = more["id"]
    assert got == [n for n in range(300) if n != 200]
    assert run({"getMore": first["id"], "collection": "c"})["code"] == 43


def test_a_cursor_ends_when_its_collection_is_dropped(run: Run, storage: Storage) -> None:
    insert(storage, *({"_id": n} for n in range(300)))
    first = run({"find": "c", "filter": {}, "batchSize": 100})["cursor"]
    run({"drop": "c"})
    assert run({"getMore": first["id"], "collection": "c"})["code"] == 175


def test_documents_are_kept_byte_for_byte(storage: Storage) -> None:
    raw = encode({"_id": 1, "z": 1, "a": {"b": [1, 2.0]}})
    insert(storage, decode(raw))
    with storage.read() as catalog:
        (match,) = search(storage, catalog.find("test", "c"), Query())
    assert match.raw == raw


def test_idle_readers_do_not_make_the_log_grow(storage: Storage) -> None:
    log = storage.path.with_name(storage.path.name + "-wal")
    for number in range(40):
        insert(storage, {"_id": number, "pad": bytes(1_000_000)})
        with storage.read(), storage.read():
            pass  # two connections, each put back with its snapshot
        if number % 4 == 3:
            storage.checkpoint()
    assert log.stat().st_size < 10_000_000
