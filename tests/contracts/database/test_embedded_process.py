"""The embedded server as a process: start, stop, crash, and what it keeps through them.

These always run the embedded server, whatever the other tests of this folder are pointed at.
"""

from __future__ import annotations

import datetime as dt
import itertools
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gridfs
import pytest
from proctorhub_plugins.embedded_mongodb import EmbeddedDatabase
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from proctorhub.plugins import API_VERSION
from proctorhub.plugins import Database as DatabaseContract
from tests.waiting import PATIENCE_S, wait_for

from .conftest import MODULE, EmbeddedServer, alive

Start = Callable[..., EmbeddedServer]
CRASHES = 4


def test_the_plugin_keeps_its_contract(short_path: Path) -> None:
    plugin = EmbeddedDatabase()
    assert isinstance(plugin, DatabaseContract)
    assert plugin.api_version == API_VERSION
    command = list(plugin.command(short_path / "a.db", short_path / "a.sock"))
    with subprocess.Popen(command) as process:
        with MongoClient(plugin.uri(short_path / "a.sock")) as client:
            assert client.admin.command("ping")["ok"] == 1
        process.terminate()
    assert process.returncode == 0


def test_only_the_owner_can_reach_socket_and_file(start: Start) -> None:
    server = start().ready()
    assert server.socket.stat().st_mode & 0o777 == 0o700
    for path in server.db.parent.iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_it_stops_cleanly_and_keeps_everything(start: Start) -> None:
    server = start().ready()
    server.client.t.c.insert_many([{"_id": n} for n in range(100)])
    assert server.stop() == 0
    assert {path.name for path in server.db.parent.iterdir()} == {"test.db", "test.db.lock"}
    assert start().ready().client.t.c.count_documents({}) == 100


def test_a_database_in_memory_leaves_nothing(short_path: Path) -> None:
    socket = short_path / "db.sock"
    command = [sys.executable, "-m", MODULE, "--db", ":memory:", "--socket", str(socket)]
    with subprocess.Popen(command, env={**os.environ, "TMPDIR": str(short_path)}) as process:
        with MongoClient(EmbeddedDatabase().uri(socket)) as client:
            client.t.c.insert_one({"_id": 1})
            assert client.t.c.find_one() == {"_id": 1}
        process.terminate()
    assert list(short_path.iterdir()) == []


