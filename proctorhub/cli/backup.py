"""`proctorhub backup` and `proctorhub restore`: everything a site needs to come back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from proctorhub import config


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--data", "data_dir", type=click.Path(path_type=Path), help="Data folder (./var).")
@click.option(
    "--without-recordings",
    is_flag=True,
    help="Leave out recordings that are kept otherwise.",
)
def backup(folder: Path, data_dir: Path | None, without_recordings: bool) -> None:
    """Back up to a new folder inside FOLDER, while ProctorHub runs or not."""
    from proctorhub.services import backup as service

    settings = config.load(data_dir=data_dir)
    if settings.mongodb_uri:
        name = settings.mongodb_name
        click.echo(
            "The records are in MongoDB and not part of this backup. Before each one, run:\n"
            f'  mongodump --uri "$PROCTORHUB_MONGODB_URI" --db {name} --gzip --archive={name}.gz'
        )
    try:
        made, manifest = service.make(settings, folder, recordings=not without_recordings)
    except service.BackupError as error:
        _fail(str(error))
    click.echo(f"{made}")
    click.echo(
        f"{len(manifest.files)} files, {manifest.size / 1e6:.1f} MB; recordings: "
        f"{manifest.recordings}, {manifest.linked} shared with the backup before"
    )
    if manifest.damaged:
        listed = ", ".join(manifest.damaged[:5])
        _fail(f"complete, but {len(manifest.damaged)} recordings are damaged: {listed}")


@click.command()
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--data", "data_dir", type=click.Path(path_type=Path), help="Data folder (./var).")
@click.option("--check", is_flag=True, help="Only check the backup; restore nothing.")
def restore(source: Path, data_dir: Path | None, check: bool) -> None:
    """Restore the backup SOURCE into an empty data folder."""
    from proctorhub.services import backup as service

    settings = config.load(data_dir=data_dir)
    try:
        manifest = service.verify(source) if check else service.restore(settings, source)
    except service.BackupError as error:
        _fail(str(error))
    if check:
        click.echo(f"{source} is whole: {len(manifest.files)} files")
        return
    click.echo(f"Restored {len(manifest.files)} files of {manifest.made_at} to {settings.path()}")
    if manifest.records == "mongodb":
        name = settings.mongodb_name
        click.echo(
            "The records are in MongoDB. Restore what mongodump wrote:\n"
            f'  mongorestore --uri "$PROCTORHUB_MONGODB_URI" --gzip --archive={name}.gz'
        )
    if manifest.recordings != "included":
        click.echo(f"The recordings are not in it: {manifest.recordings}")
    if manifest.settings:
        click.echo(f"These settings were set then: {', '.join(manifest.settings)}")


def _fail(reason: str) -> NoReturn:
    click.echo(f"proctorhub: {reason}", err=True)
    sys.exit(1)
