"""Sets the stage, lets everybody play, and sums up."""

from __future__ import annotations

import asyncio
import json
import math
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import click

from proctorhub.cli.rehearsal import house
from proctorhub.cli.rehearsal.exam import Media, Outcome, Rehearsal
from proctorhub.cli.rehearsal.person import Person
from proctorhub.media.aiortc_seam import use_host_addresses
from proctorhub.media.material import make_media

DATA_DIR = Path("var/demo")
MEDIA_S = 5
COMPLETE = 0.99
#: Candidates come one after the other, as people do; seconds between two.
STAGGER_S = 0.2


def main(
    sessions: int,
    minutes: float,
    as_json: bool,
    url: str | None,
    token: str | None,
    data_dir: Path | None,
) -> int:
    """Rehearse and return the exit status: 0 only when everything is concluded and all there."""
    if bool(url) != bool(token):
        click.echo("proctorhub: --url and --token go together", err=True)
        return 2
    place = data_dir or DATA_DIR
    use_host_addresses("")  # loopback too: the machine may have no other
    try:
        with _house(url, token, place) as stage, _media() as media:
            click.echo(f"Rehearsing {sessions} session(s) of {minutes:g} min at {stage.url}")
            password = secrets.token_urlsafe(12)
            began = time.monotonic()
            outcomes, staff = asyncio.run(_play(stage, media, sessions, minutes, password))
            wall_s = time.monotonic() - began
    except house.HouseError as error:
        click.echo(f"proctorhub: {error}", err=True)
        return 1
    result = summary(outcomes, wall_s)
    _tell(outcomes, url, place, staff, password)
    click.echo(json.dumps(result) if as_json else _words(result))
    return 0 if result["ok"] else 1


def summary(outcomes: list[Outcome], wall_s: float) -> dict[str, Any]:
    """Return the figures of docs/operator.md for a list of outcomes."""
    concluded = sum(o.concluded for o in outcomes)
    expected = sum(o.expected_s for o in outcomes)
    recorded = sum(min(o.recorded_s, o.expected_s) for o in outcomes)
    completeness = recorded / expected if expected else 0.0
    first = sorted(ms for o in outcomes for ms in o.first_frame_ms)
    return {
        "sessions": len(outcomes),
        "concluded": concluded,
        "failed": len(outcomes) - concluded,
        "expected_media_s": round(expected, 1),
        "recorded_media_s": round(recorded, 1),
        "completeness": round(completeness, 4),
        "segments": sum(o.segments for o in outcomes),
        "gaps": sum(o.gaps for o in outcomes),
        "first_frame_to_viewer_ms": {"p50": _rank(first, 0.5), "p95": _rank(first, 0.95)},
        "arrival_to_desk_ms_max": round(max((o.arrival_ms for o in outcomes), default=0)),
        "chat_ms_max": round(max((o.chat_ms for o in outcomes), default=0)),
        "logs_intact": all(o.log_intact for o in outcomes),
        "wall_s": round(wall_s, 1),
        "ok": bool(outcomes)
        and concluded == len(outcomes)
        and completeness >= COMPLETE
        and all(o.log_intact and not o.gaps for o in outcomes),
    }


def _rank(values: list[float], share: float) -> int | None:
    """Return the nearest-rank percentile."""
    return round(values[max(0, math.ceil(share * len(values)) - 1)]) if values else None


@contextmanager
def _house(url: str | None, token: str | None, place: Path) -> Iterator[house.House]:
    if url and token:
        yield house.House(url.rstrip("/"), token)
        return
    click.echo("Starting ProctorHub")
    with house.started(place) as started:
        yield started


@contextmanager
def _media() -> Iterator[Media]:
    with tempfile.TemporaryDirectory(prefix="proctorhub-") as folder:
        camera, screen = Path(folder) / "camera.webm", Path(folder) / "screen.webm"
        make_media(camera, MEDIA_S)
        make_media(screen, MEDIA_S, with_audio=False, size=(1280, 720))
        yield Media(camera, screen, camera, _still(camera))


