"""`proctorhub node`: the media nodes of this installation, for the operator at the machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from proctorhub import config, logs

_COLUMNS = ("id", "state", "placed", "limit", "cpu", "lag_ms", "sources", "viewers", "waiting")


@click.group()
def node() -> None:
    """Media nodes: how they are, and taking them out of service."""


@node.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_nodes(as_json: bool) -> None:
    """List the media nodes and their load."""
    from proctorhub.services import nodes

    found = _ask(lambda: nodes.overview(None))
    if as_json:
        click.echo(json.dumps(found, default=_text))
        return
    rows = [[*_COLUMNS, "url"], *([*_row(item), item["url"]] for item in found)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)))


@node.command()
@click.argument("node_id")
def drain(node_id: str) -> None:
    """Give a node no new sessions; those it has stay to their end."""
    _set_draining(node_id, True)


@node.command()
@click.argument("node_id")
def undrain(node_id: str) -> None:
    """Give a node new sessions again."""
    _set_draining(node_id, False)


@node.command()
@click.argument("node_id")
def forget(node_id: str) -> None:
    """Remove a dead node that will not come back."""
    from proctorhub.services import nodes

    _ask(lambda: nodes.forget(None, node_id))
    click.echo(f"{node_id} is forgotten")


def _set_draining(node_id: str, draining: bool) -> None:
    from proctorhub.services import nodes

    found = _ask(lambda: nodes.set_draining(None, node_id, draining))
    click.echo(f"{found['id']}: {_state(found)}, {found['placed']} sessions")


def _ask(question: Callable[[], Any]) -> Any:
    from proctorhub.services import runtime
    from proctorhub.services.errors import ServiceError

    settings = config.load()
    logs.setup(settings.log_level, "cli")
    runtime.start(settings)
    try:
        return question()
    except ServiceError as error:
        click.echo(f"proctorhub: {error.message}", err=True)
        sys.exit(1)
    finally:
        runtime.stop()


def _state(item: dict[str, Any]) -> str:
    if not item["alive"]:
        return "dead"
    if not item["takes_our_tickets"]:
        return "other ticket key"
    return "draining" if item["draining"] else "in service"


def _row(item: dict[str, Any]) -> list[str]:
    shown = {**item, "state": _state(item), "cpu": f"{item['cpu']:.0%}"}
    return [str(shown[name]) for name in _COLUMNS]


def _text(value: object) -> str:
    assert isinstance(value, datetime)
    return value.isoformat(timespec="milliseconds")
