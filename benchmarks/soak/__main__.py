"""Does a node stay well? 60 sessions for 10 minutes on one core, with 2 % of the packets lost.

    make bench-soak ARGS="--sessions 60 --minutes 10"

Prints one JSON line; exits with 1 when media is missing, memory grows or the node complained.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import aiortc.rtcdtlstransport
import uvloop

from benchmarks.media.bench import OurNode, own_address, usage
from benchmarks.sending import ReelSender, make_reel
from proctorhub.media.aiortc_seam import use_host_addresses

LOSS = 0.02
COMPLETE = 0.995
WARM_S = 60.0
SAMPLE_S = 5.0
#: Memory may differ by this between the second and the last minute, MB: allocators breathe.
BREATH_MB = 2.0


async def soak(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Run it; return the figures."""
    address, _ = own_address()
    use_host_addresses(address)
    profile = aiortc.rtcdtlstransport.SRTP_AES128_CM_SHA1_80
    aiortc.rtcdtlstransport.SRTP_PROFILES[:] = [profile]
    reel = make_reel(root / "media.webm", 16.0, bit_rate=500_000, size=(640, 480))
    server = OurNode(root / "node", address)
    server.environment |= {"BENCH_LEDGER": str(root / "ledger.jsonl")}
    server.environment["PROCTORHUB_LOG_LEVEL"] = "WARNING"
    async with AsyncExitStack() as stack:
        with (root / "node.log").open("wb") as log:
            process = subprocess.Popen(
                server.command,
                env={**os.environ, **server.environment},
                stdout=log,
                stderr=log,
                preexec_fn=lambda: os.sched_setaffinity(0, {0}),
            )
        stack.callback(process.wait, 60)
        stack.callback(process.terminate)
        http = await stack.enter_async_context(aiohttp.ClientSession())
        async with asyncio.timeout(20):
            while not await _ready(http, server):
                await asyncio.sleep(0.2)
        senders = [ReelSender(reel, loss=LOSS, seed=n) for n in range(options.sessions)]
        for number, sender in enumerate(senders):
            stack.push_async_callback(sender.close)
            await server.publish(http, number, sender)
            await asyncio.sleep(0.05)
        began = time.time()
        cpu, memory = usage(process.pid)[0], []
        while time.time() - began < options.minutes * 60:
            await asyncio.sleep(SAMPLE_S)
            memory.append((time.time() - began, usage(process.pid)[1]))
        ended = time.time()
        share = (usage(process.pid)[0] - cpu) / (ended - began)
        lost = sum(not sender.connected for sender in senders)
    complaints = [
        line
        for line in (root / "node.log").read_text().splitlines()
        if "Traceback" in line or '"level": "error"' in line
    ]
    print("\n".join(complaints[:10]), file=sys.stderr)
    early = [mb for at, mb in memory if WARM_S <= at <= 2 * WARM_S] or [memory[0][1]]
    late = [mb for at, mb in memory if at >= memory[-1][0] - WARM_S]
    growth = statistics.median(late) - statistics.median(early)
    recorded, gaps = _recorded(root / "ledger.jsonl", began, ended)
    completeness = recorded / ((ended - began) * options.sessions)
    return {
        "sessions": options.sessions,
        "minutes": options.minutes,
        "loss": LOSS,
        "completeness": round(completeness, 5),
        "gaps": gaps,
        "lost_connections": lost,
        "core_share": round(share, 3),
        "rss_mb": round(memory[-1][1], 1),
        "rss_mb_each_minute": [round(mb) for at, mb in memory if at % 60 < SAMPLE_S],
        "rss_growth_mb": round(growth, 2),
        "errors": len(complaints),
        "ok": completeness >= COMPLETE and growth <= BREATH_MB and not complaints and not lost,
    }


async def _ready(http: aiohttp.ClientSession, server: OurNode) -> bool:
    try:
        async with http.get(f"http://127.0.0.1:{server.port}/readyz") as answer:
            return answer.status == 200
    except aiohttp.ClientError:
        return False


def _recorded(
    ledger: Path, began: float, ended: float
) -> tuple[float, dict[str, tuple[int, float]]]:
    """Return seconds of segments within the time; number and seconds of gaps by track and cause."""
    seconds = 0.0
    gaps: dict[str, tuple[int, float]] = {}
    for line in ledger.read_text().splitlines():
        told = json.loads(line)
        if told["kind"] == "gap":
            name = f"{told['track']}/{told['cause']}"
            count, missing = gaps.get(name, (0, 0.0))
            length = (told["ended_at_ms"] - told["started_at_ms"]) / 1000
            gaps[name] = count + 1, round(missing + length, 3)
            continue
        start, end = told["started_at_ms"] / 1000, told["ended_at_ms"] / 1000
        seconds += max(0.0, min(end, ended) - max(start, began))
    return seconds, gaps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sessions", type=int, default=60)
    parser.add_argument("--minutes", type=float, default=10.0)
    options = parser.parse_args()
    logging.getLogger("aiortc").setLevel(logging.ERROR)
    logging.getLogger("aioice").setLevel(logging.ERROR)
    os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)) or {0})
    with tempfile.TemporaryDirectory(prefix="bench-soak-") as root:
        result = uvloop.run(soak(options, Path(root)))
    print(json.dumps(result))
    sys.exit(0 if result["ok"] else 1)


if __name__ == "__main__":
    main()
