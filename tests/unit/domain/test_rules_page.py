"""docs/rules.md shows the table of rules as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from proctorhub.domain.incident_rules import RULES, RULES_VERSION
from proctorhub.domain.incident_terms import Detector, Mode, Rule

PAGE = (Path(__file__).parents[3] / "docs" / "rules.md").read_text()
SIGNS = {"above": "≥", "below": "<", "beyond": "±"}


def confirmation(rule: Rule) -> str:
    if rule.mode is Mode.EVENT:
        return "at once"
    if rule.mode is Mode.SUM:
        return f"within {rule.window_ms / 1000:g} s"
    if rule.mode is Mode.LEVEL:
        return f"{rule.min_ms / 1000:g} s" if rule.min_ms else "at once"
    length = f", {rule.min_ms / 1000:g} s" if rule.min_ms else ""
    return f"{rule.looks} looks{length}" + (", burst" if rule.burst else "")


def row(detector: Detector) -> str:
    rule = RULES[detector]
    values = "; ".join(
        f"{c.value.value} {SIGNS[c.sense.value]} {c.enter:g} ({c.leave:g})" for c in rule.criteria
    )
    grows = "".join(f", {severity.value} from {at / 1000:g} s" for at, severity in rule.grows)
    cells = (
        f"`{detector.value}`",
        values,
        confirmation(rule),
        f"{rule.merge_ms / 1000:g} s",
        rule.severity.value + grows,
        str(rule.weight),
    )
    return f"| {' | '.join(cells)} |"


@pytest.mark.parametrize("detector", Detector)
def test_every_row_is_there(detector):
    assert row(detector) in PAGE.splitlines()


def test_the_version_is_named():
    assert f"Version `{RULES_VERSION}`" in PAGE
