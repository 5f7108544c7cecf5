"""Debian's Janus as a peer to measure against: its configuration, and its videoroom over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from pathlib import Path
from typing import Any

import aiohttp

PLUGINS = "/usr/lib/x86_64-linux-gnu/janus"
OTHERS = (
    "audiobridge duktape echotest lua nosip recordplay sip streaming textroom videocall voicemail"
)
TRANSPORTS = "websockets mqtt nanomsg pfunix rabbitmq"
JANUS = """general: {{
  configs_folder = "{folder}"
  plugins_folder = "{plugins}/plugins"
  transports_folder = "{plugins}/transports"
  events_folder = "{plugins}/events"
  loggers_folder = "{plugins}/loggers"
  interface = "{address}"
  debug_level = 3
  session_timeout = 300
  admin_secret = "bench"
}}
media: {{ ipv6 = false  rtp_port_range = "20000-40000" }}
nat: {{ ice_enforce_list = "{interface}"  full_trickle = false  ice_lite = true }}
plugins: {{ disable = "{disabled}" }}
transports: {{ disable = "{silenced}" }}
events: {{ broadcast = false }}
"""
HTTP = """general: {{
  json = "compact"
  base_path = "/janus"
  http = true
  port = {port}
  ip = "127.0.0.1"
  https = false
}}
admin: {{ admin_http = false }}
"""


def configure(folder: Path, address: str, interface: str, port: int) -> None:
    """Write a configuration with nothing but the videoroom."""
    folder.mkdir(parents=True)
    text = JANUS.format(
        folder=folder,
        plugins=PLUGINS,
        address=address,
        interface=interface,
        disabled=",".join(f"libjanus_{name}.so" for name in OTHERS.split()),
        silenced=",".join(f"libjanus_{name}.so" for name in TRANSPORTS.split()),
    )
    (folder / "janus.jcfg").write_text(text)
    (folder / "janus.transport.http.jcfg").write_text(HTTP.format(port=port))
    (folder / "janus.plugin.videoroom.jcfg").write_text("general: { string_ids = false }\n")


class Handle:
    """One session with one videoroom handle."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self._http = http
        self._url = url
        self._events: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._session = 0
        self._handle = 0
        self._poller: asyncio.Task[None] | None = None

    async def open(self) -> None:
        answer = await self._post("", janus="create")
        self._session = answer["data"]["id"]
        self._poller = asyncio.create_task(self._poll())
        answer = await self._post(
            f"/{self._session}", janus="attach", plugin="janus.plugin.videoroom"
        )
        self._handle = answer["data"]["id"]

    async def _post(self, path: str, **body: Any) -> dict[str, Any]:
        body.setdefault("transaction", secrets.token_hex(8))
        async with self._http.post(self._url + path, json=body) as response:
            answer: dict[str, Any] = await response.json()
        return answer

    async def _poll(self) -> None:
        while True:
            async with self._http.get(f"{self._url}/{self._session}?maxev=10") as response:
                events = await response.json()
            for event in events if isinstance(events, list) else [events]:
                waiting = self._events.get(event.get("transaction", ""))
                if waiting is not None and not waiting.done():
                    waiting.set_result(event)

    async def ask(self, jsep: dict[str, str] | None = None, **body: Any) -> dict[str, Any]:
        """Send a request to the room; return the event that answers it."""
        transaction = secrets.token_hex(8)
        self._events[transaction] = asyncio.get_running_loop().create_future()
        message: dict[str, Any] = {"janus": "message", "body": body, "transaction": transaction}
        if jsep is not None:
            message["jsep"] = jsep
        answer = await self._post(f"/{self._session}/{self._handle}", **message)
        if answer["janus"] == "ack":
            answer = await asyncio.wait_for(self._events[transaction], 15)
        data = answer.get("plugindata", {}).get("data", {})
        if answer["janus"] == "error" or "error" in data:
            raise RuntimeError(str(answer))
        return answer

    async def close(self) -> None:
        if self._poller is not None:
            self._poller.cancel()
        with contextlib.suppress(aiohttp.ClientError):
            await self._post(f"/{self._session}", janus="destroy")
