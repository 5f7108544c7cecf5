"""Speed of the embedded database through the real driver; prints one JSON line.

    make bench-database ARGS="[--baseline SERVER.py] [--rounds N] [--sync FULL|NORMAL]"

A baseline is another server script that understands `--db FILE --sock PATH --sync MODE`. Rounds
of the two alternate, and `ratio` is the median of this server's speed by the baseline's, round by
round (above 1: faster).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import PyMongoError

DOCUMENTS = 20_000
SESSIONS = 200
SCANNED = 50_000
GROUP = [{"$group": {"_id": "$s", "n": {"$sum": 1}}}]


@contextmanager
def running(command: list[str], socket: Path) -> Iterator[MongoClient[dict[str, Any]]]:
    process = subprocess.Popen([*command], stderr=subprocess.DEVNULL)
    uri = "mongodb://" + quote(str(socket), safe="")
    try:
        for _ in range(200):
            try:
                MongoClient(uri, serverSelectionTimeoutMS=100).admin.command("ping")
                break
            except PyMongoError:
                time.sleep(0.02)
        with MongoClient(uri) as client:
            yield client
    finally:
        process.terminate()
        process.wait()


def times(action: Callable[[int], Any], count: int) -> list[float]:
    taken = []
    for number in range(count):
        start = time.perf_counter()
        action(number)
        taken.append(time.perf_counter() - start)
    return taken


def per_second(action: Callable[[int], Any], count: int) -> float:
    """Return the rate at the median, which a colleague's burst of work does not move."""
    return 1 / statistics.median(times(action, count))


def measure(client: MongoClient[dict[str, Any]]) -> dict[str, float]:
    events = client.bench.events
    events.create_index("s")
    events.create_index([("s", 1), ("t", 1)])
    for first in range(0, DOCUMENTS, 1000):
        events.insert_many(
            [
                {"_id": n, "s": f"s{n % SESSIONS}", "t": n, "meta": {"a": n, "b": "x" * 100}}
                for n in range(first, first + 1000)
            ]
        )
    plain = client.bench.plain
    sort = [("t", -1)]
    figures = {
        "insert": per_second(lambda n: plain.insert_one({"n": n, "type": "blur"}), 600),
        "find_by_id": per_second(lambda n: events.find_one({"_id": n * 7 % DOCUMENTS}), 1000),
        "find_indexed_100": per_second(lambda n: list(events.find({"s": f"s{n % SESSIONS}"})), 60),
        "find_indexed_sorted_20": per_second(
            lambda n: list(events.find({"s": f"s{n % SESSIONS}"}).sort(sort).limit(20)), 100
        ),
        "count_indexed": per_second(
            lambda n: events.count_documents({"s": f"s{n % SESSIONS}"}), 200
        ),
        "update_by_id": per_second(
            lambda n: events.update_one({"_id": n}, {"$inc": {"meta.a": 1}}), 300
        ),
    }
    figures.update(measure_stalls(client))
    return figures


def measure_stalls(client: MongoClient[dict[str, Any]]) -> dict[str, float]:
    """Time single inserts and finds while another client aggregates many documents."""
    scanned, target = client.bench.scanned, client.bench.inserted
    for first in range(0, SCANNED, 5000):
        scanned.insert_many(
            [{"_id": n, "s": n % 100, "m": "x" * 200} for n in range(first, first + 5000)]
        )
    stop = threading.Event()
    inserts: list[tuple[float, float]] = []
    finds: list[tuple[float, float]] = []

    def repeat(action: Callable[[int], Any], log: list[tuple[float, float]]) -> None:
        number = 0
        while not stop.is_set():
            start = time.perf_counter()
            action(number)
            log.append((start, time.perf_counter() - start))
            number += 1

    workers = [
        threading.Thread(target=repeat, args=(lambda n: target.insert_one({"i": n}), inserts)),
        threading.Thread(target=repeat, args=(lambda n: scanned.find_one({"_id": n}), finds)),
    ]
    for worker in workers:
        worker.start()
    alone = time.perf_counter()
    time.sleep(1.0)
    began = time.perf_counter()
    for _ in range(3):
        list(scanned.aggregate(GROUP))
    ended = time.perf_counter()
    stop.set()
    for worker in workers:
        worker.join()

    def worst(log: list[tuple[float, float]], since: float, until: float) -> float:
        return 1000 * max((took for at, took in log if since - took <= at <= until), default=0)

    return {
        "aggregate_50k_ms": 1000 * (ended - began) / 3,
        "insert_stall_ms": worst(inserts, began, ended),
        "insert_stall_without_aggregation_ms": worst(inserts, alone, began),
        "find_stall_ms": worst(finds, began, ended),
    }


def summary(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(statistics.median(r[key] for r in rounds), 2) for key in rounds[0]}


def ratio(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, float]:
    return {
        key: theirs[key] / ours[key] if key.endswith("_ms") else ours[key] / theirs[key]
        for key in ours
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sync", choices=("FULL", "NORMAL"), default="FULL")
    options = parser.parse_args()
    servers = {"embedded": [sys.executable, "-m", "proctorhub_plugins.embedded_mongodb"]}
    socket_option = {"embedded": "--socket", "baseline": "--sock"}
    if options.baseline:
        servers["baseline"] = [sys.executable, "-W", "ignore", str(options.baseline)]
    results: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
    for number in range(options.rounds):
        # Each goes first in turn.
        for name, command in list(servers.items())[:: -1 if number % 2 else 1]:
            with tempfile.TemporaryDirectory() as folder:
                socket = Path(folder) / "db.sock"
                place = ["--db", f"{folder}/bench.db", socket_option[name], str(socket)]
                with running([*command, *place, "--sync", options.sync], socket) as client:
                    results[name].append(measure(client))
    report: dict[str, Any] = {"benchmark": "database", "sync": options.sync}
    report.update({name: summary(rounds) for name, rounds in results.items()})
    if options.baseline:
        pairs = zip(results["embedded"], results["baseline"], strict=True)
        report["ratio"] = summary([ratio(ours, theirs) for ours, theirs in pairs])
    print(json.dumps(report))


if __name__ == "__main__":
    main()
