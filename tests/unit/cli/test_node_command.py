"""`proctorhub node`, as an operator types it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from proctorhub.cli.main import main
from proctorhub.config import Settings
from proctorhub.domain.placement import Beat
from proctorhub.services import nodes, runtime


@pytest.fixture(autouse=True)
def installation(
    settings: Settings, database: runtime.Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    """One node that is alive, and an environment that leads to it."""
    tell(nodes.ticket_key()["sha256"])
    monkeypatch.setattr(nodes, "DEAD_AFTER_S", 600.0)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PROCTORHUB_DATA_DIR", str(settings.data_dir))
    monkeypatch.setenv("PROCTORHUB_MONGODB_URI", str(settings.mongodb_uri))
    monkeypatch.setenv("PROCTORHUB_MONGODB_NAME", settings.mongodb_name)


def tell(ticket_key: str) -> None:
    url = "https://a.example"
    nodes.heartbeat(Beat("a", url, False, ticket_key, 30, 0.125, 2, 3, 1, 0, 0, 0.0, 0, (), ()))


def proctorhub(*words: str) -> Result:
    return CliRunner().invoke(main, ["node", *words])


def test_list_shows_every_node() -> None:
    header, row = proctorhub("list").output.splitlines()
    assert header.split()[:4] == ["id", "state", "placed", "limit"]
    assert " ".join(row.split()) == "a in service 0 30 12% 2 3 1 0 https://a.example"
    (found,) = json.loads(proctorhub("list", "--json").output)
    assert (found["id"], found["alive"], found["cpu"]) == ("a", True, 0.125)


def test_list_tells_which_node_would_refuse_every_ticket() -> None:
    tell(ticket_key="")
    assert "other ticket key" in proctorhub("list").output
    assert not json.loads(proctorhub("list", "--json").output)[0]["takes_our_tickets"]


def test_drain_and_back() -> None:
    assert proctorhub("drain", "a").output == "a: draining, 0 sessions\n"
    assert "draining" in proctorhub("list").output
    assert proctorhub("undrain", "a").output == "a: in service, 0 sessions\n"


def test_what_cannot_be_done_is_one_line_and_status_1() -> None:
    for words, line in (
        (("drain", "b"), "proctorhub: There is no such media node."),
        (("forget", "a"), "proctorhub: This node is alive: stop it first."),
    ):
        result = proctorhub(*words)
        assert (result.exit_code, result.stderr.strip()) == (1, line)


def test_a_dead_node_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "DEAD_AFTER_S", 0.0)
    assert proctorhub("forget", "a").output == "a is forgotten\n"
    assert len(proctorhub("list").output.splitlines()) == 1
