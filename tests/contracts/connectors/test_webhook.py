"""The webhook connector against a real HTTP server."""

from __future__ import annotations

import base64
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from proctorhub.plugins import Connector, DeliveryFailed, PluginError, load

SECRET = "a secret of more than 24 letters"
#: As short as may be, and no text.
KEY = bytes(range(232, 256))


class Receiver:
    """Keeps what it is sent and answers as it is told."""

    def __init__(self) -> None:
        self.answer = 204
        self.got: list[tuple[dict[str, str], bytes]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                outer.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(outer.answer)
                self.send_header("location", "/elsewhere")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Listen no more; may be called again."""
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.stop()


def connector(tmp_path, **options: str) -> Connector:
    made: Connector = load("connector", "webhook")(options, tmp_path)
    assert isinstance(made, Connector)
    return made


def _encoded(key: bytes) -> str:
    return base64.b64encode(key).decode()


@pytest.mark.parametrize("door", ["send_verdict", "send_event"])
@pytest.mark.parametrize(
    ("secret", "receivers"),
    [
        (f"whsec_{_encoded(KEY)}", f"whsec_{_encoded(KEY)}"),
        (f"whsec_{_encoded(KEY + b'!')}", f"whsec_{_encoded(KEY + b'!')}"),
        (f"whsec_{_encoded(KEY + b'!').rstrip('=')}", f"whsec_{_encoded(KEY + b'!')}"),
        (SECRET, _encoded(SECRET.encode())),
        (_encoded(KEY), _encoded(_encoded(KEY).encode())),
    ],
    ids=["prefixed", "padded", "unpadded", "text", "text that could be base64"],
)
def test_a_standard_webhooks_library_takes_it(receiver, tmp_path, door, secret, receivers) -> None:
    made = connector(tmp_path, url=receiver.url, secret=secret)
    getattr(made, door)("id-1", {"b": 1, "a": "ü"})
    ((headers, body),) = receiver.got
    assert Webhook(receivers).verify(body, headers) == {"a": "ü", "b": 1}
    assert headers["webhook-id"] == "id-1"
    for changed in ({"webhook-id": "id-2"}, {"webhook-timestamp": str(int(time.time()) - 60)}):
        with pytest.raises(WebhookVerificationError):
            Webhook(receivers).verify(body, headers | changed)


@pytest.mark.parametrize(
    ("answer", "permanent"), [(301, False), (400, False), (410, True), (500, False)]
)
def test_anything_but_2xx_is_not_delivered(receiver, tmp_path, answer, permanent) -> None:
    receiver.answer = answer
    with pytest.raises(DeliveryFailed) as failed:
        connector(tmp_path, url=receiver.url, secret=SECRET).send_verdict("id-1", {})
    assert failed.value.permanent is permanent
    assert len(receiver.got) == 1


def test_nobody_listening_is_a_failed_delivery(receiver, tmp_path) -> None:
    receiver.stop()
    with pytest.raises(DeliveryFailed):
        connector(tmp_path, url=receiver.url, secret=SECRET).send_verdict("id-1", {})


def test_without_an_address_it_is_not_configured(tmp_path) -> None:
    assert connector(tmp_path).configured is False


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"url": "ftp://x", "secret": SECRET}, "url"),
        ({"url": "https://x"}, "secret"),
        ({"url": "https://x", "secret": "s"}, "secret"),
        ({"url": "https://x", "secret": f"whsec_{_encoded(KEY[1:])}"}, "secret: .* 24"),
        ({"url": "https://x", "secret": f"whsec_{'!' * 40}"}, "secret: .* base64"),
        ({"url": "https://x", "secret": f"whsec_{'ü' * 40}"}, "secret: .* base64"),
        ({"url": "https://x", "secret": f"whsec_{'A' * 41}"}, "secret: .* base64"),
    ],
)
def test_wrong_options_stop_the_start(tmp_path, options, named) -> None:
    with pytest.raises(PluginError, match=named):
        connector(tmp_path, **options)
