"""The line between a page and the server: it can be cut, and answer in the server's place."""

from __future__ import annotations

import json
from collections.abc import Callable

from playwright.sync_api import Page, WebSocketRoute

#: How Socket.IO begins what a page sends and what it gets back.
JOIN, EVENT, ANSWER, JOIN_REFUSED = "40", "42", "43", "44"


Answer = Callable[[str], str]


class Line:
    """What stands between a page's sockets and the server."""

    def __init__(self, page: Page) -> None:
        self.cut = False
        self.sent: list[list[str]] = []
        self._refused: tuple[str, Answer] | None = None
        self._open: list[WebSocketRoute] = []
        page.route_web_socket("**/socket.io/**", self._opened)

    def _opened(self, page_side: WebSocketRoute) -> None:
        if self.cut:
            page_side.close()
            return
        sent: list[str] = []
        self.sent.append(sent)
        self._open.append(page_side)
        server_side = page_side.connect_to_server()

        def pass_on(message: str | bytes) -> None:
            sent.append(str(message))
            if self._refused is None or self._refused[0] not in str(message)[:40]:
                server_side.send(message)
            elif answer := self._refused[1](str(message)):
                page_side.send(answer)

        page_side.on_message(pass_on)

    def refuse(self, begin: str, answer: Answer) -> None:
        """Answer what begins like this in the server's place; an empty answer is none."""
        self._refused = begin, answer

    def allow(self) -> None:
        """Let everything pass again."""
        self._refused = None

    def tell(self, name: str, data: object) -> None:
        """Send the page a live event."""
        self._open[-1].send(EVENT + json.dumps([name, data]))

    def hang_up(self) -> None:
        """Close what is open, and let nobody in while `cut`."""
        self.cut = True
        for page_side in self._open:
            page_side.close()


def event(sent: str) -> str:
    """Return the name of the event that a page sent."""
    return str(json.loads(sent[sent.index("[") :])[0])


def problem(sent: str) -> str:
    """Return the acknowledgement of an event that the server refuses."""
    number = sent[len(EVENT) : sent.index("[")]
    return ANSWER + number + json.dumps([{"status": 429, "detail": "Wait a moment."}])


def full(sent: str) -> str:
    """Return what a server says that holds as many connections as it can."""
    return JOIN_REFUSED + json.dumps({"message": "No room.", "data": {"code": "sockets_full"}})
