"""The `proctorhub` command: one sub-command for each process and each thing an operator does."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from proctorhub import __version__, config, logs
from proctorhub.cli.accuracy import accuracy
from proctorhub.cli.backup import backup, restore
from proctorhub.cli.identity import identity
from proctorhub.cli.models import models
from proctorhub.cli.nodes import node
from proctorhub.cli.reanalyse import reanalyse
from proctorhub.plugins import PluginError


class _Group(click.Group):
    """Turns a wrong setting or plugin into one clear line."""

    def invoke(self, context: click.Context) -> object:
        try:
            return super().invoke(context)
        except (config.SettingsError, PluginError) as error:
            click.echo(f"proctorhub: {error}", err=True)
            sys.exit(1)


@click.group(cls=_Group)
@click.version_option(__version__)
def main() -> None:
    """ProctorHub: self-hosted proctoring of online exams."""


@main.command()
@click.option("--host", help="Address to listen on; 0.0.0.0 for other machines.")
@click.option("--port", type=int, help="Port for people (8000).")
@click.option("--media-port", type=int, help="Port for media (8001).")
@click.option("--data", "data_dir", type=click.Path(path_type=Path), help="Data folder (./var).")
@click.option(
    "--tls", is_flag=True, default=None, help="Serve HTTPS with a self-signed certificate."
)
def run(
    host: str | None,
    port: int | None,
    media_port: int | None,
    data_dir: Path | None,
    tls: bool | None,
) -> None:
    """Start everything on this machine."""
    from proctorhub.cli import running

    sys.exit(
        running.main(
            config.load(
                host=host,
                media_host=host,
                port=port,
                media_port=media_port,
                data_dir=data_dir,
                tls=tls,
            )
        )
    )


@main.command()
def web() -> None:
    """Start the web process alone."""
    from proctorhub.web import server

    settings = _process("web")
    server.main(settings)


@main.command()
def media() -> None:
    """Start the media node alone."""
    from proctorhub.media import node

    settings = _process("media")
    node.main(settings)


@main.command()
def vision() -> None:
    """Start a vision worker alone."""
    from proctorhub.frames.bus import BusError
    from proctorhub.vision import main as worker

    settings = _process("vision")
    try:
        worker.main(settings)
    except (BusError, OSError) as error:
        click.echo(f"proctorhub: vision worker: {error}", err=True)
        sys.exit(1)


@main.command()
def jobs() -> None:
    """Start the job runner alone."""
    from proctorhub.jobs import runner

    settings = _process("jobs")
    runner.main(settings)


@main.command()
@click.option("-n", "--sessions", type=click.IntRange(1, 200), default=1, show_default=True)
@click.option("--minutes", type=click.FloatRange(0.1, 600), default=0.5, show_default=True)
@click.option(
    "--json", "as_json", is_flag=True, help="End with one JSON object on standard output."
)
@click.option("--url", help="A running ProctorHub; without it one is started for the rehearsal.")
@click.option(
    "--token", envvar="PROCTORHUB_TEST_TOKEN", help="Administrator's API token for --url."
)
@click.option(
    "--data", "data_dir", type=click.Path(path_type=Path), help="Data folder of the one started."
)
def rehearse(
    sessions: int,
    minutes: float,
    as_json: bool,
    url: str | None,
    token: str | None,
    data_dir: Path | None,
) -> None:
    """Let synthetic candidates sit an exam through the real doors; say whether it all worked."""
    from proctorhub.cli.rehearsal import main as rehearsal

    sys.exit(rehearsal.main(sessions, minutes, as_json, url, token, data_dir))


@main.group()
def user() -> None:
    """Accounts of people."""


@user.command("reset-password")
@click.argument("login")
def reset_password(login: str) -> None:
    """Give an account a one-time password and print it."""
    from proctorhub.services import accounts, runtime

    runtime.start(_process("cli"))
    password = accounts.reset_password(login)
    if password is None:
        click.echo(f"proctorhub: there is no account {login!r}", err=True)
        sys.exit(1)
    click.echo(password)


main.add_command(identity)
main.add_command(models)
main.add_command(node)
main.add_command(accuracy)
main.add_command(backup)
main.add_command(restore)
main.add_command(reanalyse)


def _process(name: str) -> config.Settings:
    settings = config.load()
    logs.setup(settings.log_level, name)
    return settings
