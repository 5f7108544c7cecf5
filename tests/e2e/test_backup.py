"""A platform in use is backed up, and comes back on another machine."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import requests

from proctorhub.cli.rehearsal import house

pytestmark = pytest.mark.e2e


def run(*words: str) -> str:
    command = [sys.executable, "-m", "proctorhub", *words]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def api(at: house.House, method: str, path: str, body: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {at.token}"}
    url = f"{at.url}/api/v1{path}"
    answer = requests.request(method, url, json=body, headers=headers, timeout=30)
    answer.raise_for_status()
    return answer.json()


class Busy(threading.Thread):
    """Somebody who makes one account after the other; `done` are those that were acknowledged."""

    def __init__(self, at: house.House) -> None:
        super().__init__()
        self.at = at
        self.done: list[str] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            login = f"student-{len(self.done)}"
            body = {"login": login, "name": login, "roles": ["candidate"], "password": "p" * 16}
            api(self.at, "POST", "/users", body)
            self.done.append(login)


def test_a_platform_in_use_comes_back_from_its_backup(tmp_path: Path) -> None:
    data, backups, new = tmp_path / "old", tmp_path / "backups", tmp_path / "new"
    with house.started(data) as old:
        where = ("--url", old.url, "--token", old.token)
        outcome = json.loads(run("rehearse", "--minutes", "0.1", "--json", *where).splitlines()[-1])
        assert outcome["ok"], outcome
        (session,) = api(old, "GET", "/sessions?state=concluded")["items"]
        report = api(old, "GET", f"/sessions/{session['id']}/report")
        log = api(old, "GET", f"/sessions/{session['id']}/log")["items"]
        busy = Busy(old)
        busy.start()
        try:
            while len(busy.done) < 3:
                busy.stopped.wait(0.05)
            acknowledged = list(busy.done)
            printed = run("backup", str(backups), "--data", str(data))
        finally:
            busy.stopped.set()
            busy.join()
        assert len(busy.done) > len(acknowledged)
        (folder,) = backups.iterdir()
        assert printed.startswith(f"{folder}\n")
        run("restore", str(folder), "--data", str(new))
    with house.started(new) as again:
        logins = {user["login"] for user in api(again, "GET", "/users")["items"]}
        assert set(acknowledged) <= logins
        restored = api(again, "GET", f"/sessions/{session['id']}/report")
        assert report["log"]["intact"] and restored["log"]["intact"]
        # Reading is evidence too, and adds to the log; what was there stays.
        restored_log = api(again, "GET", f"/sessions/{session['id']}/log")["items"]
        assert restored_log[: len(log)] == log
        assert [source["bytes"] for source in restored["sources"]] == [
            source["bytes"] for source in report["sources"]
        ]
        for source in restored["sources"]:
            recording = requests.get(
                again.url + source["url"],
                headers={"Authorization": f"Bearer {again.token}"},
                timeout=30,
            )
            assert recording.ok
            assert len(recording.content) > 10_000
