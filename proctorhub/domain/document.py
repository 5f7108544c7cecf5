"""What the lines of an identity document say: name, number, dates; from its zone if it has one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from proctorhub.domain import mrz, names

#: A document's number where there is no zone: so many characters, most of them digits.
_NUMBER = re.compile(r"(?=(?:\D*\d){4})[A-Z0-9]{6,14}")
_DATE = re.compile(r"\b\d{1,4}[./-]\d{1,2}[./-]\d{1,4}\b")
_LABEL = re.compile(r"\b(no|nr|num|number|numero|numéro|nummer|id)\b|№|номер", re.IGNORECASE)


@dataclass(frozen=True)
class Reading:
    """What was read; dates are ISO 8601, and None where there is no zone that holds them."""

    name: names.Comparison
    number: str | None
    birth_date: str | None
    expiry_date: str | None
    zone: mrz.Mrz | None


def read(profile_name: str, lines: Sequence[str]) -> Reading:
    """Return what lines from top to bottom say, and whether they bear the profile's name."""
    zone = mrz.find(lines)
    if zone is None:
        found = names.compare_text(profile_name, lines)
        return Reading(found, printed_number(lines), None, None, None)
    held = dict(zone.checks)
    name = names.compare(profile_name, zone.surname, zone.given_names)
    printed = names.compare_text(profile_name, lines)
    if name.match is names.Match.DIFFERENT and printed.match is names.Match.SAME:
        # Names in a zone carry no check digit: it contradicts what is printed above it.
        name = names.Comparison(names.Match.UNSURE, name.score, name.read)
    expires = zone.expires() if held["expiry_date"] else None
    return Reading(
        name,
        zone.number if held["number"] and zone.number else None,
        _birth(zone.birth_date) if held["birth_date"] else None,
        expires.isoformat() if expires else None,
        zone,
    )


def printed_number(lines: Sequence[str]) -> str | None:
    """Return what is most likely the document's number: beside its label, or else the longest."""
    labelled: list[str] = []
    others: list[str] = []
    for place, line in enumerate(lines):
        beside = _LABEL.search(line) or (place and _LABEL.search(lines[place - 1]))
        words = _DATE.sub(" ", line).upper().split()
        for word in words:
            text = re.sub(r"[^A-Z0-9]", "", word)
            if _NUMBER.fullmatch(text):
                (labelled if beside else others).append(text)
    found = labelled or others
    return max(found, key=len) if found else None


def _birth(digits: str) -> str:
    """Return a zone's date of birth as it is printed: its century is not told."""
    return f"{digits[0:2]}-{digits[2:4]}-{digits[4:6]}"
