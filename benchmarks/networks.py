"""Computers on networks of their own: namespaces with a cable that can be cut, or changed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

#: Runs at the same time, and what a killed one left behind, must not meet: each has its addresses.
_RUN = os.getpid() % 250

#: Where the installation is, whichever way a computer comes.
HOUSE = f"10.79.{_RUN}.1"
NOWHERE = "02:00:00:00:00:99"


def ip(*words: str) -> None:
    """Run `ip`."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


def allowed() -> bool:
    """Tell whether this machine lets us make networks."""
    name = f"ph-try-{os.getpid()}"
    if subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False).returncode:
        return False
    try:
        ip("link", "add", f"t{os.getpid()}", "type", "veth", "peer", "name", "x", "netns", name)
    except subprocess.CalledProcessError:
        return False
    finally:
        ip("netns", "del", name)
    return True


def page_of(url: str) -> str:
    """The switch that lets Chromium open cameras on a page of an installation at `HOUSE`."""
    return f"--unsafely-treat-insecure-origin-as-secure={url}"


@contextmanager
def house_address(port: int, media_port: int) -> Iterator[dict[str, str]]:
    """Give this machine the address `HOUSE`; yields an installation's settings for it."""
    ip("addr", "add", f"{HOUSE}/32", "dev", "lo")
    try:
        yield {
            "host": "0.0.0.0",
            "media_host": "0.0.0.0",
            "media_addresses": HOUSE,
            "public_url": f"http://{HOUSE}:{port}",
            "media_public_url": f"http://{HOUSE}:{media_port}",
        }
    finally:
        ip("addr", "del", f"{HOUSE}/32", "dev", "lo")


class Uplink:
    """One cable from a namespace to the installation's machine."""

    def __init__(self, namespace: str, number: int) -> None:
        self._namespace = namespace
        self._host, self._device = f"ph{number}h{os.getpid() % 10_000}", f"eth{number}"
        network = f"10.{80 + number}.{_RUN}"
        self._gateway, self.address = f"{network}.1", f"{network}.2"
        inside = ["type", "veth", "peer", "name", self._device, "netns", namespace]
        ip("link", "add", self._host, *inside)
        ip("addr", "add", f"{self._gateway}/24", "dev", self._host)
        ip("link", "set", self._host, "up")

    def _inside(self, *words: str) -> None:
        ip("-n", self._namespace, *words)

    def plug(self) -> None:
        """Come up with an address and the way out."""
        self._inside("link", "set", self._device, "up")
        self._inside("addr", "add", f"{self.address}/24", "dev", self._device)
        self._inside("route", "add", "default", "via", self._gateway)

    def unplug(self) -> None:
        """Go down: the address and the way out are gone."""
        self._inside("addr", "flush", "dev", self._device)
        self._inside("link", "set", self._device, "down")

    def swallow(self) -> None:
        """Lose every packet, both ways, without anybody being told."""
        dead = ("lladdr", NOWHERE, "nud", "permanent")
        self._inside("neigh", "replace", self._gateway, "dev", self._device, *dead)
        ip("neigh", "replace", self.address, "dev", self._host, *dead)

    def heal(self) -> None:
        """Let packets through again."""
        self._inside("neigh", "del", self._gateway, "dev", self._device)
        ip("neigh", "del", self.address, "dev", self._host)

    def narrow(self, kbit: int, queue_ms: int = 1000) -> None:
        """Carry no more than `kbit` a second out of the namespace; what waits longer is dropped."""
        limit = ("rate", f"{kbit}kbit", "burst", "4kb", "latency", f"{queue_ms}ms")
        self._shape(("ip", "netns", "exec", self._namespace, "tc"), self._device, limit)

    def narrow_back(self, kbit: int, queue_ms: int = 1000) -> None:
        """The same into the namespace."""
        limit = ("rate", f"{kbit}kbit", "burst", "4kb", "latency", f"{queue_ms}ms")
        self._shape(("tc",), self._host, limit)

    def _shape(self, tc: tuple[str, ...], device: str, limit: tuple[str, ...]) -> None:
        command = [*tc, "qdisc", "replace", "dev", device, "root", "tbf", *limit]
        subprocess.run(command, check=True, capture_output=True)

    def remove(self) -> None:
        """Take the cable away."""
        ip("link", "del", self._host)


class Computer:
    """A namespace with two cables, of which one is plugged in, and a Chromium that runs in it."""

    def __init__(self, folder: Path) -> None:
        self.name = f"ph-{os.getpid()}"
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")
        self.cable, self.other_cable = (Uplink(self.name, number) for number in (1, 2))
        self.cable.plug()
        self.chromium = folder / "chromium"
        self.chromium.write_text(f'#!/bin/sh\nexec ip netns exec {self.name} chromium "$@"\n')
        self.chromium.chmod(0o755)

    def remove(self) -> None:
        """Take everything away."""
        for cable in (self.cable, self.other_cable):
            cable.remove()
        ip("netns", "del", self.name)
