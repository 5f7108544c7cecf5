"""Speed of the embedded database through the real driver; prints one JSON line.

    make bench-database ARGS="[--baseline SERVER.py] [--rounds N] [--sync FULL|NORMAL]"

A baseline is another server script that understands `--db FILE --sock PATH --sync MODE`. Both run
at once and are used in turn, block by block; `ratio` is the median of this server's speed by the
baseline's in the neighbouring block (above 1: faster). `worst` are the longest of all rounds.
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
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pymongo import MongoClient
from pymongo.errors import PyMongoError

DOCUMENTS = 20_000
SESSIONS = 200
SCANNED = 50_000
BLOCKS = 10
SETTLE_S = 0.12
Figures = dict[str, float]
Servers = dict[str, MongoClient[dict[str, Any]]]
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


# How often each is done, and what it is.
OPERATIONS: dict[str, tuple[int, Callable[[Any, int], Any]]] = {
    "insert": (1500, lambda db, n: db.plain.insert_one({"n": n, "type": "blur"})),
    "find_by_id": (2000, lambda db, n: db.events.find_one({"_id": n * 7 % DOCUMENTS})),
    "find_indexed_100": (100, lambda db, n: list(db.events.find({"s": f"s{n % SESSIONS}"}))),
    "find_indexed_sorted_20": (
        200,
        lambda db, n: list(db.events.find({"s": f"s{n % SESSIONS}"}).sort("t", -1).limit(20)),
    ),
    "count_indexed": (200, lambda db, n: db.events.count_documents({"s": f"s{n % SESSIONS}"})),
    "update_by_id": (
        1000,
        lambda db, n: db.events.update_one({"_id": n}, {"$inc": {"meta.a": 1}}),
    ),
}


def load(client: MongoClient[dict[str, Any]]) -> None:
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


def take_turns(clients: Servers) -> tuple[dict[str, Figures], Figures]:
    """Return the rates of each server, and the ratios of the first by the last.

    The servers do an operation in blocks, in turn, so that what the machine does besides meets
    all alike. Rates and ratios are those of medians, which a burst of other work does not move.
    """
    rates: dict[str, Figures] = {name: {} for name in clients}
    ratios: Figures = {}
    for key, (number, act) in OPERATIONS.items():
        taken: dict[str, list[float]] = {name: [] for name in clients}
        size = number // BLOCKS
        for block in range(BLOCKS):
            for name, client in list(clients.items())[:: -1 if block % 2 else 1]:
                time.sleep(SETTLE_S)  # what a server does behind a block stays out of the next
                times = []
                for n in range(block * size, (block + 1) * size):
                    start = time.perf_counter()
                    act(client.bench, n)
                    times.append(time.perf_counter() - start)
                taken[name].append(statistics.median(times))
        for name, medians in taken.items():
            rates[name][key] = 1 / statistics.median(medians)
        ours, *others = taken.values()
        if others:
            pairs = zip(ours, others[-1], strict=True)
            ratios[key] = statistics.median(theirs / own for own, theirs in pairs)
    return rates, ratios


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


def summary(rounds: list[Figures], of: Callable[[list[float]], float]) -> Figures:
    return {key: round(of([figures[key] for figures in rounds]), 2) for key in rounds[0]}


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
    results: dict[str, list[Figures]] = {name: [] for name in servers}
    ratios: list[Figures] = []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
            clients = {}
            for name, command in servers.items():
                socket = Path(folder) / f"{name}.sock"
                place = ["--db", f"{folder}/{name}.db", socket_option[name], str(socket)]
                started = running([*command, *place, "--sync", options.sync], socket)
                clients[name] = stack.enter_context(started)
                load(clients[name])
            rates, ratio = take_turns(clients)
            ratios.append(ratio)
            for name, client in clients.items():
                results[name].append({**rates[name], **measure_stalls(client)})
    report: dict[str, Any] = {"benchmark": "database", "sync": options.sync}
    for name, rounds in results.items():
        report[name] = summary(rounds, statistics.median)
        stalls = [{key: f[key] for key in f if key.endswith("_ms")} for f in rounds]
        report[f"{name}_worst"] = summary(stalls, max)
    report["ratio"] = summary(ratios, statistics.median)
    print(json.dumps(report))


if __name__ == "__main__":
    main()
