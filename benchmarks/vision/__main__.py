"""What looking costs, how quick it is, and how right on simulated sessions; see README.md.

    make bench-vision ARGS="--minutes 5 --repeats 2 --candidates 20 --live 120"

Prints one JSON line.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.vision import documents, filmed, hearing, live, load, reading, sessions
from proctorhub import logs

#: Without `filmed`, which needs films.
PARTS = ("backends", "load", "live", "sessions", "sound", "screen", "documents")
#: Parts with recall by detector: of cameras, microphones and screens.
WATCHED = ("sessions", "sound", "screen")
#: Where Debian's alsa-utils has a recorded voice.
VOICES = Path("/usr/share/sounds/alsa")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help="which of: %(default)s")
    parser.add_argument(
        "--minutes",
        type=float,
        default=5.0,
        help="innocent minutes of each person, noise and desktop",
    )
    parser.add_argument("--repeats", type=int, default=2, help="of each event")
    parser.add_argument("--seed", type=int, default=0, help="another gives other innocent minutes")
    parser.add_argument("--candidates", type=int, default=20, help="that a worker looks at")
    parser.add_argument("--seconds", type=float, default=40.0, help="for which it does")
    parser.add_argument("--live", type=float, default=120.0, help="seconds of the live path")
    parser.add_argument(
        "--videos",
        type=Path,
        help="folder in which the live path's videos are kept for the next run: they take longer "
        "to make than to send",
    )
    parser.add_argument(
        "--voices",
        type=Path,
        default=VOICES,
        help="folder of WAV files of somebody who speaks, left out where it is not: %(default)s",
    )
    parser.add_argument("--films", type=Path, help="folder of videos for the part `filmed`")
    args = parser.parse_args()
    if "filmed" in args.parts.split(",") and not args.films:
        parser.error("the part `filmed` needs --films FOLDER")
    logs.setup("WARNING", "bench")
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="ph-bench-") as name:
        folder = Path(name)
        for part in args.parts.split(","):
            result[part] = _part(part, folder / part, args)
            print(f"{part}: {json.dumps(result[part])}", file=sys.stderr)
    if "load" in result:
        result["candidates_per_core"] = result["load"]["candidates_per_core"]
    if "live" in result:
        result["event_to_flag_s_p95"] = result["live"]["p95_s"]
    if "sessions" in result:
        result["false_incidents_per_hour"] = result["sessions"]["false_incidents_per_hour"]
    if found := [result[part]["recall"] for part in WATCHED if part in result]:
        result["recall"] = {name: share for part in found for name, share in part.items()}
    if "backends" in result:
        result["frames_per_s_per_core"] = {
            name: found["frames_per_s"]
            for name, found in result["backends"].items()
            if isinstance(found, dict) and "frames_per_s" in found
        }
    print(json.dumps(result))


def _part(part: str, folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    folder.mkdir()
    if part == "load":
        return load.measure(folder, args.candidates, args.seconds)
    if part == "live":
        return live.measure(folder, args.live, args.videos)
    if part == "sessions":
        return sessions.measure(folder, args.minutes, args.repeats, args.seed)
    if part == "sound":
        return hearing.measure(folder, args.minutes, args.repeats, args.seed, args.voices)
    if part == "filmed":
        return filmed.measure(folder, args.films)
    if part == "documents":
        return documents.measure(folder)
    if part == "screen":
        return reading.measure(folder, args.minutes, args.repeats, args.seed)
    # A process of its own: it keeps itself on one core.
    command = [sys.executable, "-m", "benchmarks.vision.backends", "--toy"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":  # the processes that play sessions import this module
    main()
