"""What the lines of an identity document say: name, number, dates; from its zone if it has one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from proctorhub.domain import mrz, names, printed_dates

#: A document's number where there is no zone. Beside its label it may be short, as on cards of
#: universities, or have few digits: passports and identity cards number in letters and digits
#: mixed, two digits among nine characters are not rare.
_LABELLED = re.compile(r"(?=(?:\D*\d){2})[A-Z0-9]{5,14}")
#: Without a label it needs more digits, so that no word is taken for one, or the nine characters
#: that a zone has room for (ICAO Doc 9303 part 3, 4.2.2).
_UNLABELLED = re.compile(r"(?=(?:\D*\d){4})[A-Z0-9]{6,14}|(?=(?:\D*\d){2})[A-Z0-9]{9}")
#: Dates, and what cards are valid until: a month or an academic year.
_DATE = re.compile(r"\b(\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{1,2}/\d{4}|\d{4}/\d{2,4})\b")
#: Whose age a date of birth is taken to mean, years; less than a century, so that one at most fits.
_AGES = range(10, 106)
#: What every passport is called on its page, beside the issuer's own word (ICAO Doc 9303 part 4,
#: 4.1.1.1): it has a zone.
_PASSPORT = re.compile(r"PASSPORT|PASSEPORT|PASAPORTE")
_LABEL = re.compile(
    r"\b(no|nr|num|number|numero|número|numéro|id)\b|nummer\b|n[°º]|№|номер", re.IGNORECASE
)


@dataclass(frozen=True)
class Reading:
    """What was read; dates are ISO 8601, and None where there is no zone that holds them.

    A date of birth whose century cannot be told has two figures of the year. `confirmed`: the print
    outside the zone says the same as the zone in everything that is taken from it. `zone_unread`:
    there is a zone, or has to be one, that could not be read, so that no check digit speaks.
    """

    name: names.Comparison
    number: str | None
    birth_date: str | None
    expiry_date: str | None
    zone: mrz.Mrz | None
    confirmed: bool = False
    zone_unread: bool = False


def read(profile_name: str, lines: Sequence[str], today: date) -> Reading:
    """Return what lines from top to bottom say, and whether they bear the profile's name."""
    zone = mrz.find(lines)
    if zone is None:
        found = names.compare_text(profile_name, lines)
        unread = _is_passport(lines) or mrz.leaves_traces(lines)
        return Reading(found, printed_number(lines), None, None, None, zone_unread=unread)
    outside = [*lines[: zone.at[0]], *lines[zone.at[1] + 1 :]]
    dates = list(printed_dates.find(outside))
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
        birth_date(zone.birth_date, dates, today) if held["birth_date"] else None,
        expires.isoformat() if expires else None,
        zone,
        confirmed=names.compare_text(profile_name, outside).match is names.Match.SAME
        and _printed(zone.number, outside)
        and {zone.birth_date, zone.expiry_date} <= {text for text, _ in dates},
    )


def _is_passport(lines: Sequence[str]) -> bool:
    return any(_PASSPORT.search(re.sub(r"[^A-Z]", "", line.upper())) for line in lines)


def printed_number(lines: Sequence[str]) -> str | None:
    """Return what is most likely the document's number: beside its label, or else the longest."""
    labelled: list[str] = []
    others: list[str] = []
    for place, line in enumerate(lines):
        beside = _LABEL.search(line) or (place and _LABEL.search(lines[place - 1]))
        words = _DATE.sub(" ", line).upper().split()
        for word in words:
            text = re.sub(r"[^A-Z0-9]", "", word)
            if beside and _LABELLED.fullmatch(text):
                labelled.append(text)
            elif _UNLABELLED.fullmatch(text):
                others.append(text)
    found = labelled or others
    return max(found, key=len) if found else None


def birth_date(digits: str, printed: Sequence[tuple[str, date | None]], today: date) -> str:
    """Return a zone's date of birth with its century, which ICAO Doc 9303 does not have it tell.

    It is that of the same date as printed in full; without one, that which makes the holder 10 to
    105 years old. Where neither tells, or a part of the date is unknown, it stays as in the zone.
    """
    as_printed = {day for text, day in printed if text == digits and day and day <= today}
    plausible = {
        day
        for century in (1900, 2000)
        if (day := mrz.day(digits, century)) and _age(day, today) in _AGES
    }
    for days in (as_printed, plausible):
        if len(days) == 1:
            return days.pop().isoformat()
    return f"{digits[0:2]}-{digits[2:4]}-{digits[4:6]}"


def _age(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _printed(number: str, lines: Sequence[str]) -> bool:
    """Tell whether a line shows this number, be it in groups."""
    for line in lines:
        words = [re.sub(r"[^A-Z0-9]", "", word) for word in line.upper().split()]
        for start in range(len(words)):
            for end in range(start + 1, len(words) + 1):
                if number and "".join(words[start:end]) == number:
                    return True
    return False
