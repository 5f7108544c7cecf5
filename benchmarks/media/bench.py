"""What a session costs: the same synthetic senders against our node and against Debian's Janus.

    make bench-media ARGS="--rounds 3 --sessions 20 --seconds 25"

The server is pinned to one core, senders and viewers to the others. Prints one JSON line.
CPU is the server's own, from /proc/PID/task/*/schedstat; compare ratios within one run, not runs.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import aiortc.rtcdtlstransport
import ifaddr
import uvloop

from benchmarks.media.janus import Handle, configure
from benchmarks.sending import Reel, ReelSender, make_reel
from proctorhub.domain import ticket
from proctorhub.frames.unix import UnixReceiver
from proctorhub.media.aiortc_seam import Peer, use_host_addresses

WARM_S = 5.0
PAGE = os.sysconf("SC_PAGE_SIZE")
HERE = Path(__file__).parent


def own_address() -> tuple[str, str]:
    """Return (address, interface) that is not loopback: Janus gathers no loopback candidates."""
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            if isinstance(ip.ip, str) and not ip.ip.startswith("127."):
                return ip.ip, adapter.name
    raise SystemExit("bench: no address but loopback")


def usage(pid: int) -> tuple[float, float]:
    """Return (CPU seconds so far, resident megabytes) of a process.

    `schedstat` counts nanoseconds; `stat` samples 10 ms ticks, too coarse for these loads.
    """
    run_ns = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        run_ns += int(path.read_text().split()[0])
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return run_ns / 1e9, pages * PAGE / 1e6


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Viewer:
    """Counts packets and decodes nothing."""

    def __init__(self) -> None:
        self.peer = Peer()
        self.packets = 0
        self.peer.on_rtp = self._count

    def _count(self, packet: bytes, arrived_s: float) -> None:
        self.packets += 1


class OurNode:
    """Our media node as a server under measurement."""

    def __init__(self, root: Path, address: str, *, tap: bool = False) -> None:
        self.port = free_port()
        self.frames = root / "run" / "frames.sock" if tap else None
        self.private, public = ticket.new_keys()
        (root / "secrets").mkdir(parents=True)
        (root / "secrets" / "ticket.pub").write_text(public)
        self.command = [sys.executable, str(HERE / "null_node.py")]
        self.environment = {
            "PROCTORHUB_DATA_DIR": str(root),
            "PROCTORHUB_MEDIA_PORT": str(self.port),
            "PROCTORHUB_MEDIA_ADDRESSES": address,
            "PROCTORHUB_LOG_LEVEL": "ERROR",
            "BENCH_TAP": "1" if tap else "0",
        }

    def _headers(self, session: str, direction: str) -> dict[str, str]:
        signed = ticket.sign(
            self.private,
            session_id=session,
            source="camera",
            direction=direction,
            now=time.time(),
            ttl_s=600,
        )
        return {"Authorization": f"Bearer {signed}", "Content-Type": "application/sdp"}

    async def _exchange(
        self, http: aiohttp.ClientSession, door: str, session: str, offer: str
    ) -> str:
        headers = self._headers(session, "send" if door == "whip" else "watch")
        url = f"http://127.0.0.1:{self.port}/{door}/{session}/camera"
        async with http.post(url, data=offer, headers=headers) as response:
            text = await response.text()
            if response.status != 201:
                raise RuntimeError(text)
            return text

    async def publish(
        self, http: aiohttp.ClientSession, number: int, sender: ReelSender
    ) -> Callable[[], Awaitable[None]]:
        await sender.take_answer(
            await self._exchange(http, "whip", f"s{number}", await sender.offer())
        )
        return _nothing

    async def watch(
        self, http: aiohttp.ClientSession, number: int, viewer: Viewer
    ) -> Callable[[], Awaitable[None]]:
        offer = await viewer.peer.offer_to_receive()
        await viewer.peer.take_answer(await self._exchange(http, "whep", f"s{number}", offer))
        return _nothing


class Janus:
    """Janus with the videoroom, recording to .mjr."""

    def __init__(self, root: Path, address: str, interface: str) -> None:
        self.port = free_port()
        configure(root / "etc", address, interface, self.port)
        self.recordings = root / "recordings"
        self.recordings.mkdir()
        self.command = ["janus", "-F", str(root / "etc")]
        self.environment: dict[str, str] = {}
        self._feeds: dict[int, int] = {}
        self.url = f"http://127.0.0.1:{self.port}/janus"

    async def publish(
        self, http: aiohttp.ClientSession, number: int, sender: ReelSender
    ) -> Callable[[], Awaitable[None]]:
        handle = Handle(http, self.url)
        await handle.open()
        await handle.ask(
            request="create",
            room=5000 + number,
            publishers=2,
            bitrate=4_000_000,
            audiocodec="opus",
            videocodec="vp8",
            fir_freq=0,
            notify_joining=False,
            record=True,
            rec_dir=str(self.recordings),
        )
        joined = await handle.ask(
            request="join", ptype="publisher", room=5000 + number, display=f"s{number}"
        )
        self._feeds[number] = joined["plugindata"]["data"]["id"]
        answer = await handle.ask(
            {"type": "offer", "sdp": await sender.offer()},
            request="publish",
            record=True,
            filename=f"s{number}",
        )
        await sender.take_answer(answer["jsep"]["sdp"])
        return handle.close

    async def watch(
        self, http: aiohttp.ClientSession, number: int, viewer: Viewer
    ) -> Callable[[], Awaitable[None]]:
        handle = Handle(http, self.url)
        await handle.open()
        offer = await handle.ask(
            request="join",
            ptype="subscriber",
            room=5000 + number,
            streams=[{"feed": self._feeds[number]}],
        )
        answer = await viewer.peer.answer(offer["jsep"]["sdp"])
        await handle.ask({"type": "answer", "sdp": answer}, request="start", room=5000 + number)
        return handle.close


@contextmanager
def _taken(path: Path) -> Iterator[None]:
    """Take what comes over a frame bus, as a vision worker does, and look at nothing."""
    receiver = UnixReceiver(path)
    stop = threading.Event()

    def take() -> None:
        while not stop.is_set():
            receiver.take(64, 0.2)

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        receiver.close()


async def _nothing() -> None:
    """Nothing to take down but the connection."""


@asynccontextmanager
async def running(server: OurNode | Janus) -> AsyncIterator[int]:
    """Run a server on core 0; yield its pid."""
    process = subprocess.Popen(
        server.command,
        env={**os.environ, **server.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: os.sched_setaffinity(0, {0}),
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", server.port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"bench: {server.command[0]} did not start")
            await asyncio.sleep(0.1)
        await asyncio.sleep(1.0)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()


async def measure(
    server: OurNode | Janus, reel: Reel, sessions: int, viewers: int, seconds: float
) -> dict[str, float]:
    """Return CPU-seconds per session-minute, resident MB, and packet rates."""
    async with AsyncExitStack() as stack:
        pid = await stack.enter_async_context(running(server))
        http = await stack.enter_async_context(aiohttp.ClientSession())
        base = usage(pid)[1]
        if isinstance(server, OurNode) and server.frames is not None:
            stack.enter_context(_taken(server.frames))
        senders = [ReelSender(reel) for _ in range(sessions)]
        watching = [Viewer() for _ in range(sessions * viewers)]
        for number, sender in enumerate(senders):
            stack.push_async_callback(sender.close)
            stack.push_async_callback(await server.publish(http, number, sender))
            await asyncio.sleep(0.03)
        await asyncio.sleep(1.0)
        for index, viewer in enumerate(watching):
            stack.push_async_callback(viewer.peer.close)
            stack.push_async_callback(await server.watch(http, index % sessions, viewer))
        await asyncio.sleep(WARM_S)
        before, began = usage(pid), time.monotonic()
        sent = sum(sum(s.sent_packets.values()) for s in senders)
        seen = sum(v.packets for v in watching)
        await asyncio.sleep(seconds)
        after, took = usage(pid), time.monotonic() - began
        frames = (sum(sum(s.sent_packets.values()) for s in senders) - sent) / took
        if not all(sender.connected for sender in senders):
            raise SystemExit("bench: a sender lost its connection")
        return {
            "cpu_s": (after[0] - before[0]) / took * 60 / sessions,
            "rss_mb": after[1],
            "base_mb": base,
            "core_share": (after[0] - before[0]) / took,
            "frames_in_per_s": frames,
            "packets_out_per_s": (sum(v.packets for v in watching) - seen) / took,
        }


CASES = {
    "one_record_view": ("node", 1, False),
    "record": ("node", 0, False),
    "record_view": ("node", 1, False),
    "record_tap": ("node", 0, True),
    "janus_record": ("janus", 0, False),
    "janus_record_view": ("janus", 1, False),
}


async def run(options: argparse.Namespace, root: Path) -> list[dict[str, Any]]:
    """Run every case `rounds` times, interleaved; return what was found."""
    address, interface = own_address()
    use_host_addresses(address)
    # Chromium negotiates this profile; aiortc alone would choose another.
    profile = aiortc.rtcdtlstransport.SRTP_AES128_CM_SHA1_80
    aiortc.rtcdtlstransport.SRTP_PROFILES[:] = [profile]
    size, bits = ((1280, 720), 1_200_000) if options.hd else ((640, 480), 500_000)
    reel = make_reel(root / "media.webm", 16.0, bit_rate=bits, size=size)
    janus = shutil.which("janus") and not options.no_janus
    results = []
    for number in range(options.rounds):
        for name in options.cases:
            kind, viewers, tap = CASES[name]
            if kind == "janus" and not janus:
                continue
            place = root / f"{name}{number}"
            server = (
                OurNode(place, address, tap=tap)
                if kind == "node"
                else Janus(place, address, interface)
            )
            sessions = 1 if name.startswith("one_") else options.sessions
            found = await measure(server, reel, sessions, viewers, options.seconds)
            results.append({"case": name, **{k: round(v, 4) for k, v in found.items()}})
            print(json.dumps(results[-1]), file=sys.stderr)
            shutil.rmtree(place, ignore_errors=True)
    return results


def summary(results: list[dict[str, Any]], options: argparse.Namespace) -> dict[str, Any]:
    """Return medians and ratios."""

    def median(name: str, key: str = "cpu_s") -> float | None:
        found = [r[key] for r in results if r["case"] == name]
        return round(statistics.median(found), 4) if found else None

    def ratio(ours: str, theirs: str) -> float | None:
        one, other = median(ours), median(theirs)
        return round(one / other, 3) if one and other else None

    base, full = median("record_view", "base_mb"), median("record_view", "rss_mb")
    names = [name for name in CASES if median(name) is not None]
    return {
        "picture": "1280x720@15" if options.hd else "640x480@15",
        "sessions": options.sessions,
        "rounds": sum(r["case"] == names[-1] for r in results),
        **{f"{name}_cpu_s_per_session_min": median(name) for name in names},
        "record_vs_janus": ratio("record", "janus_record"),
        "record_view_vs_janus": ratio("record_view", "janus_record_view"),
        "tap_vs_record": ratio("record_tap", "record"),
        "rss_mb_base": base,
        "rss_mb_per_session": round((full - base) / options.sessions, 3) if base and full else None,
        "janus_rss_mb": median("janus_record_view", "rss_mb"),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sessions", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=25.0)
    parser.add_argument("--hd", action="store_true", help="1280x720 at 1.2 Mbit/s")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--no-janus", action="store_true")
    parser.add_argument(
        "--keep", type=Path, help="a file of results: add this run's, sum up all that are in it"
    )
    options = parser.parse_args()
    os.sched_setaffinity(0, set(range(1, os.cpu_count() or 1)) or {0})
    with tempfile.TemporaryDirectory(prefix="bench-media-") as root:
        results = uvloop.run(run(options, Path(root)))
    if options.keep:
        with options.keep.open("a+") as file:
            file.writelines(json.dumps(result) + "\n" for result in results)
            file.seek(0)
            results = [json.loads(line) for line in file]
    print(json.dumps(summary(results, options)))


if __name__ == "__main__":
    main()
