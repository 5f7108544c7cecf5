"""UDP sockets of all connections, read together a few dozen times a second.

A socket that wakes the process for each packet pays for the wake-up, an empty second read and cold
caches: several times what handling the packet costs. A packet waits `EVERY_S` at most.
"""

from __future__ import annotations

import asyncio
import select
import socket
import time
from collections.abc import Callable
from typing import Any

import structlog

from proctorhub.media import batch
from proctorhub.media.batch import AT_ONCE, Address

log = structlog.get_logger(__name__)

#: How often sockets are read: a reading costs more than its packets, as caches are cold by then.
EVERY_S = 0.05
#: What comes between two reads has to fit; the kernel may grant less.
RECEIVE_BUFFER = 1 << 20
#: Anybody can send what nobody can take: it is logged no more often, for each socket.
LOG_EVERY_S = 10.0
#: Of one socket so much is taken at once: who sends faster than that is read must not be all that
#: is read. At `EVERY_S` it is ten thousand packets a second.
MOST_BATCHES = 32


class BatchedSocket:
    """Takes over the socket of an asyncio datagram transport, and stands in for it.

    `take(place, size, arrived_s)` gets each datagram: its place in `batch.inbox`, where its bytes
    are until `take` returns, and when the kernel got it (UTC seconds). It must not read sockets.
    What it raises costs that datagram alone, not those behind it nor other sockets.
    """

    def __init__(
        self,
        transport: asyncio.DatagramTransport,
        protocol: asyncio.DatagramProtocol,
        take: Callable[[int, int, float], None],
    ) -> None:
        # The copy keeps the port open when the transport closes, with its reader, the original.
        self._socket = socket.socket(fileno=socket.dup(transport.get_extra_info("socket").fileno()))
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        batch.prepare(self._socket)
        transport.set_protocol(asyncio.DatagramProtocol())
        transport.close()
        self._protocol = protocol
        self._take = take
        self._closing = False
        self._failed = 0
        self._log_again_s = 0.0
        self._reader = _Reader.of(asyncio.get_running_loop())
        self._reader.add(self._socket.fileno(), self.read)

    def read(self) -> None:
        """Take what has come, now; of very much the rest with the next reading."""
        for _ in range(MOST_BATCHES):
            if self._closing:
                return
            try:
                sizes = batch.receive(self._socket.fileno())
            except BlockingIOError:
                return
            except OSError as error:
                self._protocol.error_received(error)
                return
            for place, size in enumerate(sizes):
                try:
                    self._take(place, size, batch.arrived_s(place))
                except Exception:  # whatever a library raises at what a stranger sent
                    self._note_failure()
            if len(sizes) < AT_ONCE:
                return

    def _note_failure(self) -> None:
        self._failed += 1
        now = time.monotonic()
        if now >= self._log_again_s:
            log.exception("datagram_failed", so_far=self._failed)
            self._log_again_s = now + LOG_EVERY_S

    def sendto(self, data: bytes, address: Address | None = None) -> None:
        """Send a datagram; the network may lose it, and so may a full socket."""
        if self._closing or address is None:
            return
        try:
            self._socket.sendto(data, address)
        except BlockingIOError:
            return
        except OSError as error:
            self._protocol.error_received(error)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what asyncio's transports know by this name, as far as it is asked for."""
        return {"socket": self._socket, "sockname": self._socket.getsockname()}.get(name, default)

    def is_closing(self) -> bool:
        """Return whether the socket is closed."""
        return self._closing

    def close(self) -> None:
        """Close the socket; the protocol hears of it as from a transport."""
        if self._closing:
            return
        self._closing = True
        self._reader.remove(self._socket.fileno())
        self._socket.close()
        asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)


class _Reader:
    """Reads the sockets of one loop; awake only while there are some."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._read: dict[int, Callable[[], None]] = {}
        self._ready = select.epoll()
        self._timer: asyncio.TimerHandle | None = None

    @classmethod
    def of(cls, loop: asyncio.AbstractEventLoop) -> _Reader:
        """Return the reader of a loop."""
        if loop not in _readers:
            _readers[loop] = cls(loop)
        return _readers[loop]

    def add(self, descriptor: int, read: Callable[[], None]) -> None:
        """Call `read` whenever there is something to read."""
        self._read[descriptor] = read
        self._ready.register(descriptor, select.EPOLLIN)
        if self._timer is None:
            self._wait()

    def remove(self, descriptor: int) -> None:
        """Forget a socket that is about to be closed."""
        self._ready.unregister(descriptor)
        del self._read[descriptor]
        if not self._read:
            assert self._timer is not None
            self._timer.cancel()
            self._ready.close()
            del _readers[self._loop]

    def _wait(self) -> None:
        self._timer = self._loop.call_later(EVERY_S, self._go_round)

    def _go_round(self) -> None:
        self._wait()
        for descriptor, _ in self._ready.poll(0):
            read = self._read.get(descriptor)  # the one before may have closed it
            if read is not None:
                read()


_readers: dict[asyncio.AbstractEventLoop, _Reader] = {}
