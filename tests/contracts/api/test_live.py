"""Live events over real sockets: who hears what, how fast, and who is kept out."""

from __future__ import annotations

import json
import queue
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import socketio
import websocket
from flask import Flask
from werkzeug.serving import make_server

from proctorhub.config import Settings
from proctorhub.live import Live
from proctorhub.live.closing import hang_up
from proctorhub.live.wire import rfc3339
from proctorhub.records.base import utc_now
from proctorhub.records.incidents import Watch
from proctorhub.records.people import User
from proctorhub.services import accounts, chat, proctoring
from tests.waiting import PATIENCE_S, wait_for


class Socket:
    """One page's socket, with everything it heard."""

    def __init__(self, url: str, cookie: str):
        self.heard: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.everything: list[tuple[str, Any]] = []
        self.refusal: Any = None
        self.gone = threading.Event()
        self.io = socketio.Client(reconnection=False)
        for name in ("session", "entry", "exam", "availability"):
            self.io.on(name, lambda data, name=name: self.heard.put((name, data)))
        self.io.on("connect_error", self._refused)
        self.io.on("disconnect", lambda *_: self.gone.set())
        headers = {"Cookie": cookie}
        self.io.connect(url, headers=headers, transports=["websocket"], wait_timeout=PATIENCE_S)

    def _refused(self, data: Any) -> None:
        self.refusal = data

    def ask(self, event: str, data: Any = None) -> Any:
        return self.io.call(event, {} if data is None else data, timeout=PATIENCE_S)

    def hear(self, name: str, wanted: Callable[[Any], bool] = lambda data: True) -> Any:
        """Wait for an event."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            event, data = self.heard.get(timeout=max(0.01, deadline - time.monotonic()))
            self.everything.append((event, data))
            if event == name and wanted(data):
                return data

    def hear_kind(self, kind: str) -> Any:
        return self.hear("entry", lambda entry: entry["kind"] == kind)

    def so_far(self) -> list[tuple[str, Any]]:
        found = []
        while not self.heard.empty():
            found.append(self.heard.get())
        return found


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """A small house, so that it is soon full."""
    return settings.model_copy(update={"socket_limit": 6, "web_threads": 12})


@pytest.fixture
def url(app: Flask) -> Iterator[str]:
    live: Live = app.extensions["proctorhub.live"]
    live.start()
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    live.stop()
    server.shutdown()
    thread.join(PATIENCE_S)


@pytest.fixture
def connect(app: Flask, url: str) -> Iterator[Callable[..., Socket]]:
    opened: list[Socket] = []

    def open_socket(browser: Any) -> Socket:
        cookie = browser.http.get_cookie("proctorhub")
        socket = Socket(url, f"proctorhub={cookie.value}" if cookie else "")
        opened.append(socket)
        return socket

    yield open_socket
    # The server closes: this client waits three seconds for the other side when it closes itself.
    app.extensions["proctorhub.live"].stop()
    for socket in opened:
        assert socket.gone.wait(PATIENCE_S)


def test_a_line_reaches_the_other_side(connect, sitting, candidate, proctor):
    sitting.until("waiting")
    mine, theirs = connect(candidate), connect(proctor)
    for socket in (mine, theirs):
        assert socket.ask("watch_session", {"session_id": sitting.id}) == {"ok": True}
    for writer, reader, words in ((candidate, theirs, "Hello?"), (proctor, mine, "Hello!")):
        writer.must("POST", f"/sessions/{sitting.id}/chat", {"text": words})
        heard = reader.hear("entry", lambda entry, w=words: entry["data"] == {"text": w})
        assert heard["session_id"] == sitting.id
        assert heard["at"].endswith("Z")


def test_what_another_process_does_arrives(connect, sitting, proctor):
    sitting.until("waiting")
    socket = connect(proctor)
    socket.ask("watch_session", {"session_id": sitting.id})
    proctoring.note(_actor(proctor), sitting.id, "written elsewhere")
    assert socket.hear_kind("note")["data"] == {"text": "written elsewhere"}


def test_the_candidate_does_not_hear_notes_and_identity(connect, sitting, candidate, proctor):
    sitting.until("identifying")
    mine, theirs = connect(candidate), connect(proctor)
    for socket in (mine, theirs):
        socket.ask("watch_session", {"session_id": sitting.id})
    sitting.theirs("notes", {"text": "nervous"})
    sitting.to_admitted()
    sitting.theirs("chat", {"text": "Good luck."})
    heard = theirs.hear("session", lambda view: view["state"] == "admitted")
    assert heard["identity"]["face_still"]
    for socket in (mine, theirs):
        socket.hear_kind("chat")
    kinds = {"note", "still.taken", "identity.approved"}
    assert {data["kind"] for name, data in theirs.everything if name == "entry"} & kinds
    assert not {data["kind"] for name, data in mine.everything if name == "entry"} & kinds
    views = [data for name, data in mine.everything if name == "session"]
    assert views
    assert not any("face_still" in (view["identity"] or {}) for view in views)


def test_the_address_of_the_exam_comes_with_admission(connect, sitting, candidate):
    sitting.until("identifying")
    socket = connect(candidate)
    socket.ask("watch_own")
    sitting.to_admitted()
    admitted = socket.hear("session", lambda view: view["state"] == "admitted")
    assert admitted["exam"]["url"] == "https://lms.example/exam"


def test_the_table_of_the_day(connect, candidate, proctor, person, admin, exam):
    tables = {name: connect(browser) for name, browser in (("own", proctor), ("all", admin))}
    tables["other"] = connect(person("pia", "proctor"))
    for socket in tables.values():
        assert socket.ask("watch_day") == {"ok": True}
    joined = candidate.must("POST", "/sessions", {"exam_id": exam["id"]})["session_id"]
    for socket in tables.values():
        assert socket.hear("session")["id"] == joined
    proctor.must("POST", f"/sessions/{joined}/take", {})
    for socket in tables.values():
        assert socket.hear("session", lambda view: view["proctor"])["proctor"]["name"] == "Paul"
    text = candidate.must("GET", "/consent")
    agreed = {"version": text["version"], "sha256": text["sha256"]}
    candidate.must("POST", f"/sessions/{joined}/consent", agreed)
    candidate.must("POST", f"/sessions/{joined}/check-in", {})
    for name in ("own", "all"):
        tables[name].hear("session", lambda view: view["state"] == "checked_in")
    assert tables["other"].so_far() == []


def test_a_watcher_is_shown_out_when_another_takes_the_session(
    connect, candidate, proctor, person, exam
):
    joined = candidate.must("POST", "/sessions", {"exam_id": exam["id"]})["session_id"]
    other = connect(person("pia", "proctor"))
    assert other.ask("watch_session", {"session_id": joined}) == {"ok": True}
    own = connect(proctor)
    own.ask("watch_session", {"session_id": joined})
    proctor.must("POST", f"/sessions/{joined}/take", {})
    own.hear_kind("proctor.assigned")
    other.so_far()
    text = candidate.must("GET", "/consent")
    agreed = {"version": text["version"], "sha256": text["sha256"]}
    candidate.must("POST", f"/sessions/{joined}/consent", agreed)
    own.hear_kind("consent.given")
    assert [data for name, data in other.so_far() if name == "entry"] == []
    assert other.ask("watch_session", {"session_id": joined})["status"] == 404


def test_nobody_watches_what_is_not_theirs(connect, sitting, person):
    eve = connect(person("eve", "candidate"))
    far = connect(person("far", "admin", at="elsewhere"))
    for socket in (eve, far):
        refused = socket.ask("watch_session", {"session_id": sitting.id})
        assert (refused["status"], refused["code"]) == (404, "not_found")
    assert eve.ask("watch_day")["status"] == 403
    sitting.until("waiting")
    assert eve.so_far() == far.so_far() == []


def test_nothing_comes_after_leaving(connect, sitting, proctor):
    sitting.until("waiting")
    socket = connect(proctor)
    socket.ask("watch_session", {"session_id": sitting.id})
    sitting.mine("chat", {"text": "one"})
    socket.hear_kind("chat")
    assert socket.ask("leave_session", {"session_id": sitting.id}) == {"ok": True}
    staying = connect(proctor)
    staying.ask("watch_session", {"session_id": sitting.id})
    sitting.mine("chat", {"text": "two"})
    staying.hear_kind("chat")
    assert socket.so_far() == []


def test_garbage_gets_a_problem(connect, candidate):
    socket = connect(candidate)
    for data in (None, 7, "x", [], {"session_id": None}, {"session_id": {}}, {"a": 1}):
        answer = socket.io.call("watch_session", data, timeout=PATIENCE_S)
        assert (answer["status"], answer["code"]) == (400, "invalid"), data


def test_too_many_events_are_refused(connect, candidate):
    socket = connect(candidate)
    answers = [socket.ask("watch_own") for _ in range(60)]
    assert answers[0] == {"ok": True}
    assert answers[-1]["status"] == 429


def test_changed_exams_are_news(connect, candidate, admin, exam, proctor):
    socket = connect(candidate)
    socket.ask("watch_own")
    admin.must("PATCH", f"/exams/{exam['id']}", {"title": "Another"})
    assert socket.hear("exam") == {"id": exam["id"]}


def handshake(url: str, browser: Any, origin: str | None = None) -> websocket.WebSocket:
    cookie = browser.http.get_cookie("proctorhub")
    return websocket.create_connection(
        url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket",
        cookie=f"proctorhub={cookie.value}" if cookie else "",
        origin=origin or url,
        timeout=PATIENCE_S,
    )


def test_strangers_and_foreign_pages_are_kept_out(url, anonymous, candidate):
    for browser, origin, status in (
        (anonymous, None, 401),
        (candidate, "https://evil.example", 400),
    ):
        with pytest.raises(websocket.WebSocketBadStatusException) as refused:
            handshake(url, browser, origin)
        assert refused.value.status_code == status
    handshake(url, candidate).close(timeout=0)


def test_there_is_no_polling(url, candidate):
    cookie = candidate.http.get_cookie("proctorhub").value
    answer = requests.get(
        f"{url}/socket.io/?EIO=4&transport=polling", cookies={"proctorhub": cookie}, timeout=5
    )
    assert answer.status_code == 400


def test_a_full_house_says_so_and_still_answers_requests(connect, url, app, person):
    live: Live = app.extensions["proctorhub.live"]
    people = [person(f"c{n}", "candidate") for n in range(live.gate.limit + 1)]
    sockets = [connect(browser) for browser in people[:-1]]
    refused: list[Any] = []
    with pytest.raises(socketio.exceptions.ConnectionError):
        last = Socket.__new__(Socket)
        last._refused = refused.append  # type: ignore[method-assign]
        cookie = people[-1].http.get_cookie("proctorhub").value
        Socket.__init__(last, url, f"proctorhub={cookie}; lang=ru")
    assert refused[0]["data"] == {"code": "sockets_full"}
    assert refused[0]["message"].startswith("Сервер держит столько")
    assert requests.get(f"{url}/healthz", timeout=PATIENCE_S).status_code == 200
    hang_up(live.socketio, sockets[0].io.sid)
    wait_for(lambda: live.gate.count < live.gate.limit)
    assert connect(people[-1]).ask("watch_own") == {"ok": True}


def test_changed_accounts_lose_their_sockets(connect, app, candidate, proctor, admin):
    closed, changed, same = connect(candidate), connect(proctor), connect(admin)
    User.objects(id=candidate.user_id).update_one(set__active=False)
    User.objects(id=proctor.user_id).update_one(set__roles=["candidate"])
    app.extensions["proctorhub.live"].housekeeping.close_changed_accounts()
    for socket in (closed, changed):
        assert socket.gone.wait(PATIENCE_S)
    assert same.ask("watch_day") == {"ok": True}


def test_an_open_socket_of_a_closed_account_may_ask_nothing(connect, candidate):
    socket = connect(candidate)
    User.objects(id=candidate.user_id).update_one(set__active=False)
    assert socket.ask("watch_own")["status"] == 401
    assert socket.gone.wait(PATIENCE_S)


def test_a_one_time_password_opens_no_socket(url, candidate):
    User.objects(id=candidate.user_id).update_one(set__must_change_password=True)
    with pytest.raises(websocket.WebSocketBadStatusException):
        handshake(url, candidate)


def test_a_message_is_cut_off_before_it_fills_the_memory(url, candidate):
    raw = handshake(url, candidate)
    raw.recv()
    part = websocket.ABNF.create_frame("x" * 8000, websocket.ABNF.OPCODE_TEXT, fin=0)
    raw.send_frame(part)
    more = websocket.ABNF.create_frame("x" * 8000, websocket.ABNF.OPCODE_CONT, fin=0)
    raw.send_frame(more)
    raw.send_frame(more)
    opcode, _ = raw.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE


def test_sockets_that_never_say_hello_are_closed(url, app, candidate):
    live: Live = app.extensions["proctorhub.live"]
    raw = handshake(url, candidate)
    wait_for(lambda: live.gate.count == 1)
    live.housekeeping.close_silent()
    live.housekeeping.close_silent()
    wait_for(lambda: live.gate.count == 0)
    raw.close(timeout=0)


def follow(url: str, browser: Any, **query: str) -> requests.Response:
    cookie = browser.http.get_cookie("proctorhub")
    cookies = {"proctorhub": cookie.value} if cookie else {}
    response = requests.get(
        f"{url}/api/v1/proctoring/live",
        params=query,
        headers=browser.headers,
        cookies=cookies,
        stream=True,
        timeout=PATIENCE_S,
    )
    assert response.headers["Content-Type"].startswith("text/event-stream")
    return response


def test_server_sent_events(url, app, sitting, candidate, person, machine, exam):
    sitting.until("waiting")
    live: Live = app.extensions["proctorhub.live"]
    pia, ben = person("pia", "proctor"), person("ben", "candidate")
    with follow(url, machine) as everything, follow(url, pia) as hers:
        assert live.gate.count == 2
        chat.say(_actor(candidate), sitting.id, "May I come in?")
        untaken = ben.must("POST", "/sessions", {"exam_id": exam["id"]})["session_id"]
        heard = {}
        for name, stream in (("all", everything), ("hers", hers)):
            heard[name] = []
            for line in stream.iter_lines(decode_unicode=True):
                heard[name].append(line)
                if untaken in line:
                    break
        assert heard["all"][0] == heard["hers"][0] == ": following"
        assert "event: entry" in heard["all"]
        assert any("May I come in?" in line for line in heard["all"])
        assert not any(sitting.id in line for line in heard["hers"])
    live.follower.stop()
    wait_for(lambda: live.gate.count == 0)


def test_a_flag_and_a_page_that_is_there(connect, sitting, candidate, proctor):
    """The grid hears of a flag at once; the page's pulse is noted."""
    sitting.until("running")
    mine, theirs = connect(candidate), connect(proctor)
    mine.ask("watch_session", {"session_id": sitting.id})
    assert theirs.ask("watch_day") == {"ok": True}
    assert mine.ask("page_alive", {"session_id": sitting.id}) == {"ok": True}
    theirs.ask("page_alive", {"session_id": sitting.id})
    signal = {"kind": "tab_hidden", "at": rfc3339(utc_now())}
    sitting.mine("signals", {"signals": [signal]})
    flag = theirs.hear_kind("incident.opened")
    assert (flag["session_id"], flag["data"]["severity"]) == (sitting.id, "medium")
    assert not [e for e in mine.so_far() if "incident" in str(e)]
    wait_for(lambda: (Watch.objects(id=sitting.id).first() or Watch()).page_at_ms is not None)


def test_server_sent_events_of_grave_incidents_only(url, app, sitting, machine):
    sitting.until("running")
    live: Live = app.extensions["proctorhub.live"]
    with follow(url, machine, severity="medium") as grave:
        for kind in ("clipboard", "tab_hidden"):
            signal = {"kind": kind, "at": rfc3339(utc_now())}
            sitting.mine("signals", {"signals": [signal]})
        lines = grave.iter_lines(decode_unicode=True)
        told = next(line for line in lines if line.startswith("data: "))
        assert json.loads(told[6:])["data"]["detector"] == "tab_hidden"
    live.follower.stop()
    wait_for(lambda: live.gate.count == 0)


def _actor(browser: Any) -> Any:
    return accounts.actor_for(browser.user_id)
