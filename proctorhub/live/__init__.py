"""The live plane: Socket.IO rooms and events, fed by the one follower of this process."""

from __future__ import annotations

import logging
from collections.abc import Callable

from flask import Flask
from flask_socketio import SocketIO
from prometheus_client import CollectorRegistry, Gauge

from proctorhub.config import Settings
from proctorhub.domain.permissions import Actor
from proctorhub.live import events, wire
from proctorhub.live.closing import hang_up_all
from proctorhub.live.door import MAX_MESSAGE, BoundedWebSocket, SocketDoor, own_origin
from proctorhub.live.follower import Follower
from proctorhub.live.gate import Gate
from proctorhub.live.housekeeping import Housekeeping
from proctorhub.live.presence import Presence
from proctorhub.live.pulse import Pulse
from proctorhub.live.push import FindActor, Pusher

Who = Callable[[], Actor | None]

# At INFO these libraries would log what people write to each other.
_log = logging.getLogger("proctorhub.live.socketio")
_log.setLevel(logging.WARNING)

#: How many live connections one person may hold: a few pages on a few machines.
PER_PERSON = 12

__all__ = ["Live"]


class Live:
    """Everything live of one web process."""

    def __init__(self, app: Flask, settings: Settings, who: Who, find_actor: FindActor) -> None:
        self.gate = Gate(settings.socket_limit, PER_PERSON)
        self.follower = Follower()
        self.presence = Presence()
        self.pulse = Pulse()
        self.socketio = SocketIO(
            app,
            async_mode="threading",
            transports=["websocket"],
            json=wire,
            manage_session=False,
            cors_allowed_origins=own_origin(settings.web_url),
            max_http_buffer_size=MAX_MESSAGE,
            ping_interval=20,
            ping_timeout=15,
            logger=_log,
            engineio_logger=_log,
        )
        engine = self.socketio.server.eio
        engine._async = {**engine._async, "websocket": BoundedWebSocket}
        app.wsgi_app = SocketDoor(app, app.wsgi_app, self.gate, who)  # type: ignore[method-assign]
        events.register(self.socketio, who, self.presence, self.pulse)
        self.follower.subscribe(Pusher(self.socketio, self.presence, find_actor))
        self.housekeeping = Housekeeping(self.socketio, self.presence, find_actor)

    @property
    def following(self) -> bool:
        """Whether news are being passed on."""
        return self.follower.alive

    def publish_metrics(self, registry: CollectorRegistry) -> None:
        """Offer the number of live connections to Prometheus."""
        held = Gauge("proctorhub_web_live_connections", "Live connections held", registry=registry)
        held.set_function(lambda: self.gate.count)
        limit = Gauge("proctorhub_web_live_limit", "Most live connections", registry=registry)
        limit.set(self.gate.limit)

    def start(self) -> None:
        """Begin following. Call it in the process that serves, after the fork."""
        self.follower.start()
        self.housekeeping.start()
        self.pulse.start()

    def stop(self) -> None:
        """Stop following and close all sockets, so that the process can end."""
        self.housekeeping.stop()
        self.pulse.stop()
        self.follower.stop()
        hang_up_all(self.socketio)
