"""Looks into recorded segments with ffmpeg's libraries."""

from __future__ import annotations

import itertools
import json
import subprocess
from pathlib import Path
from typing import Any

import av
import numpy as np
from playwright.sync_api import sync_playwright

_PLAYS = """async (address) => {
  const video = document.createElement("video");
  video.muted = true;
  video.src = address;
  document.body.append(video);
  const ended = new Promise((resolve) => {
    video.onended = () => resolve("ended");
    video.onerror = () => resolve(`error ${video.error.code}: ${video.error.message}`);
  });
  video.play();
  const how = await ended;
  const { totalVideoFrames: frames } = video.getVideoPlaybackQuality();
  return { how, width: video.videoWidth, height: video.videoHeight, seconds: video.currentTime,
           frames };
}"""


def probe(path: Path) -> dict[str, Any]:
    """Return what ffprobe says; fails on any complaint of it."""
    done = subprocess.run(
        [
            "ffprobe",
            "-v",
            "error",
            "-count_frames",
            "-show_entries",
            "stream=codec_name,codec_type,width,height,nb_read_frames:frame=key_frame",
            "-select_streams",
            "v:0",
            "-show_frames",
            "-of",
            "json",
            str(path),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "", done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def onsets(paths: list[Path]) -> tuple[list[float], list[float]]:
    """Return the times of flashes and clicks, seconds on the session's timeline."""
    light, sound = [], []
    decoder = av.CodecContext.create("libopus", "r")
    for path in paths:
        with av.open(str(path)) as container:
            for packet in container.demux():
                if packet.pts is None:
                    continue
                if packet.stream.type == "video":
                    for frame in packet.decode():
                        grey = frame.to_ndarray(format="gray")
                        light.append((float(frame.pts * frame.time_base), float(grey.mean())))
                else:
                    at = float(packet.pts * packet.time_base)
                    for frame in decoder.decode(av.Packet(bytes(packet))):
                        wave = frame.to_ndarray().astype(np.float64)
                        for part, piece in enumerate(np.array_split(wave.ravel(), 4)):
                            sound.append((at + part * 0.005, float(np.sqrt((piece**2).mean()))))
    loud = max(level for _, level in sound) * 0.4
    return _rising(light, 170.0), _rising(sound, loud)


def _rising(levels: list[tuple[float, float]], threshold: float) -> list[float]:
    found: list[float] = []
    for (_, before), (at, level) in itertools.pairwise(levels):
        if before <= threshold < level and (not found or at - found[-1] > 0.5):
            found.append(at)
    return found


def chromium_plays(paths: list[Path]) -> list[dict[str, Any]]:
    """Play each file in Chromium's `<video>`; return how it ended and what was seen."""
    addresses: dict[str, Path] = {f"/{n}.webm": path for n, path in enumerate(paths)}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.route(
            "http://segments.example/**",
            lambda route: (
                route.fulfill(body="<body>", content_type="text/html")
                if route.request.url.endswith("/")
                else route.fulfill(
                    body=addresses["/" + route.request.url.rsplit("/", 1)[1]].read_bytes(),
                    content_type="video/webm",
                )
            ),
        )
        page.goto("http://segments.example/")
        played = [page.evaluate(_PLAYS, address) for address in addresses]
        browser.close()
    return played
