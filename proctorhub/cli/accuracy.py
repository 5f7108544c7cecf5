"""`proctorhub accuracy`: how right the flags are, by a site's own labelled sessions."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from proctorhub import config, logs


@click.command()
@click.argument("labels", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def accuracy(labels: Path, as_json: bool) -> None:
    """Compare flags with sessions that people have looked through.

    LABELS is a CSV file with the columns session, detector, start, end and, if groups are to be
    compared, group. Exits with 1 when it cannot be used.
    """
    from proctorhub.domain.labels import WrongLabel, read
    from proctorhub.services import measuring, runtime

    settings = config.load()
    logs.setup(settings.log_level, "cli")
    try:
        with labels.open(encoding="utf-8-sig", newline="") as lines:
            wanted = read(lines)
        runtime.start(settings)
        try:
            found = measuring.measure(wanted)
        finally:
            runtime.stop()
    except (WrongLabel, UnicodeDecodeError) as error:
        click.echo(f"proctorhub: {labels}: {error}", err=True)
        sys.exit(1)
    if as_json:
        click.echo(json.dumps(found))
        return
    _print("all", found["all"])
    for name, figures in found["groups"].items():
        _print(f"group {name}", figures)
    click.echo("Intervals are exact 95 % ones and take events for independent.")


def _print(title: str, figures: dict[str, Any]) -> None:
    click.echo(f"{title}: {figures['sessions']} sessions, {figures['hours']:g} h")
    rows = [("detector", "false flags per hour", "recall")]
    rows.append(("(any)", _rate(figures["false_flags"]), _share(figures["recall"])))
    for name, one in figures["detectors"].items():
        rows.append((name, _rate(one["false_flags"]), _share(one["recall"])))
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  " + "  ".join(cells).rstrip())
    with_false = figures["sessions_with_false_flags"]
    click.echo(f"  sessions with a false flag: {_share(with_false)}")


def _rate(rate: dict[str, Any]) -> str:
    if rate["per_hour"] is None:
        return "not known"
    low, high = rate["interval_95"]
    return f"{rate['per_hour']:.2f} ({low:.2f}–{high:.2f}; {rate['count']})"


def _share(share: dict[str, Any]) -> str:
    if share["share"] is None:
        return "nothing labelled"
    low, high = share["interval_95"]
    return f"{share['share']:.0%} ({low:.0%}–{high:.0%}; {share['count']} of {share['of']})"
