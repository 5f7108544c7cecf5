"""Closing sockets from our side.

Engine.IO's own `disconnect` waits until everything queued was sent, which never happens when the
browser is gone already; here nobody waits.
"""

from __future__ import annotations

from flask_socketio import SocketIO


def hang_up(socketio: SocketIO, eio_sid: str | None) -> None:
    """Close one connection; one that is gone already is fine."""
    engine = socketio.server.eio
    connection = engine.sockets.get(eio_sid)
    if connection is not None:
        connection.close(wait=False, reason=engine.reason.SERVER_DISCONNECT)


def hang_up_guest(socketio: SocketIO, sid: str) -> None:
    """Close the connection of one Socket.IO client."""
    hang_up(socketio, socketio.server.manager.eio_sid_from_sid(sid, "/"))


def hang_up_all(socketio: SocketIO) -> None:
    """Close every connection; browsers come back by themselves when the process is up again."""
    for eio_sid in list(socketio.server.eio.sockets):
        hang_up(socketio, eio_sid)
