"""`proctorhub reanalyse`: a session's incidents found again from its evidence."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

import click

from proctorhub import config, logs

#: Differences that are printed for people; JSON has them all.
SHOWN = 20
SAME, DIFFERENT, FAILED = 0, 1, 2


@click.command()
@click.argument("session_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--rules-only", is_flag=True, help="Judge the journal again, without looking at the recording."
)
def reanalyse(session_id: str, as_json: bool, rules_only: bool) -> None:
    """Find a session's incidents again, and look at its recording again.

    The journal's looks go through the rules, and the recorded frames through the models.
    Exits with 0 when everything is as it was, 1 when something is different, 2 when there is no
    such session.
    """
    from proctorhub.services import rejudging, runtime
    from proctorhub.services.errors import NotFound

    settings = config.load()
    logs.setup(settings.log_level, "cli")
    runtime.start(settings)
    try:
        judged = asdict(rejudging.rejudge(session_id))
        looked = None if rules_only else _look_again(settings, session_id)
    except NotFound as error:
        click.echo(f"proctorhub: {error.message}", err=True)
        sys.exit(FAILED)
    finally:
        runtime.stop()
    different = bool(judged["differences"] or (looked and looked["differences"]))
    found = {"session_id": session_id, "same": not different, "rules": judged, "looks": looked}
    if as_json:
        click.echo(json.dumps(found))
    else:
        _print(found)
    sys.exit(DIFFERENT if different else SAME)


def _look_again(settings: config.Settings, session_id: str) -> dict[str, Any]:
    from proctorhub.vision import composition, reanalysis

    return asdict(reanalysis.look_again(session_id, composition.compose(settings)))


def _print(found: dict[str, Any]) -> None:
    rules, looks = found["rules"], found["looks"]
    then = ", ".join(rules["rules_then"]) or "none"
    click.echo(
        f"{rules['incidents']} incidents from {rules['looks']} looks; "
        f"rules then {then}, now {rules['rules_now']}"
    )
    _print_differences(rules["differences"])
    if looks is not None:
        click.echo(
            f"{looks['looks']} frames and seconds looked at again, "
            f"{looks['missing']} are not in the recording"
        )
        _print_differences(looks["differences"])
    click.echo("everything is as it was" if found["same"] else "there are differences")


def _print_differences(differences: list[dict[str, Any]]) -> None:
    for one in differences[:SHOWN]:
        click.echo(f"  {one['what']}: then {_short(one['then'])}, now {_short(one['now'])}")
    if len(differences) > SHOWN:
        click.echo(f"  and {len(differences) - SHOWN} more (--json has them all)")


def _short(value: Any) -> str:
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= 160 else text[:157] + "…"
