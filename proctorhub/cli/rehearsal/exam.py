"""One rehearsed session, seen from both sides."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp

from proctorhub.cli.rehearsal.person import Person
from proctorhub.media.synthetic import WhepViewer, WhipSender

PUSH_S = 20.0
STORED_S = 30.0
PROBE_BYTES = 200_000
_CHECKS = ("browser", "camera", "microphone", "screen", "round_trip", "uplink", "connection")


@dataclass(frozen=True)
class Media:
    """The files that play the part of camera, screen and proctor's camera, and a still of one."""

    camera: Path
    screen: Path
    proctor: Path
    still: bytes


@dataclass
class Outcome:
    """What one session came to."""

    session_id: str = ""
    concluded: bool = False
    expected_s: float = 0.0
    recorded_s: float = 0.0
    segments: int = 0
    gaps: int = 0
    log_intact: bool = False
    first_frame_ms: list[float] = field(default_factory=list)
    arrival_ms: float = 0.0
    chat_ms: float = 0.0
    trouble: str = ""


class Rehearsal:
    """A candidate, their proctor, and the session between them."""

    def __init__(self, candidate: Person, proctor: Person, media: Media, minutes: float) -> None:
        self._candidate, self._proctor = candidate, proctor
        self._media, self._minutes = media, minutes
        self._id = ""
        self.outcome = Outcome()

    async def run(self, exam_id: str) -> None:
        """Go from booking to report; what goes wrong is raised."""
        await self._book(exam_id)
        await self._check_in()
        camera = await self._send(self._candidate, "camera", self._media.camera)
        screen = await self._send(self._candidate, "screen", self._media.screen)
        senders = [camera, screen]
        try:
            await self._candidate.watch("watch_session", {"session_id": self._id})
            await self._arrive()
            senders.append(await self._send(self._proctor, "proctor", self._media.proctor))
            async with (
                await self._view(self._proctor, "camera"),
                await self._view(self._proctor, "screen"),
                await self._view(self._candidate, "proctor"),
            ):
                await self._identify()
                await self._sit()
        finally:
            await asyncio.gather(*(sender.close() for sender in senders))
        self.outcome.expected_s = sum(sender.sent_s for sender in senders)
        await self._conclude()
        await self._count()

    async def _book(self, exam_id: str) -> None:
        now = datetime.now(UTC).replace(tzinfo=None)
        window = f"?from={now.isoformat()}Z&to={(now + timedelta(days=1)).isoformat()}Z"
        times = await self._candidate.call("GET", f"/exams/{exam_id}/times{window}")
        start = times["items"][0]["start"]
        session = await self._candidate.call("POST", f"/exams/{exam_id}/bookings", {"start": start})
        self._id = self.outcome.session_id = session["id"]

    async def _check_in(self) -> None:
        check = await self._candidate.call("POST", "/tickets/check", {})
        await _probe(check)
        results = [{"name": name, "ok": True, "detail": "rehearsed"} for name in _CHECKS]
        await self._do(self._candidate, "equipment", {"results": results})
        text = await self._candidate.call("GET", "/consent")
        agreed = {"version": text["version"], "sha256": text["sha256"]}
        await self._do(self._candidate, "consent", agreed)
        await self._do(self._candidate, "check-in")

    async def _arrive(self) -> None:
        began = time.monotonic()
        arrived = asyncio.create_task(self._proctor.until(self._id, "waiting", PUSH_S))
        await self._do(self._candidate, "ready")
        await arrived
        self.outcome.arrival_ms = (time.monotonic() - began) * 1000
        await self._proctor.watch("watch_session", {"session_id": self._id})

    async def _identify(self) -> None:
        await self._do(self._proctor, "identify")
        stills = {}
        for purpose in ("document", "face"):
            form = aiohttp.FormData()
            form.add_field("source", "camera")
            form.add_field("purpose", purpose)
            form.add_field(
                "image", self._media.still, filename="still.jpg", content_type="image/jpeg"
            )
            taken = await self._proctor.call("POST", f"/sessions/{self._id}/stills", form)
            stills[f"{purpose}_still"] = taken["id"]
        await self._do(self._proctor, "approve", stills)
        await self._candidate.until(self._id, "admitted", PUSH_S)

    async def _sit(self) -> None:
        await self._do(self._candidate, "start")
        began = time.monotonic()
        await self._do(self._candidate, "chat", {"text": "May I use a calculator?"})
        await self._proctor.until_entry(self._id, "chat", PUSH_S)
        self.outcome.chat_ms = (time.monotonic() - began) * 1000
        await self._do(self._proctor, "chat", {"text": "You may."})
        await self._do(self._proctor, "notes", {"text": "Asked for a calculator."})
        await self._do(self._proctor, "warn", {"text": "Please stay in the picture."})
        await self._candidate.until_entry(self._id, "warning", PUSH_S)
        await self._do(self._proctor, "pause")
        await self._candidate.until(self._id, "paused", PUSH_S)
        await self._do(self._proctor, "resume")
        await self._do(self._proctor, "extend", {"minutes": 1})
        await asyncio.sleep(max(0.0, self._minutes * 60 - (time.monotonic() - began)))
        await self._do(self._candidate, "finish")

    async def _conclude(self) -> None:
        await self._do(self._proctor, "conclusion", {"verdict": "clean", "comment": "Rehearsed."})
        seen = await self._candidate.call("GET", f"/sessions/{self._id}")
        self.outcome.concluded = seen["conclusion"]["verdict"] == "clean"

    async def _count(self) -> None:
        """Wait until the last segments are stored, then add up what is there."""
        deadline = time.monotonic() + STORED_S
        while True:
            tracks = (await self._proctor.call("GET", f"/sessions/{self._id}/media"))["tracks"]
            recorded = sum(_seconds(track["segments"]) for track in tracks)
            if recorded >= self.outcome.expected_s * 0.99 or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.5)
        self.outcome.recorded_s = recorded
        self.outcome.segments = sum(len(track["segments"]) for track in tracks)
        self.outcome.gaps = sum(len(track["gaps"]) for track in tracks)
        report = await self._proctor.call("GET", f"/sessions/{self._id}/report")
        self.outcome.log_intact = report["log"]["intact"]
        for source in report["sources"]:
            head = await self._proctor.fetch(source["url"], Range="bytes=0-3")
            if head != b"\x1a\x45\xdf\xa3":
                raise ValueError(f"the recording of {source['source']} is not WebM")

    async def _send(self, person: Person, source: str, path: Path) -> WhipSender:
        ticket = await self._ticket(person, source, "send")
        sender = WhipSender(ticket["url"], ticket["ticket"], path)
        return await sender.__aenter__()

    async def _view(self, person: Person, source: str) -> WhepViewer:
        ticket = await self._ticket(person, source, "watch")
        viewer = _Timed(ticket["url"], ticket["ticket"])
        viewer.outcome = self.outcome
        return viewer

    async def _ticket(self, person: Person, source: str, direction: str) -> dict[str, Any]:
        wanted = {"source": source, "direction": direction}
        return dict(await person.call("POST", f"/sessions/{self._id}/tickets", wanted))

    async def _do(self, person: Person, action: str, body: dict[str, Any] | None = None) -> None:
        await person.call("POST", f"/sessions/{self._id}/{action}", body or {})


class _Timed(WhepViewer):
    """A viewer that is there only once it has seen its first frame."""

    outcome: Outcome

    async def __aenter__(self) -> _Timed:
        await super().__aenter__()
        self.outcome.first_frame_ms.append(await self.first_frame())
        return self


async def _probe(check: dict[str, Any]) -> None:
    headers = {"Authorization": f"Bearer {check['ticket']}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        async with http.get(check["probe_url"]) as answer:
            answer.raise_for_status()
        async with http.post(check["probe_url"], data=bytes(PROBE_BYTES)) as answer:
            answer.raise_for_status()


def _seconds(segments: list[dict[str, Any]]) -> float:
    def at(text: str) -> datetime:
        return datetime.fromisoformat(text).astimezone(UTC)

    spans = [(at(s["ended_at"]) - at(s["started_at"])).total_seconds() for s in segments]
    return sum(spans)
