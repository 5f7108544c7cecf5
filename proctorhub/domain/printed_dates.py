"""Dates printed on identity documents: ICAO Doc 9303 part 3, section 3.5, and plain figures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import date

#: A part of a document's date is never before this.
_FIRST_YEAR = 1900
_FIGURES = re.compile(r"(?<!\d)(\d{1,4})\s?[./-]\s?(\d{1,2})\s?[./-]\s?(\d{1,4})(?!\d)")
#: `12 JUL/JUIL 1974`: the month in one language or two; OCR loses the spaces.
_NAMED = re.compile(
    r"(?<!\d)(\d{1,2})\s*([A-Z]{3,9})\.?\s*(?:/\s*[A-Z]{3,10}\.?\s*)?(\d{4}|\d{2})(?!\d)"
)
#: English, French and Spanish, of which the standard wants one; the first letters tell them apart.
_MONTHS = (
    ("JAN", "ENE"), ("FEB", "FEV"), ("MAR",), ("APR", "AVR", "ABR"), ("MAY", "MAI"),
    ("JUN", "JUIN"), ("JUL", "JUIL"), ("AUG", "AOU", "AGO"), ("SEP", "SET"), ("OCT",),
    ("NOV",), ("DEC", "DIC"),
)  # fmt: skip
_ACCENTS = str.maketrans("ÉÈÛÙ", "EEUU")


def yymmdd(day: date) -> str:
    """Return a date as a machine-readable zone has it."""
    return day.strftime("%y%m%d")


def find(lines: Iterable[str]) -> Iterator[tuple[str, date | None]]:
    """Yield each date as `YYMMDD`, and whole where its year has four figures.

    Where day and month may be swapped both readings come.
    """
    for line in lines:
        text = line.upper().translate(_ACCENTS)
        for first, second, third in _FIGURES.findall(text):
            if len(first) == 4:
                yield from _read(first, second, third)
            else:
                yield from _read(third, second, first)
                yield from _read(third, first, second)
        for day, name, year in _NAMED.findall(text):
            month = next(
                (n for n, starts in enumerate(_MONTHS, 1) if name.startswith(starts)), None
            )
            if month is not None:
                yield from _read(year, str(month), day)


def _read(year: str, month: str, day: str) -> Iterator[tuple[str, date | None]]:
    whole = len(year) == 4
    try:
        found = date(int(year) if whole else 2000 + int(year), int(month), int(day))
    except ValueError:
        return
    if len(year) == 2:
        yield yymmdd(found), None
    elif whole and found.year >= _FIRST_YEAR:
        yield yymmdd(found), found
