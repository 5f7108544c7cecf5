"""The web process as it is run: gunicorn, one worker, threads."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import requests
import websocket
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from proctorhub.cli.rehearsal import house
from proctorhub.config import Settings
from proctorhub.records.base import utc_now
from proctorhub.services import runtime
from proctorhub.web.server import GRACEFUL_S
from tests.waiting import PATIENCE_S

SERVE = """
import sys
from proctorhub.config import Settings
from proctorhub.web.server import main
main(Settings.model_validate_json(sys.argv[1]))
"""


def command(settings: Settings) -> list[str]:
    return [sys.executable, "-c", SERVE, settings.model_dump_json()]


@dataclass
class Process:
    """A running web process."""

    popen: subprocess.Popen[str]
    url: str

    def stop(self, patience: float = PATIENCE_S) -> tuple[int, float]:
        """Send SIGTERM; returns the exit status and how long it took."""
        began = time.monotonic()
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(patience), time.monotonic() - began


@pytest.fixture
def serve(database: runtime.Runtime, settings: Settings) -> Iterator[Callable[..., Process]]:
    running: list[Process] = []

    def start(**changes: object) -> Process:
        (port,) = house.free_ports(1)
        small = {"port": port, "socket_limit": 4, "web_threads": 8, **changes}
        own = settings.model_copy(update=small)
        popen = subprocess.Popen(command(own), stderr=subprocess.PIPE, text=True)
        process = Process(popen, f"{own.scheme}://127.0.0.1:{own.port}")
        running.append(process)
        deadline = time.monotonic() + PATIENCE_S
        while not _answers(process.url):
            assert popen.poll() is None, popen.stderr.read()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return process

    yield start
    for process in running:
        if process.popen.poll() is None:
            process.popen.kill()
            process.popen.wait(PATIENCE_S)
        process.popen.stderr.close()


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=5, verify=False).ok
    except requests.RequestException:
        return False


def self_signed(settings: Settings) -> None:
    """Make a certificate for localhost where the web process looks for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = utc_now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    folder = settings.path("tls")
    folder.mkdir()
    pem = serialization.Encoding.PEM
    (folder / "cert.pem").write_bytes(certificate.public_bytes(pem))
    plain = serialization.NoEncryption()
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(private)


def open_socket(url: str, cookie: str, origin: str | None = None) -> websocket.WebSocket:
    """Open a live socket and wait until it has been let in."""
    opened = websocket.create_connection(
        url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
        cookie=cookie,
        origin=origin or url,
        timeout=PATIENCE_S,
        sslopt={"cert_reqs": ssl.CERT_NONE},
    )
    assert opened.recv().startswith("0")
    opened.send("40")
    assert opened.recv().startswith("40")
    return opened


def test_it_serves_and_stops_at_once_with_pages_open(serve, person):
    cookie = "proctorhub=" + person("ada", "admin").http.get_cookie("proctorhub").value
    process = serve()
    sockets = [open_socket(process.url, cookie) for _ in range(2)]
    with pytest.raises(websocket.WebSocketBadStatusException):
        open_socket(process.url, cookie, origin="https://evil.example")
    following = requests.get(
        f"{process.url}/api/v1/proctoring/live", headers={"Cookie": cookie}, stream=True, timeout=20
    )
    assert next(following.iter_lines()) == b": following"

    status, took = process.stop()
    assert (status, took < GRACEFUL_S) == (0, True)
    for opened in sockets:
        opened.close(timeout=0)
    for line in process.popen.stderr:
        assert json.loads(line)["level"], line


def test_sockets_do_not_starve_requests(serve, person):
    cookie = "proctorhub=" + person("ada", "candidate").http.get_cookie("proctorhub").value
    process = serve()
    sockets = [open_socket(process.url, cookie) for _ in range(4)]
    for _ in range(20):
        assert requests.get(f"{process.url}/api/v1/time", timeout=PATIENCE_S).ok
    sockets.append(
        websocket.create_connection(
            process.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
            cookie=cookie,
            timeout=PATIENCE_S,
        )
    )
    sockets[-1].recv()
    sockets[-1].send("40")
    refusal = sockets[-1].recv()
    assert refusal.startswith("44")
    assert json.loads(refusal[2:])["data"] == {"code": "sockets_full"}
    for opened in sockets:
        opened.close(timeout=0)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_live_sockets_work_over_tls(serve, person, settings):
    cookie = "proctorhub=" + person("ada", "candidate").http.get_cookie("proctorhub").value
    self_signed(settings)
    process = serve(tls=True)
    assert process.url.startswith("https://")
    opened = open_socket(process.url, cookie)
    for number in range(20):
        opened.send(f'42{number}["watch_own",{{}}]')
    answers = {opened.recv() for _ in range(20)}
    assert answers == {f'43{number}[{{"ok":true}}]' for number in range(20)}
    opened.close(timeout=0)
    browser = person("ben", "candidate")
    cookie = "proctorhub=" + browser.http.get_cookie("proctorhub").value
    asked = requests.post(
        f"{process.url}/api/v1/tickets/check",
        json={},
        headers={**browser.headers, "Cookie": cookie},
        verify=False,
        timeout=PATIENCE_S,
    )
    assert asked.status_code == 200
    assert process.stop()[0] == 0


def test_a_body_over_the_limit_gets_its_answer(serve):
    process = serve()
    for size in (100_000, 20_000_000):
        answer = requests.post(
            f"{process.url}/api/v1/login",
            data=b"x" * size,
            headers={"Content-Type": "application/json"},
            timeout=20,
        )
        assert (answer.status_code, answer.json()["code"]) == (413, "too_large"), size


def test_a_taken_port_is_told_in_one_line(settings):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        own = settings.model_copy(update={"port": port})
        refused = subprocess.run(command(own), capture_output=True, text=True, timeout=PATIENCE_S)
    assert refused.returncode == 1
    line = f"proctorhub web: cannot listen on 127.0.0.1:{port}: Address already in use"
    assert (refused.stdout + refused.stderr).strip() == line
