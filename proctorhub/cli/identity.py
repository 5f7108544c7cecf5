"""`proctorhub identity`: the signed records of identification by software."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from proctorhub import config
from proctorhub.domain import identity_record
from proctorhub.domain.identity_record import RecordError
from proctorhub.services import keys


@click.group()
def identity() -> None:
    """Signed records of identification."""


@identity.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--key",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="The public key (evidence.pub); without it, that of this installation.",
)
def verify(file: Path, key: Path | None) -> None:
    """Check the signature of a record, and print what it says. Needs neither database nor network.

    FILE is a record `{payload, key, signature}` as JSON: `details.record` of the identity answer,
    or `data.record` of a log entry `identity.recorded`.
    """
    known = key or keys.folder(config.load()) / keys.EVIDENCE_PUBLIC
    try:
        payload = identity_record.verify(known.read_text(), json.loads(file.read_bytes()))
    except (RecordError, ValueError, OSError) as error:
        click.echo(f"proctorhub: {error}", err=True)
        sys.exit(1)
    click.echo(json.dumps(payload, indent=2, ensure_ascii=False))
