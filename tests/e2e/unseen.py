"""A running exam made by requests alone, for tests of what a page does with keys and presses."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from playwright.sync_api import Browser, Page

from tests.e2e import steps
from tests.e2e.conftest import Server

_CALL = """async ([path, body]) => {
  const { get, post } = await import("/static/js/lib/api.js");
  return body === null ? get(path) : post(path, body);
}"""
_STILL = """async ([session, purpose]) => {
  const { post } = await import("/static/js/lib/api.js");
  const { jpeg } = await import("/static/js/media/stills.js");
  const canvas = document.createElement("canvas");
  canvas.getContext("2d").fillRect(0, 0, 50, 50);
  const form = new FormData();
  form.set("image", await jpeg(canvas), "still.jpg");
  form.set("source", "camera");
  form.set("purpose", purpose);
  return (await post(`/sessions/${session}/stills`, form)).id;
}"""


class Running:
    """A running exam: the candidate's and the proctor's page, each signed in, and what they ask."""

    def __init__(
        self, server: Server, browser: Browser, sign_in: Callable[..., Page], **context: Any
    ) -> None:
        proctor, candidate = server.new_user("proctor"), server.new_user("candidate")
        exam = steps.new_exam(server, proctor, candidate)
        self.server = server
        self.candidate = sign_in(browser, candidate, **context)
        self.proctor = sign_in(browser, proctor, **context)
        joined = call(self.candidate, "/sessions", {"exam_id": exam["id"]})
        self.id = str(joined["session_id"])
        self._run()

    def _run(self) -> None:
        agreed = self.sit("consent")
        self.sit("consent", {"version": agreed["version"], "sha256": agreed["sha256"]})
        self.sit("equipment", {"results": [{"name": "camera", "ok": True}]})
        self.sit("check-in", {})
        self.sit("ready", {})
        self.desk("take", {})
        self.desk("identify", {})
        stills = {
            f"{purpose}_still": self.proctor.evaluate(_STILL, [self.id, purpose])
            for purpose in ("document", "face")
        }
        self.desk("approve", stills)
        self.sit("start", {})

    def sit(self, what: str, body: Any = None) -> Any:
        """Ask as the candidate; with a body it is told."""
        return call(self.candidate, f"/sessions/{self.id}/{what}", body)

    def desk(self, what: str, body: Any = None) -> Any:
        """Ask as the proctor; with a body it is told."""
        return call(self.proctor, f"/sessions/{self.id}/{what}", body)

    def noticed(self, kind: str, **more: Any) -> None:
        """Tell what the candidate's page would have noticed just now."""
        at = steps.text(datetime.now(UTC))
        self.sit("signals", {"signals": [{"kind": kind, "at": at, **more}]})

    def console(self) -> Page:
        """Open the proctor's console."""
        self.proctor.goto(f"{self.server.url}/desk/{self.id}")
        steps.state(self.proctor, "console", "running")
        return self.proctor

    def decided(self) -> dict[str, str]:
        """Return what people decided, by detector."""
        items = self.server.api("GET", f"/sessions/{self.id}/incidents")["items"]
        return {i["detector"]: i["decision"]["value"] for i in items if i["decision"]}


def call(page: Page, path: str, body: Any = None) -> Any:
    """Ask the API as whoever is signed in on a page."""
    return page.evaluate(_CALL, [path, body])


def unhurried(page: Page) -> None:
    """Let as much time pass as somebody needs to read what they are shown."""
    shown = page.evaluate("performance.now()")
    page.wait_for_function("shown => performance.now() > shown + 500", arg=shown)