def _still(path: Path) -> bytes:
    file = BytesIO()
    with av.open(path) as container, av.open(file, "w", format="mjpeg") as output:
        frame = next(container.decode(video=0))
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuvj420p"
        for packet in [*stream.encode(frame.reformat(format="yuvj420p")), *stream.encode(None)]:
            output.mux(packet)
    return file.getvalue()


async def _play(
    stage: house.House, media: Media, sessions: int, minutes: float, password: str
) -> tuple[list[Outcome], str]:
    run = secrets.token_hex(3)
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(Person(stage.url, stage.token))
        proctor_login = f"proctor-{run}"
        logins = [f"candidate-{run}-{n + 1}" for n in range(sessions)]
        proctor_id = await _account(admin, proctor_login, "proctor", password)
        ids = [await _account(admin, login, "candidate", password) for login in logins]
        proctor = await stack.enter_async_context(Person(stage.url))
        await proctor.sign_in(proctor_login, password)
        await proctor.call("POST", "/availability", _availability(sessions, minutes))
        await proctor.watch("watch_day", {})
        exam = await admin.call("POST", "/exams", _exam(run, minutes, proctor_id, ids))
        rehearsals = []
        for login in logins:
            candidate = await stack.enter_async_context(Person(stage.url))
            await candidate.sign_in(login, password)
            rehearsals.append(Rehearsal(candidate, proctor, media, minutes))
        await asyncio.gather(
            *(_one(r, exam["id"], n * STAGGER_S) for n, r in enumerate(rehearsals))
        )
        return [r.outcome for r in rehearsals], proctor_login


async def _one(rehearsal: Rehearsal, exam_id: str, wait_s: float) -> None:
    await asyncio.sleep(wait_s)
    try:
        await rehearsal.run(exam_id)
    except Exception as error:  # one failed session must not hide the others
        rehearsal.outcome.trouble = f"{type(error).__name__}: {error}"


async def _account(admin: Person, login: str, role: str, password: str) -> str:
    name = login.replace("-", " ").title()
    body = {"login": login, "name": name, "roles": [role], "password": password}
    return str((await admin.call("POST", "/users", body))["id"])


def _availability(sessions: int, minutes: float) -> dict[str, Any]:
    now = datetime.now(UTC)
    end = now + timedelta(minutes=minutes + 90)
    return {"starts_at": _text(now), "ends_at": _text(end), "capacity": sessions}


def _exam(run: str, minutes: float, proctor: str, candidates: list[str]) -> dict[str, Any]:
    """Return an exam for nobody but the rehearsal's own people."""
    now = datetime.now(UTC)
    return {
        "title": f"Rehearsal {run}",
        "opens_at": _text(now - timedelta(minutes=5)),
        "closes_at": _text(now + timedelta(minutes=minutes + 90)),
        "duration_min": math.ceil(minutes) + 5,
        "tier": "ai_human",
        "open": False,
        "proctors": [proctor],
        "candidates": candidates,
        "rules": {"allowed": ["calculator"], "forbidden": ["phone"]},
    }


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _tell(outcomes: list[Outcome], url: str | None, place: Path, login: str, password: str) -> None:
    for outcome in outcomes:
        if outcome.trouble:
            click.echo(f"session {outcome.session_id or '?'}: {outcome.trouble}", err=True)
    if not outcomes or not outcomes[0].concluded:
        return
    page = f"/reports/{outcomes[0].session_id}"
    if url:
        click.echo(f"The report: {url}{page}")
    else:
        click.echo(f"To look at it: .venv/bin/proctorhub run --data {place}")
        click.echo(f"  then open http://localhost:8000{page}")
    click.echo(f"  and sign in as {login} with the password {password}")


def _words(result: dict[str, Any]) -> str:
    verdict = "All is there." if result["ok"] else "Not all is there."
    return (
        f"{result['concluded']} of {result['sessions']} sessions concluded, "
        f"{result['recorded_media_s']:g} of {result['expected_media_s']:g} s of media recorded "
        f"in {result['segments']} segments, {result['gaps']} gaps. {verdict}"
    )
