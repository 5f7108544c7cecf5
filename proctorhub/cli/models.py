"""`proctorhub models`: packs of models that may not be distributed with ProctorHub."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

import click

from proctorhub import config, logs

KIND = "vision"  # of the plugins that models are for: their folder is where they look for them


@click.group()
def models() -> None:
    """Packs of models that an operator brings along."""


@models.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True))
@click.option(
    "--accept-licence",
    "accepted_by",
    metavar="NAME",
    help="Accept the licence in this person's name without being asked.",
)
def install(source: Path, accepted_by: str | None) -> None:
    """Install a downloaded pack, a ZIP file or a folder, once its licence is accepted."""
    from proctorhub.services import models as packs

    settings = config.load()
    logs.setup(settings.log_level, "cli")
    found = packs.recognise(source, packs.catalogue())
    click.echo(f"{found.pack.name} for {found.plugin}\n\n{found.pack.licence}")
    click.echo(f"{found.pack.licence_url}\n")
    if accepted_by is None:
        if not sys.stdin.isatty():
            raise click.UsageError("give --accept-licence NAME, or run this in a terminal")
        click.confirm("Does your use keep to this licence, and do you accept it?", abort=True)
        accepted_by = click.prompt("Your name, which is kept with the models")
    if not accepted_by.strip():
        raise click.UsageError("the name of who accepts the licence is empty")
    done = packs.install(found, settings.path(KIND), accepted_by.strip())
    click.echo(f"installed in {done.folder}")


@models.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_models(as_json: bool) -> None:
    """List the installed packs, and who accepted their licences."""
    from proctorhub.services import models as packs

    found = packs.installed(config.load().path(KIND), packs.catalogue())
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], default=str))
        return
    for one in found:
        record = one.record
        accepted = (
            f"licence accepted by {record['accepted_by']} at {record['accepted_at']}"
            if record
            else "nobody accepted the licence: not used"
        )
        click.echo(f"{one.plugin}  {one.pack}  {accepted}  {one.folder}")