def test_a_second_server_on_the_file_is_refused_and_told_who_holds_it(
    start: Start, short_path: Path
) -> None:
    first = start().ready()
    command = [sys.executable, "-m", MODULE, "--db", str(first.db)]
    other = short_path / "other.sock"
    second = subprocess.run(
        [*command, "--socket", str(other)], capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert second.returncode == 1
    assert second.stderr.count("\n") == 1
    assert f"process id {first.process.pid}" in second.stderr
    assert not other.exists()
    assert first.client.admin.command("ping")["ok"] == 1


def test_a_second_server_on_the_socket_is_refused(start: Start, short_path: Path) -> None:
    first = start().ready()
    command = [sys.executable, "-m", MODULE, "--db", str(short_path / "b.db")]
    second = subprocess.run(
        [*command, "--socket", str(first.socket)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    assert (second.returncode, second.stderr.count("\n")) == (1, 1)
    assert "another server answers" in second.stderr
    assert first.client.admin.command("ping")["ok"] == 1


PARENT = """
import subprocess, sys
print(subprocess.Popen(sys.argv[1:]).pid, flush=True)
sys.stdin.read()
"""


def test_it_ends_when_its_parent_is_killed(short_path: Path) -> None:
    socket = short_path / "db.sock"
    command = [sys.executable, "-m", MODULE, "--db", str(short_path / "a.db")]
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, *command, "--socket", str(socket)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert parent.stdout is not None
    server = int(parent.stdout.readline())
    wait_for(socket.exists, "the server did not start")
    parent.kill()
    parent.communicate()
    wait_for(lambda: not alive(server), "the server outlived its parent")
    assert not socket.exists()


def test_it_ends_with_the_process_that_asked_for_the_command(short_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    command = list(EmbeddedDatabase().command(short_path / "a.db", short_path / "a.sock"))
    command[command.index("--parent") + 1] = str(owner.pid)
    with subprocess.Popen(command) as server:
        wait_for((short_path / "a.sock").exists, "the server did not start")
        owner.kill()
        owner.communicate()
        assert server.wait(PATIENCE_S) == 0


def write_until_it_dies(uri: str, round_number: int, worker: int, kept: list[str]) -> int:
    """Insert and count through one client; returns how many increments were acknowledged."""
    client: MongoClient[dict[str, Any]] = MongoClient(
        uri, serverSelectionTimeoutMS=200, retryWrites=False
    )
    try:
        for number in itertools.count():
            name = f"{round_number}-{worker}-{number}"
            client.t.c.insert_one({"_id": name, "a": number})
            kept.append(name)
            client.t.n.update_one({"_id": f"{round_number}-{worker}"}, {"$inc": {"n": 1}}, True)
    except PyMongoError:
        return number
    finally:
        client.close()
    return 0


def test_kill_9_loses_nothing_acknowledged(start: Start) -> None:
    server = start().ready()
    server.client.t.c.create_index("a")
    for round_number in range(CRASHES):
        kept: list[list[str]] = [[] for _ in range(4)]
        counted = [0] * 4

        def work(worker: int, n: int, uri: str, kept: list[Any], counted: list[int]) -> None:
            counted[worker] = write_until_it_dies(uri, n, worker, kept[worker])

        workers = [
            threading.Thread(target=work, args=(w, round_number, server.uri, kept, counted))
            for w in range(4)
        ]
        for worker in workers:
            worker.start()
        wait_for(lambda k=kept: min(map(len, k)) > 20, "nothing was written")
        os.kill(server.process.pid, signal.SIGKILL)
        for worker in workers:
            worker.join()
        server.stop()
        server = start().ready()
        stored = {document["_id"] for document in server.client.t.c.find()}
        assert not {name for names in kept for name in names} - stored
        indexed = server.client.t.c.count_documents({"a": {"$gte": 0}})
        assert indexed == len(stored)
        for worker, acknowledged in enumerate(counted):
            found = server.client.t.n.find_one({"_id": f"{round_number}-{worker}"})
            assert found is not None
            # The last one may have been stored without the client hearing of it.
            assert acknowledged <= found["n"] <= acknowledged + 1


def test_a_damaged_file_is_not_served(start: Start) -> None:
    server = start().ready()
    server.client.t.c.insert_many([{"_id": n, "text": f"document {n}"} for n in range(100)])
    server.stop()
    data = server.db.read_bytes()
    server.db.write_bytes(data.replace(b"document 50", b"dacument 50"))
    again = start()
    _, error = again.process.communicate(timeout=PATIENCE_S)
    assert again.process.returncode == 1
    assert "is damaged: a document of t.c (row 51) has changed" in error
    assert error.count("\n") == 1


def test_a_full_disk_is_an_error_for_the_client_and_nothing_is_lost(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (6_000_000, hard))
    try:
        server = start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    files = server.ready().client.t.files
    stored = []
    with pytest.raises(OperationFailure) as full:
        for number in range(1000):
            files.insert_one({"_id": number, "data": bytes(100_000)})
            stored.append(number)
    assert full.value.details is not None
    assert full.value.details["codeName"] == "OutOfDiskSpace"
    assert [d["_id"] for d in files.find({}, {"_id": 1})] == stored
    server.stop()
    again = start().ready()
    assert [d["_id"] for d in again.client.t.files.find({}, {"_id": 1})] == stored


def test_deleted_recordings_give_their_space_back(start: Start) -> None:
    server = start().ready()
    files = gridfs.GridFS(server.client.t)
    number = files.put(os.urandom(30_000_000))
    wait_for(lambda: server.db.stat().st_size > 25_000_000, "the file did not grow")
    files.delete(number)
    wait_for(lambda: server.db.stat().st_size < 3_000_000, "the space was not given back")


def test_a_ttl_index_removes_what_is_over(start: Start) -> None:
    sittings = start().ready().client.t.c
    sittings.create_index("until", expireAfterSeconds=60)
    now = dt.datetime.now(dt.UTC)
    past = [{"until": now - dt.timedelta(seconds=61), "n": n} for n in range(500)]
    sittings.insert_many([*past, {"_id": "kept", "until": now}, {"_id": "text", "until": "x"}])
    wait_for(lambda: sittings.count_documents({}) == 2, "nothing expired")
    assert {d["_id"] for d in sittings.find()} == {"kept", "text"}


def test_a_backup_is_taken_while_the_server_works(start: Start, short_path: Path) -> None:
    server = start().ready()
    server.client.t.c.insert_many([{"_id": n} for n in range(1000)])
    command = EmbeddedDatabase().backup_command(server.db, short_path / "copy.db")
    subprocess.run(list(command), check=True, timeout=PATIENCE_S)
    server.client.t.c.delete_many({})
    server.stop()
    assert start(db="copy.db").ready().client.t.c.count_documents({}) == 1000


def test_an_aggregation_does_not_hold_up_inserts_and_finds(start: Start) -> None:
    client = start("--sync", "NORMAL").ready().client
    client.t.many.insert_many([{"_id": n, "s": n % 100, "pad": "x" * 200} for n in range(50_000)])
    stop = threading.Event()
    waits: list[float] = []

    def work() -> None:
        for number in itertools.count():
            if stop.is_set():
                return
            started = time.perf_counter()
            client.t.new.insert_one({"_id": number})
            client.t.many.find_one({"_id": number})
            waits.append(time.perf_counter() - started)

    worker = threading.Thread(target=work)
    worker.start()
    started = time.perf_counter()
    groups = list(client.t.many.aggregate([{"$group": {"_id": "$s", "n": {"$sum": 1}}}]))
    took = time.perf_counter() - started
    stop.set()
    worker.join()
    assert len(groups) == 100
    # The benchmark holds the figure to 50 ms; here a busy machine must not fail the test, only
    # a client that waits for the whole aggregation.
    assert len(waits) > 5
    assert max(waits) < max(0.5 * took, 0.1)
