"""The server: a Unix socket, a thread per connection, and an orderly stop."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import threading
import time
from pathlib import Path

from . import administration, grouping, joins, queries, writes  # noqa: F401 - registers the commands and stages
from .commands import Session, run_command
from .cursors import Cursors
from .housekeeping import Housekeeper
from .storage import Storage
from .wire import ProtocolError, Requests, encode_reply

_BACKLOG = 256
_GRACE_SECONDS = 5.0


class SocketInUse(Exception):
    """Another process answers on the socket; the text is one line that says so."""


class Server:
    """Serves one storage on one Unix socket."""

    def __init__(self, storage: Storage, socket_path: Path) -> None:
        self._storage = storage
        self._path = socket_path
        self._cursors = Cursors()
        self._session = Session(storage, self._cursors, time.monotonic())
        self._housekeeper = Housekeeper(storage, self._cursors)
        self._listener = listen(socket_path)
        self._busy: set[socket.socket] = set()
        self._stopping = False

    def serve(self) -> None:
        """Accept connections until `stop` is called, then finish the commands in progress."""
        self._housekeeper.start()
        with contextlib.suppress(OSError):
            while not self._stopping:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._talk, args=(connection,), daemon=True).start()
        self._finish()

    def stop(self) -> None:
        """Make `serve` return. May be called from a signal handler or another thread."""
        self._stopping = True
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)

    def _finish(self) -> None:
        self._listener.close()
        self._path.unlink(missing_ok=True)
        self._housekeeper.stop()
        end = time.monotonic() + _GRACE_SECONDS
        while self._busy and time.monotonic() < end:
            time.sleep(0.01)

    def _talk(self, connection: socket.socket) -> None:
        requests, replies = Requests(connection), itertools.count(1)
        try:
            while (request := requests.next()) is not None and not self._stopping:
                self._busy.add(connection)
                reply = run_command(self._session, request.body)
                if request.wants_reply:
                    connection.sendall(encode_reply(request, next(replies), reply))
                self._busy.discard(connection)
        except (ProtocolError, OSError):
            pass  # a client that breaks off or speaks something else only loses its connection
        finally:
            self._busy.discard(connection)
            connection.close()


def listen(path: Path) -> socket.socket:
    """Return a listening socket at `path`, mode 0700 from its first moment.

    It is bound under a private name and moved, so who can see it can connect. Raises SocketInUse.
    """
    if path.exists():
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(path))
            raise SocketInUse(f"another server answers on {path}")
    listener = socket.socket(socket.AF_UNIX)
    private = path.with_name(f".{path.name}.{os.getpid()}")
    private.unlink(missing_ok=True)
    mask = os.umask(0o077)
    try:
        listener.bind(str(private))
    finally:
        os.umask(mask)
    private.chmod(0o700)
    listener.listen(_BACKLOG)
    private.rename(path)
    return listener
