"""Tells any system of conclusions and finished recordings by signed HTTP POSTs.

The request is signed as Standard Webhooks 1.0 describes ("Signature scheme", symmetric): its
headers are `webhook-id`, `webhook-timestamp` and
`webhook-signature: v1,` + base64(HMAC-SHA256(key, "id.timestamp.body")).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests

from proctorhub.plugins import DeliveryFailed, PluginError

TIMEOUT_S = (5, 15)
SHORTEST_SECRET = 24
PREFIX = "whsec_"


class WebhookConnector:
    """Posts to `options["url"]`, signed with `options["secret"]`."""

    api_version = 1

    def __init__(self, options: Mapping[str, Any], data_dir: Path) -> None:
        """Raises PluginError when only half of the options is there, or the secret is no good."""
        self._url = str(options.get("url", ""))
        self._key = key_of(str(options.get("secret", "")))
        if self._url and not self._url.startswith(("http://", "https://")):
            raise PluginError("setting plugins.webhook.url: must start with http:// or https://")
        if self._url and len(self._key) < SHORTEST_SECRET:
            raise PluginError(
                f"setting plugins.webhook.secret: needs at least {SHORTEST_SECRET} bytes"
            )

    @property
    def configured(self) -> bool:
        """Tell whether there is anybody to tell."""
        return bool(self._url)

    def send_verdict(self, message_id: str, payload: Mapping[str, Any]) -> None:
        """Deliver one conclusion; only a 2xx answer counts. Raises DeliveryFailed."""
        self._post(message_id, payload)

    def send_event(self, message_id: str, payload: Mapping[str, Any]) -> None:
        """Deliver other news in the same way. Raises DeliveryFailed."""
        self._post(message_id, payload)

    def _post(self, message_id: str, payload: Mapping[str, Any]) -> None:
        body = json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()
        timestamp = str(int(time.time()))
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": timestamp,
            "webhook-signature": signature(self._key, message_id, timestamp, body),
        }
        try:
            answer = requests.post(
                self._url, data=body, headers=headers, timeout=TIMEOUT_S, allow_redirects=False
            )
        except requests.RequestException as error:
            raise DeliveryFailed(type(error).__name__) from error
        if answer.status_code == 410:
            raise DeliveryFailed("the receiver answered 410 Gone", permanent=True)
        if not 200 <= answer.status_code < 300:
            raise DeliveryFailed(f"the receiver answered {answer.status_code}")


def key_of(secret: str) -> bytes:
    """Return the key that a secret stands for.

    Behind `whsec_` it is in base64, padded or not, as Standard Webhooks 1.0 serialises secrets
    ("Signature scheme"); without, it is the text itself. Raises PluginError for anything but
    base64 behind the prefix.
    """
    if not secret.startswith(PREFIX):
        return secret.encode()
    encoded = secret.removeprefix(PREFIX).rstrip("=")
    try:
        return base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except ValueError as error:
        raise PluginError(
            f"setting plugins.webhook.secret: needs base64 behind {PREFIX}"
        ) from error


def signature(key: bytes, message_id: str, timestamp: str, body: bytes) -> str:
    """Return the value of the `webhook-signature` header."""
    signed = message_id.encode() + b"." + timestamp.encode() + b"." + body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()
